"""The entropy-coded data of a baseline JPEG as tokens, and back (ITU-T T.81, annexes C, F and K).

A token is a Huffman symbol with its extra bits. Blocks that do not change keep their AC tokens; nothing is ever
dequantised. Written here because the libraries that give access to coefficients (jpeglib was tried) read and write
named files and keep global state, which a service of many threads without a disk cannot use.

NumPy looks every bit position up at once ("which symbol would start here, and how long is it?"); the plain loop that
then walks the file does nothing but add.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from service.imaging.formats.jpeg_frame import NotReadHere
from service.imaging.formats.jpeg_segments import without_fill

_RESTART = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
_WINDOW_BITS = 1 << 21
_MARGIN_BITS = 1 << 16
"""More than the longest MCU: ten blocks of 64 symbols of 27 bits."""
_PACKED_AT_ONCE = 1 << 17
_END_OF_BLOCK, _NO_SYMBOL = 64, 200
Bits = npt.NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class HuffmanTable:
    """One table as a file defines it: the number of codes of each length 1 to 16, and the symbols in code order."""

    counts: tuple[int, ...]
    symbols: bytes

    def codes(self) -> tuple[npt.NDArray[np.uint32], Bits]:
        """For each of 256 symbols its code, and the length of it: 0 where the table lacks it (T.81, C.2)."""
        codes, lengths = np.zeros(256, np.uint32), np.zeros(256, np.int64)
        code = at = 0
        for length, count in enumerate(self.counts, 1):
            for symbol in self.symbols[at : at + count]:
                codes[symbol], lengths[symbol] = code, length
                code += 1
            at += count
            code <<= 1
        return codes, lengths

    def lookup(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """For each 16-bit window the symbol that it begins with, and the length of its code: 0 where there is none."""
        symbols, lengths = np.zeros(65536, np.uint8), np.zeros(65536, np.uint8)
        at = place = 0
        for length, count in enumerate(self.counts, 1):
            span = 1 << (16 - length)
            for symbol in self.symbols[at : at + count]:
                symbols[place : place + span], lengths[place : place + span] = symbol, length
                place += span
            at += count
        if place > 65536:
            raise NotReadHere
        return symbols, lengths


@dataclass(frozen=True)
class Tokens:
    """Tokens in file order."""

    block: Bits
    """The block, counted in file order, that each token belongs to."""
    symbol: Bits
    extra: Bits
    """The extra bits; how many there are is the symbol itself for DC, its low four bits for AC."""


def read_tokens(
    data: bytes, segment_starts: list[int], mcus_in: list[int], tables: Sequence[tuple[HuffmanTable, HuffmanTable]]
) -> tuple[Tokens, Tokens]:
    """Read the DC tokens (one a block) and the AC tokens of a scan.

    `data` is unstuffed; a segment (what lies between two restart markers) begins at each of `segment_starts`, in
    bytes, and holds `mcus_in` MCUs; `tables` are the DC and AC table of each block of an MCU.
    Raises NotReadHere where the data do not decode to exactly these blocks.
    """
    lookups = {table: table.lookup() for pair in tables for table in pair}
    parts: list[tuple[Tokens, Tokens]] = []
    window = _Window(data, 0, tables, lookups, first_block=0)
    ends = [*segment_starts[1:], len(data)]
    for start, end, expected in zip(segment_starts, ends, mcus_in, strict=True):
        position, mcus = start * 8, expected
        while mcus:
            if not window.covers(position):
                parts.append(window.collect())
                window = _Window(data, position >> 3, tables, lookups, first_block=window.next_block)
            mcus, position = window.walk(mcus, position)
        if not end * 8 - 8 < position <= end * 8:
            raise NotReadHere  # bits are missing, or left over
    parts.append(window.collect())
    dc, ac = zip(*parts, strict=True)
    return _joined(dc), _joined(ac)


def _joined(parts: tuple[Tokens, ...]) -> Tokens:
    return Tokens(
        np.concatenate([part.block for part in parts]),
        np.concatenate([part.symbol for part in parts]),
        np.concatenate([part.extra for part in parts]),
    )


class _Window:
    """A stretch of the data, with every bit position looked up; bounds the memory that a long file takes."""

    def __init__(
        self,
        data: bytes,
        first_byte: int,
        tables: Sequence[tuple[HuffmanTable, HuffmanTable]],
        lookups: dict[HuffmanTable, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]],
        *,
        first_block: int,
    ) -> None:
        stretch = data[first_byte : first_byte + (_WINDOW_BITS + _MARGIN_BITS) // 8]
        self._first_bit = first_byte * 8
        self._following = following_bits(stretch + b"\0" * (_MARGIN_BITS // 8))
        self._tables, self._lookups, self._first_block = tables, lookups, first_block
        dc_steps = {dc: self._dc_steps(dc) for dc, _ in tables}
        ac_steps = {ac: self._ac_steps(ac) for _, ac in tables}
        self._plan = [(dc_steps[dc], *ac_steps[ac]) for dc, ac in tables]
        self._starts: list[int] = []
        self._seen = bytearray(len(self._following))
        self._end = len(data) * 8

    @property
    def next_block(self) -> int:
        """The number of the first block after those that were walked."""
        return self._first_block + len(self._starts)

    def covers(self, position: int) -> bool:
        """Whether an MCU that starts at bit `position` can be walked here."""
        return position - self._first_bit < _WINDOW_BITS

    def walk(self, mcus: int, position: int) -> tuple[int, int]:
        """Walk MCUs from bit `position`; returns how many are left at the end of the window, and where."""
        at, limit, seen, starts = position - self._first_bit, _WINDOW_BITS, self._seen, self._starts
        end = self._end - self._first_bit
        while mcus and at < limit:
            for dc_step, step, jump in self._plan:
                starts.append(at)
                at += dc_step[at]
                k = 1
                while k < 64:
                    seen[at] = 1
                    k += jump[at]
                    at += step[at]
            if at > end:
                raise NotReadHere
            mcus -= 1
        return mcus, at + self._first_bit

    def collect(self) -> tuple[Tokens, Tokens]:
        """The DC and AC tokens of all blocks that were walked."""
        starts = np.array(self._starts, np.int64)
        places = np.flatnonzero(np.frombuffer(self._seen, np.uint8))
        block = (np.searchsorted(starts, places, side="right") - 1).astype(np.int32)
        dc_symbol, dc_extra = self._tokens_at(starts, np.arange(len(starts)), which=0)
        ac_symbol, ac_extra = self._tokens_at(places, block, which=1)
        last = ac_symbol == 0
        jumped = np.bincount(block[~last], (ac_symbol[~last] >> 4) + 1, minlength=len(starts))
        if (dc_symbol > 11).any() or (jumped > 63).any() or (ac_symbol[(ac_symbol & 15) == 0] % 240 != 0).any():
            raise NotReadHere
        first = self._first_block
        return Tokens(np.arange(len(starts)) + first, dc_symbol, dc_extra), Tokens(block + first, ac_symbol, ac_extra)

    def _tokens_at(self, places: Bits, block: Bits, *, which: int) -> tuple[Bits, Bits]:
        symbol, extra = np.zeros(len(places), np.int32), np.zeros(len(places), np.int32)
        for table in {pair[which] for pair in self._tables}:
            users = [index for index, pair in enumerate(self._tables) if pair[which] == table]
            chosen = np.flatnonzero(np.isin(block % len(self._tables), users))
            symbols, lengths = self._lookups[table]
            code = self._following[places[chosen]]
            if (lengths[code] == 0).any():
                raise NotReadHere
            symbol[chosen] = symbols[code]
            size = symbol[chosen] & 15
            after = self._following[places[chosen] + lengths[code]].astype(np.int64)
            extra[chosen] = after >> (16 - size)
        return symbol, extra

    def _dc_steps(self, table: HuffmanTable) -> bytes:
        """For each bit: how many bits a DC token takes that starts there."""
        symbols, lengths = self._lookups[table]
        return np.take((lengths + np.minimum(symbols, 16)).astype(np.uint8), self._following).tobytes()

    def _ac_steps(self, table: HuffmanTable) -> tuple[bytes, bytes]:
        """For each bit: how many bits an AC token takes that starts there, and how many coefficients it passes."""
        symbols, lengths = self._lookups[table]
        size, run = symbols & 15, symbols >> 4
        jump = np.where(size > 0, run + 1, np.where(run == 15, 16, _END_OF_BLOCK))
        jump = np.where(lengths == 0, _NO_SYMBOL, jump).astype(np.uint8)
        return np.take(lengths + size, self._following).tobytes(), np.take(jump, self._following).tobytes()


def following_bits(data: bytes) -> npt.NDArray[np.intp]:
    """The 16 bits from each bit of the data on; those of the last two bytes are left out."""
    wide = np.frombuffer(data, np.uint8).astype(np.uint32)
    three = wide[:-2] << 16 | wide[1:-1] << 8 | wide[2:]
    following = np.empty((len(three), 8), np.uint16)
    for bit in range(8):
        following[:, bit] = three >> np.uint32(8 - bit)
    return following.reshape(-1).astype(np.intp)  # as an index, cast once


def unstuffed(scan: bytes) -> tuple[bytes, list[int]]:
    """The data without restart markers and stuffing, and where each stretch between markers begins."""
    *before, last = _RESTART.split(scan)
    stretches = [stretch.replace(b"\xff\0", b"\xff") for stretch in (*map(without_fill, before), last)]
    starts = [0]
    for stretch in stretches[:-1]:
        starts.append(starts[-1] + len(stretch))
    return b"".join(stretches), starts


def huffman_tables(payload: bytes) -> dict[tuple[int, int], HuffmanTable]:
    """The tables of a DHT segment, by class (0 for DC, 1 for AC) and number. Raises NotReadHere."""
    tables, at = {}, 0
    while at + 17 <= len(payload):
        counts = tuple(payload[at + 1 : at + 17])
        symbols = payload[at + 17 : at + 17 + sum(counts)]
        if len(symbols) != sum(counts) or len(symbols) > 256:
            raise NotReadHere
        tables[payload[at] >> 4, payload[at] & 15] = HuffmanTable(counts, symbols)
        at += 17 + len(symbols)
    return tables


def running_sums(
    differences: npt.NDArray[np.int64], mcu: npt.NDArray[np.int64], interval: int
) -> npt.NDArray[np.int64]:
    """DC values from their differences; the sum starts again at each restart."""
    sums = np.cumsum(differences)
    if not interval:
        return sums
    segment = mcu // interval
    first = np.flatnonzero(np.r_[True, segment[1:] != segment[:-1]])
    return np.asarray(sums - np.r_[0, sums][first][segment], np.int64)


def dc_differences(tokens: Tokens) -> Bits:
    """The signed difference that each DC token says (T.81, F.1.2.1)."""
    half = (1 << tokens.symbol) >> 1
    return np.where(tokens.extra < half, tokens.extra - (1 << tokens.symbol) + 1, tokens.extra)


def dc_tokens(differences: Bits) -> Tokens:
    """DC tokens, one a block in file order. Raises NotReadHere for differences that 8-bit baseline cannot say."""
    size = bit_length(differences)
    if (size > 11).any():
        raise NotReadHere
    return Tokens(np.arange(len(differences)), size, extra_bits(differences, size))


def ac_tokens(coefficients: Bits, blocks: Bits) -> Tokens:
    """AC tokens of `(N, 64)` quantised coefficients in zigzag order, for blocks of these numbers (T.81, F.1.2.2)."""
    row, place = np.nonzero(coefficients[:, 1:])
    before = np.where(np.r_[True, row[1:] != row[:-1]], -1, np.r_[0, place[:-1]]) if len(row) else row
    run = place - before - 1
    value = coefficients[row, place + 1]
    size = bit_length(value)
    long = np.repeat(np.arange(len(row)), run // 16)  # sixteen zeros in a row are a token of their own
    last = np.full(len(coefficients), -1)
    last[row] = place
    ends = np.flatnonzero(last < 62)
    order = np.argsort(
        np.concatenate([row * 256 + place * 2 + 1, row[long] * 256 + place[long] * 2, ends * 256 + 255]), kind="stable"
    )
    zeros = np.zeros(len(long) + len(ends), np.int64)
    symbol = np.concatenate([(run % 16) << 4 | size, np.full(len(long), 0xF0), zeros[: len(ends)]])
    extra = np.concatenate([extra_bits(value, size), zeros])
    block = blocks[np.concatenate([row, row[long], ends])]
    return Tokens(*(column[order].astype(np.int32) for column in (block, symbol, extra)))


def write_tokens(
    dc: Tokens, ac: Tokens, tables: Sequence[tuple[HuffmanTable, HuffmanTable]]
) -> tuple[bytes, dict[tuple[HuffmanTable, int], HuffmanTable]]:
    """Write the tokens as one scan without restarts; returns the stuffed data and the tables that were used.

    The file's own tables are used where they know all symbols, else the best ones for these tokens. The keys of the
    dictionary are the file's tables with 0 for DC and 1 for AC.
    """
    used: dict[tuple[HuffmanTable, int], HuffmanTable] = {}
    values, sizes = [], []
    for which, tokens in enumerate((dc, ac)):
        value, size = np.zeros(len(tokens.block), np.int32), np.zeros(len(tokens.block), np.int32)
        for table in {pair[which] for pair in tables}:
            users = [index for index, pair in enumerate(tables) if pair[which] == table]
            chosen = np.flatnonzero(np.isin(tokens.block % len(tables), users))
            symbol = tokens.symbol[chosen]
            frequency = np.bincount(symbol, minlength=256)
            codes, lengths = table.codes()
            used[table, which] = table
            if (lengths[frequency > 0] == 0).any():
                used[table, which] = best_table(frequency)
                codes, lengths = used[table, which].codes()
            extra_size = symbol & 15
            value[chosen] = codes[symbol].astype(np.int64) << extra_size | tokens.extra[chosen]
            size[chosen] = lengths[symbol] + extra_size
        values.append(value)
        sizes.append(size)
    order = np.argsort(np.concatenate([dc.block, ac.block]), kind="stable")  # DC stands first: it comes before AC
    return packed(np.concatenate(values)[order], np.concatenate(sizes)[order]), used


def best_table(frequency: Bits) -> HuffmanTable:
    """The table that writes symbols of these frequencies shortest (T.81, K.2)."""
    weight = {symbol: count for symbol, count in enumerate(frequency.tolist()) if count} | {
        256: 1
    }  # no code is all ones
    groups = {symbol: [symbol] for symbol in weight}
    length: dict[int, int] = dict.fromkeys(weight, 0)
    while len(weight) > 1:
        least, other = sorted(weight, key=lambda symbol: (weight[symbol], -symbol))[:2]
        weight[least] += weight.pop(other)
        groups[least] += groups.pop(other)
        for symbol in groups[least]:
            length[symbol] += 1
    counts = np.bincount(list(length.values()), minlength=33).tolist()
    for bits in range(len(counts) - 1, 16, -1):  # figure K.3: no code is longer than 16 bits
        while counts[bits] > 0:
            shorter = next(size for size in range(bits - 2, 0, -1) if counts[size] > 0)
            counts[bits] -= 2
            counts[bits - 1] += 1
            counts[shorter + 1] += 2
            counts[shorter] -= 1
    counts[max(bits for bits in range(1, 17) if counts[bits])] -= 1  # the reserved one
    del length[256]
    symbols = sorted(length, key=lambda symbol: (length[symbol], symbol))
    return HuffmanTable(tuple(counts[1:17]), bytes(symbols))


def packed(values: Bits, sizes: Bits) -> bytes:
    """The low `sizes` bits of each value, one after the other, filled up with ones and stuffed."""
    written: list[bytes] = []
    carried = np.zeros(0, np.uint8)
    for start in range(0, len(values), _PACKED_AT_ONCE):
        size = sizes[start : start + _PACKED_AT_ONCE].astype(np.int64)
        ends = np.cumsum(size)
        shift = np.repeat(ends, size) - np.arange(ends[-1]) - 1
        bits = (np.repeat(values[start : start + _PACKED_AT_ONCE], size) >> shift & 1).astype(np.uint8)
        bits = np.concatenate([carried, bits])
        whole = len(bits) // 8 * 8
        written.append(np.packbits(bits[:whole]).tobytes())
        carried = bits[whole:]
    if len(carried):
        written.append(np.packbits(np.concatenate([carried, np.ones(8 - len(carried), np.uint8)])).tobytes())
    return b"".join(written).replace(b"\xff", b"\xff\0")


def bit_length(values: Bits) -> Bits:
    """How many bits the magnitude of each value has."""
    return np.frexp(np.abs(values).astype(np.float64))[1].astype(np.int64)


def extra_bits(values: Bits, size: Bits) -> Bits:
    """The bits that tell a value among those of its `size` (T.81, F.1.2.1)."""
    return np.where(values < 0, values + (1 << size) - 1, values)
