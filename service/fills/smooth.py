"""Fill holes smoothly, from what is known around them: no texture, no edges, but nowhere a wrong level either.

Averages of what is known, ever coarser, fill the hole from the coarsest on (push-pull: Gortler et al., "The Lumigraph",
SIGGRAPH 1996, section 3.4); on each level a few steps towards Laplace's equation take the blocks away.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image, Mask

LEVELS = 6
TRUSTED_SHARE = 1 / 256
"""A cell is believed in full once this share of it is known."""
RELAXATIONS, FINEST_RELAXATIONS = 6, 4
MOMENTUM = 1.75
PIXELS_AT_ONCE = 1 << 16
"""For the memory that it takes; what is computed is the same."""
_TINY = 1e-6

Floats = npt.NDArray[np.float32]


def fill_smoothly(image: Image, hole: Mask) -> Floats:
    """`(H, W, 3)` levels: the image where it is known, a smooth continuation in `hole`; 0 if nothing is known.

    Takes 48 bytes a pixel, of the image filled up to whole cells of the coarsest level.
    """
    height, width = hole.shape
    side = 1 << LEVELS
    known = np.zeros((height + -height % side, width + -width % side, 1), np.float32)
    known[:height, :width, 0] = hole == 0
    colour = np.zeros((*known.shape[:2], 3), np.float32)
    colour[:height, :width] = image
    colour *= known
    colours, shares = [colour], [known]
    del colour, known
    for _ in range(LEVELS):
        colours.append(_halved(colours[-1]))
        shares.append(_halved(shares[-1]))
    mean = colours[-1].sum(axis=(0, 1)) / max(float(shares[-1].sum()), _TINY)
    filled = np.broadcast_to(mean, colours[-1].shape).astype(np.float32)
    while colours:
        believed, share = colours.pop(), shares.pop()
        size_wh = (believed.shape[1], believed.shape[0])
        filled = np.asarray(cv2.resize(filled, size_wh, interpolation=cv2.INTER_LINEAR), np.float32)
        trust = np.minimum(share / TRUSTED_SHARE, 1)
        believed *= trust
        share += _TINY
        believed /= share
        doubt = np.subtract(1, trust, out=trust)
        filled *= doubt
        filled += believed
        filled = _relax(filled, believed, doubt, RELAXATIONS if colours else FINEST_RELAXATIONS)
    return filled[:height, :width]


def _halved(array: Floats) -> Floats:
    height, width, channels = array.shape
    small = cv2.resize(array, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(height // 2, width // 2, channels)


def _relax(filled: Floats, believed: Floats, doubt: Floats, count: int) -> Floats:
    """`count` steps of second-order Richardson iteration (Golub and Varga 1961) towards Laplace's equation.

    Band by band, each with a row more on either side; `filled` is used up.
    """
    cross = np.array([[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]], np.float32)
    height, width = filled.shape[:2]
    rows = max(1, PIXELS_AT_ONCE // width)
    before = np.empty_like(filled)
    for step in range(count):
        for top in range(0, height, rows):
            band, first = slice(top, min(top + rows, height)), max(0, top - 1)
            around = cv2.filter2D(filled[first : band.stop + 1], -1, cross, borderType=cv2.BORDER_REPLICATE)
            relaxed: Floats = np.asarray(around[top - first : band.stop - first], np.float32)
            relaxed *= doubt[band]
            relaxed += believed[band]
            if step:
                relaxed -= before[band]
                relaxed *= np.float32(MOMENTUM)
                relaxed += before[band]
            before[band] = relaxed
        before, filled = filled, before
    return filled
