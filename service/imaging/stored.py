"""Stored samples, exactly as a file holds them, and the two ways between them and the upright RGB view.

`view` shows the samples as 8-bit RGB; `put` writes a changed view back inside a mask and nowhere else.
Everything here is in stored order; turning is the codec's work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image, Mask
from service.imaging.colour import Press, luma
from service.imaging.continuation import continue_smoothly
from service.imaging.exif import without_preview
from service.imaging.headers import Layout
from service.imaging.nothing import drawn_on_nothing
from service.imaging.palettes import Palette, look_up, put_colours
from service.imaging.xmp import without_thumbnails

Samples: TypeAlias = npt.NDArray[Any]
"""`(H, W)` or `(H, W, C)` as stored: uint16 for 16 bits, else uint8; 1-bit is 0 or 1, palettes are indexes."""


Window: TypeAlias = tuple[slice, slice]

_PIECE_PX, _AROUND_PX, _MOST_AROUND_PX = 512, 64, 512
_ROWS_AT_ONCE = 256
_BITS_OF_FINE_LEVELS = 4
"""From so many bits on the next level is at most a fifteenth of the range away, and hardly seen; of 1 bit it is black
for white."""
_HASHED_PIXELS = 1 << 18
"""So many pixels are picked out and hashed at a time."""
_BT_709, _SRGB, _UNSPECIFIED = 1, 13, 2
"""Codes of ITU-T H.273, tables 2 and 3."""
_INK_TOLERANCE = 3
"""Levels of RGB by which carried inks may miss the wanted colour; 8-bit inks themselves miss it by about 2."""


@dataclass(frozen=True)
class Metadata:
    """What travels beside the samples when a picture changes its format."""

    icc: bytes | None = None
    exif: bytes | None = None
    """A TIFF structure, without the `Exif` prefix of JPEG."""
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    cicp: bytes | None = None
    """What the samples mean by ITU-T H.273, where that is not sRGB and no profile says it: a byte each for primaries,
    transfer, matrix (0: RGB) and full range, as PNG has it."""
    gamma: bytes | None = None
    """The same by a power alone: PNG's gAMA, where it says other than sRGB."""
    chromaticities: bytes | None = None
    """PNG's cHRM, where it says other than sRGB."""

    @property
    def needs_png(self) -> bool:
        """Whether the colours mean something that only PNG can say: other formats would show them as sRGB."""
        return any((self.cicp, self.gamma, self.chromaticities))

    def without_previews(self) -> Metadata:
        """The same without the small pictures in EXIF and XMP: they would still show what was erased."""
        exif, xmp = self.exif and without_preview(self.exif), self.xmp and without_thumbnails(self.xmp)
        return replace(self, exif=exif, xmp=xmp)


def cicp_of(primaries: int, transfer: int) -> bytes | None:
    """The `cicp` of `Metadata`; None where the codes of H.273 say sRGB, leave it open, or are none."""
    is_srgb = primaries in {_BT_709, _UNSPECIFIED} and transfer in {_SRGB, _UNSPECIFIED}
    if is_srgb or max(primaries, transfer) > 255:
        return None
    return bytes([primaries, transfer, 0, 1])


@dataclass(frozen=True)
class Stored:
    """The samples of one picture, in stored order and at native depth."""

    samples: Samples
    layout: Layout
    bits: int
    palette: Palette | None = None
    colour_key: tuple[int, ...] | None = None
    """The one sample value that a PNG without alpha declares transparent (tRNS)."""
    icc: bytes | None = None
    """The profile; only CMYK is viewed through it. Everything else is filled in its own space."""


def view(stored: Stored) -> Image:
    """Show the samples as `(H, W, 3)` uint8 RGB, alpha left out."""
    samples = stored.samples
    if stored.layout == "palette":
        assert stored.palette is not None
        return look_up(stored.palette.colours, samples)
    if stored.layout == "CMYK":
        return Press(stored.icc).show(to_8_bits(samples, stored.bits))
    shown = to_8_bits(_without_alpha(stored), stored.bits)
    return shown if shown.ndim == 3 else cv2.cvtColor(shown, cv2.COLOR_GRAY2RGB)  # type: ignore[return-value]


def alpha_of(stored: Stored) -> npt.NDArray[np.uint8] | None:
    """`(H, W)` uint8 opacity, 255 = opaque; None where the file has no transparency at all."""
    if stored.layout in {"gray+alpha", "RGBA"}:
        return np.ascontiguousarray(to_8_bits(stored.samples[..., -1], stored.bits))
    if stored.palette is not None and stored.palette.alpha is not None:
        return look_up(stored.palette.alpha, stored.samples)
    if stored.colour_key is not None:
        return np.where(_is_key(stored.samples, stored.colour_key), np.uint8(0), np.uint8(255))
    return None


def put(stored: Stored, result: Image, mask: Mask, *, keeps_alpha: bool = False) -> Stored:
    """Write `result` into the samples where `mask` is 255; everywhere else each sample stays as it is.

    Alpha stays as it is everywhere, also inside the mask, but where letters were drawn on nothing: they become nothing,
    unless `keeps_alpha`. And of gray of 1 and 2 bits with a transparent level: where the result is that level, it
    becomes transparent as the paper around it. A pixel that already shows the result keeps its samples, which may say
    more than the view does; so does one that is fully transparent, of which nothing is seen.
    """
    shown, alpha = view(stored), alpha_of(stored)
    hole = (mask == 255) & _differing(shown, result)
    if alpha is not None:
        hole &= alpha > 0
    if alpha is None or keeps_alpha:
        del shown
        return _put_colours(stored, result, hole)
    light = luma(shown)
    del shown
    nothing = drawn_on_nothing(light, alpha, mask)
    del light, alpha
    hole &= ~nothing
    return _clear(_put_colours(stored, result, hole), nothing, stored.samples)


def _clear(stored: Stored, nothing: npt.NDArray[np.bool_], original: Samples) -> Stored:
    """The same, fully transparent where `nothing` is true; in place, unless the samples are the `original` ones.

    `stored` has some transparency.
    """
    if not nothing.any():
        return stored
    samples = stored.samples.copy() if stored.samples is original else stored.samples
    if stored.layout == "palette":
        assert stored.palette is not None
        assert stored.palette.alpha is not None
        samples[nothing] = stored.palette.alpha.argmin()
    elif stored.colour_key is not None:
        samples[nothing] = stored.colour_key[0] if samples.ndim == 2 else stored.colour_key
    else:
        samples[..., -1][nothing] = 0  # as `[nothing, -1]` it takes 16 bytes and a microsecond for each pixel
    return replace(stored, samples=samples)


def _put_colours(stored: Stored, result: Image, hole: npt.NDArray[np.bool_]) -> Stored:
    """The same with the colours of `result` where `hole` is true."""
    if not hole.any():
        return stored
    if stored.layout == "palette":
        assert stored.palette is not None
        samples, palette = put_colours(stored.samples.astype(np.uint8), stored.palette, stored.bits, result, hole)
        return replace(stored, samples=samples, palette=palette)
    samples = stored.samples.copy()
    press = Press(stored.icc)
    for inner, outer, of_outer in _pieces(stored, hole):
        fill = _fill(replace(stored, samples=stored.samples[outer]), result[outer], hole[outer], press)[of_outer]
        target = samples[inner]
        target = target[..., : fill.shape[-1]] if target.ndim == 3 else target[..., None]
        np.copyto(target, fill, where=hole[inner][..., None])
    if stored.colour_key is not None and stored.bits >= _BITS_OF_FINE_LEVELS:
        _keep_opaque(samples, stored.colour_key, hole)
    return replace(stored, samples=samples)


def untouched_sha256(stored: Stored, mask: Mask) -> str:
    """SHA-256 of the samples where `mask` (in stored order) is 0: pixels row by row from the top, little-endian.

    Samples are counted as common decoders give them: one byte each up to 8 bits (1-bit as 0 or 1, 2- and 4-bit gray
    scaled to 0..255, palettes as indexes), two bytes at 16 bits; the channels of a pixel in the order gray or RGB or
    CMYK, then alpha.
    """
    digest = sha256()
    rows_at_once = max(1, _HASHED_PIXELS // mask.shape[1])
    for start in range(0, len(mask), rows_at_once):
        samples, kept = stored.samples[start : start + rows_at_once], mask[start : start + rows_at_once].ravel() == 0
        if stored.layout == "gray" and stored.bits < 8:
            samples = to_8_bits(samples, stored.bits)
        plain = np.ascontiguousarray(samples.astype("<u2" if stored.bits == 16 else np.uint8, copy=False))
        pixels = plain.reshape(kept.size, -1).view(f"V{plain.nbytes // kept.size}")  # whole pixels move faster
        digest.update(pixels[kept].data)
    return digest.hexdigest()


def changed_pixels(before: Stored, after: Stored) -> npt.NDArray[np.bool_]:
    """`(H, W)`: where any sample of a pixel differs."""
    return _differing(before.samples, after.samples)


def _differing(one: Samples, other: Samples) -> npt.NDArray[np.bool_]:
    if one.ndim == 2:
        return np.asarray(one != other, np.bool_)
    differing = np.asarray(one[..., 0] != other[..., 0], np.bool_)
    for channel in range(1, one.shape[2]):  # several times faster than any(axis=2)
        differing |= one[..., channel] != other[..., channel]
    return differing


def to_8_bits(samples: Samples, bits: int) -> npt.NDArray[np.uint8]:
    """Scale samples of `bits` bits to 0..255; 16 bits are rounded to the nearest of 256 steps of 257."""
    if bits == 8:
        return samples.astype(np.uint8, copy=False)
    if bits == 16:
        shown = np.empty(samples.shape, np.uint8)
        for start in range(0, len(samples), _ROWS_AT_ONCE):  # of a whole page the wide numbers would be four pages
            wide = samples[start : start + _ROWS_AT_ONCE].astype(np.uint32)
            shown[start : start + _ROWS_AT_ONCE] = (wide + 128) // 257
        return shown
    return np.asarray(samples * np.uint8(255 // (2**bits - 1)), np.uint8)


def _pieces(stored: Stored, hole: npt.NDArray[np.bool_]) -> Iterator[tuple[Window, Window, Window]]:
    """Where to fill: a piece, the same with what is around it, and the piece in that.

    At 16 bits, and in inks, what surrounds a hole is continued into it in numbers of 32 bits, ten for each sample; a
    page at once would take a hundred bytes a pixel. No seam can be seen: what is continued is less than one level of
    8 bits; of inks it is only used where it shows the wanted colour.
    """
    height, width = hole.shape
    side = _PIECE_PX if stored.bits == 16 or stored.layout == "CMYK" else max(height, width)
    for y in range(0, height, side):
        for x in range(0, width, side):
            inner = np.s_[y : min(y + side, height), x : min(x + side, width)]
            if not hole[inner].any():
                continue
            around_px = _AROUND_PX
            while True:  # until there is something to continue, or it is too far away to matter
                top, left = max(y - around_px, 0), max(x - around_px, 0)
                outer = np.s_[top : inner[0].stop + around_px, left : inner[1].stop + around_px]
                if not hole[outer].all() or around_px >= _MOST_AROUND_PX:
                    break
                around_px *= 2
            yield inner, outer, np.s_[y - top : inner[0].stop - top, x - left : inner[1].stop - left]


def _fill(stored: Stored, result: Image, hole: npt.NDArray[np.bool_], press: Press) -> Samples:
    """The new colour samples, `(H, W, C)` without alpha; meaningful inside the hole only."""
    if stored.layout == "bilevel":
        return (luma(result) >= 128).astype(np.uint8)[..., None]
    if stored.layout == "CMYK":
        return _fill_inks(stored, result, hole, press)
    new = luma(result)[..., None] if stored.layout in {"gray", "gray+alpha"} else result
    if stored.bits == 8:
        return new
    if stored.bits == 16:
        own = _without_alpha(stored).reshape(*hole.shape, -1)
        old = to_8_bits(own, 16).astype(np.uint16) * 257
        return _carry_difference(own, old, new.astype(np.uint16) * 257, hole, top=65535)
    top = 2**stored.bits - 1
    return np.asarray((new.astype(np.uint16) * top + 127) // 255, np.uint8)


def _fill_inks(stored: Stored, result: Image, hole: npt.NDArray[np.bool_], press: Press) -> Samples:
    """Inks for the result: those that the surroundings use where they show the wanted colour, else the profile's.

    One colour can be printed in many ways (gray from three inks, or from black alone); paper and tints that go on
    as they were stay invisible in print, too.
    """
    old, new = press.find_inks(press.show(stored.samples)), press.find_inks(result)
    carried = _carry_difference(stored.samples, old, new, hole, top=255)
    off = np.abs(press.show(carried).astype(np.int16) - result).max(axis=2, keepdims=True)
    return np.where(off <= _INK_TOLERANCE, carried, new)


def _carry_difference(own: Samples, old: Samples, new: Samples, hole: npt.NDArray[np.bool_], *, top: int) -> Samples:
    """`new`, plus what the coarse view `old` could not say of the stored samples `own`, continued into the hole.

    So flat paper of 16 bits, or of CMYK inks, comes back at its own stored value, not at the nearest value of
    the 8-bit RGB view.
    """
    difference = own.astype(np.float32) - old.astype(np.float32)
    filled = new.astype(np.float32) + continue_smoothly(difference, hole)
    return np.asarray(np.clip(np.rint(filled), 0, top), own.dtype)


def _without_alpha(stored: Stored) -> Samples:
    if stored.layout == "gray+alpha":
        return np.ascontiguousarray(stored.samples[..., 0])
    if stored.layout == "RGBA":
        return np.ascontiguousarray(stored.samples[..., :3])
    return stored.samples


def _is_key(samples: Samples, key: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    same = np.equal(samples, np.array(key[0] if samples.ndim == 2 else key, samples.dtype))
    return np.asarray(same if same.ndim == 2 else same.all(axis=2), np.bool_)


def _keep_opaque(samples: Samples, key: tuple[int, ...], hole: npt.NDArray[np.bool_]) -> None:
    """Move filled pixels off the one colour that stands for transparency, by one level."""
    became = hole & _is_key(samples, key)
    nudged = key[-1] - 1 if key[-1] > 0 else 1
    if samples.ndim == 2:
        samples[became] = nudged
    else:
        samples[became, -1] = nudged
