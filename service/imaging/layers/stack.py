"""What a layered file holds, and how it adds up to the cleaned picture. Nothing here knows about files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.errors import NotEncodable
from service.imaging.arrays import Box, Mask
from service.imaging.stored import Samples, Stored, to_8_bits

ORIGINAL, MASK = "original", "mask"
"""Names of the lowest layer, and of the hidden one on top."""
MAX_LAYERS = 8_000
"""Photoshop opens no more."""
MAX_PIXELS = 64_000_000
"""Of the page: so no file reaches the 2 GiB that a PSD may have."""
MAX_OVERLAP = 16
"""The boxes of all covers together, in pages. Those of lettering come to less than one; nested frames could be
hundreds, and a cover's box is written whole."""


@dataclass(frozen=True)
class Cover:
    """The layer that covers one text."""

    name: str
    box: Box
    """In the upright picture."""
    mask: Mask
    """`(h, w)`, of the box's size: what the cover hides. No two covers of a picture share a pixel."""


@dataclass(frozen=True)
class Stack:
    """The layers of one picture: `original` under all `covers` is `cleaned`; without one it is as it was there."""

    original: Stored
    """The upload, upright: gray, RGB or CMYK at 8 or 16 bits; alpha, if it has any, is the last channel."""
    cleaned: Stored
    """The same, changed under the covers and nowhere else, its alpha not at all."""
    covers: Sequence[Cover]
    mask: Mask
    """`(H, W)`: the masks of all covers."""

    def __post_init__(self) -> None:
        """Raise NotEncodable where the covers are too many, or too large for what they hide."""
        most = MAX_LAYERS - 2
        if len(self.covers) > most:
            raise NotEncodable(f"There are {len(self.covers)} texts; a layered file holds at most {most}.", limit=most)
        boxes_px = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (cover.box for cover in self.covers))
        if boxes_px > MAX_OVERLAP * self.mask.size:
            raise NotEncodable(
                f"The boxes of the {len(self.covers)} texts lie over each other: together they are "
                f"{boxes_px / self.mask.size:.0f} times the page; layers are made of at most {MAX_OVERLAP}.",
                limit=MAX_OVERLAP,
            )

    @property
    def size_hw(self) -> tuple[int, int]:
        """Upright height and width, px."""
        return self.mask.shape[0], self.mask.shape[1]

    @property
    def has_alpha(self) -> bool:
        """Whether the picture knows transparency; covers always do."""
        return self.original.layout in {"gray+alpha", "RGBA"}

    @property
    def colours(self) -> int:
        """Colour channels: 1, 3 or 4."""
        return (1 if self.cleaned.samples.ndim == 2 else self.cleaned.samples.shape[2]) - self.has_alpha

    @property
    def top(self) -> int:
        """The largest sample: all light, or quite opaque."""
        return int(2**self.cleaned.bits - 1)

    @property
    def clips(self) -> bool:
        """Whether a cover lies on half-transparent ground, so that covers must be drawn with the ground's opacity."""
        return self.has_alpha and any(
            (self._hides(cover) & (_cut(self.original, cover.box)[..., -1] < self.top)).any() for cover in self.covers
        )

    def samples_of(self, cover: Cover) -> Samples:
        """`(h, w, C + 1)` samples of the cover, the last its own alpha: opaque where it hides something, else all 0."""
        cut = _cut(self.cleaned, cover.box)
        colours = cut.reshape(*cut.shape[:2], -1)[..., : self.colours]
        samples = np.zeros((*colours.shape[:2], self.colours + 1), colours.dtype)
        hides = self._hides(cover)
        np.copyto(samples[..., :-1], colours, where=hides[..., None])
        samples[..., -1][hides] = self.top
        return samples

    def _hides(self, cover: Cover) -> npt.NDArray[np.bool_]:
        """`(h, w)`: where the cover is opaque. What is fully transparent shows nothing, and was not changed."""
        hides = np.asarray(cover.mask == 255, np.bool_)
        if self.has_alpha:
            hides &= to_8_bits(_cut(self.original, cover.box)[..., -1], self.original.bits) > 0
        return hides


def _cut(stored: Stored, box: Box) -> Samples:
    x0, y0, x1, y1 = box
    return stored.samples[y0:y1, x0:x1]
