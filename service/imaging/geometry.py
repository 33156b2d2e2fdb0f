"""Boxes and polygons: grow, merge, order, measure. Coordinates in px, x first, boxes half-open."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from service.imaging.arrays import Box, Mask, Polygon
from service.imaging.masks import Labels


def grow_box(box: Box, margin_px: int, size_hw: tuple[int, ...]) -> Box:
    """`box` with `margin_px` more on each side, cut at the image's border; `size_hw` starts with height, width."""
    x0, y0, x1, y1 = box
    return (
        max(0, x0 - margin_px),
        max(0, y0 - margin_px),
        min(size_hw[1], x1 + margin_px),
        min(size_hw[0], y1 + margin_px),
    )


def label_boxes(labels: Labels, count: int) -> list[Box]:
    """The box of each label 1..count, in that order. A label without pixels has the box `(0, 0, 0, 0)`."""
    rows, columns = np.nonzero(labels)
    values = labels[rows, columns]
    order = np.argsort(values, kind="stable")
    starts = np.searchsorted(values[order], np.arange(1, count + 2))
    boxes: list[Box] = []
    for first, last in pairwise(starts):
        part = order[first:last]
        if len(part) == 0:
            boxes.append((0, 0, 0, 0))
            continue
        y, x = rows[part], columns[part]
        boxes.append((int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1))
    return boxes


def merge_boxes(boxes: Sequence[Box], *, max_side_px: int) -> list[Box]:
    """Boxes that overlap become one, as long as the union's longer side stays within `max_side_px`."""
    merged = list(boxes)
    changed = True
    while changed:
        changed = False
        for i in range(len(merged)):
            for j in range(i + 1, len(merged)):
                union = _union(merged[i], merged[j])
                fits = max(union[2] - union[0], union[3] - union[1]) <= max_side_px
                if fits and _overlap(merged[i], merged[j]):
                    merged[i] = union
                    del merged[j]
                    changed = True
                    break
            if changed:
                break
    return merged


def hull(mask: Mask, origin_xy: tuple[int, int]) -> Polygon:
    """The convex hull of the erased pixels of `mask`, clockwise, moved by `origin_xy`.

    Returns `(N, 2)` int32; at least a rectangle's 4 points, since one pixel has an area too.
    """
    rows, columns = np.nonzero(mask)
    corners = np.concatenate([np.stack([columns + dx, rows + dy], axis=1) for dx in (0, 1) for dy in (0, 1)]).astype(
        np.int32
    )
    points = cv2.convexHull(corners).reshape(-1, 2)  # clockwise where y points down
    return np.asarray(points + np.array(origin_xy, np.int32), np.int32)


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """Indices of `boxes`, top to bottom, then left to right; rows are as tall as the boxes' middle height."""
    if not boxes:
        return []
    row_px = max(1, int(np.median([box[3] - box[1] for box in boxes])))
    return sorted(range(len(boxes)), key=lambda i: (boxes[i][1] // row_px, boxes[i][0]))


def _union(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
