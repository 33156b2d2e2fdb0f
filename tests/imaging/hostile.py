"""Files that tests spoil, and the pieces they are made of."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image as PillowImage

from service.errors import TextEraserError
from service.imaging import codec

MAX_PIXELS = 40_000_000


def page() -> np.ndarray:
    image = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    image[:, 30:] = 250
    return image


def saved(image: np.ndarray | PillowImage.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, PillowImage.Image) else PillowImage.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int, bits: int = 1, colour_type: int = 0) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def try_whole_way(data: bytes) -> np.ndarray | None:
    """Decode and write back; None where that is refused by an error of ours."""
    try:
        picture = codec.decode(data, max_pixels=1_000_000)
        mask = np.zeros(picture.image.shape[:2], np.uint8)
        mask[: mask.shape[0] // 2] = 255
        codec.encode(picture, 255 - picture.image, mask=mask, format="same", quality=None)
    except TextEraserError as error:
        assert 400 <= error.status < 500  # noqa: PT017 - any of several errors is right, a 5xx is not
        return None
    return picture.image
