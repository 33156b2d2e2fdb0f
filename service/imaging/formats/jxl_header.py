"""What a JPEG XL file says of itself: container (ISO/IEC 18181-2) and codestream header (ISO/IEC 18181-1, annex D).

libvips tells size and bands before it decodes, but not whether a file is animated, lossy, of 10 bits, or with
premultiplied alpha: it would be flattened, widened or misread. Whatever it is shown has passed here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from service.errors import AnimatedImage, CorruptImage, UnsupportedFormat
from service.imaging.formats.isobmff import Box, boxes

CODESTREAM, CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
METADATA_MAX = 1 << 24
"""Bytes of EXIF or XMP that are unpacked; a bomb of four kilobytes would fill gigabytes."""
_FILE_TYPE = b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIZES = ((1, 9), (1, 13), (1, 18), (1, 30))
"""For each of four ways to write a number: what is added, and of how many bits it is."""
_ENUM = ((0, 0), (1, 0), (2, 4), (18, 6))
_DEPTHS = ((8, 0), (10, 0), (12, 0), (1, 6))
_COORDINATE = ((0, 19), (524_288, 19), (1_048_576, 20), (2_097_152, 21))
_RGB, _GRAY = 0, 1
_D65, _CUSTOM, _SRGB_PRIMARIES = 1, 2, 1
_SRGB_CURVE, _PQ, _HLG = 13, 16, 18


@dataclass(frozen=True)
class Description:
    """What the header says; everything that would not come back as it was is refused before one is made."""

    width: int
    """As stored, px."""
    height: int
    """As stored, px."""
    bits: Literal[8, 16]
    gray: bool
    alpha: bool
    orientation: int
    """1 to 8, as in EXIF; decoders turn the picture upright by it."""
    colour: Literal["srgb", "named", "icc"]
    """sRGB (or gray with its curve), another space that the header names, or a profile."""
    lossless: bool
    """Not in XYB, and not a JPEG in other clothes. A file can still be lossy: only its frames would tell."""


def describe(data: bytes) -> Description:
    """Read the header. Raises CorruptImage, AnimatedImage, or UnsupportedFormat for what would be lost."""
    bits = _Bits(codestream(data))
    if bits.take(16) != int.from_bytes(CODESTREAM, "little"):
        raise CorruptImage("The JPEG XL file holds no codestream.")
    width, height = _size(bits)
    if bits.flag():  # everything else is as usual
        return Description(width, height, 8, gray=False, alpha=False, orientation=1, colour="srgb", lossless=False)
    orientation = _extra_fields(bits) if bits.flag() else 1
    depth = _depth(bits, "samples")
    bits.flag()  # whether 16-bit buffers suffice
    alpha = _has_alpha(bits, depth)
    lossy = bits.flag()
    gray, colour = _colour(bits)
    return Description(
        width,
        height,
        depth,
        gray=gray,
        alpha=alpha,
        orientation=orientation,
        colour=colour,
        lossless=not lossy and not any(box.kind == b"jbrd" for box in _boxes(data)),
    )


def codestream(data: bytes) -> bytes:
    """The picture itself, without the container around it. Raises CorruptImage where there is none."""
    if data.startswith(CODESTREAM):
        return data
    parts: list[bytes] = []
    for box in _boxes(data):
        if box.kind == b"jxlc":
            return data[box.start : box.end]
        if box.kind == b"jxlp":
            parts.append(data[box.start + 4 : box.end])  # after its number
    if not parts:
        raise CorruptImage("The JPEG XL file holds no codestream.")
    return b"".join(parts)


def read_exif(data: bytes) -> bytes | None:
    """The EXIF block, a TIFF structure; None where there is none that can be read."""
    payload = _metadata(data, b"Exif")
    if payload is None or len(payload) < 4:
        return None
    return payload[4 + int.from_bytes(payload[:4], "big") :] or None


def read_xmp(data: bytes) -> bytes | None:
    """The XMP packet; None where there is none that can be read."""
    return _metadata(data, b"xml ")


def with_metadata(written: bytes, exif: bytes | None, xmp: bytes | None) -> bytes:
    """A written file, bare or in a container, with these beside its picture and nothing else.

    libvips (8.16) puts an EXIF block of its own into every file.
    """
    contents = [(b"jxll", written[box.start : box.end]) for box in _boxes(written) if box.kind == b"jxll"]
    if exif:
        contents.append((b"Exif", b"\0\0\0\0" + exif))
    if xmp:
        contents.append((b"xml ", xmp))
    if not contents:
        return codestream(written)
    contents.append((b"jxlc", codestream(written)))
    return CONTAINER + _FILE_TYPE + b"".join(_box(kind, payload) for kind, payload in contents)


def _boxes(data: bytes) -> Iterator[Box]:
    return boxes(data) if data.startswith(CONTAINER) else iter(())


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def _metadata(data: bytes, kind: bytes) -> bytes | None:
    """The first box of a kind, unpacked where it is packed; None where there is none, or it is damaged or a bomb."""
    for box in _boxes(data):
        if box.kind == kind:
            return data[box.start : box.end]
        if box.kind == b"brob" and data[box.start : box.start + 4] == kind:
            return _unpacked(data[box.start + 4 : box.end])
    return None


def _unpacked(packed: bytes) -> bytes | None:
    import brotli  # noqa: PLC0415  part of the optional extra

    unpacker = brotli.Decompressor()
    try:
        unpacked: bytes = unpacker.process(packed, output_buffer_limit=METADATA_MAX)
    except brotli.error:
        return None
    return unpacked if unpacker.is_finished() else None


class _Bits:
    """Numbers from a stream of bits, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> int:
        start, end = self._at, self._at + count
        if end > 8 * len(self._data):
            raise CorruptImage("The JPEG XL header is cut off.")
        self._at = end
        value = int.from_bytes(self._data[start // 8 : (end + 7) // 8], "little")
        return value >> start % 8 & (1 << count) - 1

    def flag(self) -> bool:
        return bool(self.take(1))

    def choose(self, ways: tuple[tuple[int, int], ...]) -> int:
        """A number in one of four ways: U32 of the standard."""
        added, count = ways[self.take(2)]
        return added + self.take(count)


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.flag()
    height = 8 * (bits.take(5) + 1) if small else bits.choose(_SIZES)
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        width = height * across // down
    else:
        width = 8 * (bits.take(5) + 1) if small else bits.choose(_SIZES)
    if not width:
        raise CorruptImage(f"The JPEG XL header says {width} x {height}.")
    return width, height


def _extra_fields(bits: _Bits) -> int:
    """The orientation. Raises for what else can stand here and would be lost."""
    orientation = bits.take(3) + 1
    if bits.flag():
        raise UnsupportedFormat("The JPEG XL file is to be shown at another size than its own, which is not read here.")
    if bits.flag():
        raise UnsupportedFormat("The JPEG XL file holds a preview, which is not read here.")
    if bits.flag():
        raise AnimatedImage("The JPEG XL file is an animation; expected 1 frame.")
    return orientation


def _depth(bits: _Bits, of: str) -> Literal[8, 16]:
    if bits.flag():
        raise UnsupportedFormat(f"The JPEG XL file has {of} in floating point; expected integers of 8 or 16 bits.")
    depth = bits.choose(_DEPTHS)
    if depth == 8:
        return 8
    if depth == 16:
        return 16
    raise UnsupportedFormat(f"The JPEG XL file has {of} of {depth} bits; expected 8 or 16.")


def _has_alpha(bits: _Bits, depth: int) -> bool:
    """Whether there is an alpha channel. Raises for any other channel beside the colours."""
    count = bits.choose(((0, 0), (1, 0), (2, 4), (1, 12)))
    if count == 0:
        return False
    if count > 1:
        raise UnsupportedFormat(f"The JPEG XL file has {count} channels beside its colours; expected alpha at most.")
    kind, own_depth, shift, premultiplied = 0, 8, 0, False
    if not bits.flag():  # not all as usual
        kind = bits.choose(_ENUM)
        own_depth = _depth(bits, "alpha" if kind == 0 else "a channel")
        shift = bits.choose(((0, 0), (3, 0), (4, 0), (1, 3)))
        for _ in range(bits.choose(((0, 0), (0, 4), (16, 5), (48, 10)))):
            bits.take(8)  # its name
        premultiplied = kind == 0 and bits.flag()
    if kind != 0 or premultiplied or shift or own_depth != depth:
        what = f"a channel of type {kind}" if kind else "premultiplied alpha" if premultiplied else "coarser alpha"
        raise UnsupportedFormat(f"The JPEG XL file has {what}; expected plain alpha of its colours' depth, or none.")
    return True


def _colour(bits: _Bits) -> tuple[bool, Literal["srgb", "named", "icc"]]:
    """Whether it is gray, and how the colours are told."""
    if bits.flag():
        return False, "srgb"
    has_profile, space = bits.flag(), bits.choose(_ENUM)
    if space not in {_RGB, _GRAY}:
        raise UnsupportedFormat(f"The JPEG XL file is in colour space {space}; expected RGB or gray.")
    gray = space == _GRAY
    if has_profile:
        return gray, "icc"
    white = _enum_or_points(bits, 1)
    primaries = _SRGB_PRIMARIES if gray else _enum_or_points(bits, 3)
    if bits.flag():  # a power
        bits.take(24)
        return gray, "named"
    curve = bits.choose(_ENUM)
    if curve in {_PQ, _HLG}:
        raise UnsupportedFormat("The JPEG XL file is HDR (PQ or HLG), which is not read here.")
    usual = (white, primaries, curve) == (_D65, _SRGB_PRIMARIES, _SRGB_CURVE)
    return gray, "srgb" if usual else "named"


def _enum_or_points(bits: _Bits, points: int) -> int:
    """A named white or set of primaries; those of one's own are so many points, which are passed over."""
    named = bits.choose(_ENUM)
    for _ in range(2 * points if named == _CUSTOM else 0):
        bits.choose(_COORDINATE)
    return named
