"""One file of each mode that the service reads, and what erasing a box of it must keep."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import pillow_heif
from PIL import Image as PillowImage
from PIL import ImageCms

from service.imaging import codec
from tests.imaging.jxl_files import jxl, samples_of

MAX_PIXELS = 1_000_000
HEIGHT, WIDTH = 37, 53  # odd, so that packed rows and padded rows differ
FILL = (200, 60, 60)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    name: str
    make: Callable[[], bytes]
    mode: str
    fidelity: str = "exact"
    inside_within: int | None = 1
    """How far a filled pixel may be from the wanted colour, in levels; None where the mode cannot say it."""


def rgb() -> np.ndarray:
    """Grain, a gradient and flat paper; `(H, W, 3)` uint8."""
    image = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    image[:, 20:] = (250, 244, 230)
    image[:18, :20, 1] = np.linspace(0, 255, 20).astype(np.uint8)
    return image


def gray() -> np.ndarray:
    return rgb()[..., 1].copy()


def alpha() -> np.ndarray:
    opacity = np.full((HEIGHT, WIDTH), 255, np.uint8)
    opacity[:6], opacity[10:14, 24:30] = 0, 128
    return opacity


def deep(channels: int) -> np.ndarray:
    """16-bit samples that are no multiples of 257."""
    return np.random.default_rng(8).integers(0, 65536, (HEIGHT, WIDTH, channels)).astype(np.uint16)


def indexed(entries: int) -> PillowImage.Image:
    image = PillowImage.fromarray(
        np.random.default_rng(9).integers(0, entries, (HEIGHT, WIDTH)).astype(np.uint8), mode="P"
    )
    image.putpalette(np.random.default_rng(10).integers(0, 256, (entries, 3)).astype(np.uint8).tobytes())
    return image


def saved(image: np.ndarray | PillowImage.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, PillowImage.Image) else PillowImage.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def png(colour_type: int, bits: int, samples: np.ndarray, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG by hand: every colour type and depth, no filter; `extra` chunks stand before the picture."""
    rows = samples.reshape(samples.shape[0], -1)
    if bits == 16:
        packed = rows.astype(">u2").tobytes()
        step = rows.shape[1] * 2
    else:
        unpacked = np.unpackbits(rows.astype(np.uint8)[..., None], axis=2)[..., 8 - bits :]
        packed_rows = np.packbits(unpacked.reshape(rows.shape[0], -1), axis=1)
        packed, step = packed_rows.tobytes(), packed_rows.shape[1]
    lines = b"".join(b"\0" + packed[at : at + step] for at in range(0, len(packed), step))
    head = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], bits, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(value)) + kind + value + struct.pack(">I", zlib.crc32(kind + value))
        for kind, value in chunks
    )


def narrow(bits: int) -> np.ndarray:
    return np.random.default_rng(bits).integers(0, 2**bits, (HEIGHT, WIDTH)).astype(np.uint8)


def tiff_deep(channels: int) -> bytes:
    done, data = cv2.imencode(".tiff", deep(channels), [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    assert done
    return data.tobytes()


def avif_deep(bits: int, channels: int) -> bytes:
    """A gradient over the whole range of levels, with a profile of its own and wide, bright colours (BT.2020, PQ)."""
    ramp = np.linspace(0, 2**bits - 1, WIDTH * channels).reshape(1, WIDTH, channels).repeat(HEIGHT, axis=0)
    wish = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 95]
    beside = [np.frombuffer(SRGB, np.uint8)]
    samples = np.squeeze(ramp.astype(np.uint16))
    done, data = cv2.imencodeWithMetadata(".avif", samples, [cv2.IMAGE_METADATA_ICCP], beside, wish)
    assert done
    return with_wide_colours(data.tobytes())


WIDE_COLOURS = b"nclx\0\x09\0\x10"
"""What HDR pictures say of their samples; the encoder says sRGB, or nothing."""


def with_wide_colours(avif: bytes) -> bytes:
    at = avif.index(b"nclx")
    return avif[:at] + WIDE_COLOURS + avif[at + 8 :]


def heic(bits: int, channels: int, **beside: object) -> bytes:
    """A ramp over all levels from left to right."""
    ramp = np.linspace(0, 2**bits - 1, WIDTH * channels).reshape(1, WIDTH, channels).repeat(HEIGHT, axis=0)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels] + (f";{bits}" if bits > 8 else "")
    samples = np.squeeze(ramp).astype(np.uint16 if bits > 8 else np.uint8)
    file = pillow_heif.from_bytes(mode=mode, size=(WIDTH, HEIGHT), data=samples.tobytes())
    buffer = io.BytesIO()
    file.save(buffer, quality=95, chroma=444, **beside)
    return buffer.getvalue()


def bmp_with_alpha() -> bytes:
    """A 32-bit BMP with a V5 header, which names an alpha mask."""
    pixels = np.dstack([rgb()[..., ::-1], alpha()])[::-1].tobytes()
    head = struct.pack("<IiiHHIIiiII", 124, WIDTH, HEIGHT, 1, 32, 3, len(pixels), 11811, 11811, 0, 0)
    head += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + b"\0" * 64
    return struct.pack("<2sIHHI", b"BM", 14 + 124 + len(pixels), 0, 0, 14 + 124) + head + pixels


PALETTE_4 = (b"PLTE", bytes([0, 0, 0, 255, 255, 255, 90, 90, 90, 9, 200, 90]))
PALETTE_11 = (b"PLTE", np.random.default_rng(11).integers(0, 256, 33).astype(np.uint8).tobytes())

ROWS = [
    Row("PNG 1-bit", lambda: png(0, 1, narrow(1)), "1-bit", inside_within=None),
    Row("PNG gray 2-bit", lambda: png(0, 2, narrow(2)), "gray 2-bit", inside_within=43),
    Row("PNG gray 4-bit", lambda: png(0, 4, narrow(4)), "gray 4-bit", inside_within=9),
    Row("PNG gray", lambda: png(0, 8, gray()), "gray"),
    Row("PNG gray 16-bit", lambda: png(0, 16, deep(1)), "gray 16-bit"),
    Row("PNG gray, one gray transparent", lambda: png(0, 8, gray(), (b"tRNS", b"\0\x5a")), "gray"),
    Row("PNG gray+alpha", lambda: saved(np.dstack([gray(), alpha()]), "PNG"), "gray+alpha"),
    Row("PNG gray+alpha 16-bit", lambda: png(4, 16, deep(2)), "gray+alpha 16-bit"),
    Row(
        "PNG palette 1-bit",
        lambda: png(3, 1, narrow(1), (b"PLTE", PALETTE_4[1][:6])),
        "palette 1-bit",
        inside_within=None,
    ),
    Row("PNG palette 2-bit", lambda: png(3, 2, narrow(2), PALETTE_4), "palette 2-bit", inside_within=None),
    Row("PNG palette 4-bit", lambda: png(3, 4, narrow(4) % 11, PALETTE_11), "palette 4-bit", inside_within=0),
    Row("PNG palette, free entries", lambda: saved(indexed(200), "PNG"), "palette", inside_within=0),
    Row("PNG palette, full", lambda: saved(indexed(256), "PNG"), "palette", inside_within=60),
    Row(
        "PNG palette with tRNS",
        lambda: saved(indexed(40), "PNG", transparency=bytes([0, 99, 200])),
        "palette",
        inside_within=None,
    ),
    Row("PNG RGB", lambda: saved(rgb(), "PNG"), "RGB", inside_within=0),
    Row(
        "PNG RGB, one colour transparent",
        lambda: png(2, 8, rgb(), (b"tRNS", struct.pack(">3H", 250, 244, 230))),
        "RGB",
        inside_within=None,
    ),
    Row("PNG RGB 16-bit", lambda: png(2, 16, deep(3)), "RGB 16-bit"),
    Row("PNG RGBA", lambda: saved(np.dstack([rgb(), alpha()]), "PNG"), "RGBA", inside_within=0),
    Row("PNG RGBA 16-bit", lambda: png(6, 16, deep(4)), "RGBA 16-bit"),
    Row("WebP lossless RGB", lambda: saved(rgb(), "WEBP", lossless=True), "RGB", inside_within=0),
    Row(
        "WebP lossless RGBA",
        lambda: saved(np.dstack([rgb(), alpha()]), "WEBP", lossless=True, exact=True),
        "RGBA",
        inside_within=0,
    ),
    Row("WebP lossy", lambda: saved(rgb(), "WEBP", quality=80), "RGB", "reencoded", 40),
    Row("AVIF", lambda: saved(rgb(), "AVIF", quality=80), "RGB", "reencoded", 40),
    Row("AVIF with alpha", lambda: saved(np.dstack([rgb(), alpha()]), "AVIF", quality=80), "RGBA", "reencoded", 40),
    Row("AVIF gray", lambda: saved(gray(), "AVIF", quality=80), "gray", "reencoded", 40),
    *(
        Row(f"AVIF {mode} {bits}-bit", partial(avif_deep, bits, channels), f"{mode} {bits}-bit", "reencoded", 60)
        for bits in (10, 12)
        for mode, channels in (("gray", 1), ("RGB", 3), ("RGBA", 4))
    ),
    *(
        Row(f"HEIC {mode}", partial(heic, bits, channels), mode, "reencoded", 60)
        for bits, mode, channels in (
            (8, "gray", 1),
            (8, "RGB", 3),
            (8, "RGBA", 4),
            (10, "gray 10-bit", 1),
            (10, "RGB 10-bit", 3),
            (12, "RGBA 12-bit", 4),
        )
    ),
    Row("JPEG XL gray", lambda: jxl(gray()), "gray"),
    Row("JPEG XL gray+alpha", lambda: jxl(np.dstack([gray(), alpha()])), "gray+alpha"),
    Row("JPEG XL RGB", lambda: jxl(rgb()), "RGB", inside_within=0),
    Row("JPEG XL RGBA", lambda: jxl(np.dstack([rgb(), alpha()])), "RGBA", inside_within=0),
    *(
        Row(f"JPEG XL {mode}", lambda channels=channels: jxl(deep(channels)), mode)
        for channels, mode in enumerate(("gray 16-bit", "gray+alpha 16-bit", "RGB 16-bit", "RGBA 16-bit"), 1)
    ),
    Row("JPEG XL lossy", lambda: jxl(rgb(), lossless=False, Q=80), "RGB", "reencoded", 0),
    Row(
        "TIFF 1-bit, Group 4",
        lambda: saved(PillowImage.fromarray(narrow(1) > 0), "TIFF", compression="group4"),
        "1-bit",
        inside_within=None,
    ),
    Row("TIFF gray", lambda: saved(gray(), "TIFF"), "gray"),
    Row("TIFF gray 16-bit, LZW", lambda: saved(deep(1)[..., 0], "TIFF", compression="tiff_lzw"), "gray 16-bit"),
    Row("TIFF gray+alpha", lambda: saved(np.dstack([gray(), alpha()]), "TIFF"), "gray+alpha"),
    Row("TIFF palette", lambda: saved(indexed(256), "TIFF", compression="tiff_lzw"), "palette", inside_within=60),
    Row("TIFF RGB, LZW", lambda: saved(rgb(), "TIFF", compression="tiff_lzw"), "RGB", inside_within=0),
    Row("TIFF RGB, JPEG", lambda: saved(rgb(), "TIFF", compression="jpeg"), "RGB", inside_within=0),
    Row(
        "TIFF RGBA, deflate",
        lambda: saved(np.dstack([rgb(), alpha()]), "TIFF", compression="tiff_adobe_deflate"),
        "RGBA",
        inside_within=0,
    ),
    Row("TIFF RGB 16-bit", lambda: tiff_deep(3), "RGB 16-bit"),
    Row("TIFF RGBA 16-bit", lambda: tiff_deep(4), "RGBA 16-bit"),
    Row("TIFF CMYK", lambda: saved(PillowImage.fromarray(rgb()).convert("CMYK"), "TIFF"), "CMYK", inside_within=3),
    Row("BMP 1-bit", lambda: saved(PillowImage.fromarray(narrow(1) > 0), "BMP"), "1-bit", inside_within=None),
    Row("BMP gray", lambda: saved(gray(), "BMP"), "gray"),
    Row("BMP palette", lambda: saved(indexed(256), "BMP"), "palette", inside_within=60),
    Row("BMP RGB", lambda: saved(rgb(), "BMP"), "RGB", inside_within=0),
    Row("BMP RGBA", bmp_with_alpha, "RGBA", inside_within=0),
    Row("GIF", lambda: saved(indexed(200), "GIF", optimize=False), "palette", inside_within=0),
    Row(
        "GIF with a transparent entry",
        lambda: saved(indexed(200), "GIF", optimize=False, transparency=3),
        "palette",
        inside_within=None,
    ),
    Row("JPEG gray", lambda: saved(gray(), "JPEG", quality=90), "gray", "blocks", 30),
    Row("JPEG RGB 4:2:0", lambda: saved(rgb(), "JPEG", quality=90, subsampling=2), "RGB", "blocks", 30),
    Row("JPEG RGB progressive", lambda: saved(rgb(), "JPEG", quality=90, progressive=True), "RGB", "blocks", 30),
    Row(
        "JPEG CMYK",
        lambda: saved(PillowImage.fromarray(rgb()).convert("CMYK"), "JPEG", quality=90),
        "CMYK",
        "blocks",
        30,
    ),
]


def stored_samples(data: bytes) -> np.ndarray:
    """The samples as other libraries decode them: Pillow, or OpenCV for 16-bit colour, which Pillow cuts to 8 bits."""
    if is_jxl(data):
        return samples_of(data)
    if data[4:11] == b"ftyphei":
        return np.asarray(pillow_heif.open_heif(data, convert_hdr_to_8bit=False)[0])
    deep_samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data[:1] in b"\x89IM" else None
    if deep_samples is not None and deep_samples.dtype == np.uint16:
        return deep_samples
    return np.asarray(PillowImage.open(io.BytesIO(data)))


def is_jxl(data: bytes) -> bool:
    return data.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL "))


def for_verifier(data: bytes) -> bytes:
    """The file; of JPEG XL, which neither of the verifier's libraries reads, a PNG of the same samples (`djxl`)."""
    if not is_jxl(data):
        return data
    samples = samples_of(data)
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[samples.shape[2]]
    return png(colour_type, 8 * samples.itemsize, samples)


def box_mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[8:22, 12:40] = 255
    return mask


def erase_box(data: bytes, **options: object) -> tuple[codec.Picture, codec.Encoded]:
    return erase_box_in(data, box_mask(), **options)


def erase_box_in(data: bytes, mask: np.ndarray, **options: object) -> tuple[codec.Picture, codec.Encoded]:
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    result = np.full_like(picture.image, FILL)
    asked = {"format": "same", "quality": None} | options
    return picture, codec.encode(picture, result, mask=mask, **asked)
