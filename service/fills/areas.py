"""Where a picture is drawn in areas of few colours, a hole gets areas too: no blur between a red coat and a blue wall.

A smooth fill mixes the colours that meet in a hole. Here each colour's share is filled smoothly instead, as if it were
a picture of its own (the shares of a random walk that starts in the hole and ends at the first known pixel: Grady,
"Random Walks for Image Segmentation", PAMI 2006, section 3); the largest share takes the pixel, with the colour that
its area has nearby.

Squared errors are larger for a sharp edge in the wrong place than for a blur, but nobody takes a blur for a drawing.
Textured ground has no such areas: there, and where areas foretell the hole's own rim no better, the fill stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.busy import mean_near, ramp
from service.fills.crops import cut, list_crops
from service.fills.shifts import Flags, Floats
from service.fills.smooth import fill_smoothly
from service.imaging.arrays import Box, Image, Mask
from service.imaging.colour import apart
from service.imaging.masks import dilate_disc, from_bool

MIN_PIXELS = 400
"""Of a smaller hole the blur is hardly seen, and its surroundings may be a sign of that size."""
BAND_PX = 24
"""How far around a hole the colours are looked for."""
NEAR_LEVELS = 36
"""A colour's reach, in the channel that differs most."""
BIN_LEVELS = 16
MOST_COLOURS = 10
MIN_COLOUR_SHARE = 0.01
"""A colour that less of the band has is no area's."""
MIN_COVERED_SHARE = 0.9
"""Of the band, how much the colours must cover together."""
CORE_PX, INK_CORE_PX, INK_LEVEL = 5, 9, 70
"""Thinner than this is no area but a line, which must not spread; of dark colours, outlines and borders, the second."""
EDGE_PX, GROUND_SHARE = 2, 0.4
"""A colour that so much of a hole's edge has nearby is its ground there, however thin."""
ROUND_SIGMA_PX, ROUNDS = 1.5, 3
"""Areas give back what sticks out of them."""
EDGE_SIGMA_PX = 0.7
"""Softness of an edge between two areas, as scans and scaling make it."""
RIM_PX = 6
MIN_SMOOTH_ERROR = 150.0
"""Squared levels, over the channels, by which a smooth fill errs at least on a rim that it was not shown: below that
little is blurred."""
HIT_LEVELS, MAX_LOST_HITS, MIN_WON_HITS = 22, 0.05, 0.01
"""What errs by no more than this is right. Areas may have so much less of that rim right, of which a smooth fill has
much nearly right: squared errors would call every blur better. Where little is blurred they must have so much more of
it right: a narrow stripe across a wide hole meets little of its rim."""
AREA_SHARES = (0.5, 0.7)
"""Share of the pixels nearby that lie in areas at which nothing, and everything, is taken from areas."""
AREA_SIGMA_PX = 12.0
MIN_WEIGHT = 0.1
"""Mean weight under which a hole is not worth the time."""
MAX_SIDE_PX, MAX_PIXELS = 1024, 160_000
"""A title is drawn in one piece; a larger crop than this is drawn smaller, for the memory that it takes."""
Check = Callable[[], None]
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Areas:
    """A crop as areas."""

    known: Flags
    labels: Labels
    """`(h, w)` the number of the colour that is nearest to each pixel."""
    colours: Floats
    """`(k, 3)` RGB levels."""

    @cached_property
    def cores(self) -> Flags:
        """`(h, w)` the known pixels of areas, without lines and the soft edges between areas."""
        cores = np.zeros(self.known.shape, np.bool_)
        hole = from_bool(~self.known)
        edge = self.known & (dilate_disc(hole, EDGE_PX) > 0)
        edges = np.maximum(cv2.GaussianBlur(edge.astype(np.float32), (0, 0), AREA_SIGMA_PX), 1e-6)
        for number, colour in enumerate(self.colours):
            side_px = INK_CORE_PX if colour.max() < INK_LEVEL else CORE_PX
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side_px, side_px))
            own = self.known & (self.labels == number)
            cores |= cv2.morphologyEx(from_bool(own), cv2.MORPH_OPEN, disc) > 0
            # What is left of a caption around its letters is thin, and their ground all the same.
            share = cv2.GaussianBlur((edge & own).astype(np.float32), (0, 0), AREA_SIGMA_PX)
            with_hole = cv2.morphologyEx(from_bool(own) | hole, cv2.MORPH_OPEN, disc) > 0
            cores |= own & with_hole & (share >= GROUND_SHARE * edges)
        return cores if cores.any() else self.known


def redraw_areas(
    image: Image, unknown: Mask, boxes: Sequence[Box], check: Check = lambda: None, *, unseen: Mask | None = None
) -> None:
    """Draw `unknown` `(H, W)` anew, in place, where its surroundings are areas of few colours.

    `image` `(H, W, 3)` holds a smooth fill already; every unknown pixel lies in one of `boxes`. Nothing goes on from
    what is `unseen` `(H, W)`. `check` is called now and then, and may raise.
    """
    for box, hole in list_crops(unknown, boxes, least_pixels=MIN_PIXELS, max_side_px=MAX_SIDE_PX):
        check()
        crop, holes = cut(image, box), cut(unknown, box)
        if unseen is not None:
            holes = holes | cut(unseen, box)
        if hole.size <= MAX_PIXELS:
            _redraw_crop(crop, hole, holes, check)
            continue
        factor = (MAX_PIXELS / hole.size) ** 0.5
        small = _resized(crop, factor)
        if _redraw_crop(small, _resized(hole, factor), _resized(holes, factor), check):
            large = cv2.resize(small, (hole.shape[1], hole.shape[0]), interpolation=cv2.INTER_LINEAR)
            crop[hole > 0] = large[hole > 0]


def _resized(array: npt.NDArray[np.uint8], factor: float) -> npt.NDArray[np.uint8]:
    """A picture made smaller, or a mask of which nothing is lost."""
    small = cv2.resize(array, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(small if array.ndim == 3 else from_bool(small > 0), np.uint8)


def _redraw_crop(image: Image, hole: Mask, unknown: Mask, check: Check) -> bool:
    """Draw the crop's hole in areas, in place; whether that could be."""
    known = unknown == 0
    colours = find_colours(image[(dilate_disc(hole, BAND_PX) > 0) & known])
    if len(colours) < 2:  # one area has no edges to be blurred
        return False
    areas = _Areas(known, _nearest(image, colours), colours)
    share = mean_near(areas.cores.astype(np.float32), known.astype(np.float32), AREA_SIGMA_PX)
    weight = ramp(share, AREA_SHARES) * (hole > 0)
    if weight[hole > 0].mean() < MIN_WEIGHT or not _foretells_rim(image, hole, areas, check):
        return False
    blend = image + weight[..., None] * (_draw(image, areas, check) - image)
    image[hole > 0] = np.clip(np.rint(blend), 0, 255).astype(np.uint8)[hole > 0]
    return True


def find_colours(pixels: Image) -> Floats:
    """`(k, 3)` RGB levels of the commonest colours of `pixels` `(n, 3)`, the commonest first.

    None, `(0, 3)`, where a few do not cover them.
    """
    found = np.empty((0, 3), np.float32)
    left = pixels.astype(np.float32)
    while len(found) < MOST_COLOURS and len(left) > MIN_COLOUR_SHARE * len(pixels):
        bins = (left / BIN_LEVELS).astype(np.intp) @ np.array([256, 16, 1])
        colour = left[bins == np.bincount(bins).argmax()].mean(axis=0)
        is_near = apart(left, colour) <= NEAR_LEVELS
        found = np.vstack([found, left[is_near].mean(axis=0)])
        left = left[~is_near]
    return found if len(left) <= (1 - MIN_COVERED_SHARE) * len(pixels) else found[:0]


def _nearest(image: Image, colours: Floats) -> Labels:
    """`(h, w)` the number of the colour that is nearest to each pixel."""
    best, distance = np.zeros(image.shape[:2], np.uint8), np.full(image.shape[:2], np.inf, np.float32)
    for number, colour in enumerate(colours):
        away = apart(image, colour)
        best[away < distance] = number
        np.minimum(distance, away, out=distance)
    return best


def _foretells_rim(image: Image, hole: Mask, areas: _Areas, check: Check) -> bool:
    """Whether areas draw the rim of the hole as well as a smooth fill does, neither of which was shown it."""
    shown = areas.known & (dilate_disc(from_bool(~areas.known), RIM_PX) == 0)
    rim = areas.known & ~shown & (dilate_disc(hole, RIM_PX) > 0)
    if not shown.any() or not rim.any():
        return False
    smooth = np.abs(fill_smoothly(image, from_bool(~shown))[rim] - image[rim])
    smooth_hits = (smooth.max(axis=1) <= HIT_LEVELS).mean()
    is_blurred = np.square(smooth).sum(axis=1).mean() >= MIN_SMOOTH_ERROR
    least_hits = smooth_hits - MAX_LOST_HITS if is_blurred else smooth_hits + MIN_WON_HITS
    if least_hits > 1:
        return False
    drawn = np.abs(_draw(image, replace(areas, known=shown), check)[rim] - image[rim])
    return bool((drawn.max(axis=1) <= HIT_LEVELS).mean() >= least_hits)


def _draw(image: Image, areas: _Areas, check: Check) -> Floats:
    """`(h, w, 3)` levels: the image where it is known, areas elsewhere."""
    best = np.where(areas.known, areas.labels, _largest_shares(areas, check))
    for _ in range(ROUNDS):
        best = np.where(areas.known, areas.labels, _rounded(best, len(areas.colours)))
    total, weight = np.zeros(image.shape, np.float32), np.full(best.shape, 1e-6, np.float32)
    for number in np.unique(best[~areas.known]):
        check()
        share = cv2.GaussianBlur((best == number).astype(np.float32), (0, 0), EDGE_SIGMA_PX)
        total += share[..., None] * fill_smoothly(image, from_bool(~(areas.cores & (areas.labels == number))))
        weight += share
    return np.where(areas.known[..., None], image, total / weight[..., None]).astype(np.float32)


def _largest_shares(areas: _Areas, check: Check) -> Labels:
    """`(h, w)` the number of the colour of which most is around each pixel."""
    size_hw = areas.labels.shape
    best, most = np.zeros(size_hw, np.uint8), np.full(size_hw, -1.0, np.float32)
    outside = from_bool(~areas.cores)
    for first in range(0, len(areas.colours), 3):
        check()
        numbers = range(first, min(first + 3, len(areas.colours)))
        own = np.zeros((*size_hw, 3), np.uint8)
        for channel, number in enumerate(numbers):
            own[..., channel] = from_bool(areas.labels == number)
        shares = fill_smoothly(own, outside)
        for channel, number in enumerate(numbers):
            best[shares[..., channel] > most] = number
            np.maximum(most, shares[..., channel], out=most)
    return best


def _rounded(best: Labels, count: int) -> Labels:
    """`(h, w)` the colour that most of a small neighbourhood has."""
    rounded, most = best.copy(), np.full(best.shape, -1.0, np.float32)
    for number in range(count):
        share = cv2.GaussianBlur((best == number).astype(np.float32), (0, 0), ROUND_SIGMA_PX)
        rounded[share > most] = number
        np.maximum(most, share, out=most)
    return rounded
