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
_TINY = 1e-6

Floats = npt.NDArray[np.float32]


def fill_smoothly(image: Image, hole: Mask) -> Floats:
    """`(H, W, 3)` levels: the image where it is known, a smooth continuation in `hole`; 0 if nothing is known."""
    height, width = hole.shape
    side = 1 << LEVELS
    known = np.zeros((height + -height % side, width + -width % side, 1), np.float32)
    known[:height, :width, 0] = hole == 0
    colour = np.zeros((*known.shape[:2], 3), np.float32)
    colour[:height, :width] = image
    colours, shares = [colour * known], [known]
    for _ in range(LEVELS):
        colours.append(_halved(colours[-1]))
        shares.append(_halved(shares[-1]))
    mean = colours[-1].sum(axis=(0, 1)) / max(float(shares[-1].sum()), _TINY)
    filled = np.broadcast_to(mean, colours[-1].shape).astype(np.float32)
    for level in range(LEVELS, -1, -1):
        size_wh = (colours[level].shape[1], colours[level].shape[0])
        filled = np.asarray(cv2.resize(filled, size_wh, interpolation=cv2.INTER_LINEAR), np.float32)
        trust = np.minimum(shares[level] / TRUSTED_SHARE, 1)
        believed = trust * colours[level] / (shares[level] + _TINY)
        count = RELAXATIONS if level else FINEST_RELAXATIONS
        filled = _relax(filled * (1 - trust) + believed, believed, 1 - trust, count)
    return filled[:height, :width]


def _halved(array: Floats) -> Floats:
    height, width, channels = array.shape
    small = cv2.resize(array, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(height // 2, width // 2, channels)


def _relax(filled: Floats, believed: Floats, doubt: Floats, count: int) -> Floats:
    """`count` steps of second-order Richardson iteration (Golub and Varga 1961) towards Laplace's equation."""
    cross = np.array([[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]], np.float32)
    before = filled
    for step in range(count):
        relaxed = cv2.filter2D(filled, -1, cross, borderType=cv2.BORDER_REPLICATE) * doubt + believed
        if step:
            relaxed = before + np.float32(MOMENTUM) * (relaxed - before)
        before, filled = filled, np.asarray(relaxed, np.float32)
    return filled
