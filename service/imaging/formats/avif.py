"""AVIF: Pillow reads and writes it, at 8 bits."""

from __future__ import annotations

from PIL import Image as PillowImage

from service.errors import CorruptImage
from service.imaging.exif import orientation_of, without_preview
from service.imaging.formats.rasters import decode_with_pillow, encode_with_pillow, foreign_errors, open_with_pillow
from service.imaging.headers import Header, Layout
from service.imaging.stored import Metadata, Stored

SIDE_MAX = 65_535
"""Largest width and height, px, that the encoder writes."""
_LAYOUTS: dict[str, Layout] = {"RGB": "RGB", "RGBA": "RGBA"}
_EXIF = b"Exif\0\0"


def read_header(data: bytes) -> Header:
    """Parse the container for size, mode, orientation and frame count; no picture is decoded. Raises CorruptImage."""
    with foreign_errors("AVIF"):
        image = open_with_pillow(data, "AVIF")
        frames = int(getattr(image, "n_frames", 1))
        if image.mode not in _LAYOUTS or not all(image.size):
            raise CorruptImage(f"The AVIF header says {image.size}, mode {image.mode}.")
    orientation = orientation_of(_exif(image))  # Pillow has put the container's own turn (irot, imir) there
    width, height = image.size if orientation < 5 else image.size[::-1]
    return Header("avif", width, height, _LAYOUTS[image.mode], 8, orientation, frames, lossless=False)


def read(data: bytes, header: Header) -> Stored:
    """Decode the samples in stored order. Raises CorruptImage where they are damaged."""
    with foreign_errors("AVIF"):
        _, samples = decode_with_pillow(data, "AVIF", header, {header.layout})
    return Stored(samples, header.layout, 8)


def read_metadata(data: bytes) -> Metadata:
    """Collect what is carried over: profile, EXIF, XMP."""
    with foreign_errors("AVIF"):
        image = open_with_pillow(data, "AVIF")
    return Metadata(image.info.get("icc_profile"), _exif(image), image.info.get("xmp"))


def write(stored: Stored, metadata: Metadata, *, quality: int) -> bytes:
    """Write 8-bit RGB or RGBA samples, chroma at full resolution."""
    options: dict[str, object] = {"quality": quality, "subsampling": "4:4:4", "speed": 10, "max_threads": 1}
    beside = {
        "icc_profile": metadata.icc,
        "exif": metadata.exif and without_preview(metadata.exif),
        "xmp": metadata.xmp,
    }
    options |= {name: value for name, value in beside.items() if value}
    return encode_with_pillow(PillowImage.fromarray(stored.samples, stored.layout), "AVIF", **options)


def _exif(image: PillowImage.Image) -> bytes | None:
    raw = image.info.get("exif")
    return raw.removeprefix(_EXIF) if raw else None
