"""Read, patch and write directories of a TIFF structure: EXIF blocks and TIFF files share it (TIFF 6.0, section 2).

Only what the codec needs, on bytes that may be hostile: nothing here raises on damaged input, and directories are
written little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np

ORIENTATION = 274
_PREVIEW_AT, _PREVIEW_LENGTH = 513, 514
EXIF_DIRECTORY, GPS_DIRECTORY, _INTEROPERABILITY = 34665, 34853, 40965
_SUBDIRECTORIES = {EXIF_DIRECTORY, GPS_DIRECTORY, _INTEROPERABILITY}
_UNIT_SIZES = {3: 2, 8: 2, 4: 4, 9: 4, 13: 4, 11: 4, 5: 4, 10: 4, 12: 8}
"""Width of the units that byte order applies to; a rational is two of four bytes."""
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I"}
"""The types of unsigned integers, and the letters that `struct` has for them."""
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_MAX_ENTRIES = 1000
Order = Literal["<", ">"]
"""Of bytes: Intel's or Motorola's, as `struct` writes it."""


@dataclass(frozen=True)
class Entry:
    """One directory entry: where its values lie, and of what type they are."""

    type: int
    count: int
    offset: int


@dataclass(frozen=True)
class Directory:
    """One image file directory (TIFF 6.0, section 2)."""

    order: Order
    entries: dict[int, Entry]
    next_at: int
    """Offset of the field that points to the next directory."""
    next_offset: int
    """Offset of the next directory; 0 = none."""
    repeated: frozenset[int] = frozenset()
    """Tags that stand more than once; of each, `entries` has the first."""

    def integers(self, data: bytes, tag: int) -> tuple[int, ...]:
        """The unsigned integer values of `tag`; empty where it is absent, of another type or cut off."""
        entry = self.entries.get(tag)
        if entry is None or entry.type not in _INTEGERS or entry.count > 65536:
            return ()
        raw = data[entry.offset : entry.offset + entry.count * _TYPE_SIZES[entry.type]]
        if len(raw) < entry.count * _TYPE_SIZES[entry.type]:
            return ()
        return struct.unpack(f"{self.order}{entry.count}{_INTEGERS[entry.type]}", raw)

    def integer(self, data: bytes, tag: int, default: int) -> int:
        """The first value of `tag`, or `default`."""
        values = self.integers(data, tag)
        return values[0] if values else default


def first_directory(data: bytes) -> Directory | None:
    """The first directory of a TIFF structure; None where there is none that can be read."""
    start = _start(data)
    return directory_at(data, *start) if start else None


def count_directories(data: bytes, *, at_most: int) -> int:
    """How many directories follow one another in a TIFF structure; one that leads back to another is counted once.

    Their entries are not looked at: there may be a thousand in each.
    """
    start = _start(data)
    if start is None:
        return 0
    (offset, order), seen = start, set[int]()
    while offset not in seen and len(seen) < at_most:
        count = _count_entries(data, offset, order)
        if count is None:
            break
        seen.add(offset)
        offset = _next_offset(data, offset + 2 + 12 * count, order)
    return len(seen)


def directory_at(data: bytes, offset: int, order: Order) -> Directory | None:
    """The directory at `offset`; None where it is cut off or absurd."""
    count = _count_entries(data, offset, order)
    if count is None:
        return None
    entries: dict[int, Entry] = {}
    seen, repeated = set[int](), set[int]()
    for index in range(count):
        at = offset + 2 + 12 * index
        tag, kind, values, where = struct.unpack_from(f"{order}HHII", data, at)
        size = _TYPE_SIZES.get(kind)
        if tag in seen:
            repeated.add(tag)
        elif size is not None:
            entries[tag] = Entry(kind, values, at + 8 if size * values <= 4 else where)
        seen.add(tag)
    next_at = offset + 2 + 12 * count
    return Directory(order, entries, next_at, _next_offset(data, next_at, order), frozenset(repeated))


def _start(data: bytes) -> tuple[int, Order] | None:
    """Where the first directory lies, and the byte order; None where this is no TIFF structure."""
    orders: dict[bytes, Order] = {b"II*\0": "<", b"MM\0*": ">"}
    order = orders.get(data[:4])
    if order is None or len(data) < 8:
        return None
    return struct.unpack_from(f"{order}I", data, 4)[0], order


def _count_entries(data: bytes, offset: int, order: Order) -> int | None:
    """How many entries the directory at `offset` has; None where it is cut off or absurd."""
    if offset < 8 or offset + 2 > len(data):
        return None
    count: int = struct.unpack_from(f"{order}H", data, offset)[0]
    return count if 0 < count <= _MAX_ENTRIES and offset + 2 + 12 * count <= len(data) else None


def _next_offset(data: bytes, next_at: int, order: Order) -> int:
    """Where the next directory lies; 0 = none."""
    return struct.unpack_from(f"{order}I", data, next_at)[0] if next_at + 4 <= len(data) else 0


def orientation_of(exif: bytes | None) -> int:
    """The EXIF orientation, 1 to 8; 1 where it is absent or nonsense."""
    directory = first_directory(exif) if exif else None
    value = directory.integer(exif or b"", ORIENTATION, 1) if directory else 1
    return value if 1 <= value <= 8 else 1


def with_orientation(exif: bytes, orientation: int) -> bytes:
    """The same block with its orientation set, if it has one; every other byte is kept."""
    directory = first_directory(exif)
    if directory is None or not directory.integers(exif, ORIENTATION):
        return exif
    entry = directory.entries[ORIENTATION]
    patched = bytearray(exif)  # some writers store it as another integer than EXIF's SHORT, and readers obey it
    struct.pack_into(f"{directory.order}{_INTEGERS[entry.type]}", patched, entry.offset, orientation)
    return bytes(patched)


def without_preview(exif: bytes) -> bytes:
    """The same block, byte for byte, without its preview picture: that would still show what was erased."""
    first = first_directory(exif)
    second = directory_at(exif, first.next_offset, first.order) if first and first.next_offset else None
    if first is None or second is None:
        return exif
    patched = bytearray(exif)
    patched[first.next_at : first.next_at + 4] = b"\0\0\0\0"
    start, length = second.integer(exif, _PREVIEW_AT, 0), second.integer(exif, _PREVIEW_LENGTH, 0)
    if exif[start : start + 2] == b"\xff\xd8":  # a JPEG file in the file
        end = min(start + length, len(exif))
        patched[start:end] = b"\0" * (end - start)
    return bytes(patched)


@dataclass(frozen=True)
class Field:
    """One tag with its value, free of any file: little-endian bytes, or a directory of its own."""

    type: int
    count: int
    value: bytes
    below: dict[int, Field] | None = None


def value_bytes(data: bytes, entry: Entry) -> bytes | None:
    """The value as it stands in the file; None where it is cut off."""
    if not _is_whole(data, entry):
        return None
    return data[entry.offset : entry.offset + entry.count * _TYPE_SIZES[entry.type]]


def _is_whole(data: bytes, entry: Entry) -> bool:
    return entry.offset + entry.count * _TYPE_SIZES[entry.type] <= len(data)


def fields_of(data: bytes, directory: Directory, *, depth: int = 0) -> dict[int, Field]:
    """Every field of a directory, with the EXIF, GPS and interoperability directories below it.

    Each field gets a copy of its value: see `count_value_bytes`.
    """
    fields = {}
    for tag, entry in directory.entries.items():
        raw = value_bytes(data, entry) if tag not in _SUBDIRECTORIES else None
        if raw is not None:
            fields[tag] = Field(entry.type, entry.count, raw if directory.order == "<" else _swapped(raw, entry.type))
    for tag, below in _directories_below(data, directory, depth):
        fields[tag] = Field(4, 1, b"", fields_of(data, below, depth=depth + 1))
    return fields


def count_value_bytes(data: bytes, directory: Directory, *, depth: int = 0) -> int:
    """How many bytes `fields_of` would copy: more than the file has only where values lie over one another."""
    own = (
        entry.count * _TYPE_SIZES[entry.type]
        for tag, entry in directory.entries.items()
        if tag not in _SUBDIRECTORIES and _is_whole(data, entry)
    )
    below = _directories_below(data, directory, depth)
    return sum(own) + sum(count_value_bytes(data, inner, depth=depth + 1) for _, inner in below)


def _directories_below(data: bytes, directory: Directory, depth: int) -> list[tuple[int, Directory]]:
    """The directories that a directory's fields point to, by their tags; deeper than two levels nobody has any."""
    if depth >= 2:
        return []
    found = ((tag, directory_at(data, directory.integer(data, tag, 0), directory.order)) for tag in _SUBDIRECTORIES)
    return [(tag, below) for tag, below in found if below is not None]


def directory_bytes(fields: dict[int, Field], offset: int) -> bytes:
    """A directory with its values after it, for the place `offset` (even) in a little-endian file."""
    head_size = 2 + 12 * len(fields) + 4
    head, values = [struct.pack("<H", len(fields))], bytearray()
    for tag, field in sorted(fields.items()):
        place = offset + head_size + len(values)
        if field.below is not None:
            raw = directory_bytes(field.below, place)
            head.append(struct.pack("<HHII", tag, 4, 1, place))
        elif len(field.value) <= 4:
            raw = b""
            head.append(struct.pack("<HHI4s", tag, field.type, field.count, field.value))
        else:
            raw = field.value
            head.append(struct.pack("<HHII", tag, field.type, field.count, place))
        values += raw + b"\0" * (len(raw) % 2)
    return b"".join([*head, b"\0\0\0\0", bytes(values)])


def exif_block(fields: dict[int, Field]) -> bytes:
    """An EXIF block of its own that holds `fields`."""
    return b"II*\0" + struct.pack("<I", 8) + directory_bytes(fields, 8)


def resolution_block(dpi: tuple[float, float]) -> bytes:
    """An EXIF block that says nothing but the resolution."""
    across, down = (struct.pack("<II", min(max(round(value * 1000), 1), 2**32 - 1), 1000) for value in dpi)
    return exif_block({282: Field(5, 1, across), 283: Field(5, 1, down), 296: Field(3, 1, struct.pack("<H", 2))})


def _swapped(raw: bytes, kind: int) -> bytes:
    size = _UNIT_SIZES.get(kind, 1)
    return np.frombuffer(raw, f"u{size}").byteswap().tobytes() if size > 1 else raw
