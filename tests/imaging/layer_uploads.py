"""Uploads to take apart into layers, and independent ways to put the layers together again."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageCms

from service.imaging import codec
from service.imaging.layers.stack import Cover
from tests.layered import Layered, read_ora, read_psd

MAX_PIXELS = 1_000_000
HEIGHT, WIDTH = 67, 91  # odd, so that rows and channels of odd lengths meet
READ = {"psd": read_psd, "ora": read_ora}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def rgb(seed: int = 7) -> np.ndarray:
    """Grain, a gradient and flat paper."""
    image = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    image[:, 30:] = (250, 244, 230)
    image[:18, :30, 1] = np.linspace(0, 255, 30).astype(np.uint8)
    return image


def alpha() -> np.ndarray:
    """Opaque, but for a clear corner, a half-transparent patch and a soft edge."""
    opacity = np.full((HEIGHT, WIDTH), 255, np.uint8)
    opacity[:20, :40], opacity[30:50, 20:50] = 0, 128
    opacity[:, 80:] = np.linspace(255, 0, WIDTH - 80).astype(np.uint8)
    return opacity


def saved(image: np.ndarray | PillowImage.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, PillowImage.Image) else PillowImage.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def deep(colour_type: int, channels: int, key: int | None = None) -> bytes:
    """A PNG of 16 bits by hand; in its alpha clear, half-transparent and opaque pixels, or one gray that is clear."""
    samples = np.random.default_rng(8).integers(0, 65536, (HEIGHT, WIDTH, channels)).astype(np.uint16)
    if channels in {2, 4}:
        samples[..., -1] = alpha().astype(np.uint16) * 257
        samples[60:, :10, -1] = 100  # so little that 8 bits would say none
    if key is not None:
        samples[10:30, :40] = key
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, colour_type, 0, 0, 0)
    clear = [] if key is None else [(b"tRNS", struct.pack(">H", key))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(value)) + kind + value + struct.pack(">I", zlib.crc32(kind + value))
        for kind, value in ((b"IHDR", head), *clear, (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    )


def indexed(**options: object) -> bytes:
    image = PillowImage.fromarray(rgb()).quantize(200)
    return saved(image, **options)


UPLOADS: dict[str, Callable[[], bytes]] = {
    "1-bit": lambda: saved(PillowImage.fromarray(rgb()[..., 0] > 128)),
    "gray": lambda: saved(rgb()[..., 1].copy()),
    "gray, one gray transparent": lambda: saved(rgb()[..., 1].copy(), transparency=244),
    "gray+alpha": lambda: saved(np.dstack([rgb()[..., 1], alpha()])),
    "palette": indexed,
    "palette with tRNS": lambda: indexed(transparency=bytes([0, 99, 200])),
    "RGB": lambda: saved(rgb()),
    "RGB, JPEG": lambda: saved(rgb(), "JPEG"),
    "RGB, one colour transparent": lambda: saved(rgb(), transparency=(250, 244, 230)),
    "RGBA": lambda: saved(np.dstack([rgb(), alpha()])),
    "gray 16-bit": lambda: deep(0, 1),
    "gray 16-bit, one gray transparent": lambda: deep(0, 1, key=12345),
    "gray+alpha 16-bit": lambda: deep(4, 2),
    "RGB 16-bit": lambda: deep(2, 3),
    "RGBA 16-bit": lambda: deep(6, 4),
    "CMYK": lambda: saved(PillowImage.fromarray(rgb()).convert("CMYK"), "TIFF"),
}
KEPT = {
    "psd": {"gray", "gray+alpha", "RGB", "RGB, JPEG", "RGBA", "CMYK"}
    | {name for name in UPLOADS if name[-6:] == "16-bit"},
    "ora": {"gray", "gray+alpha", "RGB", "RGB, JPEG", "RGBA"},
}
"""The uploads whose every sample stands in the file as it is."""


def spots(size_hw: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """A mask of five texts: on clear, half-transparent, soft and opaque ground."""
    mask = np.zeros(size_hw, np.uint8)
    for y, x in ((4, 4), (16, 36), (34, 4), (40, 45), (50, 72)):
        mask[y : y + 9, x : x + 14] = 255
        mask[y + 2 : y + 5, x + 3 : x + 8] = 0
    return mask


def covers_of(mask: np.ndarray) -> list[Cover]:
    return [Cover(f"text {number:03} (flat)", *each) for number, each in enumerate(boxes(mask), start=1)]


def boxes(mask: np.ndarray) -> list[tuple[tuple[int, int, int, int], np.ndarray]]:
    """Each piece of the mask, from the top: its box and its own pixels in it."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    bounds = [(x, y, x + width, y + height) for x, y, width, height, _ in stats[1:].tolist()]
    return [
        ((x0, y0, x1, y1), np.where(labels[y0:y1, x0:x1] == number, np.uint8(255), np.uint8(0)))
        for number, (x0, y0, x1, y1) in zip(range(1, count), bounds, strict=True)
    ]


def painted(picture: codec.Picture, seed: int = 3) -> np.ndarray:
    """What an inpainter could have drawn: noise, and one flat colour on the right."""
    result = np.random.default_rng(seed).integers(0, 256, picture.image.shape).astype(np.uint8)
    result[:, picture.image.shape[1] // 2 :] = (200, 60, 60)
    return result


def layers_of(data: bytes, kind: str, mask: np.ndarray | None = None) -> tuple[codec.Encoded, Layered, np.ndarray]:
    """The file, what others read in it, and the mask."""
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    mask = spots(picture.header.size_hw) if mask is None else mask
    encoded = codec.encode_layers(picture, painted(picture), covers_of(mask), mask=mask, format=kind)
    return encoded, READ[kind](encoded.data), mask


def flat(data: bytes, mask: np.ndarray, kind: str) -> np.ndarray:
    """The cleaned picture without layers, upright, as others decode it: `(H, W, C)`, alpha (if any) last."""
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    inks = picture.header.layout == "CMYK" and kind == "psd"
    encoded = codec.encode(picture, painted(picture), mask=mask, format="same" if inks else "png", quality=None)
    return decoded(encoded.data, kind)


def decoded(data: bytes, kind: str) -> np.ndarray:
    if data[:4] == b"\x89PNG" and data[24] == 16:
        samples = by_hand(data)
        return samples if kind == "psd" else ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
    image = PillowImage.open(io.BytesIO(data))
    if image.mode == "1":
        image = image.convert("L")
    if image.mode == "P" or "transparency" in image.info:
        gray = image.mode == "L"
        clear = "transparency" in image.info
        image = image.convert("LA" if gray else "RGBA" if clear else "RGB")
    shown = np.asarray(image)
    return shown if shown.ndim == 3 else shown[..., None]


def by_hand(data: bytes) -> np.ndarray:
    """A 16-bit PNG without a library: Pillow cuts colour to 8 bits, OpenCV knows no gray with alpha."""
    width, height, channels = *struct.unpack(">II", data[16:24]), {0: 1, 2: 3, 4: 2, 6: 4}[data[25]]
    packed, at = b"", 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        packed += data[at + 8 : at + 8 + length] if data[at + 4 : at + 8] == b"IDAT" else b""
        at += length + 12
    step = 2 * channels
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, -1)
    rows = np.zeros((height, width * step), np.uint8)
    for y, line in enumerate(lines):
        rows[y] = line[1:]
        if line[0] == 1:
            rows[y] = np.cumsum(line[1:].reshape(width, step), axis=0, dtype=np.uint8).ravel()
        elif line[0] == 2:
            rows[y] += rows[y - 1] if y else 0
        else:
            assert line[0] == 0
    samples = rows.view(">u2").astype(np.uint16).reshape(height, width, channels)
    clear = data.find(b"tRNS", 0, 100)
    if clear < 0:
        return samples
    opacity = np.where(samples == int.from_bytes(data[clear + 4 : clear + 6], "big"), np.uint16(0), np.uint16(65535))
    return np.dstack([samples, opacity])


def same_picture(page: np.ndarray, expected: np.ndarray) -> bool:
    """Whether composed samples `(H, W, C + 1)` are the expected ones, quite opaque where those have no alpha."""
    if page.shape[2] == expected.shape[2]:
        return np.array_equal(page, expected)
    assert (page[..., -1] == np.iinfo(page.dtype).max).all()
    return np.array_equal(page[..., :-1], expected)
