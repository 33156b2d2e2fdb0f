"""Pages and close-ups of manga and comics, and webtoon strips: panels, gutters, art, then letters."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from training.data import art, decoys, hand_lettering, numerals
from training.data.bubbles import draw_bubble
from training.data.canvas import Canvas
from training.data.dice import Dice
from training.data.strokes import Picture, corners, paint, polygon, polyline
from training.data.studio import Studio
from training.data.textures import LOOKALIKES, ink_texture
from training.data.tones import gradient
from training.data.writing import Writer

_DRAWN_SOUND_SHARE = 0.55
_CUT_SOUND_SHARE = 0.5
"""Share of pages whose sounds end at the border of their panel, as if they stood behind a window."""


def split_panels(dice: Dice, quad: np.ndarray, depth: int, gutter_px: float, least_px: float) -> list[np.ndarray]:
    """Cut a quad `(4, 2)` again and again into panels with gutters between them, some of them slanted."""
    upper_left, upper_right, lower_right, lower_left = quad
    width, height = np.linalg.norm(upper_right - upper_left), np.linalg.norm(lower_left - upper_left)
    if depth == 0 or max(width, height) < least_px * 1.6 or dice.chance(0.1):
        return [quad]
    slant = dice.bell(0, 0.06) if dice.chance(0.35) else 0.0
    cut = dice.between(0.3, 0.7)
    near, far = np.clip([cut + slant, cut - slant], 0.15, 0.85)
    if height * dice.between(0.75, 1.5) > width:
        gap = np.array([0, gutter_px / 2])
        left, right = upper_left + (lower_left - upper_left) * near, upper_right + (lower_right - upper_right) * far
        first = np.array([upper_left, upper_right, right - gap, left - gap])
        second = np.array([left + gap, right + gap, lower_right, lower_left])
    else:
        gap = np.array([gutter_px * dice.pick([1, 1, 0.6]) / 2, 0])
        top, bottom = upper_left + (upper_right - upper_left) * near, lower_left + (lower_right - lower_left) * far
        first = np.array([upper_left, top - gap, bottom - gap, lower_left])
        second = np.array([top + gap, upper_right, lower_right, bottom + gap])
    return [p for part in (first, second) for p in split_panels(dice, part, depth - 1, gutter_px, least_px)]


def page(studio: Studio, size_px: int) -> Canvas:
    """A crop of a page: several panels, or parts of them."""
    dice = studio.dice
    paper = studio.plain(255 if dice.chance(0.88) else dice.pick([0, 0, 235, 20]))
    picture = studio.blank((size_px, size_px), paper)
    width, height = size_px * dice.log_between(1.0, 2.6), size_px * dice.log_between(1.3, 3.4)
    margin = dice.between(0, 0.07) * width
    shift = [
        dice.between(-0.04 * size_px, width - size_px * 0.96),
        dice.between(-0.04 * size_px, height - size_px * 0.96),
    ]
    whole = corners(margin, margin, width - margin, height - margin) - shift
    gutter, least = dice.log_between(3, 22) * studio.zoom, size_px * dice.between(0.25, 0.5)
    border, pen, bare = (
        studio.plain(0 if np.mean(paper) > 60 else dice.pick([0, 255])),
        studio.pen_px(1, 4.5),
        dice.chance(0.08),
    )
    quads = split_panels(dice, whole, dice.whole(2, 5), gutter, least)
    for quad in quads:
        _draw_panel(studio, picture, quad)
        if not bare and dice.chance(0.95):
            polyline(picture, quad, border, pen, closed=True)
    if dice.chance(0.12):  # a figure that bursts out of its panel
        drawn, alpha, x, y = art.occlude(studio, (size_px, size_px))
        paint(picture, alpha, drawn, x, y)
    canvas = Canvas(picture)
    if dice.chance(_CUT_SOUND_SHARE):
        canvas.panels = _numbered(quads, picture.shape[:2], pen)
    letter(studio, canvas)
    return canvas


def _numbered(quads: list[np.ndarray], size_hw: tuple[int, ...], border_px: float) -> np.ndarray:
    """`(H, W)` uint8 number of the panel that each pixel is in, from 1; 0 on borders and between panels."""
    numbers = np.zeros(size_hw, np.uint8)
    for number, quad in enumerate(quads, start=1):
        inside = np.zeros(size_hw, np.uint8)
        polygon(inside, quad, 255)
        polyline(inside, quad, 0, border_px, closed=True)
        numbers[inside == 255] = number
    return numbers


def _draw_panel(studio: Studio, picture: Picture, quad: np.ndarray) -> None:
    height, width = picture.shape[:2]
    x0, y0 = np.clip(np.floor(quad.min(0)).astype(int), 0, [width, height])
    x1, y1 = np.clip(np.ceil(quad.max(0)).astype(int), 0, [width, height])
    if min(x1 - x0, y1 - y0) < 6:
        return
    drawn = art.panel(studio, (y1 - y0, x1 - x0))
    inside = np.zeros((y1 - y0, x1 - x0), np.uint8)
    polygon(inside, quad - [x0, y0], 255)
    cv2.copyTo(drawn, inside, picture[y0:y1, x0:x1])


def close_up(studio: Studio, size_px: int) -> Canvas:
    """The inside of one panel: drawn, or for three in ten painted art, which lettering is hardest to tell from."""
    size_hw = (size_px, size_px)
    canvas = Canvas(art.painted(studio, size_hw) if studio.dice.chance(0.3) else _lively_panel(studio, size_hw))
    letter(studio, canvas)
    return canvas


def loud(studio: Studio, size_px: int) -> Canvas:
    """A panel of action: sound effects by hand over busy art, few words or none."""
    dice, size_hw = studio.dice, (size_px, size_px)
    picture = art.painted(studio, size_hw) if dice.chance(0.7) else _lively_panel(studio, size_hw)
    if dice.chance(0.35):
        art.lay_texture(studio, picture)
    canvas = Canvas(picture)
    writer = Writer(studio, canvas)
    _mislead(writer)
    for _ in range(dice.weighted({0: 0.5, 1: 0.35, 2: 0.15})):
        writer.dialogue()
    if dice.chance(0.3):
        writer.shout()
    for _ in range(dice.weighted({1: 0.45, 2: 0.38, 3: 0.17})):
        dice.weighted({partial(hand_lettering.scattered_sound, writer): 0.36,
                       partial(hand_lettering.brush_sound, writer): 0.32, writer.sound: 0.32})()  # fmt: skip
    if dice.chance(0.4):
        hand_lettering.pen_sound(writer)
    return canvas


def _lively_panel(studio: Studio, size_hw: tuple[int, int]) -> Picture:
    """A panel that is mostly not empty."""
    for _ in range(2):
        picture = art.panel(studio, size_hw)
        if picture[::8, ::8].std() > 18 or studio.dice.chance(0.12):
            return picture
    return art.panel(studio, size_hw)


def strip(studio: Studio, size_px: int) -> Canvas:
    """Part of a webtoon: wide panels with much air between them, letters in and between."""
    dice = studio.dice
    ground = dice.weighted({"white": 0.5, "black": 0.25, "gradient": 0.25})
    picture = studio.blank((size_px, size_px), studio.plain(255 if ground == "white" else dice.whole(0, 30)))
    if ground == "gradient":
        picture = studio.fitted(gradient(dice, (size_px, size_px)))
    y = dice.whole(-size_px // 2, int(0.3 * size_px))
    while y < size_px:
        height = int(size_px * dice.between(0.3, 0.9))
        wide = dice.chance(0.5)
        x0 = 0 if wide else int(size_px * dice.between(0, 0.15))
        x1 = size_px if wide else int(size_px * dice.between(0.8, 1))
        top, bottom = max(0, y), min(size_px, y + height)
        if bottom - top > 8:
            picture[top:bottom, x0:x1] = art.panel(studio, (bottom - top, x1 - x0))
            if dice.chance(0.4):
                polyline(
                    picture, corners(x0, y, x1 - 1, y + height), studio.plain(0), dice.pick([1, 2, 3]), closed=True
                )
        y += height + int(size_px * dice.between(0.05, 0.6))
    canvas = Canvas(picture)
    letter(studio, canvas)
    return canvas


def letter(studio: Studio, canvas: Canvas) -> None:
    """Write on a page: sound effects below and above bubbles, remarks, captions, asides, credits."""
    dice, writer = studio.dice, Writer(studio, canvas)
    _mislead(writer)
    area = (canvas.size_wh[0] * canvas.size_wh[1]) / 512**2
    sounds = dice.weighted({0: 0.4, 1: 0.38, 2: 0.17, 3: 0.05})
    early = sounds if dice.chance(0.3) else 0
    for _ in range(early):  # below bubbles and figures
        _sound(writer)
    if early:
        canvas.taken.clear()
    for _ in range(round(dice.weighted({0: 0.07, 1: 0.18, 2: 0.26, 3: 0.24, 4: 0.15, 5: 0.1}) * area)):
        writer.dialogue()
    if dice.chance(0.25):
        writer.caption()
    for _ in range(sounds - early):
        _sound(writer)
    for _ in range(dice.weighted({0: 0.42, 1: 0.33, 2: 0.17, 3: 0.08})):
        writer.aside()
    _small_marks(writer)
    for share, write in (
        (0.2, writer.shout),
        (0.22, writer.exclamation),
        (0.06, writer.beads),
        (0.07, writer.sign),
        (0.12, writer.credit),
        (0.03, writer.watermark),
        (0.04, writer.title),
        (0.03, writer.subtitle),
    ):
        if dice.chance(share):
            write()
    if dice.chance(0.05):
        drawn, alpha, x, y = art.occlude(studio, canvas.clean.shape[:2])
        canvas.draw(alpha, drawn, x, y)
    if not canvas.regions and dice.chance(0.8):
        writer.aside()


def _mislead(writer: Writer) -> None:
    """Add art that is inked like letters: hair, folds, ears, hands, smoke, sparkles, dials."""
    dice = writer.dice
    count = dice.weighted({0: 0.42, 1: 0.2, 2: 0.18, 4: 0.12, 8: 0.08})
    family = decoys.SKETCHED if dice.chance(0.2) else decoys.DRAWN
    decoys.scatter(writer.studio, writer.canvas, count, family)
    if dice.chance(0.03):
        numerals.clock_without_numerals(writer.canvas, writer)


def _sound(writer: Writer) -> None:
    """A sound effect, set in a font or drawn by hand."""
    if writer.dice.chance(_DRAWN_SOUND_SHARE):
        hand_lettering.brush_sound(writer)
    else:
        writer.sound()


def _small_marks(writer: Writer) -> None:
    """Thin sounds, scrawled asides and numbers, wherever there is room."""
    dice = writer.dice
    for _ in range(dice.weighted({0: 0.68, 1: 0.18, 2: 0.1, 3: 0.04})):
        hand_lettering.pen_sound(writer)
    for _ in range(dice.weighted({0: 0.62, 1: 0.22, 2: 0.1, 4: 0.06})):
        hand_lettering.scrawl(writer)
    for _ in range(dice.weighted({0: 0.7, 1: 0.2, 2: 0.07, 3: 0.03})):
        hand_lettering.bare_sound(writer)
    for _ in range(dice.weighted({0: 0.84, 1: 0.12, 2: 0.04})):
        numerals.number(writer)


def textless(studio: Studio, size_px: int) -> Canvas:
    """Pure negatives: look-alikes, symbols, empty bubbles, photographs; not one letter."""
    dice = studio.dice
    size_hw = (size_px, size_px)
    kind = dice.weighted({"panel": 0.2, "scene": 0.28, "painted": 0.2, "symbols": 0.14, "look-alikes": 0.18})
    if kind == "painted":
        return Canvas(art.painted(studio, size_hw))
    if kind == "scene":
        return Canvas(art.scene(studio, size_hw, photographic=dice.chance(0.7)))
    if kind == "look-alikes":
        picture = studio.fitted(ink_texture(studio, size_hw, LOOKALIKES))
        art.lay_texture(studio, picture)
    else:
        picture = _lively_panel(studio, size_hw)
    for _ in range(dice.whole(0, 3)):
        art.stand_figure(studio, picture, dice.log_between(24, size_px))
    if kind == "symbols":
        art.scatter_icons(studio, picture, dice.whole(4, 40), (7, 90))
    elif dice.chance(0.6):
        art.lay_texture(studio, picture)
    canvas = Canvas(picture)
    family = dice.pick([decoys.DRAWN, decoys.DRAWN, decoys.PRINTED, decoys.SKETCHED])
    decoys.scatter(studio, canvas, dice.weighted({0: 0.35, 1: 0.2, 3: 0.25, 6: 0.12, 12: 0.08}), family)
    if dice.chance(0.06):
        numerals.clock_without_numerals(canvas, Writer(studio, canvas))
    for _ in range(dice.weighted({0: 0.6, 1: 0.25, 2: 0.15})):
        centre = (dice.between(0, size_px), dice.between(0, size_px))
        draw_bubble(studio, canvas, centre, (dice.log_between(30, 200), dice.log_between(30, 200)))
    return canvas
