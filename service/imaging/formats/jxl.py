"""JPEG XL by libvips: an optional extra, as the library comes with the system and not with pip.

Of the libraries tried in November 2026 only libvips (8.14, 8.16: LGPL; pyvips: MIT) writes the profile where decoders
look for it, knows gray with alpha and 16 bits, and lets other threads run; pyvips-binary 8.18.7 has one without JPEG
XL. imagecodecs 2026.3.6 writes no profile; pylibjxl 0.5.0 and jxlpy 0.9.5 know 8 bits only; pyjpegxl 0.3.0 puts the
profile into a box of its own; OpenImageIO 3.2.2 reads files only, decodes with all other threads stopped, and knows no
gray with alpha; pillow-jxl-plugin 1.3.8 is under the GPL and writes no profile.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from service.errors import CorruptImage, NotEncodable, OutOfMemory
from service.imaging import vips
from service.imaging.exif import with_orientation
from service.imaging.formats.jxl_header import Description, codestream, describe, read_exif, read_xmp, with_metadata
from service.imaging.formats.rasters import foreign_errors, memory_errors
from service.imaging.headers import Header, Layout
from service.imaging.stored import Metadata, Samples, Stored

_CHANNELS: dict[Layout, int] = {"gray": 1, "gray+alpha": 2, "RGB": 3, "RGBA": 4}
_FORMATS = {8: "uchar", 16: "ushort"}
_PROFILE = "icc-profile-data"
_DECODER_BYTES_PER_PIXEL, _ENCODER_BYTES_PER_PIXEL, _ANY_SIZE_BYTES = 64, 96, 32 * 1024 * 1024
"""Above what both took of a page of 8 megapixels: 59 (lossy, 16 bits, alpha) and 89 (lossless, 16 bits, alpha)."""
_EFFORT = 3
"""The quickest that every libvips takes: on a page a thirteenth of the usual effort's time for a tenth more bytes."""


def read_header(data: bytes) -> Header:
    """Read size, mode, depth and frames; nothing is decoded, and no library sees the file.

    The decoder turns pictures upright, and so they are written. Raises CorruptImage, AnimatedImage, UnsupportedFormat.
    """
    told = describe(data)
    across, down = (told.width, told.height) if told.orientation < 5 else (told.height, told.width)
    return Header("jxl", across, down, _layout(told), told.bits, lossless=told.lossless)


def read(data: bytes, header: Header) -> Stored:
    """Decode the samples, upright.

    The profile is read here, too: only a decoder can. Raises CorruptImage, OutOfMemory.
    """
    told = describe(data)
    channels = _CHANNELS[header.layout]
    with foreign_errors("JPEG XL"):
        _ensure_memory(header.width * header.height, _DECODER_BYTES_PER_PIXEL)
        image = vips.library().Image.jxlload_buffer(codestream(data))
        found = (image.width, image.height, image.bands, image.format)
        if found != (header.width, header.height, channels, _FORMATS[header.bits]):
            raise CorruptImage(f"The JPEG XL data are {found}, not what the header says.")
        icc = bytes(image.get(_PROFILE)) if told.colour != "srgb" and image.get_typeof(_PROFILE) else None
        samples: Samples = np.frombuffer(image.write_to_memory(), np.uint8 if header.bits == 8 else np.uint16)
    shape = header.size_hw if channels == 1 else (*header.size_hw, channels)
    return Stored(samples.reshape(shape), header.layout, header.bits, icc=icc)


def read_metadata(data: bytes) -> Metadata:
    """Collect what is carried over: EXIF, XMP; the profile stands in what `read` returns."""
    exif = read_exif(data)
    return Metadata(None, with_orientation(exif, 1) if exif else None, read_xmp(data))


def rewrite(data: bytes, stored: Stored, *, quality: int | None) -> bytes:
    """Write the samples, lossless without a `quality`, with the profile, EXIF and XMP of `data`, upright.

    A JPEG that `data` may hold in other clothes, and boxes that nobody here knows, are left out: they could still show
    the text. Raises NotEncodable, OutOfMemory.
    """
    metadata = read_metadata(data).without_previews()
    library = vips.library()
    height, width = stored.samples.shape[:2]
    wish: dict[str, Any] = {"lossless": True} if quality is None else {"Q": quality}
    try:
        with memory_errors():
            _ensure_memory(width * height, _ENCODER_BYTES_PER_PIXEL)
            samples = np.ascontiguousarray(stored.samples)
            image = library.Image.new_from_memory(
                samples.data, width, height, _CHANNELS[stored.layout], _FORMATS[stored.bits]
            ).copy(interpretation=_interpretation(stored))
            if stored.icc:
                image.set_type(library.GValue.blob_type, _PROFILE, stored.icc)
            written: bytes = image.jxlsave_buffer(effort=_EFFORT, **wish)
    except library.Error as exc:
        if "out of memory" in str(exc):
            raise OutOfMemory("There is not enough memory for this image.") from exc
        raise NotEncodable(
            f"The JPEG XL encoder cannot write this image of {width} x {height}; ask for another format."
        ) from exc
    return with_metadata(written, metadata.exif, metadata.xmp)


def _ensure_memory(pixels: int, bytes_a_pixel: int) -> None:
    """Raise MemoryError where there is not enough: libjxl (0.7) would end the process."""
    np.empty(_ANY_SIZE_BYTES + pixels * bytes_a_pixel, np.uint8)


def _layout(told: Description) -> Layout:
    if told.gray:
        return "gray+alpha" if told.alpha else "gray"
    return "RGBA" if told.alpha else "RGB"


def _interpretation(stored: Stored) -> str:
    if stored.layout in {"gray", "gray+alpha"}:
        return "b-w" if stored.bits == 8 else "grey16"
    return "srgb" if stored.bits == 8 else "rgb16"
