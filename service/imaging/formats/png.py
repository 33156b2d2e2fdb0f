"""PNG (third edition, W3C 2025): chunks, header, samples.

Pillow and OpenCV decode; the writer is ours, because theirs know neither gray+alpha at 16 bits nor 2-bit gray, drop
chunks they do not understand, and need twice the time. A file written back keeps the chunks beside the samples, byte
for byte, but for those that still show the text, and those that say of themselves that they may be wrong now.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from service.errors import CorruptImage
from service.imaging.exif import orientation_of, without_preview
from service.imaging.formats.png_text import KINDS, Texts
from service.imaging.formats.rasters import decode_deep, decode_with_pillow, foreign_errors
from service.imaging.headers import Header, Layout
from service.imaging.palettes import Palette
from service.imaging.stored import Metadata, Samples, Stored, cicp_of

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LAYOUTS: dict[int, tuple[Layout, tuple[int, ...]]] = {  # colour type -> layout, allowed depths (table 8)
    0: ("gray", (1, 2, 4, 8, 16)),
    2: ("RGB", (8, 16)),
    3: ("palette", (1, 2, 4, 8)),
    4: ("gray+alpha", (8, 16)),
    6: ("RGBA", (8, 16)),
}
_PILLOW_MODES = {
    "bilevel": {"1"},
    "gray": {"L"},
    "gray+alpha": {"LA"},
    "RGB": {"RGB"},
    "RGBA": {"RGBA"},
    "palette": {"P"},
}
_COLOUR_TYPES = {"bilevel": 0, "gray": 0, "RGB": 2, "palette": 3, "gray+alpha": 4, "RGBA": 6}
_ONCE = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"bKGD", b"eXIf", b"pHYs"}
    | {b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI"}
)
"""Chunks of which the first is taken; IDAT becomes one. The others may stand as often as they like."""
_KNOWN = _ONCE | {b"IEND", b"sPLT", b"sCAL", b"pCAL", b"sTER"}
"""Chunks that stay true when the picture changes, or are changed with it, though their names say by a capital letter in
the fourth place that only one who knows them may copy them then (PNG, 5.4). Others of such names are indexes into the
data that were (Apple's iDOT), histograms, times, animations, or the picture once more (Fireworks' prVW)."""
_MAX_CHUNKS = 65_536
_MAX_PROFILE_BYTES = 8_000_000
_SRGB_GAMMA, _GAMMA_ROUNDED = 45_455, 100
"""What gAMA says for sRGB, and how far writers are off it."""
_SRGB_CHROMATICITIES = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
QUICK, SMALL = 1, 3
"""zlib levels: for masks and for pictures. Level 6 takes twice the time of level 3 for 4 % fewer bytes."""
_BAND_BYTES = 1 << 20
"""Rows are filtered and compressed so many bytes at a time: a whole picture would be copied five times."""


@dataclass(frozen=True)
class Chunk:
    """One chunk: its four-letter type and where its payload lies."""

    type: bytes
    start: int
    end: int


def read_header(data: bytes) -> Header:
    """Read size, mode, orientation and frame count; nothing is decompressed. Raises CorruptImage."""
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise CorruptImage("The PNG file does not begin with its header.")
    if zlib.crc32(data[12:29]) != struct.unpack_from(">I", data, 29)[0]:
        raise CorruptImage("The checksum of the PNG header is wrong.")
    width, height, bits, colour_type, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    layout, depths = _LAYOUTS.get(colour_type, ("gray", ()))
    if not width or not height or bits not in depths or interlace > 1:
        raise CorruptImage(f"The PNG header says {width} x {height}, colour type {colour_type}, {bits} bits.")
    if bits == 1 and layout == "gray":
        layout = "bilevel"
    exif, frames = None, 1
    for chunk in _chunks(data):
        if chunk.type == b"eXIf" and exif is None:
            exif = data[chunk.start : chunk.end]
        elif chunk.type == b"acTL" and chunk.end - chunk.start >= 4:
            frames = max(1, struct.unpack_from(">I", data, chunk.start)[0])
    orientation = orientation_of(exif)
    if orientation >= 5:
        width, height = height, width
    return Header("png", width, height, layout, bits, orientation, frames)


def read(data: bytes, header: Header) -> Stored:
    """Decode the samples at native depth. Raises CorruptImage where a checksum is wrong or the data ends early."""
    parts: dict[bytes, bytes] = {}
    essential = [_SIGNATURE]
    for chunk in _chunks(data):
        if chunk.type in {b"IHDR", b"PLTE", b"IDAT", b"IEND"}:
            if zlib.crc32(data[chunk.start - 4 : chunk.end]) != struct.unpack_from(">I", data, chunk.end)[0]:
                raise CorruptImage(f"The checksum of a PNG chunk ({chunk.type.decode()}) is wrong.")
            # The decoder sees these alone: no profile or text can make it work, warn or allocate.
            essential.append(data[chunk.start - 8 : chunk.end + 4])
        if chunk.type in {b"PLTE", b"tRNS", b"iCCP", b"bKGD"}:
            parts.setdefault(chunk.type, data[chunk.start : chunk.end])
    bare = b"".join(essential)
    with foreign_errors("PNG"):
        if header.bits == 16:
            samples = decode_deep(bare, header)
        else:
            _, samples = decode_with_pillow(bare, "PNG", header, _PILLOW_MODES[header.layout])
    return Stored(
        _native(samples, header),
        header.layout,
        header.bits,
        palette=_palette(parts) if header.layout == "palette" else None,
        colour_key=_colour_key(parts.get(b"tRNS"), header),
        icc=_profile(parts.get(b"iCCP")),
    )


def read_metadata(data: bytes) -> Metadata:
    """Collect what a conversion carries over: profile, EXIF, XMP, resolution."""
    found: dict[bytes, bytes] = {}
    texts, xmp = Texts(), None
    for chunk in _chunks(data):
        if chunk.type in {b"iCCP", b"eXIf", b"pHYs", b"sRGB", b"cICP", b"gAMA", b"cHRM"}:
            found.setdefault(chunk.type, data[chunk.start : chunk.end])
        elif chunk.type == b"iTXt" and xmp is None:
            xmp = texts.xmp(chunk.type, data[chunk.start : chunk.end])
    resolution = _resolution(found.get(b"pHYs", b""))
    return _with_colour(Metadata(_profile(found.get(b"iCCP")), found.get(b"eXIf"), xmp, resolution), found)


def rewrite(data: bytes, stored: Stored) -> bytes:
    """Put the samples into the file they came from; every other chunk that is still true stays, in place.

    It stays byte for byte, but for the pictures in it, which would still show what was erased.
    """
    written: list[bytes] = [_SIGNATURE]
    texts, seen = Texts(), set[bytes]()
    for chunk in _chunks(data):
        if (chunk.type in _ONCE and chunk.type in seen) or not _is_still_true(chunk.type):
            continue
        seen.add(chunk.type)
        payload = _changed(chunk.type, data[chunk.start : chunk.end], stored, texts)
        if payload is not None:
            written.append(_chunk(chunk.type, payload))
    return b"".join(written)


def _is_still_true(kind: bytes) -> bool:
    """Whether a chunk may be copied beside a picture that changed."""
    return kind in _KNOWN or kind[3:4].islower()


def _changed(kind: bytes, payload: bytes, stored: Stored, texts: Texts) -> bytes | None:
    """What a chunk says of the samples as they are now; None where it is to go."""
    if kind == b"IHDR":
        return payload[:12] + b"\0"  # not interlaced
    if kind == b"IDAT":
        return b"".join(_compress(stored, SMALL))
    if kind == b"PLTE" and stored.palette is not None:
        return stored.palette.colours.tobytes()
    if kind == b"tRNS" and stored.palette is not None and stored.palette.alpha is not None:
        return _opacity(stored.palette, at_least=len(payload))
    if kind == b"eXIf":
        return without_preview(payload)
    return texts.without_pictures(kind, payload) if kind in KINDS else payload


def write(stored: Stored, metadata: Metadata, *, level: int = SMALL) -> bytes:
    """Write a new file: samples at native depth, with the profile, EXIF, XMP and resolution where known."""
    return b"".join(pieces(stored, metadata, level=level))


def pieces(stored: Stored, metadata: Metadata, *, level: int = SMALL) -> Iterator[bytes]:
    """What `write` writes, bit by bit, for who would hold no second copy of it."""
    height, width = stored.samples.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, stored.bits, _COLOUR_TYPES[stored.layout], 0, 0, 0)
    yield _SIGNATURE
    yield _chunk(b"IHDR", head)
    for kind, colour in ((b"cICP", metadata.cicp), (b"gAMA", metadata.gamma), (b"cHRM", metadata.chromaticities)):
        if colour:
            yield _chunk(kind, colour)
    if metadata.icc:
        yield _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc))
    if metadata.dpi:
        per_metre = [min(max(round(value / 0.0254), 1), 2**31 - 1) for value in metadata.dpi]
        yield _chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))
    if metadata.exif:
        yield _chunk(b"eXIf", metadata.exif)
    if metadata.xmp:
        yield _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    if stored.palette is not None:
        yield _chunk(b"PLTE", stored.palette.colours.tobytes())
        if stored.palette.alpha is not None:
            yield _chunk(b"tRNS", _opacity(stored.palette, at_least=1))
    if stored.colour_key is not None:
        yield _chunk(b"tRNS", struct.pack(f">{len(stored.colour_key)}H", *stored.colour_key))
    for data in _compress(stored, level):
        yield _chunk(b"IDAT", data)
    yield _chunk(b"IEND", b"")


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Every chunk up to the end of the picture.

    Raises CorruptImage where the file ends before that, and for a second header: the decoders would obey the last.
    """
    at = 8
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(data):
            raise CorruptImage("The PNG file is cut off.")
        length = int.from_bytes(data[at : at + 4], "big")
        chunk = Chunk(data[at + 4 : at + 8], at + 8, at + 8 + length)
        if chunk.end + 4 > len(data):
            raise CorruptImage("The PNG file is cut off.")
        if chunk.type == b"IHDR" and at != 8:
            raise CorruptImage("The PNG file has a second header.")
        yield chunk
        if chunk.type == b"IEND":
            return
        at = chunk.end + 4
    raise CorruptImage(f"The PNG file has more than {_MAX_CHUNKS} chunks.")


def _chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(payload, zlib.crc32(kind))
    return b"".join([struct.pack(">I", len(payload)), kind, payload, struct.pack(">I", checksum)])


def _native(samples: Samples, header: Header) -> Samples:
    """Undo what the decoders did to narrow or paired samples, and check the shape."""
    height, width = (header.width, header.height) if header.orientation >= 5 else (header.height, header.width)
    channels = {"gray+alpha": 2, "RGB": 3, "RGBA": 4}.get(header.layout)
    if header.layout == "gray+alpha" and samples.ndim == 3 and samples.shape[2] == 4:  # OpenCV repeats the gray
        samples = np.ascontiguousarray(samples[..., [0, 3]])
    if samples.shape != ((height, width) if channels is None else (height, width, channels)):
        raise CorruptImage(f"The PNG data decode to {samples.shape}, not to {height} x {width} {header.mode}.")
    if header.bits in {2, 4} and header.layout == "gray":
        return (samples // np.uint8(255 // (2**header.bits - 1))).astype(np.uint8)
    return samples


def _palette(parts: dict[bytes, bytes]) -> Palette:
    raw = parts.get(b"PLTE", b"")
    if not raw or len(raw) % 3 or len(raw) > 768:
        raise CorruptImage(f"The PNG palette has {len(raw)} bytes; expected 3 to 768, a multiple of 3.")
    colours = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    named = frozenset(parts.get(b"bKGD", b"")[:1])
    if b"tRNS" not in parts:
        return Palette(colours, named=named)
    alpha = np.full(len(colours), 255, np.uint8)
    given = np.frombuffer(parts[b"tRNS"], np.uint8)[: len(colours)]
    alpha[: len(given)] = given
    return Palette(colours, alpha, named)


def _opacity(palette: Palette, *, at_least: int) -> bytes:
    """The tRNS payload: as short as it was, unless entries after it need a value of their own."""
    assert palette.alpha is not None
    translucent = np.flatnonzero(palette.alpha != 255)
    needed = int(translucent[-1]) + 1 if len(translucent) else 1
    return palette.alpha[: max(needed, min(at_least, len(palette.alpha)))].tobytes()


def _colour_key(raw: bytes | None, header: Header) -> tuple[int, ...] | None:
    channels = {"bilevel": 1, "gray": 1, "RGB": 3}.get(header.layout)
    if raw is None or channels is None or len(raw) != 2 * channels:
        return None
    return tuple(value & (2**header.bits - 1) for value in struct.unpack(f">{channels}H", raw))


def _profile(payload: bytes | None) -> bytes | None:
    """The ICC profile of an iCCP chunk; None where it is damaged or unreasonably large."""
    if payload is None:
        return None
    name_end = payload.find(b"\0", 0, 81)
    if name_end < 1:
        return None
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(payload[name_end + 2 :], _MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if inflate.eof else None


def _resolution(payload: bytes) -> tuple[float, float] | None:
    """Pixels an inch, across and down, of a pHYs chunk; None where it says only a ratio."""
    if len(payload) != 9 or payload[8] != 1:
        return None
    across, down = struct.unpack_from(">II", payload)
    return across * 0.0254, down * 0.0254


def _with_colour(metadata: Metadata, found: dict[bytes, bytes]) -> Metadata:
    """What cICP says, else what gAMA and cHRM say where neither a profile nor sRGB overrides them (PNG, 4.3)."""
    coded, gamma, chromaticities = (found.get(kind) for kind in (b"cICP", b"gAMA", b"cHRM"))
    if coded is not None and len(coded) == 4:
        return replace(metadata, cicp=cicp_of(coded[0], coded[1]) and coded)
    if metadata.icc or b"sRGB" in found:
        return metadata
    if gamma is not None and (len(gamma) != 4 or abs(int.from_bytes(gamma, "big") - _SRGB_GAMMA) <= _GAMMA_ROUNDED):
        gamma = None
    if chromaticities is not None and (len(chromaticities) != 32 or chromaticities == _SRGB_CHROMATICITIES):
        chromaticities = None
    return replace(metadata, gamma=gamma, chromaticities=chromaticities)


def _compress(stored: Stored, level: int) -> Iterator[bytes]:
    """The samples as IDAT payloads: each row by the filter that leaves the smallest sum (PNG, 12.7), then zlib."""
    samples, bits = stored.samples, stored.bits
    channels = samples.shape[2] if samples.ndim == 3 else 1
    rows_at_once = max(1, _BAND_BYTES // (samples.shape[1] * channels * samples.itemsize))
    # Filters harm indexes and packed bits.
    step = bits // 8 * channels if bits >= 8 and stored.layout != "palette" else None
    above: npt.NDArray[np.uint8] | None = None
    deflate = zlib.compressobj(level)
    for start in range(0, len(samples), rows_at_once):
        rows = _packed_rows(samples[start : start + rows_at_once], bits)
        above = np.zeros_like(rows[:1]) if above is None else above
        if data := deflate.compress(_filtered(rows, above, step).data):
            yield data
        above = rows[-1:].copy()
    yield deflate.flush()


def _filtered(rows: npt.NDArray[np.uint8], above: npt.NDArray[np.uint8], step: int | None) -> npt.NDArray[np.uint8]:
    """`rows`, each behind the number of its filter; `above` is the row before them, `step` the bytes of a pixel."""
    lines = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    lines[:, 0], lines[:, 1:] = 0, rows
    if step is None:
        return lines
    left, up = rows.copy(), rows.copy()
    left[:, step:] -= rows[:, :-step]
    up[0] -= above[0]
    up[1:] -= rows[:-1]
    candidates = (rows, left, up)  # filter types 0, 1 and 2; Paeth costs six times as much and saves 2 %
    best = np.stack([_size_guess(candidate) for candidate in candidates]).argmin(axis=0)
    for kind in (1, 2):
        chosen = best == kind
        lines[chosen, 0], lines[chosen, 1:] = kind, candidates[kind][chosen]
    return lines


def _packed_rows(samples: Samples, bits: int) -> npt.NDArray[np.uint8]:
    """`(H, bytes a row)` uint8: 16 bits big-endian, fewer than 8 bits packed from the left."""
    height = samples.shape[0]
    if bits == 16:
        return samples.astype(">u2").view(np.uint8).reshape(height, -1)
    if bits == 8:
        return np.ascontiguousarray(samples.astype(np.uint8, copy=False)).reshape(height, -1)
    per_byte = 8 // bits
    padded = np.pad(samples.astype(np.uint8), ((0, 0), (0, -samples.shape[1] % per_byte)))
    packed = np.zeros((height, padded.shape[1] // per_byte), np.uint8)
    for place in range(per_byte):
        packed |= padded[:, place::per_byte] << np.uint8(8 - bits * (place + 1))
    return packed


def _size_guess(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Sum of the bytes of each row, taken as signed distances from 0."""
    distances = np.minimum(rows, np.negative(rows))
    return np.asarray(cv2.reduce(distances, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0], np.int32)
