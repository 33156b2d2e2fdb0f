"""The array types that every part speaks. See the glossary in CONTRIBUTING.md: one word, one meaning."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.uint8]
"""`(H, W, 3)` uint8 RGB, upright."""

Mask: TypeAlias = npt.NDArray[np.uint8]
"""`(H, W)` uint8, 255 = erase, 0 = keep; no other value."""

Prob: TypeAlias = npt.NDArray[np.float32]
"""`(H, W)` float32 in [0, 1]."""

Levels: TypeAlias = npt.NDArray[np.uint8]
"""`(H, W)` uint8, a probability in 255 steps: round(255 * probability). A quarter of float32's memory."""

Box: TypeAlias = tuple[int, int, int, int]
"""`(x0, y0, x1, y1)` in px, half-open."""

Polygon: TypeAlias = npt.NDArray[np.int32]
"""`(N, 2)` int32 points in px, x first, clockwise."""
