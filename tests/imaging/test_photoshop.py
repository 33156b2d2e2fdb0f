"""Thumbnails beside a picture: they show what was erased, wherever a program has put them."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image as PillowImage
from PIL import TiffImagePlugin

from service.imaging.photoshop import without_previews
from tests.imaging.modes import erase_box, rgb, saved

PREVIEW = bytes(range(1, 256))
CAPTION = b"a caption"


def resource(number: int, content: bytes, name: bytes = b"") -> bytes:
    """An image resource as Photoshop writes it."""
    named = bytes([len(name)]) + name
    named += b"\0" * (len(named) % 2)
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + named
        + struct.pack(">I", len(content))
        + content
        + b"\0" * (len(content) % 2)
    )


RESOURCES = resource(1028, CAPTION) + resource(1036, PREVIEW, b"odd") + resource(1033, PREVIEW) + resource(1034, b"\1")


def segment(marker: int, payload: bytes) -> bytes:
    """A marker segment of a JPEG file."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def jpeg_with(*segments: bytes) -> bytes:
    """A JPEG file with these segments before all others."""
    return b"\xff\xd8" + b"".join(segments) + saved(rgb(), "JPEG")[2:]


def test_thumbnails_are_zeroed_and_nothing_else() -> None:
    """Those of both versions; the block has its length, and all other resources are as they were."""
    blank = without_previews(RESOURCES)

    assert blank == RESOURCES.replace(PREVIEW, bytes(len(PREVIEW)))
    assert without_previews(blank) == blank


@pytest.mark.parametrize("end", range(0, len(RESOURCES), 7))
def test_a_block_that_is_cut_off_keeps_its_length(end: int) -> None:
    """Whatever it holds, nothing is raised, and what is there of a thumbnail goes."""
    blank = without_previews(RESOURCES[:end])

    assert len(blank) == end
    assert PREVIEW[:20] not in blank


@pytest.mark.parametrize("quality", [None, 90])
@pytest.mark.parametrize(
    "segments",
    [
        [segment(0xED, b"Photoshop 3.0\0" + RESOURCES)],
        [segment(0xED, b"Photoshop 3.0\0" + part) for part in (RESOURCES[:60], RESOURCES[60:])],
        [segment(0xE0, b"JFXX\0\x10" + PREVIEW)],
        [segment(0xE0, b"JFIF\0\1\2\1\0\x48\0\x48\5\x11" + PREVIEW)],
    ],
    ids=["Photoshop", "Photoshop in two segments", "JFXX", "JFIF"],
)
def test_a_jpeg_comes_back_without_the_thumbnails_beside_it(segments: list[bytes], quality: int | None) -> None:
    """Photoshop saves one in every JPEG: in the cleaned page the text could still be read in it."""
    data = jpeg_with(*segments)

    _, encoded = erase_box(data, quality=quality)

    assert PREVIEW[80:100] in data
    assert PREVIEW[80:100] not in encoded.data
    assert (CAPTION in encoded.data) == (CAPTION in data)
    assert PillowImage.open(io.BytesIO(encoded.data)).size == PillowImage.open(io.BytesIO(data)).size


@pytest.mark.parametrize("target", ["same", "png", "jpeg", "webp"])
@pytest.mark.parametrize("tag", [37724, 50255], ids=["layers", "notes"])
def test_a_tiff_comes_back_without_photoshops_layers(tag: int, target: str) -> None:
    """They are the page as it was, text and all, and Photoshop shows them, not the samples."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[tag], tags[315] = b"Adobe Photoshop Document Data Block\0" + PREVIEW, CAPTION.decode()
    tags.tagtype[tag] = 7
    data = saved(rgb(), "TIFF", tiffinfo=tags)

    _, encoded = erase_box(data, format=target)

    assert PREVIEW in data
    assert PREVIEW[80:100] not in encoded.data
    assert CAPTION in encoded.data


@pytest.mark.parametrize("target", ["same", "png"])
def test_a_tiff_comes_back_without_photoshops_thumbnail(target: str) -> None:
    """The other resources stay, as every tag does."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[34377] = RESOURCES
    tags.tagtype[34377] = 7
    data = saved(rgb(), "TIFF", tiffinfo=tags)

    _, encoded = erase_box(data, format=target)

    assert PREVIEW in data
    assert PREVIEW[80:100] not in encoded.data
    assert CAPTION in encoded.data
