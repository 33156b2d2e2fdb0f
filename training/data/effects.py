"""Inking letters: plain, outlined, hollow, toned, in gradients, with shadow and glow, see-through, dry-brushed."""

from __future__ import annotations

import cv2
import numpy as np

from training.data.canvas import Block, Layer, Lettering
from training.data.lettering import with_margin
from training.data.strokes import Ink, grown
from training.data.studio import Studio, blended, brightness
from training.data.tones import gradient, tone

WIDEST_RIM_PX = 26.0
"""The widest outline on real pages of this scale, around letters of any size."""


def plain(studio: Studio, block: Block, *, on_dark: bool = False, ink: Ink | None = None) -> Lettering:
    """Letters in one ink."""
    return Lettering(block, [Layer(block.alpha, ink if ink is not None else _ink(studio, on_dark=on_dark, plain=True))])


def see_through(studio: Studio, block: Block, strength: float | None = None) -> Lettering:
    """A watermark."""
    dice = studio.dice
    share = strength or dice.between(0.12, 0.6)
    ink = studio.plain(dice.pick([255, 255, 0, 128])) if dice.chance(0.8) else studio.colour()
    return Lettering(block, [Layer((block.alpha * share).astype(np.uint8), ink)])


def outlined(studio: Studio, block: Block, *, on_dark: bool = False, ink: Ink | None = None) -> Lettering:
    """Letters with an outline that keeps them readable on any ground; at times two, or a glow instead."""
    dice = studio.dice
    ink = ink if ink is not None else _ink(studio, on_dark=on_dark)
    width = _rim_px(block, dice.log_between(0.035, 0.16))
    block = with_margin(block, int(width * 3.2 + 4))
    edge = studio.against(ink)
    layers = []
    glowing, doubled = dice.chance(0.14), dice.chance(0.2)
    if glowing:
        layers.append(Layer(cv2.GaussianBlur(grown(block.alpha, width * 1.6), (0, 0), max(1.0, width)), edge))
    if doubled:
        layers.append(Layer(grown(block.alpha, width * 2), ink if dice.chance(0.7) else studio.against(edge)))
    only_glow = glowing and not doubled and dice.chance(0.4)
    if not only_glow:  # a second outline without the first would melt into the letters
        layers.append(Layer(grown(block.alpha, width), edge))
    return Lettering(block, [*layers, Layer(block.alpha, ink)])


def haloed(studio: Studio, block: Block, *, ink: Ink, width_px: float) -> Lettering:
    """Letters in one ink with a narrow rim of so many px, however thin they are."""
    block = with_margin(block, int(width_px) + 3)
    return Lettering(block, [Layer(grown(block.alpha, width_px), studio.against(ink)), Layer(block.alpha, ink)])


def decorated(studio: Studio, block: Block, *, on_dark: bool = False, ink: Ink | None = None) -> Lettering:
    """Display lettering: any of fill, outline, hollow, tone, gradient, shadow and glow together."""
    dice = studio.dice
    ink = ink if ink is not None else _ink(studio, on_dark=on_dark)
    width = _rim_px(block, dice.log_between(0.03, 0.14))
    block = with_margin(block, int(width * 2.6 + block.glyph_px * 0.3) + 3)
    edge = studio.against(ink)
    layers = _shadows(studio, block, ink, width)
    outline = dice.chance(0.68)
    if outline and dice.chance(0.2):
        layers.append(Layer(grown(block.alpha, width * 2), ink if dice.chance(0.7) else studio.against(edge)))
    if outline:
        layers.append(Layer(grown(block.alpha, width), edge))
    fill = dice.weighted({"solid": 0.5, "hollow": 0.13, "toned": 0.13, "gradient": 0.14, "ring": 0.1})
    if fill == "solid":
        layers.append(Layer(block.alpha, ink))
    elif fill == "hollow":  # light letters in a dark line
        layers += [Layer(grown(block.alpha, width * dice.between(0.4, 1)), ink), Layer(block.alpha, edge)]
    elif fill == "ring":  # only the line; art shows within
        ring = cv2.subtract(grown(block.alpha, max(1.0, width * 0.5)), block.alpha)
        layers = [layer for layer in layers if not outline or dice.chance(0.4)] + [Layer(ring, ink)]
    else:
        dark, light = _fill_colours(studio)
        share = gradient(dice, block.alpha.shape, 0, 255)
        if fill == "toned":
            share = tone(dice, block.alpha.shape, dice.between(0.15, 0.6) if dice.chance(0.5) else share)
        patch = blended(share, dark, light)[..., 0] if studio.grey else blended(share, dark, light)
        line = studio.black() if dice.chance(0.75) else studio.white()
        layers += [Layer(grown(block.alpha, max(1.0, width * 0.45)), line), Layer(block.alpha, patch)]
    if dice.chance(0.05):
        share = dice.between(0.35, 0.85)
        layers = [Layer((layer.alpha * share).astype(np.uint8), layer.ink, layer.dx, layer.dy) for layer in layers]
    return Lettering(block, layers)


def dry_brushed(studio: Studio, block: Block) -> Block:
    """The block with gaps, as a brush leaves them that runs dry."""
    dice = studio.dice
    height, width = block.alpha.shape
    grain = dice.generator.integers(0, 256, (max(2, height // 2), max(2, width // 2)), dtype=np.uint8)
    if dice.chance(0.6):  # long gaps along the stroke direction
        grain = cv2.blur(grain, (1, 9) if dice.chance(0.5) else (9, 1))
        grain = cv2.normalize(grain, None, 0, 255, cv2.NORM_MINMAX)
    grain = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    kept = np.clip((grain.astype(np.int16) - dice.whole(40, 110)) * 5, 0, 255).astype(np.uint8)
    return Block(cv2.min(block.alpha, kept), block.outline, block.glyph_px)


def _rim_px(block: Block, share: float) -> float:
    """Width of an outline, px: a share of the letters' size, as far as a pen is drawn around them and not a roller."""
    return min(max(1.0, block.glyph_px * share), WIDEST_RIM_PX)


def _ink(studio: Studio, *, on_dark: bool, plain: bool = False) -> Ink:
    dice = studio.dice
    if not studio.grey and dice.chance(0.12 if plain else 0.5):
        return studio.colour("pastel" if on_dark else dice.pick(["vivid", "dark"]))
    return studio.white() if on_dark else studio.black()


def _shadows(studio: Studio, block: Block, ink: Ink, width: float) -> list[Layer]:
    """A drop shadow, a glow, both or none."""
    dice, layers = studio.dice, []
    if dice.chance(0.2):
        shape = grown(block.alpha, width) if dice.chance(0.5) else block.alpha
        if dice.chance(0.5):
            shape = cv2.GaussianBlur(shape, (0, 0), max(0.6, block.glyph_px * 0.05))
        dx, dy = (int(dice.between(-0.12, 0.14) * block.glyph_px), int(dice.between(0.02, 0.14) * block.glyph_px))
        colour = studio.black() if brightness(ink) > 100 else studio.plain(dice.pick([150, 190, 255]))
        colour = colour if dice.chance(0.75) else studio.colour()
        layers.append(Layer((shape * dice.between(0.4, 1)).astype(np.uint8), colour, dx, dy))
    if dice.chance(0.1):
        glow = cv2.GaussianBlur(grown(block.alpha, width * 1.6), (0, 0), max(1.0, width))
        layers.append(Layer(glow, studio.against(ink) if dice.chance(0.7) else studio.colour()))
    return layers


def _fill_colours(studio: Studio) -> tuple[np.ndarray, np.ndarray]:
    """Two colours at some distance, for fills that run between them."""
    if studio.grey:
        return np.full(3, studio.dice.whole(0, 120)), np.full(3, studio.dice.whole(170, 255))
    return np.array(studio.colour(studio.dice.pick(["dark", "vivid"]))), np.array(studio.colour())
