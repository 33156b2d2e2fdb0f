"""GIF with one frame: Pillow reads and writes it; counting frames needs no decoding."""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFile

from service.errors import CorruptImage
from service.imaging.formats.rasters import decode_with_pillow, encode_with_pillow, foreign_errors, open_with_pillow
from service.imaging.headers import Header, Layout
from service.imaging.palettes import Palette
from service.imaging.stored import Metadata, Stored

_LAYOUTS: dict[str, Layout] = {"L": "gray", "P": "palette"}


def read_header(data: bytes) -> Header:
    """Read size and mode, and count the frames. Raises CorruptImage."""
    frames = _count_frames(data)
    with foreign_errors("GIF"):
        image = open_with_pillow(data, "GIF")
        if image.mode not in _LAYOUTS or not all(image.size):
            raise CorruptImage(f"The GIF header says {image.size}, mode {image.mode}.")
    return Header("gif", *image.size, _LAYOUTS[image.mode], 8, frames=frames)


def read(data: bytes, header: Header) -> Stored:
    """Decode the samples. Raises CorruptImage where the data end early."""
    with foreign_errors("GIF"):
        image, samples = decode_with_pillow(data, "GIF", header, set(_LAYOUTS))
    clear: int | None = image.info.get("transparency")
    if header.layout == "gray":  # Pillow's word for a palette whose entries are their own indexes
        return Stored(samples, "gray", 8, colour_key=None if clear is None else (clear,))
    colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    alpha = None
    if clear is not None and clear < len(colours):
        alpha = np.full(len(colours), 255, np.uint8)
        alpha[clear] = 0
    named = {image.info["background"]} if "background" in image.info else set[int]()
    return Stored(samples, "palette", 8, palette=Palette(colours, alpha, frozenset(named)))


def read_metadata(data: bytes) -> Metadata:  # noqa: ARG001 - every format answers this question
    """GIF carries nothing that another format would keep."""
    return Metadata()


def rewrite(data: bytes, stored: Stored) -> bytes:
    """Write the indexes and the palette into a new file, with the comment and the transparent entry of the upload.

    Its rows stand in the order that they had, interlaced or not.
    """
    with foreign_errors("GIF"):
        upload = open_with_pillow(data, "GIF")
    info = upload.info
    options = {name: info[name] for name in ("transparency", "comment", "background") if name in info}
    image = PillowImage.fromarray(stored.samples, "P" if stored.palette else "L")
    if stored.palette is not None:
        image.putpalette(stored.palette.colours.tobytes())
    return encode_with_pillow(image, "GIF", optimize=False, interlace=_interlace(upload), **options)


def _interlace(image: PillowImage.Image) -> int:
    """1 where the rows of the picture stand interlaced, else 0; Pillow 13 says so to its decoder alone."""
    assert isinstance(image, ImageFile.ImageFile)
    told = image.tile[0].args
    assert isinstance(told, tuple)
    return int(told[1])


def _count_frames(data: bytes) -> int:
    """Count the image blocks (GIF89a, appendix A). Raises CorruptImage where the file is cut off or chopped to bits."""
    if len(data) < 13:
        raise CorruptImage("The GIF file is cut off.")
    at = 13 + _table_bytes(data[10])
    frames = 0
    blocks_left = 4096 + len(data) // 32  # 255 bytes are usual; thousands of tiny ones only burn time
    while True:
        kind = data[at : at + 1]
        if kind == b";":
            break
        if kind == b"!":
            at += 2
        elif kind == b"," and at + 10 < len(data):
            frames += 1
            at += 11 + _table_bytes(data[at + 9])
        elif frames:
            break  # many files lack their trailer, or have junk after the picture
        else:
            raise CorruptImage("The GIF file is cut off before its picture.")
        while True:
            if at >= len(data) or blocks_left == 0:
                if frames and blocks_left:
                    return frames  # the decoder will tell whether enough is there
                raise CorruptImage("The GIF file is cut off or damaged.")
            blocks_left -= 1
            size = data[at]
            at += 1 + size
            if size == 0:
                break
    if not frames:
        raise CorruptImage("The GIF file has no picture in it.")
    return frames


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
