"""TIFF 6.0: directory, samples. Pillow reads and writes up to 8 bits and 16-bit gray, OpenCV 16-bit colour.

A file written back has the raster of the writer and every other tag of the upload, value for value, but for those that
still show the text.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
from PIL import Image as PillowImage

from service.errors import CorruptImage, UnsupportedFormat
from service.imaging.exif import (
    Directory,
    Field,
    count_directories,
    count_value_bytes,
    directory_bytes,
    exif_block,
    fields_of,
    first_directory,
    value_bytes,
    with_orientation,
)
from service.imaging.formats.rasters import (
    decode_deep,
    decode_with_pillow,
    encode_deep_tiff,
    encode_with_pillow,
    foreign_errors,
)
from service.imaging.headers import Header, Layout
from service.imaging.palettes import Palette
from service.imaging.photoshop import without_previews
from service.imaging.stored import Metadata, Samples, Stored
from service.imaging.xmp import without_thumbnails

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_ORIENTATION, _CHANNELS, _RESOLUTION_X, _RESOLUTION_Y, _PLANES, _RESOLUTION_UNIT = 274, 277, 282, 283, 284, 296
_EXTRA, _SAMPLE_FORMAT, _XMP, _PHOTOSHOP, _ICC = 338, 339, 700, 34377, 34675
_SOURCE_DATA, _ANNOTATIONS = 37724, 50255
"""Photoshop's layers, of which the picture is made, and its notes: both hold the page as it was."""
_RASTER_TAGS = {
    254,
    255,
    256,
    257,
    258,
    259,
    262,
    263,
    266,
    273,
    277,
    278,
    279,
    280,
    281,
    284,
    288,
    289,
    292,
    293,
    317,
    320,
    322,
    323,
    324,
    325,
    330,
    338,
    339,
    340,
    341,
    347,
    *range(512, 522),
    529,
    530,
    531,
    532,
}
"""Tags that say how the samples are laid out; the writer's own are taken."""
_COMPRESSIONS = {
    1: None,
    2: "group4",
    3: "group4",
    4: "group4",
    5: "tiff_lzw",
    7: "tiff_adobe_deflate",
    8: "tiff_adobe_deflate",
    32946: "tiff_adobe_deflate",
    32773: "packbits",
}
"""What is read, and what it is written as; JPEG inside TIFF becomes lossless, as its samples are kept."""
_LAYOUTS: dict[tuple[int, int], Layout] = {  # (photometric, samples a pixel)
    (0, 1): "gray",
    (1, 1): "gray",
    (1, 2): "gray+alpha",
    (2, 3): "RGB",
    (2, 4): "RGBA",
    (3, 1): "palette",
    (5, 4): "CMYK",
    (6, 3): "RGB",
}
_PILLOW_MODES = {
    "bilevel": "1",
    "gray": "L",
    "gray+alpha": "LA",
    "RGB": "RGB",
    "RGBA": "RGBA",
    "palette": "P",
    "CMYK": "CMYK",
}
_UNASSOCIATED = 2
_YCBCR, _JPEG = 6, 7
_MAX_PAGES = 4096


def read_header(data: bytes) -> Header:
    """Read the first directory and count the others. Raises CorruptImage, UnsupportedFormat."""
    directory = first_directory(data)
    if directory is None:
        raise CorruptImage("The TIFF file has no readable directory.")
    if directory.repeated:  # libtiff takes the first, Pillow the last: one could be checked and the other decoded
        raise CorruptImage(f"The TIFF directory has tag {min(directory.repeated)} more than once.")
    width, height = directory.integer(data, _WIDTH, 0), directory.integer(data, _HEIGHT, 0)
    if not width or not height:
        raise CorruptImage(f"The TIFF directory says {width} x {height}.")
    orientation = directory.integer(data, _ORIENTATION, 1)
    orientation = orientation if 1 <= orientation <= 8 else 1
    if orientation >= 5:
        width, height = height, width
    layout, bits = _layout(data, directory)
    values = count_value_bytes(data, directory)
    if values > len(data):
        raise CorruptImage(f"The TIFF tags have values of {values} bytes; the whole file has {len(data)}.")
    return Header("tiff", width, height, layout, bits, orientation, count_directories(data, at_most=_MAX_PAGES))


def read(data: bytes, header: Header) -> Stored:
    """Decode the samples in stored order. Raises CorruptImage where they are damaged."""
    unturned = with_orientation(data, 1)  # Pillow would turn them
    palette = None
    with foreign_errors("TIFF"):
        if header.bits == 16 and header.layout != "gray":
            samples: Samples = decode_deep(unturned, header)
        else:
            mode = "I;16" if header.bits == 16 else _PILLOW_MODES[header.layout]
            image, samples = decode_with_pillow(
                unturned, "TIFF", header, {mode, "I;16B"} if header.bits == 16 else {mode}
            )
            samples = samples.astype(np.uint16) if header.bits == 16 else samples
            if header.layout == "palette":
                palette = Palette(np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3))
    return Stored(samples, header.layout, header.bits, palette=palette, icc=_bytes_of(data, _ICC))


def read_metadata(data: bytes) -> Metadata:
    """Collect what a conversion carries over: profile, XMP, resolution, and the other tags as an EXIF block."""
    directory = first_directory(data)
    if directory is None:
        return Metadata()
    fields = {tag: field for tag, field in _side_fields(data, directory).items() if tag not in {_ICC, _XMP}}
    exif = exif_block(fields) if fields else None
    return Metadata(_bytes_of(data, _ICC), exif, _bytes_of(data, _XMP), _resolution(data, directory))


def rewrite(data: bytes, stored: Stored) -> bytes:
    """Put the samples into a TIFF with the upload's compression and all of its tags that do not lay out samples."""
    directory = first_directory(data)
    assert directory is not None  # it was read before
    compression = directory.integer(data, _COMPRESSION, 1)
    if stored.bits == 16 and stored.layout != "gray":
        written = encode_deep_tiff(stored.samples, 8 if compression == 7 else compression)
    else:
        written = encode_with_pillow(_pillow_image(stored), "TIFF", compression=_COMPRESSIONS.get(compression))
    return _with_tags(written, _side_fields(data, directory), has_alpha=stored.layout in {"RGBA", "gray+alpha"})


def _side_fields(data: bytes, directory: Directory) -> dict[int, Field]:
    """The tags that do not lay out samples, without the layers and previews in them that show what was erased."""
    left_out = _RASTER_TAGS | {_SOURCE_DATA, _ANNOTATIONS}
    fields = {tag: field for tag, field in fields_of(data, directory).items() if tag not in left_out}
    for tag, blank in ((_PHOTOSHOP, without_previews), (_XMP, without_thumbnails)):
        if tag in fields:
            fields[tag] = replace(fields[tag], value=blank(fields[tag].value))
    return fields


def _with_tags(written: bytes, fields: dict[int, Field], *, has_alpha: bool) -> bytes:
    """The written file with a directory of its own raster tags and the given other ones."""
    own = first_directory(written)
    assert own is not None
    assert own.order == "<"  # both writers write little-endian
    merged = fields | {tag: field for tag, field in fields_of(written, own).items() if tag in _RASTER_TAGS}
    if has_alpha:
        merged[_EXTRA] = Field(3, 1, struct.pack("<H", _UNASSOCIATED))
    padded = bytearray(written + b"\0" * (len(written) % 2))
    struct.pack_into("<I", padded, 4, len(padded))
    return bytes(padded) + directory_bytes(merged, len(padded))


def _pillow_image(stored: Stored) -> PillowImage.Image:
    if stored.layout == "bilevel":
        return PillowImage.fromarray(stored.samples.astype(np.bool_))
    if stored.bits == 16:
        return PillowImage.fromarray(stored.samples.astype("<u2"))
    image = PillowImage.fromarray(stored.samples, _PILLOW_MODES[stored.layout])
    if stored.palette is not None:
        image.putpalette(stored.palette.colours.tobytes())
    return image


def _layout(data: bytes, directory: Directory) -> tuple[Layout, int]:
    """The layout and depth. Raises UnsupportedFormat for what would not survive the way back."""
    photometric, channels = directory.integer(data, _PHOTOMETRIC, 1), directory.integer(data, _CHANNELS, 1)
    depths = set(directory.integers(data, _BITS) or (1,))
    extra, formats = directory.integers(data, _EXTRA), set(directory.integers(data, _SAMPLE_FORMAT) or (1,))
    compression, planes = directory.integer(data, _COMPRESSION, 1), directory.integer(data, _PLANES, 1)
    layout = _LAYOUTS.get((photometric, channels), "gray")
    bits = min(depths)
    has_alpha = layout in {"RGBA", "gray+alpha"}
    for is_read, what, expected in (
        (compression in _COMPRESSIONS, f"compression {compression}", "none, LZW, deflate, PackBits, G3, G4 or JPEG"),
        (formats == {1}, f"samples of format {sorted(formats)}", "unsigned integers"),
        (
            (photometric, channels) in _LAYOUTS and (photometric != _YCBCR or compression == _JPEG),
            f"photometric {photometric} with {channels} samples a pixel and compression {compression}",
            "gray, RGB, palette or CMYK, or YCbCr as JPEG",
        ),
        (len(depths) == 1, f"samples of {sorted(depths)} bits", "one depth for all"),
        (
            extra == () or (has_alpha and extra == (_UNASSOCIATED,)),
            f"extra samples {extra}",
            "unassociated alpha alone",
        ),
        (
            _depth_fits(layout, bits, photometric, planes),
            f"{bits} bits a sample in this mode",
            "8; 1, 2, 4 for gray and palettes; 16 for gray and RGB",
        ),
    ):
        if not is_read:
            raise UnsupportedFormat(f"The TIFF has {what}; expected {expected}.")
    if bits == 1 and layout == "gray":
        return "bilevel", 1
    return layout, max(bits, 8)  # 2 and 4 bits are written at 8: the writers know no less


def _depth_fits(layout: Layout, bits: int, photometric: int, planes: int) -> bool:
    if bits == 16:
        return layout in {"gray", "RGB", "RGBA"} and photometric != 0 and planes == 1
    return bits == 8 or (bits in {1, 2, 4} and layout in {"gray", "palette"})


def _bytes_of(data: bytes, tag: int) -> bytes | None:
    directory = first_directory(data)
    entry = directory.entries.get(tag) if directory else None
    return value_bytes(data, entry) if entry and entry.type in {1, 2, 7} else None


def _resolution(data: bytes, directory: Directory) -> tuple[float, float] | None:
    unit = directory.integer(data, _RESOLUTION_UNIT, 2)
    values = []
    for tag in (_RESOLUTION_X, _RESOLUTION_Y):
        entry = directory.entries.get(tag)
        raw = value_bytes(data, entry) if entry and entry.type == 5 and entry.count == 1 else None
        above, below = struct.unpack(f"{directory.order}II", raw) if raw else (0, 0)
        values.append(above / below if below else 0.0)
    scale = {2: 1.0, 3: 2.54}.get(unit, 0.0)
    across, down = values[0] * scale, values[1] * scale
    return (across, down) if across > 0 and down > 0 else None
