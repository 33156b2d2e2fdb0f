"""Read and patch the first directory of a TIFF structure: EXIF blocks and TIFF files share it.

Only what the codec needs, on bytes that may be hostile: nothing here raises on damaged input.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

ORIENTATION = 274
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_MAX_ENTRIES = 1000


@dataclass(frozen=True)
class Entry:
    """One directory entry: where its values lie, and of what type they are."""

    type: int
    count: int
    offset: int


@dataclass(frozen=True)
class Directory:
    """One image file directory (TIFF 6.0, section 2)."""

    order: Literal["<", ">"]
    entries: dict[int, Entry]
    next_at: int
    """Offset of the field that points to the next directory."""
    next_offset: int
    """Offset of the next directory; 0 = none."""

    def integers(self, data: bytes, tag: int) -> tuple[int, ...]:
        """The unsigned integer values of `tag`; empty where it is absent, of another type or cut off."""
        entry = self.entries.get(tag)
        if entry is None or entry.type not in {1, 3, 4, 13} or entry.count > 65536:
            return ()
        code = {1: "B", 3: "H", 4: "I", 13: "I"}[entry.type]
        raw = data[entry.offset : entry.offset + entry.count * _TYPE_SIZES[entry.type]]
        if len(raw) < entry.count * _TYPE_SIZES[entry.type]:
            return ()
        return struct.unpack(f"{self.order}{entry.count}{code}", raw)

    def integer(self, data: bytes, tag: int, default: int) -> int:
        """The first value of `tag`, or `default`."""
        values = self.integers(data, tag)
        return values[0] if values else default


def first_directory(data: bytes) -> Directory | None:
    """The first directory of a TIFF structure; None where there is none that can be read."""
    if data[:4] == b"II*\0":
        order: Literal["<", ">"] = "<"
    elif data[:4] == b"MM\0*":
        order = ">"
    else:
        return None
    if len(data) < 8:
        return None
    return directory_at(data, struct.unpack_from(f"{order}I", data, 4)[0], order)


def directory_at(data: bytes, offset: int, order: Literal["<", ">"]) -> Directory | None:
    """The directory at `offset`; None where it is cut off or absurd."""
    if offset < 8 or offset + 2 > len(data):
        return None
    count = struct.unpack_from(f"{order}H", data, offset)[0]
    if not 0 < count <= _MAX_ENTRIES or offset + 2 + 12 * count > len(data):
        return None
    entries = {}
    for index in range(count):
        at = offset + 2 + 12 * index
        tag, kind, values, where = struct.unpack_from(f"{order}HHII", data, at)
        size = _TYPE_SIZES.get(kind)
        if size is not None:
            entries[tag] = Entry(kind, values, at + 8 if size * values <= 4 else where)
    next_at = offset + 2 + 12 * count
    next_offset = struct.unpack_from(f"{order}I", data, next_at)[0] if next_at + 4 <= len(data) else 0
    return Directory(order, entries, next_at, next_offset)


def orientation_of(exif: bytes | None) -> int:
    """The EXIF orientation, 1 to 8; 1 where it is absent or nonsense."""
    directory = first_directory(exif) if exif else None
    value = directory.integer(exif or b"", ORIENTATION, 1) if directory else 1
    return value if 1 <= value <= 8 else 1


def with_orientation(exif: bytes, orientation: int) -> bytes:
    """The same block with its orientation set, if it has one; every other byte is kept."""
    directory = first_directory(exif)
    entry = directory.entries.get(ORIENTATION) if directory else None
    if directory is None or entry is None or entry.type != 3 or entry.count != 1:
        return exif
    patched = bytearray(exif)
    struct.pack_into(f"{directory.order}H", patched, entry.offset, orientation)
    return bytes(patched)


def resolution_block(dpi: tuple[float, float]) -> bytes:
    """A small EXIF block that says nothing but the resolution: tags 282, 283 (rationals) and 296 (inch)."""
    across, down = (min(max(round(value * 1000), 1), 2**32 - 1) for value in dpi)
    entries = [(282, 5, 1, 50), (283, 5, 1, 58), (296, 3, 1, 2)]
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, 3) + packed + struct.pack("<I4I", 0, across, 1000, down, 1000)
