"""Write coefficients as the scans of a progressive JPEG (ITU-T T.81, annex G): DC first, then bands of AC.

Each scan tells whole coefficients. Files with several scans for the bits of each coefficient are a few per cent
smaller; these are as large as the best baseline file, and show a coarse picture as early.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from service.imaging.formats.jpeg_entropy import (
    Bits,
    HuffmanTable,
    best_table,
    bit_length,
    dc_tokens,
    extra_bits,
    packed,
)
from service.imaging.formats.jpeg_frame import Frame

_LOW_BAND, _HIGH_BAND, _WHOLE_BAND = (1, 5), (6, 63), (1, 63)
_BLOCKS_AT_ONCE = (1 << 15) - 1
"""So many one token can end; it also bounds the memory of their tokens."""


def write_scans(frame: Frame, coefficients: list[npt.NDArray[np.int16]]) -> Iterator[bytes]:
    """Segments and data of all scans; `coefficients` are `(rows, columns, 64)` for each component, in zigzag order."""
    yield dc_scan(frame, coefficients, range(len(coefficients)))
    count = len(coefficients)
    coarse = [(index, _WHOLE_BAND if count == 3 and index else _LOW_BAND) for index in range(count)]
    fine = [(index, _HIGH_BAND) for index, band in coarse if band == _LOW_BAND]
    for index, (first, last) in coarse + fine:
        rows, columns = frame.own_grid(index)
        blocks = coefficients[index][:rows, :columns, first : last + 1].reshape(rows * columns, -1)
        parts = [_ac_tokens(blocks[at : at + _BLOCKS_AT_ONCE]) for at in range(0, len(blocks), _BLOCKS_AT_ONCE)]
        symbols, extra, sizes = (np.concatenate(part) for part in zip(*parts, strict=True))
        table = best_table(np.bincount(symbols, minlength=256))
        codes, lengths = table.codes()
        value = codes[symbols] << sizes | extra
        header = bytes([1, frame.components[index].identity, 0, first, last, 0])
        yield _definition(1, 0, table) + _segment(0xDA, header)
        yield packed(value, lengths.astype(np.uint8)[symbols] + sizes)


def dc_scan(frame: Frame, coefficients: list[npt.NDArray[np.int16]], components: Sequence[int]) -> bytes:
    """The DC values of some components in turn, with one table for the first of the frame and one for the others."""
    plan, order = frame.order(components)
    differences = np.zeros(sum(numbers.size for numbers in order.values()), np.int64)
    for index, numbers in order.items():
        values = np.zeros(len(differences), np.int64)
        values[numbers] = coefficients[index][: len(numbers), : numbers.shape[1], 0]
        in_turn = np.sort(numbers, axis=None)
        differences[in_turn] = np.diff(values[in_turn], prepend=0)
    tokens = dc_tokens(differences)
    value, size = np.zeros(len(differences), np.int64), np.zeros(len(differences), np.int64)
    defined = b""
    for number in {min(index, 1) for index in components}:
        users = [place for place, index in enumerate(plan) if min(index, 1) == number]
        chosen = np.flatnonzero(np.isin(np.arange(len(differences)) % len(plan), users))
        symbol = tokens.symbol[chosen]
        table = best_table(np.bincount(symbol, minlength=256))
        codes, lengths = table.codes()
        value[chosen] = codes[symbol].astype(np.int64) << symbol | tokens.extra[chosen]
        size[chosen] = lengths[symbol] + symbol
        defined += _definition(0, number, table)
    pairs = [byte for index in components for byte in (frame.components[index].identity, min(index, 1) << 4)]
    header = bytes([len(components), *pairs, 0, 0, 0])
    return defined + _segment(0xDA, header) + packed(value, size)


def _ac_tokens(
    blocks: npt.NDArray[np.int16],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Symbols, extra bits and how many these are, in file order, of `(N, band)` coefficients (G.1.2.2)."""
    count, band = blocks.shape
    row, place = np.nonzero(blocks)
    before = np.where(np.r_[True, row[1:] != row[:-1]], -1, np.r_[0, place[:-1]]) if len(row) else row
    run = place - before - 1
    value = blocks[row, place].astype(np.int64)
    size = bit_length(value)
    long = np.repeat(np.arange(len(row)), run // 16)  # sixteen zeros in a row are a token of their own
    starts, runs = _ends(row, place, count, band)
    run_size = bit_length(runs) - 1
    spot = row * (band + 1) + place
    order = np.argsort(np.concatenate([2 * spot + 1, 2 * spot[long], 2 * (starts * (band + 1) + band)]), kind="stable")
    symbol = np.concatenate([(run % 16) << 4 | size, np.full(len(long), 0xF0), run_size << 4])
    extra = np.concatenate([extra_bits(value, size), np.zeros(len(long), np.int64), runs - (1 << run_size)])
    sizes = np.concatenate([size, np.zeros(len(long), np.int64), run_size])
    return symbol[order].astype(np.uint8), extra[order].astype(np.uint16), sizes[order].astype(np.uint8)


def _ends(row: Bits, place: Bits, count: int, band: int) -> tuple[Bits, Bits]:
    """The block at which each end-of-block token stands, and how many blocks it ends: its own and empty ones after."""
    last = np.full(count, -1)
    last[row] = place
    ending = last < band - 1
    goes_on = (last == -1) & np.r_[False, ending[:-1]]
    starts = np.flatnonzero(ending & ~goes_on)
    stops = np.r_[np.flatnonzero(~goes_on), count]
    return starts, stops[np.searchsorted(stops, starts) + 1] - starts


def _definition(which: int, number: int, table: HuffmanTable) -> bytes:
    return _segment(0xC4, bytes([which << 4 | number, *table.counts]) + table.symbols)


def _segment(marker: int, payload: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", 2 + len(payload)) + payload
