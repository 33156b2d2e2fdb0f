"""Copy what stands near a hole into it: edges, brick, foliage, hatching, whatever the surroundings show again.

Every pixel of the hole takes one of the commonest shifts, so that what it copies goes on from the known pixels and from
what its neighbours copy (Pritch et al., "Shift-Map Image Editing", ICCV 2009; He and Sun, ECCV 2012). Only differences
of neighbours are copied, not levels, so that light that changes slowly goes on (Perez et al., "Poisson Image Editing",
SIGGRAPH 2003).

A wrong copy is worse than a soft fill on quiet ground: there, what does not go on from its surroundings, or explains
them hardly better than a smooth fill does, is left to the network. On inked ground a soft fill is a grey cloud, which
nobody overlooks: there copies are taken, seams and all, if they explain the surroundings better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.busy import busy_share
from service.fills.shifts import Flags, Floats, Ints, bands, find_shifts, to_opponent
from service.fills.smooth import fill_smoothly
from service.imaging.arrays import Image, Mask
from service.imaging.geometry import shrink_to
from service.imaging.masks import components, dilate_disc, from_bool

MAX_PIXELS = 400_000
"""Largest crop that is looked at. It takes 40 MB, long and thin 55: less than the networks, which rest meanwhile."""
MIN_HOLE_PIXELS, MAX_HOLE_PIXELS = 24, 40_000
"""Time and memory grow with the hole; a larger one has no surroundings that could tell of its middle."""
LOCAL_SIGMA_PX, LOCAL_REACH_PX = 4.0, 17
"""Spread of what counts as near, and beyond what nothing of it is left."""
LOCAL_WEIGHT = 0.25
"""Of how a shift fits the known pixels nearby, against how it meets its neighbours."""
MIN_SUPPORT, UNSUPPORTED, DOUBT = 0.02, 5000.0, 20.0
"""Share of known pixels nearby under which nothing is known, the squared levels that stand for it, and what a shift
must be better by, the less there is that speaks for it."""
MAX_STEP = 6000.0
"""Squared levels: a seam is a seam."""
CHANGE_COST = 8.0
EXPECTED_WEIGHT, EXPECTED_DEPTH_PX = 0.05, 8.0
CHOICES, SWEEPS = 10, 5
CHOOSING_AT_ONCE = 2048
"""Pixels, for the memory that it takes."""
RELAXATIONS, MOMENTUM = 50, 1.75
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
MAX_CLOUD_RATIO, MIN_CLOUD_RING_SHARE = 0.7, 0.8
"""How much of a cloud's error copies may make to be taken instead, and how much of the ring must have shown it."""
NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))
Check = Callable[[], None]


@dataclass(frozen=True)
class Copies:
    """What was copied into a hole."""

    mask: Mask
    """`(h, w)` which pixels of the hole."""
    levels: npt.NDArray[np.uint8]
    """`(n, 3)` RGB for each of them, row by row."""


def find_copies(image: Image, hole: Mask, forbidden: Mask, check: Check = lambda: None) -> Copies | None:
    """What `hole` can believably be filled with from its surroundings; None if that is nothing.

    `image` `(h, w, 3)` is the crop around the hole; `forbidden` `(h, w)` holds all holes in it: nothing is copied from
    there. `check` is called now and then, and may raise.
    """
    count = np.count_nonzero(hole)
    if not MIN_HOLE_PIXELS <= count <= MAX_HOLE_PIXELS or hole.size > MAX_PIXELS:
        return None
    inside, known = hole > 0, forbidden == 0
    shifts = find_shifts(image, inside, known)
    check()
    if not len(shifts):
        return None
    smooth = fill_smoothly(image, forbidden)
    spot = _Spot.of(image, smooth, inside, known, shifts)
    expected = to_opponent(smooth[inside])
    del smooth
    chosen = _choose(spot, _costs(spot, expected, inside, known, check), check)
    believed = _believed(image, spot, chosen, inside, forbidden)
    check()
    if not believed.any():
        return None
    mask = np.zeros_like(hole)
    mask[spot.rows[believed], spot.columns[believed]] = 255
    return Copies(mask, _blend(image, spot, chosen, believed, known))


def fill_copies(image: Image, copies: Copies) -> None:
    """Put the copied pixels into `image`, in place."""
    image[copies.mask > 0] = copies.levels


@dataclass(frozen=True)
class _Spot:
    """The hole's `n` pixels, `k` shifts, and the crop as arrays, most of them flat, with a border for any shift."""

    rows: Ints
    columns: Ints
    shifts: Ints
    colours: Floats
    crop: Floats
    """`(h, w, 3)` the colours again, without the border."""
    known: Flags
    places: Ints
    """`(n,)` where each of the hole's pixels is in the flat arrays."""
    jumps: Ints
    """`(k,)` what each shift adds to a place."""
    numbers: npt.NDArray[np.int32]
    """For each place which pixel of the hole it is; -1 elsewhere."""
    sides: tuple[int, ...]
    """What each of the four neighbours adds to a place."""

    @classmethod
    def of(cls, image: Image, smooth: Floats, inside: Flags, known: Flags, shifts: Ints) -> _Spot:
        """Lay the crop out. What stands in the holes must not matter: where a shift leads there, `smooth` stands."""
        height, width = inside.shape
        (top, _), (left, _) = pads = _pads(shifts)
        colours = np.empty((height + 2 * top, width + 2 * left, 3), np.float32)
        crop = colours[top : top + height, left : left + width]
        for band in bands(inside.shape):
            crop[band] = to_opponent(np.where(known[band][..., None], image[band], smooth[band]))
        rim = colours[top : top + height]
        rim[:, :left], rim[:, left + width :] = crop[:, :1], crop[:, -1:]
        colours[:top], colours[top + height :] = rim[:1], rim[-1:]
        rows, columns = np.nonzero(inside)
        stride = colours.shape[1]
        places = (rows + top) * stride + columns + left
        numbers = np.full(colours.shape[0] * stride, -1, np.int32)
        numbers[places] = np.arange(len(places))
        jumps = shifts[:, 0] * stride + shifts[:, 1]
        sides = tuple(dy * stride + dx for dy, dx in NEIGHBOURS)
        flat = colours.reshape(-1, 3)
        return cls(rows, columns, shifts, flat, crop, np.pad(known, pads).ravel(), places, jumps, numbers, sides)


def _pads(shifts: Ints) -> tuple[tuple[int, int], tuple[int, int]]:
    """The border that `shifts` and a step beside them need, above and below, left and right."""
    down, across = (np.abs(shifts).max(axis=0) + 2).tolist()
    return (down, down), (across, across)


def _costs(spot: _Spot, expected: Floats, inside: Flags, known: Flags, check: Check) -> Floats:
    """`(n, k)` what speaks against each shift at each pixel."""
    depth_px = np.asarray(cv2.distanceTransform(from_bool(inside), cv2.DIST_L2, 5)[inside], np.float32)
    costs = _local_costs(spot, inside, known, check)
    for number in range(len(spot.shifts)):
        check()
        costs[:, number] += _meeting_costs(spot, number)
        costs[:, number] += _surprises(spot, number, expected, depth_px)
    return costs


def _local_costs(spot: _Spot, inside: Flags, known: Flags, check: Check) -> Floats:
    """`(n, k)` how badly each shift fits the known pixels near each pixel; infinite where it leads to no known one."""
    left, top, right, bottom = shrink_to(from_bool(inside), LOCAL_REACH_PX)
    window = np.s_[top:bottom, left:right]
    inside, known_here, crop = inside[window], known[window], spot.crop[window]
    height, width = inside.shape
    costs = np.full((len(spot.places), len(spot.shifts)), np.inf, np.float32)
    for number, (dy, dx) in enumerate(spot.shifts.tolist()):
        check()
        y0, y1 = max(0, -dy - top), min(height, known.shape[0] - dy - top)
        x0, x1 = max(0, -dx - left), min(width, known.shape[1] - dx - left)
        if y0 >= y1 or x0 >= x1:
            continue
        source = np.s_[top + y0 + dy : top + y1 + dy, left + x0 + dx : left + x1 + dx]
        both, squares = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
        both[y0:y1, x0:x1] = known_here[y0:y1, x0:x1] & known[source]
        here, there = crop[y0:y1, x0:x1], spot.crop[source]
        for band in bands(here.shape):
            squares[y0:y1, x0:x1][band] = _squared(here[band] - there[band])
        support = cv2.GaussianBlur(both, (0, 0), LOCAL_SIGMA_PX)[inside]
        squares *= both
        error = cv2.GaussianBlur(squares, (0, 0), LOCAL_SIGMA_PX)[inside] / np.maximum(support, MIN_SUPPORT)
        cost = np.where(support > MIN_SUPPORT, error, UNSUPPORTED) + DOUBT / np.maximum(support, MIN_SUPPORT)
        is_known = spot.known[spot.places + spot.jumps[number]]
        costs[is_known, number] = LOCAL_WEIGHT * cost[is_known]
    return costs


def _meeting_costs(spot: _Spot, number: int) -> Floats:
    """`(n,)` how badly one shift meets the known pixels that touch the hole: its source must have the same there."""
    costs = np.zeros(len(spot.places), np.float32)
    for side in spot.sides:
        touching = np.flatnonzero(spot.known[spot.places + side])
        places = spot.places[touching] + side
        step = _squared(spot.colours[places] - spot.colours[places + spot.jumps[number]])
        costs[touching] += np.minimum(step, MAX_STEP)
    return costs


def _surprises(spot: _Spot, number: int, expected: Floats, depth_px: Floats) -> Floats:
    """`(n,)` how far one shift leads away from the `expected` `(n, 3)` smooth fill, the deeper in the hole the dearer.

    Nothing else there speaks against an eye on a wall.
    """
    step = _squared(spot.colours[spot.places + spot.jumps[number]] - expected)
    weight = EXPECTED_WEIGHT * np.minimum(depth_px / EXPECTED_DEPTH_PX, 1)
    return np.asarray(weight * np.minimum(step, MAX_STEP), np.float32)


def _choose(spot: _Spot, costs: Floats, check: Check) -> Ints:
    """`(n,)` one shift for each pixel, by iterated conditional modes (Besag 1986).

    Pixels take turns like the fields of a chessboard; each takes the best of the few that fit it best, and of those
    that its neighbours have.
    """
    count = min(CHOICES, costs.shape[1])
    own = np.empty((len(costs), count), np.intp)
    for some in _slices(len(costs)):
        own[some] = np.argpartition(costs[some], count - 1, axis=1)[:, :count]
    best = np.take_along_axis(costs, own, axis=1).argmin(axis=1)
    chosen: Ints = own[np.arange(len(own)), best]
    fields = [(spot.rows + spot.columns) % 2 == field for field in (0, 1)]
    # Who has chosen, and has no neighbour that has changed since, would choose the same again.
    is_open = np.ones(len(chosen), np.bool_)
    for field in fields * SWEEPS:
        check()
        turns = np.flatnonzero(field & is_open)
        is_open[turns] = False
        for some in _slices(len(turns)):
            turn = turns[some]
            now = _take_turn(spot, costs, own, chosen, turn)
            places = spot.places[turn[now != chosen[turn]]]
            chosen[turn] = now
            for side in spot.sides:
                beside = spot.numbers[places + side]
                is_open[beside[beside >= 0]] = True
    return chosen


def _take_turn(spot: _Spot, costs: Floats, own: Ints, chosen: Ints, turn: Ints) -> Ints:
    """What the pixels whose numbers are `turn`, no two of them neighbours, choose now: of their `own` few, say."""
    places = spot.places[turn]
    beside = [spot.numbers[places + side] for side in spot.sides]
    theirs = [np.where(numbers >= 0, chosen[np.maximum(numbers, 0)], chosen[turn]) for numbers in beside]
    options = np.concatenate([own[turn], np.stack([*theirs, chosen[turn]], axis=1)], axis=1)
    costs_now = np.take_along_axis(costs[turn], options, axis=1)
    jumps = spot.jumps[options]
    here = spot.colours[places[:, None] + jumps]
    for side, numbers, other in zip(spot.sides, beside, theirs, strict=True):
        there = spot.colours[(places + side)[:, None] + jumps]
        step = _squared(here - spot.colours[places + spot.jumps[other]][:, None])
        step += _squared(there - spot.colours[places + side + spot.jumps[other]][:, None])
        step = np.minimum(step, MAX_STEP) + CHANGE_COST * (options != other[:, None])
        costs_now += np.where(numbers[:, None] >= 0, step, 0)
    return np.asarray(options[np.arange(len(turn)), costs_now.argmin(axis=1)], np.intp)


def _slices(count: int) -> Iterator[slice]:
    return (slice(start, start + CHOOSING_AT_ONCE) for start in range(0, count, CHOOSING_AT_ONCE))


def _believed(image: Image, spot: _Spot, chosen: Ints, inside: Flags, forbidden: Mask) -> Flags:
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
    is_cloudy = (smooth_error >= CLOUD_ERROR) & (ratio <= MAX_CLOUD_RATIO)
    is_cloudy &= supported >= MIN_CLOUD_RING_SHARE * ring_count
    busy = busy_share(image, forbidden == 0)[inside]
    is_cloudy &= total(piece, busy) >= CLOUD_BUSY_SHARE * total(piece)
    hides_seams = _has_source(spot, chosen) & (busy >= SEAM_BUSY_SHARE)
    return np.asarray((sure & (is_good | is_cloudy)[piece]) | (hides_seams & is_cloudy[piece]), np.bool_)


def _has_source(spot: _Spot, chosen: Ints) -> Flags:
    """`(n,)` the pixels whose shift leads to a known one."""
    return np.asarray(spot.known[spot.places + spot.jumps[chosen]], np.bool_)


def _doubtful(spot: _Spot, chosen: Ints, seams: Floats, inside: Flags) -> Flags:
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


def _seams(spot: _Spot, chosen: Ints) -> Floats:
    """`(n,)` squared levels between what a pixel's source has beside it and what its neighbours are, of all four."""
    seams = np.zeros(len(spot.places), np.float32)
    jumps = spot.jumps[chosen]
    for side in spot.sides:
        places = spot.places + side
        numbers = spot.numbers[places]
        theirs = np.where(numbers >= 0, jumps[np.maximum(numbers, 0)], 0)
        step = _squared(spot.colours[places + jumps] - spot.colours[places + theirs])
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


def _look_at_ring(image: Image, spot: _Spot, chosen: Ints, inside: Flags, forbidden: Mask) -> _Ring:
    """How well the copies, gone on outwards, draw the ring, and how well a smooth fill does that does not see it."""
    rows, columns, nearest = _ring(inside, forbidden)
    places = spot.places[nearest]
    width = spot.sides[2]
    places = places + (rows - spot.rows[nearest]) * width + columns - spot.columns[nearest]
    sources = places + spot.jumps[chosen[nearest]]
    colours = spot.colours[places]
    smooth = to_opponent(fill_smoothly(image, dilate_disc(forbidden, RING_PX))[rows, columns])
    return _Ring(
        nearest, colours, spot.known[sources], _squared(spot.colours[sources] - colours), _squared(smooth - colours)
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


def _blend(image: Image, spot: _Spot, chosen: Ints, believed: Flags, known: Flags) -> npt.NDArray[np.uint8]:
    """`(m, 3)` levels of the believed pixels, which differ from their neighbours as their sources do."""
    flat = np.pad(image, (*_pads(spot.shifts), (0, 0)), mode="edge").reshape(-1, 3)
    places, jumps = spot.places[believed], spot.jumps[chosen[believed]]
    numbers = np.full(len(spot.numbers), -1, np.int32)
    numbers[places] = np.arange(len(places))
    copies = flat[places + jumps].astype(np.float32)
    wanted, count = np.zeros_like(copies), np.zeros((len(places), 1), np.float32)
    for side in spot.sides:
        beside = numbers[places + side]
        is_ours = beside >= 0
        # Half a step is what this pixel's source shows, half what the neighbour's does, each as far as it is known.
        own_end, their_start = places + jumps + side, places + jumps[beside]
        own = np.where(spot.known[own_end, None], copies - flat[own_end], 0)
        theirs = np.where(spot.known[their_start, None], flat[their_start] - copies[beside], 0)
        counts = (is_ours | spot.known[places + side])[:, None]
        wanted += np.where(counts, np.where(is_ours[:, None], (own + theirs) / 2, own), 0)
        count += counts
    rows, columns = spot.rows[believed], spot.columns[believed]
    canvas = image.astype(np.float32)
    canvas *= known[..., None]
    sums = np.empty_like(canvas)
    cross = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)
    before = now = copies
    for step in range(RELAXATIONS):
        canvas[rows, columns] = now
        around = cv2.filter2D(canvas, -1, cross, sums, borderType=cv2.BORDER_CONSTANT)[rows, columns]
        relaxed = (around + wanted) / np.maximum(count, 1)
        if step:
            relaxed = before + np.float32(MOMENTUM) * (relaxed - before)
        before, now = now, relaxed
    return np.asarray(np.clip(np.rint(now), 0, 255), np.uint8)


def _squared(difference: Floats) -> Floats:
    return np.asarray(np.einsum("...c,...c->...", difference, difference), np.float32)
