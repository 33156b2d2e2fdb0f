"""Which shift each pixel of a hole takes: what speaks against each, and the choice (Pritch et al., ICCV 2009, eq. 1-3).

Costs of the pixels by themselves: how a shift fits the known pixels nearby, how it meets those that touch the hole, and
how far it leads away from what a smooth fill expects. Costs of neighbours: the seam between two shifts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.shifts import Flags, Floats, Ints, bands, to_opponent
from service.imaging.arrays import Image
from service.imaging.geometry import shrink_to
from service.imaging.masks import from_bool

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
EXPECTED_WEIGHT, EXPECTED_DEPTH_PX = 0.6, 8.0
BROAD_SIGMA_PX = 3.0
OWN_SHARE = 0.15
"""How much a single pixel's surprise counts against that of what is around it."""
NOWHERE = 40_000.0
"""Cost of a shift that leads to no known pixel: more than all seams of one pixel."""
CHOICES = 10
BLOCKS_PX = (16, 8, 4, 2, 1)
BLOCK_SWEEPS, SWEEPS = 3, 5
CHOOSING_AT_ONCE = 2048
"""Pixels, for the memory that it takes."""
NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))
Check = Callable[[], None]


@dataclass(frozen=True)
class Spot:
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
    def of(cls, image: Image, smooth: Floats, inside: Flags, known: Flags, shifts: Ints) -> Spot:
        """Lay the crop out. What stands in the holes must not matter: where a shift leads there, `smooth` stands."""
        height, width = inside.shape
        (top, _), (left, _) = pads = pads_for(shifts)
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

    def beside(self, pixels: Ints, side: int) -> npt.NDArray[np.int32]:
        """`(m,)` numbers of the hole's pixels at one side of `pixels`; -1 where there is none."""
        return self.numbers[self.places[pixels] + side]


def pads_for(shifts: Ints) -> tuple[tuple[int, int], tuple[int, int]]:
    """The border that `shifts` and a step beside them need, above and below, left and right."""
    down, across = (np.abs(shifts).max(axis=0) + 2).tolist()
    return (down, down), (across, across)


def squared(difference: Floats) -> Floats:
    """`(...)` squared length of `(..., 3)` differences."""
    return np.asarray(np.einsum("...c,...c->...", difference, difference), np.float32)


def shift_costs(spot: Spot, expected: Floats, inside: Flags, known: Flags, check: Check) -> Floats:
    """`(n, k)` what speaks against each shift at each pixel; `expected` `(n, 3)` is a smooth fill of them."""
    depth_px = np.asarray(cv2.distanceTransform(from_bool(inside), cv2.DIST_L2, 5)[inside], np.float32)
    costs = _local_costs(spot, inside, known, check)
    broad = np.asarray(cv2.GaussianBlur(spot.crop, (0, 0), BROAD_SIGMA_PX), np.float32)
    for number in range(len(spot.shifts)):
        check()
        costs[:, number] += _meeting_costs(spot, number)
        costs[:, number] += _surprises(spot, number, broad, expected, depth_px)
    return np.minimum(costs, NOWHERE, out=costs)


def _local_costs(spot: Spot, inside: Flags, known: Flags, check: Check) -> Floats:
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
            squares[y0:y1, x0:x1][band] = squared(here[band] - there[band])
        support = cv2.GaussianBlur(both, (0, 0), LOCAL_SIGMA_PX)[inside]
        squares *= both
        error = cv2.GaussianBlur(squares, (0, 0), LOCAL_SIGMA_PX)[inside] / np.maximum(support, MIN_SUPPORT)
        cost = np.where(support > MIN_SUPPORT, error, UNSUPPORTED) + DOUBT / np.maximum(support, MIN_SUPPORT)
        is_known = spot.known[spot.places + spot.jumps[number]]
        costs[is_known, number] = LOCAL_WEIGHT * cost[is_known]
    return costs


def _meeting_costs(spot: Spot, number: int) -> Floats:
    """`(n,)` how badly one shift meets the known pixels that touch the hole: its source must have the same there."""
    costs = np.zeros(len(spot.places), np.float32)
    for side in spot.sides:
        touching = np.flatnonzero(spot.known[spot.places + side])
        places = spot.places[touching] + side
        step = squared(spot.colours[places] - spot.colours[places + spot.jumps[number]])
        costs[touching] += np.minimum(step, MAX_STEP)
    return costs


def _surprises(spot: Spot, number: int, broad: Floats, expected: Floats, depth_px: Floats) -> Floats:
    """`(n,)` how far one shift leads away from the `expected` `(n, 3)` smooth fill, the deeper in the hole the dearer.

    Nothing else there speaks against an eye on a wall. What is around a source, `broad`, must be as expected rather
    than the source itself: of a screentone no dot is, and a choice dot by dot makes a fog of it.
    """
    dy, dx = spot.shifts[number]
    rows = np.clip(spot.rows + dy, 0, broad.shape[0] - 1)
    columns = np.clip(spot.columns + dx, 0, broad.shape[1] - 1)
    around = np.minimum(squared(broad[rows, columns] - expected), MAX_STEP)
    own = np.minimum(squared(spot.crop[rows, columns] - expected), MAX_STEP)
    weight = EXPECTED_WEIGHT * np.minimum(depth_px / EXPECTED_DEPTH_PX, 1)
    return np.asarray(weight * (around + OWN_SHARE * own), np.float32)


def choose_shifts(spot: Spot, costs: Floats, check: Check) -> Ints:
    """`(n,)` one shift for each pixel, by iterated conditional modes (Besag 1986) on ever smaller blocks.

    A block's pixels choose as one, so that a texture comes over in pieces: pixel by pixel each would take the best for
    itself, and the seams between them could only ever be mended one at a time. Blocks take turns so that no two
    neighbours do at once; each takes the best of the few that fit it best, and of those that its neighbours have.
    """
    chosen = np.zeros(len(costs), np.intp)
    for side_px in BLOCKS_PX:
        blocks = _Blocks.of(spot, side_px)
        own = _fitting(costs, blocks)
        if side_px == BLOCKS_PX[0]:
            chosen = own[blocks.of_pixel, 0]
        # Who has chosen, and has no neighbour that has changed since, would choose the same again.
        is_open = np.ones(blocks.count, np.bool_)
        for field in (0, 1) * (BLOCK_SWEEPS if side_px > 1 else SWEEPS):
            check()
            is_turn = is_open & (blocks.field == field)
            is_open &= ~is_turn
            for pixels in blocks.portions(is_turn):
                now = _take_turn(spot, costs, blocks, own=own, chosen=chosen, pixels=pixels)
                changed = pixels[now != chosen[pixels]]
                chosen[pixels] = now
                for side in spot.sides:
                    beside = spot.beside(changed, side)
                    is_open[blocks.of_pixel[beside[beside >= 0]]] = True
    return chosen


@dataclass(frozen=True)
class _Blocks:
    """The hole's pixels in square blocks, coloured like the fields of a chessboard."""

    of_pixel: Ints
    """`(n,)` the number of each pixel's block."""
    by_block: Ints
    """`(n,)` the pixels, those of one block after those of another."""
    field: Ints
    """`(count,)` 0 or 1: no block has a neighbour of its own field."""

    @classmethod
    def of(cls, spot: Spot, side_px: int) -> _Blocks:
        """Blocks of `side_px`; those of half the side lie within."""
        rows, columns = spot.rows // side_px, spot.columns // side_px
        stride = int(columns.max()) + 1
        keys, of_pixel = np.unique(rows * stride + columns, return_inverse=True)
        return cls(
            np.asarray(of_pixel, np.intp), np.argsort(of_pixel, kind="stable"), (keys // stride + keys % stride) % 2
        )

    @property
    def count(self) -> int:
        return len(self.field)

    def portions(self, is_wanted: Flags) -> Iterator[Ints]:
        """The pixels of the wanted blocks, block by block, CHOOSING_AT_ONCE at a time or a little more."""
        pixels = self.by_block[is_wanted[self.of_pixel[self.by_block]]]
        ends = np.flatnonzero(np.diff(self.of_pixel[pixels], append=-1)) + 1
        start = 0
        while start < len(pixels):
            last = min(int(np.searchsorted(ends, start + CHOOSING_AT_ONCE)), len(ends) - 1)
            end = int(ends[last])
            yield pixels[start:end]
            start = end

    def starts(self, pixels: Ints) -> Ints:
        """Where in a portion each block's pixels start."""
        return np.flatnonzero(np.diff(self.of_pixel[pixels], prepend=-1))


def _fitting(costs: Floats, blocks: _Blocks) -> Ints:
    """`(count, few)` the shifts that fit each block best, all of its pixels together, the best first."""
    few = min(CHOICES, costs.shape[1])
    own = np.empty((blocks.count, few), np.intp)
    for pixels in blocks.portions(np.ones(blocks.count, np.bool_)):
        starts = blocks.starts(pixels)
        totals = np.add.reduceat(costs[pixels], starts, axis=0)
        best = np.argpartition(totals, few - 1, axis=1)[:, :few]
        order = np.take_along_axis(totals, best, axis=1).argsort(axis=1, kind="stable")
        own[blocks.of_pixel[pixels[starts]]] = np.take_along_axis(best, order, axis=1)
    return own


def _take_turn(spot: Spot, costs: Floats, blocks: _Blocks, *, own: Ints, chosen: Ints, pixels: Ints) -> Ints:
    """`(m,)` what the blocks of `pixels`, no two of them neighbours, choose now: of their `own` few, say."""
    starts = blocks.starts(pixels)
    numbers = blocks.of_pixel[pixels]
    turn = np.cumsum(np.diff(numbers, prepend=-1) != 0) - 1
    current = chosen[pixels[starts]]
    options, meetings = [own[numbers[starts]]], []
    for side in spot.sides:
        beside = spot.beside(pixels, side)
        meeting = np.flatnonzero((beside >= 0) & (blocks.of_pixel[np.maximum(beside, 0)] != numbers))
        theirs = chosen[beside[meeting]]
        option = current.copy()
        option[turn[meeting]] = theirs
        options.append(option[:, None])
        meetings.append((side, meeting, theirs))
    all_options = np.concatenate([*options, current[:, None]], axis=1)
    of_pixel = all_options[turn]
    now = np.take_along_axis(costs[pixels], of_pixel, axis=1)
    for side, meeting, theirs in meetings:
        now[meeting] += _seam_costs(spot, spot.places[pixels[meeting]], side, of_pixel[meeting], theirs)
    best = np.add.reduceat(now, starts, axis=0).argmin(axis=1)
    return np.asarray(all_options[np.arange(len(starts)), best][turn], np.intp)


def _seam_costs(spot: Spot, places: Ints, side: int, options: Ints, theirs: Ints) -> Floats:
    """`(m, o)` what each of the `options` `(m, o)` at `places` costs beside neighbours that have chosen `theirs`."""
    jumps, their_jumps = spot.jumps[options], spot.jumps[theirs]
    step = squared(spot.colours[places[:, None] + jumps] - spot.colours[places + their_jumps][:, None])
    step += squared(spot.colours[(places + side)[:, None] + jumps] - spot.colours[places + side + their_jumps][:, None])
    return np.asarray(np.minimum(step, MAX_STEP) + CHANGE_COST * (options != theirs[:, None]), np.float32)
