"""What grows, drawn with the pen that letters are drawn with: meadows, blossoms, petals, shrubs.

Shapes as `decoys` takes them. Rows of short blades were taken for rows of small print, blossoms for letters in a rim.
"""

from __future__ import annotations

import math

import numpy as np

from training.data.dice import Dice
from training.data.sketches import stroke_px
from training.data.strokes import bezier, disc, empty, polygon, polyline, ring_points, tapered


def meadow(dice: Dice, size: float) -> np.ndarray:
    """A field of grass seen from the side: rows of short blades, denser and shorter towards the horizon."""
    alpha = empty(size, size * dice.between(1, 2.5))
    high, wide = alpha.shape
    rows = np.sort(dice.generator.uniform(0.1, 0.95, dice.whole(2, 8)))
    pen, lean = dice.between(1, 2.5), dice.bell(0, 0.4)
    for level in rows:
        blade = high * dice.between(0.03, 0.09) * (0.5 + level)
        start, end = np.sort(dice.generator.uniform(-0.2, 1.2, 2)) * wide
        count = int(max(6, (end - start) / dice.log_between(3, 9)))
        for x in dice.generator.uniform(start, end, min(count, 160)):
            foot = np.array([x, level * high + dice.bell(0, 0.25) * blade])
            tip = foot + [lean * blade + dice.bell(0, 0.25) * blade, -blade * dice.between(0.4, 1.3)]
            if dice.chance(0.3):
                polyline(alpha, [foot, tip], 255, 1)
            else:
                polygon(alpha, tapered(np.linspace(foot, tip, 5), pen), 255)
    return alpha


def blossom(dice: Dice, size: float) -> np.ndarray:
    """A flower or a clover from the front, in outline or solid: petals around an eye, round or pointed."""
    alpha, pen = empty(size, size), stroke_px(dice, size)
    middle, count, first = np.array([size, size]) / 2, dice.whole(3, 8), dice.between(0, 6)
    reach, solid = size * 0.46, dice.chance(0.3)
    breadth = reach * math.sin(math.pi / count) * dice.between(0.7, 1.1)
    kind = dice.pick(["round", "heart", "pointed"])
    for step in range(count):
        angle = first + 2 * math.pi * step / count + dice.bell(0, 0.06)
        way, side = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
        root, tip = middle + way * reach * 0.12, middle + way * reach * (0.85 if kind == "heart" else 1.0)
        bulge = {"round": 1.4, "heart": 1.9, "pointed": 0.9}[kind] * breadth
        pull = way * reach * (0.9 if kind == "heart" else 0.5)
        left = bezier(root, root + side * bulge * 0.6 + pull * 0.3, root + side * bulge + pull, tip, 12)
        right = bezier(tip, root - side * bulge + pull, root - side * bulge * 0.6 + pull * 0.3, root, 12)
        petal = np.clip(np.concatenate([left, right]), 1, size - 2)
        if solid:
            polygon(alpha, petal, 255)
            polyline(alpha, petal, 0, pen, closed=True)
        else:
            polyline(alpha, petal, 255, pen, closed=True)
            if dice.chance(0.2):
                polyline(alpha, [root, middle + way * reach * dice.between(0.4, 0.7)], 255, 1)
    if dice.chance(0.6):
        disc(alpha, middle, reach * dice.between(0.08, 0.22), 0 if solid else 255, -1 if dice.chance(0.5) else 1)
    return alpha


def petals(dice: Dice, size: float) -> np.ndarray:
    """What drifts through a panel, in thin outline: fallen petals, leaves, feathers, splinters, cards; two to nine."""
    alpha = empty(size, size * dice.between(0.6, 1.6))
    span, kind = np.array(alpha.shape[::-1]), dice.pick(["petal", "petal", "splinter", "card"])
    pen, solid = max(1.0, size * dice.log_between(0.008, 0.03)), dice.chance(0.2)
    for _ in range(dice.whole(2, 9)):
        reach = size * dice.log_between(0.04, 0.2)
        middle, angle = dice.points(1, 0.1, 0.9)[0] * span, dice.between(0, 2 * math.pi)
        if kind == "petal":
            bend = dice.between(-0.6, 1)
            outline = np.concatenate(
                [
                    bezier(*np.array([[-1.0, 0], [-0.4, -0.9], [0.5, -0.9], [1, 0]]), 10),
                    bezier(*np.array([[1.0, 0], [0.4, 0.7 * bend], [-0.5, 0.7 * bend], [-1, 0]]), 10),
                ]
            )
        elif kind == "splinter":
            outline = ring_points((0, 0), 1, dice.between(0.4, 1), dice.whole(3, 6)) * dice.between(0.7, 1.1)
            outline = outline + dice.generator.normal(0, 0.15, outline.shape)
        else:
            outline = np.array([[-0.6, -1], [0.6, -1], [0.6, 1], [-0.6, 1.0]])
        cos, sin = math.cos(angle), math.sin(angle)
        outline = outline * reach @ np.array([[cos, sin], [-sin, cos]]) + middle
        outline = np.clip(outline, 1, span - 2)
        if solid:
            polygon(alpha, outline, 255)
        else:
            polyline(alpha, outline, 255, pen, closed=True)
    return alpha


def shrub(dice: Dice, size: float) -> np.ndarray:
    """The top of a bush or a tree: leaves that overlap, solid, in line, or light in a dark mass, ragged at the edge."""
    alpha = empty(size, size * dice.between(0.8, 1.8))
    high, wide = alpha.shape
    kind, pen = dice.pick(["solid", "line", "light"]), max(1.0, size * dice.log_between(0.008, 0.025))
    if kind == "light":
        polygon(alpha, ring_points((wide / 2, high * 0.6), wide * 0.42, high * 0.38, 24), 255)
    leaf, slim = size * dice.log_between(0.04, 0.13), dice.between(0.25, 0.6)
    for _ in range(dice.whole(14, 70)):
        angle, share = dice.between(math.pi, 2 * math.pi), dice.between(0, 1) ** 0.5
        root = np.array([wide / 2, high * 0.9])
        root = root + np.array([math.cos(angle) * 0.46 * wide, math.sin(angle) * 0.8 * high]) * share
        turn = angle + dice.bell(0, 0.7)
        way = np.array([math.cos(turn), math.sin(turn)]) * leaf * dice.between(0.6, 1.3)
        side = np.array([-way[1], way[0]]) * slim
        tip = root + way
        shoulder = tip - way * 0.3
        outline = np.concatenate(
            [bezier(root, root + side, shoulder + side, tip, 7), bezier(tip, shoulder - side, root - side, root, 7)]
        )
        outline = np.clip(outline, 1, [wide - 2, high - 2])
        if kind == "solid":
            polygon(alpha, outline, 255)
        else:
            polygon(alpha, outline, 0)
            polyline(alpha, outline, 255 if kind == "line" else 0, pen, closed=True)
    return alpha
