"""Small things of drawn panels with the weight and the size of letters: rubble, wire, bows, gems, bags, heads, tufts.

Shapes as `decoys` takes them. Each stands for something that weights of version 11 took for text on a real page.
"""

from __future__ import annotations

import math

import numpy as np

from training.data.dice import Dice
from training.data.lookalikes import ornament_outline
from training.data.sketches import stroke_px
from training.data.strokes import bezier, corners, empty, polygon, polyline, ring_points, tapered


def rubble(dice: Dice, size: float) -> np.ndarray:
    """Broken blocks that fly apart: solid with light cracks, or facets in outline."""
    alpha = empty(size, size * dice.between(0.8, 1.6))
    span, solid = np.array(alpha.shape[::-1]), dice.chance(0.65)
    pen = max(1.0, size * dice.log_between(0.008, 0.03))
    lean = dice.between(0, math.pi)
    for _ in range(dice.whole(2, 10)):
        middle, reach = dice.generator.uniform(0.12, 0.88, 2) * span, size * dice.log_between(0.04, 0.24)
        angles = np.sort(dice.generator.uniform(0, 2 * math.pi, dice.whole(4, 7)))
        outline = np.stack([np.cos(angles) * dice.between(1, 2.4), np.sin(angles)], 1)
        turn = lean + dice.bell(0, 0.3)
        cos, sin = math.cos(turn), math.sin(turn)
        block = outline @ np.array([[cos, sin], [-sin, cos]]) * reach + middle
        polygon(alpha, block, 255 if solid else 0)
        if not solid:
            polyline(alpha, block, 255, pen, closed=True)
        hub = block.mean(0) + dice.offset(0.3 * reach)
        for point in block[: dice.whole(0, len(block))]:
            polyline(alpha, [hub, point], 0 if solid else 255, pen)
    return alpha


def barbed_wire(dice: Dice, size: float) -> np.ndarray:
    """Wire with knots of thorns at even distances, or a seam with stitches."""
    wide = size * dice.between(3, 9)
    alpha = empty(size, wide)
    pen, sag = max(1.0, size * dice.log_between(0.03, 0.1)), dice.bell(0, 0.15) * size
    line = bezier(*(np.array([[0, 0.5 * size], [0.3 * wide, 0.5 * size + sag], [0.7 * wide, 0.5 * size + sag],
                              [wide, 0.5 * size]])), 60)  # fmt: skip
    polyline(alpha, line, 255, pen)
    if dice.chance(0.5):
        polyline(alpha, line + [0, 2 * pen], 255, pen)
    thorns = dice.whole(2, 4)
    for place in range(dice.whole(2, 8), 60, dice.whole(7, 20)):
        for _ in range(thorns):
            way = dice.direction() * size * dice.between(0.12, 0.28)
            polyline(alpha, [line[place] - way, line[place] + way], 255, pen)
    return alpha


def bow(dice: Dice, size: float) -> np.ndarray:
    """A ribbon tied in a bow: two loops, a knot, two tails; in outline with folds, or solid."""
    alpha = empty(size, size * 1.4)
    middle, pen, solid = np.array([0.7, dice.between(0.3, 0.45)]) * size, stroke_px(dice, size), dice.chance(0.3)
    for side in (-1, 1):
        out = np.array([side * dice.between(0.45, 0.65), dice.between(-0.1, 0.1)]) * size
        rise = np.array([0, dice.between(0.18, 0.3) * size])
        loop = np.concatenate(
            [bezier(middle, middle + out * 0.4 - rise, middle + out - rise, middle + out, 12),
             bezier(middle + out, middle + out + rise, middle + out * 0.4 + rise, middle, 12)]
        )  # fmt: skip
        tip = middle + np.array([side * dice.between(0.1, 0.45), dice.between(0.35, 0.6)]) * size
        flare = np.array([side * 0.12 * size, dice.between(-0.08, 0.02) * size])
        tail = np.array(
            [middle, middle + (tip - middle) * 0.5 + flare, tip + flare, tip, middle + [side * 2, 0.1 * size]]
        )
        for shape in (tail, loop):
            polygon(alpha, shape, 255 if solid else 0)
            polyline(alpha, shape, 0 if solid else 255, pen, closed=True)
        if dice.chance(0.6):
            polyline(alpha, [middle, middle + out * dice.between(0.3, 0.6)], 0 if solid else 255, pen)
    knot = ring_points(middle, size * dice.between(0.06, 0.12), size * dice.between(0.07, 0.12), 14)
    polygon(alpha, knot, 255 if solid else 0)
    polyline(alpha, knot, 0 if solid else 255, pen, closed=True)
    return alpha


def gem(dice: Dice, size: float) -> np.ndarray:
    """A cut stone, a crystal, a heart or a petal in outline, with facets, folds or a double line."""
    alpha = empty(size, size)
    pen = stroke_px(dice, size)
    kind = dice.pick(["stone", "stone", "heart", "petal", "drop"])
    if kind == "stone":
        outline = ring_points(
            (0, 0), size * dice.between(0.25, 0.45), size * dice.between(0.35, 0.45), dice.whole(5, 8)
        )
        outline = outline + dice.generator.normal(0, 0.02 * size, outline.shape)
    else:
        outline = ornament_outline(dice, kind, size * (0.42 if kind != "petal" else 0.55))
        outline = outline - (outline.max(0) + outline.min(0)) / 2
    inner = outline * dice.between(0.45, 0.8) + dice.offset(0.04 * size)
    outline, inner = outline + size / 2, inner + size / 2
    polyline(alpha, outline, 255, pen, closed=True)
    if dice.chance(0.7):
        polyline(alpha, inner[dice.whole(0, 2) :], 255, pen, closed=dice.chance(0.6))
    if kind == "stone" and dice.chance(0.8):
        for near, far in zip(inner, outline, strict=True):
            polyline(alpha, [near, far], 255, pen)
    elif dice.chance(0.4):
        polyline(alpha, [outline[0], inner[len(inner) // 2]], 255, pen)
    return alpha


def bag(dice: Dice, size: float) -> np.ndarray:
    """A bag with a handle, a flap and a clasp; a cup with an ear; a lantern on a string."""
    alpha = empty(size, size * dice.between(0.8, 1.3))
    wide, pen = alpha.shape[1], stroke_px(dice, size)
    top, flare = dice.between(0.3, 0.45) * size, dice.bell(0, 0.06) * wide
    body = np.array([[0.1 * wide + flare, top], [0.9 * wide - flare, top], [0.9 * wide + flare, 0.95 * size],
                     [0.1 * wide - flare, 0.95 * size]])  # fmt: skip
    body = np.clip(body, pen, [wide - pen, size - pen])
    solid = dice.chance(0.3)
    if solid:
        polygon(alpha, body, 255)
    polyline(alpha, body, 255, pen, closed=True)
    left, right = dice.between(0.2, 0.35) * wide, dice.between(0.65, 0.8) * wide
    for step in range(dice.whole(1, 2)):
        rise = dice.between(-0.1, 0.12) * size + step * 2 * pen
        handle = bezier(np.array([left, top]), np.array([left, rise]), np.array([right, rise]), np.array([right, top]))
        polyline(alpha, np.clip(handle, pen, None), 255, pen * dice.between(1, 2.5))
    ink = 0 if solid else 255
    if dice.chance(0.6):
        y = top + dice.between(0.08, 0.25) * size
        polyline(alpha, [[0.12 * wide, y], [0.88 * wide, y]], ink, pen)
    if dice.chance(0.7):
        half, y = size * dice.between(0.03, 0.08), top + dice.between(0.15, 0.3) * size
        polyline(alpha, corners(wide / 2 - half, y, wide / 2 + half, y + half), ink, pen, closed=True)
    return alpha


def head(dice: Dice, size: float) -> np.ndarray:
    """A small head: a jaw in line, hair as a black mass with a jagged fringe, eyes, a mouth; as crowds are drawn."""
    alpha = empty(size, size * 0.9)
    middle, pen = np.array([0.45, 0.52]) * size, stroke_px(dice, size)
    half, tall = dice.between(0.26, 0.36) * size, dice.between(0.34, 0.44) * size
    polyline(alpha, ring_points(middle, half, tall, 28), 255, pen, closed=True)
    cap = ring_points(middle - [0, 0.02 * size], half * 1.12, tall * 1.12, 28)
    above = cap[cap[:, 1] < middle[1] + dice.between(-0.15, 0.2) * size]
    above = above[np.argsort(above[:, 0])]
    teeth = np.linspace(above[-1, 0], above[0, 0], dice.whole(4, 12))
    fringe = np.stack([teeth, middle[1] - dice.generator.uniform(-0.05, 0.25, len(teeth)) * size], 1)
    upper = np.concatenate(
        [bezier(above[0], above[0] - [0, 0.6 * tall], above[-1] - [0, 0.6 * tall], above[-1], 16), fringe]
    )
    if dice.chance(0.7):
        polygon(alpha, np.clip(upper, 1, None), 255)
        for share in dice.generator.uniform(0.2, 0.8, dice.whole(0, 3)):
            root = np.array([middle[0] + (share - 0.5) * half, middle[1] - 0.8 * tall])
            polyline(alpha, [root, root + [dice.bell(0, 0.03) * size, 0.15 * size]], 0, pen)
    else:
        polyline(alpha, np.clip(upper, 1, None), 255, pen, closed=True)
    eye_y, apart = middle[1] + dice.between(-0.02, 0.1) * size, half * dice.between(0.35, 0.55)
    for side in (-1, 1):
        eye = np.array([middle[0] + side * apart, eye_y])
        if dice.chance(0.5):
            polygon(alpha, ring_points(eye, 0.02 * size + pen / 2, size * dice.between(0.03, 0.07), 10), 255)
        else:
            polyline(
                alpha, [eye - [0.06 * size, 0], eye + [0, dice.bell(0, 0.02) * size], eye + [0.06 * size, 0]], 255, pen
            )
        if dice.chance(0.5):
            polyline(alpha, [eye - [0.06 * size, 0.1 * size], eye + [0.06 * size, -0.1 * size]], 255, pen)
    mouth = np.array([middle[0], middle[1] + 0.65 * tall])
    if dice.chance(0.3):
        polygon(alpha, ring_points(mouth, size * dice.between(0.02, 0.07), size * 0.04, 12), 255)
    else:
        polyline(alpha, [mouth - [0.06 * size, 0], mouth + [0.06 * size, dice.bell(0, 0.02) * size]], 255, pen)
    return alpha


def tuft(dice: Dice, size: float) -> np.ndarray:
    """Blades of grass, ends of hair or of cloth: a jagged edge of points, solid or in line, with strokes beside it."""
    alpha = empty(size, size * dice.between(0.5, 1.8))
    wide, pen = alpha.shape[1], stroke_px(dice, size)
    count, lean = dice.whole(4, 8), dice.bell(0, 0.3) * size
    edges = np.linspace(0.05, 0.95, count + 1) * wide
    if dice.chance(0.5):
        tips = np.stack([(edges[:-1] + edges[1:]) / 2 + lean, dice.generator.uniform(0.6, 0.98, count) * size], 1)
        roots = np.stack([edges, dice.generator.uniform(0.1, 0.5, count + 1) * size], 1)
        zigzag = np.empty((2 * count + 1, 2))
        zigzag[::2], zigzag[1::2] = roots, tips
        if dice.chance(0.5):
            zigzag = np.concatenate([zigzag, [[edges[-1], 1], [edges[0], 1]]])
            polygon(alpha, zigzag, 255)
        else:
            polyline(alpha, zigzag, 255, pen)
    else:
        for x in edges:
            root, tip = (
                np.array([x, 2.0]),
                np.array([x + lean + dice.bell(0, 0.15) * size, dice.between(0.4, 0.97) * size]),
            )
            bend = np.array([dice.bell(0, 0.15) * size, 0.3 * size])
            polygon(alpha, tapered(bezier(root, root + bend, tip - bend, tip, 12), dice.between(2, 5) * pen), 255)
    return alpha if dice.chance(0.5) else np.ascontiguousarray(alpha[::-1])
