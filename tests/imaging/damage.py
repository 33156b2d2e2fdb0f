"""JPEG scans, damaged as transfers and disks damage them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def damaged_scans(original: bytes, count: int) -> Iterator[bytes]:
    """The file `count` times, each with a bit changed, bytes cut or doubled, or a marker put into a scan; seeded."""
    rng = np.random.default_rng(6)
    start = original.index(b"\xff\xda")
    for _ in range(count):
        data = bytearray(original)
        at = int(rng.integers(start, len(data) - 2))
        match rng.integers(0, 4):
            case 0:
                data[at] ^= 1 << int(rng.integers(0, 8))
            case 1:
                del data[at : at + int(rng.integers(1, 30))]
            case 2:
                data[at:at] = b"\xff\xd0"
            case 3:
                data[at:at] = data[at : at + 40]
        yield bytes(data)
