"""Look at the ring around a hole and say what kind of background it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.surface import (
    CURVED_TERMS,
    PLANE_TERMS,
    Points,
    Samples,
    Surface,
    even_surface,
    fit_surface,
    surface_at,
    surface_over,
)
from service.imaging.arrays import Image, Mask
from service.imaging.colour import apart, luma
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
MIN_CLEAN_SHARE_ON_GROUND = 0.25
"""And where the mask itself shows the ground, at its rim and between the letters: between rules, on rough paper."""
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
RIM_PX = 2
"""A mask reaches a little past its letters: its rim shows what they stand on."""
MIN_RIM_PIXELS = 400
MIN_PLAIN_RIM_SHARE, MAX_PLAIN_CORE_SHARE = 0.85, 0.8
"""Of the outermost pixels of the hole itself, which are ground where a mask reaches past its letters: 0.87 and more in
bubbles and captions, 0.75 and less over art. A word has so many of them; the core must hold letters of other colour."""
MIN_RING_PIXELS = 24
MAX_RING_PIXELS = 500_000
STRIPE_PX = 64
_ROWS_AT_ONCE = 256
MAX_RESIDUAL_LEVELS = 3.5
BLACK_LEVEL, MAX_BLACK_RESIDUAL_LEVELS = 32, 5.5
"""In black, as around white letters in a caption, compression strays further, and no eye sees it."""
FLAT_RANGE_LEVELS = 2.0
MIN_CURVED_RANGE_LEVELS = 6.0
"""A ground that changes less than this along the ring is not fitted with a curve: that would follow its dirt."""
MIN_CURVED_GAIN = 0.2
"""How much of the plane's own error the curve must take away."""
RANGE_MARGIN_LEVELS, RANGE_MARGIN_SHARE = 6.0, 0.25
"""How far the surface may leave the range of the ring inside the hole: levels, or share of that range."""
CURVED_SAMPLES = 4000
OTHER_SIDE_PX = 5
DARK_SIDE_PX, DARK_LEVEL = 7, 80
"""Even patches of the ring at least this wide are other ground; dark ones may be a thick outline up to here."""
MAX_OTHER_GROUND_SHARE = 0.12
"""Of what touches the hole: more, and the text stands half on this, half on that."""

Colour = npt.NDArray[np.float32]
"""`(3,)` float32 RGB, levels 0 to 255."""


@dataclass(frozen=True)
class Background:
    """The plain background that a ring shows."""

    colour: Colour
    """`(3,)` median of the ring's plain pixels."""
    surface: Surface
    """`(n, 3)` levels as a function of crop pixels: `[1, x, y]`, or `[1, x, y, x², xy, y²]`, `@ surface`."""
    is_flat: bool
    """Whether the surface varies by less than FLAT_RANGE_LEVELS over the hole."""
    plain_share: float
    """Share of the ring that is plain, 0 to 1; the rest is outline, ink or art that happens to be near."""
    grain: float
    """Mean difference of the plain pixels from the surface, levels: paper, noise, compression."""


def ring_of(hole: Mask, forbidden: Mask, radius_px: int = RINGS_PX[0]) -> npt.NDArray[np.bool_]:
    """The `(H, W)` pixels within `radius_px` of `hole` that are not `forbidden` (text, other holes)."""
    return np.asarray((dilate_disc(hole, radius_px) > 0) & (forbidden == 0), np.bool_)


def rim_of(hole: Mask) -> npt.NDArray[np.bool_]:
    """The `(H, W)` outermost RIM_PX of `hole`."""
    side = 2 * RIM_PX + 1
    return np.asarray((hole > 0) & (cv2.erode(hole, np.ones((side, side), np.uint8)) == 0), np.bool_)


def look_at_ring(image: Image, hole: Mask, forbidden: Mask) -> Background | None:
    """The plain background around `hole`, or None if what is there is not plain.

    Plain: most of the ring, and nearly all that touches the hole, is within TOLERANCE_LEVELS of one colour,
    or of a colour that changes slowly, what is not is not spread all over the ring, or the mask itself shows that
    ground, and the text does not reach over to another even ground.
    `forbidden` `(H, W)` holds every hole: no ring looks at another's text.
    """
    is_spotted = False
    for radius_px, stretch_px, min_share in zip(RINGS_PX, STRETCHES_PX, MIN_CLEAN_RING_SHARES, strict=True):
        background = _look(image, hole, forbidden, radius_px)
        if background is None:
            continue
        near = _sample(ring_of(hole, forbidden, radius_px))
        clean_share = _clean_share(image, near, background, stretch_px)
        if clean_share >= (MIN_CLEAN_SHARE_AMONG_SPOTS if is_spotted else min_share):
            return background
        if is_spotted and clean_share >= MIN_CLEAN_SHARE_ON_GROUND and _is_seen_within(image, hole, near, background):
            return background
        is_spotted = True
    return None


def _is_seen_within(image: Image, hole: Mask, near: npt.NDArray[np.bool_], background: Background) -> bool:
    """Whether the rim of the `hole` and the ring between its letters show the `background`: what a tone does not do."""
    plain = _plain_map(image, near, background)
    return _is_plain_between(hole, near, plain) and _has_plain_rim(image, hole, background.surface)


def _plain_map(image: Image, near: npt.NDArray[np.bool_], background: Background) -> npt.NDArray[np.bool_]:
    """`(H, W)` what of the ring `near` is `background`."""
    rows, columns = np.nonzero(near)
    plain = np.zeros(near.shape, np.bool_)
    plain[rows, columns] = _is_near(image[rows, columns], surface_at(background.surface, rows, columns))
    return plain


def _sample(ring: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`ring`, of a very large one some stripes: MAX_RING_PIXELS say what all of it would."""
    thinning = -(-int(np.count_nonzero(ring)) // MAX_RING_PIXELS)
    if thinning > 1:
        stripes = np.arange(len(ring)) // STRIPE_PX % thinning == 0
        ring[~stripes] = False
    return ring


def commonest_background(image: Image, hole: Mask, forbidden: Mask) -> Background | None:
    """The plain background that most of the ring around `hole` shows, whatever else is there; None for no ring.

    What `look_at_ring` refuses may have two plain grounds; this is the one to tell the other from.
    """
    near = _sample(ring_of(hole, forbidden))
    if np.count_nonzero(near) < MIN_RING_PIXELS:
        return None
    rows, columns = np.nonzero(near)
    samples = image[rows, columns].astype(np.float32)
    surface, plain = _fit(samples, rows, columns, hole)
    return _background(samples, rows, columns, hole, surface=surface, plain=plain) if plain.any() else None


def _background(
    samples: Samples, rows: Points, columns: Points, hole: Mask, *, surface: Surface, plain: npt.NDArray[np.bool_]
) -> Background:
    residual = samples[plain] - surface_at(surface, rows[plain], columns[plain])
    over_hole = surface_at(surface, *_row_ends(hole))
    is_flat = bool((over_hole.max(axis=0) - over_hole.min(axis=0)).max() <= FLAT_RANGE_LEVELS)
    colour = np.median(samples[plain], axis=0).astype(np.float32)
    return Background(colour, surface, is_flat, float(plain.mean()), float(np.abs(residual).mean()))


def _look(image: Image, hole: Mask, forbidden: Mask, radius_px: int) -> Background | None:
    near = _sample(ring_of(hole, forbidden, radius_px))
    if np.count_nonzero(near) < MIN_RING_PIXELS:
        return None
    touching = ring_of(hole, forbidden, TOUCHING_PX) & near
    rows, columns = np.nonzero(near)
    samples = image[rows, columns].astype(np.float32)
    surface, plain = _fit(samples, rows, columns, hole)
    plain_share = float(plain.mean())
    plain_map = np.zeros(near.shape, np.bool_)
    plain_map[rows[plain], columns[plain]] = True
    if plain.any() and not _stays_in_range(surface, rows[plain], columns[plain], hole):
        return None
    is_paper = bool(np.median(samples[plain], axis=0).min() >= PAPER_LEVEL) if plain.any() else False
    may_be_mixed = is_paper or _is_plain_between(hole, near, plain_map) or _has_plain_rim(image, hole, surface)
    if plain_share < (MIN_PAPER_RING_SHARE if may_be_mixed else MIN_RING_SHARE):
        return None
    touching_count = np.count_nonzero(touching)
    min_touching_share = MIN_PAPER_TOUCHING_SHARE if may_be_mixed else MIN_TOUCHING_SHARE
    if touching_count and np.count_nonzero(plain_map & touching) < min_touching_share * touching_count:
        return None
    if _other_ground_share(image, near & ~plain_map, touching) > MAX_OTHER_GROUND_SHARE:
        return None
    background = _background(samples, rows, columns, hole, surface=surface, plain=plain)
    is_black = background.colour.max() <= BLACK_LEVEL
    return background if background.grain <= (MAX_BLACK_RESIDUAL_LEVELS if is_black else MAX_RESIDUAL_LEVELS) else None


def _is_plain_between(hole: Mask, near: npt.NDArray[np.bool_], plain: npt.NDArray[np.bool_]) -> bool:
    """Whether the ring is plain where it lies between letters: inside the convex hull of the hole."""
    inside = np.zeros_like(hole)
    cv2.fillConvexPoly(inside, hull(hole, (0, 0)), 255)
    between = near & (inside > 0)
    count = int(np.count_nonzero(between))
    return count >= MIN_BETWEEN_PIXELS and int(np.count_nonzero(plain & between)) >= MIN_BETWEEN_SHARE * count


def _has_plain_rim(image: Image, hole: Mask, surface: Surface) -> bool:
    """Whether the rim of the `hole` shows the ground that the ring shows, and what is inside of it does not.

    Where a text fills its caption, art is all around the mask; the rim still lies in the caption.
    """
    rim = rim_of(hole)
    core = _sample((hole > 0) & ~rim)
    if np.count_nonzero(rim) < MIN_RIM_PIXELS or not core.any():
        return False
    rim = _sample(rim)
    rim_share, core_share = (
        float(_is_near(image[flags].astype(np.float32), surface_at(surface, *np.nonzero(flags))).mean())
        for flags in (rim, core)
    )
    return rim_share >= MIN_PLAIN_RIM_SHARE and core_share <= MAX_PLAIN_CORE_SHARE


def _clean_share(image: Image, near: npt.NDArray[np.bool_], background: Background, stretch_px: int) -> float:
    """Share of the ring `near` whose neighbours in it, up to `stretch_px` away, are `background`, all but a few."""
    plain = _plain_map(image, near, background)
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
    for start in range(0, height, _ROWS_AT_ONCE):
        band = image[start : start + _ROWS_AT_ONCE]
        ideal = surface_over(background.surface, slice(start, start + len(band)), width)
        result[start : start + _ROWS_AT_ONCE] = apart(band, ideal)
    return result


def _fit(samples: Samples, rows: Points, columns: Points, hole: Mask) -> tuple[Surface, npt.NDArray[np.bool_]]:
    """The plane, or where the ground curves the surface of second order, and which samples are plain on it."""
    plane, plain = _fit_plane(samples, rows, columns)
    curved = _fit_curved(samples, rows, columns, plane)
    if curved is None or not (_is_steep(curved, rows, columns) and _stays_in_range(curved, rows, columns, hole)):
        return plane, plain
    curved_plain = _is_near(samples, surface_at(curved, rows, columns))
    both = plain & curved_plain
    if np.count_nonzero(both) < MIN_RING_PIXELS or np.count_nonzero(curved_plain) < np.count_nonzero(plain):
        return plane, plain
    errors = [
        float(np.abs(samples[both] - surface_at(surface, rows[both], columns[both])).mean())
        for surface in (plane, curved)
    ]
    return (curved, curved_plain) if errors[1] <= (1 - MIN_CURVED_GAIN) * errors[0] else (plane, plain)


def _fit_plane(samples: Samples, rows: Points, columns: Points) -> tuple[Surface, npt.NDArray[np.bool_]]:
    """Least squares on the plain samples, found by starting from the commonest colour and looking again twice."""
    median = commonest_colour(samples)
    plane = even_surface(median)
    plain = np.asarray(apart(samples, median) <= 2 * TOLERANCE_LEVELS)
    for _ in range(2):
        if np.count_nonzero(plain) < MIN_RING_PIXELS:
            break
        plane = fit_surface(samples[plain], rows[plain], columns[plain], PLANE_TERMS)
        plain = _is_near(samples, surface_at(plane, rows, columns))
    return plane, plain


def _fit_curved(samples: Samples, rows: Points, columns: Points, plane: Surface) -> Surface | None:
    """A surface of second order through what lies near the plane; None where there is little, or it is even."""
    step = -(-len(rows) // CURVED_SAMPLES)
    samples, rows, columns = samples[::step], rows[::step], columns[::step]
    surface, reach_levels = plane, 2 * TOLERANCE_LEVELS
    for _ in range(3):
        plain = apart(samples, surface_at(surface, rows, columns)) <= reach_levels
        if np.count_nonzero(plain) < MIN_RING_PIXELS:
            return None
        levels = samples[plain]
        if np.ptp(levels, axis=0).max() < MIN_CURVED_RANGE_LEVELS:
            return None
        surface, reach_levels = fit_surface(levels, rows[plain], columns[plain], CURVED_TERMS), TOLERANCE_LEVELS
    return surface


def _is_steep(surface: Surface, rows: Points, columns: Points) -> bool:
    """Whether `surface` changes enough along the ring to be curved and not dirty."""
    return bool(np.ptp(surface_at(surface, rows, columns), axis=0).max() >= MIN_CURVED_RANGE_LEVELS)


def _stays_in_range(surface: Surface, rows: Points, columns: Points, hole: Mask) -> bool:
    """Whether `surface` stays inside the hole near the levels that it has on the ring.

    A parabola soon leaves them, and so does a plane through the few pixels that other holes leave of a ring.
    """
    ring = surface_at(surface, rows, columns)
    low, high = ring.min(axis=0), ring.max(axis=0)
    margin = np.maximum(RANGE_MARGIN_LEVELS, RANGE_MARGIN_SHARE * (high - low))
    step = max(1, max(hole.shape) // 64)
    inner_rows, inner_columns = np.nonzero(hole[::step, ::step])
    ends = _row_ends(hole)
    levels = np.concatenate([surface_at(surface, inner_rows * step, inner_columns * step), surface_at(surface, *ends)])
    return bool(((levels >= low - margin) & (levels <= high + margin)).all())


def _is_near(samples: npt.NDArray[np.generic], ideal: Samples) -> npt.NDArray[np.bool_]:
    return np.asarray(apart(samples, ideal) <= TOLERANCE_LEVELS)


def _other_ground_share(image: Image, strange: npt.NDArray[np.bool_], touching: npt.NDArray[np.bool_]) -> float:
    """Share of what is `touching` the hole that is even, but not the plain ground: the next panel, a gray area.

    `strange` is what of the ring is not plain. Outlines are even too, but thin; screentone is not even.
    """
    count = int(np.count_nonzero(touching))
    if count == 0 or np.count_nonzero(strange & touching) <= MAX_OTHER_GROUND_SHARE * count:
        return 0.0
    light = np.asarray(luma(image), np.uint8)
    window = np.ones((3, 3), np.uint8)
    highest = cv2.dilate(np.where(strange, light, np.uint8(0)), window)
    lowest = cv2.erode(np.where(strange, light, np.uint8(255)), window)
    even = strange & (highest.astype(np.int16) - lowest <= TOLERANCE_LEVELS)
    other = np.zeros(strange.shape, np.bool_)
    for flags, side in ((even & (light >= DARK_LEVEL), OTHER_SIDE_PX), (even & (light < DARK_LEVEL), DARK_SIDE_PX)):
        other |= cv2.morphologyEx(flags.view(np.uint8), cv2.MORPH_OPEN, np.ones((side, side), np.uint8)) > 0
    return float(np.count_nonzero(other & touching)) / count


def commonest_colour(samples: Samples) -> Colour:
    """`(3,)` median of the `(N, 3)` samples whose luma is in the fullest window of 2 * TOLERANCE_LEVELS levels."""
    luma = samples.mean(axis=1)
    histogram = np.bincount(np.clip(luma, 0, 255).astype(np.intp), minlength=256)
    width = 2 * TOLERANCE_LEVELS
    windows = np.convolve(histogram, np.ones(width, np.intp))
    last = int(windows.argmax())
    inside = (luma >= last - width + 1) & (luma < last + 1)
    return np.asarray(np.median(samples[inside], axis=0), np.float32)


def _row_ends(mask: Mask) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of the first and the last erased pixel of each row: a plane's extremes lie there."""
    erased = mask > 0
    rows = np.flatnonzero(erased.any(axis=1))
    first = erased[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - erased[rows, ::-1].argmax(axis=1)
    return np.concatenate([rows, rows]), np.concatenate([first, last])
