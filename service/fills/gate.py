"""Look at the ring around a hole and say what kind of background it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image, Mask
from service.imaging.geometry import hull
from service.imaging.masks import dilate_disc

RINGS_PX = (9, 5)
"""Radii of the rings looked at: a wide one first; a narrow one where a small bubble leaves no room for it."""
STRETCHES_PX = (6, 4)
"""Radii, for the wide and the narrow ring, of the stretch that is looked at for clean background."""
CLEAN_SHARE = 0.95
MIN_CLEAN_RING_SHARES = (0.15, 0.05)
"""Share of each ring that must lie in clean stretches. Outline and art come near a text at some places of its ring;
the dots of a screentone are at all of them, and a narrow ring may happen to lie between them."""
MIN_CLEAN_SHARE_AMONG_SPOTS = 0.5
"""The same for the narrow ring where the wide one is not clean: an outline that follows the text all around."""
TOUCHING_PX = 3
TOLERANCE_LEVELS = 12
MIN_RING_SHARE = 0.72
"""Of the wide ring; outlines and art that come near make up the rest."""
MIN_TOUCHING_SHARE = 0.88
PAPER_LEVEL = 235
"""A background at least this bright in every channel is paper: a bubble, a margin, a page."""
MIN_PAPER_RING_SHARE = 0.5
MIN_PAPER_TOUCHING_SHARE = 0.6
"""Around text in a tight white bubble much of the ring is outline and art, and the fill is white all the same."""
MIN_BETWEEN_SHARE = 0.93
MIN_BETWEEN_PIXELS = 48
"""Where the ground between the letters is plain, the rest of the ring may be as mixed as around a tight bubble."""
MIN_RING_PIXELS = 24
MAX_RING_PIXELS = 500_000
STRIPE_PX = 64
_ROWS_AT_ONCE = 256
MAX_RESIDUAL_LEVELS = 3.5
FLAT_RANGE_LEVELS = 2.0

Colour = npt.NDArray[np.float32]
"""`(3,)` float32 RGB, levels 0 to 255."""


@dataclass(frozen=True)
class Background:
    """The plain background that a ring shows."""

    colour: Colour
    """`(3,)` median of the ring's plain pixels."""
    plane: npt.NDArray[np.float32]
    """`(3, 3)`: rows 1, x, y; columns RGB. Levels at a pixel are `[1, x, y] @ plane`, x and y in crop pixels."""
    is_flat: bool
    """Whether the plane varies by less than FLAT_RANGE_LEVELS over the hole."""
    plain_share: float
    """Share of the ring that is plain, 0 to 1; the rest is outline, ink or art that happens to be near."""
    grain: float
    """Mean difference of the plain pixels from the plane, levels: paper, noise, compression."""


def ring_of(hole: Mask, forbidden: Mask, radius_px: int = RINGS_PX[0]) -> npt.NDArray[np.bool_]:
    """The `(H, W)` pixels within `radius_px` of `hole` that are not `forbidden` (text, other holes)."""
    return np.asarray((dilate_disc(hole, radius_px) > 0) & (forbidden == 0), np.bool_)


def look_at_ring(image: Image, hole: Mask, forbidden: Mask) -> Background | None:
    """The plain background around `hole`, or None if what is there is not plain.

    Plain: most of the ring, and nearly all that touches the hole, is within TOLERANCE_LEVELS of one colour,
    or of a colour that changes linearly, and what is not is not spread all over the ring.
    `forbidden` `(H, W)` holds every hole: no ring looks at another's text.
    """
    is_spotted = False
    for radius_px, stretch_px, min_share in zip(RINGS_PX, STRETCHES_PX, MIN_CLEAN_RING_SHARES, strict=True):
        background = _look(image, hole, forbidden, radius_px)
        if background is None:
            continue
        clean_share = _clean_share(image, _sample(ring_of(hole, forbidden, radius_px)), background, stretch_px)
        if clean_share >= (MIN_CLEAN_SHARE_AMONG_SPOTS if is_spotted else min_share):
            return background
        is_spotted = True
    return None


def _sample(ring: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`ring`, of a very large one some stripes: MAX_RING_PIXELS say what all of it would."""
    thinning = -(-int(np.count_nonzero(ring)) // MAX_RING_PIXELS)
    if thinning > 1:
        stripes = np.arange(len(ring)) // STRIPE_PX % thinning == 0
        ring[~stripes] = False
    return ring


def _look(image: Image, hole: Mask, forbidden: Mask, radius_px: int) -> Background | None:
    near = _sample(ring_of(hole, forbidden, radius_px))
    if np.count_nonzero(near) < MIN_RING_PIXELS:
        return None
    touching = ring_of(hole, forbidden, TOUCHING_PX) & near
    rows, columns = np.nonzero(near)
    samples = image[rows, columns].astype(np.float32)
    plane, plain = _fit_plane(samples, rows, columns)
    plain_share = float(plain.mean())
    plain_map = np.zeros(near.shape, np.bool_)
    plain_map[rows[plain], columns[plain]] = True
    is_paper = bool(np.median(samples[plain], axis=0).min() >= PAPER_LEVEL) if plain.any() else False
    may_be_mixed = is_paper or _is_plain_between(hole, near, plain_map)
    if plain_share < (MIN_PAPER_RING_SHARE if may_be_mixed else MIN_RING_SHARE):
        return None
    touching_count = np.count_nonzero(touching)
    min_touching_share = MIN_PAPER_TOUCHING_SHARE if may_be_mixed else MIN_TOUCHING_SHARE
    if touching_count and np.count_nonzero(plain_map & touching) < min_touching_share * touching_count:
        return None
    residual = samples[plain] - _plane_at(plane, rows[plain], columns[plain])
    grain = float(np.abs(residual).mean())
    if grain > MAX_RESIDUAL_LEVELS:
        return None
    over_hole = _plane_at(plane, *_row_ends(hole))
    is_flat = bool((over_hole.max(axis=0) - over_hole.min(axis=0)).max() <= FLAT_RANGE_LEVELS)
    colour = np.median(samples[plain], axis=0).astype(np.float32)
    return Background(colour, plane, is_flat, plain_share, grain)


def _is_plain_between(hole: Mask, near: npt.NDArray[np.bool_], plain: npt.NDArray[np.bool_]) -> bool:
    """Whether the ring is plain where it lies between letters: inside the convex hull of the hole."""
    inside = np.zeros_like(hole)
    cv2.fillConvexPoly(inside, hull(hole, (0, 0)), 255)
    between = near & (inside > 0)
    count = int(np.count_nonzero(between))
    return count >= MIN_BETWEEN_PIXELS and int(np.count_nonzero(plain & between)) >= MIN_BETWEEN_SHARE * count


def _clean_share(image: Image, near: npt.NDArray[np.bool_], background: Background, stretch_px: int) -> float:
    """Share of the ring `near` whose neighbours in it, up to `stretch_px` away, are `background`, all but a few."""
    rows, columns = np.nonzero(near)
    difference = np.abs(image[rows, columns] - _plane_at(background.plane, rows, columns)).max(axis=1)
    plain = np.zeros(near.shape, np.bool_)
    plain[rows, columns] = difference <= TOLERANCE_LEVELS
    side = 2 * stretch_px + 1
    plain_count, count = (
        cv2.boxFilter(flags.view(np.uint8), cv2.CV_32F, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)[
            near
        ]
        for flags in (plain, near)
    )
    return float(np.mean(plain_count >= CLEAN_SHARE * count))


def deviation(image: Image, background: Background) -> npt.NDArray[np.float32]:
    """`(H, W)` largest channel difference, in levels, between `image` and its plain `background`."""
    height, width = image.shape[:2]
    result = np.empty((height, width), np.float32)
    grid_x = np.arange(width, dtype=np.float32)[None, :, None]
    for start in range(0, height, _ROWS_AT_ONCE):
        band = image[start : start + _ROWS_AT_ONCE]
        grid_y = np.arange(start, start + len(band), dtype=np.float32)[:, None, None]
        ideal = background.plane[0] + grid_x * background.plane[1] + grid_y * background.plane[2]
        np.abs(band - ideal).max(axis=2, out=result[start : start + _ROWS_AT_ONCE])
    return result


def _fit_plane(
    samples: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Least squares on the plain samples, found by starting from the commonest colour and looking again twice."""
    median = _commonest(samples)
    plane = np.zeros((3, 3), np.float32)
    plane[0] = median
    plain = np.abs(samples - median).max(axis=1) <= 2 * TOLERANCE_LEVELS
    design = np.stack([np.ones(len(rows)), columns, rows], axis=1).astype(np.float32)
    for _ in range(2):
        if np.count_nonzero(plain) < MIN_RING_PIXELS:
            break
        plane = np.linalg.lstsq(design[plain], samples[plain], rcond=None)[0].astype(np.float32)
        plain = np.abs(samples - design @ plane).max(axis=1) <= TOLERANCE_LEVELS
    return plane, plain


def _commonest(samples: npt.NDArray[np.float32]) -> Colour:
    """`(3,)` median of the samples whose luma is in the fullest window of 2 * TOLERANCE_LEVELS levels."""
    luma = samples.mean(axis=1)
    histogram = np.bincount(np.clip(luma, 0, 255).astype(np.intp), minlength=256)
    width = 2 * TOLERANCE_LEVELS
    windows = np.convolve(histogram, np.ones(width, np.intp))
    last = int(windows.argmax())
    inside = (luma >= last - width + 1) & (luma < last + 1)
    return np.asarray(np.median(samples[inside], axis=0), np.float32)


def _plane_at(
    plane: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    design = np.stack([np.ones(len(rows)), columns, rows], axis=1).astype(np.float32)
    return np.asarray(design @ plane, np.float32)


def _row_ends(mask: Mask) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of the first and the last erased pixel of each row: a plane's extremes lie there."""
    erased = mask > 0
    rows = np.flatnonzero(erased.any(axis=1))
    first = erased[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - erased[rows, ::-1].argmax(axis=1)
    return np.concatenate([rows, rows]), np.concatenate([first, last])


def shrink_to(mask: Mask, margin_px: int) -> tuple[int, int, int, int]:
    """Box around `mask`'s erased pixels, grown by `margin_px` and cut at the image's border."""
    x, y, width, height = cv2.boundingRect(mask)
    return (
        max(0, x - margin_px),
        max(0, y - margin_px),
        min(mask.shape[1], x + width + margin_px),
        min(mask.shape[0], y + height + margin_px),
    )
