"""BMP: Pillow reads it; 24 and 32 bits are put back into the very file, as Pillow writes neither alpha nor masks."""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFile

from service.errors import CorruptImage
from service.imaging.formats.rasters import decode_with_pillow, encode_with_pillow, foreign_errors, open_with_pillow
from service.imaging.headers import Header, Layout
from service.imaging.palettes import Palette
from service.imaging.stored import Metadata, Stored

_LAYOUTS: dict[str, Layout] = {"1": "bilevel", "L": "gray", "P": "palette", "RGB": "RGB", "RGBA": "RGBA"}
_BYTES = frozenset("RGBAX")
"""What a byte of a pixel may be; X is nothing."""


def read_header(data: bytes) -> Header:
    """Read size and mode. Raises CorruptImage."""
    with foreign_errors("BMP"):
        image = open_with_pillow(data, "BMP")
        if image.mode not in _LAYOUTS:
            raise CorruptImage(f"The BMP header says mode {image.mode}.")
        width, height = image.size
        if not width or not height:
            raise CorruptImage(f"The BMP header says {width} x {height}.")
    layout = _LAYOUTS[image.mode]
    return Header("bmp", width, height, layout, 1 if layout == "bilevel" else 8)


def read(data: bytes, header: Header) -> Stored:
    """Decode the samples. Raises CorruptImage where the data end early."""
    with foreign_errors("BMP"):
        image, samples = decode_with_pillow(data, "BMP", header, set(_LAYOUTS))
    palette = None
    if header.layout == "palette":
        palette = Palette(np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3))
    return Stored(samples, header.layout, header.bits, palette=palette)


def read_metadata(data: bytes) -> Metadata:
    """Collect what a conversion carries over: the resolution."""
    with foreign_errors("BMP"):
        dpi = open_with_pillow(data, "BMP").info.get("dpi")
    return Metadata(dpi=(float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None)


def rewrite(data: bytes, stored: Stored) -> bytes:
    """Put the samples back: into the file itself where each of them is a byte there, else into a new one."""
    with foreign_errors("BMP"):
        image = open_with_pillow(data, "BMP")
    assert isinstance(image, ImageFile.ImageFile)
    (tile,) = image.tile
    assert isinstance(tile.args, tuple)
    order, stride, direction = tile.args  # of run lengths these are others, and their order is that of a palette
    if _BYTES.issuperset(order):
        return _put_back(data, stored, order, start=tile.offset, stride=stride, direction=direction)
    return _write(stored, read_metadata(data))


def _put_back(data: bytes, stored: Stored, order: str, *, start: int, stride: int, direction: int) -> bytes:
    """Write each sample where Pillow read it; header, profile and bytes of no channel stay.

    `order` names the bytes of a pixel: the file's masks may put them in any. The first row is at byte `start`, rows are
    `stride` bytes apart, and `direction` is -1 where the first is the lowest.
    """
    height, width = stored.samples.shape[:2]
    written = bytearray(data.ljust(start + height * stride, b"\0"))  # Pillow does without the last row's padding
    rows = np.frombuffer(written, np.uint8, height * stride, start).reshape(height, stride)[::direction]
    for place, channel in enumerate(order):
        if channel != "X":
            rows[:, place : width * len(order) : len(order)] = stored.samples[..., "RGBA".index(channel)]
    return bytes(written)


def _write(stored: Stored, metadata: Metadata) -> bytes:
    """Write a new file. Raises NotEncodable, OutOfMemory."""
    if stored.layout == "bilevel":
        image = PillowImage.fromarray(stored.samples.astype(np.bool_))
    else:
        image = PillowImage.fromarray(stored.samples, {"gray": "L", "palette": "P"}.get(stored.layout, stored.layout))
    if stored.palette is not None:
        image.putpalette(stored.palette.colours.tobytes())
    return encode_with_pillow(image, "BMP", **({"dpi": metadata.dpi} if metadata.dpi else {}))
