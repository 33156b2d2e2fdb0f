"""Draw a hole anew from patches of what surrounds it: hatching, foliage, a crowd, whatever has texture and no period.

From coarse to fine, each patch that touches the hole looks for its like among the known ones, and the likes of all
patches over a pixel vote for its colour, again and again (Wexler, Shechtman and Irani, "Space-Time Completion of
Video", PAMI 2007, section 3). The like is found among those of the neighbours, and by chance (Barnes et al.,
"PatchMatch", SIGGRAPH 2009, section 3.2).

What stood in the hole before is where the search begins, and its colours, smoothed, are what it must not stray from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from service.fills.shifts import Flags, Floats, Ints, to_opponent
from service.imaging.arrays import Image, Mask
from service.imaging.masks import from_bool

RADIUS_PX = 3
"""Half the side of a patch, less half a pixel."""
LEVELS = 4
SHALLOW_PX, SMALLEST_SIDE_PX = 4.0, 40
"""A hole no deeper than this, or a crop no larger, is not looked at any coarser."""
ROUNDS = (5, 3, 2)
"""How often the patches look and vote, on the coarsest level, on the next, and on all finer ones."""
STEPS_PX = ((1, 4), (1,))
"""How far the neighbours are that are asked, on the coarsest level and on finer ones."""
GUESSES = 4
ANYWHERE = 2
"""Guesses near the best place so far, each time half as far away; and guesses anywhere, on the coarsest level."""
TRUST_LOSS, DEEPEST_PX = 1.3, 20.0
"""How much less is believed of what was drawn, with each px from what is known."""
SMOOTH_SIGMA_PX, STRAY_WEIGHT = 2.0, 1.0
VOTE_QUANTILE = 0.75
"""A patch that fits as badly as this share of all has a vote of exp(-1/2)."""
MIN_SOURCES = 30
PATCHES_AT_ONCE = 4096
"""For the memory that it takes; some 2 kB each."""
SIDES = ((0, 1), (1, 0), (0, -1), (-1, 0))
Check = Callable[[], None]


def redraw(image: Image, hole: Mask, unknown: Mask, check: Check = lambda: None) -> Image:
    """The crop `image` `(h, w, 3)` with `hole` `(h, w)` drawn from what is known; elsewhere as it was.

    `unknown` `(h, w)` holds the hole and whatever else nothing may be taken from. The same input gives the same output.
    `check` is called now and then, and may raise.
    """
    rng = np.random.default_rng(0)
    levels = [_Level(image.astype(np.float32), hole > 0, (unknown > 0) | (hole > 0))]
    while len(levels) < LEVELS and levels[-1].can_be_halved:
        levels.append(levels[-1].halved())
    found: _Likes | None = None
    colours: Floats | None = None
    for number, level in enumerate(reversed(levels)):
        if colours is not None:
            size_wh = (level.hole.shape[1], level.hole.shape[0])
            finer = cv2.resize(colours, size_wh, interpolation=cv2.INTER_LINEAR)
            level.colours[level.hole] = finer[level.hole]
        search = _Search.begin(level, found, rng)
        if search is None:
            continue  # too coarse: all sources are gone
        for _ in range(ROUNDS[min(number, len(ROUNDS) - 1)]):
            search.look(rng, check, coarsest=number == 0)
            search.vote()
        found, colours = search.likes(), level.colours
    result = image.copy()
    result[hole > 0] = np.clip(np.rint(levels[0].colours[hole > 0]), 0, 255).astype(np.uint8)
    return result


@dataclass
class _Level:
    """The crop at one size."""

    colours: Floats
    """`(h, w, 3)` RGB levels; in the hole what is drawn so far."""
    hole: Flags
    unknown: Flags

    @property
    def can_be_halved(self) -> bool:
        """Whether a coarser level would still show something of the hole and of what is around it."""
        depth_px = cv2.distanceTransform(from_bool(self.hole), cv2.DIST_L2, 5).max()
        return bool(depth_px >= SHALLOW_PX and min(self.hole.shape) >= SMALLEST_SIDE_PX)

    def halved(self) -> _Level:
        """At half the size; what holds a part of the hole is hole."""
        height, width = self.hole.shape
        size_wh = ((width + 1) // 2, (height + 1) // 2)

        def any_of(flags: Flags) -> Flags:
            return np.asarray(cv2.resize(flags.astype(np.float32), size_wh, interpolation=cv2.INTER_AREA) > 0, np.bool_)

        colours = np.asarray(cv2.resize(self.colours, size_wh, interpolation=cv2.INTER_AREA), np.float32)
        return _Level(colours, any_of(self.hole), any_of(self.unknown))


@dataclass(frozen=True)
class _Likes:
    """Where the like of each patch is: `(h, w)` px down and to the right; 0 where none was looked for."""

    down: Floats
    right: Floats


class _Search:
    """The `n` patches that touch the hole of one level, and the like of each, so far."""

    def __init__(self, level: _Level, is_source: Flags, rows: Ints, columns: Ints) -> None:
        height, width = level.hole.shape
        self._level = level
        self._is_source = is_source
        self._sources = np.argwhere(is_source)
        self._target = np.stack([rows, columns], axis=1)
        self._numbers = np.full((height, width), -1, np.intp)
        self._numbers[rows, columns] = np.arange(len(rows))
        self._width = width + 2 * RADIUS_PX
        steps = np.arange(-RADIUS_PX, RADIUS_PX + 1)
        self._offsets = (steps[:, None] * self._width + steps).ravel()
        deep = cv2.distanceTransform(from_bool(level.unknown), cv2.DIST_L2, 5)
        trust = np.power(np.float32(TRUST_LOSS), -np.minimum(deep, DEEPEST_PX)).astype(np.float32)
        self._trust = np.pad(trust, RADIUS_PX).ravel()
        """0 past the crop's border."""
        self._in_hole = np.pad(level.hole, RADIUS_PX).ravel()
        self._smooth = to_opponent(cv2.GaussianBlur(level.colours, (0, 0), SMOOTH_SIGMA_PX))
        self._wanted = self._smooth[rows, columns]
        self._like = np.zeros_like(self._target)
        self._misfit = np.full(len(rows), np.inf, np.float32)

    @classmethod
    def begin(cls, level: _Level, found: _Likes | None, rng: np.random.Generator) -> _Search | None:
        """Begin with what a coarser level `found`, or anywhere; None where there is too little to choose from."""
        window = np.ones((2 * RADIUS_PX + 1, 2 * RADIUS_PX + 1), np.uint8)
        is_source = cv2.erode(from_bool(~level.unknown), window, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
        rows, columns = np.nonzero(cv2.dilate(from_bool(level.hole), window))
        if np.count_nonzero(is_source) < MIN_SOURCES:
            return None
        search = cls(level, is_source, rows, columns)
        search._like = search._sources[rng.integers(0, len(search._sources), len(rows))]
        if found is not None:
            size_wh = (level.hole.shape[1], level.hole.shape[0])
            for axis, part in enumerate((found.down, found.right)):
                finer = cv2.resize(part, size_wh, interpolation=cv2.INTER_NEAREST)[rows, columns]
                found_there = search._target[:, axis] + 2 * finer.astype(np.intp)
                search._like[:, axis] = np.clip(found_there, 0, level.hole.shape[axis] - 1)
            lost = ~is_source[search._like[:, 0], search._like[:, 1]]
            search._like[lost] = search._sources[rng.integers(0, len(search._sources), np.count_nonzero(lost))]
        return search

    def look(self, rng: np.random.Generator, check: Check, *, coarsest: bool) -> None:
        """Each patch asks its neighbours and guesses, and keeps the best."""
        pad = (RADIUS_PX, RADIUS_PX)
        flat = np.pad(to_opponent(self._level.colours), (pad, pad, (0, 0)), mode="edge").reshape(-1, 3)
        for start in range(0, len(self._target), PATCHES_AT_ONCE):
            check()
            some = np.arange(start, min(start + PATCHES_AT_ONCE, len(self._target)))
            pixels = self._places(self._target[some])
            here, weight = flat[pixels], self._trust[pixels]
            weight /= weight.sum(axis=1, keepdims=True)
            self._misfit[some] = np.inf
            for guesses in self._guesses(some, rng, coarsest=coarsest):
                which = np.flatnonzero(self._may_be_like(guesses))
                places, likes = some[which], guesses[which]
                step = flat[self._places(likes)]
                step -= here[which]
                misfit = np.einsum("nkc,nkc,nk->n", step, step, weight[which])
                stray = self._smooth[likes[:, 0], likes[:, 1]] - self._wanted[places]
                misfit += STRAY_WEIGHT * np.einsum("nc,nc->n", stray, stray)
                better = misfit < self._misfit[places]
                self._like[places[better]], self._misfit[places[better]] = likes[better], misfit[better]

    def _may_be_like(self, guesses: Ints) -> Flags:
        """`(n,)` which of the rows and columns `guesses` `(n, 2)` are centres of known patches."""
        rows, columns = guesses.T
        height, width = self._is_source.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        return np.asarray(inside & self._is_source[np.where(inside, rows, 0), np.where(inside, columns, 0)], np.bool_)

    def _guesses(self, some: Ints, rng: np.random.Generator, *, coarsest: bool) -> Iterator[Ints]:
        """`(n, 2)` rows and columns of where the like of `some` patches could be: where it was, first."""
        yield self._like[some]
        height, width = self._numbers.shape
        for step in STEPS_PX[0 if coarsest else 1]:
            for side in SIDES:
                shift = np.array(side) * step
                beside = self._target[some] + shift
                inside = ((beside >= 0) & (beside < (height, width))).all(axis=1)
                numbers = np.full(len(some), -1, np.intp)
                numbers[inside] = self._numbers[beside[inside, 0], beside[inside, 1]]
                yield np.where(numbers[:, None] >= 0, self._like[numbers] - shift, -1)
        reach = max(height, width) // 2
        for _ in range(GUESSES):
            yield self._like[some] + rng.integers(-reach, reach + 1, (len(some), 2))
            reach = max(1, reach // 2)
        for _ in range(ANYWHERE if coarsest else 0):
            yield self._sources[rng.integers(0, len(self._sources), len(some))]

    def vote(self) -> None:
        """Every pixel of the hole becomes the mean of what the likes of the patches over it have there."""
        pad = (RADIUS_PX, RADIUS_PX)
        flat = np.pad(self._level.colours, (pad, pad, (0, 0)), mode="edge").reshape(-1, 3)
        spread = max(float(np.quantile(self._misfit, VOTE_QUANTILE)), 1.0)
        total, votes = np.zeros((len(flat), 3)), np.zeros(len(flat))
        for start in range(0, len(self._target), PATCHES_AT_ONCE):
            some = slice(start, start + PATCHES_AT_ONCE)
            places, likes = self._places(self._target[some]), self._places(self._like[some])
            vote = np.exp(-self._misfit[some] / (2 * spread)) * self._trust[places[:, len(self._offsets) // 2]] + 1e-8
            counts = self._in_hole[places]
            to, of = places[counts], likes[counts]
            vote = np.broadcast_to(vote[:, None], places.shape)[counts]
            votes += np.bincount(to, vote, minlength=len(flat))
            for channel in range(3):
                total[:, channel] += np.bincount(to, vote * flat[of, channel], minlength=len(flat))
        self._level.colours[self._level.hole] = total[self._in_hole] / votes[self._in_hole, None]

    def likes(self) -> _Likes:
        """What was found, for the next finer level."""
        shift = np.zeros((*self._numbers.shape, 2), np.float32)
        shift[self._target[:, 0], self._target[:, 1]] = self._like - self._target
        return _Likes(shift[..., 0], shift[..., 1])

    def _places(self, centres: Ints) -> Ints:
        """`(n, k)` where the pixels of patches around `centres` are in flat, padded arrays."""
        first = (centres[:, 0] + RADIUS_PX) * self._width + centres[:, 1] + RADIUS_PX
        return np.asarray(first[:, None] + self._offsets, np.intp)
