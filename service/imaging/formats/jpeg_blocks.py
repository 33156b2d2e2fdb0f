"""Change some blocks of a baseline JPEG and keep the coefficients of all others, bit for bit.

A file is read here where it has one Huffman-coded scan of 8 bits (baseline or extended sequential) and whole-numbered
chroma sampling; progressive and arithmetic files are not, and are encoded again by the caller.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.formats.jpeg_entropy import (
    HuffmanTable,
    NotBaseline,
    Tokens,
    ac_tokens,
    dc_differences,
    dc_tokens,
    read_tokens,
    write_tokens,
)
from service.imaging.formats.jpeg_segments import segments

Planes = list[npt.NDArray[np.uint8]]
_SOF0, _SOF1, _DHT, _SOS, _DQT, _DRI = 0xC0, 0xC1, 0xC4, 0xDA, 0xDB, 0xDD
_MARKER = re.compile(rb"\xff+[^\x00\xff]", re.DOTALL)
_MAX_BLOCKS_IN_MCU = 10
_MAX_SCAN_BYTES = 3_000_000
"""Tokens of a longer scan would take more memory than a page is worth; it is encoded again."""
_ROWS = np.arange(8)
# T.81, A.3.3: the forward transform is D X D^T
_DCT = np.cos((2 * _ROWS[None, :] + 1) * _ROWS[:, None] * np.pi / 16) * np.where(_ROWS == 0, 0.5**0.5, 1.0)[:, None] / 2
_ZIGZAG = np.array(sorted(range(64), key=lambda at: (s := at // 8 + at % 8, at // 8 if s % 2 else at % 8)))


@dataclass(frozen=True)
class Component:
    """One colour component: sampling factors, quantisation table (zigzag order), Huffman tables."""

    across: int
    down: int
    steps: npt.NDArray[np.int64]
    tables: tuple[HuffmanTable, HuffmanTable]


@dataclass(frozen=True)
class Frame:
    """How the blocks of a file lie: MCU by MCU, and in it component by component (T.81, A.2)."""

    width: int
    height: int
    components: tuple[Component, ...]
    restart_interval: int

    @property
    def mcu_px(self) -> tuple[int, int]:
        """Width and height of an MCU, px."""
        return 8 * max(c.across for c in self.components), 8 * max(c.down for c in self.components)

    @property
    def mcus(self) -> tuple[int, int]:
        """MCUs in a row, and rows of them."""
        return -(-self.width // self.mcu_px[0]), -(-self.height // self.mcu_px[1])

    @property
    def tables(self) -> list[tuple[HuffmanTable, HuffmanTable]]:
        """The tables of each block of an MCU."""
        return [component.tables for component in self.components for _ in range(component.across * component.down)]

    def numbers(self, index: int) -> npt.NDArray[np.int64]:
        """`(rows, columns)`: the number in file order of each block of a component."""
        sizes = [component.across * component.down for component in self.components]
        across, down = self.components[index].across, self.components[index].down
        row, column = np.indices((self.mcus[1] * down, self.mcus[0] * across))
        mcu = row // down * self.mcus[0] + column // across
        return np.asarray(mcu * sum(sizes) + sum(sizes[:index]) + row % down * across + column % across, np.int64)


@dataclass(frozen=True)
class _File:
    """A file, taken apart around its one scan."""

    frame: Frame
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
        entropy, starts = _unstuffed(file.scan)
        total = frame.mcus[0] * frame.mcus[1]
        interval = frame.restart_interval or total
        mcus_in = [min(interval, total - first) for first in range(0, total, interval)]
        if len(mcus_in) != len(starts):
            return None
        dc, ac = read_tokens(entropy, starts, mcus_in, frame.tables)
        scan, tables = write_tokens(*_replaced(frame, dc, ac, planes, changed), frame.tables)
    except NotBaseline:
        return None
    return file.assembled(scan, tables)


def unreached(data: bytes, mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """`(H, W)`: the pixels that no change under `mask` (stored order) can reach.

    Blocks share their chroma within an MCU, and a decoder that smooths chroma looks one pixel further.
    """
    across, down = _taken_apart(data).frame.mcu_px
    height, width = mask.shape
    padded = np.pad(mask != 0, ((0, -height % down), (0, -width % across)))
    touched = padded.reshape(-1, down, padded.shape[1] // across, across).any(axis=(1, 3))
    reached = np.repeat(np.repeat(touched, down, axis=0), across, axis=1)[:height, :width].astype(np.uint8)
    return np.asarray(cv2.dilate(reached, np.ones((3, 3), np.uint8)) == 0, np.bool_)


def _replaced(
    frame: Frame, dc: Tokens, ac: Tokens, planes: Planes, changed: npt.NDArray[np.bool_]
) -> tuple[Tokens, Tokens]:
    """The tokens of the file with those of the changed blocks exchanged, and the DC differences told anew."""
    differences = dc_differences(dc)
    per_mcu = len(frame.tables)
    exchanged = np.zeros(len(dc.block), np.bool_)
    written = [ac]
    for index, component in enumerate(frame.components):
        numbers = frame.numbers(index)
        touched = _touched(frame, component, changed)
        coefficients = _coefficients(_blocks(frame, planes[index], touched), component.steps)
        order = np.sort(numbers, axis=None)
        absolute = np.empty(len(dc.block), np.int64)
        absolute[order] = _running_sums(differences[order], order // per_mcu, frame.restart_interval)
        absolute[numbers[touched]] = coefficients[:, 0]
        differences[order] = np.diff(absolute[order], prepend=0)
        exchanged[numbers[touched]] = True
        written.append(ac_tokens(coefficients, numbers[touched]))
    keep = ~exchanged[ac.block]
    written[0] = Tokens(ac.block[keep], ac.symbol[keep], ac.extra[keep])
    return dc_tokens(differences), Tokens(
        np.concatenate([tokens.block for tokens in written]),
        np.concatenate([tokens.symbol for tokens in written]),
        np.concatenate([tokens.extra for tokens in written]),
    )


def _running_sums(
    differences: npt.NDArray[np.int64], mcu: npt.NDArray[np.int64], interval: int
) -> npt.NDArray[np.int64]:
    """DC values from their differences; the sum starts again at each restart."""
    sums = np.cumsum(differences)
    if not interval:
        return sums
    segment = mcu // interval
    first = np.flatnonzero(np.r_[True, segment[1:] != segment[:-1]])
    return np.asarray(sums - np.r_[0, sums][first][segment], np.int64)


def _touched(frame: Frame, component: Component, changed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`(rows, columns)`: the blocks of a component with a changed pixel under them."""
    down, across = frame.mcu_px[1] // component.down, frame.mcu_px[0] // component.across
    rows, columns = frame.mcus[1] * component.down, frame.mcus[0] * component.across
    height, width = changed.shape
    padded = np.pad(changed, ((0, rows * down - height), (0, columns * across - width)))
    return np.asarray(padded.reshape(rows, down, columns, across).any(axis=(1, 3)), np.bool_)


def _blocks(frame: Frame, plane: npt.NDArray[np.uint8], touched: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """`(N, 8, 8)` samples of the touched blocks; the border goes on as it ends, chroma is averaged."""
    rows, columns = touched.shape
    height, width = frame.mcus[1] * frame.mcu_px[1], frame.mcus[0] * frame.mcu_px[0]
    bottom, right = height - plane.shape[0], width - plane.shape[1]
    whole = cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    if (rows * 8, columns * 8) != (height, width):
        whole = cv2.resize(whole, (columns * 8, rows * 8), interpolation=cv2.INTER_AREA)
    return np.asarray(whole.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)[touched], np.float64)


def _coefficients(blocks: npt.NDArray[np.float64], steps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`(N, 64)` quantised coefficients in zigzag order of `(N, 8, 8)` samples."""
    transformed = (_DCT @ (blocks - 128) @ _DCT.T).reshape(-1, 64)[:, _ZIGZAG]
    return np.clip(np.rint(transformed / steps), -1023, 1023).astype(np.int64)


def _taken_apart(data: bytes) -> _File:
    """Parse everything up to the scan, and find its end. Raises NotBaseline."""
    parts: dict[int, list[bytes]] = {}
    kept: list[bytes] = []
    scan_start = 0
    for segment in segments(data):
        payload = data[segment.payload : segment.end]
        parts.setdefault(segment.marker, []).append(payload)
        scan_start = segment.end
        is_index = segment.marker == 0xE2 and payload.startswith(b"MPF\0")  # of pictures after this one, not kept
        if segment.marker not in {_DHT, _DRI, _SOS} and not is_index:
            kept.append(b"\xff" + data[segment.payload - 3 : segment.end])
    headers = parts.get(_SOF0, []) + parts.get(_SOF1, [])
    if len(headers) != 1:
        raise NotBaseline
    scan_header = parts[_SOS][0]
    components, numbers = _components(headers[0], scan_header, parts)
    height, width = struct.unpack_from(">HH", headers[0], 1)
    interval = int.from_bytes(parts[_DRI][-1][:2], "big") if _DRI in parts else 0
    frame = Frame(width, height, components, interval)
    if any(frame.mcu_px[0] // 8 % c.across or frame.mcu_px[1] // 8 % c.down for c in components):
        raise NotBaseline  # chroma of which no whole number of pixels makes a sample
    if len(frame.tables) > _MAX_BLOCKS_IN_MCU or not width * height:
        raise NotBaseline
    scan = data[scan_start:]
    end = next((match for match in _MARKER.finditer(scan) if not 0xD0 <= match[0][-1] <= 0xD7), None)
    if end is None or end[0][-1] != 0xD9:
        raise NotBaseline  # more scans, or no end
    header = b"\xff\xda" + struct.pack(">H", 2 + len(scan_header)) + scan_header
    return _File(frame, tuple(kept), numbers, header, scan[: end.start()])


def _components(
    frame_header: bytes, scan_header: bytes, parts: dict[int, list[bytes]]
) -> tuple[tuple[Component, ...], dict[tuple[HuffmanTable, int], list[int]]]:
    """The components with their tables, and the numbers of the Huffman tables. Raises NotBaseline."""
    huffman = {key: table for payload in parts.get(_DHT, []) for key, table in _huffman_tables(payload).items()}
    steps = {key: table for payload in parts.get(_DQT, []) for key, table in _quantisation_tables(payload).items()}
    count = frame_header[5] if len(frame_header) > 5 else 0
    if not count or len(scan_header) != 4 + 2 * count or scan_header[0] != count or scan_header[-3:] != b"\0\x3f\0":
        raise NotBaseline  # progressive, or a scan for each component
    components: list[Component] = []
    numbers: dict[tuple[HuffmanTable, int], list[int]] = {}
    for index in range(count):
        identity, sampling, quantiser = frame_header[6 + 3 * index : 9 + 3 * index]
        selected, pair = scan_header[1 + 2 * index : 3 + 2 * index]
        dc, ac = huffman.get((0, pair >> 4)), huffman.get((1, pair & 15))
        across, down = (1, 1) if count == 1 else (sampling >> 4, sampling & 15)  # alone, its MCU is one block
        if selected != identity or dc is None or ac is None or quantiser not in steps:
            raise NotBaseline
        if not (1 <= across <= 4 and 1 <= down <= 4):
            raise NotBaseline
        components.append(Component(across, down, steps[quantiser], (dc, ac)))
        for key, number in (((dc, 0), pair >> 4), ((ac, 1), pair & 15)):
            if number not in numbers.setdefault(key, []):
                numbers[key].append(number)
    return tuple(components), numbers


def _unstuffed(scan: bytes) -> tuple[bytes, list[int]]:
    """The data without restart markers and stuffing, and where each stretch between markers begins."""
    stretches = [stretch.replace(b"\xff\0", b"\xff") for stretch in _MARKER.split(scan)]
    starts = [0]
    for stretch in stretches[:-1]:
        starts.append(starts[-1] + len(stretch))
    return b"".join(stretches), starts


def _huffman_tables(payload: bytes) -> dict[tuple[int, int], HuffmanTable]:
    tables, at = {}, 0
    while at + 17 <= len(payload):
        counts = tuple(payload[at + 1 : at + 17])
        symbols = payload[at + 17 : at + 17 + sum(counts)]
        if len(symbols) != sum(counts) or len(symbols) > 256:
            raise NotBaseline
        tables[payload[at] >> 4, payload[at] & 15] = HuffmanTable(counts, symbols)
        at += 17 + len(symbols)
    return tables


def _quantisation_tables(payload: bytes) -> dict[int, npt.NDArray[np.int64]]:
    tables, at = {}, 0
    while at < len(payload):
        wide = payload[at] >> 4
        values = np.frombuffer(payload[at + 1 : at + 65 + 64 * wide], ">u2" if wide else np.uint8)
        if wide > 1 or len(values) != 64 or not values.all():
            raise NotBaseline
        tables[payload[at] & 15] = values.astype(np.int64)
        at += 65 + 64 * wide
    return tables
