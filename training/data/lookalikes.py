"""Ink textures that resemble text and are none: ticks, stitches, eyes, faces, hands, small shapes, keys, dials."""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.data.dice import Dice
from training.data.inks import TEXTURE_PX, hatch_patch, sheet
from training.data.scenery import tilted
from training.data.strokes import bezier, corners, disc, polygon, polyline, ring_points, tapered


def tick_rows(dice: Dice) -> np.ndarray:
    """Rows of ticks, crosses, rings and zigzags: stitched seams, studs, zips, dashed lines."""
    drawing = sheet(dice.pick([255, 255, 200, 0]))
    ink = 0 if drawing[0, 0] > 100 else 255
    for _ in range(dice.whole(6, 30)):
        start, along = dice.points(1, 0, TEXTURE_PX)[0], dice.direction()
        across = np.array([-along[1], along[0]])
        gap = dice.log_between(5, 26)
        size, kind, pen = gap * dice.between(0.3, 0.9), dice.whole(0, 4), dice.pick([1, 1, 2, 3])
        for step in range(dice.whole(5, 40)):
            place = start + along * gap * step
            if kind == 0:
                polyline(drawing, [place - across * size / 2, place + across * size / 2], ink, pen)
            elif kind == 1:
                polyline(drawing, [place - (across + along) * size / 2, place + (across + along) * size / 2], ink, pen)
                polyline(drawing, [place + (across - along) * size / 2, place - (across - along) * size / 2], ink, pen)
            elif kind == 2:
                disc(drawing, place, max(1.0, size / 2), ink, 1)
            elif kind == 3:
                polyline(drawing, [place, place + along * gap * 0.6], ink, pen)
            else:
                polyline(
                    drawing,
                    [place - across * size, place + along * gap * 0.5 + across * size, place + along * gap],
                    ink,
                    pen,
                )
    return drawing


def draw_eye(drawing: np.ndarray, dice: Dice, middle: np.ndarray, radius: float, squash: float) -> None:
    """One drawn eye: iris, light, lid, lashes, brow."""
    polygon(drawing, ring_points(middle, radius, radius * 0.75, 24), 255)
    polygon(drawing, ring_points(middle, radius * 0.55, radius * 0.55 * squash, 24), dice.pick([20, 90, 160]))
    polyline(drawing, ring_points(middle, radius * 0.55, radius * 0.55 * squash, 24), 0, radius * 0.05, closed=True)
    disc(drawing, middle, max(1.5, radius * 0.25), 0)
    disc(drawing, middle - [radius * 0.2, radius * 0.25 * squash], max(1.0, radius * 0.16), 255)
    lid = bezier(middle + [-radius, 0.1 * radius], middle + [-radius * 0.5, -radius * 0.95],
                 middle + [radius * 0.5, -radius * 0.95], middle + [radius, 0.1 * radius])  # fmt: skip
    polygon(drawing, tapered(lid, radius * 0.2 + 1), 0)
    for share in np.linspace(0.05, 0.95, dice.whole(0, 9)):
        root = lid[int(share * 13)]
        way = (root - middle) * dice.between(0.15, 0.4)
        polygon(drawing, tapered(np.array([root, root + way * 0.5, root + way]), radius * 0.06 + 1), 0)
    brow = bezier(middle + [-radius, -radius * 1.1], middle + [-radius * 0.4, -radius * 1.5],
                  middle + [radius * 0.4, -radius * 1.5], middle + [radius, -radius * 1.1])  # fmt: skip
    polygon(drawing, tapered(brow, radius * 0.12 + 1), 0)


def faces(dice: Dice) -> np.ndarray:
    """Drawn faces: outline, hair in spikes, eyes, mouth, blush lines."""
    drawing = sheet(dice.pick([255, 255, 235]))
    for _ in range(dice.whole(2, 6)):
        centre, radius, squash = dice.points(1, 0, TEXTURE_PX)[0], dice.log_between(22, 150), dice.between(0.8, 1.5)
        skin, locks = dice.pick([255, 255, 235]), dice.pick([0, 0, 30, 255, 190, 120])
        polygon(drawing, ring_points(centre - [0, radius * 0.4], radius * 1.25, radius * 1.3, 32), locks)
        chin = np.concatenate(
            [
                bezier(
                    centre + [-radius, -radius * 0.5],
                    centre + [-radius, radius * 0.5],
                    centre + [-radius * 0.3, radius * 1.1],
                    centre + [0, radius * 1.15],
                    10,
                ),
                bezier(
                    centre + [0, radius * 1.15],
                    centre + [radius * 0.3, radius * 1.1],
                    centre + [radius, radius * 0.5],
                    centre + [radius, -radius * 0.5],
                    10,
                ),
            ]
        )
        polygon(drawing, chin, skin)
        polyline(drawing, chin, 0, max(1.0, radius * 0.03))
        for side in (-1, 1):
            draw_eye(drawing, dice, centre + [side * radius * 0.45, radius * 0.1], radius * 0.26, squash)
        nose = centre + [dice.between(-0.08, 0.08) * radius, radius * 0.5]
        polyline(drawing, [nose, nose + [radius * 0.05, radius * 0.1]], 0)
        mouth = bezier(centre + [-radius * 0.2, radius * 0.75], centre + [0, radius * 0.85],
                       centre + [0, radius * 0.85], centre + [radius * 0.2, radius * 0.75], 8)  # fmt: skip
        polygon(drawing, tapered(mouth, dice.log_between(1.5, 1.5 + radius * 0.2)), 0)
        for share in np.linspace(-1.15, 1.15, dice.whole(5, 12)):
            root = centre + [share * radius, -radius * 0.9]
            tip = centre + [share * radius * 0.9 + dice.bell(0, radius * 0.12), dice.between(-0.4, 0.3) * radius]
            lock = [root - [radius * 0.18, 0], tip, root + [radius * 0.18, 0]]
            polygon(drawing, lock, locks)
            polyline(drawing, lock, 0 if locks > 60 else 255)
        if dice.chance(0.4):
            for side in (-1, 1):
                cheek = centre + [side * radius * 0.6, radius * 0.5]
                hatch_patch(drawing, dice, cheek, (radius * 0.1, radius * 0.15), angle=1.2, gap=max(3.0, radius * 0.07))
    return drawing


def eyes(dice: Dice) -> np.ndarray:
    """Pairs of large eyes, as in a close-up."""
    drawing = sheet(dice.pick([255, 255, 235]))
    for _ in range(dice.whole(2, 7)):
        centre, radius, squash = dice.points(1, 0, TEXTURE_PX)[0], dice.log_between(16, 110), dice.between(0.8, 1.5)
        for side in (-1, 1):
            draw_eye(drawing, dice, centre + [side * radius * 1.5, 0], radius, squash)
    return drawing


def draw_hand(drawing: np.ndarray, dice: Dice, centre: np.ndarray, *, size: float, angle: float, skin: int) -> None:
    """One hand: palm, five fingers with joints and nails, and lines in the palm."""
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    ink = 0 if skin > 60 else 255
    pen = max(1.0, size * 0.02)
    spread, mirror = dice.between(0.05, 0.3), dice.pick([-1, 1])
    for finger in range(5):
        thumb = finger == 4
        root = np.array([mirror * (-0.33 + 0.22 * finger), -0.42]) if not thumb else np.array([mirror * 0.42, 0.05])
        lean = mirror * (finger - 1.5) * spread if not thumb else mirror * dice.between(0.6, 1.1)
        length, width = (dice.between(0.45, 0.75), 0.17) if not thumb else (dice.between(0.4, 0.6), 0.2)
        if dice.chance(0.25):
            length *= 0.5  # bent
        way = np.array([math.sin(lean), -math.cos(lean)])
        side = np.array([-way[1], way[0]]) * width / 2
        tip = root + way * length
        cap = [tip + side * math.cos(t) + way * width / 2 * math.sin(t) for t in np.linspace(0, math.pi, 7)]
        outline = (np.array([root + side, *cap, root - side]) * size) @ turn.T + centre
        polygon(drawing, outline, skin)
        polyline(drawing, outline, ink, pen)
        for joint in (0.4, 0.72):
            crease = (
                np.array([root + way * length * joint + side * 0.6, root + way * length * joint - side * 0.5]) * size
            ) @ turn.T
            polyline(drawing, crease + centre, ink)
        if dice.chance(0.6):
            nail = (ring_points(tip + way * width * 0.15, width * 0.22, width * 0.26, 10) * size) @ turn.T + centre
            polyline(drawing, nail, ink, closed=True)
    palm = ring_points((0, 0), 0.46, 0.5, 28)
    palm[:, 0] *= 1 - 0.25 * (palm[:, 1] > 0.2)
    wrist = np.array([[-0.3, 0.3], [0.3, 0.3], [0.28, 1.3], [-0.28, 1.3]])
    for shape in (wrist, palm):
        polygon(drawing, (shape * size) @ turn.T + centre, skin)
    for side in (-1, 1):
        polyline(drawing, (np.array([[side * 0.3, 0.35], [side * 0.28, 1.3]]) * size) @ turn.T + centre, ink, pen)
    polyline(drawing, ((palm[0:14]) * size) @ turn.T + centre, ink, pen)
    for _ in range(dice.whole(1, 4)):
        crease = bezier(*(dice.points(4, -0.32, 0.32) * size), 8) @ turn.T + centre
        polyline(drawing, crease, ink)


def hands(dice: Dice) -> np.ndarray:
    """Hands in all positions and sizes; earlier weights took fingers and creases for strokes of writing."""
    drawing = sheet(dice.pick([255, 255, 225, 90]))
    for _ in range(dice.whole(3, 12)):
        size, skin = dice.log_between(24, 190), dice.pick([255, 255, 240, 210])
        centre, angle = dice.points(1, 0, TEXTURE_PX)[0], dice.between(0, 2 * math.pi)
        draw_hand(drawing, dice, centre, size=size, angle=angle, skin=skin)
    return drawing


def ornament_outline(dice: Dice, kind: str, size: float) -> np.ndarray:
    """Outline of a small ornament around the origin."""
    if kind == "sparkle":
        angles = np.arange(8) * math.pi / 4
        reach = np.where(np.arange(8) % 2 == 0, size, size * 0.16)
    elif kind == "star":
        angles = np.arange(10) * math.pi / 5 + dice.between(0, 6)
        reach = np.where(np.arange(10) % 2 == 0, size, size * 0.45)
    elif kind == "heart":
        t = np.linspace(0, 2 * math.pi, 24)
        x, y = 16 * np.sin(t) ** 3, 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        return np.stack([x, -y], 1) * size / 18
    elif kind == "petal":
        way = dice.direction() * size * 1.4
        side = np.array([-way[1], way[0]]) * 0.5
        zero = np.zeros(2)
        forth = bezier(zero, way * 0.3 + side, way * 0.8 + side, way, 8)
        return np.concatenate([forth, bezier(way, way * 0.8 - side, way * 0.3 - side, zero, 8)])
    elif kind == "drop":
        angles = np.linspace(0, 2 * math.pi, 20)
        reach = size * (0.6 + 0.4 * np.abs(np.cos(angles / 2)) ** 6)
    else:
        angles, reach = np.linspace(0, 2 * math.pi, 18), np.full(18, size)
    return np.stack([np.cos(angles), np.sin(angles)], 1) * np.asarray(reach)[:, None]


def scattered_shapes(dice: Dice) -> np.ndarray:
    """Sparkles, petals, hearts, stars, bubbles, drops and ink splashes."""
    drawing = sheet(dice.pick([255, 255, 170, 0]))
    ink = 0 if drawing[0, 0] > 128 else 255
    kind = dice.pick(["sparkle", "star", "heart", "petal", "drop", "ring", "splash"])
    for _ in range(dice.whole(20, 110)):
        centre, size = dice.points(1, 0, TEXTURE_PX)[0], dice.log_between(3, 34)
        if kind == "splash":
            for _ in range(6):
                disc(drawing, centre + dice.offset(size * 1.2), dice.log_between(0.7, 1 + size * 0.4), ink)
            continue
        outline = ornament_outline(dice, kind, size) + centre
        if kind != "ring" or dice.chance(0.2):
            polygon(drawing, outline, dice.pick([ink, ink, 255, 150]))
        polyline(drawing, outline, ink, closed=True)
    return drawing


def patterns(dice: Dice) -> np.ndarray:
    """Printed cloth and paper: stripes, checks, dots, scales, zigzags."""
    drawing = sheet(dice.pick([255, 255, 210, 90, 0]))
    ink = dice.pick([0, 60, 140]) if drawing[0, 0] > 100 else dice.pick([255, 200])
    step, kind = dice.log_between(8, 60), dice.pick(["stripes", "checks", "dots", "diagonals", "scales", "zigzags"])
    places = np.arange(0, TEXTURE_PX + step, step)
    size = step * dice.between(0.12, 0.4)
    for row, y in enumerate(places):
        if kind == "stripes":
            polygon(drawing, corners(0, y, TEXTURE_PX, y + step / 2), ink)
            continue
        if kind == "diagonals":
            polyline(drawing, [[0, 2 * y - TEXTURE_PX], [TEXTURE_PX, 2 * y]], ink, size)
            continue
        for column, x in enumerate(places):
            if kind == "checks" and (row + column) % 2:
                polygon(drawing, corners(x, y, x + step, y + step), ink)
            elif kind == "dots":
                disc(drawing, (x + step / 2 * (row % 2), y), size, ink)
            elif kind == "scales":
                for radius in (step * 0.5, step * 0.35, step * 0.2):
                    disc(drawing, (x + step / 2 * (row % 2), y), radius, ink, 1)
            elif kind == "zigzags":
                polyline(drawing, [[x, y], [x + step / 2, y + step * 0.3], [x + step, y]], ink, step * 0.12)
    if dice.chance(0.5):
        turn = cv2.getRotationMatrix2D((TEXTURE_PX / 2, TEXTURE_PX / 2), dice.between(0, 90), 1.45)
        return cv2.warpAffine(drawing, turn, (TEXTURE_PX, TEXTURE_PX), borderMode=cv2.BORDER_REFLECT)
    return drawing


def keys_and_dials(dice: Dice) -> np.ndarray:
    """Keyboards without labels, clock faces with ticks only, scales, grilles, plugs."""
    drawing = sheet(dice.pick([255, 235, 60]))
    light = drawing[0, 0] > 100
    ink = 0 if light else 255
    for _ in range(dice.whole(4, 14)):
        centre, size, kind = dice.points(1, 0, TEXTURE_PX)[0], dice.log_between(20, 130), dice.whole(0, 3)
        if kind == 0:
            for mark in range(dice.pick([12, 24, 60])):
                way = np.array([math.cos(mark * math.pi / 6), math.sin(mark * math.pi / 6)])
                polyline(drawing, [centre + way * size * 0.85, centre + way * size * 0.97], ink, dice.pick([1, 2]))
            disc(drawing, centre, size, ink, 2)
            for length in (0.5, 0.75):
                polyline(drawing, [centre, centre + dice.direction() * size * length], ink, 2)
        elif kind == 1:
            step = max(7.0, size / 6)
            for row in range(dice.whole(2, 5)):
                for column in range(dice.whole(4, 14)):
                    x, y = centre + [column * step, row * step]
                    polyline(drawing, corners(x, y, x + step * 0.8, y + step * 0.8), ink, closed=True)
        elif kind == 2:
            for mark in range(dice.whole(10, 40)):
                length = size * (0.3 if mark % 5 else 0.5)
                polyline(drawing, [centre + [mark * 6, 0], centre + [mark * 6, length]], ink)
        else:
            for slot in range(dice.whole(3, 10)):
                polyline(drawing, [centre + [0, slot * 7], centre + [size, slot * 7]], ink, dice.pick([1, 2, 3]))
    return tilted(dice, drawing, 0.15) if dice.chance(0.4) else drawing
