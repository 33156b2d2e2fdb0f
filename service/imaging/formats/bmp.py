"""BMP: Pillow reads and writes it; 24 and 32 bits are put back into the very file, as Pillow would drop alpha."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image as PillowImage

from service.errors import CorruptImage
from service.imaging.formats.rasters import decode_with_pillow, encode_with_pillow, foreign_errors, open_with_pillow
from service.imaging.headers import Header, Layout
from service.imaging.palettes import Palette
from service.imaging.stored import Metadata, Stored

_LAYOUTS: dict[str, Layout] = {"1": "bilevel", "L": "gray", "P": "palette", "RGB": "RGB", "RGBA": "RGBA"}


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
    """Put the samples back: into the file itself where its rows are plain 24 or 32 bits, else into a new one."""
    start, _, height, depth, compression = _fields(data)
    if (depth, compression, stored.layout) == (24, 0, "RGB") or (depth == 32 and stored.layout == "RGBA"):
        rows = np.ascontiguousarray(stored.samples[..., [2, 1, 0, 3][: stored.samples.shape[2]]])
        rows = rows.reshape(rows.shape[0], -1)
        rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
        raster = (rows if height < 0 else rows[::-1]).tobytes()
        return data[:start] + raster + data[start + len(raster) :]
    if stored.layout == "bilevel":
        image = PillowImage.fromarray(stored.samples.astype(np.bool_))
    else:
        image = PillowImage.fromarray(stored.samples, {"gray": "L", "palette": "P"}.get(stored.layout, stored.layout))
    if stored.palette is not None:
        image.putpalette(stored.palette.colours.tobytes())
    options = {"dpi": dpi} if (dpi := read_metadata(data).dpi) else {}
    return encode_with_pillow(image, "BMP", **options)


def _fields(data: bytes) -> tuple[int, int, int, int, int]:
    """Where the rows start; width, height, bits a pixel and compression."""
    start, size = struct.unpack_from("<II", data, 10)
    if size < 40:
        return start, 0, 0, 0, 0
    width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
    return start, width, height, depth, compression
