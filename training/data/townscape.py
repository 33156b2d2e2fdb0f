"""Houses, vehicles, trees, people and animals as a street photograph shows them, and not one letter on any. RGB.

Windows, grilles, arches, leaves and legs repeat as letters do; weights that had not seen them took them for writing.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.data.dice import Dice
from training.data.strokes import bezier, corners, disc, polygon, polyline, ring_points, tapered

Colour = tuple[int, int, int]


def townscape(dice: Dice, size_hw: tuple[int, int]) -> np.ndarray:
    """`(h, w, 3)` uint8: house fronts behind a road with vehicles and people; from afar or close by."""
    height, width = size_hw
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = _muted(dice, 120, 250)
    road = dice.between(0.55, 1.05) * height
    x = dice.between(-0.5, 0) * width
    while x < width:
        wide = dice.log_between(0.15, 1.2) * width
        _house(dice, picture, (x, road - dice.between(0.4, 1.3) * height, x + wide, road))
        x += wide * dice.between(0.95, 1.1)
    polygon(picture, corners(0, road, width, height), _muted(dice, 50, 190))
    for _ in range(dice.whole(0, 5)):  # kerbs, lanes and crossings
        y, gap = dice.between(road, height + 1), dice.log_between(8, 120)
        for start in np.arange(dice.between(-gap, 0), width, gap):
            dash = corners(start, y, start + gap * dice.between(0.4, 0.95), y + dice.log_between(1, 7))
            polygon(picture, dash, _muted(dice, 90, 245))
    for _ in range(dice.weighted({0: 0.35, 1: 0.25, 2: 0.2, 4: 0.2})):
        _tree(dice, picture, (dice.between(0, width), road), dice.log_between(0.2, 0.9) * height)
    row = dice.weighted({0: 0.35, 1: 0.25, 2: 0.2, 5: 0.2})
    x, size = dice.between(-0.3, 0.6) * width, dice.log_between(0.08, 0.5) * height
    for _ in range(row):
        wide = _vehicle(dice, picture, (x, road + dice.between(0, 0.25) * height), size)
        x += wide * dice.between(0.9, 1.4)
    for _ in range(dice.weighted({0: 0.4, 1: 0.2, 3: 0.25, 7: 0.15})):
        foot = (dice.between(0, width), road + dice.between(-0.02, 0.4) * height)
        _person(dice, picture, foot, dice.log_between(0.06, 0.8) * height)
    for _ in range(dice.weighted({0: 0.5, 2: 0.3, 5: 0.2})):  # wires
        ends = np.array([[0.0, dice.between(0, 0.6) * height], [float(width), dice.between(0, 0.6) * height]])
        sag = np.array([0, dice.between(0, 0.15) * height])
        thin = dice.pick([1, 1, 2])
        polyline(picture, bezier(ends[0], ends[0] + sag, ends[1] + sag, ends[1], 16), _muted(dice, 10, 90), thin)
    if dice.chance(0.6):
        picture = cv2.GaussianBlur(picture, (0, 0), dice.log_between(0.4, 2))
    return picture


def foliage(dice: Dice, size_hw: tuple[int, int]) -> np.ndarray:
    """`(h, w, 3)` uint8: leaves, twigs and blossoms, in focus and out of it."""
    height, width = size_hw
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = _muted(dice, 20, 200)
    shape = dice.pick(["blade", "leaf", "leaf", "round"])
    for layer in range(dice.whole(2, 3)):
        size = dice.log_between(6, 70)
        base = np.array(_muted(dice, 30, 210), float) * [0.8, 1.15, 0.7]
        for _ in range(min(260, int(1.2 * height * width / size**2))):
            place = dice.points(1, 0, 1)[0] * [width, height]
            length = size * dice.between(0.5, 1.2)
            _leaf(dice, picture, place, size=length, shape=shape, colour=_shade(base, dice.bell(1, 0.22)))
        if dice.chance(0.5):
            picture = cv2.GaussianBlur(picture, (0, 0), dice.log_between(0.5, 6) if layer == 0 else 0.6)
    for _ in range(dice.whole(0, 6)):
        twig = bezier(*(dice.points(4, -0.1, 1.1) * [width, height]), 24)
        polygon(picture, tapered(twig, dice.log_between(2, 14)), _muted(dice, 20, 120))
    return picture


def _muted(dice: Dice, low: float, high: float) -> Colour:
    """A colour as the world has them, less saturated than print, but for a car or a coat now and then."""
    grey, spread = dice.between(low, high), 60.0 if dice.chance(0.15) else 16.0
    return _shade(grey + dice.generator.normal(0, spread, 3), 1.0)


def _shade(colour: np.ndarray | Colour, factor: float) -> Colour:
    red, green, blue = (int(part) for part in np.clip(np.asarray(colour) * factor, 0, 255))
    return red, green, blue


def _arched(x0: float, y0: float, x1: float, y1: float, *, pointed: float) -> np.ndarray:
    """Outline of a door or window with an arch: 0 a lintel, 0.5 a half circle, above it a pointed arch."""
    wide = x1 - x0
    spring = min(y0 + wide * pointed, y1)
    left = bezier(np.array([x0, spring]), np.array([x0, spring - (spring - y0) * 0.55]),
                  np.array([x0 + wide * 0.22, y0]), np.array([x0 + wide * 0.5, y0]), 8)  # fmt: skip
    right = left[::-1] * [-1, 1] + [x0 + x1, 0]
    return np.concatenate([[[x0, y1]], left, right, [[x1, y1]]])


def _opening(dice: Dice, picture: np.ndarray, box: tuple[float, float, float, float], style: dict[str, float]) -> None:
    """A window, door or portal: frames one in another, panes, a cross, bars or a blind."""
    x0, y0, x1, y1 = box
    wide, high = x1 - x0, y1 - y0
    if min(wide, high) < 2:
        return
    outer, inner = style["frame"], style["glass"]
    for step in range(int(style["rings"]) + 1):
        inset = step * max(1.0, 0.07 * wide)
        tone = outer if step % 2 == 0 else outer * 0.6
        if step == int(style["rings"]):
            tone = inner
        outline = _arched(x0 + inset, y0 + inset, x1 - inset, y1, pointed=style["arch"])
        polygon(picture, outline, _shade((tone, tone * style["warm"], tone * style["warm"]), dice.between(0.9, 1.1)))
    bar = _shade((outer, outer * style["warm"], outer * style["warm"]), 1.0)
    thin = max(1.0, 0.04 * wide)
    for number in range(1, int(style["panes"])):
        x = x0 + wide * number / style["panes"]
        polyline(picture, [[x, y0 + high * 0.12], [x, y1]], bar, thin)
    for number in range(1, int(style["rows"])):
        y = y0 + high * number / style["rows"]
        polyline(picture, [[x0 + wide * 0.06, y], [x1 - wide * 0.06, y]], bar, thin)
    if dice.chance(style["blind"]):
        polygon(picture, corners(x0, y0, x1, y0 + high * dice.between(0.1, 0.7)), bar)


def _house(dice: Dice, picture: np.ndarray, box: tuple[float, float, float, float]) -> None:
    """A front: courses of brick or boards, rows of openings, ledges, railings, a portal, a roof or a gable."""
    x0, y0, x1, y1 = box
    wall, dark = np.array(_muted(dice, 60, 235)), dice.chance(0.5)
    polygon(picture, corners(x0, y0, x1, y1), _shade(wall, 1.0))
    wide, high = x1 - x0, y1 - y0
    course = dice.log_between(4, 30)
    kind = dice.weighted({"plain": 0.4, "bricks": 0.25, "boards": 0.2, "shutters": 0.15})
    line = _shade(wall, dice.between(0.6, 1.25))
    if kind != "plain":
        for number, y in enumerate(np.arange(max(y0, 0), min(y1, picture.shape[0]), course)):
            polyline(picture, [[x0, y], [x1, y]], line)
            if kind == "bricks" and course > 6:
                for x in np.arange(x0 + course * (number % 2), x1, 2 * course):
                    polyline(picture, [[x, y], [x, min(y + course, y1)]], line)
    style = {
        "frame": dice.between(30, 250), "glass": dice.between(5, 90) if dark else dice.between(90, 240),
        "warm": dice.between(0.75, 1.05), "arch": dice.pick([0.0, 0.0, 0.05, 0.5, 0.8]),
        "rings": dice.pick([0, 1, 1, 2, 4]), "panes": dice.pick([1, 2, 2, 3, 5]), "rows": dice.pick([1, 2, 3, 4]),
        "blind": dice.pick([0, 0, 0.4]),
    }  # fmt: skip
    columns, rows = dice.whole(1, 8), dice.whole(1, 6)
    cell = (wide / columns, high / rows)
    share = (dice.between(0.3, 0.85), dice.between(0.4, 0.85))
    for row in range(rows):
        for column in range(columns):
            left, top = x0 + column * cell[0], y0 + row * cell[1]
            box = (left + cell[0] * (1 - share[0]) / 2, top + cell[1] * (1 - share[1]) / 2,
                   left + cell[0] * (1 + share[0]) / 2, top + cell[1] * (1 + share[1]) / 2)  # fmt: skip
            _opening(dice, picture, box, style)
        if dice.chance(0.3):  # a balcony's rail or a ledge
            y = y0 + (row + 0.9) * cell[1]
            rail = _shade(wall, dice.between(0.4, 1.3))
            polyline(picture, [[x0, y], [x1, y]], rail, dice.pick([1, 2, 4]))
            if dice.chance(0.5):
                for x in np.arange(x0, x1, dice.log_between(4, 16)):
                    polyline(picture, [[x, y], [x, y + cell[1] * 0.2]], rail)
    if dice.chance(0.35):
        middle, half = dice.between(x0, x1), dice.log_between(0.05, 0.25) * max(wide, 60)
        portal = {**style, "rings": dice.whole(1, 6), "arch": dice.pick([0.3, 0.5, 0.9]), "panes": dice.pick([1, 2])}
        _opening(dice, picture, (middle - half, y1 - half * dice.between(2, 5), middle + half, y1), portal)
    if dice.chance(0.4):
        gable = np.array([[x0 - 4, y0], [(x0 + x1) / 2, y0 - dice.between(0.1, 0.6) * wide], [x1 + 4, y0]])
        polygon(picture, gable, _muted(dice, 40, 170))
    else:
        polygon(picture, corners(x0 - 3, y0 - dice.log_between(2, 16), x1 + 3, y0), _muted(dice, 40, 200))


def _vehicle(dice: Dice, picture: np.ndarray, foot: tuple[float, float], high: float) -> float:
    """A car, van, bus or lorry from the side or from in front; returns its length in px."""
    if dice.chance(0.35):
        return _vehicle_front(dice, picture, foot, high)
    kind = dice.pick(["car", "car", "bus", "van"])
    x, y = foot
    wide = high * {"car": 2.6, "bus": 3.4, "van": 2.1}[kind] * dice.between(0.9, 1.15)
    paint = _muted(dice, 20, 245)
    glass, trim = _muted(dice, 15, 150), _shade(paint, dice.between(0.5, 1.4))
    if kind == "car":
        body = np.array([[0.01, 0.8], [0.02, 0.5], [0.2, 0.42], [0.34, 0.08], [0.7, 0.08], [0.84, 0.42], [0.98, 0.5],
                         [0.99, 0.8]])  # fmt: skip
        cabin = (0.26, 0.8, 0.14, 0.4)
    else:
        body = np.array([[0.0, 0.85], [0.0, 0.08], [0.03, 0.02], [0.97, 0.02], [1.0, 0.08], [1.0, 0.85]])
        cabin = (0.03, 0.97, 0.12, dice.between(0.35, 0.5))
    scale = np.array([wide, high])
    polygon(picture, body * scale + [x, y - high], paint)
    count = dice.whole(2, 3) if kind == "car" else dice.whole(3, 9)
    step = (cabin[1] - cabin[0]) / count
    for number in range(count):
        left, lean = cabin[0] + number * step, 0.07 if kind == "car" else 0.0
        pane = np.array([[left + 0.01 + lean * (number == 0), cabin[2]],
                         [left + step - 0.01 - lean * (number == count - 1), cabin[2]],
                         [left + step - 0.01, cabin[3]], [left + 0.01, cabin[3]]])  # fmt: skip
        polygon(picture, pane * scale + [x, y - high], _shade(glass, dice.between(0.7, 1.3)))
    for _ in range(dice.whole(0, 3)):  # stripes and mouldings
        band = dice.between(cabin[3] + 0.03, 0.78)
        polyline(picture, np.array([[0.02, band], [0.98, band]]) * scale + [x, y - high], trim, max(1, 0.02 * high))
    for number in range(1, dice.whole(1, 5)):  # doors and handles
        seam = number / 5 + 0.1
        polyline(picture, np.array([[seam, cabin[3]], [seam, 0.8]]) * scale + [x, y - high], trim)
        handle = np.array([[seam - 0.05, cabin[3] + 0.08], [seam - 0.02, cabin[3] + 0.08]])
        polyline(picture, handle * scale + [x, y - high], _shade(trim, 0.6), max(1, 0.02 * high))
    for share in (0.2, 0.8):
        hub = np.array([x + share * wide, y - high * 0.17])
        for radius, ink in ((0.2, (25, 25, 27)), (0.12, _muted(dice, 90, 220)), (0.04, (40, 40, 40))):
            disc(picture, hub, max(1.0, radius * high), ink)
        for spoke in range(dice.pick([0, 5, 5, 8])):
            way = np.array([math.cos(spoke * 1.257), math.sin(spoke * 1.257)]) * high * 0.12
            polyline(picture, [hub, hub + way], (60, 60, 62), max(1, 0.03 * high))
    for share in (0.02, 0.94):
        lamp = corners(share, 0.52, share + 0.04, 0.6) * scale + [x, y - high]
        polygon(picture, lamp, dice.pick([(240, 235, 210), (200, 30, 25), (230, 140, 30)]))
    return wide


def _vehicle_front(dice: Dice, picture: np.ndarray, foot: tuple[float, float], high: float) -> float:
    """The same from in front or behind: screen, grille, lamps, a plate with nothing on it."""
    x, y = foot
    wide = high * dice.between(0.8, 1.3)
    paint = _muted(dice, 20, 245)

    def part(x0: float, y0: float, x1: float, y1: float, colour: Colour, *, lean: float = 0.0) -> None:
        shape = np.array([[x0 + lean, y0], [x1 - lean, y0], [x1, y1], [x0, y1]]) * [wide, high] + [x, y - high]
        polygon(picture, shape, colour)

    for left in (0.06, 0.76):
        part(left, 0.75, left + 0.18, 1.0, (25, 25, 27))
    part(0.08, 0.02, 0.92, 0.5, paint, lean=0.08)
    part(0.0, 0.42, 1.0, 0.88, paint)
    part(0.14, 0.08, 0.86, 0.4, _muted(dice, 15, 160), lean=0.06)
    slats, dark = dice.whole(2, 9), _shade(paint, 0.35)
    upright = dice.chance(0.3)
    part(0.25, 0.54, 0.75, 0.7, dark)
    for number in range(slats):
        place = (number + 0.5) / slats
        if upright:
            part(0.25 + 0.5 * place, 0.54, 0.26 + 0.5 * place, 0.7, _muted(dice, 120, 240))
        else:
            part(0.25, 0.54 + 0.16 * place, 0.75, 0.55 + 0.16 * place, _muted(dice, 120, 240))
    for centre in (0.12, 0.88):
        lamp = ring_points((x + centre * wide, y - high * 0.4), 0.09 * wide, 0.07 * high, 14)
        polygon(picture, lamp, dice.pick([(240, 238, 225), (200, 30, 25), (220, 220, 235)]))
        polyline(picture, lamp, dark, closed=True)
    part(0.36, 0.74, 0.64, 0.82, _muted(dice, 150, 250))
    return wide


def _leaf(dice: Dice, picture: np.ndarray, place: np.ndarray, *, size: float, shape: str, colour: Colour) -> None:
    """One leaf, with or without its vein."""
    if shape == "round":
        polygon(picture, ring_points(place, size * 0.5, size * dice.between(0.25, 0.5), 10), colour)
        return
    way = dice.direction() * size
    side = np.array([-way[1], way[0]]) * (0.12 if shape == "blade" else dice.between(0.25, 0.45))
    tip = place + way
    forth = bezier(place, place + way * 0.3 + side, place + way * 0.7 + side, tip, 6)
    polygon(
        picture,
        np.concatenate([forth, bezier(tip, place + way * 0.7 - side, place + way * 0.3 - side, place, 6)]),
        colour,
    )
    if size > 20 and dice.chance(0.5):
        polyline(picture, [place, tip], _shade(colour, dice.pick([0.7, 1.3])))


def _tree(dice: Dice, picture: np.ndarray, foot: tuple[float, float], high: float) -> None:
    """A trunk that forks, with leaves or without."""
    bark, top = _muted(dice, 25, 120), np.array(foot) - [0, high * 0.45]
    polygon(picture, tapered(np.linspace(np.array(foot), top - [0, high * 0.2], 8), high * 0.1), bark)
    polyline(picture, [foot, top], bark, max(1.0, high * 0.05))
    base = np.array(_muted(dice, 30, 180), float) * [0.8, 1.15, 0.7]
    bare = dice.chance(0.3)
    for _ in range(dice.whole(3, 9)):
        tip = top + [dice.bell(0, high * 0.22), -abs(dice.bell(0, high * 0.28))]
        polyline(picture, [top, (top + tip) / 2 + dice.offset(high * 0.03), tip], bark, max(1.0, high * 0.012))
        if bare:
            continue
        for _ in range(dice.whole(6, 26)):
            place = tip + dice.offset(high * 0.12)
            size = max(3.0, high * dice.between(0.02, 0.07))
            shape = "round" if size < 6 else "leaf"
            _leaf(dice, picture, place, size=size, shape=shape, colour=_shade(base, dice.bell(1, 0.22)))


def _person(dice: Dice, picture: np.ndarray, foot: tuple[float, float], high: float) -> None:
    """Somebody who stands or walks: legs, coat, arms, head and hair, a bag at times."""
    x, y = foot
    coat, trousers = _muted(dice, 10, 240), _muted(dice, 10, 220)
    skin = _shade((225, 180, 150), dice.between(0.4, 1.1))
    hip, neck = np.array([x, y - high * 0.48]), np.array([x + dice.bell(0, 0.02 * high), y - high * 0.82])
    thick = max(1.0, high * dice.between(0.06, 0.1))
    legs = trousers if dice.chance(0.75) else skin
    for side in (-1, 1):
        knee = hip + np.array([side * dice.between(0.01, 0.1), 0.24]) * high
        ankle = np.array([knee[0] + dice.bell(0, 0.04) * high, y])
        polyline(picture, [hip, knee, ankle], legs, thick)
        polygon(picture, ring_points(ankle + [thick * 0.4, 0], thick * 0.8, thick * 0.4, 10), _muted(dice, 10, 200))
    half = high * dice.between(0.08, 0.13)
    hem = dice.between(0.0, 0.16) * high
    trunk = np.array([neck + [-half, 0.02 * high], neck + [half, 0.02 * high], hip + [half, hem], hip + [-half, hem]])
    polygon(picture, trunk, coat)
    for _ in range(dice.whole(0, 4)):  # buttons, folds, a print without letters
        spot = neck + np.array([dice.bell(0, 0.03), dice.between(0.06, 0.3)]) * high
        disc(picture, spot, max(1.0, 0.012 * high), _shade(coat, dice.pick([0.5, 1.6])))
    for side in (-1, 1):
        shoulder = neck + [side * half * 0.9, 0.04 * high]
        elbow = shoulder + np.array([side * dice.between(0, 0.1), dice.between(0.08, 0.17)]) * high
        hand = elbow + np.array([dice.bell(0, 0.07), dice.between(-0.1, 0.16)]) * high
        polyline(picture, [shoulder, elbow, hand], _shade(coat, 0.9), thick * 0.75)
        disc(picture, hand, max(1.0, thick * 0.45), skin)
    head = neck - [0, 0.07 * high]
    polygon(picture, ring_points(head, 0.055 * high, 0.075 * high, 14), skin)
    polygon(picture, ring_points(head - [0, 0.035 * high], 0.06 * high, 0.05 * high, 12), _muted(dice, 10, 160))
    if dice.chance(0.3):
        bag = corners(-0.09, -0.06, 0.09, 0.09) * high + hip + [half * 1.3, 0]
        polygon(picture, bag, _muted(dice, 20, 220))
