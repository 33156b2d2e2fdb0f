"""The marker segments of a JPEG file (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.errors import CorruptImage

_APP14, _COM, _SOS, _EOI, _TEM = 0xEE, 0xFE, 0xDA, 0xD9, 0x01
_MAX_SEGMENTS = 4096
_AFTER_A_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""A marker that is no restart and no stuffed byte. Of the fill bytes before it only the last is part of it: with all of
them (`\\xff+`) each byte of a long run would be tried as the first one, in time that grows with its square."""
_FILL = re.compile(rb"\xff*")


@dataclass(frozen=True)
class Segment:
    """One marker segment: its marker byte, where it starts (at the FF) and where its payload lies."""

    marker: int
    start: int
    payload: int
    end: int


def segments(data: bytes) -> Iterator[Segment]:
    """Every segment up to and with the first start of scan. Raises CorruptImage where the file ends before that."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        start, at = at, _end_of_fill(data, at)  # any number of fill bytes may stand before a marker (T.81, B.1.1.2)
        if at == start or at + 3 > len(data):
            raise CorruptImage("The JPEG file is cut off or damaged before its picture data.")
        marker = data[at]
        end = at + 1 + int.from_bytes(data[at + 1 : at + 3], "big")
        if end < at + 3 or end > len(data):
            raise CorruptImage("The JPEG file is cut off.")
        yield Segment(marker, at - 1, at + 3, end)
        if marker == _SOS:
            return
        at = end
    raise CorruptImage(f"The JPEG file has more than {_MAX_SEGMENTS} segments.")


def all_segments(data: bytes) -> Iterator[Segment]:
    """Every segment to the end of the picture, those between scans too; a scan's data follow its own segment.

    Raises CorruptImage where there is no scan at all, or too many segments; ends where the data do.
    """
    end = 0
    for segment in segments(data):
        end = segment.end
        yield segment
    for _ in range(_MAX_SEGMENTS):
        marker = _AFTER_A_SCAN.search(data, end)
        if marker is None or marker[0][-1] == _EOI:
            return
        start, payload = marker.end() - 2, marker.end() + 2
        end = marker.end()
        if marker[0][-1] == _TEM:  # stands alone
            continue
        end += int.from_bytes(data[end:payload], "big")
        if end < payload or end > len(data):
            return
        yield Segment(marker[0][-1], start, payload, end)
    raise CorruptImage(f"The JPEG file has more than {_MAX_SEGMENTS} segments.")


def end_of_scan(data: bytes, start: int) -> tuple[int, int | None]:
    """Where the data of a scan end that begin at `start`, and the marker that ends them: the next that is no restart.

    Without one they end with the file. Fill bytes before the marker are not part of them.
    """
    marker = _AFTER_A_SCAN.search(data, start)
    if marker is None:
        return len(data), None
    return start + len(without_fill(data[start : marker.start()])), marker[0][-1]


def without_fill(stretch: bytes) -> bytes:
    """A stretch of coded data before a marker, without its fill bytes: in the data a zero follows each FF."""
    return stretch.rstrip(b"\xff")


def _end_of_fill(data: bytes, start: int) -> int:
    fill = _FILL.match(data, start)
    assert fill is not None, "no byte at all is a match"
    return fill.end()


def is_side(marker: int) -> bool:
    """Whether a segment describes the picture; Adobe's colour transform (APP14) is part of how it is drawn."""
    return (0xE0 <= marker <= 0xEF and marker != _APP14) or marker == _COM
