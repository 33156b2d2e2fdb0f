"""Continue a texture that repeats: screentone, hatching, stripes, weave.

The shifts at which the surroundings agree best with themselves are found first (the dominant offsets of He and Sun,
"Statistics of Patch Offsets for Image Completion", ECCV 2012); every pixel of the hole is then copied from one of
these shifts away, chosen by how well the shift fits nearby. What is copied is the page's own ink, so a dot stays a dot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image, Mask
from service.imaging.colour import luma
from service.imaging.masks import dilate_disc

CONTEXT_PX = 40
"""Surroundings of the hole that are looked at for a repetition."""
REACH_PX = 96
"""Longest shift that is tried."""
MIN_SHIFT_PX = 2.5
MAX_PIXELS = 1_000_000
"""Largest crop that is looked at: the correlation takes some 60 bytes a pixel."""
MIN_CONTRAST_LEVELS = 14.0
QUIET_CONTRAST_LEVELS = 4.0
"""Standard deviation under which the surroundings are too quiet to be a texture; between the two they must repeat
almost exactly."""
MAX_MISMATCH = 0.24
MAX_QUIET_MISMATCH = 0.08
"""Mean squared difference of the best shift over twice the variance: 0 repeats exactly, 1 not at all."""
MIN_OVERLAP_SHARE = 0.3
SHIFT_COUNT = 48
MIN_SHIFTS = 4
MAX_PERIOD_PX = 24
"""A texture repeats often and soon; one long edge beside the hole also looks like itself further along."""
BAND_PX = 9
MAX_MISTAKE = 0.3
"""A texture foretells a band of this width around the hole, which is known: with no larger a share of its variance
wrong. One bar or line beside a hole agrees with itself as well as any tone, and would be copied all over it: of 31
textures found beside text on 48 drawn pages it keeps nine of the ten that beat the network's fill, and refuses all that
cost more than 3 dB."""
LOCAL_PX = 15
REACH_PENALTY = 0.15
PASSES = 3

Floats = npt.NDArray[np.float32]
_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True)
class Texture:
    """How a hole's surroundings repeat."""

    shifts: npt.NDArray[np.int32]
    """`(n, 2)` shifts (dy, dx) in px, best first."""
    mismatch: float
    """Of the best shift, 0 to 1."""


def find_texture(image: Image, hole: Mask, forbidden: Mask) -> Texture | None:
    """The repetition of what surrounds `hole`, or None if it does not repeat.

    `image` `(h, w, 3)` is the crop around the hole; `forbidden` `(h, w)` holds all holes in it.
    """
    if hole.size > MAX_PIXELS:
        return None
    near = (dilate_disc(hole, CONTEXT_PX) > 0) & (forbidden == 0)
    if np.count_nonzero(near) < 4 * LOCAL_PX**2:
        return None
    light = luma(image).astype(np.float32)
    # Slow changes of brightness repeat at any shift; only what is finer than LOCAL_PX counts as a texture.
    weight = near.astype(np.float32)
    fine = (light - _blur(light * weight) / np.maximum(_blur(weight), 1e-3)) * weight
    variance = float(fine[near].var())
    if variance < QUIET_CONTRAST_LEVELS**2:
        return None
    mismatch = _mismatch(fine, near) / (2 * variance)
    shifts, values = _valleys(mismatch)
    repeats = values <= MAX_MISMATCH
    # Dots at an odd angle meet themselves best far away, but they meet themselves nearby too.
    if not repeats.any() or np.hypot(*shifts[repeats].T).min() > MAX_PERIOD_PX:
        return None
    kept = _best(shifts, values)
    is_quiet = variance < MIN_CONTRAST_LEVELS**2
    if len(kept) < MIN_SHIFTS or (is_quiet and values.min() > MAX_QUIET_MISMATCH):
        return None
    texture = Texture(kept, float(values.min()))
    return texture if _mistake(image, hole, forbidden, texture, fine) <= MAX_MISTAKE else None


def fill_tone(image: Image, hole: Mask, forbidden: Mask, texture: Texture) -> Mask:
    """Fill `hole` of `image` in place by copying from `texture.shifts` away; returns what could not be reached."""
    left = hole.copy()
    known = forbidden == 0
    for _ in range(PASSES):
        if not left.any():
            break
        _copy(image, left, known, texture)
        known |= (hole > 0) & (left == 0)
    return left


def _mistake(image: Image, hole: Mask, forbidden: Mask, texture: Texture, fine: Floats) -> float:
    """Mean squared error of what `texture` draws in a band around `hole`, over the variance of `fine` there."""
    wider = dilate_disc(hole, BAND_PX)
    drawn = image.copy()
    left = fill_tone(drawn, wider, np.maximum(forbidden, wider), texture)
    band = (wider > 0) & (forbidden == 0) & (left == 0)
    if not band.any():
        return float("inf")
    error = luma(drawn)[band].astype(np.float32) - luma(image)[band]
    return float(np.mean(error**2) / max(float(fine[band].var()), 1.0))


def _mismatch(light: Floats, near: npt.NDArray[np.bool_]) -> Floats:
    """Mean squared difference between the surroundings and themselves, shifted; infinite where they hardly meet.

    Returns `(2r + 1, 2r + 1)` for shifts -r..r in y and x, by correlation in the frequency domain.
    """
    height, width = light.shape
    reach_y, reach_x = min(REACH_PX, height - 1), min(REACH_PX, width - 1)
    size = (cv2.getOptimalDFTSize(height + reach_y), cv2.getOptimalDFTSize(width + reach_x))
    weight = near.astype(np.float32)
    spectrum_w, spectrum_a, spectrum_b = (
        np.fft.rfft2(part, size) for part in (weight, weight * light, weight * light * light)
    )

    def correlate(first: npt.NDArray[np.complex128], second: npt.NDArray[np.complex128]) -> Floats:
        whole = np.fft.irfft2(np.conj(first) * second, size)
        rows, columns = np.arange(-reach_y, reach_y + 1), np.arange(-reach_x, reach_x + 1)
        return np.asarray(whole[np.ix_(rows % size[0], columns % size[1])], np.float32)

    overlap = correlate(spectrum_w, spectrum_w)
    squares = correlate(spectrum_b, spectrum_w) + correlate(spectrum_w, spectrum_b)
    total = squares - 2 * correlate(spectrum_a, spectrum_a)
    enough = overlap >= MIN_OVERLAP_SHARE * float(weight.sum())
    return np.where(enough, np.maximum(total, 0) / np.maximum(overlap, 1), np.inf).astype(np.float32)


def _valleys(mismatch: Floats) -> tuple[npt.NDArray[np.int32], Floats]:
    """Local minima of `mismatch`: `(n, 2)` shifts, none shorter than MIN_SHIFT_PX, and `(n,)` its values there."""
    finite = np.where(np.isfinite(mismatch), mismatch, np.float32(1e9)).astype(np.float32)
    valley = finite <= cv2.erode(finite, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(valley & np.isfinite(mismatch))
    shifts = np.stack([rows, columns], axis=1) - np.array(mismatch.shape) // 2
    long_enough = np.hypot(shifts[:, 0], shifts[:, 1]) >= MIN_SHIFT_PX
    values = mismatch[rows[long_enough], columns[long_enough]]
    return np.asarray(shifts[long_enough], np.int32), np.asarray(values, np.float32)


def _best(shifts: npt.NDArray[np.int32], values: Floats) -> npt.NDArray[np.int32]:
    """The best of the shifts, best first, as far as they are nearly as good as the first."""
    order = np.argsort(values, kind="stable")[:SHIFT_COUNT]
    good = values[order] <= max(2 * values[order[0]], MAX_MISMATCH / 2)
    return np.asarray(shifts[order[good]], np.int32)


def _copy(image: Image, left: Mask, known: npt.NDArray[np.bool_], texture: Texture) -> None:
    """Copy what one shift can reach into `left`, and take it off `left`."""
    light = luma(image).astype(np.float32)
    best_cost = np.full(left.shape, np.inf, np.float32)
    best_shift = np.full(left.shape, -1, np.int32)
    for number, (dy, dx) in enumerate(texture.shifts):
        source_known = _shifted(known, dy, dx)
        both = (known & source_known).astype(np.float32)
        difference = np.abs(light - _shifted(light, dy, dx)) * both
        local = _blur(difference) / np.maximum(_blur(both), 1e-3)
        local = np.where(_blur(both) > 1e-3, local, 255.0)
        cost = local + REACH_PENALTY * float(np.hypot(dy, dx))
        better = source_known & (left > 0) & (cost < best_cost)
        best_cost[better], best_shift[better] = cost[better], number
    rows, columns = np.nonzero(best_shift >= 0)
    chosen = texture.shifts[best_shift[rows, columns]]
    image[rows, columns] = image[rows + chosen[:, 0], columns + chosen[:, 1]]
    left[rows, columns] = 0


def _shifted(array: npt.NDArray[_Value], dy: int, dx: int) -> npt.NDArray[_Value]:
    """`array` at `(y + dy, x + dx)`; zero where that lies outside."""
    height, width = array.shape
    moved = np.zeros_like(array)
    y0, y1 = max(0, -dy), min(height, height - dy)
    x0, x1 = max(0, -dx), min(width, width - dx)
    if y0 < y1 and x0 < x1:
        moved[y0:y1, x0:x1] = array[y0 + dy : y1 + dy, x0 + dx : x1 + dx]
    return moved


def _blur(array: Floats) -> Floats:
    side = 2 * LOCAL_PX + 1
    return np.asarray(cv2.blur(array, (side, side), borderType=cv2.BORDER_CONSTANT), np.float32)
