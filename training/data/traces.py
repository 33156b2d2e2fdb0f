"""What light, force and machines draw: lightning, cracks, ripples, codes, chains, veins, teeth, gloss on hair, plates.

Shapes as `decoys` takes them. Each is as black or as white as a letter, in strokes as wide as a letter's.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from training.data.dice import Dice
from training.data.sketches import stroke_px
from training.data.strokes import bezier, corners, disc, empty, polygon, polyline, ring_points, tapered


def lightning(dice: Dice, size: float) -> np.ndarray:
    """A flash that splits on its way, thinner with every branch."""
    alpha = empty(size, size * dice.between(0.4, 1.1))
    wide, high = alpha.shape[1], alpha.shape[0]
    start = np.array([dice.between(0.3, 0.7) * wide, 1.0])
    trunk = _jagged(dice, start, np.array([dice.between(0.1, 0.9) * wide, high - 2.0]), 0.18)
    width = size * dice.log_between(0.02, 0.09)
    polygon(alpha, tapered(trunk, width), 255)
    for _ in range(dice.whole(1, 7)):
        root = trunk[dice.whole(1, len(trunk) - 3)]
        tip = np.clip(root + [dice.bell(0, 0.3) * wide, dice.between(0.1, 0.45) * high], 1, [wide - 2, high - 2])
        polygon(alpha, tapered(_jagged(dice, root, tip, 0.22), width * dice.between(0.25, 0.7)), 255)
    return alpha


def crack(dice: Dice, size: float) -> np.ndarray:
    """Cracks that run from where something hit, with forks, and rings between them as in glass."""
    alpha, pen = empty(size, size), stroke_px(dice, size)
    hub = np.array([dice.between(0.3, 0.7), dice.between(0.3, 0.7)]) * size
    first, count = dice.between(0, math.pi), dice.whole(3, 11)
    ends = []
    for step in range(count):
        angle = first + 2 * math.pi * step / count + dice.bell(0, 0.2)
        tip = np.clip(hub + np.array([math.cos(angle), math.sin(angle)]) * size * dice.between(0.2, 0.6), 1, size - 2)
        line = _jagged(dice, hub, tip, 0.1)
        polygon(alpha, tapered(line, pen * dice.between(0.7, 2.5)), 255)
        ends.append(line[len(line) // 2])
        if dice.chance(0.5):
            fork = np.clip(line[len(line) // 2] + dice.offset(0.16 * size), 1, size - 2)
            polyline(alpha, [line[len(line) // 2], fork], 255, pen)
    if dice.chance(0.35):
        polyline(alpha, np.array(ends), 255, pen, closed=True)
    return alpha


def ripples(dice: Dice, size: float) -> np.ndarray:
    """Rings on water or around a blow, broken here and there, drawn from one side."""
    alpha = empty(size * dice.between(0.35, 1), size)
    middle, pen = np.array(alpha.shape[::-1]) / 2, stroke_px(dice, size)
    for share in np.linspace(dice.between(0.15, 0.4), 0.95, dice.whole(2, 5)):
        ring = ring_points(middle, middle[0] * share, middle[1] * share, 48)
        start = dice.whole(0, 47)
        ring = np.roll(ring, start, axis=0)[: dice.whole(10, 48)]
        polygon(alpha, tapered(ring, pen * dice.between(1, 4)), 255)
    return alpha


def whoosh(dice: Dice, size: float) -> np.ndarray:
    """Strokes of the same way and unequal length that follow what moves: straight or all bent alike."""
    alpha = empty(size * dice.between(0.25, 0.8), size)
    high, wide = alpha.shape
    bend = dice.bell(0, 0.25) * high
    for share in np.sort(dice.generator.uniform(0.08, 0.92, dice.whole(3, 10))):
        left, right = dice.between(0, 0.4) * wide, dice.between(0.5, 1) * wide
        ends = np.array([[left, share * high], [right, share * high]])
        pulls = ends + np.array([[(right - left) / 3, bend], [(left - right) / 3, bend]])
        curve = np.clip(bezier(ends[0], pulls[0], pulls[1], ends[1], 16), 1, [wide - 2, high - 2])
        polygon(alpha, tapered(curve, size * dice.log_between(0.01, 0.06)), 255)
    return alpha


def code(dice: Dice, size: float) -> np.ndarray:
    """What machines read and people do not: modules in a square with three corner marks, or bars of four widths."""
    if dice.chance(0.5):
        bars = dice.generator.choice([1, 1, 2, 3, 4], dice.whole(30, 90))
        module = max(1, round(size * 1.6 / bars.sum()))
        row = np.repeat(np.resize([255, 0], len(bars)), bars * module).astype(np.uint8)
        return np.repeat(row[None], max(4, round(size * dice.between(0.3, 0.9))), axis=0)
    count = dice.pick([21, 25, 29, 33])
    modules = (dice.generator.uniform(0, 1, (count, count)) < 0.5).astype(np.uint8) * 255
    for y, x in ((0, 0), (0, count - 7), (count - 7, 0)):
        modules[max(0, y - 1) : y + 8, max(0, x - 1) : x + 8] = 0
        modules[y : y + 7, x : x + 7] = 255
        modules[y + 1 : y + 6, x + 1 : x + 6] = 0
        modules[y + 2 : y + 5, x + 2 : x + 5] = 255
    return np.kron(modules, np.ones((max(1, round(size / count)),) * 2, np.uint8))


def chain(dice: Dice, size: float) -> np.ndarray:
    """Links in a row, the teeth of a zip, beads on a string, seen from the side."""
    count = dice.whole(4, 14)
    alpha = empty(size, size * 0.6 * count)
    middle, pen, kind = size / 2, max(1.0, size * dice.log_between(0.05, 0.16)), dice.pick(["links", "zip", "beads"])
    sag = dice.bell(0, 0.1) * size
    for step in range(count):
        at = np.array([(step + 0.5) * 0.6 * size, middle + sag * math.sin(math.pi * step / count)])
        if kind == "zip":
            side = 0.22 * size * (-1) ** step
            tooth = corners(at[0] - 0.15 * size, at[1] - 0.1 * size, at[0] + 0.15 * size, at[1] + 0.1 * size)
            polygon(alpha, tooth + [0, side], 255)
        elif kind == "beads" or step % 2:
            disc(alpha, at, size * (0.26 if kind == "beads" else 0.12), 255, -1 if dice.chance(0.4) else round(pen))
        else:
            polyline(alpha, ring_points(at, 0.38 * size, 0.24 * size, 20), 255, pen, closed=True)
    return alpha


def vein(dice: Dice, size: float) -> np.ndarray:
    """The sign of anger on a forehead: four bent corners around an empty cross; or drops of sweat beside each other."""
    alpha = empty(size, size)
    middle, turn = np.array([size / 2, size / 2]), dice.between(0, math.pi / 2)
    if dice.chance(0.35):
        for step in range(dice.whole(1, 3)):
            foot = np.array([(0.25 + 0.25 * step) * size, dice.between(0.6, 0.85) * size])
            drop = ring_points(foot, 0.09 * size, 0.11 * size, 20)
            drop[np.argmin(drop[:, 1])] -= [0, dice.between(0.15, 0.4) * size]
            polyline(alpha, drop, 255, stroke_px(dice, size) * 1.5, closed=True)
        return alpha
    gap, reach, width = (dice.between(0.08, 0.16), dice.between(0.3, 0.46), size * dice.log_between(0.05, 0.16))
    for step in range(4):
        cos, sin = math.cos(turn + step * math.pi / 2), math.sin(turn + step * math.pi / 2)
        corner = np.array([[gap, reach], [gap, gap * 1.6], [gap * 1.6, gap], [reach, gap]]) * size
        bent = bezier(*(corner @ np.array([[cos, sin], [-sin, cos]]) + middle), 16)
        polygon(alpha, tapered(bent, width), 255)
    return alpha


def teeth(dice: Dice, size: float) -> np.ndarray:
    """An open mouth: black within, teeth and a tongue left out of it, pointed or flat."""
    alpha = empty(size * dice.between(0.35, 0.9), size)
    high, wide = alpha.shape
    middle = np.array([wide, high]) / 2
    mouth = ring_points(middle, 0.47 * wide, 0.45 * high, 32) + [[0, dice.bell(0, 0.05) * high]]
    polygon(alpha, mouth, 255)
    pen, pointed = max(1.0, high * dice.log_between(0.02, 0.06)), dice.chance(0.4)
    for top in (True, False)[: dice.whole(1, 2)]:
        edge, depth = (0.1 if top else 0.9) * high, dice.between(0.12, 0.3) * high * (1 if top else -1)
        xs = np.linspace(0.2, 0.8, dice.whole(4, 9)) * wide
        for left, right in pairwise(xs):
            peak = [[(left + right) / 2, edge + depth * 1.4]]
            tooth = [[left, edge], [right, edge], *(peak if pointed else [[right, edge + depth], [left, edge + depth]])]
            polygon(alpha, np.array(tooth), 0)
            if not pointed:
                polyline(alpha, [[right, edge], [right, edge + depth]], 255, pen)
    if dice.chance(0.5):
        polygon(alpha, ring_points(middle + [0, 0.3 * high], 0.25 * wide, 0.16 * high, 20), 0)
    polyline(alpha, mouth, 255, pen, closed=True)
    return alpha


def gloss(dice: Dice, size: float) -> np.ndarray:
    """Black hair whose light runs across it in jags: what is left white looks like a row of strokes."""
    alpha = empty(size, size * dice.between(0.8, 1.6))
    high, wide = alpha.shape
    cap = bezier(*(np.array([[0, 0.95], [0.05, -0.2], [0.95, -0.2], [1, 0.95]]) * [wide, high]), 30)
    polygon(alpha, np.clip(cap, 1, [wide - 2, high - 2]), 255)
    count = dice.whole(6, 22)
    xs, level = np.linspace(0.12, 0.88, count) * wide, dice.between(0.3, 0.55) * high
    arch = level + dice.between(0, 0.15) * high * (2 * np.linspace(-0.5, 0.5, count)) ** 2
    for x, y in zip(xs, arch, strict=True):
        if dice.chance(0.85):
            reach = np.array([dice.bell(0, 0.01) * wide, dice.between(0.04, 0.2) * high])
            jag = np.linspace(np.array([x, y]) - reach, np.array([x, y]) + reach * dice.between(0.3, 1.2), 6)
            polygon(alpha, tapered(jag, wide / count * dice.between(0.3, 1.1)), 0)
    return alpha


def plates(dice: Dice, size: float) -> np.ndarray:
    """Armour or a machine: cut-off boxes within and beside each other, seams, rivets, a grille."""
    alpha, pen = empty(size, size * dice.between(0.7, 1.5)), stroke_px(dice, size)
    high, wide = alpha.shape
    for _ in range(dice.whole(2, 7)):
        x, y = dice.between(0.02, 0.6) * wide, dice.between(0.02, 0.6) * high
        right, low = x + dice.between(0.15, 0.38) * wide, y + dice.between(0.15, 0.38) * high
        cut = dice.between(0, 0.3) * min(right - x, low - y)
        plate = np.array([[x + cut, y], [right, y], [right, low - cut], [right - cut, low], [x, low], [x, y + cut]])
        solid = dice.chance(0.3)
        polygon(alpha, plate, 255 if solid else 0)
        polyline(alpha, plate, 255, pen, closed=True)
        ink, kind = (0 if solid else 255), dice.pick(["grille", "rivets", "seam", "none"])
        for share in np.linspace(0.2, 0.8, dice.whole(2, 5)):
            if kind == "grille":
                line = y + share * (low - y)
                polyline(alpha, [[x + 0.2 * (right - x), line], [x + 0.8 * (right - x), line]], ink, pen)
            elif kind == "rivets":
                disc(alpha, (x + share * (right - x), y + 0.25 * (low - y)), 1.2 * pen, ink)
        if kind == "seam":
            polyline(alpha, [[(x + right) / 2, y], [(x + right) / 2, low]], ink, pen)
    return alpha


def _jagged(dice: Dice, start: np.ndarray, end: np.ndarray, sway: float) -> np.ndarray:
    """`(n, 2)` points of a broken line between two points; `sway` is a share of their distance."""
    count = dice.whole(5, 10)
    line = np.linspace(start, end, count)
    reach = float(np.hypot(*(end - start))) * sway
    line[1:-1] += dice.generator.uniform(-reach, reach, (count - 2, 2)) * 0.6
    return line
