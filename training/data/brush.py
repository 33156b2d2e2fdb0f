"""Letters drawn by hand, stroke by stroke: with a brush that tapers, frays and runs dry, or with a thin pen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from training.data.canvas import Block
from training.data.dice import Dice
from training.data.glyphs import strokes_of
from training.data.strokes import corners, polygon, polylines

_SIDEWAYS = frozenset("ー～")
_SCATTERED_SHARE = 0.25
"""Share of loud sounds whose letters stand apart, each by itself amid the art."""


@dataclass(frozen=True)
class Hand:
    """How one sound effect or remark is written."""

    width: float
    """Thickness of strokes as a share of the letter's height."""
    ends: str
    """even, tail (thick at first, then a point), swell (thin at both ends), knife (a thick head, cut aslant) or wedge
    (from a point to a broad end)."""
    wobble: float
    """How far strokes stray, as a share of the letter's height."""
    ragged: float
    """Roughness of the edges as a share of the stroke's thickness."""
    dry: float
    """Share of strokes that end in dry streaks."""
    size_jitter: float
    turn_degrees: float
    """Spread of the letters' angles."""
    place_jitter: float
    pace: float
    """Distance from letter to letter in letters' heights."""
    most_lean: float = 0.5
    """How far letters may lean, px sideways for each px down."""


def brush_hand(dice: Dice) -> Hand:
    """A big loud one."""
    ragged = dice.chance(0.55)
    return Hand(
        width=dice.log_between(0.09, 0.24),
        ends=dice.weighted({"even": 0.2, "tail": 0.3, "swell": 0.15, "knife": 0.35}),
        wobble=dice.between(0.005, 0.035),
        ragged=dice.between(0.04, 0.2) if ragged else 0.0,
        dry=dice.between(0.2, 0.9) if ragged and dice.chance(0.6) else 0.0,
        size_jitter=dice.pick([0.05, 0.15, 0.25]),
        turn_degrees=dice.pick([4, 10, 18]),
        place_jitter=dice.pick([0.03, 0.1, 0.2]),
        pace=dice.between(1.3, 2.6) if dice.chance(_SCATTERED_SHARE) else dice.between(0.8, 1.25),
    )


def slab_hand(dice: Dice) -> Hand:
    """One that cuts letters out of bars: heavy, straight, sharp-cornered, leaning."""
    return Hand(
        width=dice.log_between(0.14, 0.34),
        ends=dice.weighted({"even": 0.5, "wedge": 0.3, "knife": 0.2}),
        wobble=dice.between(0.0, 0.012),
        ragged=0.0,
        dry=0.0,
        size_jitter=dice.pick([0.03, 0.1, 0.2]),
        turn_degrees=dice.pick([2, 6, 12]),
        place_jitter=dice.pick([0.02, 0.06, 0.12]),
        pace=dice.between(0.85, 1.3),
        most_lean=0.9,
    )


def pen_hand(dice: Dice, width: float) -> Hand:
    """A thin, quick one."""
    return Hand(
        width=width,
        ends=dice.weighted({"even": 0.6, "tail": 0.3, "swell": 0.1}),
        wobble=dice.between(0.01, 0.04),
        ragged=0.0,
        dry=0.0,
        size_jitter=dice.pick([0.05, 0.12, 0.2]),
        turn_degrees=dice.pick([3, 8, 14]),
        place_jitter=dice.pick([0.03, 0.1, 0.18]),
        pace=dice.between(0.85, 1.6),
    )


def written(dice: Dice, hand: Hand, text: str, *, size_px: float, upright: bool) -> Block:
    """A line or a column of letters, each in its own size, angle and place."""
    lean, stretch = dice.pick([0, 0, dice.between(-hand.most_lean, hand.most_lean)]), dice.log_between(0.6, 1.25)
    bow = dice.pick([0, 0, dice.between(-0.4, 0.4)])
    way, outlines, streaks = 0.0, [], []
    for number, character in enumerate(text):
        size = size_px * max(0.4, 1 + dice.bell(0, hand.size_jitter))
        place = np.array([bow * math.sin(number * 1.1) + dice.bell(0, hand.place_jitter), way + dice.bell(0, 0.03)])
        place = (place if upright else place[::-1]) * size_px
        angle = math.radians(dice.bell(0, hand.turn_degrees) + 90 * (upright and character in _SIDEWAYS))
        matrix = size * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        matrix = matrix @ np.array([[stretch, lean], [0, 1]])
        thickness = max(1.0, hand.width * size)
        for stroke in strokes_of(character):
            line = (stroke - 0.5) @ matrix.T + place + dice.offset(hand.wobble * size)
            length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
            thin = min(thickness, max(1.0, 0.5 * length))  # short marks stay marks
            outlines.append(_inked(dice, hand, _wobbled(dice, line, hand.wobble * size), thin))
            if dice.chance(hand.dry):
                streaks.append((outlines[-1], thickness))
        way += hand.pace * (1 if upright else stretch) * size / size_px
    return _drawn(dice, outlines, streaks, size_px)


def _drawn(dice: Dice, outlines: list[np.ndarray], streaks: list[tuple[np.ndarray, float]], glyph_px: float) -> Block:
    """Strokes filled on one picture, then the gaps that a dry brush leaves in some of them."""
    everything = np.concatenate(outlines)
    low = np.floor(everything.min(0)) - 3  # soft edges reach two px beyond the outline
    width, height = (np.ceil(everything.max(0)) + 4 - low).astype(int)
    alpha = np.zeros((height, width), np.uint8)
    for outline in outlines:
        polygon(alpha, outline - low, 255)
    for outline, thickness in streaks:
        half = len(outline) // 2
        left, right = outline[:half] - low, outline[half:][::-1] - low
        first = int(half * dice.between(0.25, 0.75))
        lines = [left[first:] + (right - left)[first:] * share for share in dice.generator.random(dice.whole(2, 7))]
        polylines(alpha, lines, 0, dice.log_between(1, max(1.5, thickness * 0.12)))
    return Block(alpha, corners(0, 0, width, height), glyph_px)


def _wobbled(dice: Dice, line: np.ndarray, stray_px: float) -> np.ndarray:
    """The line, bent a little as no hand is steady."""
    bends = dice.generator.normal(0, stray_px, (4, 2))
    steps = np.linspace(0, 3, len(line))
    return line + np.stack([np.interp(steps, range(4), bends[:, axis]) for axis in (0, 1)], 1)


def _inked(dice: Dice, hand: Hand, line: np.ndarray, thickness: float) -> np.ndarray:
    """Outline `(2 n, 2)` of one stroke: one side, then the other backwards."""
    line = _resampled(line, 2.5 if hand.ragged else max(2.5, thickness * 0.3))
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-6
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    half = 0.5 * thickness * _profile(hand.ends, len(line))[:, None] * dice.between(0.75, 1.15)
    sides = [half, half]
    if hand.ragged:
        sides = [side + thickness * hand.ragged * _roughness(dice, len(line)) for side in sides]
    slant = dice.between(-0.6, 0.6) * thickness if hand.ends in {"knife", "even", "wedge"} else 0.0
    shift = along * slant * np.linspace(1, 0.3, len(line))[:, None]
    left, right = (np.maximum(0.35, side) for side in sides)
    return np.concatenate([line + across * left + shift, (line - across * right - shift)[::-1]])


def _roughness(dice: Dice, count: int) -> np.ndarray:
    """`(count, 1)` displacement of an edge, mostly smooth with some teeth."""
    rough = dice.generator.standard_normal(count + 2)
    return (0.25 * rough[:-2] + 0.5 * rough[1:-1] + 0.25 * rough[2:])[:, None]


def _resampled(line: np.ndarray, step_px: float) -> np.ndarray:
    """The same line with points at even steps."""
    run = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    places = np.linspace(0, run[-1], int(np.clip(run[-1] / step_px, 3, 240)))
    return np.stack([np.interp(places, run, line[:, axis]) for axis in (0, 1)], 1)


def _profile(ends: str, count: int) -> np.ndarray:
    """Thickness along a stroke, 0 to 1."""
    t = np.linspace(0, 1, count)
    if ends == "tail":
        return np.minimum(1, 0.5 + 4 * t) * (1 - t**2.5) + 0.04
    if ends == "swell":
        return np.sin(np.pi * np.clip(t, 0.02, 0.98)) ** 0.6
    if ends == "wedge":
        return 0.12 + 0.88 * t**0.7
    if ends == "knife":
        return 1 - 0.75 * t + 0.25 * np.exp(-((t / 0.12) ** 2))
    return np.ones(count)
