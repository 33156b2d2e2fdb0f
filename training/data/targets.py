"""What the region head learns: shrunk regions and threshold maps.

Liao et al. 2020, "Real-time Scene Text Detection with Differentiable Binarization", section 3.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import pyclipper

SHRINK_RATIO = 0.6
"""The paper has 0.4, for words in photographs. Of a line of small print that leaves a strip of 1 to 2 px, which no head
at half resolution learns: with the true targets the service finds 0.92 of all regions at 0.4, and 0.95 at 0.6."""
THRESHOLD_LOW, THRESHOLD_HIGH = 0.3, 0.7
_UNITS = 64
"""Clipper counts in whole numbers: this many to a pixel."""
_LEAST_SIDE_PX = 2.0


@dataclass(frozen=True)
class RegionMaps:
    """Targets of one page on a grid of one cell per `stride` px; each `(h, w)` uint8."""

    shrunk: np.ndarray
    """255 inside the shrunk regions."""
    threshold: np.ndarray
    """The threshold map times 255: 0.7 on a region's outline, falling to 0.3 at the distance D from it and beyond."""
    band: np.ndarray
    """255 within D of an outline: where the threshold is learnt."""
    known: np.ndarray
    """255 where the layout is known and text is not too small: where the probability is learnt."""


def offset_distance(polygon: np.ndarray, ratio: float = SHRINK_RATIO) -> float:
    """D = A (1 - r^2) / L for a `(N, 2)` polygon, in its own unit (equation 10 of the paper)."""
    length = cv2.arcLength(np.float32(polygon), closed=True)
    return float(cv2.contourArea(np.float32(polygon)) * (1 - ratio**2) / length) if length > 0 else 0.0


def offset_polygon(polygon: np.ndarray, distance: float) -> list[np.ndarray]:
    """The polygon grown by a distance (shrunk if negative) by Vatti clipping: any number of `(N, 2)` float64 pieces."""
    clipper = pyclipper.PyclipperOffset()
    path = [(round(float(x) * _UNITS), round(float(y) * _UNITS)) for x, y in polygon]
    clipper.AddPath(path, pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return [np.array(piece, np.float64) / _UNITS for piece in clipper.Execute(distance * _UNITS)]


def region_maps(
    polygons: Iterable[np.ndarray], size_hw: tuple[int, int], *, stride: int = 2, layout_known: bool = True
) -> RegionMaps:
    """Draw the targets of a page.

    `polygons` are `(N, 2)` in px of the page and may reach beyond it; `size_hw` is the page's size in px, a multiple
    of `stride`. Regions of which less than two cells would remain in height or width are marked as not known.
    """
    grid_hw = (size_hw[0] // stride, size_hw[1] // stride)
    shrunk, band = np.zeros(grid_hw, np.uint8), np.zeros(grid_hw, np.uint8)
    closeness = np.zeros(grid_hw, np.float32)
    known = np.full(grid_hw, 255 if layout_known else 0, np.uint8)
    for polygon in polygons:
        scaled = np.asarray(polygon, np.float64) / stride
        (_, sides, _) = cv2.minAreaRect(np.float32(scaled))
        if min(sides) < _LEAST_SIDE_PX:
            cv2.fillPoly(known, [np.round(scaled).astype(np.int32)], 0)
            continue
        distance = offset_distance(scaled)
        for piece in offset_polygon(scaled, -distance):
            cv2.fillPoly(shrunk, [np.round(piece).astype(np.int32)], 255)
        _draw_border(closeness, band, scaled, distance)
    threshold = np.round(255 * (THRESHOLD_LOW + (THRESHOLD_HIGH - THRESHOLD_LOW) * closeness)).astype(np.uint8)
    return RegionMaps(shrunk, threshold, band, known)


def _draw_border(closeness: np.ndarray, band: np.ndarray, polygon: np.ndarray, distance: float) -> None:
    """Raise `closeness` to 1 - d / D, d being the distance to the polygon's outline, within the polygon grown by D."""
    height, width = closeness.shape
    x0, y0 = np.maximum(np.floor(polygon.min(0) - distance).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(polygon.max(0) + distance).astype(int) + 2, [width, height])
    if x1 <= x0 or y1 <= y0:
        return
    # distance from every cell of the box to every edge of the polygon
    rows, columns = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    nearest = np.full(rows.shape, np.inf, np.float32)
    for start, end in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        way = (end - start).astype(np.float32)
        length = float(way @ way)
        if length == 0:
            continue
        share = np.clip(((columns - start[0]) * way[0] + (rows - start[1]) * way[1]) / length, 0, 1)
        away = (columns - start[0] - share * way[0]) ** 2 + (rows - start[1] - share * way[1]) ** 2
        nearest = np.minimum(nearest, away)
    near = np.clip(1 - np.sqrt(nearest) / max(distance, 1e-6), 0, 1)
    part = closeness[y0:y1, x0:x1]
    np.maximum(part, near, out=part)
    band[y0:y1, x0:x1][near > 0] = 255
