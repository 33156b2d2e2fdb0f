"""The boxes of an ISO base media file, which AVIF, HEIC and JPEG XL stand in (ISO/IEC 14496-12, 23008-12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_MAX_BOXES = 1024
_FULL = {b"meta": 4}
"""Boxes with a version and flags before what they hold."""


@dataclass(frozen=True)
class Box:
    """One box: its type, and where its content lies."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes that stand one after the other in a stretch; ends where they make no sense any more."""
    stop = len(data) if end is None else min(end, len(data))
    at = start
    for _ in range(_MAX_BOXES):
        if at + 8 > stop:
            return
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:  # to the end
            size = stop - at
        if size < head or at + size > stop:
            return
        yield Box(data[at + 4 : at + 8], at + head, at + size)
        at += size


def properties(data: bytes) -> Iterator[Box]:
    """The properties of a HEIF file's pictures: size, coding, colour, turn."""
    inside = [Box(b"", 0, len(data))]
    for kind in (b"meta", b"iprp", b"ipco"):
        inside = [box for outer in inside[:1] for box in boxes(data, outer.start, outer.end) if box.kind == kind]
        inside = [Box(box.kind, box.start + _FULL.get(box.kind, 0), box.end) for box in inside]
    for box in inside[:1]:
        yield from boxes(data, box.start, box.end)
