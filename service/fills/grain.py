"""Give a plain fill the grain of the paper around it. A clean patch on a scanned page shows as a patch."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.gate import TOLERANCE_LEVELS, Background, ring_of
from service.fills.surface import surface_at
from service.imaging.arrays import Image, Mask

NEAREST_PX, FARTHEST_PX = 8, 24
"""Where the paper is looked at, from any hole on: nearer, a compression leaves rings around the letters."""
COARSE_PX = 9
"""What is coarser than this is no grain, but light, folds and stains."""
MIN_GRAIN_LEVELS = 0.8
"""Standard deviation under which the ground is left clean."""
MIN_SAMPLES = 200
CLIPPED_LEVEL = 250
"""Paper this bright has no grain of its own: what differs from white there are traces of ink."""
MAX_SOFTNESS_PX = 1.5
MEDIAN_OF_NORMAL = 0.6745
"""Median of |x| for normally distributed x of standard deviation 1."""
MAX_SIGMAS = 3.5
EVEN_PX, MIN_EVENNESS = 7, 0.72
"""Grain is as strong here as there; a compression is clean in one block and dirty in the next. Of the strengths in
windows of EVEN_PX, the tenth percentile must be at least this share of the median."""


def add_grain(
    image: Image,
    hole: Mask,
    forbidden: Mask,
    background: Background,
    rng: np.random.Generator,
    *,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Add to the filled `hole` of `image`, in place, noise as strong, as coloured and as soft as the ring's.

    `forbidden` `(H, W)` holds every hole. Does nothing where the ring is clean. `check` is called now and then, and may
    raise.
    """
    if background.grain < MEDIAN_OF_NORMAL * MIN_GRAIN_LEVELS or background.colour.min() >= CLIPPED_LEVEL:
        return
    ring = ring_of(hole, forbidden, FARTHEST_PX) & ~ring_of(forbidden, forbidden, NEAREST_PX)
    check()
    rows, columns = np.nonzero(ring)
    field = np.zeros((*hole.shape, 3), np.float32)
    field[rows, columns] = image[rows, columns] - surface_at(background.surface, rows, columns)
    known = ring & (np.abs(field).max(axis=2) <= TOLERANCE_LEVELS)
    if np.count_nonzero(known) < MIN_SAMPLES:
        return
    check()
    field = _fine(field, known)
    # By the median: a few strong traces of a compression or of art are not the paper's own.
    strength = float(np.median(np.abs(field[known]))) / MEDIAN_OF_NORMAL
    if strength < MIN_GRAIN_LEVELS or not _is_even(field, known):
        return
    check()
    known &= np.abs(field).max(axis=2) <= MAX_SIGMAS * strength
    samples = field[known]
    noise = _soft_noise(rng, hole.shape, _softness_px(field, known)) @ _mixing(samples)
    check()
    filled = image[hole > 0] + noise[hole > 0]
    image[hole > 0] = np.clip(np.rint(filled), 0, 255).astype(np.uint8)


def _fine(field: npt.NDArray[np.float32], known: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """`field` less what is coarser than COARSE_PX in it; 0 where it is not `known`."""
    weight = known.astype(np.float32)
    size = (COARSE_PX, COARSE_PX)
    coarse = cv2.blur(field * weight[..., None], size) / np.maximum(cv2.blur(weight, size), 1e-3)[..., None]
    return np.asarray(np.where(known[..., None], field - coarse, np.float32(0)), np.float32)


def _is_even(field: npt.NDArray[np.float32], known: npt.NDArray[np.bool_]) -> bool:
    """Whether the noise is everywhere about as strong."""
    weight = cv2.blur(known.astype(np.float32), (EVEN_PX, EVEN_PX))
    power = cv2.blur((field**2).mean(axis=2) * known, (EVEN_PX, EVEN_PX))
    full = known & (weight >= 0.7)
    if np.count_nonzero(full) < MIN_SAMPLES:
        return False
    # Where all is zero the sums that `blur` carries along may end a little below it.
    low, middle = np.percentile(np.sqrt(np.maximum(power[full], 0) / weight[full]), (10, 50))
    return bool(low >= MIN_EVENNESS * middle)


def _softness_px(field: npt.NDArray[np.float32], known: npt.NDArray[np.bool_]) -> float:
    """Standard deviation of the blur that makes neighbours as alike as they are in `field`."""
    alike = []
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        both = known[here] & known[there]
        power = float((field[here][both] ** 2).sum() + (field[there][both] ** 2).sum()) / 2
        alike.append(float((field[here][both] * field[there][both]).sum()) / max(power, 1e-6))
    likeness = float(np.clip(np.mean(alike), 0.0, 0.9))
    # White noise blurred by s is alike at distance 1 by exp(-1 / 4s²).
    return min(MAX_SOFTNESS_PX, 0.5 / np.sqrt(-np.log(likeness))) if likeness > 0.02 else 0.0


def _soft_noise(rng: np.random.Generator, size_hw: tuple[int, ...], softness_px: float) -> npt.NDArray[np.float32]:
    """`(H, W, 3)` noise of standard deviation 1."""
    noise = rng.standard_normal((*size_hw, 3), np.float32)
    if softness_px > 0:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), softness_px), np.float32)
    return noise / max(float(noise.std()), 1e-6)


def _mixing(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`(3, 3)` that turns independent channels into channels as strong and as alike as those of `samples`."""
    values, vectors = np.linalg.eigh(np.cov(samples, rowvar=False))
    return np.asarray(np.sqrt(np.maximum(values, 0))[:, None] * vectors.T, np.float32)
