"""Gather the pieces of a mask into texts: what belongs to one bubble, caption or sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from service.imaging.arrays import Box, Mask, Polygon
from service.imaging.geometry import label_boxes, reading_order
from service.imaging.masks import components, dilate, from_bool

GAP_PX = 10
"""Pieces nearer than twice this to each other belong together, whatever the DB head says."""
MAX_ASPECT = 1.6
"""Of one letter."""


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

    Pieces are joined that lie near each other, or that meet the same of `blocks` (regions of the DB head).
    """
    joined = dilate(mask, GAP_PX)
    for block in blocks:
        cv2.fillPoly(joined, [np.asarray(block, np.int32)], 255)
    labels = components(joined).labels
    labels[mask == 0] = 0
    boxes = label_boxes(labels, int(labels.max(initial=0)))
    found = [(number, box) for number, box in enumerate(boxes, start=1) if box[2] > box[0]]
    groups: list[Group] = []
    for index in reading_order([box for _, box in found]):
        number, (x0, y0, x1, y1) = found[index]
        groups.append(Group((x0, y0, x1, y1), from_bool(labels[y0:y1, x0:x1] == number)))
    return groups
