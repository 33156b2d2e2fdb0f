"""Pen and brush: lines, polygons, tapered strokes and alpha painting on uint8 pictures, grey or RGB."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

cv2.setNumThreads(1)  # one worker process per core: threads inside OpenCV would only fight each other

Picture = np.ndarray
"""`(H, W)` uint8 grey or `(H, W, 3)` uint8 RGB."""
Ink = int | tuple[int, int, int]
"""Grey level or RGB, matching the picture it is drawn on."""

FRACTION_BITS = 4


def empty(height: float, width: float) -> np.ndarray:
    """`(h, w)` uint8 coverage with nothing on it yet, never smaller than a few pixels."""
    return np.zeros((max(4, math.ceil(height)), max(4, math.ceil(width))), np.uint8)


def fixed(points: np.ndarray | Sequence) -> np.ndarray:
    """Points in px as the fixed-point integers that OpenCV draws with sub-pixel accuracy."""
    return np.round(np.asarray(points, np.float64) * (1 << FRACTION_BITS)).astype(np.int32).reshape(-1, 1, 2)


def polyline(
    picture: Picture, points: np.ndarray | Sequence, ink: Ink, width: float = 1, *, closed: bool = False
) -> None:
    """Draw a line through the points."""
    cv2.polylines(picture, [fixed(points)], closed, ink, max(1, round(width)), cv2.LINE_AA, FRACTION_BITS)


def polylines(picture: Picture, lines: Sequence, ink: Ink, width: float = 1) -> None:
    """Draw many open lines with one pen."""
    if lines:
        pen = max(1, round(width))
        cv2.polylines(
            picture,
            [fixed(line) for line in lines],
            isClosed=False,
            color=ink,
            thickness=pen,
            lineType=cv2.LINE_AA,
            shift=FRACTION_BITS,
        )


def polygon(picture: Picture, points: np.ndarray | Sequence, ink: Ink) -> None:
    """Fill the area that the points enclose."""
    cv2.fillPoly(picture, [fixed(points)], ink, cv2.LINE_AA, FRACTION_BITS)


def disc(picture: Picture, centre: np.ndarray | Sequence, radius: float, ink: Ink, width: int = -1) -> None:
    """Draw a circle; a width of -1 fills it."""
    scale = 1 << FRACTION_BITS
    middle = (round(float(centre[0]) * scale), round(float(centre[1]) * scale))
    cv2.circle(picture, middle, max(scale // 2, round(radius * scale)), ink, width, cv2.LINE_AA, FRACTION_BITS)


def corners(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """`(4, 2)` corners of a box, clockwise from the upper left."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)


def bezier(
    start: np.ndarray, pull_start: np.ndarray, pull_end: np.ndarray, end: np.ndarray, count: int = 14
) -> np.ndarray:
    """`(count, 2)` points of a cubic Bezier curve."""
    t = np.linspace(0, 1, count)[:, None]
    u = 1 - t
    return u**3 * start + 3 * u * u * t * pull_start + 3 * u * t * t * pull_end + t**3 * end


def tapered(points: np.ndarray, width: float) -> np.ndarray:
    """Outline of a brush stroke along the points: thin at both ends, `width` px thick in the middle."""
    along = np.gradient(points, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-6
    half = np.sin(np.linspace(0, math.pi, len(points)))[:, None] ** 0.7 * width * 0.5 + 0.15
    return np.concatenate([points + across * half, (points - across * half)[::-1]])


def ring_points(centre: np.ndarray, radius_x: float, radius_y: float, count: int) -> np.ndarray:
    """`(count, 2)` points of an ellipse."""
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False)
    return np.asarray(centre) + np.stack([np.cos(angles) * radius_x, np.sin(angles) * radius_y], 1)


def overlap(
    shape_hw: tuple[int, int], patch_hw: tuple[int, int], x: int, y: int
) -> tuple[slice, slice, slice, slice] | None:
    """Rows and columns of a picture covered by a patch at (x, y), and the patch's own; None if they do not meet."""
    x0, y0 = max(0, x), max(0, y)
    x1, y1 = min(shape_hw[1], x + patch_hw[1]), min(shape_hw[0], y + patch_hw[0])
    if x1 <= x0 or y1 <= y0:
        return None
    return slice(y0, y1), slice(x0, x1), slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)


def paint(picture: Picture, alpha: np.ndarray, ink: Ink | np.ndarray, x: int, y: int) -> None:
    """Cover the picture with ink at (x, y), as the `(h, w)` uint8 alpha says; ink may be a patch of that size."""
    found = overlap(picture.shape[:2], alpha.shape[:2], x, y)
    if found is None:
        return
    rows, columns, patch_rows, patch_columns = found
    below = picture[rows, columns]
    share = alpha[patch_rows, patch_columns].astype(np.float32) * (1 / 255)
    colour = np.asarray(ink, np.float32)
    if colour.ndim >= 2:
        colour = colour[patch_rows, patch_columns]
    if picture.ndim == 3:
        share = share[..., None]
        if colour.ndim == 2:
            colour = colour[..., None]
    below[:] = (below + (colour - below) * share + 0.5).astype(np.uint8)


def cover(layer: np.ndarray, alpha: np.ndarray, x: int, y: int) -> None:
    """Raise a `(H, W)` uint8 layer to the alpha at (x, y)."""
    found = overlap(layer.shape[:2], alpha.shape[:2], x, y)
    if found is not None:
        rows, columns, patch_rows, patch_columns = found
        np.maximum(layer[rows, columns], alpha[patch_rows, patch_columns], out=layer[rows, columns])


@lru_cache(maxsize=64)
def round_kernel(radius_px: int) -> np.ndarray:
    """Disc-shaped structuring element."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))


def grown(alpha: np.ndarray, radius_px: float) -> np.ndarray:
    """The alpha grown by a radius, edges still anti-aliased."""
    radius = max(1, round(radius_px))
    if radius <= 6:
        return cv2.dilate(alpha, round_kernel(radius))
    distance = cv2.distanceTransform(255 - cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)[1], cv2.DIST_L2, 3)
    return np.clip((radius + 0.5 - distance) * 255, 0, 255).astype(np.uint8)


def trimmed(alpha: np.ndarray, margin_px: int = 0) -> np.ndarray:
    """The part of the alpha that is not empty, with a margin."""
    rows, columns = np.flatnonzero(alpha.max(1)), np.flatnonzero(alpha.max(0))
    if len(rows) == 0:
        return alpha[:1, :1]
    tight = alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return padded(tight, margin_px) if margin_px else tight


def padded(alpha: np.ndarray, margin_px: int) -> np.ndarray:
    """The alpha with an empty margin on all sides."""
    return cv2.copyMakeBorder(alpha, margin_px, margin_px, margin_px, margin_px, cv2.BORDER_CONSTANT, value=0)


def resized(picture: Picture, size_wh: tuple[int, int]) -> Picture:
    """The picture at another size, averaged when it shrinks."""
    shrinks = size_wh[0] < picture.shape[1]
    return cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
