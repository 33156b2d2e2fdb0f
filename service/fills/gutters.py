"""Tell what lies beyond a panel's end, so that a hole close to it does not go on from the white between panels.

Gutters are level or upright, and cross all that is looked at. Where a panel ends in white of its own nothing is told.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from service.fills.panel_edges import WHITE_LEVEL, Flags
from service.imaging.arrays import Image, Mask
from service.imaging.colour import luma

MIN_GUTTER_PX, MIN_WHITE_SHARE = 6, 0.97
"""Rows of a gutter, at least, and share of what is known of each that is white."""
EDGE_PX, MAX_WHITE_SHARE = 3, 0.15
"""So near to it a row of the panel must show hardly any white: its border, or what it is painted with."""
MIN_KNOWN_SHARE = 0.3
"""Of a row, that is no hole: less says nothing."""
MIN_SIDE_SHARE = 0.9
"""Of the hole, that lies on one side: a sound that bursts out of its panel goes on in both."""


def beyond_gutters(image: Image, hole: Mask, forbidden: Mask) -> Flags:
    """`(h, w)` what is known in the gutters around the panel that `hole` `(h, w)` is in, and beyond them.

    `image` `(h, w, 3)` is the crop around the hole, `forbidden` `(h, w)` holds all holes in it.
    """
    known = forbidden == 0
    white = known & (luma(image) > WHITE_LEVEL)
    hidden = np.zeros(hole.shape, np.bool_)
    for axis in (1, 0):
        beyond = _beyond_rows(np.count_nonzero(hole, axis), known.sum(axis), white.sum(axis), hole.shape[axis])
        hidden |= beyond[:, None] if axis else beyond[None, :]
    return np.asarray(hidden & known, np.bool_)


def _beyond_rows(
    hole: npt.NDArray[np.intp], known: npt.NDArray[np.intp], white: npt.NDArray[np.intp], width: int
) -> Flags:
    """`(h,)` which rows lie in or beyond gutters, by how many pixels of each are the hole's, known, and white."""
    share = white / np.maximum(known, 1)
    tells = known >= MIN_KNOWN_SHARE * width
    is_gutter, is_panel = tells & (share >= MIN_WHITE_SHARE), tells & (share <= MAX_WHITE_SHARE)
    beyond = np.zeros(len(hole), np.bool_)
    steps = np.diff(np.concatenate([[0], is_gutter, [0]]).astype(np.int8))
    for first, end in zip(np.flatnonzero(steps > 0).tolist(), np.flatnonzero(steps < 0).tolist(), strict=True):
        if end - first < MIN_GUTTER_PX:
            continue
        most = MIN_SIDE_SHARE * hole.sum()
        if hole[:first].sum() >= most and is_panel[max(first - EDGE_PX, 0) : first].any():
            beyond[first:] = True
        elif hole[end:].sum() >= most and is_panel[end : end + EDGE_PX].any():
            beyond[:end] = True
    return beyond
