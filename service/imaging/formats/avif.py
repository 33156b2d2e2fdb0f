"""AVIF: Pillow reads and writes it at 8 bits, OpenCV at 10 and 12."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from service.errors import CorruptImage, NotEncodable
from service.imaging.exif import orientation_of
from service.imaging.formats.isobmff import properties
from service.imaging.formats.rasters import (
    decode_deep,
    decode_with_pillow,
    encode_with_pillow,
    foreign_errors,
    memory_errors,
    open_with_pillow,
    scaled,
)
from service.imaging.headers import Header, Layout
from service.imaging.stored import Metadata, Stored, cicp_of

SIDE_MAX = 65_535
"""Largest width and height, px, that the encoder writes."""
_LAYOUTS: dict[str, Layout] = {"L": "gray", "LA": "RGBA", "RGB": "RGB", "RGBA": "RGBA"}
"""By Pillow's mode; gray with alpha, which no encoder here writes, is shown as colour."""
_MODES = {"gray": "L", "RGB": "RGB", "RGBA": "RGBA"}
_SAME_CHANNELS = {"gray": 1, "RGB": 3, "RGBA": 4}
_EXIF = b"Exif\0\0"
_SPEED = 10


def read_header(data: bytes) -> Header:
    """Parse the container for size, mode, orientation and frame count; no picture is decoded. Raises CorruptImage."""
    with foreign_errors("AVIF"):
        image = open_with_pillow(data, "AVIF")
        frames = int(getattr(image, "n_frames", 1))
        if image.mode not in _LAYOUTS or not all(image.size):
            raise CorruptImage(f"The AVIF header says {image.size}, mode {image.mode}.")
    orientation = orientation_of(_exif(image))  # Pillow has put the container's own turn (irot, imir) there
    width, height = image.size if orientation < 5 else image.size[::-1]
    return Header("avif", width, height, _LAYOUTS[image.mode], depth_of(data), orientation, frames, lossless=False)


def read(data: bytes, header: Header) -> Stored:
    """Decode the samples in stored order; those of 10 and 12 bits are widened to 16. Raises CorruptImage."""
    with foreign_errors("AVIF"):
        if header.bits > 8:
            samples = _decode_deep(data, header)
            return Stored(scaled(samples, header.bits, 16), header.layout, 16)
        image, samples = decode_with_pillow(data, "AVIF", header, set(_LAYOUTS))
        if image.mode == "LA":
            samples = np.ascontiguousarray(samples[..., [0, 0, 0, 1]])
    return Stored(samples, header.layout, 8)


def read_metadata(data: bytes) -> Metadata:
    """Collect what is carried over: profile, EXIF, XMP."""
    with foreign_errors("AVIF"):
        image = open_with_pillow(data, "AVIF")
    icc, place = image.info.get("icc_profile"), _coded_colour(data)
    cicp = cicp_of(*struct.unpack_from(">HH", data, place)) if place and not icc else None
    return Metadata(icc, _exif(image), image.info.get("xmp"), cicp=cicp)


def rewrite(data: bytes, stored: Stored, *, quality: int) -> bytes:
    """Write the samples as an AVIF of the depth of `data`, with what stands beside its picture.

    Chroma is at full resolution. Raises NotEncodable, OutOfMemory.
    """
    metadata = read_metadata(data).without_previews()
    depth = depth_of(data)
    written = _write_deep(stored, metadata, quality, depth) if depth > 8 else _write(stored, metadata, quality)
    return _with_colour_of(data, written)


def depth_of(data: bytes) -> int:
    """Bits per sample: 8, 10 or 12, as the coding's own property says (AV1 in ISOBMFF, 2.3.3)."""
    depth = 8
    for box in properties(data):
        if box.kind == b"av1C" and box.end - box.start >= 4:
            flags = data[box.start + 2]
            depth = max(depth, 12 if flags & 0x60 == 0x60 else 10 if flags & 0x40 else 8)
    return depth


def _write(stored: Stored, metadata: Metadata, quality: int) -> bytes:
    chroma = "4:0:0" if stored.layout == "gray" else "4:4:4"
    options: dict[str, object] = {"quality": quality, "subsampling": chroma, "speed": _SPEED, "max_threads": 1}
    beside = {"icc_profile": metadata.icc, "exif": metadata.exif, "xmp": metadata.xmp}
    options |= {name: value for name, value in beside.items() if value}
    return encode_with_pillow(PillowImage.fromarray(stored.samples, _MODES[stored.layout]), "AVIF", **options)


def _decode_deep(data: bytes, header: Header) -> npt.NDArray[np.uint16]:
    samples = decode_deep(data, header)
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    if channels != _SAME_CHANNELS[header.layout]:
        raise CorruptImage(f"The AVIF data have {channels} channels, not those of {header.layout}.")
    return samples


def _write_deep(stored: Stored, metadata: Metadata, quality: int, depth: int) -> bytes:
    with memory_errors():
        order = [2, 1, 0, 3][: stored.samples.shape[2]] if stored.samples.ndim == 3 else None
        samples = scaled(stored.samples, 16, depth, order)
        beside = {
            cv2.IMAGE_METADATA_EXIF: metadata.exif,
            cv2.IMAGE_METADATA_XMP: metadata.xmp,
            cv2.IMAGE_METADATA_ICCP: metadata.icc,
        }
        kinds = [kind for kind, value in beside.items() if value]
        values = [np.frombuffer(value, np.uint8) for value in beside.values() if value]
        wish = [cv2.IMWRITE_AVIF_QUALITY, quality, cv2.IMWRITE_AVIF_DEPTH, depth, cv2.IMWRITE_AVIF_SPEED, _SPEED]
        done, written = cv2.imencodeWithMetadata(".avif", samples, kinds, values, wish)
    if not done:
        raise NotEncodable(f"The AVIF encoder cannot write this image of {stored.samples.shape}, {depth} bits.")
    return written.tobytes()


def _with_colour_of(data: bytes, new: bytes) -> bytes:
    """The new file, whose samples mean the colours that they mean in `data`: primaries and transfer (ITU-T H.273).

    The encoders write those of sRGB. The matrix is their own matter, and stays.
    """
    places = [_coded_colour(data), _coded_colour(new)]
    if None in places:
        return new
    old, place = (at for at in places if at is not None)
    return new[:place] + data[old : old + 4] + new[place + 4 :]


def _coded_colour(data: bytes) -> int | None:
    """Where primaries and transfer stand, two bytes each."""
    for box in properties(data):
        if box.kind == b"colr" and data.startswith(b"nclx", box.start) and box.end - box.start >= 11:
            return box.start + 4
    return None


def _exif(image: PillowImage.Image) -> bytes | None:
    raw = image.info.get("exif")
    return raw.removeprefix(_EXIF) if raw else None
