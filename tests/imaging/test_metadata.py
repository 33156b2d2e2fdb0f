"""What stands beside the samples: profile, EXIF, resolution and chunks come back, but for what has become untrue."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image as PillowImage
from PIL import TiffImagePlugin

from tests.imaging.modes import SRGB, erase_box, png, rgb, saved


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
def test_profile_exif_and_resolution_stay(kind):
    """The ICC profile, the EXIF fields and the resolution of the upload stand in the result."""
    exif = PillowImage.Exif()
    exif[0x010E], exif[0x013B] = "a page", "an artist"
    exif[0x8769] = {0x9286: b"ASCII\0\0\0a comment"}
    data = saved(rgb(), kind, exif=exif.tobytes(), icc_profile=SRGB, dpi=(300, 300))

    _, encoded = erase_box(data)

    before, after = PillowImage.open(io.BytesIO(data)), PillowImage.open(io.BytesIO(encoded.data))
    assert after.info["icc_profile"] == SRGB
    assert after.info.get("dpi") == before.info.get("dpi")
    assert after.getexif()[0x010E] == "a page"
    assert after.getexif().get_ifd(0x8769)[0x9286].startswith(b"ASCII\0\0\0a comment")


@pytest.mark.parametrize(("kind", "target"), [("JPEG", "same"), ("PNG", "same"), ("WEBP", "same"), ("JPEG", "png")])
def test_the_preview_in_the_exif_goes_as_it_shows_what_was_erased(kind, target):
    """A camera's thumbnail would still show the text: it is blanked and unlinked; the other EXIF fields stay."""
    preview = saved(rgb()[:16, :16].copy(), "JPEG")
    first = struct.pack("<HHHII", 1, 0x013B, 2, 10, 26 + 30 + 4) + struct.pack("<I", 26)
    second = struct.pack("<HHHIIHHII", 2, 513, 4, 1, 80, 514, 4, 1, len(preview)) + b"\0\0\0\0"
    exif = (b"II*\0" + struct.pack("<I", 8) + first + second).ljust(60, b"\0") + b"an artist\0"
    exif = exif.ljust(80, b"\0") + preview
    data = saved(rgb(), kind, exif=b"Exif\0\0" + exif)
    assert preview in data

    _, encoded = erase_box(data, format=target)

    assert preview not in encoded.data
    after = PillowImage.open(io.BytesIO(encoded.data)).getexif()
    assert after[0x013B] == "an artist"
    assert not after.get_ifd(0x014A)
    assert preview[200:260] not in encoded.data


def test_png_chunks_that_nobody_knows_stay_byte_for_byte():
    """A private chunk and a text chunk of the upload stand in the result."""
    data = png(2, 8, rgb(), (b"tEXt", b"Title\0a page"), (b"teXt", b"private"), (b"gAMA", struct.pack(">I", 45455)))

    _, encoded = erase_box(data)

    for payload in (b"tEXtTitle\0a page", b"teXtprivate", b"gAMA" + struct.pack(">I", 45455)):
        assert payload in encoded.data


def test_png_chunks_that_a_new_picture_makes_untrue_go():
    """Apple's iDOT says where rows lie in data that are no more; prVW is the page once more; a time is another now."""
    colour = [(b"cHRM", bytes(32)), (b"gAMA", b"\0\0\xb1\x8f"), (b"cICP", b"\x0c\x0d\0\1"), (b"sBIT", b"\5\6\5")]
    kept = [*colour, (b"bKGD", bytes(6)), (b"pHYs", bytes(9)), (b"vpAg", b"private"), (b"sPLT", b"a\0\x08")]
    untrue = [
        (b"iDOT", bytes(28)),
        (b"prVW", b"a preview"),
        (b"tIME", bytes(7)),
        (b"hIST", bytes(4)),
        (b"fcTL", bytes(26)),
    ]

    _, encoded = erase_box(png(2, 8, rgb(), *kept, *untrue))

    assert all(kind + value in encoded.data for kind, value in kept)
    assert not any(kind in encoded.data for kind, _ in untrue)
    assert encoded.fidelity == "exact"


def test_a_png_chunk_that_may_stand_once_comes_back_once():
    """Of two the first counts, here and for others; of texts there may be many."""
    texts = [(b"tEXt", b"Title\0a page"), (b"tEXt", b"Author\0an artist")]
    data = png(2, 8, rgb(), (b"gAMA", b"\0\0\xb1\x8f"), (b"gAMA", b"\0\1\x86\xa0"), *texts)

    _, encoded = erase_box(data)

    assert encoded.data.count(b"gAMA") == 1
    assert b"gAMA\0\0\xb1\x8f" in encoded.data
    assert all(value in encoded.data for _, value in texts)


def test_big_endian_tiff_keeps_its_tags():
    """The tags of a Motorola-order TIFF are carried over with their values, though the result is little-endian."""
    tags = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"MM")
    tags[270], tags[282], tags[283], tags[296] = "a page", 600.0, 600.0, 2
    data = saved(rgb(), "TIFF", tiffinfo=tags)

    _, encoded = erase_box(data)

    after = PillowImage.open(io.BytesIO(encoded.data))
    assert (after.tag_v2[270], after.info["dpi"]) == ("a page", (600, 600))
