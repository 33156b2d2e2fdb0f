"""Paint on a palette picture: free entries first, the nearest entry else. Nothing here knows about files."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from service.imaging.arrays import Image

Indexes = npt.NDArray[np.uint8]
_ROWS_AT_ONCE, _PIXELS_AT_ONCE = 64, 1 << 16
_BITS_OF_MANY_COLOURS, _HARDLY_SEEN = 4, 17
"""From so many bits on a palette has colours to choose from; levels by which one may miss another that it stands for, a
fifteenth of the range."""


@dataclass(frozen=True)
class Palette:
    """The colours that indexes mean."""

    colours: npt.NDArray[np.uint8]
    """`(N, 3)` uint8 RGB, N at least 1."""
    alpha: npt.NDArray[np.uint8] | None = None
    """`(N,)` uint8 opacity of each entry; None where all are opaque."""
    named: frozenset[int] = frozenset()
    """Entries that the file names beside its picture, as that of the background: they stay, used by pixels or not."""

    def opacity(self) -> npt.NDArray[np.uint8]:
        """`(N,)` uint8 opacity, 255 where the file says nothing."""
        return self.alpha if self.alpha is not None else np.full(len(self.colours), 255, np.uint8)


def look_up(table: npt.NDArray[np.uint8], indexes: Indexes) -> npt.NDArray[np.uint8]:
    """What `table` `(N, ...)` says of each of the `(H, W)` indexes; one that is too large means the last entry."""
    found = np.empty((*indexes.shape, *table.shape[1:]), np.uint8)
    for start in range(0, len(indexes), _ROWS_AT_ONCE):  # NumPy makes eight bytes of each index
        rows = slice(start, start + _ROWS_AT_ONCE)
        found[rows] = table[np.minimum(indexes[rows], len(table) - 1)]
    return found


def put_colours(
    indexes: Indexes, palette: Palette, bits: int, result: Image, hole: npt.NDArray[np.bool_]
) -> tuple[Indexes, Palette]:
    """Paint `result` into the hole of an indexed picture; returns the new indexes and the palette they mean.

    Colours that the palette lacks are added while it has fewer than 2 ** bits entries, or entries that no pixel
    uses (the most fitting colours, where there are more); the rest take the nearest entry. No entry that is in use or
    named is changed, and each pixel keeps its opacity, so what is transparent stays transparent. Only at 1 and 2 bits a
    pixel becomes transparent, where white, as which that was shown, is near the result and no opaque entry is.
    """
    opacity = palette.opacity()
    before = look_up(opacity, indexes)
    wanted = result[hole & (before == 255)]
    kept = indexes[~(hole & (before == 255))]
    counts = cv2.calcHist([kept], [0], None, [256], [0, 256]).ravel() if kept.size else np.zeros(256)
    unused = np.flatnonzero((counts[: len(opacity)] == 0) & (opacity == 255))
    slots = [*range(len(opacity), 2**bits), *(entry for entry in unused.tolist() if entry not in palette.named)]
    palette = _extended(palette, wanted, slots)
    painted = indexes.copy()
    opacity = palette.opacity()
    for level in np.unique(before[hole]):
        if level == 0:
            continue  # nothing of these pixels is seen
        entries = np.flatnonzero(opacity == level)
        for start in range(0, len(indexes), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            pixels = hole[rows] & (before[rows] == level)
            wanted = result[rows][pixels]
            found = entries[_nearest(wanted, palette.colours[entries])]
            if level == 255 and bits < _BITS_OF_MANY_COLOURS and (opacity == 0).any():
                found[_shown_better_by_paper(wanted, palette.colours[found])] = (opacity == 0).argmax()
            painted[rows][pixels] = found
    return painted, palette


def _shown_better_by_paper(wanted: npt.NDArray[np.uint8], found: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """`(K,)`: where of two `(K, 3)` colours the found one is far from the wanted one, and white is near it."""
    off = np.abs(wanted.astype(np.int16) - found).max(axis=1)
    return np.asarray((off > _HARDLY_SEEN) & (255 - wanted.min(axis=1) <= _HARDLY_SEEN), np.bool_)


def _extended(palette: Palette, wanted: npt.NDArray[np.uint8], slots: list[int]) -> Palette:
    """The palette with `(K, 3)` wanted colours in the free slots, as far as they go; new entries are opaque."""
    opaque = palette.colours[palette.opacity() == 255]
    pieces = range(0, len(wanted), _PIXELS_AT_ONCE)
    colours_of = [np.unique(_packed(wanted[start : start + _PIXELS_AT_ONCE])) for start in pieces]
    packed = np.unique(np.concatenate([np.empty(0, np.uint32), *colours_of]))
    missing = packed[~np.isin(packed, _packed(opaque))]
    if not slots or len(missing) == 0:
        return palette
    added = _unpacked(missing) if len(missing) <= len(slots) else _representatives(wanted, len(slots))
    used = np.array(slots[: len(added)])
    size = max(len(palette.colours), int(used.max()) + 1)
    colours, alpha = np.zeros((size, 3), np.uint8), np.full(size, 255, np.uint8)
    colours[: len(palette.colours)], alpha[: len(palette.colours)] = palette.colours, palette.opacity()
    colours[used] = added
    return replace(palette, colours=colours, alpha=None if palette.alpha is None else alpha)


def _representatives(wanted: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.uint8]:
    """`(count, 3)` or fewer colours that stand for the `(K, 3)` wanted ones (median cut)."""
    strip = PillowImage.fromarray(np.ascontiguousarray(wanted[None]))
    cut = strip.quantize(colors=count, method=PillowImage.Quantize.MEDIANCUT, dither=PillowImage.Dither.NONE)
    flat = np.array(cut.getpalette("RGB"), np.uint8)
    used = len(np.unique(np.asarray(cut)))
    return flat.reshape(-1, 3)[:used]


def _nearest(wanted: npt.NDArray[np.uint8], entries: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """For each of `(K, 3)` colours the index of the nearest of `(N, 3)` entries, by squared distance."""
    colours, back = np.unique(_packed(wanted), return_inverse=True)
    table = entries.astype(np.float32)
    norm = (table**2).sum(axis=1)
    found = np.empty(len(colours), np.intp)
    for start in range(0, len(colours), 4096):  # bounds memory: 4096 x 256 distances at a time
        some = _unpacked(colours[start : start + 4096]).astype(np.float32)
        found[start : start + 4096] = (norm - 2 * some @ table.T).argmin(axis=1)
    return found[back]


def _packed(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    wide = colours.astype(np.uint32)
    return np.asarray(wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2], np.uint32)


def _unpacked(packed: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)
