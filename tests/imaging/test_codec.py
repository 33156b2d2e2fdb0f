"""The codec's promises that do not depend on one mode; `test_fidelity.py` walks the table of modes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from service.errors import (
    InvalidMask,
    MaskMismatch,
    NotAnImage,
)
from service.imaging import codec
from service.imaging.orientation import stored_order, upright

MAX_PIXELS = 1_000_000


def drawing(height: int = 40, width: int = 56) -> np.ndarray:
    """A picture with flat paper, a gradient and grain: `(H, W, 3)` uint8."""
    image = np.full((height, width, 3), (250, 244, 230), np.uint8)
    image[: height // 2, : width // 2, 0] = np.linspace(0, 255, width // 2).astype(np.uint8)
    image[height // 2 :, : width // 2] = np.random.default_rng(3).integers(
        0, 256, (height - height // 2, width // 2, 3)
    )
    return image


def saved(image: np.ndarray | PillowImage.Image, pillow_format: str, **options: object) -> bytes:
    """An image file made by Pillow, not by us."""
    buffer = io.BytesIO()
    (image if isinstance(image, PillowImage.Image) else PillowImage.fromarray(image)).save(
        buffer, pillow_format, **options
    )
    return buffer.getvalue()


def mask_of(size_hw: tuple[int, int]) -> np.ndarray:
    """A mask with one box, well inside and away from the middle, so that a wrong turn shows."""
    mask = np.zeros(size_hw, np.uint8)
    mask[5:14, 8:30] = 255
    return mask


@pytest.mark.parametrize("pillow_format", ["PNG", "JPEG", "WEBP"])
def test_read_header_tells_format_and_size_without_decoding(pillow_format):
    """Format, width, height and mode are read from the header."""
    header = codec.read_header(saved(drawing(), pillow_format), max_pixels=MAX_PIXELS)

    assert (header.format, header.width, header.height) == (pillow_format.lower(), 56, 40)
    assert (header.mode, header.frames) == ("RGB", 1)


@pytest.mark.parametrize("pillow_format", ["PNG", "WEBP"])
def test_lossless_output_differs_inside_the_mask_only(pillow_format):
    """Outside the mask a lossless file keeps every value; inside stands the result."""
    image = drawing()
    mask = mask_of(image.shape[:2])
    picture = codec.decode(saved(image, pillow_format, lossless=True), max_pixels=MAX_PIXELS)
    result = np.full_like(image, (9, 99, 199))

    encoded = codec.encode(picture, result, mask=mask, format="same", quality=None)

    expected = np.where(mask[..., None] == 255, result, image)
    assert np.array_equal(np.asarray(PillowImage.open(io.BytesIO(encoded.data))), expected)
    assert encoded.fidelity == "exact"


def test_jpeg_is_written_with_its_own_tables_and_sampling():
    """A JPEG written back has the quantisation tables, the chroma sampling and the scan order of the upload."""
    data = saved(drawing(), "JPEG", quality=83, subsampling=2, progressive=True, comment=b"kept")
    picture = codec.decode(data, max_pixels=MAX_PIXELS)

    encoded = codec.encode(picture, picture.image, mask=mask_of((40, 56)), format="same", quality=None)

    old, new = PillowImage.open(io.BytesIO(data)), PillowImage.open(io.BytesIO(encoded.data))
    assert new.quantization == old.quantization
    assert [component[1:3] for component in new.layer] == [component[1:3] for component in old.layer]
    assert new.info["progressive"]
    assert new.info["comment"] == b"kept"


def test_nothing_to_erase_returns_the_very_bytes():
    """With an empty mask and nothing to convert, the upload comes back byte for byte."""
    data = saved(drawing(), "JPEG")
    picture = codec.decode(data, max_pixels=MAX_PIXELS)

    encoded = codec.encode(picture, picture.image, mask=np.zeros((40, 56), np.uint8), format="same", quality=None)

    assert encoded.data == data
    assert encoded.fidelity == "exact"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_undone_by_stored_order(orientation):
    """Turning upright and back gives the same samples, for all eight EXIF orientations."""
    stored = np.arange(24, dtype=np.uint16).reshape(4, 6)

    assert np.array_equal(stored_order(upright(stored, orientation), orientation), stored)


@pytest.mark.parametrize("mode", ["L", "1", "RGB"])
def test_mask_files_brighter_than_127_mean_erase(mode):
    """A gray, 1-bit or RGB mask means the same: white is erased."""
    gray = np.zeros((20, 30), np.uint8)
    gray[3:8, 4:9] = 255

    data = saved(PillowImage.fromarray(gray).convert(mode), "PNG")
    mask = codec.decode_mask(data, "mask", size_hw=(20, 30), max_pixels=MAX_PIXELS)

    assert np.array_equal(mask, gray)


def test_mask_threshold_lies_above_127():
    """127 is kept, 128 is erased."""
    gray = np.array([[0, 127, 128, 255]], np.uint8)

    mask = codec.decode_mask(saved(gray, "PNG"), "mask", size_hw=(1, 4), max_pixels=MAX_PIXELS)

    assert mask.tolist() == [[0, 0, 255, 255]]


def test_transparent_mask_is_refused_and_the_message_says_what_to_send():
    """Transparency in a mask has no clear meaning, so it is refused with advice."""
    clear = np.zeros((4, 4, 4), np.uint8)

    with pytest.raises(InvalidMask, match=r"`mask` has transparent.*white inside and black outside"):
        codec.decode_mask(saved(clear, "PNG"), "mask", size_hw=(4, 4), max_pixels=MAX_PIXELS)


def test_opaque_rgba_mask_is_accepted():
    """A canvas always saves RGBA; fully opaque, it is as clear as RGB."""
    solid = np.full((4, 4, 4), 255, np.uint8)

    assert codec.decode_mask(saved(solid, "PNG"), "mask", size_hw=(4, 4), max_pixels=MAX_PIXELS).all()


def test_mask_of_another_size_is_refused():
    """A mask must have the upright size of its image; the message names both sizes."""
    with pytest.raises(MaskMismatch, match=r"`mask` is 4 x 3; expected 9 x 8"):
        codec.decode_mask(saved(np.zeros((3, 4), np.uint8), "PNG"), "mask", size_hw=(8, 9), max_pixels=MAX_PIXELS)


def test_a_mask_that_is_no_picture_is_refused_with_its_name():
    """Of the files of a form, the refusal says which one it means."""
    with pytest.raises(NotAnImage, match="`exclude`: The first bytes"):
        codec.decode_mask(b"hello", "exclude", size_hw=(8, 9), max_pixels=MAX_PIXELS)


def test_encode_mask_writes_gray_png():
    """The mask comes back as 8-bit gray PNG of the same values."""
    mask = mask_of((40, 56))

    encoded = codec.encode_mask(mask)

    image = PillowImage.open(io.BytesIO(encoded.data))
    assert image.mode == "L"
    assert np.array_equal(np.asarray(image), mask)
    assert encoded.media_type == "image/png"
