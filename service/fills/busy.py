"""Where the surroundings of a hole are busy, a smooth fill shows: there, and only there, it is drawn from patches.

A patch where everything around is even would be the one thing to be seen. So a hole is drawn anew as far as what
surrounds it has contrast in the small, and as far as the drawing goes on from there no worse than the surroundings go
on in themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.crops import cut, list_crops
from service.fills.patches import SIDES, Check, redraw
from service.fills.shifts import Flags, Floats, to_opponent
from service.imaging.arrays import Box, Image, Mask
from service.imaging.masks import dilate, from_bool

MIN_PIXELS, MAX_PIXELS = 40, 40_000
"""Time grows with the hole, and a large one has no surroundings that could tell of its middle."""
MIN_WEIGHT = 0.1
"""Mean weight under which a hole is not worth the time."""
WINDOW_PX, BUSY_LEVELS = 7, 8.0
"""A pixel is busy if the light in a window around it deviates by more than so many levels."""
BUSY_SIGMA_PX, BUSY_SHARES = 12.0, (0.4, 0.55)
"""Share of busy pixels nearby at which nothing, and everything, is drawn anew."""
SEAM_SIGMA_PX, SEAM_RATIOS = 6.0, (1.6, 2.4)
"""How much stronger steps into the hole may be than those around it for all, and for nothing, to be believed."""
MAX_STEP, GROUND_STEP = 6000.0, 40.0
"""Squared levels: a step is a step; and what grain and compression make."""


_Kind = TypeVar("_Kind", np.float32, np.bool_)


def redraw_busy(
    image: Image, unknown: Mask, boxes: Sequence[Box], check: Check = lambda: None, *, unseen: Mask | None = None
) -> None:
    """Draw those parts of `unknown` `(H, W)` anew, in place, that a smooth fill cannot hide in.

    `image` `(H, W, 3)` holds a smooth fill already; every unknown pixel lies in one of `boxes`. Nothing goes on from
    what is `unseen` `(H, W)`. `check` is called now and then, and may raise.
    """
    for box, hole in list_crops(unknown, boxes, least_pixels=MIN_PIXELS):
        holes = cut(unknown, box)
        if unseen is not None:
            holes = holes | cut(unseen, box)
        _redraw_crop(cut(image, box), hole, holes, check)


def _redraw_crop(image: Image, hole: Mask, unknown: Mask, check: Check) -> None:
    inside, known = hole > 0, unknown == 0
    weight = ramp(busy_share(image, known), BUSY_SHARES) * inside
    if np.count_nonzero(hole) > MAX_PIXELS or weight[inside].mean() < MIN_WEIGHT:
        return
    near = np.where(dilate(from_bool(weight > 0), WINDOW_PX // 2) > 0, hole, np.uint8(0))
    drawn = redraw(image, near, unknown, check)
    weight *= 1 - ramp(_seam_ratio(image, drawn, inside, known), SEAM_RATIOS)
    blend = image + weight[..., None] * (drawn.astype(np.float32) - image)
    image[inside] = np.rint(blend[inside]).astype(np.uint8)


def busy_share(image: Image, known: Flags) -> Floats:
    """`(h, w)` share of busy pixels among the known ones nearby."""
    light = to_opponent(image)[..., 0]
    seen = known.astype(np.float32)
    window = (WINDOW_PX, WINDOW_PX)
    count = np.maximum(cv2.blur(seen, window), 1e-3)
    mean = cv2.blur(light * seen, window) / count
    variance = cv2.blur(light * light * seen, window) / count - mean * mean
    is_busy = known & (variance > BUSY_LEVELS**2)
    return mean_near(is_busy.astype(np.float32), seen, BUSY_SIGMA_PX)


def _seam_ratio(image: Image, drawn: Image, inside: Flags, known: Flags) -> Floats:
    """`(h, w)` squared steps from the known pixels to the drawn ones, over those among the known ones, nearby."""
    new, old = to_opponent(drawn), to_opponent(image)
    into, into_count, among, among_count = (np.zeros(inside.shape, np.float32) for _ in range(4))
    for dy, dx in SIDES:
        beside, is_known = _beside(old, dy, dx), _beside(known, dy, dx)
        seam, step = inside & is_known, known & is_known
        into += np.minimum(_squared(new - beside), MAX_STEP) * seam
        into_count += seam
        among += np.minimum(_squared(old - beside), MAX_STEP) * step
        among_count += step
    seams = mean_near(into, into_count, SEAM_SIGMA_PX)
    return seams / (mean_near(among, among_count, SEAM_SIGMA_PX) + GROUND_STEP)


def mean_near(values: Floats, counts: Floats, sigma_px: float) -> Floats:
    """`(h, w)` sum of `values` over that of `counts` near each pixel; where there are none, of those further away."""
    total, count = np.zeros_like(values), np.full_like(values, 1e-9)
    for step in range(3):
        share = np.float32(0.01**step)
        total += share * cv2.GaussianBlur(values, (0, 0), sigma_px * 2**step)
        count += share * cv2.GaussianBlur(counts, (0, 0), sigma_px * 2**step)
    return total / count


def ramp(values: Floats, ends: tuple[float, float]) -> Floats:
    """From 0 up to the first of the `ends` to 1 from the second on, smoothly: 3 t² - 2 t³."""
    share = np.clip((values - ends[0]) / (ends[1] - ends[0]), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _beside(array: npt.NDArray[_Kind], dy: int, dx: int) -> npt.NDArray[_Kind]:
    """What stands `dy` rows below and `dx` columns to the right of each pixel; 0 past the border."""
    height, width = array.shape[:2]
    result = np.zeros_like(array)
    result[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)] = array[
        max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)
    ]
    return result


def _squared(difference: Floats) -> Floats:
    return np.asarray(np.einsum("...c,...c->...", difference, difference), np.float32)
