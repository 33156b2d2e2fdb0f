"""Find the straight edges of panels that end at a hole, tell which are one border or meet in a corner, and draw that.

An edge has white above it and below it a dark border, or else what the panel shows. All is looked at four times, turned
by a quarter: so there is one case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image
from service.imaging.masks import components, from_bool

WHITE_LEVEL = 215
"""Light of a gutter, at least."""
MIN_SEEN_SHARE, ENOUGH_PX = 0.5, 80
"""And on both sides together so much of the way between them, or so many px: outlines of bubbles line up by chance."""
MAX_DRIFT_PX, MAX_TURN = 2.0, 0.04
"""How far two pieces of one border may miss each other in the middle of the hole, and how much their slopes differ."""
MAX_STRAY_PX = 1.0
"""Mean distance of a piece from a straight line."""
END_PX = 2
"""As near to the hole a border ends that goes on in it: behind a bubble it ends sooner."""
MIN_PATH_PIXELS, MIN_PATH_SHARE = 4, 0.95
"""Of the way from piece to piece, in the hole itself, and in or at any hole or on a border."""
LOOK_PX = 48
"""How much of a border, next to the hole, is looked at."""
MAX_PROFILE_SPREAD, DARK_LEVEL = 30.0, 120
"""Standard deviation along a border, in levels, beyond which what lies so deep is no border but what the panel shows;
and its light at most."""
MAX_GUTTER_PX = 60
"""Between two panels side by side."""

Flags = npt.NDArray[np.bool_]
"""`(h, w)` bool."""
_Profile = npt.NDArray[np.float64]
"""`(n, 3)` RGB levels across a border, row by row from the kind's `across_px[0]` on; its edge is row 0."""
_Check = Callable[[], None]


@dataclass(frozen=True)
class Kind:
    """How panels end."""

    level: int
    """Light of what is below an edge, at most."""
    gutter_px: int
    """A gutter is at least so wide."""
    length_px: int
    """So much of an edge must be seen on either side of a hole, px along it."""
    across_px: tuple[int, int]
    """From where to where across an edge, whose first row below is 0, something is drawn."""
    depth_px: int
    """How many rows of that there must be, soft ones too."""
    ragged_px: int
    """Where an edge leans its inner side is ragged: so much further a panel begins."""


BORDERED = Kind(DARK_LEVEL, gutter_px=3, length_px=20, across_px=(-2, 16), depth_px=4, ragged_px=3)
BARE = Kind(WHITE_LEVEL - 15, gutter_px=8, length_px=40, across_px=(-2, 0), depth_px=2, ragged_px=1)
"""Panels without a border: of their edge the last rows of white are drawn, of which one may be soft."""


@dataclass(frozen=True)
class _Piece:
    """A straight edge with white above it: `row = slope * column + offset` for columns `first` to `last`, inclusive."""

    first: int
    last: int
    slope: float
    offset: float

    @property
    def ends(self) -> list[int]:
        """The columns of its ends."""
        return [self.first, self.last]

    def rows(self, columns: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Where the edge is at those columns, on beyond the piece too."""
        return np.asarray(self.slope * np.asarray(columns, np.float64) + self.offset)


Areas = tuple[Flags, Flags, Flags, Flags]
"""Of a border, `(h, w)` each: what lies on its white side; the same and the border itself; the hole's pixels next to it
on that side, and on the other."""


@dataclass
class View:
    """A crop turned so that the gutter would lie above its border; `levels` and `drawn` are written to."""

    kind: Kind
    image: Image
    levels: Image
    hole: Flags
    known: Flags
    white: Flags
    dark: Flags
    """What may lie below an edge."""
    near: Flags
    """What is in a hole, or END_PX from one."""
    drawn: Flags
    used: set[_Piece] = field(default_factory=set)
    """Pieces whose other side is known."""

    def turned(self, turns: int) -> View:
        """The same crop turned so often, a quarter at a time, to the left."""
        return View(
            kind=self.kind,
            image=np.rot90(self.image, turns),
            levels=np.rot90(self.levels, turns),
            drawn=np.rot90(self.drawn, turns),
            hole=np.rot90(self.hole, turns),
            known=np.rot90(self.known, turns),
            white=np.rot90(self.white, turns),
            dark=np.rot90(self.dark, turns),
            near=np.rot90(self.near, turns),
        )

    @cached_property
    def pieces(self) -> list[_Piece]:
        """Straight edges with white above that end at a hole, from left to right."""
        at_hole = cv2.dilate(np.ascontiguousarray(self.near).view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        last_row = len(at_hole) - 1
        return [
            piece
            for piece in _pieces(self.white, self.dark, self.kind)
            if at_hole[np.clip(np.rint(piece.rows(piece.ends)).astype(int), 0, last_row), piece.ends].any()
        ]

    def find_straight(self, after: View, before: View, check: _Check) -> Iterator[Areas]:
        """Draw each border that comes out again.

        `after` is this view turned once more, so that what is at the right is above, and `before` turned back.
        """
        rows, columns = (np.arange(side, dtype=np.int16) for side in self.hole.shape)
        for left in self.pieces:
            check()
            right = next((right for right in self.pieces if _go_on(left, right)), None)
            if right is None or self._meets_gutter(left, right, after, before):
                continue
            edge = np.rint(_row_between(left, right, columns)).astype(np.int16)
            between = np.arange(left.last + 1, right.first)
            profiles = self._profile(left, at_end=True), self._profile(right, at_end=False)
            if self._leads_through(edge[between] + 1, between) and self._depth(*profiles):
                self.used.update((left, right))
                share = np.clip((columns - left.last) / (right.first - left.last), 0, 1)
                yield self._draw(
                    rows[:, None] - edge,
                    np.broadcast_to((columns > left.last) & (columns < right.first), self.hole.shape),
                    np.broadcast_to((columns >= left.first) & (columns <= right.last), self.hole.shape),
                    profiles,
                    np.broadcast_to(share, self.hole.shape),
                )

    def _meets_gutter(self, left: _Piece, right: _Piece, after: View, before: View) -> bool:
        """Whether another gutter comes in from below between two pieces: then they are of two panels."""
        height, width = self.hole.shape
        # Columns of edges below with white at their right, and of edges with white at their left.
        ends = [width - 1 - float(side.rows(side.first)) for side in after.pieces if side.first > left.rows(left.last)]
        starts = [
            float(side.rows(side.last)) for side in before.pieces if height - 1 - side.last > left.rows(left.last)
        ]
        ends, starts = ([at for at in some if left.last < at < right.first] for some in (ends, starts))
        return any(self.kind.gutter_px <= start - end <= MAX_GUTTER_PX for end in ends for start in starts)

    def find_corners(self, after: View, _: View, check: _Check) -> Iterator[Areas]:
        """Draw each corner of a panel, upper right in this view, that lies in the hole; `after` as above."""
        rows, columns = (np.arange(side, dtype=np.int16) for side in self.hole.shape)
        for top in self.pieces:
            check()
            if top in self.used or (side := self._meeting(top, after)) is None:
                continue
            self.used.add(top)
            after.used.add(side)
            below = rows[:, None] - np.rint(top.rows(columns)).astype(np.int16)
            inward = (len(columns) - 1 - np.rint(side.rows(rows))).astype(np.int16)[:, None] - columns
            is_side = inward < below
            yield self._draw(
                np.minimum(below, inward),
                np.where(is_side, (rows < side.first)[:, None], columns > top.last),
                (columns >= top.first) & (rows <= side.last)[:, None],
                (self._profile(top, at_end=True), after._profile(side, at_end=False)),
                is_side,
            )

    def _meeting(self, top: _Piece, after: View) -> _Piece | None:
        """The open edge at the right that meets `top` in the hole: the nearest, beyond it lies another panel."""
        width = self.hole.shape[1]
        open_sides = [side for side in after.pieces if side not in after.used]
        for side in sorted(open_sides, key=lambda side: _corner(top, side, width)):
            column, row = _corner(top, side, width)
            if not (top.last < column < width and 0 <= row < side.first):
                continue
            along, down = np.arange(top.last + 1, column), np.arange(row + 1, side.first)
            at_top, at_side = np.rint(top.rows(along)) + 1, width - 2 - np.rint(side.rows(down))
            is_seen = self._is_seen(top, len(along)) and after._is_seen(side, len(down))
            if (
                is_seen
                and self._leads_through(np.concatenate([at_top, down]), np.concatenate([along, at_side]))
                and self._depth(self._profile(top, at_end=True), after._profile(side, at_end=False))
            ):
                return side
        return None

    def _draw(
        self,
        away: npt.NDArray[np.int16],
        between: Flags,
        seen: Flags,
        profiles: tuple[_Profile, _Profile],
        share: npt.NDArray[np.generic],
    ) -> Areas:
        """Draw a border into what of the hole is `between` its pieces, and say what lies where, as far as it is `seen`.

        `away` `(h, w)` is the distance from its edge, inward; `share` of the second profile is mixed with the first.
        """
        top = self.kind.across_px[0]
        first, last = top - 1, top + self._depth(*profiles)
        within = self.hole & between
        border = within & (away > first) & (away < last)
        at, weight = away[border] - top, share[border][:, None].astype(np.float64)
        self.levels[border] = np.rint((1 - weight) * profiles[0][at] + weight * profiles[1][at]).astype(np.uint8)
        self.drawn[border] = True
        return (
            (away < 0) & seen,
            (away < last + self.kind.ragged_px) & seen,
            within & (away == first),
            within & (away == last),
        )

    def _is_seen(self, piece: _Piece, way_px: int) -> bool:
        """Whether enough is seen of a border for the way that it goes on; one that the crop cuts is longer than it."""
        is_cut = piece.first == 0 or piece.last == self.hole.shape[1] - 1
        seen_px = piece.last - piece.first + 1
        return is_cut or seen_px >= min(MIN_SEEN_SHARE * way_px, ENOUGH_PX)

    def _leads_through(self, rows: npt.ArrayLike, columns: npt.ArrayLike) -> bool:
        """Whether a way leads through the hole, and nowhere where no border can be."""
        at = tuple(
            np.clip(np.asarray(places, np.intp), 0, side - 1)
            for places, side in zip((rows, columns), self.hole.shape, strict=True)
        )
        if np.count_nonzero(self.hole[at]) < MIN_PATH_PIXELS:
            return False
        return bool((self.near[at] | self.dark[at]).mean() >= MIN_PATH_SHARE)

    def _profile(self, piece: _Piece, *, at_end: bool) -> _Profile:
        """The levels across a piece next to the hole, from above it to where it is no longer the same along it."""
        first = max(piece.first, piece.last - LOOK_PX) if at_end else piece.first
        columns = np.arange(first, min(piece.last, first + LOOK_PX) + 1)
        middles = np.rint(piece.rows(columns)).astype(int)
        across: list[npt.NDArray[np.float64]] = []
        for away in range(*self.kind.across_px):
            rows = np.clip(middles + away, 0, len(self.hole) - 1)
            some = self.image[rows, columns][self.known[rows, columns]].astype(np.float64)
            if not len(some) or (away > 0 and some.mean(axis=1).std() > MAX_PROFILE_SPREAD):
                break
            across.append(np.median(some, axis=0))
            if away > 0 and some.mean() > DARK_LEVEL:  # the border's soft lower edge
                break
        return np.array(across)

    def _depth(self, before: _Profile, after: _Profile) -> int:
        """How many rows of a border both profiles know; 0 for too few."""
        depth = min(len(before), len(after))
        return depth if depth >= self.kind.depth_px else 0


def _pieces(white: Flags, dark: Flags, kind: Kind) -> list[_Piece]:
    """Straight edges between `white` above and `dark` below, from left to right."""
    above = np.zeros_like(white)
    gutter = cv2.erode(from_bool(white), np.ones((kind.gutter_px, 1), np.uint8), anchor=(0, kind.gutter_px - 1)) > 0
    above[2:] = gutter[:-2]  # a row between may be neither, where the edge is soft
    above[1:] |= gutter[:-1]
    edge = from_bool(dark & above)
    # A border that leans takes steps.
    thick = cv2.dilate(edge, np.ones((3, 1), np.uint8))
    long = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, kind.length_px), np.uint8))
    runs = components(np.asarray(long, np.uint8))
    pieces = []
    for number in range(1, runs.count + 1):
        x0, y0, x1, y1 = runs.box(number)
        own = (runs.labels[y0:y1, x0:x1] == number) & (edge[y0:y1, x0:x1] > 0)
        columns = np.flatnonzero(own.any(axis=0))
        if len(columns) < kind.length_px:
            continue
        tops = y0 + own[:, columns].argmax(axis=0)
        slope, offset = np.polyfit(columns + x0, tops, 1)
        piece = _Piece(int(x0 + columns[0]), int(x0 + columns[-1]), float(slope), float(offset))
        if np.abs(piece.rows(columns + x0) - tops).mean() <= MAX_STRAY_PX:
            pieces.append(piece)
    return sorted(pieces, key=lambda piece: piece.first)


def _go_on(left: _Piece, right: _Piece) -> bool:
    """Whether two pieces may be of one border."""
    gap = right.first - left.last - 1
    seen = (left.last - left.first) + (right.last - right.first) + 2
    if gap < 1 or seen < min(MIN_SEEN_SHARE * gap, ENOUGH_PX) or abs(left.slope - right.slope) > MAX_TURN:
        return False
    middle = (left.last + right.first) / 2
    return bool(abs(left.rows(middle) - right.rows(middle)) <= MAX_DRIFT_PX)


def _corner(top: _Piece, side: _Piece, width: int) -> tuple[int, int]:
    """Column and row where an edge above meets one at the right, whose rows are counted from the right."""
    # row = top.slope * column + top.offset, column = width - 1 - (side.slope * row + side.offset)
    column = (width - 1 - side.offset - side.slope * top.offset) / (1 + side.slope * top.slope)
    return round(column), round(float(top.rows(column)))


def _row_between(left: _Piece, right: _Piece, columns: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The edge's row at each of `columns`: straight from where one piece ends to where the other begins."""
    rows = np.concatenate([left.rows(left.ends), right.rows(right.ends)])
    return np.asarray(np.interp(np.asarray(columns), left.ends + right.ends, rows), np.float64)
