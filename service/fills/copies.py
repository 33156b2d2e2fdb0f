"""Copy what stands near a hole into it: edges, brick, foliage, hatching, whatever the surroundings show again.

Every pixel of the hole takes one of the commonest shifts, so that what it copies goes on from the known pixels and from
what its neighbours copy (Pritch et al., "Shift-Map Image Editing", ICCV 2009; He and Sun, ECCV 2012). Only differences
of neighbours are copied, not levels, so that light that changes slowly goes on (Perez et al., "Poisson Image Editing",
SIGGRAPH 2003). Of a large hole that is decided on a smaller picture, and the pixels come from the large one.

A wrong copy is worse than a soft fill on quiet ground: there, what does not go on from its surroundings, or explains
them hardly better than a smooth fill does, is left to the network. On inked ground a soft fill is a grey cloud, which
nobody overlooks: there copies are taken, seams and all, if they explain the surroundings hardly worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.busy import busy_share
from service.fills.shift_map import Check, Spot, choose_shifts, pads_for, shift_costs, squared
from service.fills.shifts import Flags, Floats, Ints, find_shifts, to_opponent
from service.fills.smooth import fill_smoothly
from service.imaging.arrays import Image, Mask
from service.imaging.masks import components, dilate_disc, from_bool

MAX_PIXELS = 400_000
"""Largest crop that is looked at as it is. It takes 60 MB, or 65: less than the networks, which rest then."""
MIN_HOLE_PIXELS, MAX_HOLE_PIXELS = 24, 100_000
"""Time and memory grow with the hole."""
FACTORS = (1, 2)
"""How many times smaller a crop is looked at: so much that it and its hole are no larger than that. A hole that is too
large even so has no surroundings that could tell of its middle."""
RELAXATIONS, MOMENTUM = 50, 1.75
MAX_LIGHT_STEP = 110.0
"""Levels between two sources, or a source and what is known, that light explains; more is another thing's ink."""
COPY_WEIGHT = 0.01
"""How a copy keeps its own level, against a neighbour: what nothing holds stays as it was copied."""
RING_PX = 6
GROUND_VARIANCE, RING_ERROR = 100.0, 20.0
"""Squared levels by which a ground varies, and a smooth fill errs, at least: grain and compression."""
MAX_LOCAL_SEAM, LOCAL_SEAM_PX, DOUBT_PX = 0.6, 9, 3
BELIEVED = ((0.1, 0.3), (0.02, 0.6), (0.008, 0.9))
"""How much a piece may err: its seams, squared, over the variance of the ring, and on the ring over a smooth fill. What
has all but no seams need not explain an even ring better than that."""
MIN_RING_SHARE, MIN_SURE_SHARE = 0.6, 0.6
CLOUD_ERROR, CLOUD_BUSY_SHARE = 500.0, 0.4
"""A smooth fill would be a cloud where it errs by so many squared levels on the ring, and so much nearby is busy."""
SEAM_BUSY_SHARE = 0.45
"""How much nearby is busy where a seam is not seen among all the ink."""
MAX_CLOUD_RATIO, MIN_CLOUD_RING_SHARE = 1.05, 0.8
"""How much of a cloud's error copies may make to be taken instead, and how much of the ring must have shown it. What
is right but for the place of its lines errs up to twice as much as the even gray that nobody wants there."""
DENSE_ERROR, MAX_DENSE_RATIO = 2000.0, 1.3
"""And where a smooth fill errs as much as that: strokes of a pen that lie close, which never repeat in their places."""


@dataclass(frozen=True)
class Copies:
    """What was copied into a hole."""

    mask: Mask
    """`(h, w)` which pixels of the hole."""
    levels: npt.NDArray[np.uint8]
    """`(n, 3)` RGB for each of them, row by row."""


def find_copies(
    image: Image, hole: Mask, forbidden: Mask, check: Check = lambda: None, *, barred: Mask | None = None
) -> Copies | None:
    """What `hole` can believably be filled with from its surroundings; None if that is nothing.

    `image` `(h, w, 3)` is the crop around the hole; `forbidden` `(h, w)` holds all holes in it: nothing is copied from
    there. Nor is what is `barred` `(h, w)`, though what is copied must go on into it. `check` is called now and then,
    and may raise.
    """
    barred = np.zeros_like(hole) if barred is None else barred
    if np.count_nonzero(hole) < MIN_HOLE_PIXELS:
        return None
    for factor in FACTORS:
        small_hole = _shrunk_mask(hole, factor)
        if small_hole.size <= MAX_PIXELS and np.count_nonzero(small_hole) <= MAX_HOLE_PIXELS:
            return _find(image, hole, forbidden, barred, factor=factor, check=check)
    return None


def _find(image: Image, hole: Mask, forbidden: Mask, barred: Mask, *, factor: int, check: Check) -> Copies | None:
    """Places and light from a picture `factor` times smaller, pixels from the page: a tone may be so many px off."""
    small, small_hole = _shrunk(image, factor), _shrunk_mask(hole, factor)
    choice = _choose(small, small_hole, _shrunk_mask(forbidden, factor), _shrunk_mask(barred, factor), check)
    if choice is None:
        return None
    numbers = np.full(small_hole.shape, -1, np.int32)
    numbers[choice.rows, choice.columns] = np.arange(len(choice.rows))
    numbers = np.repeat(np.repeat(numbers, factor, axis=0), factor, axis=1)[: hole.shape[0], : hole.shape[1]]
    mask = from_bool((hole > 0) & (numbers >= 0))
    number = numbers[mask > 0]
    rows, columns = (
        np.clip(places + factor * choice.shifts[number, axis], 0, hole.shape[axis] - 1)
        for axis, places in enumerate(np.nonzero(mask))
    )
    source = small[choice.rows + choice.shifts[:, 0], choice.columns + choice.shifts[:, 1]]
    levels = image[rows, columns] + (choice.levels - source)[number]
    return Copies(mask, np.asarray(np.clip(levels, 0, 255), np.uint8))


@dataclass(frozen=True)
class _Choice:
    """Pixels of a hole that can be believed, `(m,)` each."""

    rows: Ints
    columns: Ints
    shifts: Ints
    """`(m, 2)` how far below and to the right of each its source is."""
    levels: npt.NDArray[np.int16]
    """`(m, 3)` what they become: their sources in the light that is here."""


def _choose(image: Image, hole: Mask, forbidden: Mask, barred: Mask, check: Check) -> _Choice | None:
    """Which pixels can be copied, and from where; None if none can."""
    inside, known = hole > 0, forbidden == 0
    shifts = find_shifts(image, inside, known)
    check()
    if not len(shifts):
        return None
    smooth = fill_smoothly(image, forbidden)
    spot = Spot.of(image, smooth, inside, known, shifts)
    expected = to_opponent(smooth[inside])
    del smooth
    chosen = choose_shifts(spot, shift_costs(spot, expected, inside, known, check), check)
    believed = _believed(image, spot, chosen, inside, forbidden)
    if barred.any():
        rows, columns = (
            np.clip(places + shifts[chosen, axis], 0, hole.shape[axis] - 1)
            for axis, places in enumerate((spot.rows, spot.columns))
        )
        believed &= barred[rows, columns] == 0
    check()
    if not believed.any():
        return None
    levels = _blend(image, spot, chosen, believed).astype(np.int16)
    return _Choice(spot.rows[believed], spot.columns[believed], shifts[chosen[believed]], levels)


def _shrunk(image: Image, factor: int) -> Image:
    """`image` so many times smaller, each pixel the mean of a block; itself for 1."""
    if factor == 1:
        return image
    height, width = image.shape[:2]
    padded = cv2.copyMakeBorder(image, 0, -height % factor, 0, -width % factor, cv2.BORDER_REPLICATE)
    size_wh = (padded.shape[1] // factor, padded.shape[0] // factor)
    return np.asarray(cv2.resize(padded, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _shrunk_mask(mask: Mask, factor: int) -> Mask:
    """`mask` so many times smaller, set where any pixel of a block is."""
    if factor == 1:
        return mask
    padded = np.pad(mask, [(0, -side % factor) for side in mask.shape])
    blocks = padded.reshape(padded.shape[0] // factor, factor, padded.shape[1] // factor, factor)
    return np.asarray(blocks.max(axis=(1, 3)), np.uint8)


def fill_copies(image: Image, copies: Copies) -> None:
    """Put the copied pixels into `image`, in place."""
    image[copies.mask > 0] = copies.levels


def _believed(image: Image, spot: Spot, chosen: Ints, inside: Flags, forbidden: Mask) -> Flags:
    """`(n,)` which pixels may be copied: of a good piece of the hole, or a cloudy one, all that is not doubtful.

    Of a cloudy one also what is, where the ink hides the seams.
    """
    pieces = components(from_bool(inside))
    piece = pieces.labels[spot.rows, spot.columns]
    ring = _look_at_ring(image, spot, chosen, inside, forbidden)

    def total(index: npt.NDArray[np.generic], values: npt.NDArray[np.generic] | None = None) -> npt.NDArray[np.float64]:
        return np.bincount(index, weights=values, minlength=pieces.count + 1).astype(np.float64)

    of_ring = piece[ring.nearest]
    ring_count = np.maximum(total(of_ring), 1)
    variance = np.zeros(pieces.count + 1)
    for channel in ring.colours.T:
        variance += total(of_ring, channel**2) / ring_count - (total(of_ring, channel) / ring_count) ** 2
    seams = np.asarray(_seams(spot, chosen) / (variance[piece] + GROUND_VARIANCE), np.float32)
    sure = ~_doubtful(spot, chosen, seams, inside)
    sure_count = total(piece, sure)
    seam = total(piece, seams * sure) / np.maximum(sure_count, 1)
    supported = total(of_ring, ring.supported)
    copy_error, smooth_error = (
        total(of_ring, error * ring.supported) / np.maximum(supported, 1)
        for error in (ring.copy_error, ring.smooth_error)
    )
    ratio = copy_error / np.maximum(smooth_error, RING_ERROR)
    is_good = np.logical_or.reduce([(seam <= max_seam) & (ratio <= max_ratio) for max_seam, max_ratio in BELIEVED])
    is_good &= (supported >= MIN_RING_SHARE * ring_count) & (sure_count >= MIN_SURE_SHARE * total(piece))
    most_ratio = np.where(smooth_error >= DENSE_ERROR, MAX_DENSE_RATIO, MAX_CLOUD_RATIO)
    is_cloudy = (smooth_error >= CLOUD_ERROR) & (ratio <= most_ratio)
    is_cloudy &= supported >= MIN_CLOUD_RING_SHARE * ring_count
    busy = busy_share(image, forbidden == 0)[inside]
    is_cloudy &= total(piece, busy) >= CLOUD_BUSY_SHARE * total(piece)
    hides_seams = _has_source(spot, chosen) & (busy >= SEAM_BUSY_SHARE)
    return np.asarray((sure & (is_good | is_cloudy)[piece]) | (hides_seams & is_cloudy[piece]), np.bool_)


def _has_source(spot: Spot, chosen: Ints) -> Flags:
    """`(n,)` the pixels whose shift leads to a known one."""
    return np.asarray(spot.known[spot.places + spot.jumps[chosen]], np.bool_)


def _doubtful(spot: Spot, chosen: Ints, seams: Floats, inside: Flags) -> Flags:
    """`(n,)` the pixels near strong seams, and those that have nothing to copy."""
    shown = np.zeros(inside.shape, np.float32)
    shown[inside] = seams
    window = (LOCAL_SEAM_PX, LOCAL_SEAM_PX)
    total, weight = (
        cv2.blur(part, window, borderType=cv2.BORDER_CONSTANT) for part in (shown, inside.astype(np.float32))
    )
    is_bad = inside & (total > MAX_LOCAL_SEAM * weight)
    is_bad[inside] |= ~_has_source(spot, chosen)
    return dilate_disc(from_bool(is_bad), DOUBT_PX)[inside] > 0


def _seams(spot: Spot, chosen: Ints) -> Floats:
    """`(n,)` squared levels between what a pixel's source has beside it and what its neighbours are, of all four."""
    seams = np.zeros(len(spot.places), np.float32)
    jumps = spot.jumps[chosen]
    for side in spot.sides:
        places = spot.places + side
        numbers = spot.numbers[places]
        theirs = np.where(numbers >= 0, jumps[np.maximum(numbers, 0)], 0)
        step = squared(spot.colours[places + jumps] - spot.colours[places + theirs])
        seams += np.where((numbers >= 0) | spot.known[places], step, 0)
    return seams


@dataclass(frozen=True)
class _Ring:
    """Known pixels around a hole, `(m,)` each."""

    nearest: Ints
    """Number of the nearest pixel of the hole."""
    colours: Floats
    supported: Flags
    """Whether the nearest pixel's shift leads from here to a known pixel too."""
    copy_error: Floats
    smooth_error: Floats


def _look_at_ring(image: Image, spot: Spot, chosen: Ints, inside: Flags, forbidden: Mask) -> _Ring:
    """How well the copies, gone on outwards, draw the ring, and how well a smooth fill does that does not see it."""
    rows, columns, nearest = _ring(inside, forbidden)
    places = spot.places[nearest]
    width = spot.sides[2]
    places = places + (rows - spot.rows[nearest]) * width + columns - spot.columns[nearest]
    sources = places + spot.jumps[chosen[nearest]]
    colours = spot.colours[places]
    smooth = to_opponent(fill_smoothly(image, dilate_disc(forbidden, RING_PX))[rows, columns])
    return _Ring(
        nearest, colours, spot.known[sources], squared(spot.colours[sources] - colours), squared(smooth - colours)
    )


def _ring(inside: Flags, forbidden: Mask) -> tuple[Ints, Ints, Ints]:
    """Rows and columns of the known pixels around the hole, and the number of the hole's pixel nearest to each."""
    distance, zones = cv2.distanceTransformWithLabels(
        from_bool(~inside), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number_of_zone = np.zeros(int(zones.max()) + 1, np.intp)
    number_of_zone[zones[inside]] = np.arange(np.count_nonzero(inside))
    rows, columns = np.nonzero((forbidden == 0) & (distance <= RING_PX))
    return rows, columns, number_of_zone[zones[rows, columns]]


def _blend(image: Image, spot: Spot, chosen: Ints, believed: Flags) -> npt.NDArray[np.uint8]:
    """`(m, 3)` levels of the believed pixels, which differ from their neighbours as their sources do.

    Where two sources, or a source and what is known, differ by more than light does, the step stays as it is: to level
    it would spread the ink of one over the other as a fog.
    """
    flat = np.pad(image, (*pads_for(spot.shifts), (0, 0)), mode="edge").reshape(-1, 3)
    places, jumps = spot.places[believed], spot.jumps[chosen[believed]]
    numbers = np.full(len(spot.numbers), -1, np.int32)
    numbers[places] = np.arange(len(places))
    copies = flat[places + jumps].astype(np.float32)
    wanted, count = COPY_WEIGHT * copies, np.full((len(places), 1), COPY_WEIGHT, np.float32)
    links = []
    for side in spot.sides:
        beside = numbers[places + side]
        is_ours = beside >= 0
        is_known = spot.known[places + side]
        # Half a step is what this pixel's source shows, half what the neighbour's does, each as far as it is known.
        own_end, their_start = places + jumps + side, places + jumps[beside]
        own = np.where(spot.known[own_end, None], copies - flat[own_end], 0)
        theirs = np.where(spot.known[their_start, None], flat[their_start] - copies[beside], 0)
        end = np.where(is_ours[:, None], copies[beside], flat[places + side])
        gap = np.abs(np.where(spot.known[own_end, None], flat[own_end] - end, 0)).max(axis=1)
        back = np.where(spot.known[their_start, None], flat[their_start] - copies, 0)
        gap = np.where(is_ours, np.maximum(gap, np.abs(back).max(axis=1)), gap)
        is_light = gap <= MAX_LIGHT_STEP
        counts = ((is_ours | is_known) & is_light)[:, None]
        wanted += np.where(counts, np.where(is_ours[:, None], (own + theirs) / 2, own + flat[places + side]), 0)
        count += counts
        links.append((np.flatnonzero(is_ours & is_light), beside[is_ours & is_light]))
    before = now = copies
    for step in range(RELAXATIONS):
        relaxed = wanted.copy()
        for here, there in links:
            relaxed[here] += now[there]
        relaxed /= count
        if step:
            relaxed = before + np.float32(MOMENTUM) * (relaxed - before)
        before, now = now, relaxed
    return np.asarray(np.clip(np.rint(now), 0, 255), np.uint8)
