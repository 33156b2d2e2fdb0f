"""Find what stands alone in a bubble, the dots of a silence or the marks of a shout, which a network takes for things.

What speaks for them is the bubble: an outline all around, nothing in it but dots of one size, in one row, at one
distance, or bars each of which stands on a dot, in its middle. Of a bubble that runs into another's, with words that
were seen, such dots are what is left.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image, Mask
from service.imaging.colour import luma
from service.imaging.masks import Components, chosen, components, dilate, from_bool

DARK_LEVEL, LIGHT_LEVEL = 110, 180
"""Light below which a dot and above which its bubble is; on a dark bubble it is the other way round."""
MIN_SIDE_PX, MAX_PAGE_SHARE = 28, 0.3
"""Shorter side of a bubble's inside, and how much of the page it takes at most."""
MIN_GROUND_SHARE, MIN_BOX_SHARE = 0.35, 0.5
"""Share of its box that a bubble fills, its tail counted, without its marks and with them."""
MIN_SOLIDITY, MIN_SPIKY_SOLIDITY = 0.75, 0.6
"""Share of its convex hull that a bubble fills, and that a shout's burst does."""
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
"""How far the middle of the row, or of the marks, may be from the bubble's, in sides of its box."""
MARKS = (2, 4)
"""Of a shout: one alone is a nose over a mouth as often."""
MIN_BAR_SIDES, MAX_BAR_HEIGHT, MIN_BAR_ASPECT, MIN_BAR_DOTS = 0.15, 0.8, 1.3, 1.8
"""Height of a bar, in shorter sides of the bubble and in its height, in its own width, and in diameters of its dot: a
brow lies."""
SEEN_SHARE = 0.5
"""Share of a mark that the network saw, from which on it is a letter among those that the dots stand beside."""
MAX_BAR_RATIO = 1.6
"""Between the highest and the lowest bar."""
GAP_DOTS, MAX_FOOT_DOTS = (-0.3, 1.8), 1.2
"""From a bar's foot to the top of its dot, and to the side of the dot's middle, in diameters: marks lean."""
SOFT_EDGE_PX = 1


def find_lone_marks(image: Image, seen: Mask, check: Callable[[], None] = lambda: None) -> Mask:
    """The mask of rows of dots, and of bars on dots, that stand alone in a bubble of `image` `(H, W, 3)` uint8; else 0.

    It is looked for, and answered, at the size of `seen`, the strokes that the network found, which is smaller than the
    image where that is very large: it takes some ten bytes a pixel. `check` is called for each thing that may be a
    bubble, and may raise.
    """
    light = luma(image)
    if light.shape != seen.shape:
        light = np.asarray(cv2.resize(light, seen.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    found = np.zeros_like(seen)
    is_light, is_dark = light > LIGHT_LEVEL, light < DARK_LEVEL
    for ground, ink in ((is_light, is_dark), (is_dark, is_light)):
        _add_marks(found, seen, ground, ink, check)
    return found


def _add_marks(
    found: Mask, seen: Mask, ground: npt.NDArray[np.bool_], ink: npt.NDArray[np.bool_], check: Callable[[], None]
) -> None:
    insides = components(from_bool(ground), connectivity=4)
    height, width = found.shape
    wide, high = insides.right - insides.left, insides.bottom - insides.top
    may_be = (np.minimum(wide, high) >= MIN_SIDE_PX) & (insides.area <= MAX_PAGE_SHARE * found.size)
    may_be &= (insides.left > 0) & (insides.top > 0) & (insides.right < width) & (insides.bottom < height)
    may_be &= insides.area >= MIN_GROUND_SHARE * wide * high
    may_be[0] = False
    for number in np.flatnonzero(may_be).tolist():
        check()
        x0, y0, x1, y1 = insides.box(number)
        window = np.s_[y0:y1, x0:x1]
        inside = from_bool(insides.labels[window] == number)
        contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        whole = np.zeros_like(inside)
        cv2.drawContours(whole, contours, 0, 255, -1)
        solidity = np.count_nonzero(whole) / max(1.0, cv2.contourArea(cv2.convexHull(contours[0])))
        if solidity < MIN_SPIKY_SOLIDITY or np.count_nonzero(whole) < MIN_BOX_SHARE * whole.size:
            continue
        enclosed = whole & ~inside
        marks = components(enclosed)
        inked = np.bincount(marks.labels[ink[window]], minlength=marks.count + 1)
        if not (inked[1:] > 0).all():
            continue
        size_wh = (x1 - x0, y1 - y0)
        if (solidity >= MIN_SOLIDITY and _is_row(marks, size_wh)) or _is_shout(marks, size_wh):
            found[window] |= dilate(enclosed, SOFT_EDGE_PX)
            continue
        is_seen = np.bincount(marks.labels[seen[window] > 0], minlength=marks.count + 1) >= SEEN_SHARE * marks.area
        is_seen[0] = False
        beside = enclosed & ~from_bool(chosen(marks.labels, is_seen))
        if is_seen.any() and _is_row(components(beside), size_wh, central=1.0):
            found[window] |= dilate(beside, SOFT_EDGE_PX)


def _is_row(marks: Components, size_wh: tuple[int, int], *, central: float = CENTRAL) -> bool:
    """Whether all `marks` in a bubble are dots of one row in its middle, no further off than `central`."""
    if not DOTS[0] <= marks.count <= DOTS[1]:
        return False
    area = marks.area[1:]
    diameter = float(np.sqrt(area * 4 / np.pi).mean())
    if not _are_round(marks)[1:].all() or not DOT_PX <= diameter <= MAX_DOT_SIDES * min(size_wh):
        return False
    middles = marks.middles[1:]
    span = np.ptp(middles, axis=0)
    along = int(span[1] > span[0])
    middles = middles[np.argsort(middles[:, along])]
    steps = np.diff(middles[:, along])
    is_even = area.max() <= MAX_AREA_RATIO * area.min() and steps.max() <= MAX_PITCH_RATIO * steps.min()
    is_even &= PITCH_DOTS[0] * diameter <= steps.min() and steps.max() <= PITCH_DOTS[1] * diameter
    off_centre = np.abs((middles[0] + middles[-1]) / 2 / size_wh - 0.5)
    return bool(is_even and span[1 - along] <= MAX_OFFSET_DOTS * diameter and (off_centre <= central).all())


def _is_shout(marks: Components, size_wh: tuple[int, int]) -> bool:
    """Whether all `marks` in a bubble are bars, each on a dot of its own, side by side in its middle: ?!, !!, ?!?."""
    pairs = marks.count // 2
    if marks.count % 2 or not MARKS[0] <= pairs <= MARKS[1]:
        return False
    by_area = np.argsort(marks.area[1:]) + 1
    middles = marks.middles
    dots, bars = (some[np.argsort(middles[some, 0])] for some in (by_area[:pairs], by_area[pairs:]))
    wide, high = marks.right - marks.left, marks.bottom - marks.top
    diameter = np.sqrt(marks.area[dots] * 4 / np.pi)
    is_bar = (high[bars] >= MIN_BAR_ASPECT * wide[bars]) & (high[bars] >= MIN_BAR_DOTS * diameter)
    is_bar &= (high[bars] >= MIN_BAR_SIDES * min(size_wh)) & (high[bars] <= MAX_BAR_HEIGHT * size_wh[1])
    gap = marks.top[dots] - marks.bottom[bars]
    aside = np.abs([_foot(marks, bar) for bar in bars.tolist()] - middles[dots, 0])
    stands = (gap >= GAP_DOTS[0] * diameter) & (gap <= GAP_DOTS[1] * diameter) & (aside <= MAX_FOOT_DOTS * diameter)
    if not (is_bar & stands & _are_round(marks)[dots]).all():
        return False
    is_even = high[bars].max() <= MAX_BAR_RATIO * high[bars].min()
    is_even &= marks.area[dots].max() <= MAX_AREA_RATIO * marks.area[dots].min()
    left, top, right, bottom = marks.left[1:].min(), marks.top[1:].min(), marks.right[1:].max(), marks.bottom[1:].max()
    off_centre = np.abs(np.array([left + right, top + bottom]) / 2 / size_wh - 0.5)
    return bool(is_even and (off_centre <= CENTRAL).all())


def _are_round(marks: Components) -> npt.NDArray[np.bool_]:
    """`(n + 1,)` which pieces are as round as a dot."""
    wide, high = marks.right - marks.left, marks.bottom - marks.top
    is_full = marks.area >= MIN_ROUNDNESS * wide * high
    return np.asarray(is_full & (np.maximum(wide, high) <= MAX_ASPECT * np.minimum(wide, high)), np.bool_)


def _foot(marks: Components, number: int) -> float:
    """Middle of the lowest row of a piece, px from the left."""
    return float(np.flatnonzero(marks.labels[marks.bottom[number] - 1] == number).mean())
