"""The frame of a JPEG: its components, how their blocks lie, and samples as quantised coefficients (ITU-T T.81)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.formats.jpeg_segments import segments

Planes = list[npt.NDArray[np.uint8]]
"""The file's components at full resolution, `(H, W)` uint8 in stored order and in the file's own colour space."""
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""The markers that begin a frame, of whatever coding."""
_DQT, _APP2 = 0xDB, 0xE2
_MAX_BLOCKS_IN_MCU = 10
_MAX_LEVEL = 1023
"""Largest coefficient that is written, either way."""
_BLOCKS_AT_ONCE = 4096
_ROWS = np.arange(8)
# T.81, A.3.3: the forward transform is D X D^T
_DCT = np.cos((2 * _ROWS[None, :] + 1) * _ROWS[:, None] * np.pi / 16) * np.where(_ROWS == 0, 0.5**0.5, 1.0)[:, None] / 2
_ZIGZAG = np.array(sorted(range(64), key=lambda at: (s := at // 8 + at % 8, at // 8 if s % 2 else at % 8)))


class NotReadHere(Exception):
    """The data are not what these modules read; the file itself may be sound."""


@dataclass(frozen=True)
class Component:
    """One colour component: its name in the file, sampling factors, quantisation table (zigzag order)."""

    identity: int
    across: int
    down: int
    steps: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Frame:
    """How the blocks of a file lie: MCU by MCU, and in it component by component (T.81, A.2)."""

    width: int
    height: int
    components: tuple[Component, ...]

    @property
    def mcu_px(self) -> tuple[int, int]:
        """Width and height of an MCU, px."""
        return 8 * max(c.across for c in self.components), 8 * max(c.down for c in self.components)

    @property
    def mcus(self) -> tuple[int, int]:
        """MCUs in a row, and rows of them."""
        return -(-self.width // self.mcu_px[0]), -(-self.height // self.mcu_px[1])

    @property
    def blocks_in_mcu(self) -> tuple[int, ...]:
        """The component of each block of an MCU, by its index."""
        return tuple(index for index, c in enumerate(self.components) for _ in range(c.across * c.down))

    def grid(self, index: int) -> tuple[int, int]:
        """Rows and columns of a component's blocks, where MCUs are filled up."""
        return self.mcus[1] * self.components[index].down, self.mcus[0] * self.components[index].across

    def own_grid(self, index: int) -> tuple[int, int]:
        """Rows and columns of the blocks that a component's own samples need: those of a scan that it has alone."""
        across, down = (self.mcu_px[0] // self.components[index].across, self.mcu_px[1] // self.components[index].down)
        return -(-self.height // down), -(-self.width // across)

    def order(self, components: Sequence[int]) -> tuple[tuple[int, ...], dict[int, npt.NDArray[np.int64]]]:
        """How the blocks of a scan of these components lie.

        The first answer has the component of each block of an MCU; the second has, for each component, `(rows,
        columns)` the number in file order of each of its blocks: of `own_grid` where it is alone, else of `grid`.
        """
        if len(components) == 1:
            rows, columns = self.own_grid(components[0])
            return (components[0],), {components[0]: np.arange(rows * columns).reshape(rows, columns)}
        plan = tuple(index for index in self.blocks_in_mcu if index in components)
        numbers: dict[int, npt.NDArray[np.int64]] = {}
        for index in components:
            across, down = self.components[index].across, self.components[index].down
            row, column = np.indices(self.grid(index))
            mcu = row // down * self.mcus[0] + column // across
            numbers[index] = mcu * len(plan) + plan.index(index) + row % down * across + column % across
        return plan, numbers

    def touched(self, index: int, changed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """`(rows, columns)`: the blocks of a component with a changed pixel (`changed` is `(H, W)`) under them."""
        rows, columns = self.grid(index)
        down, across = self.mcu_px[1] // self.components[index].down, self.mcu_px[0] // self.components[index].across
        height, width = changed.shape
        padded = np.pad(changed, ((0, rows * down - height), (0, columns * across - width)))
        return np.asarray(padded.reshape(rows, down, columns, across).any(axis=(1, 3)), np.bool_)

    def coefficients(
        self, index: int, plane: npt.NDArray[np.uint8], touched: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int16]:
        """`(N, 64)` quantised coefficients, in zigzag order, of the touched blocks of a component."""
        samples = self._samples(plane, touched)
        coefficients = np.empty((len(samples), 64), np.int16)
        for start in range(0, len(samples), _BLOCKS_AT_ONCE):  # of a whole page the wide numbers would be 40 pages
            some = samples[start : start + _BLOCKS_AT_ONCE].astype(np.float64) - 128
            transformed = (_DCT @ some @ _DCT.T).reshape(-1, 64)[:, _ZIGZAG]
            levels = np.rint(transformed / self.components[index].steps)
            coefficients[start : start + _BLOCKS_AT_ONCE] = np.clip(levels, -_MAX_LEVEL, _MAX_LEVEL)
        return coefficients

    def _samples(self, plane: npt.NDArray[np.uint8], touched: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """`(N, 8, 8)` samples of the touched blocks; the border goes on as it ends, chroma is averaged."""
        rows, columns = touched.shape
        height, width = self.mcus[1] * self.mcu_px[1], self.mcus[0] * self.mcu_px[0]
        bottom, right = height - plane.shape[0], width - plane.shape[1]
        whole = cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        if (rows * 8, columns * 8) != (height, width):
            whole = cv2.resize(whole, (columns * 8, rows * 8), interpolation=cv2.INTER_AREA)
        return np.asarray(whole.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)[touched], np.uint8)


def read_frame(header: bytes, quantisation: Iterable[bytes]) -> Frame:
    """Read a frame header, with the payloads of the tables before it. Raises NotReadHere."""
    steps = {key: table for payload in quantisation for key, table in _quantisation_tables(payload).items()}
    height, width = struct.unpack_from(">HH", header, 1)
    count = header[5] if len(header) > 5 else 0
    if not count or not width * height or len(header) != 6 + 3 * count:
        raise NotReadHere
    components: list[Component] = []
    for index in range(count):
        identity, sampling, quantiser = header[6 + 3 * index : 9 + 3 * index]
        across, down = (1, 1) if count == 1 else (sampling >> 4, sampling & 15)  # alone, its MCU is one block
        if quantiser not in steps or not (1 <= across <= 4 and 1 <= down <= 4):
            raise NotReadHere
        components.append(Component(identity, across, down, steps[quantiser]))
    frame = Frame(width, height, tuple(components))
    if any(frame.mcu_px[0] // 8 % c.across or frame.mcu_px[1] // 8 % c.down for c in components):
        raise NotReadHere  # chroma of which no whole number of pixels makes a sample
    if len(frame.blocks_in_mcu) > _MAX_BLOCKS_IN_MCU or len({c.identity for c in components}) < count:
        raise NotReadHere
    return frame


def frame_of(data: bytes) -> Frame:
    """The frame of a file. Raises NotReadHere, CorruptImage."""
    tables, headers = [], []
    for segment in segments(data):
        payload = data[segment.payload : segment.end]
        if segment.marker == _DQT:
            tables.append(payload)
        elif segment.marker in FRAMES:
            headers.append(payload)
    if len(headers) != 1:
        raise NotReadHere
    return read_frame(headers[0], tables)


def unreached(data: bytes, mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """`(H, W)`: the pixels that no change under `mask` (stored order) can reach.

    Blocks share their chroma within an MCU, and a decoder that smooths chroma looks one pixel further.
    """
    across, down = frame_of(data).mcu_px
    height, width = mask.shape
    padded = np.pad(mask != 0, ((0, -height % down), (0, -width % across)))
    touched = padded.reshape(-1, down, padded.shape[1] // across, across).any(axis=(1, 3))
    reached = np.repeat(np.repeat(touched, down, axis=0), across, axis=1)[:height, :width].astype(np.uint8)
    return np.asarray(cv2.dilate(reached, np.ones((3, 3), np.uint8)) == 0, np.bool_)


def is_index(marker: int, payload: bytes) -> bool:
    """Whether a segment lists further pictures after this one (MPF), which are not kept."""
    return marker == _APP2 and payload.startswith(b"MPF\0")


def _quantisation_tables(payload: bytes) -> dict[int, npt.NDArray[np.int64]]:
    tables, at = {}, 0
    while at < len(payload):
        wide = payload[at] >> 4
        values = np.frombuffer(payload[at + 1 : at + 65 + 64 * wide], ">u2" if wide == 1 else np.uint8)
        if wide > 1 or len(values) != 64 or not values.all():
            raise NotReadHere
        tables[payload[at] & 15] = values.astype(np.int64)
        at += 65 + 64 * wide
    return tables
