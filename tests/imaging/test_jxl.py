"""JPEG XL: what is kept, what is refused and from where. libvips reads the results back, without our headers."""

from __future__ import annotations

import io
import resource
import struct
import subprocess
import sys

import brotli
import numpy as np
import pytest
from PIL import Image as PillowImage

from service.errors import AnimatedImage, CorruptImage, NotEncodable, TooManyPixels, UnsupportedFormat
from service.imaging import codec, headers, vips
from service.imaging.formats import jxl as jxl_format
from service.imaging.formats import jxl_header
from service.imaging.orientation import upright
from tests.imaging.jxl_files import (
    ANIMATED,
    DISPLAY_P3,
    HDR,
    LOSSY,
    TEN_BITS,
    header,
    jxl,
    needs_jxl,
    profile_of,
    samples_of,
    turned,
)
from tests.imaging.modes import HEIGHT, MAX_PIXELS, SRGB, WIDTH, deep, erase_box, erase_box_in, gray, rgb, saved

INTEGERS_8 = (0, 1), (0, 2)
"""The depth of samples in a header: no floating point; 8 bits."""
BEFORE_ALPHA = (0, 1), *INTEGERS_8, (1, 1), (1, 2)
"""No extra fields, 8 bits, 16-bit buffers suffice, one channel beside the colours."""


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def contained(codestream: bytes, *more: tuple[bytes, bytes]) -> bytes:
    start = jxl_header.CONTAINER + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    return start + b"".join(box(kind, payload) for kind, payload in more) + box(b"jxlc", codestream)


def exif(orientation: int = 1) -> bytes:
    told = PillowImage.Exif()
    told[0x013B], told[0x0112] = "an artist", orientation
    return told.tobytes().removeprefix(b"Exif\0\0")


@needs_jxl
@pytest.mark.parametrize("samples", [gray(), rgb(), deep(1), deep(2), deep(3), deep(4)], ids=lambda x: str(x.shape))
def test_profile_exif_and_xmp_come_back_byte_for_byte(samples):
    """At 8 and at 16 bits, gray and colour: the profile stands where decoders look for it, the rest in its boxes."""
    profile = SRGB if samples.ndim == 3 and samples.shape[2] > 2 else _gray_profile()
    data = contained(jxl(samples, icc=profile), (b"Exif", b"\0\0\0\0" + exif()), (b"xml ", b"<x:xmpmeta/>"))

    _, encoded = erase_box(data)

    assert encoded.fidelity == "exact"
    assert profile_of(encoded.data) == profile
    assert (jxl_header.read_exif(encoded.data), jxl_header.read_xmp(encoded.data)) == (exif(), b"<x:xmpmeta/>")


def _gray_profile() -> bytes:
    """A small gray profile: the colour profile of Pillow with its colour space overwritten would not be one."""
    tags = [
        (b"desc", b"desc" + b"\0" * 4 + struct.pack(">I", 5) + b"gray\0" + b"\0" * 78),
        (b"wtpt", b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)),
        (b"kTRC", b"curv\0\0\0\0" + struct.pack(">IH", 1, 461)),
        (b"cprt", b"text\0\0\0\0none\0"),
    ]
    table, values = struct.pack(">I", len(tags)), b""
    for name, value in tags:
        table += struct.pack(">4sII", name, 128 + 4 + 12 * len(tags) + len(values), len(value))
        values += value + b"\0" * (-len(value) % 4)
    head = struct.pack(">I4sI4s4s4s", 0, b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    head += struct.pack(">3i", 63190, 65536, 54061)
    profile = head.ljust(128, b"\0") + table + values
    return struct.pack(">I", len(profile)) + profile[4:]


@needs_jxl
def test_a_file_with_nothing_beside_its_picture_comes_back_so():
    """Nobody's sRGB becomes a profile of half a kilobyte, and no EXIF is made up: libvips 8.16 would."""
    picture, encoded = erase_box(jxl(rgb()))

    assert picture.stored.icc is None
    assert jxl_header.describe(encoded.data).colour == "srgb"
    assert encoded.data.startswith(jxl_header.CODESTREAM)


@needs_jxl
def test_colours_named_in_the_header_keep_their_meaning():
    """Display P3 by name comes back as Display P3, told by the profile that says the same."""
    before = profile_of(DISPLAY_P3)

    picture, encoded = erase_box_in(DISPLAY_P3, np.pad(np.full((2, 2), 255, np.uint8), ((1, 3), (1, 6))))

    assert (picture.header.mode, encoded.fidelity) == ("RGB 16-bit", "exact")
    assert profile_of(encoded.data) == before


@needs_jxl
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures_come_back_upright(orientation):
    """Every decoder turns them by the header; the EXIF no longer says that they lie."""
    data = contained(jxl_header.codestream(turned(orientation)), (b"Exif", b"\0\0\0\0" + exif(orientation)))
    stored = samples_of(turned(1))
    mask = np.zeros(upright(stored, orientation).shape[:2], np.uint8)
    mask[1:3, 1:4] = 255

    picture, encoded = erase_box_in(data, mask)

    assert picture.header.orientation == 1
    assert np.array_equal(picture.image, upright(stored, orientation))
    after = samples_of(encoded.data)
    assert np.array_equal(after[mask == 0], upright(stored, orientation)[mask == 0])
    assert (after[mask == 255] == (200, 60, 60)).all()
    assert jxl_header.read_exif(encoded.data) == exif(1)


@needs_jxl
def test_a_lossy_file_is_decoded_once_and_written_lossless():
    """Nothing is lost a second time; that no stranger's decoder must agree to the bit is said: `reencoded`."""
    before = samples_of(LOSSY)
    mask = np.pad(np.full((2, 2), 255, np.uint8), ((1, 3), (1, 6)))

    picture, encoded = erase_box_in(LOSSY, mask)

    assert (picture.header.lossless, encoded.fidelity, encoded.untouched_sha256) == (False, "reencoded", None)
    assert np.array_equal(samples_of(encoded.data)[mask == 0], before[mask == 0])
    assert jxl_header.describe(encoded.data).lossless


@needs_jxl
def test_quality_writes_a_smaller_lossy_file():
    """Who asks for a quality gets it."""
    _, exact = erase_box(jxl(rgb()))
    _, encoded = erase_box(jxl(rgb()), quality=60)

    assert (encoded.fidelity, encoded.untouched_sha256) == ("reencoded", None)
    assert len(encoded.data) < len(exact.data) / 2
    assert not jxl_header.describe(encoded.data).lossless


@needs_jxl
def test_a_jpeg_in_other_clothes_leaves_its_old_bytes_behind():
    """What would give the upload back, text and all (`jbrd`), and boxes that nobody knows are not in the result."""
    data = contained(jxl(rgb()), (b"jbrd", b"the old JPEG"), (b"priv", b"who knows"))

    picture, encoded = erase_box(data)

    assert not picture.header.lossless
    assert b"jbrd" not in encoded.data
    assert b"who knows" not in encoded.data


@needs_jxl
def test_the_preview_in_the_exif_goes_as_it_shows_what_was_erased():
    """A camera's thumbnail is blanked, as in every format."""
    preview = saved(rgb()[:16, :16].copy(), "JPEG")
    first = struct.pack("<HHHII", 1, 0x0112, 3, 1, 1) + struct.pack("<I", 26)
    second = struct.pack("<HHHIIHHII", 2, 513, 4, 1, 60, 514, 4, 1, len(preview)) + b"\0\0\0\0"
    block = (b"II*\0" + struct.pack("<I", 8) + first + second).ljust(60, b"\0") + preview

    _, encoded = erase_box(contained(jxl(rgb()), (b"Exif", b"\0\0\0\0" + block)))

    assert preview[200:260] in block
    assert preview[200:260] not in encoded.data


@needs_jxl
def test_a_picture_in_parts_is_put_together():
    """A codestream cut over several boxes, even within its header."""
    stream = jxl(rgb())
    parts = [box(b"jxlp", struct.pack(">I", 0) + stream[:5]), box(b"jxlp", struct.pack(">I", 1 << 31 | 1) + stream[5:])]
    data = jxl_header.CONTAINER + box(b"ftyp", b"jxl \0\0\0\0jxl ") + b"".join(parts)

    assert np.array_equal(codec.decode(data, max_pixels=MAX_PIXELS).image, rgb())


@needs_jxl
@pytest.mark.parametrize(("target", "kept"), [("png", True), ("webp", True), ("jpeg", False)])
def test_other_formats_get_the_profile_and_the_exif(target, kept):
    """`format=png` and `webp` hold every sample, and all three what stands beside them."""
    data = contained(jxl(rgb(), icc=SRGB), (b"Exif", b"\0\0\0\0" + exif()))

    _, encoded = erase_box(data, format=target)

    assert encoded.fidelity == ("exact" if kept else "reencoded")
    after = PillowImage.open(io.BytesIO(encoded.data))
    assert after.info["icc_profile"] == SRGB
    assert after.getexif()[0x013B] == "an artist"


def test_packed_exif_is_read_and_a_bomb_is_not_unpacked():
    """The reference encoder packs EXIF with Brotli; 256 MB of it in a kilobyte costs neither time nor memory."""
    packed = contained(b"\xff\x0a", (b"brob", b"Exif" + brotli.compress(b"\0\0\0\0" + exif())))
    bomb = contained(b"\xff\x0a", (b"brob", b"Exif" + _bomb()))
    damaged = contained(b"\xff\x0a", (b"brob", b"Exif" + b"no brotli"))

    assert jxl_header.read_exif(packed) == exif()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert jxl_header.read_exif(bomb) is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
    assert jxl_header.read_exif(damaged) is None


def _bomb() -> bytes:
    packer = brotli.Compressor(quality=5)
    piece = bytes(1 << 22)
    return b"".join(packer.process(piece) for _ in range(1 << 6)) + packer.finish()


@pytest.mark.parametrize(
    ("data", "refusal", "named"),
    [
        (ANIMATED, AnimatedImage, "animation"),
        (TEN_BITS, UnsupportedFormat, "10 bits; expected 8 or 16"),
        (HDR, UnsupportedFormat, "HDR"),
        (header((1, 1), (0, 3), (1, 1)), UnsupportedFormat, "another size"),
        (header((1, 1), (0, 3), (0, 1), (1, 1)), UnsupportedFormat, "preview"),
        (header((0, 1), (1, 1)), UnsupportedFormat, "floating point"),
        (header((0, 1), *INTEGERS_8, (1, 1), (2, 2), (1, 4)), UnsupportedFormat, "3 channels beside"),
        (header(*BEFORE_ALPHA, (0, 1), (1, 2), *INTEGERS_8, (0, 2), (0, 2)), UnsupportedFormat, "channel of type 1"),
        (
            header(*BEFORE_ALPHA, (0, 1), (0, 2), *INTEGERS_8, (0, 2), (0, 2), (1, 1)),
            UnsupportedFormat,
            "premultiplied",
        ),
        (header(*BEFORE_ALPHA, (0, 1), (0, 2), *INTEGERS_8, (1, 2), (0, 2), (0, 1)), UnsupportedFormat, "coarser"),
        (
            header((0, 1), *INTEGERS_8, (1, 1), (0, 2), (0, 1), (0, 1), (0, 1), (2, 2), (0, 4)),
            UnsupportedFormat,
            "space 2",
        ),
        (b"\xff\x0a", CorruptImage, "cut off"),
        (contained(b"no codestream"), CorruptImage, "no codestream"),
        (jxl_header.CONTAINER + box(b"ftyp", b"jxl \0\0\0\0jxl "), CorruptImage, "no codestream"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_would_not_come_back_as_it_was_is_refused_from_its_header(data, refusal, named, monkeypatch):
    """By name, before any library sees the file: none is even there."""
    monkeypatch.setattr(vips, "library", lambda: None)

    with pytest.raises(refusal, match=named):
        jxl_format.read_header(data)


def test_a_picture_of_a_billion_pixels_is_refused_from_its_header(monkeypatch):
    """Ten bytes say how large it is; nothing is asked of the decoder, and nothing taken for it."""
    monkeypatch.setattr(headers, "is_installed", lambda _: True)
    size = ((0, 1), (2, 2), (99_999, 18), (0, 3), (2, 2), (99_999, 18))
    value = at = 0
    for number, count in ((0x0AFF, 16), *size, (1, 1)):
        value |= number << at
        at += count

    with pytest.raises(TooManyPixels, match="100000 x 100000"):
        codec.decode(value.to_bytes(-(-at // 8), "little"), max_pixels=MAX_PIXELS)


@needs_jxl
def test_data_that_are_not_what_the_header_says_are_refused():
    """Where our reading of a header and the decoder's differ, nothing is decoded into a wrong shape."""
    told = jxl_format.read_header(jxl(rgb()))

    with pytest.raises(CorruptImage, match="not what the header says"):
        jxl_format.read(jxl(gray()), told)


@needs_jxl
def test_what_the_encoder_refuses_is_said(monkeypatch):
    """NotEncodable, and another format is proposed."""
    monkeypatch.setattr(jxl_format, "_interpretation", lambda _: "no such thing")

    with pytest.raises(NotEncodable, match=f"{WIDTH} x {HEIGHT}.*another format"):
        erase_box(jxl(rgb()))


def test_without_the_extra_it_is_refused_and_the_extra_named(monkeypatch):
    """Somebody who can install it reads how; so does who has pyvips, but no libvips."""
    monkeypatch.setattr(vips, "library", lambda: None)

    for data in (LOSSY, turned(1)):
        with pytest.raises(UnsupportedFormat, match=r"JPEG XL.*extra `jxl`.*libvips"):
            codec.read_header(data, max_pixels=MAX_PIXELS)
    assert "image/jxl" not in headers.readable_types()


@needs_jxl
def test_of_libvips_nothing_but_its_jpeg_xl_reader_runs():
    """A file of another format that reached it would not be read by one of its thirty other readers."""
    with pytest.raises(vips.library().Error):
        vips.library().Image.new_from_buffer(saved(rgb(), "PNG"), "")
    assert np.array_equal(samples_of(jxl(rgb())), rgb())


@needs_jxl
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere libraries do not see each other's symbols")
def test_libvips_leaves_other_libraries_their_own_symbols():
    """HEIC after JPEG XL: libvips' module for HEIF put the system's libheif before pillow-heif's; the process died."""
    code = (
        "from service.imaging import vips\n"
        "assert vips.library()\n"
        "import io, pillow_heif\n"
        "pillow_heif.from_bytes(mode='RGB', size=(8, 8), data=bytes(192)).save(io.BytesIO(), quality=80)\n"
        "assert 'vips-heif' not in open('/proc/self/maps').read()\n"
    )

    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  our own code

    assert (done.returncode, done.stderr) == (0, "")


@needs_jxl
@pytest.mark.skipif(sys.platform != "linux", reason="limits and measures memory as Linux does")
def test_where_memory_runs_out_it_is_said_and_the_process_lives():
    """Where libjxl (0.7) gets none, it ends the process: it is only called where there is enough."""
    code = (
        "import resource, numpy as np\n"
        "from service.errors import OutOfMemory\n"
        "from service.imaging.formats import jxl\n"
        "from service.imaging.stored import Stored\n"
        "from tests.imaging.jxl_files import jxl as made\n"
        "page = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)\n"
        "data, seen = made(page), []\n"
        "header, stored = jxl.read_header(data), Stored(page, 'RGB', 8)\n"
        "for more_mb in (1, 8, 32, 64, 72, 80, 256):\n"
        "    held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (held + (more_mb << 20), -1))\n"
        "    for work in (lambda: jxl.read(data, header), lambda: jxl.rewrite(data, stored, quality=None)):\n"
        "        try:\n"
        "            work()\n"
        "            seen.append('done')\n"
        "        except OutOfMemory:\n"
        "            seen.append('refused')\n"
        "print(seen[0], seen[1], seen[-2], seen[-1])\n"
    )

    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  our own code

    assert (done.returncode, done.stdout.split()) == (0, ["refused", "refused", "done", "done"]), done.stderr
