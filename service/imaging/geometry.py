"""Boxes and polygons: grow, merge, order, measure. Coordinates in px, x first, boxes half-open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Box, Mask, Polygon
from service.imaging.masks import Labels

_ROWS_AT_ONCE = 256
"""Rows whose labels are looked at together, so that memory does not grow with the page."""


def grow_box(box: Box, margin_px: int, size_hw: tuple[int, ...]) -> Box:
    """`box` with `margin_px` more on each side, cut at the image's border; `size_hw` starts with height, width."""
    x0, y0, x1, y1 = box
    return (
        max(0, x0 - margin_px),
        max(0, y0 - margin_px),
        min(size_hw[1], x1 + margin_px),
        min(size_hw[0], y1 + margin_px),
    )


def shrink_to(mask: Mask, margin_px: int) -> Box:
    """The box around `mask`'s erased pixels, grown by `margin_px` and cut at the image's border."""
    x, y, width, height = cv2.boundingRect(mask)
    return grow_box((x, y, x + width, y + height), margin_px, mask.shape)


def label_boxes(labels: Labels, count: int) -> list[Box]:
    """The box of each label 1..count, in that order. A label without pixels has the box `(0, 0, 0, 0)`."""
    bands = [_label_runs(labels, start) for start in range(0, len(labels), _ROWS_AT_ONCE)] or [_label_runs(labels, 0)]
    rows, first, last, values = (np.concatenate(parts) for parts in zip(*bands, strict=True))
    order = np.argsort(values, kind="stable")
    found, starts = np.unique(values[order], return_index=True)
    boxes: list[Box] = [(0, 0, 0, 0)] * count
    if len(found) == 0:
        return boxes
    x0 = np.minimum.reduceat(first[order], starts)
    x1 = np.maximum.reduceat(last[order], starts) + 1
    y0 = np.minimum.reduceat(rows[order], starts)
    y1 = np.maximum.reduceat(rows[order], starts) + 1
    for label, *box in zip(found.tolist(), x0.tolist(), y0.tolist(), x1.tolist(), y1.tolist(), strict=True):
        boxes[label - 1] = (box[0], box[1], box[2], box[3])
    return boxes


def _label_runs(labels: Labels, start: int) -> tuple[npt.NDArray[np.signedinteger[Any]], ...]:
    """Row, first and last column, and label of each run of one label in the rows of the band that begins at `start`.

    Runs, not pixels: a mask over a whole page has few of them.
    """
    band = labels[start : start + _ROWS_AT_ONCE]
    is_edge = band[:, 1:] != band[:, :-1]
    border, is_label = np.ones((len(band), 1), np.bool_), band > 0
    rows, first = np.nonzero(np.hstack([border, is_edge]) & is_label)
    _, last = np.nonzero(np.hstack([is_edge, border]) & is_label)
    return rows + start, first, last, band[rows, first]


def merge_boxes(boxes: Sequence[Box], *, max_side_px: int) -> list[Box]:
    """Boxes that overlap become one, as long as the union's longer side stays within `max_side_px`."""
    merged = np.empty((0, 4), np.int64)
    for new in boxes:
        box = np.array(new, np.int64)
        while True:
            union = np.hstack([np.minimum(merged[:, :2], box[:2]), np.maximum(merged[:, 2:], box[2:])])
            overlaps = np.all((merged[:, :2] < box[2:]) & (box[:2] < merged[:, 2:]), axis=1)
            fits = np.all(union[:, 2:] - union[:, :2] <= max_side_px, axis=1)
            mates = np.flatnonzero(overlaps & fits)
            if len(mates) == 0:
                break
            box = union[mates[0]]
            merged = np.delete(merged, mates[0], axis=0)
        merged = np.vstack([merged, box])
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in merged.tolist()]


def hull(mask: Mask, origin_xy: tuple[int, int]) -> Polygon:
    """The convex hull of the erased pixels of `mask`, clockwise, moved by `origin_xy`.

    Returns `(N, 2)` int32; at least a rectangle's 4 points, since one pixel has an area too.
    """
    erased = mask > 0
    rows = np.flatnonzero(erased.any(axis=1))
    # The ends of each row are enough: what lies between them is inside any hull.
    first = erased[rows].argmax(axis=1)
    end = mask.shape[1] - erased[rows, ::-1].argmax(axis=1)
    corners = np.concatenate([np.stack([x, rows + dy], axis=1) for x in (first, end) for dy in (0, 1)]).astype(np.int32)
    points = cv2.convexHull(corners).reshape(-1, 2)  # clockwise where y points down
    return np.asarray(points + np.array(origin_xy, np.int32), np.int32)


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """Indices of `boxes`, top to bottom, then left to right.

    A row is what begins within half a box (of middle height) below the row's first box.
    """
    reach_px = float(np.median([box[3] - box[1] for box in boxes])) / 2 if boxes else 0.0
    rows: list[list[int]] = []
    for index in sorted(range(len(boxes)), key=lambda index: boxes[index][1]):
        if not rows or boxes[index][1] - boxes[rows[-1][0]][1] > reach_px:
            rows.append([])
        rows[-1].append(index)
    return [index for row in rows for index in sorted(row, key=lambda index: boxes[index][0])]
