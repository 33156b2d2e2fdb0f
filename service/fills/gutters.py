"""Tell what lies beyond a panel's end, so that a hole close to it does not go on from borders and the white between.

Both are level or upright, and cross all that is looked at. Where a panel ends in white of its own nothing is told.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from service.fills.panel_edges import DARK_LEVEL, WHITE_LEVEL, Flags
from service.imaging.arrays import Image, Mask
from service.imaging.colour import luma

MIN_GUTTER_PX, MIN_WHITE_SHARE = 6, 0.97
"""Rows of a gutter, at least, and share of what is known of each that is white."""
EDGE_PX, MAX_WHITE_SHARE = 3, 0.15
"""So near to it a row of the panel must show hardly any white: its border, or what it is painted with."""
MIN_DARK_SHARE, MAX_BORDER_PX, SOFT_PX = 0.85, 10, 2
"""Of a border's row, how many rows it may have, and its soft edges."""
MIN_KNOWN_SHARE = 0.3
"""Of a row, that is no hole: less says nothing."""
MIN_SIDE_SHARE = 0.9
"""Of the hole, that lies on one side: a sound that bursts out of its panel goes on in both."""

Counts = npt.NDArray[np.intp]
"""`(h,)` one for each row."""


def beyond_gutters(image: Image, hole: Mask, forbidden: Mask) -> Flags:
    """`(h, w)` what is known in borders and gutters around the panel that `hole` `(h, w)` is in, and beyond gutters.

    `image` `(h, w, 3)` is the crop around the hole, `forbidden` `(h, w)` holds all holes in it.
    """
    known = forbidden == 0
    light = luma(image)
    white, dark = known & (light > WHITE_LEVEL), known & (light < DARK_LEVEL)
    hidden = np.zeros(hole.shape, np.bool_)
    for axis in (1, 0):
        counts = [np.count_nonzero(flags, axis) for flags in (hole, known, white, dark)]
        beyond = _beyond_rows(*counts, width=hole.shape[axis])
        hidden |= beyond[:, None] if axis else beyond[None, :]
    return np.asarray(hidden & known, np.bool_)


def _beyond_rows(hole: Counts, known: Counts, white: Counts, dark: Counts, *, width: int) -> Flags:
    """`(h,)` which rows lie in borders or in gutters or beyond those.

    By how many pixels of each are the hole's, are known, are white and are dark.
    """
    tells = known >= MIN_KNOWN_SHARE * width
    white_share, dark_share = (count / np.maximum(known, 1) for count in (white, dark))
    is_panel = tells & (white_share <= MAX_WHITE_SHARE)
    beyond = np.zeros(len(hole), np.bool_)
    for first, end in _runs(tells & (dark_share >= MIN_DARK_SHARE)):
        if end - first <= MAX_BORDER_PX and not hole[first:end].any():
            beyond[max(first - SOFT_PX, 0) : end + SOFT_PX] = True
    for first, end in _runs(tells & (white_share >= MIN_WHITE_SHARE)):
        if end - first < MIN_GUTTER_PX:
            continue
        most = MIN_SIDE_SHARE * hole.sum()
        if hole[:first].sum() >= most and is_panel[max(first - EDGE_PX, 0) : first].any():
            beyond[first:] = True
        elif hole[end:].sum() >= most and is_panel[end : end + EDGE_PX].any():
            beyond[:end] = True
    return beyond


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """First row of each run of `flags` `(h,)`, and the row after it."""
    steps = np.diff(np.concatenate([[0], flags, [0]]).astype(np.int8))
    return list(zip(np.flatnonzero(steps > 0).tolist(), np.flatnonzero(steps < 0).tolist(), strict=True))
