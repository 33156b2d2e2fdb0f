"""Read the scans of a progressive JPEG into coefficients (ITU-T T.81, annex G).

As in `jpeg_entropy`, NumPy looks every bit position up at once, and a plain loop walks from token to token; what the
tokens say is put into the coefficients afterwards, all at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from service.imaging.formats.jpeg_entropy import HuffmanTable, following_bits, running_sums, unstuffed
from service.imaging.formats.jpeg_frame import Frame, NotReadHere

Coefficients = npt.NDArray[np.int16]
Places = npt.NDArray[np.int64]
_WINDOW_BITS = 1 << 19
_MARGIN_BITS = 1 << 10
"""More than an MCU of ten DC tokens; AC tokens are checked one by one."""
_LONG_ZERO, _RUN, _NO_SYMBOL = 16, 64, 255
"""Kinds of AC tokens: below 16, a coefficient after so many zeros; sixteen zeros; from 64 on, the end of a block and,
with so many bits, of blocks after it."""
_MAX_DC, _MAX_AC = 2047, 1023
_LEVELS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Scan:
    """One scan: which coefficients of which components it tells, to which bit, and its data."""

    components: tuple[int, ...]
    """By index in the frame."""
    tables: tuple[HuffmanTable | None, ...]
    """For each component the DC table where the scan has DC, else the AC table; None where there is none."""
    first: int
    last: int
    high: int
    low: int
    interval: int
    """MCUs between restarts; 0 where there are none."""
    data: bytes
    """Unstuffed."""
    starts: tuple[int, ...]
    """Where each stretch between restarts begins."""

    @classmethod
    def of(
        cls, frame: Frame, header: bytes, tables: dict[tuple[int, int], HuffmanTable], interval: int, data: bytes
    ) -> Scan:
        """Read a scan header. Raises NotReadHere where it is not one of a progressive file."""
        count = header[0] if header else 0
        if not count or len(header) != 4 + 2 * count:
            raise NotReadHere
        first, last, high, low = header[-3], header[-2], header[-1] >> 4, header[-1] & 15
        is_dc = first == 0
        names = [component.identity for component in frame.components]
        named, numbers = header[1:-3:2], header[2:-3:2]
        components = tuple(names.index(name) for name in named if name in names)
        if len(components) != count or list(components) != sorted(set(components)):
            raise NotReadHere
        if (last != 0 if is_dc else not (first <= last <= 63 and count == 1)) or low > 13 or high not in {0, low + 1}:
            raise NotReadHere
        chosen = [tables.get((0, number >> 4) if is_dc else (1, number & 15)) for number in numbers]
        plain, starts = unstuffed(data)
        return cls(components, tuple(chosen), first, last, high, low, interval, plain, tuple(starts))

    def stretches(self, mcus: int) -> Iterator[tuple[int, int, int]]:
        """Of each stretch the first bit, the bit after its last byte, and its MCUs. Raises NotReadHere."""
        interval = self.interval or mcus
        counts = [min(interval, mcus - first) for first in range(0, mcus, interval)]
        if len(counts) != len(self.starts):
            raise NotReadHere
        ends = [*self.starts[1:], len(self.data)]
        for start, end, count in zip(self.starts, ends, counts, strict=True):
            yield start * 8, end * 8, count


def read_scan(frame: Frame, scan: Scan, coefficients: list[Coefficients]) -> None:
    """Put what a scan tells into the `(rows, columns, 64)` coefficients of its components. Raises NotReadHere."""
    bits = _BitReader(scan.data, scan.low)
    if scan.first == 0:
        _read_dc(frame, scan, bits, coefficients)
        return
    (index,) = scan.components
    rows, columns = frame.own_grid(index)
    own = coefficients[index][:rows, :columns]
    blocks = np.ascontiguousarray(own[..., scan.first : scan.last + 1]).reshape(rows * columns, -1)
    if scan.high:
        _refine_ac(scan, bits, blocks)
    else:
        _read_ac(scan, bits, blocks)
    own[..., scan.first : scan.last + 1] = blocks.reshape(rows, columns, -1)


class _BitReader:
    """Random access to the bits of a scan; `low` is the lowest bit of a coefficient that it tells."""

    def __init__(self, data: bytes, low: int) -> None:
        self.low = low
        self.base = 0
        """The first bit of the window."""
        self.room = 0
        """How many of its bits are data."""
        self._data = data
        self._bytes = np.frombuffer(data + b"\0" * 8, np.uint8)

    def covers(self, bit: int) -> bool:
        """Whether a token that starts at this bit lies in the window."""
        return self.base <= bit < self.base + self.room

    def window(self, bit: int) -> npt.NDArray[np.intp]:
        """Move the window to this bit; the answer has the 16 bits from each of its bits on.

        Raises NotReadHere where no data are left.
        """
        first = bit >> 3
        stretch = self._data[first : first + (_WINDOW_BITS + _MARGIN_BITS) // 8]
        self.base, self.room = first * 8, min(_WINDOW_BITS, 8 * len(stretch))
        if not self.covers(bit):
            raise NotReadHere
        return following_bits(stretch + b"\0" * (_MARGIN_BITS // 8))

    def sixteen_at(self, places: Places) -> Places:
        """The 16 bits from each place on. Raises NotReadHere for a place after the end."""
        if len(places) and int(places.max()) > 8 * len(self._data):
            raise NotReadHere
        at = places >> 3
        three = self._bytes[at].astype(np.int64) << 16 | self._bytes[at + 1].astype(np.int64) << 8 | self._bytes[at + 2]
        return np.asarray(three >> (8 - (places & 7)) & 0xFFFF, np.int64)

    def signed_at(self, places: Places, size: Places) -> Places:
        """The value that `size` bits from each place on say (T.81, F.1.2.1)."""
        extra = self.sixteen_at(places) >> (16 - size)
        return np.where(extra < (1 << size) >> 1, extra - (1 << size) + 1, extra)

    def one_at(self, places: Places) -> Places:
        """The bit at each place."""
        return self.sixteen_at(places) >> 15


def _ended(bit: int, end: int) -> None:
    """Refuse a stretch of which bits are missing, or left over."""
    if not end - 8 < bit <= end:
        raise NotReadHere


def _read_dc(frame: Frame, scan: Scan, bits: _BitReader, coefficients: list[Coefficients]) -> None:
    """A DC scan, of one component or of several in turn (G.1.2.1)."""
    plan, order = frame.order(scan.components)
    mcus = sum(numbers.size for numbers in order.values()) // len(plan)
    if scan.high:
        places = []
        for start, end, count in scan.stretches(mcus):
            _ended(start + count * len(plan), end)
            places.append(start + np.arange(count * len(plan)))
        told = bits.one_at(np.concatenate(places))
    else:
        told = _dc_differences(scan, bits, plan, mcus)
    for index, numbers in order.items():
        rows, columns = numbers.shape
        target = coefficients[index][:rows, :columns, 0]
        if scan.high:
            target |= (told[numbers] << scan.low).astype(np.int16)
            continue
        in_turn = np.sort(numbers, axis=None)
        values = np.zeros(len(told), np.int64)
        values[in_turn] = running_sums(told[in_turn], in_turn // len(plan), scan.interval) << scan.low
        if (np.abs(values) > _MAX_DC).any():
            raise NotReadHere
        target[:] = values[numbers]


def _dc_differences(scan: Scan, bits: _BitReader, plan: tuple[int, ...], mcus: int) -> Places:
    """The difference that each DC token says; `plan` has the component of each block of an MCU."""
    tables = [scan.tables[scan.components.index(index)] for index in plan]
    known = [table.lookup() for table in tables if table is not None]
    if len(known) < len(tables):
        raise NotReadHere
    takes = [np.where(lengths > 0, lengths + np.minimum(symbols, 16), 0).astype(np.uint8) for symbols, lengths in known]
    found: list[int] = []
    in_turn: list[bytes] = []
    for start, end, count in scan.stretches(mcus):
        left, position = count, start
        while left:
            if not bits.covers(position):
                following = bits.window(position)
                steps = {id(take): take[following].tobytes() for take in takes}
                in_turn = [steps[id(take)] for take in takes]
            base, room = bits.base, bits.room
            at = position - base
            while left and at < room:
                for step in in_turn:
                    found.append(base + at)
                    at += step[at]
                left -= 1
            position = base + at
        _ended(position, end)
    places = np.array(found, np.int64)
    symbol, length = np.zeros(len(places), np.int64), np.zeros(len(places), np.int64)
    for number, (symbols, lengths) in enumerate(known):
        code = bits.sixteen_at(places[number :: len(known)])
        symbol[number :: len(known)], length[number :: len(known)] = symbols[code], lengths[code]
    if (length == 0).any() or (symbol > 11).any():
        raise NotReadHere
    return bits.signed_at(places + length, symbol)


def _ac_table(scan: Scan) -> HuffmanTable:
    (table,) = scan.tables
    if table is None:
        raise NotReadHere
    return table


def _ac_lookup(table: HuffmanTable, *, refines: bool) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """For each 16-bit window: the bits that a token takes which begins there, and its kind."""
    symbols, lengths = table.lookup()
    size, run = symbols & 15, symbols >> 4
    ends = (size == 0) & (run < 15)
    kind = np.where(size > 0, run, np.where(ends, _RUN + run, _LONG_ZERO))
    kind = np.where((lengths == 0) | (size > (1 if refines else 10)), _NO_SYMBOL, kind)
    return (lengths + np.where(ends, run, size)).astype(np.uint8), kind.astype(np.uint8)


def _read_ac(scan: Scan, bits: _BitReader, blocks: Coefficients) -> None:
    """The first scan of a band of coefficients (G.1.2.2); `blocks` is `(N, band)`."""
    table = _ac_table(scan)
    takes, kinds = _ac_lookup(table, refines=False)
    band = blocks.shape[1]
    levels = blocks.reshape(-1)
    places: list[int] = []
    targets: list[int] = []
    step = kind = b""
    following = np.zeros(0, np.intp)
    block = 0
    for start, end, count in scan.stretches(len(blocks)):
        stop, position = block + count, start
        spot, limit = block * band, block * band + band
        while block < stop:
            if not bits.covers(position):
                _put_values(bits, table, levels, places, targets)
                following = bits.window(position)
                step, kind = takes[following].tobytes(), kinds[following].tobytes()
            base, room = bits.base, bits.room
            at = position - base
            while block < stop and at < room:
                what = kind[at]
                if what <= _LONG_ZERO:
                    if what < _LONG_ZERO:
                        places.append(base + at)
                        targets.append(spot + what)
                        spot += 1
                    spot += what
                    at += step[at]
                    if spot >= limit:
                        if spot > limit:
                            raise NotReadHere
                        block += 1
                        limit += band
                elif what < _NO_SYMBOL:
                    at += step[at]
                    size = what - _RUN
                    block += (1 << size) + (int(following[at - size]) >> (16 - size) if size else 0)
                    spot, limit = block * band, block * band + band
                else:
                    raise NotReadHere
            position = base + at
        if block > stop:
            raise NotReadHere
        _ended(position, end)
    _put_values(bits, table, levels, places, targets)


def _put_values(
    bits: _BitReader, table: HuffmanTable, levels: Coefficients, places: list[int], targets: list[int]
) -> None:
    """Put the values of the tokens at `places` into `levels` at `targets`, and forget them."""
    symbols, lengths = table.lookup()
    where = np.array(places, np.int64)
    code = bits.sixteen_at(where)
    values = bits.signed_at(where + lengths[code], symbols[code].astype(np.int64) & 15) << bits.low
    if (np.abs(values) > _MAX_AC).any():
        raise NotReadHere
    levels[np.array(targets, np.int64)] = values
    places.clear()
    targets.clear()


def _refine_ac(scan: Scan, bits: _BitReader, blocks: Coefficients) -> None:
    """A later scan of a band, which tells one bit more of each coefficient (G.1.2.3); `blocks` is `(N, band)`.

    Every token passes over some zeros; each coefficient on the way that is not zero has a correction bit after it.
    """
    table = _ac_table(scan)
    takes, kinds = _ac_lookup(table, refines=True)
    band = blocks.shape[1]
    levels = blocks.reshape(-1)
    zero = _zeros(levels).data  # looked at one by one, for which memory views are quicker than arrays
    zeros_before = np.r_[0, np.cumsum(band - np.count_nonzero(blocks, axis=1))].astype(np.int32).data
    told = _Told(bits, levels, np.flatnonzero(levels).astype(np.int32))
    step = kind = b""
    following = np.zeros(0, np.intp)
    block = spot = passed = 0
    for start, end, count in scan.stretches(len(blocks)):
        stop, position = block + count, start
        while block < stop:
            if not bits.covers(position):
                told.put(spot)
                following = bits.window(position)
                step, kind = takes[following].tobytes(), kinds[following].tobytes()
            base, room = bits.base, bits.room
            at = position - base
            while block < stop and at < room:
                what = kind[at]
                at += step[at]
                told.spots.append(spot)
                told.corrections.append(base + at)
                if what <= _LONG_ZERO:
                    last = passed + (what if what < _LONG_ZERO else 15)
                    if last >= zeros_before[block + 1]:
                        raise NotReadHere
                    target = zero[last]
                    if what < _LONG_ZERO:
                        told.targets.append(target)
                        told.signs.append(base + at - 1)
                    at += target - spot - (last - passed)
                    spot, passed = target + 1, last + 1
                    if spot == (block + 1) * band:
                        block += 1
                elif what < _NO_SYMBOL:
                    size = what - _RUN
                    block += (1 << size) + (int(following[at - size]) >> (16 - size) if size else 0)
                    if block > stop:
                        raise NotReadHere
                    at += block * band - spot - (zeros_before[block] - passed)
                    spot, passed = block * band, zeros_before[block]
                else:
                    raise NotReadHere
            position = base + at
        _ended(position, end)
    told.put(spot)


@dataclass
class _Told:
    """What the tokens of a refining scan say, until it is put into the coefficients."""

    bits: _BitReader
    levels: Coefficients
    known: npt.NDArray[np.int32]
    """Where coefficients were not zero before the scan; each gets a correction bit."""
    spots: list[int] = field(default_factory=list)
    """Where in the coefficients each token begins."""
    corrections: list[int] = field(default_factory=list)
    """The first of its correction bits."""
    targets: list[int] = field(default_factory=list)
    """Where there is a new coefficient."""
    signs: list[int] = field(default_factory=list)
    """The bit that has its sign."""

    def put(self, spot: int) -> None:
        """Put it into the coefficients, up to `spot`, and forget it."""
        if not self.spots:
            return
        begins, levels = np.array(self.spots, np.int64), self.levels
        known = self.known[slice(*np.searchsorted(self.known, [self.spots[0], spot]))]
        token = np.searchsorted(begins, known, side="right") - 1
        number = np.arange(len(known)) - np.searchsorted(known, begins)[token]
        more = self.bits.one_at(np.array(self.corrections, np.int64)[token] + number) << self.bits.low
        levels[known] += (np.sign(levels[known]) * more).astype(np.int16)
        if (np.abs(levels[known]) > _MAX_AC).any():
            raise NotReadHere
        signs = self.bits.one_at(np.array(self.signs, np.int64)) * 2 - 1
        levels[np.array(self.targets, np.int64)] = signs << self.bits.low
        for told in (self.spots, self.corrections, self.targets, self.signs):
            told.clear()


def _zeros(levels: Coefficients) -> npt.NDArray[np.int32]:
    """Where the levels are zero; of the whole at once NumPy would make numbers of 64 bits."""
    found = np.empty(len(levels) - np.count_nonzero(levels), np.int32)
    end = 0
    for start in range(0, len(levels), _LEVELS_AT_ONCE):
        some = np.flatnonzero(levels[start : start + _LEVELS_AT_ONCE] == 0)
        found[end : end + len(some)] = some + start
        end += len(some)
    return found
