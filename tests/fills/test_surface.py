"""Planes and curved surfaces through the colours around a hole."""

from __future__ import annotations

import numpy as np
import pytest

from service.fills.surface import CURVED_TERMS, PLANE_TERMS, fit_surface, moved, surface_at, surface_over


@pytest.mark.parametrize("terms", [PLANE_TERMS, CURVED_TERMS])
@pytest.mark.parametrize("offset_px", [0, 9000])
def test_a_surface_is_found_again(terms: int, offset_px: int) -> None:
    """Points of a surface give that surface back, near the corner of the crop and far down a strip."""
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, 300, 500) + offset_px, rng.integers(0, 300, 500)
    near = np.array([[200, 90, 30], [-0.3, 0.2, 0.1], [0.1, 0.0, -0.2], [1e-3, 0, 0], [0, 1e-3, 0], [0, 0, -1e-3]])
    x, y = columns.astype(float), (rows - offset_px).astype(float)
    levels = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y][:terms], axis=1) @ near[:terms]

    surface = fit_surface(levels.astype(np.float32), rows, columns, terms)

    assert surface.shape == (terms, 3)
    assert np.abs(surface_at(surface, rows, columns) - levels).max() < (0.01 if offset_px == 0 else 0.3)


def test_a_surface_over_rows_is_the_surface_at_each_pixel() -> None:
    """Both ways to ask agree."""
    surface = np.random.default_rng(1).normal(0, 1e-2, (CURVED_TERMS, 3)).astype(np.float32)
    rows, columns = (grid.ravel() for grid in np.mgrid[5:9, 0:7])

    over = surface_over(surface, slice(5, 9), 7)

    assert np.allclose(over.reshape(-1, 3), surface_at(surface, rows, columns), atol=1e-4)


@pytest.mark.parametrize("terms", [PLANE_TERMS, CURVED_TERMS])
def test_a_surface_seen_from_another_corner_is_the_same(terms: int) -> None:
    """The level at a place does not depend on whose pixels count it."""
    surface = np.random.default_rng(2).normal(0, 1e-2, (terms, 3)).astype(np.float32)
    rows, columns = (grid.ravel() for grid in np.mgrid[0:40, 0:50])

    other = moved(surface, 70, -20)

    assert np.allclose(surface_at(other, rows - 70, columns + 20), surface_at(surface, rows, columns), atol=2e-2)
