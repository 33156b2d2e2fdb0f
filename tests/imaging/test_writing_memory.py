"""What writing takes beside the picture itself, of pages that are half text, by mode: part of what admission counts."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from service.imaging import codec
from service.imaging.formats.jpeg_frame import Component, Frame
from service.imaging.formats.png import write
from service.imaging.stored import Metadata, Stored

HEIGHT, WIDTH = 1500, 1000


def grain(*shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Paper with a little noise."""
    return np.random.default_rng(1).integers(240, 256, shape, np.uint8)


def by_pillow(image: PillowImage.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def inks(kind: str) -> bytes:
    return by_pillow(PillowImage.fromarray(255 - grain(HEIGHT, WIDTH, 4), "CMYK"), kind)


def indexed(kind: str) -> bytes:
    return by_pillow(PillowImage.fromarray(grain(HEIGHT, WIDTH, 3)).quantize(200), kind)


def deep(layout: Any, channels: int) -> bytes:
    samples = grain(HEIGHT, WIDTH, channels).astype(np.uint16) * 256 + 77
    return write(Stored(samples if channels > 1 else samples[..., 0], layout, 16), Metadata())


def peak_mb(work: Callable[[], object]) -> float:
    """The most that `work` holds at a time beside what was there before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("make", "most_mb"),
    [(lambda: inks("TIFF"), 90), (lambda: indexed("PNG"), 30), (lambda: deep("RGB", 3), 90)],
    ids=["inks", "palette", "16 bits"],
)
def test_writing_a_page_that_is_half_text_goes_piece_by_piece(make: Callable[[], bytes], most_mb: float) -> None:
    """1.5 megapixels of inks once took 207 MB here: the whole page at once, in numbers of 32 bits."""
    picture = codec.decode(make(), max_pixels=HEIGHT * WIDTH)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for top in range(0, HEIGHT, 100):
        mask[top : top + 60] = 255
    result = np.where(mask[..., None] > 0, np.uint8(255), picture.image)

    assert peak_mb(lambda: codec.encode(picture, result, mask=mask, format="same", quality=None)) <= most_mb


def test_showing_inks_goes_piece_by_piece() -> None:
    """Decoding 1.5 megapixels of inks took 36 MB; the samples and their view are 11 of them."""
    data = inks("TIFF")

    assert peak_mb(lambda: codec.decode(data, max_pixels=HEIGHT * WIDTH)) <= 26


def test_the_coefficients_of_a_whole_page_are_made_piece_by_piece() -> None:
    """They are 3 MB; the transform's wide numbers took 60."""
    frame = Frame(WIDTH, HEIGHT, (Component(1, 1, 1, np.full(64, 8)),))
    plane = cv2.GaussianBlur(grain(HEIGHT, WIDTH), (0, 0), 2)
    touched = np.ones(frame.grid(0), np.bool_)

    assert peak_mb(lambda: frame.coefficients(0, plane, touched)) <= 20
