"""HEIC by pillow-heif: an optional extra, as its wheels hold an encoder under the GPL and HEVC is patented."""

from __future__ import annotations

import io
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from service.errors import CorruptImage, NotEncodable, UnsupportedFormat
from service.imaging.exif import with_orientation
from service.imaging.formats.rasters import foreign_errors, memory_errors, scaled
from service.imaging.headers import Header, Layout
from service.imaging.stored import Metadata, Stored, cicp_of

SIDE_MAX = 16_384
"""Largest width and height, px, that are written; the highest level of HEVC ends soon after it."""
_LAYOUTS: dict[str, Layout] = {
    "L": "gray",
    "RGB": "RGB",
    "RGBA": "RGBA",
    "I;16": "gray",
    "RGB;16": "RGB",
    "RGBA;16": "RGBA",
}
_MODES = {"gray": "L", "RGB": "RGB", "RGBA": "RGBA"}
_DEPTHS = {8, 10, 12}
_EXIF = b"Exif\0\0"
_QUALITY, _LOWER_QUALITY = 80, 60
"""On two pages 75 of this encoder had a smaller error than 95 of AVIF's; 95 would be twice the bytes."""
_PRESET = "ultrafast"
"""A third of the time of x265's middle presets, for a quarter more bytes and a smaller error."""


def read_header(data: bytes) -> Header:
    """Parse the container for size, mode, depth and frame count; no picture is decoded.

    The decoder turns pictures upright, and so they are written. Raises CorruptImage, UnsupportedFormat.
    """
    with foreign_errors("HEIC"):
        file = _open(data)
        image = file[file.primary_index]
        (width, height), mode, bits = image.size, image.mode, int(image.info["bit_depth"])
    if mode not in _LAYOUTS or bits not in _DEPTHS:
        raise UnsupportedFormat(f"The HEIC file is {mode} of {bits} bits; expected gray, RGB or RGBA of 8, 10, 12.")
    if not width * height or (bits > 8) != mode.endswith("16"):
        raise CorruptImage(f"The HEIC header says {width} x {height}, {mode} of {bits} bits.")
    return Header("heic", width, height, _LAYOUTS[mode], bits, frames=len(file), lossless=False)


def read(data: bytes, header: Header) -> Stored:
    """Decode the samples, upright; those of 10 and 12 bits are widened to 16. Raises CorruptImage."""
    with foreign_errors("HEIC"):
        file = _open(data)
        samples = np.ascontiguousarray(file[file.primary_index])
        channels = {"gray": (), "RGB": (3,), "RGBA": (4,)}[header.layout]
        wanted = np.uint16 if header.bits > 8 else np.uint8
        if samples.shape != (*header.size_hw, *channels) or samples.dtype != wanted:
            raise CorruptImage(f"The HEIC data are {samples.shape} {samples.dtype}, not what the header says.")
    if header.bits == 8:
        return Stored(samples, header.layout, 8)
    levels = np.right_shift(samples, np.uint16(16 - header.bits), dtype=np.uint16)
    return Stored(scaled(levels, header.bits, 16), header.layout, 16)


def read_metadata(data: bytes) -> Metadata:
    """Collect what is carried over: profile, EXIF, XMP."""
    with foreign_errors("HEIC"):
        file = _open(data)
    beside = file[file.primary_index].info
    exif = (beside.get("exif") or b"").removeprefix(_EXIF)
    icc, coded = beside.get("icc_profile"), beside.get("nclx_profile")
    cicp = cicp_of(int(coded["color_primaries"]), int(coded["transfer_characteristics"])) if coded and not icc else None
    return Metadata(icc, with_orientation(exif, 1) or None, beside.get("xmp"), cicp=cicp)


def rewrite(data: bytes, stored: Stored, *, quality: int | None) -> bytes:
    """Write the samples as a HEIC of the depth of `data`, with what stands beside its picture.

    Without a `quality` at 80, or, where the file would be too large for the decoder, at 60. Chroma is at full
    resolution. Smaller pictures in the file (thumbnails, depth) are left out: they would still show the text.
    Raises NotEncodable, OutOfMemory.
    """
    if quality is not None:
        return _write(data, stored, quality)
    try:
        return _write(data, stored, _QUALITY)
    except NotEncodable:
        return _write(data, stored, _LOWER_QUALITY)


def _write(data: bytes, stored: Stored, quality: int) -> bytes:
    file, metadata = _open(data), read_metadata(data).without_previews()
    old = file[file.primary_index].info
    depth = int(old["bit_depth"])
    samples = stored.samples if depth == 8 else scaled(stored.samples, 16, depth)
    mode = _MODES[stored.layout] + (f";{depth}" if depth > 8 else "")
    wish: dict[str, Any] = {"quality": quality, "chroma": 444, "enc_params": {"preset": _PRESET}}
    beside = {
        "exif": metadata.exif and _EXIF + metadata.exif,
        "xmp": metadata.xmp,
        "icc_profile": metadata.icc,
    }
    buffer = io.BytesIO()
    try:
        with memory_errors():
            new = _library().from_bytes(mode=mode, size=samples.shape[1::-1], data=samples.tobytes())
            if "nclx_profile" in old:
                new[0].info["nclx_profile"] = old["nclx_profile"]  # what the samples mean
            new.save(buffer, save_nclx_profile="nclx_profile" in old, **wish, **{k: v for k, v in beside.items() if v})
            _open(buffer.getvalue())[0].load()  # its decoder cannot read every large file that its encoder writes
    except (OSError, RuntimeError, ValueError) as exc:
        raise NotEncodable(
            f"The HEIC encoder cannot write this image of {samples.shape} at quality {quality}; "
            "ask for a lower quality, or for another format."
        ) from exc
    return buffer.getvalue()


def _open(data: bytes) -> Any:
    return _library().open_heif(data, convert_hdr_to_8bit=False)


@cache
def _library() -> ModuleType:
    import pillow_heif  # noqa: PLC0415  an optional extra

    options = pillow_heif.options
    options.DECODE_THREADS = 1  # the slots share the cores out
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    return pillow_heif
