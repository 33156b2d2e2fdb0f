"""Find the dots that stand alone in a bubble, a silence. To a network a row of dots looks like any three marks.

What speaks for them is the bubble: an outline all around, nothing in it but dots of one size, in one row, at one
distance, in its middle.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image, Mask
from service.imaging.colour import luma
from service.imaging.masks import Components, components, dilate, from_bool

DARK_LEVEL, LIGHT_LEVEL = 110, 180
"""Light below which a dot and above which its bubble is; on a dark bubble it is the other way round."""
MIN_SIDE_PX, MAX_PAGE_SHARE = 28, 0.3
"""Shorter side of a bubble's inside, and how much of the page it takes at most."""
MIN_BOX_SHARE, MIN_SOLIDITY = 0.5, 0.75
"""Share of its box, and of its convex hull, that a bubble fills, its tail counted."""
DOTS = (3, 12)
DOT_PX, MAX_DOT_SIDES = 2.5, 0.22
"""Diameter of a dot, at least, and at most in shorter sides of the bubble."""
MIN_ROUNDNESS, MAX_ASPECT = 0.6, 1.5
"""Share of its box that a dot fills (a disc fills 0.79), and its longer side in shorter ones."""
MAX_AREA_RATIO, MAX_PITCH_RATIO = 2.2, 1.6
"""Between the largest and the smallest dot, and the widest and the narrowest step between them."""
PITCH_DOTS = (1.2, 7.0)
"""Step from dot to dot, in diameters."""
MAX_OFFSET_DOTS = 0.4
"""How far a dot may lie from the row's line, in diameters."""
CENTRAL = 0.22
"""How far the row's middle may be from the bubble's, in sides of its box."""
SOFT_EDGE_PX = 1


def find_lone_marks(image: Image, size_hw: tuple[int, int], check: Callable[[], None] = lambda: None) -> Mask:
    """The mask of rows of dots that stand alone in a bubble of `image` `(H, W, 3)` uint8; 0 where there are none.

    It is looked for, and answered, at `size_hw`, which is smaller than the image where that is very large: it takes
    some ten bytes a pixel. `check` is called for each thing that may be a bubble, and may raise.
    """
    light = luma(image)
    if light.shape != size_hw:
        light = np.asarray(cv2.resize(light, size_hw[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    found = np.zeros(size_hw, np.uint8)
    is_light, is_dark = light > LIGHT_LEVEL, light < DARK_LEVEL
    for ground, ink in ((is_light, is_dark), (is_dark, is_light)):
        _add_marks(found, ground, ink, check)
    return found


def _add_marks(
    found: Mask, ground: npt.NDArray[np.bool_], ink: npt.NDArray[np.bool_], check: Callable[[], None]
) -> None:
    insides = components(from_bool(ground), connectivity=4)
    height, width = found.shape
    wide, high = insides.right - insides.left, insides.bottom - insides.top
    may_be = (np.minimum(wide, high) >= MIN_SIDE_PX) & (insides.area <= MAX_PAGE_SHARE * found.size)
    may_be &= (insides.left > 0) & (insides.top > 0) & (insides.right < width) & (insides.bottom < height)
    may_be &= insides.area >= MIN_BOX_SHARE * wide * high
    may_be[0] = False
    for number in np.flatnonzero(may_be).tolist():
        check()
        x0, y0, x1, y1 = insides.box(number)
        window = np.s_[y0:y1, x0:x1]
        inside = from_bool(insides.labels[window] == number)
        contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        whole = np.zeros_like(inside)
        cv2.drawContours(whole, contours, 0, 255, -1)
        if np.count_nonzero(whole) < MIN_SOLIDITY * cv2.contourArea(cv2.convexHull(contours[0])):
            continue
        enclosed = whole & ~inside
        marks = components(enclosed)
        inked = np.bincount(marks.labels[ink[window]], minlength=marks.count + 1)
        if _is_row(marks, inked, (x1 - x0, y1 - y0)):
            found[window] |= dilate(enclosed, SOFT_EDGE_PX)


def _is_row(marks: Components, inked: npt.NDArray[np.int64], size_wh: tuple[int, int]) -> bool:
    """Whether all `marks` in a bubble are dots of one row in its middle; `inked` counts the ink in each."""
    if not DOTS[0] <= marks.count <= DOTS[1]:
        return False
    wide, high = (marks.right - marks.left)[1:], (marks.bottom - marks.top)[1:]
    area = marks.area[1:]
    diameter = float(np.sqrt(area * 4 / np.pi).mean())
    is_dot = (area >= MIN_ROUNDNESS * wide * high) & (np.maximum(wide, high) <= MAX_ASPECT * np.minimum(wide, high))
    is_dot &= inked[1:] > 0
    if not is_dot.all() or not DOT_PX <= diameter <= MAX_DOT_SIDES * min(size_wh):
        return False
    middles = marks.middles[1:]
    span = np.ptp(middles, axis=0)
    along = int(span[1] > span[0])
    middles = middles[np.argsort(middles[:, along])]
    steps = np.diff(middles[:, along])
    is_even = area.max() <= MAX_AREA_RATIO * area.min() and steps.max() <= MAX_PITCH_RATIO * steps.min()
    is_even &= PITCH_DOTS[0] * diameter <= steps.min() and steps.max() <= PITCH_DOTS[1] * diameter
    off_centre = np.abs((middles[0] + middles[-1]) / 2 / size_wh - 0.5)
    return bool(is_even and span[1 - along] <= MAX_OFFSET_DOTS * diameter and (off_centre <= CENTRAL).all())
