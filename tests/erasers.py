"""Erasers on fakes and a way to ask them, for the tests of the pipeline and of its regions."""

from __future__ import annotations

import numpy as np

from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.imaging.arrays import Image, Mask
from service.inpainter import Inpainter
from service.options import EraseOptions
from service.segmenter import TextSegmenter
from service.session import Session
from tests import pages
from tests.fakes import FakeGraph

MAX_PIXELS = 10_000_000
PAINT = (10, 200, 90)


def eraser_of(segmentation: FakeGraph | Session, inpainting: FakeGraph | Session) -> Eraser:
    """An eraser with one model for each task."""
    return Eraser(
        {"text-segmentation": TextSegmenter(segmentation)},
        {"inpainting": Inpainter(inpainting)},
        max_pixels=MAX_PIXELS,
    )


def erase(eraser: Eraser, image: Image, mask: Mask | None = None, **options: object) -> Outcome:
    """Erase a PNG without a deadline; by default both files are asked for."""
    chosen = EraseOptions.model_validate({"output": "both", **options})
    return eraser.erase(pages.png(image), None if mask is None else pages.png(mask), chosen, Deadline())


def image_of(outcome: Outcome) -> Image:
    """The pixels of the image that came out."""
    assert outcome.image is not None
    return pages.pixels_of(outcome.image.data)


def mask_of(outcome: Outcome) -> Mask:
    """The pixels of the mask that came out."""
    assert outcome.mask is not None
    return pages.pixels_of(outcome.mask.data)


def light_page() -> pages.Page:
    """Words on light art and on paper; nothing else is dark."""
    clean = pages.noise(160, 260) // 4 + 190
    clean[80:] = 255
    return pages.lettered(clean, ("CRASH", 60, 50), ("HELLO", 60, 125))


def rectangle(height: int = 160, width: int = 260, place: tuple[slice, slice] = np.s_[30:100, 20:90]) -> Mask:
    """A mask with one rectangle."""
    mask = np.zeros((height, width), np.uint8)
    mask[place] = 255
    return mask
