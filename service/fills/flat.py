"""Fill holes with one colour. For the plain backgrounds that the gate found, or because the caller said so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image, Mask

WHITE = np.array([255, 255, 255], np.uint8)


def fill_colour(image: Image, hole: Mask, colour: npt.NDArray[np.generic]) -> None:
    """Paint `hole` of `image` with `colour` `(3,)`, levels 0 to 255, in place."""
    image[hole > 0] = np.clip(np.rint(colour), 0, 255).astype(np.uint8)


def ring_colour(image: Image, ring: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """`(3,)` median colour of the `ring` pixels; of the whole image where the ring is empty."""
    samples = image[ring] if ring.any() else image.reshape(-1, 3)
    return np.asarray(np.median(samples, axis=0), np.float32)
