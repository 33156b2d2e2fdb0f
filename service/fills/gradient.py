"""Continue a background that changes slowly."""

from __future__ import annotations

import numpy as np

from service.fills.gate import Background
from service.fills.surface import surface_at
from service.imaging.arrays import Image, Mask


def fill_gradient(image: Image, hole: Mask, background: Background, rng: np.random.Generator) -> None:
    """Paint `hole` of `image` with the background's surface, in place.

    Levels between two integers are dithered, so that a wide soft gradient shows no bands.
    """
    rows, columns = np.nonzero(hole)
    levels = surface_at(background.surface, rows, columns) + rng.uniform(-0.5, 0.5, (len(rows), 1)).astype(np.float32)
    image[rows, columns] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
