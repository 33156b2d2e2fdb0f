"""Ink textures of places and things: facades, brick, floors, clouds, leaves, rocks, shelves; 640 px square."""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.data.dice import Dice
from training.data.inks import TEXTURE_PX, hatch_patch, sheet
from training.data.strokes import bezier, corners, disc, polygon, polyline, ring_points, tapered


def tilted(dice: Dice, drawing: np.ndarray, strength: float = 0.25) -> np.ndarray:
    """The drawing seen from an angle."""
    square = np.float32(corners(0, 0, TEXTURE_PX, TEXTURE_PX))
    moved = square + dice.generator.uniform(-strength, strength, (4, 2)) * TEXTURE_PX * 0.8
    moved = (moved - moved.mean(0)) * 1.45 + TEXTURE_PX / 2
    transform = cv2.getPerspectiveTransform(square, moved.astype(np.float32))
    size_wh = (TEXTURE_PX, TEXTURE_PX)
    return cv2.warpPerspective(drawing, transform, size_wh, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)


def brick_wall(dice: Dice) -> np.ndarray:
    """Rows of bricks, some shaded."""
    drawing = sheet(dice.pick([255, 235, 200, 90]))
    height = dice.log_between(9, 46)
    width, pen = height * dice.between(1.4, 3.2), dice.pick([1, 1, 2, 3])
    ink = 0 if drawing[0, 0] > 120 else 255
    for row, y in enumerate(np.arange(0, TEXTURE_PX, height)):
        polyline(drawing, [[0, y + dice.between(-1, 1)], [TEXTURE_PX, y + dice.between(-1, 1)]], ink, pen)
        for x in np.arange(-width * (row % 2) / 2, TEXTURE_PX, width):
            if dice.chance(0.93):
                polyline(drawing, [[x, y], [x + dice.between(-1, 1), y + height]], ink, pen)
            if dice.chance(0.15):
                polygon(drawing, corners(x, y, x + width, y + height), dice.whole(100, 240))
    return tilted(dice, drawing) if dice.chance(0.4) else drawing


def draw_windows(drawing: np.ndarray, dice: Dice, box: tuple[float, float, float, float]) -> None:
    """Rows of windows within a box: the classic look-alike of a block of text."""
    x0, y0, x1, y1 = box
    across, down = dice.whole(2, 9), dice.whole(3, 14)
    step_x, step_y = (x1 - x0) / across, (y1 - y0) / down
    left, right, top, bottom = (
        dice.between(0.1, 0.3),
        dice.between(0.7, 0.9),
        dice.between(0.12, 0.3),
        dice.between(0.7, 0.9),
    )
    bars, usual = dice.unit(), dice.pick([255, 0, 0, 160, 80])
    for column in range(across):
        for row in range(down):
            x, y = x0 + step_x * column, y0 + step_y * row
            frame = corners(x + step_x * left, y + step_y * top, x + step_x * right, y + step_y * bottom)
            glass = usual if dice.chance(0.85) else dice.pick([0, 255, 128])
            polygon(drawing, frame, glass)
            ink = 0 if glass else 255
            polyline(drawing, frame, ink, closed=True)
            if bars < 0.35:
                polyline(drawing, [(frame[0] + frame[1]) / 2, (frame[2] + frame[3]) / 2], ink)
            if bars < 0.2:
                polyline(drawing, [(frame[0] + frame[3]) / 2, (frame[1] + frame[2]) / 2], ink)


def city(dice: Dice) -> np.ndarray:
    """Houses behind houses."""
    drawing = sheet(dice.pick([255, 255, 220, 20]))
    for depth in range(dice.whole(6, 18)):
        width, x = dice.log_between(50, 220), dice.between(-60, TEXTURE_PX)
        top = TEXTURE_PX - dice.between(0.2, 0.95) * TEXTURE_PX * (1 - 0.02 * depth)
        wall = dice.pick([255, 255, 240, 200, 150, 30])
        polygon(drawing, corners(x, top, x + width, TEXTURE_PX), wall)
        polyline(
            drawing, corners(x, top, x + width, TEXTURE_PX), 0 if wall > 60 else 255, dice.pick([1, 2]), closed=True
        )
        draw_windows(drawing, dice, (x, top + 6, x + width, TEXTURE_PX))
    return drawing


def facade(dice: Dice) -> np.ndarray:
    """One house front in perspective."""
    drawing = sheet(dice.pick([255, 245, 210]))
    draw_windows(drawing, dice, (0, 0, TEXTURE_PX, TEXTURE_PX))
    for _ in range(dice.whole(0, 8)):
        y = dice.between(0, TEXTURE_PX)
        polyline(drawing, [[0, y], [TEXTURE_PX, y]], 0, dice.pick([1, 2, 4]))
    return tilted(dice, drawing, 0.3)


def lattice(dice: Dice) -> np.ndarray:
    """Bars and grids: paper screens, fences, tiles."""
    drawing = sheet(dice.pick([255, 255, 230, 0]))
    ink = 0 if drawing[0, 0] > 60 else 255
    step_x = dice.log_between(10, 90)
    step_y, pen = step_x * dice.log_between(0.4, 2.5), dice.log_between(1, 7)
    for x in np.arange(0, TEXTURE_PX, step_x):
        polyline(drawing, [[x, 0], [x, TEXTURE_PX]], ink, pen)
    for y in np.arange(0, TEXTURE_PX, step_y):
        polyline(drawing, [[0, y], [TEXTURE_PX, y]], ink, pen)
    return tilted(dice, drawing, 0.35) if dice.chance(0.7) else drawing


def floor(dice: Dice) -> np.ndarray:
    """Boards or tiles that run to a vanishing point."""
    drawing = sheet()
    far = np.array([dice.between(-0.5, 1.5), dice.between(-0.6, 0.35)]) * TEXTURE_PX
    pen, shrink = dice.pick([1, 1, 2]), dice.between(0.78, 0.93)
    for x in np.linspace(-3 * TEXTURE_PX, 4 * TEXTURE_PX, dice.whole(16, 80)):
        polyline(drawing, [far, [x, TEXTURE_PX]], 0, pen)
    y = float(TEXTURE_PX)
    while y > far[1] + 12:
        polyline(drawing, [[0, y], [TEXTURE_PX, y]], 0, pen)
        y = far[1] + (y - far[1]) * shrink
    if far[1] > 0:
        drawing[: int(far[1])] = dice.pick([255, 255, 200])
    return drawing


def clouds(dice: Dice) -> np.ndarray:
    """Round outlines over sky."""
    drawing = sheet(dice.pick([255, 200, 150, 0]))
    for _ in range(dice.whole(3, 9)):
        centre, reach = dice.points(1, 0, TEXTURE_PX)[0], dice.log_between(40, 160)
        puffs = [
            (
                centre + [dice.between(-1.6, 1.6) * reach, dice.between(-0.5, 0.5) * reach],
                reach * dice.between(0.25, 0.6),
            )
            for _ in range(dice.whole(6, 16))
        ]
        for middle, radius in puffs:
            disc(drawing, middle, radius + 2, 0)
        for middle, radius in puffs:
            disc(drawing, middle, radius, 255)
    return drawing


def foliage(dice: Dice) -> np.ndarray:
    """Leaves over leaves, light or dark: text-sized shapes with crisp outlines and veins."""
    drawing = sheet(dice.pick([255, 255, 255, 0, 128]))
    ground, size = int(drawing[0, 0]), dice.log_between(5, 26)
    for _ in range(int(min(900, dice.whole(150, 500) * (14 / size) ** 0.7))):
        draw_leaf(drawing, dice, dice.points(1, 0, TEXTURE_PX)[0], size * dice.between(0.6, 1.5), ground)
    return drawing


def draw_leaf(drawing: np.ndarray, dice: Dice, stem: np.ndarray, length: float, ground: int) -> None:
    """One leaf with an outline and perhaps a vein."""
    way = dice.direction() * length
    side = np.array([-way[1], way[0]]) * dice.between(0.25, 0.6)
    leaf = np.concatenate(
        [
            bezier(stem, stem + way * 0.3 + side, stem + way * 0.7 + side, stem + way, 7),
            bezier(stem + way, stem + way * 0.7 - side, stem + way * 0.3 - side, stem, 7),
        ]
    )
    ink = 0 if ground else 255
    polygon(drawing, leaf, dice.pick([255, 255, 0, 190, 120]) if ground != 128 else dice.pick([255, 0, 90]))
    polyline(drawing, leaf, ink)
    if dice.chance(0.4):
        polyline(drawing, [stem, stem + way * 0.9], ink)


def branches(dice: Dice) -> np.ndarray:
    """Bare twigs that fork, a few leaves on them."""
    drawing = sheet(dice.pick([255, 255, 200, 30]))
    ground = int(drawing[0, 0])
    ink = 0 if ground > 100 else 255
    ends = [
        (dice.points(1, 0, TEXTURE_PX)[0], dice.direction(), dice.log_between(5, 22)) for _ in range(dice.whole(2, 5))
    ]
    for _ in range(dice.whole(60, 160)):
        start, way, width = ends.pop(0)
        length = dice.log_between(20, 110)
        tip = start + way * length + dice.offset(length * 0.1)
        polyline(drawing, [start, (start + tip) / 2 + dice.offset(length * 0.06), tip], ink, width)
        if width < 2 and dice.chance(0.5):
            draw_leaf(drawing, dice, tip, dice.log_between(6, 22), ground)
        for _ in range(dice.whole(1, 2)):
            turn = dice.between(-0.8, 0.8)
            turned = np.array(
                [way[0] * math.cos(turn) - way[1] * math.sin(turn), way[0] * math.sin(turn) + way[1] * math.cos(turn)]
            )
            ends.append((tip, turned, max(1.0, width * dice.between(0.55, 0.85))))
    return drawing


def rocks(dice: Dice) -> np.ndarray:
    """Stones with cracks and hatched shadows."""
    drawing = sheet()
    for _ in range(dice.whole(8, 30)):
        centre, radius = dice.points(1, 0, TEXTURE_PX)[0], dice.log_between(20, 130)
        outline = ring_points(centre, radius, radius * 0.8, dice.whole(6, 11))
        outline = centre + (outline - centre) * dice.generator.uniform(0.7, 1.1, (len(outline), 1))
        polygon(drawing, outline, dice.pick([255, 255, 225, 170]))
        polyline(drawing, outline, 0, dice.pick([1, 2, 3]), closed=True)
        for _ in range(dice.whole(1, 4)):
            polyline(drawing, [dice.pick(list(outline)), centre + dice.offset(radius * 0.2)], 0)
        shade = centre + [dice.between(-0.4, 0.4) * radius, dice.between(0, 0.5) * radius]
        reach = (radius * 0.35, radius * 0.25)
        hatch_patch(drawing, dice, shade, reach, angle=dice.between(0.5, 1.2), gap=dice.log_between(3, 6))
    return drawing


def bookshelf(dice: Dice) -> np.ndarray:
    """Backs of books with bands, no titles; boxes and gaps between them."""
    drawing = sheet(dice.pick([255, 30]))
    y = 0.0
    while y < TEXTURE_PX:
        height, x = dice.log_between(50, 170), 0.0
        while x < TEXTURE_PX:
            width, top = dice.log_between(7, 32), y + height * dice.between(0.03, 0.3)
            cloth = dice.pick([255, 255, 230, 180, 90, 20])
            polygon(drawing, corners(x, top, x + width, y + height), cloth)
            polyline(drawing, corners(x, top, x + width, y + height), 0 if cloth > 60 else 200, closed=True)
            for _ in range(dice.whole(0, 3)):
                band = top + (y + height - top) * dice.between(0.05, 0.95)
                polyline(drawing, [[x, band], [x + width, band]], 0 if cloth > 120 else 255, dice.pick([1, 2, 4]))
            x += width + (dice.log_between(4, 40) if dice.chance(0.05) else 0)
        y += height + 7
        polyline(drawing, corners(0, y - 6, TEXTURE_PX, y), 0, closed=True)
    return tilted(dice, drawing, 0.2) if dice.chance(0.4) else drawing


def machinery(dice: Dice) -> np.ndarray:
    """Plates, dials, pipes and rivets."""
    drawing = sheet(dice.pick([255, 255, 235, 210]))
    for _ in range(dice.whole(20, 80)):
        x, y = dice.points(1, 0, TEXTURE_PX)[0]
        width, height, kind = dice.log_between(10, 220), dice.log_between(6, 140), dice.unit()
        if kind < 0.45:
            cut = min(width, height) * dice.between(0, 0.3)
            plate = [
                [x + cut, y],
                [x + width, y],
                [x + width, y + height - cut],
                [x + width - cut, y + height],
                [x, y + height],
                [x, y + cut],
            ]
            polygon(drawing, plate, dice.pick([255, 255, 225, 180, 120, 20]))
            polyline(drawing, plate, 0, dice.pick([1, 1, 2, 3]), closed=True)
            for step in range(dice.whole(-6, 8)):
                slot = y + height * step / 9 + 2
                polyline(drawing, [[x + 4, slot], [x + width * 0.6, slot]], 0)
        elif kind < 0.65:
            radius = max(2.0, min(width, height) / 2)
            disc(drawing, (x, y), radius, 255)
            for ring in range(dice.whole(1, 4)):
                disc(drawing, (x, y), radius * (1 - ring * 0.25), 0, 1)
        elif kind < 0.85:
            pipe = [np.array([x, y])]
            for _ in range(dice.whole(2, 6)):
                pipe.append(
                    pipe[-1]
                    + np.array(dice.pick([[1, 0], [0, 1], [-1, 0], [0, -1], [0.7, 0.7]])) * dice.log_between(10, 90)
                )
            polyline(drawing, pipe, 0, dice.pick([1, 2, 3]))
        else:
            for step in range(dice.whole(3, 10)):
                disc(drawing, (x + step * width / 6, y), dice.whole(2, 3), 0, dice.pick([-1, 1]))
    return drawing


def kitchen_shelf(dice: Dice) -> np.ndarray:
    """Bottles, cups, cans and boxes in rows: small objects of about letter size."""
    drawing = sheet(dice.pick([255, 255, 225]))
    step = dice.log_between(24, 110)
    for y in np.arange(step, TEXTURE_PX + step, step * 1.25):
        polyline(drawing, [[0, y], [TEXTURE_PX, y]], 0, dice.pick([1, 2, 3]))
        x = dice.between(0, step)
        while x < TEXTURE_PX:
            width, height = step * dice.between(0.25, 0.6), step * dice.between(0.35, 0.95)
            fill = dice.pick([255, 255, 220, 150, 40])
            ink = 0 if fill > 60 else 255
            body = corners(x, y - height, x + width, y)
            kind = dice.whole(0, 3)
            if kind == 0:  # a bottle
                neck = corners(x + width * 0.32, y - height * 1.2, x + width * 0.68, y - height * 0.9)
                polygon(drawing, neck, fill)
                polyline(drawing, neck, ink, closed=True)
            elif kind == 1:  # a cup
                disc(drawing, (x + width * 1.05, y - height * 0.5), width * 0.25, ink, 1)
            polygon(drawing, body, fill)
            polyline(drawing, body, ink, closed=True)
            if kind == 2:
                polyline(
                    drawing,
                    tapered(bezier(body[0], body[0] + [2, height * 0.3], body[3] - [-2, height * 0.3], body[3], 8), 3),
                    ink,
                )
            elif dice.chance(0.5):
                label = y - height * dice.between(0.3, 0.7)
                polyline(drawing, [[x, label], [x + width, label]], ink)
            x += width + dice.between(1, step * 0.4)
    return drawing
