"""Find the long dashes that begin, join or end a line of text. To a network they look like any drawn line."""

from __future__ import annotations

import cv2
import numpy as np

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
