"""Continue a smooth field from around a hole into it. Nothing here knows about files or models."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]


def continue_smoothly(field: Field, hole: npt.NDArray[np.bool_]) -> Field:
    """Replace `(H, W, C)` float32 values inside the hole by a smooth continuation of those around it.

    Push-pull (Gortler et al. 1996, "The Lumigraph", section 3.4): average the known values into ever smaller
    pictures, then fill each hole from the next smaller one. A constant surrounding continues as that constant.
    Zero everywhere if nothing is known.
    """
    known = (~hole).astype(np.float32)
    return _pull(np.where(hole[..., None], np.float32(0), field), known)


def _pull(total: Field, weight: Field) -> Field:
    """Values of weighted sums `total` (`(H, W, C)`) where `weight` > 0, of the next smaller picture elsewhere."""
    height, width = weight.shape
    value = total / np.maximum(weight, np.float32(1e-12))[..., None]
    if (weight > 0).all() or height * width == 1:
        return np.asarray(value, np.float32)
    half = (-(-width // 2), -(-height // 2))
    even = (half[1] * 2 - height, half[0] * 2 - width)
    small_total = _halve(np.pad(total, ((0, even[0]), (0, even[1]), (0, 0))))
    small_weight = _halve(np.pad(weight, ((0, even[0]), (0, even[1])))[..., None])[..., 0]
    small = _pull(small_total, small_weight)
    large = cv2.resize(small, (half[0] * 2, half[1] * 2), interpolation=cv2.INTER_LINEAR)
    large = large.reshape(half[1] * 2, half[0] * 2, -1)[:height, :width]
    return np.where((weight > 0)[..., None], value, large).astype(np.float32)


def _halve(field: Field) -> Field:
    """Sum of each 2 x 2 block, over 4."""
    sums = field[0::2, 0::2] + field[1::2, 0::2] + field[0::2, 1::2] + field[1::2, 1::2]
    return np.asarray(sums * np.float32(0.25), np.float32)
