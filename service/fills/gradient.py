"""Continue a background that changes slowly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from service.fills.gate import Background
from service.fills.surface import surface_at
from service.imaging.arrays import Image, Mask

PIXELS_AT_ONCE = 1 << 20
"""A hole may be a whole page: between portions somebody may look at the clock, and memory does not grow with it."""


def fill_gradient(
    image: Image,
    hole: Mask,
    background: Background,
    rng: np.random.Generator,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Paint `hole` of `image` with the background's surface, in place.

    Levels between two integers are dithered, so that a wide soft gradient shows no bands. `check` is called now and
    then, and may raise.
    """
    all_rows, all_columns = np.nonzero(hole)
    for start in range(0, len(all_rows), PIXELS_AT_ONCE):
        check()
        rows, columns = (points[start : start + PIXELS_AT_ONCE] for points in (all_rows, all_columns))
        dither = rng.uniform(-0.5, 0.5, (len(rows), 1)).astype(np.float32)
        levels = surface_at(background.surface, rows, columns) + dither
        image[rows, columns] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
