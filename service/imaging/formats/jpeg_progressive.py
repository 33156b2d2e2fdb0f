"""Change some blocks of a progressive JPEG and keep the quantised coefficients of all others.

The scans of a progressive file build its coefficients up together, so all of them are read, and all are written anew:
still progressive, from coarse to fine, in scans of whole coefficients (spectral selection without successive
approximation, T.81, G.1.1.1).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from service.imaging.formats.jpeg_entropy import HuffmanTable, huffman_tables
from service.imaging.formats.jpeg_frame import Frame, NotReadHere, Planes, is_index, read_frame
from service.imaging.formats.jpeg_scan_reader import Scan, read_scan
from service.imaging.formats.jpeg_scan_writer import write_scans
from service.imaging.formats.jpeg_segments import all_segments, end_of_scan

_SOF2, _DHT, _SOS, _DQT, _DRI, _DNL = 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xDC
_MAX_SCAN_BYTES = 3_000_000
"""Of all scans; a longer file would take more time than a page is worth."""
_MAX_BLOCKS = 400_000
"""Their coefficients take 128 bytes a block: 51 MB. A page of 17 megapixels with its chroma halved has so many."""


def replace_blocks(data: bytes, planes: Planes, changed: npt.NDArray[np.bool_]) -> bytes | None:
    """Encode the blocks that hold a changed pixel anew; every other coefficient stays as it is.

    `planes` are the file's components; `changed` is `(H, W)`. Returns a whole file; None where the file is not one
    that is read here.
    """
    try:
        frame, kept, scans = _taken_apart(data)
        if len(planes) != len(frame.components):
            return None
        coefficients = _read(frame, scans)
        for index, own in enumerate(coefficients):
            touched = frame.touched(index, changed)
            own[touched] = frame.coefficients(index, planes[index], touched)
        return b"".join([b"\xff\xd8", *kept, *write_scans(frame, coefficients), b"\xff\xd9"])
    except NotReadHere:
        return None


def _read(frame: Frame, scans: list[Scan]) -> list[npt.NDArray[np.int16]]:
    """For each component `(rows, columns, 64)` quantised coefficients in zigzag order. Raises NotReadHere."""
    sizes = [frame.grid(index) for index in range(len(frame.components))]
    if sum(rows * columns for rows, columns in sizes) > _MAX_BLOCKS:
        raise NotReadHere
    coefficients = [np.zeros((*size, 64), np.int16) for size in sizes]
    known = [np.full(64, -1) for _ in sizes]
    """For each coefficient the lowest bit that is known; -1 where none is."""
    for scan in scans:
        for index in scan.components:
            band = known[index][scan.first : scan.last + 1]
            if (band != scan.high).any() and not (scan.high == 0 and (band == -1).all()):
                raise NotReadHere
            band[:] = scan.low
        read_scan(frame, scan, coefficients)
    if any((bits != 0).any() for bits in known):
        raise NotReadHere  # decoders smooth what is not there yet
    return coefficients


def _taken_apart(data: bytes) -> tuple[Frame, list[bytes], list[Scan]]:
    """The frame, every segment but the scans and what they alone need, and the scans. Raises NotReadHere."""
    frame: Frame | None = None
    kept: list[bytes] = []
    quantisation: list[bytes] = []
    headers: list[bytes] = []
    tables: dict[tuple[int, int], HuffmanTable] = {}
    scans: list[Scan] = []
    interval = size = 0
    for segment in all_segments(data):
        payload = data[segment.payload : segment.end]
        if segment.marker == _SOS:
            if frame is None:
                if len(headers) != 1:
                    raise NotReadHere
                frame = read_frame(headers[0], quantisation)
            end, _ = end_of_scan(data, segment.end)
            size += end - segment.end
            if size > _MAX_SCAN_BYTES:
                raise NotReadHere
            scans.append(Scan.of(frame, payload, tables, interval, data[segment.end : end]))
        elif segment.marker == _DHT:
            tables = tables | huffman_tables(payload)
        elif segment.marker == _DRI:
            interval = int.from_bytes(payload[:2], "big")
        elif not is_index(segment.marker, payload):
            kept.append(b"\xff" + data[segment.payload - 3 : segment.end])
            if frame is not None and 0xC0 <= segment.marker <= _DNL:
                raise NotReadHere  # tables that change, or a height that comes late
            if segment.marker == _DQT:
                quantisation.append(payload)
            elif segment.marker == _SOF2:
                headers.append(payload)
    if frame is None:
        raise NotReadHere
    return frame, kept, scans
