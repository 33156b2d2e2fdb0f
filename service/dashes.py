"""Find the long dashes that begin, join or end a line of text, and the dots that a text trails off in.

To a network a dash looks like any drawn line, and the last of four dots like any speck.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.gate import TOLERANCE_LEVELS, Colour
from service.imaging.arrays import Image, Mask
from service.imaging.colour import colour_distance
from service.imaging.masks import Components, chosen, components, dilate, from_bool

DASH_GLYPHS = 5.0
"""Longest dash, in glyph sizes, that is looked for."""
MIN_LENGTH_GLYPHS = 0.45
MAX_THICKNESS_GLYPHS = 0.3
MIN_ASPECT = 3.0
MIN_FILL = 0.6
"""Share of its box that a straight stroke fills; the box leans with it, as pages lie on scanners."""
MAX_GAP_GLYPHS = 0.8
MAX_OFFSET_GLYPHS = 0.3
INK_LEVELS = 60
MIN_ROUNDNESS, MAX_ASPECT = 0.65, 1.4
"""Share of its box that a dot fills, and its longer side in shorter ones."""
MAX_PITCH_DOTS, MAX_OFFSET_DOTS, MAX_AREA_RATIO = 4.0, 0.4, 1.8
"""Of the next dot of a row: how far it may be along it and off it, in diameters, and how much larger or smaller."""
MOST_DOTS = 6
"""A row that goes on for more than so many is one of a tone's, or a border of beads."""
CROWD_DOTS = 200
"""With more dots left than this around a text they are a tone's."""
GONE_SHARE = 0.9
"""Share of a dot in the mask from which on it is erased."""


def find_dashes(image: Image, glyphs: Mask, colour: Colour, glyph_px: int) -> Mask:
    """The `(H, W)` mask of straight strokes on the flat `colour` that continue a column or a row of `glyphs`.

    A dash is thin and straight, stands apart from all other ink, starts within a glyph's reach of the text and lies
    on the middle line of the glyph it follows. `glyph_px` is the typical size of a glyph.
    """
    distance = colour_distance(image, colour)
    ink = from_bool(distance > INK_LEVELS)
    ink[dilate(glyphs, 1) > 0] = 0
    strokes, letters = components(ink), components(glyphs)
    upright, flat = (strokes, letters), (strokes.turned(), letters.turned())
    is_dash = np.zeros(strokes.count + 1, np.bool_)
    for number in range(1, strokes.count + 1):
        is_dash[number] = any(_continues(lines, number, text, glyph_px) for lines, text in (upright, flat)) and _inside(
            strokes, number, ink.shape
        )
    found = from_bool(chosen(strokes.labels, is_dash))
    # The soft edge of a dash belongs to it.
    near = dilate(found, 2) > 0
    return from_bool((found > 0) | (near & (distance > TOLERANCE_LEVELS)))


def find_dots(image: Image, erased: Mask, colour: Colour, most_px: float) -> Mask:
    """The `(H, W)` mask of the dots on the flat `colour` that go on with a row of dots of which some are `erased`.

    They are round, of one size, no wider than `most_px`, and follow each other across or down at a few diameters, as
    those of "……" do.
    """
    pieces = components(from_bool(colour_distance(image, colour) > INK_LEVELS))
    wide, high = pieces.right - pieces.left, pieces.bottom - pieces.top
    is_dot = (pieces.area >= MIN_ROUNDNESS * wide * high) & (pieces.longer_side <= MAX_ASPECT * np.minimum(wide, high))
    is_dot &= pieces.longer_side <= most_px
    is_dot[0] = False
    is_gone = np.bincount(pieces.labels[erased > 0], minlength=pieces.count + 1) >= GONE_SHARE * pieces.area
    is_found, others = np.zeros_like(is_dot), is_dot & ~is_gone
    if not 0 < np.count_nonzero(others) <= CROWD_DOTS:
        return from_bool(chosen(pieces.labels, is_found))
    for first in np.flatnonzero(is_dot & is_gone).tolist():
        for axis in (0, 1):
            row = _row_from(pieces, first, np.flatnonzero(others), axis)
            if 0 < len(row) <= MOST_DOTS and not _in_crowd(pieces, row, others):
                is_found[row] = True
    return from_bool(chosen(pieces.labels, is_found))


def _row_from(pieces: Components, first: int, may_be: npt.NDArray[np.intp], axis: int) -> list[int]:
    """Those that `may_be` and go on, both ways, with a row that runs along the `axis` from `first`; too many end it."""
    middles = pieces.middles
    left, last = may_be, [first]
    row: list[int] = []
    while last and len(row) <= MOST_DOTS:
        dot = last.pop()
        away = np.abs(middles[left] - middles[dot])
        ratio, diameter = pieces.area[left] / pieces.area[dot], np.sqrt(pieces.area[dot] * 4 / np.pi)
        goes_on = (ratio <= MAX_AREA_RATIO) & (ratio >= 1 / MAX_AREA_RATIO)
        goes_on &= (away[:, axis] <= MAX_PITCH_DOTS * diameter) & (away[:, 1 - axis] <= MAX_OFFSET_DOTS * diameter)
        found = left[goes_on].tolist()
        left, row, last = left[~goes_on], row + found, last + found
    return row


def _in_crowd(pieces: Components, row: list[int], dots: npt.NDArray[np.bool_]) -> bool:
    """Whether other dots stand around the row: a tone's, a pattern's."""
    middles = pieces.middles
    low, high = middles[row].min(0), middles[row].max(0)
    reach = MAX_PITCH_DOTS * np.sqrt(pieces.area[row].max() * 4 / np.pi)
    near = dots & (middles >= low - reach).all(1) & (middles <= high + reach).all(1)
    return bool(np.count_nonzero(near) > len(row))


def _continues(boxes: Components, number: int, letters: Components, glyph_px: int) -> bool:
    """Whether box `number` is an upright dash above or below one of the `letters` (index 0 is their background)."""
    left, right = int(boxes.left[number]), int(boxes.right[number])
    top, bottom = int(boxes.top[number]), int(boxes.bottom[number])
    thickness, length = right - left, bottom - top
    is_long = length >= MIN_LENGTH_GLYPHS * glyph_px and length >= MIN_ASPECT * thickness
    if not is_long or not _is_straight(boxes, number, MAX_THICKNESS_GLYPHS * glyph_px):
        return False
    gap = np.maximum(top - letters.bottom[1:], letters.top[1:] - bottom)
    offset = np.abs((letters.left[1:] + letters.right[1:]) / 2 - (left + right) / 2)
    follows = (gap <= MAX_GAP_GLYPHS * glyph_px) & (gap >= -1) & (offset <= MAX_OFFSET_GLYPHS * glyph_px)
    return bool(follows.any())


def _is_straight(boxes: Components, number: int, most_px: float) -> bool:
    """Whether piece `number` fills the narrowest box around it, which is at most `most_px` thick."""
    rows = slice(boxes.top[number], boxes.bottom[number])
    points = cv2.findNonZero(from_bool(boxes.labels[rows, boxes.left[number] : boxes.right[number]] == number))
    # The sides lie on the middles of pixels.
    sides = np.add(cv2.minAreaRect(points)[1], 1)
    return bool(sides.min() <= most_px and boxes.area[number] >= MIN_FILL * sides.prod())


def _inside(boxes: Components, number: int, size_hw: tuple[int, ...]) -> bool:
    return bool(
        boxes.left[number] > 0
        and boxes.top[number] > 0
        and boxes.right[number] < size_hw[1]
        and boxes.bottom[number] < size_hw[0]
    )
