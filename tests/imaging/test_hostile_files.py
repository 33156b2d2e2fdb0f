"""Damaged, oversized, animated and foreign files: refused by name, from the header where it can be, never a crash."""

from __future__ import annotations

import io
import resource
import threading
import time
import zlib
from unittest import mock

import cv2
import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from service.errors import (
    AnimatedImage,
    CorruptImage,
    EmptyFile,
    NotAnImage,
    NotEncodable,
    OutOfMemory,
    TextEraserError,
    TooManyPixels,
    UnsupportedFormat,
)
from service.imaging import codec, headers
from service.imaging.formats import rasters
from tests.imaging.hostile import MAX_PIXELS, chunk, page, png_header, saved, try_whole_way
from tests.imaging.jxl_files import jxl

FORMATS = [
    "PNG",
    "JPEG",
    "JPEG progressive",
    "JPEG CMYK",
    "WEBP",
    "WEBP lossless",
    "AVIF",
    "AVIF 10-bit",
    "HEIC",
    "JPEG XL",
    "JPEG XL 16-bit",
    "TIFF",
    "TIFF 16-bit",
    "BMP",
    "GIF",
    "PNG 16-bit",
    "PNG palette",
]
SIGNATURES = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"RIFF\x40\0\0\0WEBPVP8 ",
    b"RIFF\x40\0\0\0WEBPVP8X",
    b"BM\x40\0\0\0\0\0\0\0",
    b"\0\0\0\x20ftypavif",
    b"\xff\x0a",
    b"\0\0\0\x0cJXL \r\n\x87\n",
]


def valid(name: str) -> bytes:
    """A small valid file of each kind, with side information where the format has it."""
    deep = page().astype(np.uint16) * 251
    picture = PillowImage.fromarray(page())
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    makers = {
        "JPEG progressive": lambda: saved(page(), "JPEG", progressive=True, exif=exif),
        "JPEG CMYK": lambda: saved(picture.convert("CMYK"), "JPEG"),
        "WEBP lossless": lambda: saved(page(), "WEBP", lossless=True, exif=exif),
        "AVIF 10-bit": cv2.imencode(".avif", deep >> 6, [cv2.IMWRITE_AVIF_DEPTH, 10])[1].tobytes,
        "HEIC": heic,
        "JPEG XL": lambda: jxl(page()),
        "JPEG XL 16-bit": lambda: jxl(deep),
        "TIFF 16-bit": cv2.imencode(".tiff", deep)[1].tobytes,
        "PNG 16-bit": cv2.imencode(".png", deep)[1].tobytes,
        "PNG palette": lambda: saved(picture.quantize(60), "PNG", transparency=3),
        "GIF": lambda: saved(picture.quantize(60), "GIF"),
        "TIFF": lambda: saved(page(), "TIFF", compression="tiff_lzw", exif=exif),
        "BMP": lambda: saved(page(), "BMP"),
    }
    return makers[name]() if name in makers else saved(page(), name, exif=exif)


def heic() -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_bytes(mode="RGB", size=(64, 48), data=page().tobytes()).save(buffer, quality=80)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore::UserWarning")  # as the running service does: damaged EXIF is no reason to stop
@pytest.mark.parametrize("name", FORMATS)
def test_mutated_files_decode_or_are_refused_by_name(name):
    """Bytes changed, cut out, doubled or zeroed: the answer is a picture or a 4xx of ours, never anything else."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    original = valid(name)
    assert try_whole_way(original) is not None

    for _ in range(60):
        data = bytearray(original)
        at = int(rng.integers(0, len(data) if rng.random() < 0.5 else min(len(data), 200)))
        span = int(rng.integers(1, 9))
        match rng.integers(0, 4):
            case 0:
                data[at : at + span] = rng.integers(0, 256, span).astype(np.uint8).tobytes()
            case 1:
                del data[at : at + span]
            case 2:
                data[at:at] = data[at : at + span]
            case 3:
                data[at : at + span] = b"\xff" * span
        try_whole_way(bytes(data))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", FORMATS)
def test_files_cut_in_half_are_refused_as_corrupt(name):
    """Half a file is CorruptImage, not half a picture."""
    data = valid(name)

    with pytest.raises(CorruptImage):
        codec.decode(data[: len(data) // 2], max_pixels=MAX_PIXELS)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["JPEG", "JPEG progressive", "PNG", "WEBP", "GIF", "TIFF", "PNG 16-bit"])
def test_damaged_files_never_show_the_previous_picture(name):
    """A damaged file decodes to the same pixels, or is refused, whatever was decoded before it (opencv#26488)."""
    rng = np.random.default_rng(4)
    black, white = (saved(np.full((48, 64, 3), level, np.uint8), "PNG") for level in (0, 255))
    original = valid(name)
    for _ in range(15):
        data = bytearray(original)
        at = int(rng.integers(60, len(data)))
        data[at : at + 20] = rng.integers(0, 256, len(data[at : at + 20])).astype(np.uint8).tobytes()
        shown = []
        for secret in (black, white):
            codec.decode(secret, max_pixels=MAX_PIXELS)
            shown.append(try_whole_way(bytes(data)))
        assert (shown[0] is None) == (shown[1] is None)
        assert shown[0] is None or np.array_equal(shown[0], shown[1])


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=300, deadline=None)
@given(signature=st.sampled_from([b"", *SIGNATURES]), rest=st.binary(max_size=300))
def test_random_bytes_after_any_signature_raise_only_our_errors(signature, rest):
    """Whatever follows a signature, `read_header` answers with a header or with an error of ours below 500."""
    try:
        codec.read_header(signature + rest, max_pixels=MAX_PIXELS)
    except TextEraserError as error:
        assert 400 <= error.status < 500  # noqa: PT017


@pytest.mark.parametrize(
    ("width", "height"), [(20_000, 20_000), (32_000, 32_000), (65_535, 65_535), (2**31 - 1, 1), (1, 2**31 - 1)]
)
def test_huge_png_is_refused_from_its_header(width, height):
    """Too many pixels are TooManyPixels within 50 ms, before a byte of the picture is unpacked."""
    rows = zlib.compress(b"\0" * 10_000_000)
    data = png_header(width, height) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()

    with pytest.raises(TooManyPixels, match=f"{width} x {height}"):
        codec.decode(data, max_pixels=MAX_PIXELS)

    assert time.process_time() - started < 0.05
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIC", "JPEG XL"])
def test_pixel_limit_holds_for_every_format(name):
    """One pixel more than allowed is TooManyPixels; exactly as many are accepted."""
    data = valid(name)

    assert codec.read_header(data, max_pixels=48 * 64)
    with pytest.raises(TooManyPixels, match="3072 pixels; at most 3071"):
        codec.read_header(data, max_pixels=48 * 64 - 1)


def test_empty_file_is_named_so():
    """No bytes at all: EmptyFile, 400."""
    with pytest.raises(EmptyFile):
        codec.read_header(b"", max_pixels=MAX_PIXELS)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"P6\n8 8\n255\n" + b"\0" * 192, "PNM"),
        (b"\x59\xa6\x6a\x95" + b"\0" * 100, "Sun raster"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 8 +X 8\n", "Radiance"),
        (b"\0\0\x01\0\x01\0" + b"\0" * 40, "icon"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"%PDF-1.7\n", "PDF"),
        (b"8BPS\0\x01" + b"\0" * 30, "Photoshop"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"II+\0" + b"\0" * 12, "BigTIFF"),
    ],
)
def test_formats_that_are_not_read_are_named(data, named):
    """A known format that is not read here is UnsupportedFormat with its name, and no decoder sees it."""
    with pytest.raises(UnsupportedFormat, match=named):
        codec.read_header(data, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize(
    ("mode", "options", "words"),
    [
        ("YCbCr", {}, "photometric 6 .* expected .* YCbCr as JPEG"),
        ("RGB", {"compression": "zstd"}, "compression 50000; expected none, LZW"),
        ("F", {}, "format .3.; expected unsigned integers"),
        ("LAB", {}, "photometric 8 .* expected gray, RGB"),
    ],
)
def test_a_tiff_that_is_not_read_says_what_is(mode, options, words):
    """From its header, and what is expected instead; plain YCbCr was called damaged, which it is not."""
    data = saved(PillowImage.new(mode, (16, 8)), "TIFF", **options)

    with pytest.raises(UnsupportedFormat, match=words):
        codec.read_header(data, max_pixels=MAX_PIXELS)


def test_heic_without_its_extra_is_refused_and_the_extra_named(monkeypatch):
    """Somebody who can install it reads how."""
    monkeypatch.setitem(headers.EXTRAS, "heic", "a_library_that_is_not_there")

    with pytest.raises(UnsupportedFormat, match=r"HEIC.*extra `heic`"):
        codec.read_header(heic(), max_pixels=MAX_PIXELS)

    assert "image/heic" not in headers.readable_types()


@pytest.mark.parametrize("extras", [("HEIC", "JPEG XL"), ("HEIC",), ("JPEG XL",), ()], ids="+".join)
@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", EmptyFile),
        (b"hello", NotAnImage),
        (b"\0\0\0\x10ftypisom\0\0\0\0", NotAnImage),
        (b"8BPS", UnsupportedFormat),
    ],
)
def test_a_refusal_names_what_can_be_read_here(data, refusal, extras, monkeypatch):
    """With their extras HEIC and JPEG XL, too: they were never named, so that their owners sent PNG instead."""
    monkeypatch.setattr(
        headers, "is_installed", lambda name: name not in headers.EXTRAS or headers.TITLES[name] in extras
    )
    named = ", ".join(["PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF", *extras])

    with pytest.raises(refusal, match=rf": {named}\.$|expected {named}\.$"):
        codec.read_header(data, max_pixels=MAX_PIXELS)


def test_a_jpeg_xl_without_its_signature_is_damaged():
    """It was refused as JPEG XL, with JPEG XL among what was expected."""
    with pytest.raises(CorruptImage, match="JPEG XL"):
        codec.read_header(b"\0\0\0\x14ftypjxl \0\0\0\0jxl ", max_pixels=MAX_PIXELS)


@pytest.mark.parametrize(
    "data", [b"hello", b"\0" * 64, b"BMX-ray results", b"<html></html>", b"RIFF\x24\0\0\0WAVEfmt "]
)
def test_what_is_no_image_is_said_to_be_none(data):
    """Text, zeros, sound: NotAnImage."""
    with pytest.raises(NotAnImage):
        codec.read_header(data, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_more_than_one_frame_or_page_is_refused(kind):
    """Animations and multi-page files are AnimatedImage with the number of frames: 3 of them here."""
    frames = [PillowImage.fromarray(np.full((32, 32, 3), level, np.uint8)) for level in (10, 90, 200)]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)

    with pytest.raises(AnimatedImage, match="3 frames"):
        codec.read_header(data, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("precision", [12, 16])
def test_jpeg_of_more_than_8_bits_is_unsupported(precision):
    """A 12-bit JPEG is named as what it is, not as damaged."""
    data = bytearray(saved(page(), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = precision

    with pytest.raises(UnsupportedFormat, match=f"{precision} bits"):
        codec.read_header(bytes(data), max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("name", ["WEBP", "AVIF", "PNG", "JPEG"])
def test_without_memory_a_sound_file_is_not_called_damaged(name, monkeypatch):
    """Too little memory is OutOfMemory, 503: the client may come again with the same file."""

    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(codec, "ensure_memory", refuse)

    with pytest.raises(OutOfMemory):
        codec.decode(valid(name), max_pixels=MAX_PIXELS)


def test_an_encoder_without_memory_says_so():
    """Whatever words an encoder uses for it, it becomes OutOfMemory; other refusals become NotEncodable."""
    image = PillowImage.new("RGB", (4, 4))
    for raised, expected in (
        (MemoryError(), OutOfMemory),
        (RuntimeError("Conversion to YUV failed: Out of memory"), OutOfMemory),
        (OSError("encoder error -2"), NotEncodable),
    ):
        with mock.patch.object(image, "save", side_effect=raised), pytest.raises(expected):
            rasters.encode_with_pillow(image, "AVIF")


def test_threads_do_not_disturb_one_another():
    """Eight threads that decode and write files of all kinds get what one thread alone gets."""
    files = [valid(name) for name in FORMATS if "AVIF" not in name] * 2
    alone = [try_whole_way(data) for data in files]
    together: list[np.ndarray | None] = [None] * len(files)

    def work(start: int) -> None:
        for index in range(start, len(files), 8):
            together[index] = try_whole_way(files[index])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
