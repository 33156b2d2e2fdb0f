"""Gather the pieces of a mask into texts: what belongs to one bubble, caption or sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Box, Mask, Polygon
from service.imaging.geometry import grow_box, label_boxes, reading_order
from service.imaging.masks import Components, Labels, components, dilate, from_bool

GAP_PX = 10
"""Pieces nearer than twice this to each other belong together where the DB head says nothing; to a text, they go with
it if they are nearer than this."""
REACH_SHARE = 0.1
"""A piece of the mask reaches into a block if so much of it lies there."""
MAX_ASPECT = 1.6
"""Of one letter."""
_ROWS_AT_ONCE = 256
"""Rows that are numbered together, so that memory does not grow with the page."""


@dataclass(frozen=True)
class Group:
    """One text: the erased pixels that belong together."""

    box: Box
    """Box of the pixels, half-open."""
    mask: Mask
    """`(h, w)`, of the box's size."""

    @classmethod
    def of(cls, mask: Mask, origin_xy: tuple[int, int] = (0, 0)) -> Group:
        """The erased pixels of a whole `mask`, of which at least one is set; `origin_xy` is where it begins."""
        x, y, width, height = cv2.boundingRect(mask)
        left, top = x + origin_xy[0], y + origin_xy[1]
        return cls((left, top, left + width, top + height), mask[y : y + height, x : x + width].copy())

    @property
    def area(self) -> int:
        """Erased pixels."""
        return int(np.count_nonzero(self.mask))

    @property
    def letter_px(self) -> int:
        """Size of the letters as far as the mask shows it: where lines have grown together, a line's or a column's."""
        return letter_px(self.mask)


def letter_px(ink: Mask) -> int:
    """Size of the letters, px: the longer side of the pieces of their `ink`, the middle one by area; 0 if empty."""
    pieces = components(ink)
    if pieces.count == 0:
        return 0
    shorter = np.minimum(pieces.right - pieces.left, pieces.bottom - pieces.top)[1:]
    # Letters that touch are a long piece; a line of them is as high as they are.
    sides = np.minimum(pieces.longer_side[1:], np.rint(MAX_ASPECT * shorter).astype(np.int32))
    order = np.argsort(sides, kind="stable")
    areas = np.cumsum(pieces.area[1:][order])
    return int(sides[order][np.searchsorted(areas, areas[-1] / 2)])


def gather(mask: Mask, blocks: Sequence[Polygon] = ()) -> list[Group]:
    """The groups of `mask` `(H, W)`, in reading order; together they are exactly the mask.

    Pieces that lie in the same of `blocks` (regions of the DB head) are one text, and one that reaches into several is
    shared out among them, each pixel to the nearest. What lies in none goes with the text beside it; pieces that are
    beside no block are joined where they lie near each other.
    """
    labels = _number_texts(mask, blocks)
    boxes = label_boxes(labels, int(labels.max(initial=0)))
    found = [(number, box) for number, box in enumerate(boxes, start=1) if box[2] > box[0]]
    groups: list[Group] = []
    for index in reading_order([box for _, box in found]):
        number, (x0, y0, x1, y1) = found[index]
        groups.append(Group((x0, y0, x1, y1), from_bool(labels[y0:y1, x0:x1] == number)))
    return groups


def _number_texts(mask: Mask, blocks: Sequence[Polygon]) -> Labels:
    """The text of each pixel of `mask`: 1 to the number of blocks for theirs, more for the others; 0 outside."""
    if not blocks:
        return _near_each_other(mask)
    pieces = components(mask)
    labels = pieces.labels
    block_at = _draw(blocks, mask)
    block_of, shared = _blocks_of(pieces, block_at)
    split = []
    for piece in shared:
        place = np.s_[pieces.top[piece] : pieces.bottom[piece], pieces.left[piece] : pieces.right[piece]]
        split.append((place, labels[place] == piece, _nearest_block(block_at[place])))
    del block_at
    for start in range(0, len(labels), _ROWS_AT_ONCE):
        band = labels[start : start + _ROWS_AT_ONCE]
        band[:] = block_of[band]
    for place, own, nearest in split:
        np.copyto(labels[place], nearest, where=own)
    alone = from_bool((mask > 0) & (labels == 0))
    if alone.any():
        _join_alone(labels, alone, len(blocks))
    return labels


def _draw(blocks: Sequence[Polygon], mask: Mask) -> npt.NDArray[np.uint16]:
    """The number, from 1, of the block at each pixel, 0 outside all; where several lie over each other, the smallest.

    Two bytes a pixel: a page has no 65,535 texts, and what is past them is left to nearness.
    """
    block_at = np.zeros(mask.shape, np.uint16)
    numbered = list(enumerate(blocks, start=1))[: np.iinfo(np.uint16).max]
    for number, block in sorted(numbered, key=lambda each: -cv2.contourArea(each[1])):
        cv2.fillPoly(block_at, [np.asarray(block, np.int32)], number)
    return block_at


def _blocks_of(pieces: Components, block_at: npt.NDArray[np.uint16]) -> tuple[Labels, list[int]]:
    """`(n + 1,)` the block of each piece, 0 for none; and the pieces that reach into several."""
    found = [np.zeros(0, np.int64)]
    for start in range(0, len(block_at), _ROWS_AT_ONCE):
        labels, blocks = pieces.labels[start : start + _ROWS_AT_ONCE], block_at[start : start + _ROWS_AT_ONCE]
        both = (labels > 0) & (blocks > 0)
        found.append(labels[both].astype(np.int64) << 32 | blocks[both].astype(np.int64))
    pairs, pixels = np.unique(np.concatenate(found), return_counts=True)
    piece, block = pairs >> 32, pairs & 0xFFFFFFFF
    reaches = pixels >= REACH_SHARE * pieces.area[piece]
    piece, block = piece[reaches], block[reaches]
    block_of = np.zeros(pieces.count + 1, np.int32)
    block_of[piece] = block
    numbers, times = np.unique(piece, return_counts=True)
    return block_of, numbers[times > 1].tolist()


def _nearest_block(block_at: npt.NDArray[np.uint16]) -> Labels:
    """The block that is nearest at each pixel of a crop in which there is one."""
    _, nearest = cv2.distanceTransformWithLabels(
        from_bool(block_at == 0), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    block_of = np.zeros(int(nearest.max()) + 1, np.int32)
    inside = block_at > 0
    block_of[nearest[inside]] = block_at[inside]
    return np.asarray(block_of[nearest], np.int32)


def _join_alone(labels: Labels, alone: Mask, count: int) -> None:
    """Number, in `labels` in place, what is `alone`: as the text beside it, or past the `count` blocks."""
    together = _near_each_other(alone)
    for number, box in enumerate(label_boxes(together, int(together.max())), start=1):
        if box[2] == box[0]:
            continue
        x0, y0, x1, y1 = grow_box(box, GAP_PX, alone.shape)
        own = together[y0:y1, x0:x1] == number
        around = labels[y0:y1, x0:x1][dilate(from_bool(own), GAP_PX) > 0]
        beside = np.bincount(around[(around > 0) & (around <= count)])
        labels[y0:y1, x0:x1][own] = beside.argmax() if beside.size else count + number


def _near_each_other(mask: Mask) -> Labels:
    labels = components(dilate(mask, GAP_PX)).labels
    labels[mask == 0] = 0
    return labels
