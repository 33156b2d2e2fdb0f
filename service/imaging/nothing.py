"""Letters that were drawn on nothing: on a layer that is transparent all around them. Knows nothing about files."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Box, Mask
from service.imaging.geometry import shrink_to
from service.imaging.masks import Components, chosen, components, from_bool

AROUND_PX = 8
"""How far past the mask a piece is followed."""
MAX_SHARE_BEYOND = 0.01
"""Of a piece that may lie past the mask; more, and it is not the text alone: a part of it would be cut off."""
MAX_SHARE_AT_BORDER = 0.25
"""Of its box's outline that may lie on the border of the picture, past which nobody knows whether it goes on."""
PLATE_SHARE, PLATE_LEVELS = 0.8, 24.0
"""A piece that fills so much of its box, and whose light deviates by so many levels, is a plate with letters on it."""

_ROWS_AT_ONCE = 256

Flags = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.uint8]


def drawn_on_nothing(light: Levels, alpha: Levels, mask: Mask) -> Flags:
    """`(H, W)` the pixels inside `mask` that were drawn on nothing, and are to become nothing.

    `light` is the luma, `alpha` the opacity, both `(H, W)`. A connected piece of what is seen counts if it lies in the
    mask as a whole, not along the border of the picture, and is ink, not a plate with letters on it. Takes 10 bytes a
    pixel of the mask's box.
    """
    nothing = np.zeros(mask.shape, np.bool_)
    hole = mask == 255
    if not hole.any():
        return nothing
    box = shrink_to(from_bool(hole), AROUND_PX)
    window = np.s_[box[1] : box[3], box[0] : box[2]]
    if int(alpha[window].min()) > 0:
        return nothing
    seen, hole = alpha[window] > 0, hole[window]
    pieces = components(from_bool(seen))
    beyond = _totals(pieces, seen & ~hole)
    flags = (beyond <= MAX_SHARE_BEYOND * pieces.area) & ~_is_plate(light[window], pieces)
    outline_px = 2 * (pieces.right - pieces.left + pieces.bottom - pieces.top)
    at_border, goes_on = _at_sides(pieces, box, mask.shape)
    flags &= (at_border <= MAX_SHARE_AT_BORDER * outline_px) & ~goes_on
    flags[0] = False
    nothing[window] = chosen(pieces.labels, flags) & hole
    return nothing


def _is_plate(light: Levels, pieces: Components) -> Flags:
    """`(n + 1,)` whether each piece fills its box and has more than one colour."""
    area = np.maximum(pieces.area, 1)
    variance = _totals(pieces, light, power=2) / area - (_totals(pieces, light) / area) ** 2
    box = (pieces.right - pieces.left) * (pieces.bottom - pieces.top)
    return np.asarray((pieces.area >= PLATE_SHARE * box) & (variance > PLATE_LEVELS**2), np.bool_)


def _totals(pieces: Components, values: npt.NDArray[Any], *, power: int = 1) -> npt.NDArray[np.float64]:
    """`(n + 1,)` sum of `values` `(H, W)`, or of a power of them, over each piece.

    In bands: NumPy makes 24 bytes of every pixel.
    """
    totals = np.zeros(pieces.count + 1)
    for start in range(0, len(values), _ROWS_AT_ONCE):
        band = slice(start, start + _ROWS_AT_ONCE)
        weights = values[band].ravel().astype(np.float64) ** power
        totals += np.bincount(pieces.labels[band].ravel(), weights=weights, minlength=pieces.count + 1)
    return totals


def _at_sides(pieces: Components, box: Box, size_hw: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], Flags]:
    """`(n + 1,)` pixels of each piece on the picture's border, and whether it goes on past the box elsewhere."""
    at_border = np.zeros(pieces.count + 1, np.intp)
    goes_on = np.zeros(pieces.count + 1, np.bool_)
    labels, (x0, y0, x1, y1) = pieces.labels, box
    for line, is_border in (
        (labels[0], y0 == 0),
        (labels[-1], y1 == size_hw[0]),
        (labels[:, 0], x0 == 0),
        (labels[:, -1], x1 == size_hw[1]),
    ):
        if is_border:
            at_border += np.bincount(line, minlength=pieces.count + 1)
        else:
            goes_on[line] = True
    return at_border, goes_on
