"""Posters, covers and banners: bold grounds, objects, decorated lettering in few words, labels and small print."""

from __future__ import annotations

import numpy as np

from training.data import art, decoys, effects, numerals, words
from training.data.canvas import Block, Canvas
from training.data.lettering import fitted, horizontal, skewed, turned, vertical, waved, wrapped
from training.data.strokes import Picture, corners, polygon, ring_points
from training.data.studio import Studio, brightness
from training.data.tones import gradient
from training.data.writing import Writer

_DISPLAY = {"sfx": 0.4, "pop": 0.15, "deco": 0.15, "sans": 0.2, "serif": 0.1}


def poster(studio: Studio, size_px: int) -> Canvas:
    """A poster or a part of one."""
    dice = studio.dice
    canvas = Canvas(_ground(studio, size_px))
    writer = Writer(studio, canvas)
    decoys.scatter(studio, canvas, dice.weighted({0: 0.3, 1: 0.2, 2: 0.2, 4: 0.18, 8: 0.12}), decoys.PRINTED)
    for _ in range(dice.weighted({1: 0.4, 2: 0.4, 3: 0.2})):
        _headline(studio, canvas, writer)
    for _ in range(dice.whole(0, 3)):
        _label(studio, canvas, writer)
    for _ in range(dice.whole(0, 3)):
        _small_print(studio, canvas, writer)
    if dice.chance(0.25):
        numerals.number(writer)
    if dice.chance(0.15):
        writer.beads()
    if dice.chance(0.2):
        writer.credit()
    return canvas


def _ground(studio: Studio, size_px: int) -> Picture:
    """Colour fields, a gradient or a picture, with shapes and objects."""
    dice = studio.dice
    size_hw = (size_px, size_px)
    kind = dice.weighted({"plain": 0.25, "gradient": 0.25, "scene": 0.3, "panel": 0.2})
    if kind == "scene":
        picture = art.scene(studio, size_hw, photographic=True)
    elif kind == "panel":
        picture = art.panel(studio, size_hw)
    else:
        picture = studio.blank(size_hw, studio.colour()) if kind == "plain" else studio.fitted(gradient(dice, size_hw))
    for _ in range(dice.whole(0, 5)):
        centre, reach = dice.points(1, 0, size_px)[0], dice.log_between(30, size_px)
        sides = dice.pick([3, 4, 4, 4, 6, 40])
        outline = ring_points(centre, reach, reach * dice.between(0.3, 1), sides)
        if sides == 4:
            outline = corners(*(centre - reach), *(centre + reach * np.array([1, dice.between(-0.8, 1)])))
        polygon(picture, outline, studio.colour() if not studio.grey else dice.whole(0, 255))
    for _ in range(dice.weighted({0: 0.25, 1: 0.4, 2: 0.25, 4: 0.1})):
        art.stand_figure(studio, picture, size_px * dice.between(0.15, 0.8))
    return picture


def _headline(studio: Studio, canvas: Canvas, writer: Writer) -> None:
    """A few large words, decorated, with parts in other sizes and colours."""
    dice = studio.dice
    language = writer.language()
    face = writer.face(language, _DISPLAY)
    width = canvas.size_wh[0]
    giant = dice.chance(0.15)
    size = dice.log_between(130, 380) if giant else dice.log_between(22, 170)
    text = words.phrase(dice, face, dice.whole(2, 9)) if dice.chance(0.75) else words.name(dice, face)
    if language in {"ja", "zh"} and dice.chance(0.3):
        block = vertical(dice, face, size, text, rows=dice.whole(3, 8), pitch=dice.between(1.05, 1.3))
    else:
        lines = wrapped(face, size, text, width * dice.between(0.6, 1.1))[: 1 if giant else 4]
        track = size * dice.between(0, 0.2) if dice.chance(0.3) else 0.0
        block = horizontal(dice, face, size, lines, lead=dice.between(0.9, 1.3), tracking_px=track)
    block = fitted(block, (3.0 if giant else dice.between(0.6, 1.25)) * width)
    block = _styled(studio, block)
    spot = canvas.spot(dice, (block.alpha.shape[1], block.alpha.shape[0]), beyond=0.25)
    if spot is None:
        return
    dark = canvas.is_dark(spot, (block.alpha.shape[1], block.alpha.shape[0]))
    style = dice.weighted({effects.decorated: 0.6, effects.outlined: 0.2, effects.plain: 0.2})
    canvas.write_at(style(studio, block, on_dark=dark), spot, "poster")


def _styled(studio: Studio, block: Block) -> Block:
    dice = studio.dice
    if dice.chance(0.2):
        return skewed(dice, block, 0.1)
    if dice.chance(0.12):
        return waved(dice, block)
    return turned(block, dice.between(-12, 12)) if dice.chance(0.2) else block


def _label(studio: Studio, canvas: Canvas, writer: Writer) -> None:
    """A short text on a pill, a ribbon or a disc: a price, a date, a claim."""
    dice = studio.dice
    face = writer.face(writer.language(), _DISPLAY)
    size = dice.log_between(10, 54)
    block = fitted(horizontal(dice, face, size, [words.name(dice, face)]), 0.8 * canvas.size_wh[0])
    height, width = block.alpha.shape
    pad_x, pad_y = size * dice.between(0.4, 1), size * dice.between(0.2, 0.6)
    tag_w, tag_h = int(width + 2 * pad_x), int(height + 2 * pad_y)
    spot = canvas.spot(dice, (tag_w, tag_h), beyond=0.1)
    if spot is None:
        return
    alpha = np.zeros((tag_h, tag_w), np.uint8)
    middle, reach = np.array([tag_w, tag_h]) / 2, np.array([tag_w, tag_h]) / 2 - 1
    pill = (
        middle
        + np.sign(ring_points((0, 0), 1, 1, 60))
        * np.abs(ring_points((0, 0), 1, 1, 60)) ** dice.pick([0.15, 0.4])
        * reach
    )
    polygon(alpha, pill if dice.chance(0.7) else corners(0, 0, tag_w, tag_h), 255)
    colour = studio.colour() if dice.chance(0.6) else studio.white()
    canvas.draw(alpha, colour, spot[0] - tag_w / 2, spot[1] - tag_h / 2)
    canvas.write_at(effects.plain(studio, block, on_dark=brightness(colour) < 128), spot, "poster")


def _small_print(studio: Studio, canvas: Canvas, writer: Writer) -> None:
    """A few lines of body text."""
    dice = studio.dice
    face = writer.face(writer.language(), {"sans": 0.6, "serif": 0.2, "dlg": 0.2})
    size = dice.log_between(6, 20)
    width = canvas.size_wh[0] * dice.between(0.2, 0.9)
    lines = wrapped(face, size, words.prose(dice, face, dice.whole(15, 160)), width)[: dice.whole(1, 7)]
    block = horizontal(
        dice, face, size, lines, lead=dice.between(1.05, 1.5), align=dice.pick(["left", "centre", "right"])
    )
    spot = canvas.spot(dice, (block.alpha.shape[1], block.alpha.shape[0]), beyond=0.2)
    if spot is not None:
        dark = canvas.is_dark(spot, (block.alpha.shape[1], block.alpha.shape[0]))
        canvas.write_at(effects.plain(studio, block, on_dark=dark), spot, "poster")
