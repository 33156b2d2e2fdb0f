"""Dark shapes of drawn panels with the weight of brush sounds: billows, boughs, lapels, shards of hair, small beasts.

Shapes as `decoys` takes them. Each stands for something that weights of version 12 took for text on a real page.
"""

from __future__ import annotations

import math

import numpy as np

from training.data.dice import Dice
from training.data.sketches import stroke_px
from training.data.strokes import bezier, disc, empty, polygon, polyline, tapered


def blast(dice: Dice, size: float) -> np.ndarray:
    """The cloud of an explosion: a black mass of lobes with light crescents in it, at times streaks that shoot up."""
    alpha = empty(size, size * dice.between(1, 2.2))
    high, wide = alpha.shape
    for _ in range(dice.whole(0, 6)):
        foot = np.array([dice.between(0.2, 0.8) * wide, 0.6 * high])
        tip = np.array([foot[0] + dice.bell(0, 0.05) * wide, dice.between(0.02, 0.4) * high])
        polygon(alpha, tapered(bezier(foot, foot, tip, tip, 8), size * dice.between(0.03, 0.1)), 255)
    for _ in range(dice.whole(5, 14)):
        radius = size * dice.between(0.07, 0.2)
        middle = np.array([dice.between(0.15, 0.85) * wide, dice.between(0.35, 0.85) * high])
        disc(alpha, middle, radius, 255)
        for _ in range(dice.whole(0, 2)):
            turn, inner = dice.between(0, 2 * math.pi), radius * dice.between(0.4, 0.85)
            angles = turn + np.linspace(0, dice.between(1, 3), 12)
            crescent = middle + inner * np.stack([np.cos(angles), np.sin(angles)], 1)
            polygon(alpha, tapered(crescent, radius * dice.between(0.1, 0.5)), 0)
    return alpha


def branch(dice: Dice, size: float) -> np.ndarray:
    """A bough that forks again and again, in brush strokes; bare, or with leaves at its ends."""
    alpha = empty(size, size * dice.between(0.6, 1.6))
    high, wide = alpha.shape
    leafy = dice.chance(0.4)

    def grow(root: np.ndarray, angle: float, length: float, thickness: float) -> None:
        tip = root + length * np.array([math.cos(angle), -math.sin(angle)])
        sway = dice.offset(0.12 * length)
        line = bezier(root, root + (tip - root) * 0.3 + sway, root + (tip - root) * 0.7 - sway, tip, 8)
        lean = np.array([line[0, 1] - line[-1, 1], line[-1, 0] - line[0, 0]]) / max(length, 1.0)
        half = thickness * np.linspace(0.5, 0.3, len(line))[:, None] * lean
        polygon(alpha, np.concatenate([line + half, (line - half)[::-1]]), 255)
        if length < 0.12 * size:
            if leafy:
                polygon(alpha, tapered(np.linspace(tip, tip + dice.offset(0.06 * size), 6), 0.04 * size), 255)
            return
        for _ in range(dice.whole(1, 3)):
            start = line[dice.whole(3, 7)]
            grow(start, angle + dice.bell(0, 0.6), length * dice.between(0.45, 0.75), 0.65 * thickness)

    root = np.array([dice.between(0.05, 0.4) * wide, 0.97 * high])
    grow(root, dice.between(0.4, 1.8), 0.5 * size, size * dice.between(0.04, 0.14))
    return alpha


def lapel(dice: Dice, size: float) -> np.ndarray:
    """The trim of a collar: one or two lines in a V with a notch, a button or two below."""
    alpha = empty(size, size * dice.between(0.5, 0.9))
    high, wide = alpha.shape
    pen, gap = stroke_px(dice, size), size * dice.between(0.04, 0.12)
    notch = dice.between(0.25, 0.45) * high
    side = np.array([[0.15 * wide, 0.03 * high], [0.05 * wide, notch], [0.25 * wide, notch + 0.03 * high],
                     [0.12 * wide, notch + 0.12 * high], [0.5 * wide, 0.9 * high]])  # fmt: skip
    for mirrored in (False, True) if dice.chance(0.6) else (False,):
        line = side * [-1, 1] + [wide, 0] if mirrored else side
        polyline(alpha, line, 255, pen)
        if dice.chance(0.5):
            polyline(alpha, line + [(-gap if mirrored else gap), 0], 255, pen)
    for number in range(dice.whole(0, 2)):
        disc(alpha, (0.5 * wide, min(0.93 + 0.05 * number, 0.97) * high), max(1.0, pen), 255)
    return alpha


def shard(dice: Dice, size: float) -> np.ndarray:
    """Pointed black pieces side by side: the ends of hair, the shade of a jaw and a collar, torn cloth."""
    alpha = empty(size, size * dice.between(0.4, 1.2))
    span = np.array(alpha.shape[::-1])
    heading = dice.between(-0.5, 0.5) + dice.pick([0, math.pi / 2])
    along = np.array([math.cos(heading), math.sin(heading)])
    across = np.array([-along[1], along[0]])
    for _ in range(dice.whole(1, 6)):
        middle = dice.generator.uniform(0.2, 0.8, 2) * span
        length, half = size * dice.between(0.12, 0.45), size * dice.log_between(0.02, 0.12)
        bend = across * dice.bell(0, 0.3) * length
        outer = bezier(middle - along * length, middle + bend + across * half, middle + bend + across * half,
                       middle + along * length, 10)  # fmt: skip
        inner = bezier(middle + along * length, middle + bend - across * half * dice.between(-0.3, 1), middle + bend,
                       middle - along * length, 10)  # fmt: skip
        polygon(alpha, np.clip(np.concatenate([outer, inner]), 1, span - 2), 255)
    return alpha


def beast(dice: Dice, size: float) -> np.ndarray:
    """A small dragon, lizard or bird: a bent body with a head, limbs, a tail, at times a jagged wing."""
    alpha = empty(size, size * dice.between(1, 1.7))
    high, wide = alpha.shape
    solid = dice.chance(0.6)
    pen = stroke_px(dice, size)

    def part(outline: np.ndarray) -> None:
        outline = np.clip(outline, 1, [wide - 2, high - 2])
        polygon(alpha, outline, 255 if solid else 0)
        if not solid:
            polyline(alpha, outline, 255, pen, closed=True)

    tail, neck = np.array([0.05 * wide, dice.between(0.4, 0.9) * high]), np.array([0.75 * wide, 0.35 * high])
    sway = dice.between(-0.4, 0.4) * high
    spine = bezier(tail, [0.3 * wide, 0.55 * high + sway], [0.55 * wide, 0.6 * high - sway], neck, 16)
    for place in dice.generator.integers(5, 14, dice.whole(2, 4)):
        foot = spine[place] + [dice.bell(0, 0.08) * wide, dice.between(0.15, 0.3) * high]
        part(tapered(np.linspace(spine[place], foot, 6), size * dice.between(0.05, 0.1)))
    part(tapered(spine, size * dice.between(0.12, 0.28)))
    if dice.chance(0.6):
        root = spine[dice.whole(7, 12)]
        tips = root + np.stack([np.linspace(-0.35, 0.1, 4) * wide, -dice.generator.uniform(0.2, 0.4, 4) * high], 1)
        joints = (tips[:-1] + tips[1:]) / 2 + [0, 0.12 * high]
        edge = np.empty((7, 2))
        edge[::2], edge[1::2] = tips, joints
        part(np.concatenate([[root], edge]))
    head = np.array([[-0.05, -0.08], [0.06, -0.1], [0.2, 0.0], [0.06, 0.06], [0.14, 0.1], [-0.03, 0.09]]) * size
    part(neck + head)
    disc(alpha, neck + [0.04 * size, -0.03 * size], max(1.0, 0.018 * size), 0 if solid else 255)
    return alpha if dice.chance(0.5) else np.ascontiguousarray(alpha[:, ::-1])
