"""What is found of the same page when it leans: captions are set at a slant, and sounds run across a panel.

What is found is counted on the leaning page, against its text turned with it.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from benchmarks.lettered_pages import LetteredPage


def lean(picture: np.ndarray, degrees: float, *, interpolation: int) -> np.ndarray:
    """`picture` `(H, W, ...)` uint8 turned about its middle, as large as before; its mirror image fills the corners."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return cv2.warpAffine(picture, turn, (width, height), flags=interpolation, borderMode=cv2.BORDER_REFLECT)


def lean_page(page: LetteredPage, degrees: float) -> LetteredPage:
    """`page` with its text and octaves, without regions: pieces of them stand in the corners too."""
    text = np.where(page.text, np.uint8(255), np.uint8(0))
    return replace(
        page,
        raw=lean(page.raw, degrees, interpolation=cv2.INTER_CUBIC),
        clean=lean(page.clean, degrees, interpolation=cv2.INTER_CUBIC),
        text=lean(text, degrees, interpolation=cv2.INTER_LINEAR) > 127,
        octaves=lean(page.octaves, degrees, interpolation=cv2.INTER_NEAREST),
        regions=None,
    )
