"""Turn stored rows upright by the EXIF orientation, and back. Nothing here knows about files."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


def upright(stored: npt.NDArray[Scalar], orientation: int) -> npt.NDArray[Scalar]:
    """Show `(H, W[, C])` stored samples as a viewer does; contiguous. `orientation` is 1 to 8 (EXIF 2.32, tag 274)."""
    turned = stored
    if orientation >= 5:  # rows are columns: transpose first, then as for the first four
        turned = np.swapaxes(turned, 0, 1)
    if orientation in {2, 3, 6, 7}:
        turned = turned[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    return np.ascontiguousarray(turned)


def stored_order(shown: npt.NDArray[Scalar], orientation: int) -> npt.NDArray[Scalar]:
    """Undo `upright`: the same samples in the order in which the file stores them; contiguous."""
    turned = shown
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    if orientation in {2, 3, 6, 7}:
        turned = turned[:, ::-1]
    if orientation >= 5:
        turned = np.swapaxes(turned, 0, 1)
    return np.ascontiguousarray(turned)
