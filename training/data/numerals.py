"""Numbers where they stand alone: digital clocks and meters, prices and amounts, jerseys, doors, clock faces."""

from __future__ import annotations

import math

import numpy as np

from training.data import effects, words
from training.data.canvas import Block, Canvas
from training.data.lettering import fitted, horizontal, skewed, turned
from training.data.strokes import bezier, corners, disc, polygon, polyline, ring_points
from training.data.studio import brightness
from training.data.writing import Writer

_SEGMENTS = ((0.15, 0, 0.85, 0), (1, 0.08, 1, 0.92), (1, 1.08, 1, 1.92), (0.15, 2, 0.85, 2), (0, 1.08, 0, 1.92),
             (0, 0.08, 0, 0.92), (0.15, 1, 0.85, 1))  # fmt: skip
"""The seven bars of a digit as lines: top, upper right, lower right, bottom, lower left, upper left, middle."""
_LIT = {"0": "012345", "1": "12", "2": "01346", "3": "01236", "4": "1256", "5": "02356", "6": "023456", "7": "012",
        "8": "0123456", "9": "012356", "-": "6"}  # fmt: skip
_STYLES = {"sans": 0.5, "deco": 0.15, "sfx": 0.15, "hand": 0.1, "serif": 0.1}


def number(writer: Writer) -> None:
    """One number of some kind."""
    drawer = writer.dice.weighted(
        {_display: 0.22, _amount: 0.3, _tag: 0.14, _jersey: 0.12, _clock_face: 0.14, _page_number: 0.08}
    )
    drawer(writer)


def clock_without_numerals(canvas: Canvas, writer: Writer) -> None:
    """A dial of ticks and hands alone: no text."""
    radius = writer.dice.log_between(16, 150)
    spot = canvas.spot(writer.dice, (2 * radius, 2 * radius), beyond=0.3)
    if spot is not None:
        _dial(writer, np.array(spot), radius)


def _display(writer: Writer) -> None:
    """A clock, meter or till with seven-bar digits, in a dark or pale window."""
    dice, studio, canvas = writer.dice, writer.studio, writer.canvas
    height = dice.log_between(10, 110)
    text = words.hour(dice) if dice.chance(0.6) else f"{dice.whole(0, 99_999)}"
    block = _seven_bars(text, height, dice.between(0.08, 0.16))
    if dice.chance(0.4):
        block = skewed(dice, block, 0.05)
    tall, wide = block.alpha.shape
    margin = height * dice.between(0.2, 0.7)
    spot = canvas.spot(dice, (wide + 2 * margin, tall + 2 * margin), beyond=0.2)
    if spot is None:
        return
    dark = dice.chance(0.65)
    if dice.chance(0.85):
        window = np.zeros((int(tall + 2 * margin), int(wide + 2 * margin)), np.uint8)
        window[:] = 255
        frame = studio.plain(dice.whole(0, 255)) if dice.chance(0.5) else studio.colour()
        rim = dice.whole(2, 14)
        canvas.draw(np.pad(window, rim, constant_values=255), frame, spot[0] - wide / 2 - margin - rim,
                    spot[1] - tall / 2 - margin - rim)  # fmt: skip
        ground = studio.plain(dice.whole(0, 60)) if dark else studio.plain(dice.whole(170, 255))
        canvas.draw(window, ground, spot[0] - wide / 2 - margin, spot[1] - tall / 2 - margin)
    else:
        dark = canvas.is_dark(spot, (wide, tall))
    ink = None
    if not studio.grey and dark and dice.chance(0.7):
        ink = dice.pick([(255, 40, 30), (60, 255, 90), (90, 220, 255), (255, 190, 40)])
    style = effects.plain if dice.chance(0.8) else effects.outlined
    canvas.write_at(style(studio, block, on_dark=dark, ink=ink), spot, "sign")


def _seven_bars(text: str, height: float, width: float) -> Block:
    """Digits of lit bars; colons are two dots."""
    alpha = np.zeros((int(height * 1.3), int(height * 0.75 * len(text) + height * 0.4)), np.uint8)
    x, half = height * 0.15, height * 0.47
    for character in text:
        if character == ":":
            for y in (0.35, 0.75):
                disc(alpha, (x + height * 0.06, height * (0.1 + y)), max(0.8, height * width * 0.6), 255)
            x += height * 0.25
            continue
        for bar in _LIT[character]:
            x0, y0, x1, y1 = _SEGMENTS[int(bar)]
            start, end = (
                np.array([x + x0 * half, height * 0.1 + y0 * half]),
                np.array([x + x1 * half, height * 0.1 + y1 * half]),
            )
            _bar(alpha, start, end, max(1.0, height * width))
        x += half + height * max(0.2, 1.6 * width)
    right = int(min(alpha.shape[1], x + 1))
    return Block(alpha[:, :right], corners(0, 0, right, alpha.shape[0]), height)


def _bar(alpha: np.ndarray, start: np.ndarray, end: np.ndarray, thickness: float) -> None:
    """A bar with pointed ends."""
    way = (end - start) / (np.linalg.norm(end - start) + 1e-6)
    side = np.array([-way[1], way[0]]) * thickness / 2
    inset = way * thickness / 2
    polygon(
        alpha, [start, start + inset + side, end - inset + side, end, end - inset - side, start + inset - side], 255
    )


def _printed(writer: Writer, text: str, size_px: float) -> Block:
    face = writer.face("en", _STYLES)
    return horizontal(writer.dice, face, size_px, [face.without_unknown(text)])


def _amount(writer: Writer) -> None:
    """A sum or a quantity over the art, in print or decorated."""
    dice, canvas = writer.dice, writer.canvas
    block = fitted(_printed(writer, words.amount(dice), dice.log_between(9, 90)), 0.9 * max(canvas.size_wh))
    if dice.chance(0.3):
        block = turned(block, dice.between(-20, 20))
    tall, wide = block.alpha.shape
    spot = canvas.spot(dice, (wide, tall), beyond=0.2)
    if spot is not None:
        style = dice.weighted({effects.plain: 0.45, effects.outlined: 0.35, effects.decorated: 0.2})
        canvas.write_at(style(writer.studio, block, on_dark=canvas.is_dark(spot, (wide, tall))), spot, "sign")


def _tag(writer: Writer) -> None:
    """A price tag or a door plate: a plain shape with a number."""
    dice, studio, canvas = writer.dice, writer.studio, writer.canvas
    size = dice.log_between(8, 60)
    block = fitted(_printed(writer, words.amount(dice), size), 0.6 * max(canvas.size_wh))
    tall, wide = (side + size * dice.between(0.3, 1.2) for side in block.alpha.shape)
    spot = canvas.spot(dice, (wide, tall), beyond=0.1)
    if spot is None:
        return
    ground = studio.white() if dice.chance(0.5) else studio.colour()
    plate = np.zeros((int(tall) + 4, int(wide) + 4), np.uint8)
    outline = (
        corners(2, 2, wide, tall) if dice.chance(0.6) else ring_points((wide / 2, tall / 2), wide / 2, tall / 2, 30)
    )
    polygon(plate, outline, 255)
    canvas.draw(plate, ground, spot[0] - wide / 2, spot[1] - tall / 2)
    if dice.chance(0.7):
        rim = np.zeros_like(plate)
        polyline(rim, outline, 255, dice.pick([1, 2, 3]), closed=True)
        canvas.draw(rim, studio.against(ground), spot[0] - wide / 2, spot[1] - tall / 2)
    canvas.write_at(effects.plain(studio, block, ink=studio.against(ground)), spot, "sign")


def _jersey(writer: Writer) -> None:
    """A shirt's back with its number."""
    dice, studio, canvas = writer.dice, writer.studio, writer.canvas
    size = dice.log_between(22, 160)
    block = _printed(writer, f"{dice.whole(0, 99)}", size)
    wide, tall = size * dice.between(1.6, 2.4), size * dice.between(1.8, 2.8)
    spot = canvas.spot(dice, (wide, tall), beyond=0.2)
    if spot is None:
        return
    colour = studio.colour() if dice.chance(0.7) else studio.plain(dice.pick([0, 30, 255]))
    shirt = np.zeros((int(tall), int(wide)), np.uint8)
    outline = np.array([[0.3, 0.02], [0.5, 0.07], [0.7, 0.02], [1, 0.2], [0.9, 0.42], [0.8, 0.36], [0.82, 1], [0.18, 1],
                        [0.2, 0.36], [0.1, 0.42], [0, 0.2]]) * [wide, tall]  # fmt: skip
    polygon(shirt, outline, 255)
    canvas.draw(shirt, colour, spot[0] - wide / 2, spot[1] - tall / 2)
    seams = np.zeros_like(shirt)
    polyline(seams, outline, 255, studio.pen_px(), closed=True)
    for share in (0.2, 0.8):
        fold = bezier(
            *(np.array([[share, 0.35], [share + 0.03, 0.5], [share - 0.02, 0.6], [share, 0.95]]) * [wide, tall])
        )
        polyline(seams, fold, 255)
    canvas.draw(seams, studio.black(), spot[0] - wide / 2, spot[1] - tall / 2)
    block = skewed(dice, block, 0.06)
    style = effects.plain if dice.chance(0.6) else effects.outlined
    canvas.write_at(style(studio, block, on_dark=brightness(colour) < 120), spot, "sign")


def _clock_face(writer: Writer) -> None:
    """A round clock with ticks and hands, which are no text, and some or all of its twelve numbers, which are."""
    dice, studio, canvas = writer.dice, writer.studio, writer.canvas
    radius = dice.log_between(30, 190)
    spot = canvas.spot(dice, (2 * radius, 2 * radius), beyond=0.25)
    if spot is None:
        return
    dark = _dial(writer, np.array(spot), radius)
    face = writer.face("en", {"sans": 0.6, "serif": 0.4})
    size = max(6.0, radius * dice.between(0.16, 0.26))
    every = dice.pick([1, 1, 3])
    for hour in range(every, 13, every):
        angle = hour * math.pi / 6
        place = (spot[0] + math.sin(angle) * radius * 0.7, spot[1] - math.cos(angle) * radius * 0.7)
        block = horizontal(dice, face, size, [f"{hour}"])
        canvas.write_at(effects.plain(studio, block, ink=studio.plain(235 if dark else 15)), place, "sign")


def _dial(writer: Writer, middle: np.ndarray, radius: float) -> bool:
    """Draw ring, ticks and hands as art; says whether the dial is dark."""
    dice, studio, canvas = writer.dice, writer.studio, writer.canvas
    dark = dice.chance(0.15)
    ground, ink = (studio.plain(25), studio.plain(235)) if dark else (studio.white(), studio.black())
    side = int(2 * radius) + 8
    plate, marks = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    centre = np.array([side / 2, side / 2])
    disc(plate, centre, radius, 255)
    disc(marks, centre, radius, 255, max(1, round(radius * dice.between(0.02, 0.09))))
    ticks = dice.pick([12, 12, 60])
    for tick in range(ticks):
        angle = tick * 2 * math.pi / ticks
        way = np.array([math.sin(angle), -math.cos(angle)])
        polyline(marks, [centre + way * radius * 0.86, centre + way * radius * 0.95], 255, max(1.0, radius * 0.02))
    for length in (0.42, 0.62):
        polyline(marks, [centre, centre + dice.direction() * radius * length], 255, max(1.0, radius * 0.04))
    for alpha, colour in ((plate, ground), (marks, ink)):
        canvas.draw(alpha, colour, middle[0] - side / 2, middle[1] - side / 2)
    return dark


def _page_number(writer: Writer) -> None:
    """A page's number in a corner or at the middle of its lower edge."""
    dice, canvas = writer.dice, writer.canvas
    width, height = canvas.size_wh
    block = _printed(
        writer, dice.pick(["{}", "{}", "- {} -", "({})"]).format(dice.whole(1, 400)), dice.log_between(7, 22)
    )
    spot = (dice.pick([0.06, 0.5, 0.94]) * width, dice.pick([0.03, 0.97, 0.97]) * height)
    dark = canvas.is_dark(spot, block.alpha.shape[::-1])
    canvas.write_at(effects.plain(writer.studio, block, on_dark=dark), spot, "credit")
