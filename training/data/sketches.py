"""What a cartoonist draws in ten strokes of the pen that letters are drawn with: stick figures, desks, faces, feet.

Shapes as `decoys` takes them. A whole comic of stick figures was erased by weights that had seen none.
"""

from __future__ import annotations

import math

import numpy as np

from training.data.dice import Dice
from training.data.strokes import bezier, corners, disc, empty, polygon, polyline, ring_points, tapered


def stroke_px(dice: Dice, size: float) -> float:
    """Width of the pen for a shape of this size, px."""
    return max(1.0, size * dice.log_between(0.012, 0.045))


def stick_figure(dice: Dice, size: float) -> np.ndarray:
    """A hollow head on strokes: standing, walking, sitting, pointing; with hair, a hat or nothing."""
    alpha = empty(size, size * 0.9)
    pen, middle = stroke_px(dice, size), 0.45 * size + dice.bell(0, 0.03) * size
    radius = size * dice.between(0.09, 0.17)
    head = np.array([middle + dice.bell(0, 0.02) * size, radius + pen])
    neck, hip = head + [0, radius], np.array([middle + dice.bell(0, 0.04) * size, size * dice.between(0.55, 0.68)])
    polyline(alpha, [neck, (neck + hip) / 2 + dice.offset(0.015 * size), hip], 255, pen)
    sits = dice.chance(0.2)
    for side in (-1, 1):
        knee = hip + np.array([side * dice.between(0.01, 0.12) + 0.14 * sits, 0.04 if sits else 0.17]) * size
        foot = np.array([knee[0] + dice.bell(0, 0.06) * size, size - pen])
        polyline(alpha, [hip, knee, foot], 255, pen)
        shoulder = neck + [0, 0.03 * size]
        elbow = shoulder + np.array([side * dice.between(0.02, 0.14), dice.between(0.04, 0.14)]) * size
        hand = elbow + np.array([side * dice.between(-0.06, 0.14), dice.between(-0.18, 0.15)]) * size
        polyline(alpha, [shoulder, elbow, hand], 255, pen)
    polygon(alpha, ring_points(head, radius, radius * dice.between(0.95, 1.25), 24), 0)
    polyline(alpha, ring_points(head, radius, radius * dice.between(0.95, 1.25), 24), 255, pen, closed=True)
    hair = dice.weighted({"none": 0.5, "bob": 0.2, "tail": 0.1, "spikes": 0.1, "hat": 0.1})
    if hair == "bob":
        cap = ring_points(head, radius * 1.08, radius * 1.15, 24)
        polygon(alpha, cap[cap[:, 1] < head[1] + radius * dice.between(-0.2, 0.9)], 255)
        polygon(
            alpha, ring_points(head + [dice.bell(0, 0.3) * radius, 0.25 * radius], radius * 0.6, radius * 0.7, 16), 0
        )
    elif hair == "tail":
        tip = head + np.array([dice.pick([-1, 1]) * dice.between(1.2, 1.8), dice.between(0.3, 1.4)]) * radius
        polygon(
            alpha, tapered(bezier(head - [0, radius], head + [radius, -radius], tip - [0, radius], tip), 3 * pen), 255
        )
    elif hair == "spikes":
        for angle in np.linspace(-2.6, -0.5, dice.whole(3, 9)):
            way = np.array([math.cos(angle), math.sin(angle)])
            polyline(alpha, [head + way * radius, head + way * radius * dice.between(1.2, 1.6)], 255, pen)
    elif hair == "hat":
        brim = head - [0, radius * 0.6]
        polyline(alpha, [brim - [radius * 1.5, 0], brim + [radius * 1.5, 0]], 255, 1.5 * pen)
        polygon(alpha, corners(brim[0] - radius, 0, brim[0] + radius, brim[1]), 255)
    return alpha


def furniture(dice: Dice, size: float) -> np.ndarray:
    """A desk with a screen, a table, a chair, a shelf, a board on legs, a chart without a word."""
    wide = size * dice.between(0.7, 1.5)
    alpha, pen = empty(size, wide), stroke_px(dice, size)
    kind = dice.pick(["desk", "desk", "table", "chair", "shelf", "chart"])
    top = size * dice.between(0.4, 0.6)
    left, right = 0.08 * wide, 0.92 * wide
    if kind in {"desk", "table"}:
        board = corners(left, top, right, top + dice.between(1.5, 4) * pen)
        polyline(alpha, board, 255, pen, closed=True)
        for x in (left + 0.05 * wide, right - 0.05 * wide) if kind == "table" else (left, right * 0.6, right):
            polyline(alpha, [[x, top], [x + dice.bell(0, 0.01) * wide, size - pen]], 255, pen)
        if kind == "desk":
            screen = corners(
                0.2 * wide, dice.between(0.05, 0.2) * size, dice.between(0.45, 0.7) * wide, top - 0.06 * size
            )
            screen += dice.offset(0.01 * size)
            polyline(alpha, screen, 255, pen, closed=True)
            polyline(alpha, [[0.35 * wide, top - 0.06 * size], [0.35 * wide, top]], 255, 2 * pen)
            keys = np.array([[0.7 * wide, top - 2 * pen], [0.85 * wide, top - 2 * pen]])
            polyline(alpha, keys, 255, dice.between(1, 3) * pen)
    elif kind == "chair":
        polyline(alpha, [[left, pen], [left, size - pen]], 255, pen)
        polyline(alpha, [[left, top], [0.7 * wide, top], [0.7 * wide, size - pen]], 255, pen)
    elif kind == "shelf":
        for y in np.linspace(0.05, 0.95, dice.whole(3, 6)) * size:
            polyline(alpha, [[left, y], [right, y]], 255, pen)
        polyline(alpha, corners(left, 0.03 * size, right, 0.97 * size), 255, pen, closed=True)
    else:
        polyline(alpha, [[left, 0.03 * size], [left, 0.95 * size], [right, 0.95 * size]], 255, pen)
        heights = dice.generator.uniform(0.1, 0.9, dice.whole(4, 14)) * size
        polyline(alpha, np.stack([np.linspace(left, right, len(heights)), heights], 1), 255, pen)
    return alpha


def profile(dice: Dice, size: float) -> np.ndarray:
    """Forehead, nose, lips, chin and jaw from the side, a lock of hair behind; open, as a pen leaves it."""
    alpha, pen = empty(size, size * 0.8), stroke_px(dice, size)
    points = np.array(
        [[0.45, 0.03], [0.5, 0.2], [0.47, 0.3], [0.62, 0.46], [0.5, 0.5], [0.55, 0.56], [0.5, 0.6], [0.54, 0.66],
         [0.5, 0.78], [0.4, 0.84], [0.2, 0.72], [0.15, 0.6]]
    )  # fmt: skip
    line = (points + dice.generator.normal(0, 0.012, points.shape)) * size
    stop = dice.whole(8, len(line))
    polyline(alpha, line[dice.whole(0, 2) : stop], 255, pen)
    if dice.chance(0.6):
        eye = np.array([0.36, dice.between(0.3, 0.36)]) * size
        ends, pulls = np.array([0.08 * size, 0]), np.array([0.04 * size, -0.05 * size])
        polygon(alpha, tapered(bezier(eye - ends, eye - pulls[::-1], eye + pulls, eye + ends), 3 * pen), 255)
    for _ in range(dice.whole(0, 4)):
        root = np.array([dice.between(0.1, 0.4), 0.05]) * size
        tip = root + np.array([dice.bell(-0.1, 0.1), dice.between(0.3, 0.8)]) * size
        bend = np.array([0.1 * size, 0.2 * size])
        polygon(alpha, tapered(bezier(root, root + bend, tip - bend, tip), dice.between(1.5, 5) * pen), 255)
    return alpha if dice.chance(0.5) else np.ascontiguousarray(alpha[:, ::-1])


def features(dice: Dice, size: float) -> np.ndarray:
    """Eyes, nose and mouth of a small face with nothing around them."""
    alpha, pen = empty(size, size * dice.between(0.8, 1.2)), stroke_px(dice, size)
    middle, low = alpha.shape[1] / 2, size * dice.between(0.25, 0.4)
    apart, radius = size * dice.between(0.16, 0.3), size * dice.between(0.04, 0.14)
    kind = dice.pick(["dot", "ring", "ring", "lid", "closed"])
    for side in (-1, 1):
        eye = np.array([middle + side * apart, low])
        if kind == "dot":
            disc(alpha, eye, radius * 0.7, 255)
        elif kind == "closed":
            polyline(
                alpha, [eye - [radius, 0], eye + [0, radius * dice.between(-0.6, 0.6)], eye + [radius, 0]], 255, pen
            )
        else:
            polyline(alpha, ring_points(eye, radius * 1.3, radius, 20), 255, pen, closed=True)
            disc(alpha, eye + dice.offset(radius * 0.2), max(1.0, radius * 0.35), 255)
            if kind == "lid":
                polyline(alpha, [eye - [1.5 * radius, radius], eye + [1.5 * radius, -radius]], 255, 2 * pen)
    if dice.chance(0.8):
        nose = np.array([middle + dice.bell(0, 0.02) * size, size * dice.between(0.5, 0.6)])
        polyline(
            alpha, [nose - [0.02 * size, 0.08 * size], nose, nose + [0.04 * size, 0]][dice.whole(0, 1) :], 255, pen
        )
    mouth, reach = np.array([middle, size * dice.between(0.72, 0.85)]), size * dice.between(0.05, 0.2)
    bend = dice.bell(0, 0.6) * reach
    polyline(alpha, bezier(mouth - [reach, 0], mouth + [-reach / 2, bend], mouth + [reach / 2, bend],
                           mouth + [reach, 0], 12), 255, pen)  # fmt: skip
    return alpha


def foot(dice: Dice, size: float) -> np.ndarray:
    """A bare foot or a paw with toes, a shoe with sole and laces, a hand's back with four gaps."""
    wide = size * dice.between(0.9, 1.7)
    alpha, pen = empty(size, wide), stroke_px(dice, size)
    kind = dice.pick(["toes", "paw", "shoe", "shoe"])
    if kind == "paw":
        polygon(alpha, ring_points((wide / 2, size * 0.65), wide * 0.24, size * 0.22, 20), 255)
        for share in np.linspace(0.2, 0.8, dice.whole(3, 4)):
            rise = size * (0.3 - 0.35 * (0.5 - abs(share - 0.5)))
            polygon(alpha, ring_points((share * wide, max(rise, 0.12 * size)), wide * 0.08, size * 0.11, 14), 255)
        return alpha
    ankle = np.array([[0.12, 0.03], [0.1, 0.5], [0.05, 0.75], [0.1, 0.93], [0.9, 0.93], [0.95, 0.75], [0.7, 0.6],
                      [0.42, 0.4], [0.4, 0.03]]) * [wide, size]  # fmt: skip
    polyline(alpha, ankle, 255, pen)
    if kind == "toes":
        for x in np.linspace(0.62, 0.9, dice.whole(3, 5)):
            polyline(alpha, ring_points((x * wide, 0.84 * size), 0.05 * wide, 0.08 * size, 12)[3:11], 255, pen)
    else:
        polyline(alpha, [[0.06 * wide, 0.82 * size], [0.94 * wide, 0.82 * size]], 255, pen)
        for share in np.linspace(0.45, 0.7, dice.whole(0, 5)):
            start = np.array([share * wide, (0.1 + 0.7 * share) * size])
            polyline(alpha, [start, start + [0.1 * wide, -0.06 * size]], 255, pen)
    return alpha if dice.chance(0.5) else np.ascontiguousarray(alpha[:, ::-1])


def glance(dice: Dice, size: float) -> np.ndarray:
    """Two large eyes as manga draws them, in thin lines: tall irises left open, lights, lids, brows; or shut."""
    alpha = empty(size * 0.7, size * 1.4)
    high, wide = alpha.shape
    pen, tall = max(1.0, size * dice.log_between(0.01, 0.03)), dice.between(0.8, 1.9)
    apart, radius = wide * dice.between(0.2, 0.3), size * dice.between(0.08, 0.15)
    kind = dice.weighted({"open": 0.5, "startled": 0.3, "smiling": 0.2})
    look, filled = dice.offset(0.15 * radius), dice.pick(["none", "half", "pupil", "solid"])
    for side in (-1, 1):
        eye = np.array([wide / 2 + side * apart, high * dice.between(0.5, 0.55)])
        lid = bezier(*(np.array([[-1.3, 0.1], [-0.8, -1.1], [0.8, -1.1], [1.3, 0.1]]) * radius * [1, tall * 0.8] + eye))
        if kind == "smiling":
            polygon(alpha, tapered(lid, dice.between(2, 5) * pen), 255)
            continue
        iris = ring_points(eye + look, radius * 0.62, radius * 0.62 * tall, 24)
        if filled == "solid":
            polygon(alpha, iris, 255)
        polyline(alpha, iris, 255, pen, closed=True)
        if filled == "half":
            polygon(alpha, iris[12:], 255)
        if filled in {"pupil", "half"} or kind == "startled":
            polygon(alpha, ring_points(eye + look, radius * 0.25, radius * 0.28 * tall, 14), 255)
        disc(alpha, eye + look + [-0.25 * radius, -0.3 * radius * tall], max(1.0, radius * dice.between(0.12, 0.25)), 0)
        if kind == "open":
            polygon(alpha, tapered(lid, dice.between(2, 8) * pen), 255)
            polyline(alpha, [eye + [-0.6 * radius, radius * tall], eye + [0.6 * radius, radius * tall]], 255, pen)
        else:
            polyline(alpha, ring_points(eye, 1.2 * radius, 1.1 * radius * tall, 24), 255, pen, closed=True)
        brow = eye + np.array([0, -radius * (tall + dice.between(0.3, 0.8))])
        if dice.chance(0.7):
            ends, rise = np.array([radius * dice.between(0.6, 1.2), dice.bell(0, 0.2) * radius]), [0, -0.3 * radius]
            polygon(alpha, tapered(bezier(brow - ends, brow + rise, brow + rise, brow + ends), 2 * pen), 255)
    return alpha


def mouth(dice: Dice, size: float) -> np.ndarray:
    """A small mouth with what is around it: open in a wedge, smiling, clenched in a grid, a sigh, a blush, a drop."""
    alpha = empty(size, size * dice.between(0.9, 1.4))
    pen = max(1.0, size * dice.log_between(0.015, 0.05))
    middle, reach = np.array(alpha.shape[::-1]) / 2, size * dice.between(0.15, 0.35)
    kind = dice.pick(["wedge", "smile", "clenched", "wave"])
    if kind == "wedge":
        line = np.array([[-1, -0.3], [1, -0.3 + dice.bell(0, 0.1)], [dice.between(-0.4, 0.4), 1]]) * reach + middle
        if dice.chance(0.4):
            polygon(alpha, line, 255)
        polyline(alpha, line, 255, pen, closed=dice.chance(0.92))
    elif kind == "smile":
        bow = bezier(*(np.array([[-1, 0], [-0.5, 0.5], [0.5, 0.5], [1, 0]]) * reach + middle))
        polygon(alpha, tapered(bow, dice.between(1.5, 4) * pen), 255)
    elif kind == "clenched":
        lips = ring_points(middle, reach, reach * dice.between(0.35, 0.6), 24)
        polyline(alpha, lips, 255, pen, closed=True)
        polyline(alpha, [middle - [reach, 0], middle + [reach, 0]], 255, pen)
        for share in np.linspace(-0.7, 0.7, dice.whole(2, 7)):
            half = reach * 0.4 * (1 - share * share) ** 0.5
            polyline(alpha, [middle + [share * reach, -half], middle + [share * reach, half]], 255, pen)
    else:
        xs = np.linspace(-1, 1, dice.whole(3, 9))
        ys = np.where(np.arange(len(xs)) % 2, 0.18, -0.18)
        polyline(alpha, np.stack([xs, ys], 1) * reach + middle, 255, pen)
    if dice.chance(0.4):
        for side in (-1, 1):
            for step in range(dice.whole(2, 4)):
                root = middle + np.array([side * (0.32 + 0.04 * step), -0.25]) * size
                polyline(alpha, [root, root + np.array([-0.03, 0.1]) * size], 255, pen)
    if dice.chance(0.3):
        drop = middle + np.array([dice.pick([-1, 1]) * 0.4, dice.between(-0.4, 0.2)]) * size
        polyline(alpha, ring_points(drop, 0.03 * size, 0.06 * size, 14)[3:14], 255, pen)
    return alpha
