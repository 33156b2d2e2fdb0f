"""Change some blocks of a baseline JPEG and keep the coefficients of all others, bit for bit.

A file is read here where it has one Huffman-coded scan of 8 bits (baseline or extended sequential) and whole-numbered
chroma sampling. For progressive files see `jpeg_progressive`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.imaging.formats.jpeg_entropy import (
    HuffmanTable,
    Tokens,
    ac_tokens,
    dc_differences,
    dc_tokens,
    huffman_tables,
    read_tokens,
    running_sums,
    unstuffed,
    write_tokens,
)
from service.imaging.formats.jpeg_frame import Frame, NotReadHere, Planes, is_index, read_frame
from service.imaging.formats.jpeg_segments import end_of_scan, segments

_SOF0, _SOF1, _DHT, _EOI, _SOS, _DQT, _DRI = 0xC0, 0xC1, 0xC4, 0xD9, 0xDA, 0xDB, 0xDD
_MAX_SCAN_BYTES = 3_000_000
"""Tokens of a longer scan would take more memory than a page is worth; it is encoded again."""

_BLOCKS_AT_ONCE = 4096


@dataclass(frozen=True)
class _File:
    """A file, taken apart around its one scan."""

    frame: Frame
    tables: tuple[tuple[HuffmanTable, HuffmanTable], ...]
    """The tables of each block of an MCU, for DC and AC."""
    restart_interval: int
    kept: tuple[bytes, ...]
    """Every segment before the scan but the Huffman tables and the restart interval."""
    table_numbers: dict[tuple[HuffmanTable, int], list[int]]
    """For each table, with 0 for DC and 1 for AC, the numbers under which the scan names it."""
    scan_header: bytes
    scan: bytes

    def assembled(self, scan: bytes, tables: dict[tuple[HuffmanTable, int], HuffmanTable]) -> bytes:
        """The whole file with another scan, and the Huffman tables that it uses."""
        defined = bytearray()
        for (table, which), numbers in self.table_numbers.items():
            used = tables[table, which]
            for number in numbers:
                defined += bytes([which << 4 | number, *used.counts]) + used.symbols
        huffman = b"\xff\xc4" + struct.pack(">H", 2 + len(defined)) + bytes(defined)
        return b"".join([b"\xff\xd8", *self.kept, huffman, self.scan_header, scan, b"\xff\xd9"])


def replace_blocks(data: bytes, planes: Planes, changed: npt.NDArray[np.bool_]) -> bytes | None:
    """Encode the blocks that hold a changed pixel anew; every other coefficient stays as it is.

    `planes` are the file's components at full resolution, `(H, W)` uint8 in stored order and in the file's own colour
    space; `changed` is `(H, W)`. Returns a whole file; None where the file is not one that is read here.
    """
    try:
        file = _taken_apart(data)
        frame = file.frame
        if len(planes) != len(frame.components) or len(file.scan) > _MAX_SCAN_BYTES:
            return None
        entropy, starts = unstuffed(file.scan)
        total = frame.mcus[0] * frame.mcus[1]
        interval = file.restart_interval or total
        mcus_in = [min(interval, total - first) for first in range(0, total, interval)]
        if len(mcus_in) != len(starts):
            return None
        dc, ac = read_tokens(entropy, starts, mcus_in, file.tables)
        scan, tables = write_tokens(*_replaced(file, dc, ac, planes, changed), file.tables)
    except NotReadHere:
        return None
    return file.assembled(scan, tables)


def _replaced(
    file: _File, dc: Tokens, ac: Tokens, planes: Planes, changed: npt.NDArray[np.bool_]
) -> tuple[Tokens, Tokens]:
    """The tokens of the file with those of the changed blocks exchanged, and the DC differences told anew."""
    frame = file.frame
    differences = dc_differences(dc)
    per_mcu = len(frame.blocks_in_mcu)
    exchanged = np.zeros(len(dc.block), np.bool_)
    written = [ac]
    for index, numbers in frame.order(range(len(frame.components)))[1].items():
        touched = frame.touched(index, changed)
        coefficients = frame.coefficients(index, planes[index], touched)
        order = np.sort(numbers, axis=None)
        absolute = np.empty(len(dc.block), np.int64)
        absolute[order] = running_sums(differences[order], order // per_mcu, file.restart_interval)
        absolute[numbers[touched]] = coefficients[:, 0]
        differences[order] = np.diff(absolute[order], prepend=0)
        exchanged[numbers[touched]] = True
        own = numbers[touched]
        for start in range(0, len(own), _BLOCKS_AT_ONCE):
            some = np.s_[start : start + _BLOCKS_AT_ONCE]
            written.append(ac_tokens(coefficients[some].astype(np.int64), own[some]))
    keep = ~exchanged[ac.block]
    written[0] = Tokens(ac.block[keep], ac.symbol[keep], ac.extra[keep])
    return dc_tokens(differences), Tokens(
        np.concatenate([tokens.block for tokens in written]),
        np.concatenate([tokens.symbol for tokens in written]),
        np.concatenate([tokens.extra for tokens in written]),
    )


def _taken_apart(data: bytes) -> _File:
    """Parse everything up to the scan, and find its end. Raises NotReadHere."""
    parts: dict[int, list[bytes]] = {}
    kept: list[bytes] = []
    scan_start = 0
    for segment in segments(data):
        payload = data[segment.payload : segment.end]
        parts.setdefault(segment.marker, []).append(payload)
        scan_start = segment.end
        if segment.marker not in {_DHT, _DRI, _SOS} and not is_index(segment.marker, payload):
            kept.append(b"\xff" + data[segment.payload - 3 : segment.end])
    headers = parts.get(_SOF0, []) + parts.get(_SOF1, [])
    if len(headers) != 1:
        raise NotReadHere
    frame = read_frame(headers[0], parts.get(_DQT, []))
    scan_header = parts[_SOS][0]
    tables, numbers = _tables(frame, scan_header, parts.get(_DHT, []))
    interval = int.from_bytes(parts[_DRI][-1][:2], "big") if _DRI in parts else 0
    scan_end, marker = end_of_scan(data, scan_start)
    if marker != _EOI:
        raise NotReadHere  # more scans, or no end
    header = b"\xff\xda" + struct.pack(">H", 2 + len(scan_header)) + scan_header
    return _File(frame, tables, interval, tuple(kept), numbers, header, data[scan_start:scan_end])


def _tables(
    frame: Frame, scan_header: bytes, definitions: list[bytes]
) -> tuple[tuple[tuple[HuffmanTable, HuffmanTable], ...], dict[tuple[HuffmanTable, int], list[int]]]:
    """The Huffman tables of each block of an MCU, and the numbers of each. Raises NotReadHere."""
    huffman = {key: table for payload in definitions for key, table in huffman_tables(payload).items()}
    count = len(frame.components)
    if len(scan_header) != 4 + 2 * count or scan_header[0] != count or scan_header[-3:] != b"\0\x3f\0":
        raise NotReadHere  # progressive, or a scan for each component
    pairs: list[tuple[HuffmanTable, HuffmanTable]] = []
    numbers: dict[tuple[HuffmanTable, int], list[int]] = {}
    for index, component in enumerate(frame.components):
        selected, pair = scan_header[1 + 2 * index : 3 + 2 * index]
        dc, ac = huffman.get((0, pair >> 4)), huffman.get((1, pair & 15))
        if selected != component.identity or dc is None or ac is None:
            raise NotReadHere
        pairs.append((dc, ac))
        for key, number in (((dc, 0), pair >> 4), ((ac, 1), pair & 15)):
            if number not in numbers.setdefault(key, []):
                numbers[key].append(number)
    return tuple(pairs[index] for index in frame.blocks_in_mcu), numbers
