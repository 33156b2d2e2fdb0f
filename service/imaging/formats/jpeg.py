"""JPEG (ITU-T T.81): segments, header, samples. Pillow decodes and encodes; the side segments are carried over here."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from service.errors import CorruptImage, UnsupportedFormat
from service.imaging.exif import orientation_of, without_preview
from service.imaging.formats import jpeg_blocks, jpeg_progressive
from service.imaging.formats.jpeg_frame import FRAMES
from service.imaging.formats.jpeg_segments import Segment, all_segments, is_side, segments
from service.imaging.formats.rasters import decode_with_pillow, encode_with_pillow, foreign_errors, open_with_pillow
from service.imaging.headers import Header, Layout
from service.imaging.photoshop import without_previews
from service.imaging.stored import Metadata, Stored, changed_pixels
from service.imaging.xmp import without_thumbnails

SIDE_MAX = 65_500
"""Largest width and height, px, that libjpeg writes; the format itself ends at 65,535."""
_MAX_SCANS = 100
"""Encoders write up to about twenty; each scan costs a pass over all blocks, however few bytes it has."""
_APP0, _APP1, _APP2, _APP13, _APP14, _SOF2, _SOS = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xC2, 0xDA
_READABLE_FRAMES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive", 0xC9: "arithmetic", 0xCA: "arithmetic"}
_LAYOUTS: dict[int, Layout] = {1: "gray", 3: "RGB", 4: "CMYK"}
_JFIF_BYTES, _JFXX_BYTES = 14, 6
"""What stands before the thumbnail in each."""
_PHOTOSHOP = b"Photoshop 3.0\0"
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_MORE_XMP, _MORE_XMP_HEAD_BYTES = b"http://ns.adobe.com/xmp/extension/\0", 75
"""What does not fit into one segment, previews first: its name, an MD5 in hex, the whole length and the place in it."""
_SUBSAMPLINGS: dict[tuple[tuple[int, int], ...], int] = {
    ((1, 1), (1, 1), (1, 1)): 0,
    ((2, 1), (1, 1), (1, 1)): 1,
    ((2, 2), (1, 1), (1, 1)): 2,
}


def read_header(data: bytes) -> Header:
    """Read what stands before the first scan: size, mode, orientation. Raises CorruptImage, UnsupportedFormat."""
    frame: Segment | None = None
    exif: bytes | None = None
    for segment in segments(data):
        if segment.marker in FRAMES and frame is None:
            frame = segment
        elif segment.marker == _APP1 and exif is None and data.startswith(_EXIF, segment.payload):
            exif = data[segment.payload + len(_EXIF) : segment.end]
    if frame is None or frame.end - frame.payload < 6:
        raise CorruptImage("The JPEG file has no frame header.")
    precision, height, width, components = struct.unpack_from(">BHHB", data, frame.payload)
    if frame.end - frame.payload != 6 + 3 * components or not width or not height:
        raise CorruptImage(f"The JPEG header says {width} x {height} with {components} components.")
    if frame.marker not in _READABLE_FRAMES or precision != 8 or components not in _LAYOUTS:
        raise UnsupportedFormat(
            f"The JPEG has {components} components of {precision} bits (frame type {frame.marker:#x}); "
            "expected 1, 3 or 4 components of 8 bits, baseline or progressive."
        )
    scans = sum(segment.marker == _SOS for segment in all_segments(data))
    if scans > _MAX_SCANS:
        raise CorruptImage(f"The JPEG file has {scans} scans; at most {_MAX_SCANS} are read.", scans=scans)
    orientation = orientation_of(exif)
    if orientation >= 5:
        width, height = height, width
    return Header("jpeg", width, height, _LAYOUTS[components], 8, orientation, lossless=False)


def read(data: bytes, header: Header) -> Stored:
    """Decode the samples in stored order. Raises CorruptImage where the data end early."""
    with foreign_errors("JPEG"):
        expected = {"gray": "L", "RGB": "RGB", "CMYK": "CMYK"}[header.layout]
        _, samples = decode_with_pillow(_essential(data), "JPEG", header, {expected})
    return Stored(samples, header.layout, 8, icc=read_metadata(data).icc)


def read_metadata(data: bytes) -> Metadata:
    """Collect what a conversion carries over: profile, EXIF, XMP, resolution."""
    profile: dict[int, bytes] = {}
    exif = xmp = dpi = None
    for segment in segments(data):
        payload = data[segment.payload : segment.end]
        if segment.marker == _APP1 and payload.startswith(_EXIF):
            exif = exif or payload[len(_EXIF) :]  # of what may stand once, the first
        elif segment.marker == _APP1 and payload.startswith(_XMP):
            xmp = xmp or payload[len(_XMP) :]
        elif segment.marker == _APP2 and payload.startswith(_ICC) and len(payload) > 14:
            profile[payload[12]] = payload[14:]
        elif segment.marker == _APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 12:
            unit, across, down = struct.unpack_from(">BHH", payload, 7)
            if unit in {1, 2} and across and down:
                scale = 1.0 if unit == 1 else 2.54
                dpi = (across * scale, down * scale)
    icc = b"".join(profile[number] for number in sorted(profile)) or None
    return Metadata(icc, exif, xmp, dpi)


def rewrite(data: bytes, stored: Stored, quality: int | None) -> bytes:
    """Encode the samples again with the file's own tables, sampling and scan order, and put its side segments back.

    With a `quality` its tables are used instead of the file's own.
    """
    with foreign_errors("JPEG"):
        old = open_with_pillow(_essential(data), "JPEG")
    options: dict[str, object] = {"subsampling": _subsampling(data), "progressive": "progressive" in old.info}
    if quality is None:
        options["qtables"] = _tables(data, old)
    else:
        options["quality"] = quality
    options["keep_rgb"] = stored.layout == "RGB" and old.info.get("adobe_transform") == 0
    new = _encode(stored, options)
    return _with_side_segments(new, _side_segments(_without_previews(data)))


def replace_blocks(data: bytes, before: Stored, after: Stored) -> bytes | None:
    """Encode only the blocks anew in which a sample changed; None where the file does not allow it."""
    planes, data = _planes(data, after), _without_previews(data)
    if planes is None:
        return None
    changed = changed_pixels(before, after)
    is_progressive = any(segment.marker == _SOF2 for segment in segments(data))
    replace = jpeg_progressive.replace_blocks if is_progressive else jpeg_blocks.replace_blocks
    return replace(data, planes, changed)


def write(stored: Stored, metadata: Metadata, quality: int) -> bytes:
    """Write a new file of 8-bit gray, RGB or CMYK samples, chroma at full resolution."""
    options: dict[str, object] = {"quality": quality, "subsampling": 0}
    if metadata.icc:
        options["icc_profile"] = metadata.icc
    if metadata.exif and len(metadata.exif) < 65_500:
        options["exif"] = _EXIF + metadata.exif
    if metadata.xmp and len(metadata.xmp) < 65_450:
        options["xmp"] = metadata.xmp
    if metadata.dpi:
        options["dpi"] = tuple(min(max(round(value), 1), 65535) for value in metadata.dpi)
    return _encode(stored, options)


def _without_previews(data: bytes) -> bytes:
    """The same file, of the same length, its previews blanked: in EXIF, XMP, Photoshop's resources, JFIF's headers."""
    patched = bytearray(data)
    resources: list[tuple[int, int]] = []
    more_xmp: list[tuple[int, int]] = []
    for segment in segments(data):
        start, end = segment.payload, segment.end
        if segment.marker == _APP1 and data.startswith(_EXIF, start):
            start += len(_EXIF)
            patched[start:end] = without_preview(data[start:end])
        elif segment.marker == _APP1 and data.startswith(_XMP, start):
            patched[start:end] = without_thumbnails(data[start:end])
        elif segment.marker == _APP1 and data.startswith(_MORE_XMP, start):
            more_xmp.append((min(start + _MORE_XMP_HEAD_BYTES, end), end))
        elif segment.marker == _APP13 and data.startswith(_PHOTOSHOP, start):
            resources.append((start + len(_PHOTOSHOP), end))
        elif segment.marker == _APP0 and data.startswith((b"JFIF\0", b"JFXX\0"), start):
            start += _JFIF_BYTES if data.startswith(b"JFIF\0", start) else _JFXX_BYTES
            patched[start:end] = bytes(max(0, end - start))
    more_xmp.sort(key=lambda part: data[part[0] - 40 : part[0]])  # by its packet, and its place in it
    for parts, blank in ((resources, without_previews), (more_xmp, without_thumbnails)):
        whole, at = blank(b"".join(data[start:end] for start, end in parts)), 0  # one block, however it is cut
        for start, end in parts:
            patched[start:end] = whole[at : at + end - start]
            at += end - start
    return bytes(patched)


def _planes(data: bytes, stored: Stored) -> list[npt.NDArray[np.uint8]] | None:
    """The samples as the components that the file codes; None where that is not certain.

    How colour is coded is not said in one place; this is libjpeg's rule: JFIF means YCbCr, else Adobe's marker
    decides, else the names of the components.
    """
    has_jfif, transform, names = False, None, b""
    for segment in segments(data):
        payload = data[segment.payload : segment.end]
        has_jfif |= segment.marker == _APP0 and payload.startswith(b"JFIF\0")
        if segment.marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
            transform = payload[11]
        elif segment.marker in FRAMES:
            names = payload[6::3]
    if stored.layout == "gray":
        return [stored.samples]
    if stored.layout == "CMYK":
        inverted = stored.samples if transform is None else 255 - stored.samples  # Adobe stores what ink leaves white
        return None if transform == 2 else list(np.moveaxis(inverted, 2, 0))
    is_rgb = not has_jfif and (transform == 0 or (transform is None and names == b"RGB"))
    coded = stored.samples if is_rgb else cv2.cvtColor(stored.samples, cv2.COLOR_RGB2YCrCb)
    order = (0, 1, 2) if is_rgb else (0, 2, 1)
    return [np.ascontiguousarray(coded[..., channel]) for channel in order]


def _encode(stored: Stored, options: dict[str, object]) -> bytes:
    mode = {"gray": "L", "RGB": "RGB", "CMYK": "CMYK"}[stored.layout]
    return encode_with_pillow(PillowImage.fromarray(stored.samples, mode), "JPEG", **options)


def _essential(data: bytes) -> bytes:
    """The file without its side information: the decoder sees no EXIF, profile, preview or comment."""
    kept = [b"\xff\xd8"]
    end = 2
    for segment in segments(data):
        end = segment.end
        is_jfif = segment.marker == _APP0 and data.startswith(b"JFIF\0", segment.payload)
        if is_jfif or not is_side(segment.marker):
            kept.append(data[segment.start : segment.end])
    return b"".join([*kept, data[end:]])


def _side_segments(data: bytes) -> list[bytes]:
    """The segments that describe the picture but do not draw it, in file order.

    The index of further pictures after this one (MPF) is left out: it would point nowhere.
    """
    kept = []
    for segment in segments(data):
        is_index = segment.marker == _APP2 and data.startswith(b"MPF\0", segment.payload)
        if is_side(segment.marker) and not is_index:
            kept.append(b"\xff" + data[segment.payload - 3 : segment.end])
    return kept


def _with_side_segments(new: bytes, side: list[bytes]) -> bytes:
    """The new file with its own side segments replaced, except for Adobe's colour transform."""
    coding = []
    end = 2
    for segment in segments(new):
        end = segment.end
        if not is_side(segment.marker):
            coding.append(new[segment.start : segment.end])
    return b"".join([b"\xff\xd8", *side, *coding, new[end:]])


def _components(data: bytes) -> list[tuple[tuple[int, int], int]]:
    """For each component its sampling factors `(across, down)` and the number of its table."""
    for segment in segments(data):
        if segment.marker in FRAMES:
            raw = data[segment.payload + 6 : segment.end]
            return [((raw[at] >> 4, raw[at] & 15), raw[at + 1]) for at in range(1, len(raw), 3)]
    return []


def _subsampling(data: bytes) -> int:
    """Pillow's number for the file's chroma sampling; full resolution where Pillow has no number for it."""
    return _SUBSAMPLINGS.get(tuple(factors for factors, _ in _components(data)), 0)


def _tables(data: bytes, old: PillowImage.Image) -> list[list[int]]:
    """The file's own quantisation tables: that of the first component, then that of the second."""
    known: dict[int, list[int]] = old.quantization  # type: ignore[attr-defined]
    used = [number for _, number in _components(data)[:2]]
    return [list(known[number]) for number in used if number in known]
