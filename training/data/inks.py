"""Ink textures of pen lines: speed lines, hatching, hair, cloth, grass, rain, water, scratches; 640 px square."""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.data.dice import Dice
from training.data.strokes import bezier, disc, polygon, polyline, polylines, tapered

TEXTURE_PX = 640
_FAR = TEXTURE_PX * 1.5


def sheet(level: int = 255) -> np.ndarray:
    """An empty square of one grey."""
    return np.full((TEXTURE_PX, TEXTURE_PX), level, np.uint8)


def speed_lines(dice: Dice) -> np.ndarray:
    """Parallel lines of motion."""
    drawing = sheet()
    angle = dice.pick([0, 0, math.pi / 2, dice.between(0, math.pi)])
    along = np.array([math.cos(angle), math.sin(angle)])
    across = np.array([-along[1], along[0]])
    for _ in range(dice.whole(40, 240)):
        centre = (
            TEXTURE_PX / 2
            + across * dice.between(-0.8, 0.8) * TEXTURE_PX
            + along * dice.between(-0.7, 0.7) * TEXTURE_PX
        )
        length, width = dice.log_between(60, 900), dice.log_between(0.6, 6)
        if dice.chance(0.5):
            polygon(
                drawing, [centre, centre + along * length + across * width, centre + along * length], dice.whole(0, 70)
            )
        else:
            ends = [
                centre - along * length,
                centre + across * width / 2,
                centre + along * length,
                centre - across * width / 2,
            ]
            polygon(drawing, ends, 0)
    return 255 - drawing if dice.chance(0.15) else drawing


def focus_lines(dice: Dice) -> np.ndarray:
    """Lines that run to a point and leave it free."""
    drawing = sheet()
    centre = dice.points(1, 0.25, 0.75)[0] * TEXTURE_PX
    inner, squash = dice.between(0.1, 0.42) * TEXTURE_PX, dice.between(0.6, 1.5)
    dense = dice.chance(0.3)
    count = dice.whole(200, 420) if dense else dice.whole(60, 320)
    wedge = dice.between(0.012, 0.03) if dense else dice.between(0.004, 0.03)
    for _ in range(count):
        angle, width = dice.between(0, 2 * math.pi), wedge * dice.between(0.2, 1)
        rays = [np.array([math.cos(angle + turn), math.sin(angle + turn) * squash]) for turn in (0, -width, width)]
        start = inner * (1 + abs(dice.bell()) * 0.35)
        polygon(drawing, [centre + rays[0] * start, centre + rays[1] * _FAR, centre + rays[2] * _FAR], 0)
    return 255 - drawing if dice.chance(0.15) else drawing


def hatch_patch(drawing: np.ndarray, dice: Dice, centre: np.ndarray, reach: tuple[float, float], *,
                angle: float, gap: float, ink: int = 0, width: int = 1, bend: float = 0.0) -> None:  # fmt: skip
    """Add an oval patch of parallel pen lines, `gap` px apart."""
    along = np.array([math.cos(angle), math.sin(angle)])
    across = np.array([-along[1], along[0]])
    lines = []
    for step in np.arange(-reach[1], reach[1], gap):
        half = reach[0] * math.sqrt(max(0.0, 1 - (step / reach[1]) ** 2)) * dice.between(0.7, 1.15)
        middle = centre + across * (step + dice.between(-0.3, 0.3) * gap)
        lines.append([middle - along * half, middle + across * bend * half, middle + along * half])
    polylines(drawing, lines, ink, width)


def hatching(dice: Dice) -> np.ndarray:
    """Patches of hatching and cross-hatching."""
    drawing = sheet()
    gap = dice.log_between(3, 9)
    for _ in range(dice.whole(6, 40)):
        centre, angle = dice.points(1, 0, TEXTURE_PX)[0], dice.between(0, math.pi)
        reach, bend = (dice.log_between(20, 200), dice.log_between(20, 160)), dice.pick([0, 0, dice.between(-0.4, 0.4)])
        pen = dice.pick([1, 1, 1, 2])
        hatch_patch(drawing, dice, centre, reach, angle=angle, gap=gap, ink=dice.whole(0, 60), width=pen, bend=bend)
        if dice.chance(0.4):
            hatch_patch(drawing, dice, centre, reach, angle=angle + dice.between(0.5, 1.6), gap=gap, bend=bend)
    return drawing


def hair(dice: Dice) -> np.ndarray:
    """Bundles of long curves, black on white or white on black."""
    drawing = sheet(dice.pick([255, 255, 255, 0]))
    ink = 255 if drawing[0, 0] == 0 else 0
    for _ in range(dice.whole(5, 16)):
        guide, spread = dice.points(4, -0.2, 1.2) * TEXTURE_PX, dice.log_between(10, 120)
        for _ in range(dice.whole(8, 50)):
            jitter = np.stack([dice.offset(spread * share) for share in (0.5, 1, 1, 0.35)])
            curve = bezier(*(guide + jitter), 16)
            if dice.chance(0.5):
                polygon(drawing, tapered(curve, dice.log_between(1, 7)), ink)
            else:
                polyline(drawing, curve, ink)
    return drawing


def cloth_folds(dice: Dice) -> np.ndarray:
    """Loose brush strokes as in the folds of clothes, a few with hatching."""
    drawing = sheet()
    for _ in range(dice.whole(10, 40)):
        start, length = dice.points(1, 0, TEXTURE_PX)[0], dice.log_between(40, 320)
        heading = dice.direction()
        pull = [start + dice.offset(length * 0.3), start + dice.offset(length * 0.4)]
        polygon(drawing, tapered(bezier(start, *pull, start + heading * length), dice.log_between(1.5, 7)), 0)
        if dice.chance(0.3):
            reach = (dice.log_between(10, 50), dice.log_between(10, 60))
            angle = math.atan2(heading[1], heading[0]) + 1.2
            hatch_patch(drawing, dice, start, reach, angle=angle, gap=dice.log_between(3, 6))
    return drawing


def grass(dice: Dice) -> np.ndarray:
    """Tufts of blades."""
    drawing = sheet()
    height = dice.log_between(8, 70)
    for _ in range(dice.whole(150, 700)):
        root = dice.points(1, 0, TEXTURE_PX)[0]
        tip = root + [dice.bell(0, height * 0.35), -height * dice.between(0.5, 1.3)]
        blade = bezier(root, root + [0, -height * 0.3], tip + [0, height * 0.3], tip, 7)
        polygon(drawing, tapered(blade, dice.log_between(1, 4)), 0)
    return drawing


def rain(dice: Dice) -> np.ndarray:
    """Short parallel lines, on light or dark."""
    drawing = sheet(dice.pick([255, 255, 60, 0]))
    angle = dice.between(1.2, 1.9)
    along = np.array([math.cos(angle), math.sin(angle)])
    starts = dice.points(dice.whole(120, 700), 0, TEXTURE_PX)
    ends = starts + along * np.exp(dice.generator.uniform(math.log(8), math.log(140), (len(starts), 1)))
    polylines(drawing, list(np.stack([starts, ends], 1)), 0 if drawing[0, 0] > 128 else 255)
    return drawing


def waves(dice: Dice) -> np.ndarray:
    """Wavy lines over each other: water, wood grain, knit."""
    drawing = sheet(dice.pick([255, 255, 0]))
    ink = 0 if drawing[0, 0] else 255
    columns = np.arange(0, TEXTURE_PX + 8, 6.0)
    gap, height, pitch = dice.log_between(4, 26), dice.log_between(1, 16), dice.log_between(0.01, 0.09)
    phase = 0.0
    for row in np.arange(-20, TEXTURE_PX + 20, gap):
        phase += dice.between(0.1, 1.2)
        swing = np.sin(columns * pitch + phase) + 0.5 * np.sin(columns * pitch * 2.3 + phase * 1.7)
        polyline(drawing, np.stack([columns, row + height * swing], 1), ink, dice.pick([1, 1, 2]))
    return drawing


def dark_scratches(dice: Dice) -> np.ndarray:
    """Near-black ground with white strokes out of one point or along one direction, as behind a shouting hero."""
    drawing = sheet(dice.whole(0, 30))
    centre, radial = dice.points(1, -0.3, 1.3)[0] * TEXTURE_PX, dice.chance(0.6)
    heading = dice.direction()
    for _ in range(dice.whole(150, 500)):
        start = dice.points(1, 0, TEXTURE_PX)[0]
        way = start - centre if radial else heading
        way = way / (np.linalg.norm(way) + 1e-6)
        length = dice.log_between(10, 240)
        stroke = bezier(
            start, start + way * length * 0.3 + dice.offset(3), start + way * length * 0.7, start + way * length, 8
        )
        polygon(drawing, tapered(stroke, dice.log_between(0.6, 5)), dice.whole(150, 255))
    for _ in range(dice.whole(0, 200)):
        disc(drawing, dice.points(1, 0, TEXTURE_PX)[0], dice.log_between(0.5, 2.5), 255)
    return drawing


def flames(dice: Dice) -> np.ndarray:
    """Licking brush strokes that swell and taper, dark or bright, in one rough direction."""
    drawing = sheet(dice.pick([255, 20, 190]))
    heading = dice.direction()
    side = np.array([-heading[1], heading[0]])
    for _ in range(dice.whole(30, 140)):
        start, length = dice.points(1, -0.1, 1.1)[0] * TEXTURE_PX, dice.log_between(30, 260)
        sway = side * dice.between(-0.4, 0.4) * length
        curve = bezier(
            start,
            start + heading * length * 0.3 + sway,
            start + heading * length * 0.7 - sway,
            start + heading * length,
        )
        polygon(drawing, tapered(curve, dice.log_between(2, 26)), dice.pick([0, 0, 255, 255, 90, 170]))
    return drawing


def soft_shadow(dice: Dice) -> np.ndarray:
    """Broad brush shadows that fray into lines, over white."""
    drawing = sheet()
    for _ in range(dice.whole(2, 6)):
        start, heading = dice.points(1, 0, TEXTURE_PX)[0], dice.direction()
        side = np.array([-heading[1], heading[0]])
        spread, count = dice.log_between(40, 260), dice.whole(30, 120)
        for share in np.linspace(-1, 1, count):
            length = dice.log_between(60, 420) * (1.1 - abs(share))
            foot = start + side * share * spread
            polygon(drawing, [foot + side * 2.2, foot + heading * length, foot - side * 2.2], 0)
    return drawing


def scribbles(dice: Dice) -> np.ndarray:
    """Loose pen marks: squiggles, loops and small hatchings, not unlike illegible writing but larger and looser."""
    drawing = sheet()
    for _ in range(dice.whole(10, 60)):
        centre, size, kind = dice.points(1, 0, TEXTURE_PX)[0], dice.log_between(8, 60), dice.unit()
        if kind < 0.4:
            wander = np.cumsum(dice.generator.normal(0, size * 0.4, (dice.whole(4, 10), 2)), 0)
            polyline(drawing, centre + wander, 0, dice.pick([1, 1, 2]))
        elif kind < 0.6:
            t = np.linspace(0, dice.between(6, 30), 60)
            polyline(
                drawing, centre + np.stack([t * size * 0.05 + np.cos(t) * size * 0.3, np.sin(t) * size * 0.3], 1), 0
            )
        else:
            reach = (size, size * dice.between(0.2, 1))
            hatch_patch(drawing, dice, centre, reach, angle=dice.between(0, 3), gap=dice.log_between(3, 6))
    return drawing


def paper_noise(dice: Dice) -> np.ndarray:
    """Cloudy or grainy grounds: plaster, dust, splashed ink."""
    cells = max(8, int(TEXTURE_PX / dice.log_between(0.8, 30)))
    coarse = dice.generator.standard_normal((cells, cells), np.float32)
    field = cv2.resize(coarse, (TEXTURE_PX, TEXTURE_PX), interpolation=cv2.INTER_CUBIC)
    fine = dice.generator.standard_normal((TEXTURE_PX // 2, TEXTURE_PX // 2), np.float32)
    field += cv2.resize(fine, (TEXTURE_PX, TEXTURE_PX)) * dice.between(0, 0.6)
    if dice.chance(0.4):
        return np.clip((field - dice.between(-0.3, 1.2)) * dice.between(60, 400) + 128, 0, 255).astype(np.uint8)
    return np.clip(field * dice.between(10, 60) + dice.between(90, 220), 0, 255).astype(np.uint8)
