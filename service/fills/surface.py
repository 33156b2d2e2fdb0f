"""Colours that change slowly over a crop: a plane, or where that is not enough, a surface of second order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Surface = npt.NDArray[np.float32]
"""`(n, 3)`: rows 1, x, y and, of second order, x², xy, y²; columns RGB. x and y in crop pixels."""
Points = npt.NDArray[np.intp]
Samples = npt.NDArray[np.float32]

PLANE_TERMS, CURVED_TERMS = 3, 6


def surface_at(surface: Surface, rows: Points, columns: Points) -> Samples:
    """`(N, 3)` levels at the points."""
    return np.asarray(_terms(rows, columns, len(surface)) @ surface, np.float32)


def surface_over(surface: Surface, rows: slice, width: int) -> Samples:
    """`(h, width, 3)` levels at all pixels of some `rows`."""
    x = np.arange(width, dtype=np.float32)[None, :, None]
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None, None]
    levels = surface[0] + x * surface[1] + y * surface[2]
    if len(surface) == CURVED_TERMS:
        levels += x * x * surface[3] + x * y * surface[4] + y * y * surface[5]
    return np.asarray(levels, np.float32)


def fit_surface(samples: Samples, rows: Points, columns: Points, terms: int) -> Surface:
    """Least squares through `samples` `(N, 3)`; `terms` is PLANE_TERMS or CURVED_TERMS."""
    design = _terms(rows, columns, terms).astype(np.float64)
    scale = np.maximum(np.abs(design).max(axis=0), 1.0)  # x² is a million times 1: solved in like units
    solved = np.linalg.lstsq(design / scale, samples.astype(np.float64), rcond=None)[0]
    return np.asarray(solved / scale[:, None], np.float32)


def _terms(rows: Points, columns: Points, count: int) -> Samples:
    x, y = columns.astype(np.float32), rows.astype(np.float32)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y][:count], axis=1)
