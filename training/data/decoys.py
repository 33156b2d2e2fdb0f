"""Shapes that are no letters, in the sizes, inks, outlines and glows of letters: only the shape tells them apart.

Without them a network learns that whatever has a white rim, or a vivid fill in a dark line, is lettering.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from training.data import art, effects
from training.data.canvas import Block, Canvas
from training.data.dice import Dice
from training.data.flora import blossom, meadow, petals, shrub
from training.data.lettering import turned
from training.data.lookalikes import ornament_outline
from training.data.silhouettes import beast, blast, branch, lapel, shard
from training.data.sketches import features, foot, furniture, glance, mouth, profile, stick_figure, stroke_px
from training.data.strokes import bezier, corners, disc, empty, polygon, polyline, ring_points, tapered
from training.data.studio import Studio
from training.data.traces import chain, code, crack, gloss, lightning, plates, ripples, teeth, vein, whoosh
from training.data.trinkets import bag, barbed_wire, bow, gem, head, rubble, tuft

Shape = Callable[[Dice, float], np.ndarray]
"""Draws a shape of about this height in px: `(h, w)` uint8 coverage."""


_PICTOGRAM_SHARE = 0.4
"""Share of decoys that are silhouettes of the pack: hundreds, where the shapes here are thirty."""


@dataclass(frozen=True)
class Family:
    """Shapes that stand in pictures of one sort, each with its weight."""

    shapes: dict[Shape, float]
    plain_share: float
    """Share of them that have neither outline nor glow."""


def scatter(studio: Studio, canvas: Canvas, count: int, family: Family) -> None:
    """Draw so many decoys into the art, alone or in rows, as letters stand in rows."""
    dice = studio.dice
    for _ in range(count):
        shape = _pictogram(studio) if dice.chance(_PICTOGRAM_SHARE) else dice.weighted(family.shapes)
        lone = dice.chance(0.7)
        size = dice.log_between(20, 420) if lone else dice.log_between(10, 70)
        drawn = shape(dice, size)
        if not lone:
            drawn = _row(dice, [drawn, *(shape(dice, size * dice.between(0.8, 1.1)) for _ in range(dice.whole(1, 4)))])
        block = Block(drawn, corners(0, 0, drawn.shape[1], drawn.shape[0]), size)
        if dice.chance(0.5):
            block = turned(block, dice.between(-60, 60))
        _ink(studio, canvas, block, plain=family.plain_share)


def _pictogram(studio: Studio) -> Shape:
    """Silhouettes of animals, tools, limbs and emblems, each drawn by another, and turned inside out at times."""

    def draw(dice: Dice, size: float) -> np.ndarray:
        alpha = art.icon(studio, size)
        if dice.chance(0.3):  # in line: what was solid is hollow
            line = max(3, 2 * round(stroke_px(dice, size)) + 1)
            alpha = cv2.subtract(alpha, cv2.erode(alpha, np.ones((line, line), np.uint8)))
        return np.ascontiguousarray(alpha[:, ::-1]) if dice.chance(0.5) else alpha

    return draw


def _row(dice: Dice, shapes: list[np.ndarray]) -> np.ndarray:
    gap = int(dice.between(0.05, 0.5) * shapes[0].shape[0])
    row = np.zeros((max(s.shape[0] for s in shapes), sum(s.shape[1] + gap for s in shapes)), np.uint8)
    x = 0
    for shape in shapes:
        y = (row.shape[0] - shape.shape[0]) // 2
        row[y : y + shape.shape[0], x : x + shape.shape[1]] = shape
        x += shape.shape[1] + gap
    return row


def _ink(studio: Studio, canvas: Canvas, block: Block, *, plain: float) -> None:
    """Ink it as lettering would be, but into both pictures."""
    dice = studio.dice
    centre = (dice.between(0, canvas.size_wh[0]), dice.between(0, canvas.size_wh[1]))
    outlined = 0.62 * (1 - plain)
    style = dice.weighted({effects.plain: plain, effects.outlined: outlined, effects.decorated: 1 - plain - outlined})
    ink = dice.pick([None, None, studio.black(), studio.white()])
    lettering = style(studio, block, on_dark=canvas.is_dark(centre, block.alpha.shape[::-1]), ink=ink)
    x, y = centre[0] - lettering.size_wh[0] / 2, centre[1] - lettering.size_wh[1] / 2
    for layer in lettering.layers:
        canvas.draw(layer.alpha, layer.ink, int(x) + layer.dx, int(y) + layer.dy)


def locks(dice: Dice, size: float) -> np.ndarray:
    """Locks of hair that run from one crown, some crossing."""
    alpha = empty(size, size)
    root, bend = np.array([dice.between(0.2, 0.8), 0.0]) * size, dice.between(-0.4, 0.4) * size
    for _ in range(dice.whole(2, 9)):
        tip = np.array([dice.between(0, 1), dice.between(0.6, 1)]) * size
        start = root + [dice.between(-0.2, 0.2) * size, 0]
        pulls = (start + [bend, 0.3 * size], tip + [bend * dice.between(0.2, 1), -0.3 * size])
        polygon(alpha, tapered(bezier(start, *pulls, tip, 20), size * dice.log_between(0.015, 0.14)), 255)
    return alpha


def folds(dice: Dice, size: float) -> np.ndarray:
    """A few folds of cloth, or strokes of motion: nearly parallel, none crossing."""
    alpha = empty(size, size * dice.between(0.4, 1))
    high, wide = alpha.shape
    sway = dice.between(-0.3, 0.3) * wide
    for share in np.linspace(0.15, 0.85, dice.whole(1, 5)):
        top, foot = dice.between(0, 0.35) * high, dice.between(0.6, 1) * high
        x = share * wide
        curve = bezier(
            *(np.array([[x, top], [x + sway, top + 0.3 * high], [x - sway, foot - 0.3 * high], [x, foot]])), 20
        )
        polygon(alpha, tapered(curve, size * dice.log_between(0.015, 0.07)), 255)
    return alpha


def lashes(dice: Dice, size: float) -> np.ndarray:
    """An upper lid with lashes, with or without the eye below."""
    alpha = empty(size * 0.8, size * 1.3)
    middle, reach = np.array([size * 0.65, size * 0.5]), size * 0.5
    lid = bezier(
        middle + [-reach, 0.0],
        middle + [-reach * 0.5, -reach],
        middle + [reach * 0.5, -reach],
        middle + [reach, 0.0],
        20,
    )
    polygon(alpha, tapered(lid, size * dice.between(0.05, 0.18)), 255)
    for share in range(0, 20, dice.pick([3, 5, 7])):
        tip = lid[share] + (lid[share] - middle) * dice.between(0.15, 0.5)
        polygon(alpha, tapered(np.linspace(lid[share], tip, 5), size * 0.05 + 1), 255)
    if dice.chance(0.6):
        disc(alpha, middle, reach * dice.between(0.25, 0.5), 255)
        disc(alpha, middle - reach * 0.15, reach * 0.12, 0)
    return alpha


def limb(dice: Dice, size: float) -> np.ndarray:
    """An arm or a leg, bent at the joint, with a fist or a foot."""
    alpha = empty(size, size)
    joints = (
        np.array([[0.15, 0.15], [dice.between(0.3, 0.8), dice.between(0.3, 0.6)], [dice.between(0.3, 0.8), 0.88]])
        * size
    )
    thick = size * dice.between(0.06, 0.16)
    for start, end in pairwise(joints):
        polyline(alpha, [start, end], 255, thick)
        disc(alpha, start, thick * 0.55, 255)
    polygon(alpha, ring_points(joints[-1] + [thick * 0.5, 0], thick * 1.2, thick * 0.6, 14), 255)
    return alpha


def ornament(dice: Dice, size: float) -> np.ndarray:
    """A sparkle, star, heart, petal or drop, at times hollow."""
    alpha = empty(size, size)
    outline = ornament_outline(dice, dice.pick(["sparkle", "sparkle", "star", "heart", "petal", "drop"]), size * 0.48)
    polygon(alpha, outline + size / 2, 255)
    if dice.chance(0.25):
        polygon(alpha, outline * dice.between(0.5, 0.8) + size / 2, 0)
    return alpha


def splash(dice: Dice, size: float) -> np.ndarray:
    """A splash of ink: a ragged blob with drops around it."""
    alpha = empty(size, size)
    count = dice.whole(9, 30)
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False)
    reach = size * dice.generator.uniform(0.12, 0.48, count)
    polygon(alpha, np.stack([np.cos(angles), np.sin(angles)], 1) * reach[:, None] + size / 2, 255)
    for _ in range(dice.whole(0, 8)):
        disc(alpha, dice.points(1, 0, size)[0], size * dice.log_between(0.01, 0.06), 255)
    return alpha


def bolt(dice: Dice, size: float) -> np.ndarray:
    """A lightning flash, or a crack that branches."""
    alpha = empty(size, size * 0.7)
    steps = dice.whole(3, 7)
    path = np.stack([dice.generator.uniform(0.1, 0.9, steps) * alpha.shape[1], np.linspace(0, size, steps)], 1)
    widths = np.linspace(dice.between(0.04, 0.16), 0.005, steps)[:, None] * size * [1, 0]
    polygon(alpha, np.concatenate([path + widths, (path - widths)[::-1]]), 255)
    if dice.chance(0.4):
        polyline(alpha, [path[1], path[1] + dice.offset(size * 0.2)], 255, max(1.0, size * 0.02))
    return alpha


def person(dice: Dice, size: float) -> np.ndarray:
    """A pictogram of a person: a disc for the head, limbs of even thickness."""
    alpha = empty(size, size * 0.8)
    centre, pen = alpha.shape[1] / 2, max(1.0, size * dice.between(0.07, 0.14))
    disc(alpha, (centre, size * 0.12), size * 0.1, 255)
    hip, neck = np.array([centre, size * 0.58]), np.array([centre, size * 0.28])
    polyline(alpha, [neck, hip], 255, pen * dice.between(1, 2.2))
    for side in (-1, 1):
        swing = side * dice.between(0.05, 0.3) * size
        polyline(alpha, [neck, neck + [swing, size * dice.between(-0.1, 0.3)]], 255, pen)
        knee = hip + [side * dice.between(0.02, 0.2) * size, size * 0.2]
        polyline(alpha, [hip, knee, knee + [dice.between(-0.08, 0.08) * size, size * 0.2]], 255, pen)
    return alpha


def dog(dice: Dice, size: float) -> np.ndarray:
    """A pictogram of a dog or another beast: trunk, four legs, head, ear, tail."""
    alpha = empty(size * 0.8, size * 1.1)
    pen = max(1.0, size * dice.between(0.05, 0.1))
    polygon(alpha, ring_points((size * 0.5, size * 0.4), size * 0.3, size * dice.between(0.1, 0.18), 20), 255)
    for x in (0.28, 0.38, 0.62, 0.72):
        polyline(alpha, [[x * size, 0.42 * size], [(x + dice.between(-0.06, 0.06)) * size, 0.75 * size]], 255, pen)
    polygon(alpha, ring_points((size * 0.86, size * 0.24), size * 0.14, size * 0.1, 16), 255)
    polyline(alpha, [[0.74 * size, 0.36 * size], [0.84 * size, 0.24 * size]], 255, pen * 2)
    polygon(alpha, np.array([[0.76, 0.2], [0.8, 0.05], [0.86, 0.18]]) * size, 255)
    polyline(alpha, [[0.22 * size, 0.36 * size], [0.08 * size, dice.between(0.12, 0.4) * size]], 255, pen)
    return alpha


def emblem(dice: Dice, size: float) -> np.ndarray:
    """A logo without letters: a shape with shapes cut out of it."""
    alpha = empty(size, size * dice.between(0.9, 1.4))
    middle = np.array(alpha.shape[::-1]) / 2
    sides, turn = dice.pick([3, 4, 5, 6, 30]), dice.between(0, 6)
    for step, share in enumerate((0.95, dice.between(0.5, 0.8), dice.between(0.2, 0.45))[: dice.whole(2, 3)]):
        angles = np.linspace(0, 2 * math.pi, sides, endpoint=False) + turn
        outline = np.stack([np.cos(angles) * middle[0], np.sin(angles) * middle[1]], 1) * share
        polygon(alpha, outline + middle + dice.offset(size * 0.04), 0 if step % 2 else 255)
    wing = bezier(*(dice.points(4, 0, 1) * alpha.shape[::-1]), 20)
    polygon(alpha, tapered(wing, size * dice.between(0.05, 0.2)), dice.pick([0, 0, 255]))
    return alpha


def rule(dice: Dice, size: float) -> np.ndarray:
    """A decorative rule: a line with knots, or rules of two weights."""
    wide = size * dice.between(2, 6)
    alpha = empty(size, wide)
    middle, pen = size / 2, max(1.0, size * dice.log_between(0.03, 0.15))
    polyline(alpha, [[2, middle], [wide - 3, middle]], 255, pen)
    if dice.chance(0.4):
        polyline(alpha, [[2, middle + 3 * pen], [wide - 3, middle + 3 * pen]], 255, max(1.0, pen / 3))
    for share in np.linspace(0.1, 0.9, dice.pick([1, 3, 5])):
        knot = ornament_outline(dice, dice.pick(["sparkle", "petal", "heart"]), size * dice.between(0.2, 0.45))
        polygon(alpha, knot + [share * wide, middle], 255)
    return alpha


def swirl(dice: Dice, size: float) -> np.ndarray:
    """A tendril that curls up, with leaves."""
    alpha = empty(size, size)
    t = np.linspace(0, 1, 60)
    angle = dice.between(0, 6) + dice.pick([-1, 1]) * t * dice.between(5, 13)
    path = np.stack([np.cos(angle), np.sin(angle)], 1) * (0.06 + 0.4 * t[:, None]) * size + size / 2
    polyline(alpha, path, 255, max(1.0, size * dice.log_between(0.015, 0.08)))
    for place in range(10, 60, dice.pick([9, 14, 60])):
        leaf = ornament_outline(dice, "petal", size * 0.09)
        polygon(alpha, leaf + path[place], 255)
    return alpha


def product(dice: Dice, size: float) -> np.ndarray:
    """The outline of a bottle, a shoe or a jar, drawn with one pen, with a band or two."""
    alpha = empty(size, size * 1.2)
    bottle = np.array(
        [[0.4, 0.02], [0.6, 0.02], [0.6, 0.22], [0.75, 0.38], [0.75, 0.98], [0.25, 0.98], [0.25, 0.38], [0.4, 0.22]]
    )
    shoe = np.array([[0.08, 0.3], [0.32, 0.28], [0.5, 0.5], [0.85, 0.6], [0.98, 0.78], [0.96, 0.92], [0.06, 0.92]])
    outline = dice.pick([bottle, shoe, shoe]) * [size * 1.15, size]
    polyline(alpha, outline, 255, max(1.0, size * dice.log_between(0.015, 0.06)), closed=True)
    if dice.chance(0.4):
        polygon(alpha, outline, 255)
    band = 0 if alpha[int(size * 0.7), int(size * 0.5)] else 255
    for y in dice.generator.uniform(0.5, 0.9, dice.whole(1, 4)):
        start = np.array([0.3 * size, y * size])
        polyline(
            alpha,
            [start, start + [size * dice.between(0.1, 0.5), dice.between(-0.1, 0.1) * size]],
            band,
            max(1.0, size * 0.03),
        )
    return alpha


def burst(dice: Dice, size: float) -> np.ndarray:
    """Rays around an empty middle: surprise, light, impact."""
    alpha = empty(size, size)
    for angle in np.linspace(0, 2 * math.pi, dice.whole(5, 20), endpoint=False):
        way = np.array([math.cos(angle), math.sin(angle)]) * size
        inner = dice.between(0.2, 0.3)
        ray = np.linspace(way * inner, way * dice.between(inner + 0.08, 0.48), 6) + size / 2
        polygon(alpha, tapered(ray, size * dice.log_between(0.01, 0.06)), 255)
    return alpha


def ear(dice: Dice, size: float) -> np.ndarray:
    """An ear as comics draw it: an open rim, a fold along it, a hook inside."""
    alpha = empty(size, size * dice.between(0.55, 0.9))
    scale = np.array([alpha.shape[1], alpha.shape[0]])
    pen = max(1.0, size * dice.log_between(0.015, 0.08))

    def curve(*points: tuple[float, float]) -> np.ndarray:
        loose = np.array(points) + dice.generator.normal(0, 0.03, (4, 2))
        return bezier(*(np.clip(loose, 0.03, 0.97) * scale), 24)

    rim = [
        curve((0.25, 0.35), (0.3, -0.1), (1.15, 0.0), (0.9, 0.5)),
        curve((0.9, 0.5), (0.8, 0.7), (0.6, 1.1), (0.35, 0.9)),
    ]
    inner = [
        curve((0.4, 0.4), (0.45, 0.12), (0.95, 0.2), (0.72, 0.52)),
        curve((0.45, 0.45), (0.7, 0.4), (0.75, 0.6), (0.45, 0.7)),
        curve((0.3, 0.55), (0.45, 0.55), (0.45, 0.7), (0.32, 0.72)),
    ]
    for line in rim + inner[: dice.whole(1, 3)]:
        if dice.chance(0.5):
            polygon(alpha, tapered(line, 1.8 * pen), 255)
        else:
            polyline(alpha, line, 255, pen)
    return alpha if dice.chance(0.5) else np.ascontiguousarray(alpha[:, ::-1])


def fist(dice: Dice, size: float) -> np.ndarray:
    """A hand or glove in outline: fingers side by side, a thumb, a cuff."""
    alpha = empty(size, size)
    pen, thick = max(1.0, size * dice.log_between(0.015, 0.06)), size * dice.between(0.13, 0.2)
    count, reach = dice.whole(3, 4), dice.between(0.3, 0.75)
    palm = ring_points((size * 0.5, size * 0.62), thick * count * 0.55, size * 0.26, 20)
    tips = [
        (np.array([0.5 + (number - (count - 1) / 2) * thick / size, 0.62]) * size, dice.bell(0, 0.12))
        for number in range(count)
    ]
    limbs = [(root, root + np.array([lean, -reach * dice.between(0.6, 0.75)]) * size) for root, lean in tips]
    limbs.append((palm[0] - [thick, 0], palm[0] + np.array([dice.between(-0.05, 0.2), -0.25]) * size))
    hollow = dice.chance(0.75)
    for start, end in limbs:
        for width, ink in ((thick, 255), (thick - 2 * pen, 0 if hollow else 255)):
            if width >= 1:
                polyline(alpha, [start, end], ink, width)
    if hollow:
        polygon(alpha, palm * 0.94 + np.array([0.03, 0.037]) * size, 0)
        polyline(alpha, palm[dice.whole(0, 4) : dice.whole(12, 19)], 255, pen)
    else:
        polygon(alpha, palm, 255)
    for share in np.linspace(0.86, 0.97, dice.whole(0, 3)):
        polyline(alpha, np.array([[0.25, share], [0.75, share]]) * size, 255, pen)
    return alpha


def smoke(dice: Dice, size: float) -> np.ndarray:
    """Billows of smoke or an explosion: lobes in outline or solid, curls inside."""
    alpha = empty(size, size * dice.between(0.7, 1.4))
    pen, solid = max(1.0, size * dice.log_between(0.012, 0.07)), dice.chance(0.3)
    span = np.array([alpha.shape[1], alpha.shape[0]])
    middles = span * (0.5 + dice.generator.uniform(-0.3, 0.3, (dice.whole(4, 12), 2)))
    radii = size * dice.generator.uniform(0.07, 0.2, len(middles))
    for middle, radius in zip(middles, radii, strict=True):
        disc(alpha, middle, radius, 255)
    if not solid:
        for middle, radius in zip(middles, radii, strict=True):
            disc(alpha, middle, max(1.0, radius - pen), 0)
    for middle, radius in zip(middles, radii, strict=True):
        if dice.chance(0.5):
            turn, inner = dice.between(0, 6), radius * dice.between(0.35, 0.7)
            angles = turn + np.linspace(0, dice.between(1.5, 5), 14)
            curl = middle + np.stack([np.cos(angles), np.sin(angles)], 1) * np.linspace(inner, 0.5 * inner, 14)[:, None]
            polygon(alpha, tapered(curl, 2 * pen), 0 if solid else 255)
    return alpha


def truss(dice: Dice, size: float) -> np.ndarray:
    """A lattice tower, a gate or a ladder: legs, cross-bars, struts."""
    alpha = empty(size, size * dice.between(0.3, 0.8))
    high, wide = alpha.shape
    pen, top = max(1.0, size * dice.log_between(0.015, 0.07)), dice.between(0.0, 0.4)
    heights = np.linspace(0.04, 0.96, dice.whole(3, 7))
    left = [np.array([(0.05 + top * (1 - share)) * wide, share * high]) for share in heights]
    right = [np.array([wide - point[0], point[1]]) for point in left]
    crossed = dice.chance(0.5)
    for leg in (left, right):
        polyline(alpha, leg, 255, pen * dice.between(1, 2))
    for (a, b), (c, d) in zip(pairwise(left), pairwise(right), strict=True):
        polyline(alpha, [a, c], 255, pen)
        if crossed:
            polyline(alpha, [a, d], 255, pen)
            polyline(alpha, [b, c], 255, pen)
    return alpha


def bar(dice: Dice, size: float) -> np.ndarray:
    """A thick bar: a beam, a strap, the dark gap between two balloons; straight or bent, its ends cut anyhow."""
    alpha = empty(size, size * dice.between(0.3, 0.9))
    high, wide = alpha.shape
    half, bend = wide * dice.between(0.08, 0.3), dice.between(-0.2, 0.2) * wide
    spine = bezier(
        *(np.array([[wide / 2, 0], [wide / 2 + bend, high * 0.3], [wide / 2 + bend, high * 0.7], [wide / 2, high]]))
    )
    widths = half * np.linspace(1, dice.between(0.4, 1.6), len(spine))[:, None] * [1, 0]
    slant = np.array([0, half * dice.between(-1, 1)])
    outline = np.concatenate([spine + widths + slant, (spine - widths - slant)[::-1]])
    polygon(alpha, np.clip(outline, 1, [wide - 2, high - 2]), 255)
    return alpha


DRAWN = Family({locks: 2.5, folds: 2, lashes: 1, limb: 1.5, ornament: 1.5, splash: 1, bolt: 0.8,
                swirl: 0.5, burst: 0.8, dog: 0.3, person: 0.3, ear: 2.5, fist: 1.6, smoke: 1.6,
                truss: 1.2, bar: 1, stick_figure: 4, furniture: 1.5, profile: 1.2, features: 2.5,
                foot: 1.5, rubble: 1.5, barbed_wire: 0.5, bow: 1.2, gem: 1.5, bag: 1, head: 2.5,
                tuft: 2, blast: 1.8, branch: 1.2, lapel: 1.2, shard: 2, beast: 1.2, lightning: 1.4,
                crack: 1.2, ripples: 0.8, whoosh: 1.4, chain: 0.7, vein: 0.8, teeth: 1.4, gloss: 1.4,
                plates: 1.6, meadow: 3, blossom: 2, petals: 2, shrub: 1.5, glance: 2.5, mouth: 2}, 0.35)  # fmt: skip
"""What stands in drawn panels."""
SKETCHED = Family(
    {
        stick_figure: 3,
        furniture: 1.5,
        features: 1,
        glance: 1,
        mouth: 0.7,
        petals: 0.7,
        meadow: 0.7,
        profile: 0.7,
        foot: 0.7,
        limb: 0.5,
        head: 1,
        vein: 0.4,
        whoosh: 0.5,
    },
    0.8,
)
"""What stands in comics that are all line."""
PRINTED = Family({emblem: 1.5, product: 1.5, rule: 1.2, person: 1.2, dog: 1, ornament: 1, swirl: 1,
                    splash: 0.7, bolt: 0.5, burst: 0.7, limb: 0.6, code: 1.6, chain: 0.3,
                    lightning: 0.4}, 0.35)  # fmt: skip
"""What stands on posters and packages."""
