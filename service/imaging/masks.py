"""Grow, clean, group and measure text masks. Nothing here knows about models or HTTP."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.errors import InvalidOption
from service.imaging.arrays import Mask

Labels = npt.NDArray[np.int32]
"""`(H, W)` int32, 0 = nothing, 1..n = the group that a pixel belongs to."""


Integers = npt.NDArray[np.int32]

_ROWS_AT_ONCE = 256
"""Rows whose labels are looked up together, so that memory does not grow with the page."""


@dataclass(frozen=True)
class Components:
    """The 8-connected pieces of a mask; row 0 of every array is the background."""

    labels: Labels
    """`(H, W)` number of the piece at each pixel, 0 where the mask is 0."""
    left: Integers
    """`(n + 1,)` px, like `top`; `right` and `bottom` are half-open; `area` counts pixels."""
    top: Integers
    right: Integers
    bottom: Integers
    area: Integers

    @property
    def count(self) -> int:
        """Number of pieces, n."""
        return len(self.area) - 1

    def box(self, number: int) -> tuple[int, int, int, int]:
        """`(x0, y0, x1, y1)` px, half-open, of one piece."""
        return int(self.left[number]), int(self.top[number]), int(self.right[number]), int(self.bottom[number])

    @property
    def longer_side(self) -> Integers:
        """`(n + 1,)` the longer side of each box, px."""
        return np.asarray(np.maximum(self.right - self.left, self.bottom - self.top), np.int32)

    @property
    def shorter_side(self) -> Integers:
        """`(n + 1,)` the shorter side of each box, px."""
        return np.asarray(np.minimum(self.right - self.left, self.bottom - self.top), np.int32)

    @property
    def middles(self) -> npt.NDArray[np.float64]:
        """`(n + 1, 2)` the middle of each box, px, x first."""
        return np.stack([self.left + self.right, self.top + self.bottom], 1) / 2

    def turned(self) -> Components:
        """The same boxes with x and y exchanged, so that one rule serves columns and rows."""
        return Components(self.labels.T, self.top, self.left, self.bottom, self.right, self.area)


def components(mask: Mask, *, connectivity: int = 8) -> Components:
    """The connected pieces of `mask`."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
    rows = np.asarray(stats, np.int32)
    left, top = rows[:, cv2.CC_STAT_LEFT], rows[:, cv2.CC_STAT_TOP]
    right, bottom = left + rows[:, cv2.CC_STAT_WIDTH], top + rows[:, cv2.CC_STAT_HEIGHT]
    return Components(np.asarray(labels, np.int32), left, top, right, bottom, rows[:, cv2.CC_STAT_AREA])


def chosen(labels: Labels, flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`(H, W)`: the pixels whose label has its flag set; `flags` `(n + 1,)` has one for each label and for 0.

    Band by band: NumPy turns every index into eight bytes first.
    """
    result = np.empty(labels.shape, np.bool_)
    for start in range(0, len(labels), _ROWS_AT_ONCE):
        np.take(flags, labels[start : start + _ROWS_AT_ONCE], out=result[start : start + _ROWS_AT_ONCE])
    return result


def touching(flags: npt.NDArray[np.bool_], core: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`(H, W)`: the 8-connected pieces of `flags` `(H, W)` that have a pixel of `core` `(H, W)`."""
    pieces = components(from_bool(flags))
    meets = np.zeros(pieces.count + 1, np.bool_)
    meets[pieces.labels[core]] = True
    meets[0] = False
    return chosen(pieces.labels, meets)


def from_bool(flags: npt.NDArray[np.bool_]) -> Mask:
    """The `(H, W)` mask that is 255 where `flags` is true."""
    return np.asarray(np.multiply(flags, np.uint8(255), dtype=np.uint8))


WIDE_PX = 48
"""From this radius on distances are measured instead of a disc laid at each pixel, which costs its area."""


def dilate(mask: Mask, radius_px: int) -> Mask:
    """Grow the erased area by `radius_px` (max pooling, k = 2 * radius_px + 1), so that soft glyph edges are covered.

    Returns a new `(H, W)` uint8 mask; `radius_px=0` gives an equal copy.
    Raises InvalidOption if `radius_px` is negative.
    """
    if radius_px < 0:
        raise InvalidOption(f"dilate_px is {radius_px}; expected 0 or more")
    if radius_px == 0:
        return mask.copy()
    side = 2 * radius_px + 1
    return _u8(cv2.dilate(mask, np.ones((side, side), np.uint8)))


def dilate_disc(mask: Mask, radius_px: int) -> Mask:
    """Grow by a disc instead of a square: the same reach in every direction."""
    if radius_px == 0:
        return mask.copy()
    if radius_px >= WIDE_PX:
        away_px = cv2.distanceTransform(from_bool(mask == 0), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return from_bool(away_px <= radius_px) if mask.any() else mask.copy()
    side = 2 * radius_px + 1
    return _u8(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))))


def open_disc(mask: Mask, radius_px: int) -> Mask:
    """What a disc of this radius reaches from within: thinner parts go; the image's border is no edge."""
    return dilate_disc(255 - dilate_disc(255 - mask, radius_px), radius_px)


def close_gaps(mask: Mask, radius_px: int) -> Mask:
    """Fill gaps narrower than `2 * radius_px` between erased pixels; the outer border stays where it is."""
    side = 2 * radius_px + 1
    padded = cv2.copyMakeBorder(mask, side, side, side, side, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return _u8(closed[side:-side, side:-side])


def resize(mask: Mask, size_hw: tuple[int, int]) -> Mask:
    """`mask` at another size; what is more than half erased is erased. At its own size it is `mask` itself."""
    if mask.shape == size_hw:
        return mask
    soft = cv2.resize(mask, (size_hw[1], size_hw[0]), interpolation=cv2.INTER_LINEAR)
    return _u8(cv2.threshold(soft, 127, 255, cv2.THRESH_BINARY)[1])


def drop_specks(mask: Mask, min_area_px: int) -> Mask:
    """A copy of `mask` without 8-connected components of fewer than `min_area_px` pixels."""
    pieces = components(mask)
    keep = pieces.area >= min_area_px
    keep[0] = False
    return from_bool(chosen(pieces.labels, keep))


def label_groups(mask: Mask, gap_px: int) -> tuple[int, Labels]:
    """Number the parts of `mask` so that parts nearer than `2 * gap_px` to each other share a number.

    Returns the count n and `(H, W)` labels: 1..n where `mask` is set, 0 elsewhere.
    """
    count, labels = cv2.connectedComponents(dilate(mask, gap_px), connectivity=8)
    labels[mask == 0] = 0
    return count - 1, labels.astype(np.int32, copy=False)


def label_cores(mask: Mask, radius_px: int) -> tuple[int, Labels]:
    """Number the parts of `mask` that hold together when bridges thinner than `2 * radius_px` are cut.

    Every erased pixel gets the number of the nearest part. Returns the count n and `(H, W)` labels, 0 outside `mask`.
    """
    side = 2 * radius_px + 1
    cores = _u8(cv2.erode(mask, np.ones((side, side), np.uint8)))
    if not cores.any():
        return label_groups(mask, 0)
    count = components(cores).count
    _, labels = cv2.distanceTransformWithLabels(255 - cores, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP)
    nearest = np.asarray(labels, np.int32)
    nearest[mask == 0] = 0
    return count, nearest


def share(mask: Mask) -> float:
    """Share of the image that is erased, 0 to 1."""
    return float(np.count_nonzero(mask)) / mask.size if mask.size else 0.0


def _u8(array: npt.NDArray[np.generic]) -> Mask:
    return array.astype(np.uint8, copy=False)
