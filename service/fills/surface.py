"""Colours that change slowly over a crop: a plane, or where that is not enough, a surface of second order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Surface = npt.NDArray[np.float32]
"""`(n, 3)`: rows 1, x, y and, of second order, x², xy, y²; columns RGB. x and y in crop pixels."""
Points = npt.NDArray[np.intp]
Samples = npt.NDArray[np.float32]

PLANE_TERMS, CURVED_TERMS = 3, 6
RIDGE = 1e-10


def even_surface(colour: npt.NDArray[np.float32]) -> Surface:
    """The plane that has the levels `(3,)` everywhere."""
    surface = np.zeros((PLANE_TERMS, 3), np.float32)
    surface[0] = colour
    return surface


def surface_at(surface: Surface, rows: Points, columns: Points) -> Samples:
    """`(N, 3)` levels at the points."""
    return np.asarray(_terms(rows, columns, len(surface)) @ surface, np.float32)


def moved(surface: Surface, down_px: int, right_px: int) -> Surface:
    """The same surface in the pixels of a crop whose corner lies so far down and to the right of that of the first."""
    return np.asarray(_unscaled(surface.astype(np.float64), -right_px, -down_px, 1.0), np.float32)


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
    middle_x, middle_y = float(columns.mean()), float(rows.mean())
    reach = max(1.0, float(np.abs(columns - middle_x).max()), float(np.abs(rows - middle_y).max()))
    x, y = (columns - middle_x) / reach, (rows - middle_y) / reach
    design = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y][:terms], axis=1)
    # By the normal equations: this runs hundreds of times a page, and in coordinates from -1 to 1 they are well
    # conditioned. The weight on the diagonal keeps points on one line solvable; it is far below a level.
    square = design.T @ design + RIDGE * len(design) * np.eye(terms)
    solved = np.linalg.solve(square, design.T @ samples.astype(np.float64))
    return np.asarray(_unscaled(solved, middle_x, middle_y, reach), np.float32)


def _unscaled(
    solved: npt.NDArray[np.float64], middle_x: float, middle_y: float, reach: float
) -> npt.NDArray[np.float64]:
    """The coefficients in crop pixels of a surface that was solved around its middle."""
    a0, a1, a2, *curved = solved
    raw = np.zeros_like(solved)
    raw[0] = a0 - (a1 * middle_x + a2 * middle_y) / reach
    raw[1], raw[2] = a1 / reach, a2 / reach
    if curved:
        a3, a4, a5 = (term / reach**2 for term in curved)
        raw[0] += a3 * middle_x**2 + a4 * middle_x * middle_y + a5 * middle_y**2
        raw[1] -= 2 * a3 * middle_x + a4 * middle_y
        raw[2] -= 2 * a5 * middle_y + a4 * middle_x
        raw[3], raw[4], raw[5] = a3, a4, a5
    return raw


def _terms(rows: Points, columns: Points, count: int) -> Samples:
    x, y = columns.astype(np.float32), rows.astype(np.float32)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y][:count], axis=1)
