"""Pictures of the page in text chunks of PNG: packed XMP, and profiles in hexadecimal as ImageMagick writes them."""

from __future__ import annotations

import io
import struct
import time
import zlib

import pytest
from PIL import Image as PillowImage

from service.imaging.formats.png import read_metadata
from service.imaging.formats.png_text import Texts
from tests.imaging.modes import erase_box, png, rgb, saved
from tests.imaging.test_xmp import TITLE, TOLD, packet

PREVIEW = saved(rgb()[:16, :16].copy(), "JPEG")
SHOWN = PREVIEW[200:260]
ARTIST = b"an artist"


def exif_with_preview() -> bytes:
    first = struct.pack("<HHHII", 1, 0x013B, 2, 10, 60) + struct.pack("<I", 26)
    second = struct.pack("<HHHIIHHII", 2, 513, 4, 1, 80, 514, 4, 1, len(PREVIEW)) + bytes(4)
    head = (b"II*\0" + struct.pack("<I", 8) + first + second).ljust(60, b"\0")
    return (head + ARTIST).ljust(80, b"\0") + PREVIEW


def resources_with_preview() -> bytes:
    """Photoshop's, which ImageMagick calls IPTC: a caption, and a thumbnail."""
    thumbnail = bytes(28) + PREVIEW + b"\0" * (len(PREVIEW) % 2)
    sized = [(1028, ARTIST + b"."), (1036, thumbnail)]
    return b"".join(b"8BIM" + struct.pack(">HHI", number, 0, len(value)) + value for number, value in sized)


def raw_profile(profile: bytes) -> bytes:
    """As `convert` writes it: the name, the length, 36 bytes a line."""
    lines = (profile[at : at + 36].hex() for at in range(0, len(profile), 36))
    return f"\nname\n{len(profile):8}\n{chr(10).join(lines)}\n".encode()


def text_chunk(kind: bytes, keyword: bytes, text: bytes) -> tuple[bytes, bytes]:
    heads = {b"tEXt": b"\0", b"zTXt": b"\0\0", b"iTXt": b"\0\0\0en\0\0", b"packed iTXt": b"\0\1\0en\0\0"}
    packed = zlib.compress(text) if kind in {b"zTXt", b"packed iTXt"} else text
    return kind[-4:], keyword + heads[kind] + packed


def texts_of(data: bytes) -> dict[str, str]:
    """The text chunks as Pillow reads them."""
    image = PillowImage.open(io.BytesIO(data))
    image.load()
    return image.text


def profile_in(text: str) -> bytes:
    return bytes.fromhex(text.split("\n", 3)[3])


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt", b"packed iTXt"])
@pytest.mark.parametrize(
    ("name", "profile"),
    [
        (b"exif", b"Exif\0\0" + exif_with_preview()),
        (b"exif", exif_with_preview()),
        (b"APP1", b"Exif\0\0" + exif_with_preview()),
        (b"iptc", resources_with_preview()),
        (b"8bim", resources_with_preview()),
    ],
    ids=["EXIF", "EXIF without its prefix", "EXIF by its segment", "IPTC", "resources"],
)
def test_a_raw_profile_comes_back_without_its_preview(kind, name, profile):
    """In whichever chunk it stands; what else it says stays, in the same layout."""
    keyword = b"Raw profile type " + name
    data = png(2, 8, rgb(), text_chunk(kind, keyword, raw_profile(profile)))

    _, encoded = erase_box(data)

    before, after = (profile_in(texts_of(file)[keyword.decode()]) for file in (data, encoded.data))
    assert SHOWN in before
    assert SHOWN not in after
    assert (len(after), ARTIST in after) == (len(before), True)


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt", b"packed iTXt"])
@pytest.mark.parametrize("keyword", [b"XML:com.adobe.xmp", b"Raw profile type xmp"])
def test_an_xmp_packet_comes_back_without_its_thumbnail(kind, keyword):
    """Packed or not, in its own chunk or written out in hexadecimal; its title stays."""
    is_raw = keyword != b"XML:com.adobe.xmp"
    data = png(2, 8, rgb(), text_chunk(kind, keyword, raw_profile(packet()) if is_raw else packet()))

    _, encoded = erase_box(data)

    before, after = (texts_of(file)[keyword.decode()] for file in (data, encoded.data))
    before, after = (profile_in(text) if is_raw else text.encode() for text in (before, after))
    assert (TOLD in before, TOLD in after, TITLE in after) == (True, False, True)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        (b"Raw profile type icc", raw_profile(b"a profile of colours" * 9)),
        (b"Raw profile type iptc", raw_profile(b"8BIM\4\4\0\0\0\0\0\4\x1c\2\0\0")),
        (b"XML:com.adobe.xmp", TITLE),
        (b"XML:com.adobe.xmp", b""),
        (b"Comment", b"\xff\xd8\xff no picture, and not read"),
    ],
)
@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt", b"packed iTXt"])
def test_a_text_without_a_picture_stays_byte_for_byte(kind, keyword, text):
    """However it was packed: nothing is packed anew."""
    name, payload = text_chunk(kind, keyword, text)

    assert Texts().without_pictures(name, payload) == payload


@pytest.mark.parametrize(
    "payload",
    [
        b"Raw profile type exif\0\0no zlib",
        b"Raw profile type exif\0\0" + zlib.compress(raw_profile(exif_with_preview()))[:-9],
        b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 9\nno digits"),
        b"Raw profile type exif\0\0" + zlib.compress(b"\nexif"),
        b"Raw profile type exif\0\0",
    ],
)
def test_a_profile_that_nobody_can_read_goes(payload):
    """It might still show the text."""
    assert Texts().without_pictures(b"zTXt", payload) is None


def test_profiles_that_unpack_to_gigabytes_go_quickly():
    """All texts of a file together are unpacked to 8 MB, once for the way back and once for what is carried over."""
    bomb = zlib.compress(bytes(20_000_000))
    bombs = [(b"zTXt", b"Raw profile type exif\0\0" + bomb), (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb)] * 200
    data = png(2, 8, rgb(), *bombs)
    started = time.process_time()

    _, encoded = erase_box(data)
    metadata = read_metadata(data)

    assert time.process_time() - started < 1
    assert (metadata.xmp, b"Raw profile" in encoded.data) == (None, False)


@pytest.mark.parametrize("target", ["webp", "jpeg"])
def test_packed_xmp_goes_along_into_another_format(target):
    """Without its thumbnail."""
    data = png(2, 8, rgb(), text_chunk(b"packed iTXt", b"XML:com.adobe.xmp", packet()))

    _, encoded = erase_box(data, format=target)

    assert TITLE in encoded.data
    assert TOLD not in encoded.data
