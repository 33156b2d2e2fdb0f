"""Draw the borders of panels on through a hole, and the gutter beside them: a sound that bursts out of its panel.

What is known of a border on both sides of the hole says where it runs and how it looks across. What stands on its white
side is gutter; the other side is filled from the panel alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.copies import Copies
from service.imaging.arrays import Image, Mask
from service.imaging.colour import luma
from service.imaging.masks import chosen, components, dilate, from_bool

WHITE_LEVEL, DARK_LEVEL = 215, 120
"""Light of a gutter at least, and of a border at most."""
GUTTER_PX = 3
"""A gutter is at least so wide."""
MIN_LENGTH_PX = 20
"""So much of a border must be seen on either side of a hole, px along it."""
MIN_SEEN_SHARE, ENOUGH_PX = 0.5, 80
"""And on both sides together so much of the way between them, or so many px: outlines of bubbles line up by chance."""
MAX_DRIFT_PX, MAX_TURN = 2.0, 0.04
"""How far two pieces of one border may miss each other in the middle of the hole, and how much their slopes differ."""
MAX_STRAY_PX = 1.0
"""Mean distance of a piece from a straight line."""
END_PX, REACH_PX = 2, 4
"""As near to the hole a border ends that goes on in it: behind a bubble it ends sooner; and what is around the hole."""
MIN_PATH_PIXELS, MIN_PATH_SHARE = 4, 0.95
"""Of the way from piece to piece, in the hole itself, and in or at any hole or on a border."""
MIN_WHITE_SHARE, BESIDE_PX = 0.85, 10
"""Of what is known around the gutter's part of the hole: on its side of the borders, and so far from them."""
LOOK_PX, PROFILE_PX = 48, (-2, 16)
"""How much of a border, next to the hole, is looked at, and from where to where across it."""
MAX_PROFILE_SPREAD, MIN_DEPTH_PX = 30.0, 4
"""Standard deviation along a border, in levels, beyond which what lies so deep is no border but what the panel shows;
and how many rows there must be, soft ones too."""
MIN_OUTER_SHARE = 0.05
"""Of a hole, border and gutter together: what touches a border with an edge goes on as if there were none."""
RAGGED_PX = 3
"""Where a border leans its inner side is ragged: so much further a panel begins."""
MAX_GUTTER_PX = 60
"""Between two panels side by side."""
MOST_PIECES, MOST_BORDERS = 80, 12
"""Pieces of edges in one direction, and borders in a hole; with more it is no panel, but ruled paper or a wall."""
MAX_PIXELS, MAX_SIDE_PX = 1_200_000, 8192
"""Larger crops take too much memory: 34 bytes a pixel where two borders are found, 48 where six are."""

Flags = npt.NDArray[np.bool_]
"""`(h, w)` bool."""
Places = npt.NDArray[np.intp]
Check = Callable[[], None]


@dataclass(frozen=True)
class Borders:
    """What the borders through a hole make of it."""

    lines: Copies
    """The borders themselves."""
    gutter: Copies
    """What of the hole is gutter, perhaps nothing."""
    rest: tuple[tuple[Mask, Flags], ...]
    """Each other part of the hole `(h, w)`, and what lies beyond the borders of its panel: it does not go on there."""


@dataclass(frozen=True)
class _Piece:
    """A straight edge with white above it: `row = slope * column + offset` for columns `first` to `last`, inclusive."""

    first: int
    last: int
    slope: float
    offset: float

    def rows(self, columns: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Where the edge is at those columns, on beyond the piece too."""
        return np.asarray(self.slope * np.asarray(columns, np.float64) + self.offset)


@dataclass(frozen=True)
class _Edge:
    """A border through the hole. Areas are kept as bits: a page may have a dozen borders."""

    shape: tuple[int, int]
    outer_bits: npt.NDArray[np.uint8]
    beyond_bits: npt.NDArray[np.uint8]
    outer_side: Places
    """`(n,)` flat places of the hole next to it on its white side."""
    inner_side: Places
    """And on the other."""

    @classmethod
    def of(cls, areas: tuple[Flags, Flags, Flags, Flags], turns: int) -> _Edge:
        """From its areas `(h, w)` in a view turned so often: `outer`, `beyond`, the hole's pixels on either side."""
        outer, beyond, outer_side, inner_side = (np.rot90(flags, -turns) for flags in areas)
        bits = np.packbits(outer), np.packbits(beyond)
        return cls(outer.shape, *bits, np.flatnonzero(outer_side), np.flatnonzero(inner_side))

    @property
    def outer(self) -> Flags:
        """`(h, w)` what lies on its white side."""
        return self._flags(self.outer_bits)

    @property
    def beyond(self) -> Flags:
        """`(h, w)` the same, and the border itself."""
        return self._flags(self.beyond_bits)

    def _flags(self, bits: npt.NDArray[np.uint8]) -> Flags:
        size = self.shape[0] * self.shape[1]
        return np.unpackbits(bits, count=size).reshape(self.shape).view(np.bool_)


def find_borders(image: Image, hole: Mask, forbidden: Mask, check: Check = lambda: None) -> Borders | None:
    """The borders that run into `hole` `(h, w)` on one side and out of it on another; None if there is none.

    `image` `(h, w, 3)` is the crop around the hole; `forbidden` `(h, w)` holds all holes in it. None also where the
    crop is larger than MAX_PIXELS, or more borders than a page has seem to meet. `check` is called now and then, and
    may raise.
    """
    if hole.size > MAX_PIXELS or max(hole.shape) > MAX_SIDE_PX:
        return None
    drawn, levels = np.zeros(hole.shape, np.bool_), image.copy()
    views = []
    for turns in range(4):  # white above, at the right, below, at the left
        turned = [np.rot90(array, turns) for array in (image, hole, forbidden, levels)]
        views.append(_View(turned[0], turned[1], turned[2], turned[3], drawn=np.rot90(drawn, turns)))
    if max(len(view.pieces) for view in views) > MOST_PIECES:
        return None
    edges: list[_Edge] = []
    for search in (_View.find_straight, _View.find_corners):
        for turns, view in enumerate(views):
            for of_edge in search(view, views[(turns + 1) % 4], views[(turns + 3) % 4], check):
                edges.append(_Edge.of(of_edge, turns))
                if len(edges) > MOST_BORDERS:
                    return None
    if not drawn.any():
        return None
    rest, gutter = _sort_parts(image, (hole > 0) & ~drawn, forbidden, edges=edges, drawn=drawn, levels=levels)
    if np.count_nonzero(drawn | gutter) < MIN_OUTER_SHARE * np.count_nonzero(hole):
        left = from_bool((hole > 0) & ~drawn & ~gutter)
        rest = ((left, np.zeros_like(drawn)),) if left.any() else ()
    lines, white = (Copies(from_bool(some), levels[some]) for some in (drawn, gutter))
    return Borders(lines, white, rest)


def _sort_parts(
    image: Image, left: Flags, forbidden: Mask, *, edges: list[_Edge], drawn: Flags, levels: Image
) -> tuple[tuple[tuple[Mask, Flags], ...], Flags]:
    """What is `left` of the hole, panel by panel, each with what lies beyond; and what is gutter, white in `levels`."""
    parts = components(from_bool(left), connectivity=4)
    inner, outer = (
        [set(np.unique(parts.labels.ravel()[side]).tolist()) - {0} for side in sides]
        for sides in ([edge.inner_side for edge in edges], [edge.outer_side for edge in edges])
    )
    away, gutter = dilate(from_bool(drawn), BESIDE_PX) == 0, np.zeros_like(drawn)
    for number in set[int]().union(*outer) - set[int]().union(*inner):
        part = parts.labels == number
        between = np.logical_and.reduce([edge.outer for edge, met in zip(edges, outer, strict=True) if number in met])
        colour = _gutter_colour(image, from_bool(part), forbidden, (between, away))
        if colour is not None:
            levels[part], gutter[part] = colour, True
    # Parts of one panel are filled together.
    panels: dict[tuple[int, ...], Flags] = {}
    is_gutter = np.zeros(parts.count + 1, np.bool_)
    is_gutter[parts.labels[gutter]] = True
    beside: dict[int, list[int]] = {}
    for place, met in enumerate(inner):
        for number in met:
            beside.setdefault(int(number), []).append(place)
    for number in np.flatnonzero(~is_gutter)[1:].tolist() if parts.count else []:
        of_panel = panels.setdefault(tuple(beside.get(number, ())), np.zeros(parts.count + 1, np.bool_))
        of_panel[number] = True
    rest = [
        (
            from_bool(chosen(parts.labels, numbers)),
            np.logical_or.reduce([edges[place].beyond for place in places]) & ~left if places else np.zeros_like(drawn),
        )
        for places, numbers in panels.items()
    ]
    return tuple(rest), gutter


def _gutter_colour(image: Image, part: Mask, forbidden: Mask, areas: tuple[Flags, ...]) -> npt.NDArray[np.uint8] | None:
    """`(3,)` the white around a part of the hole; None if in one of the `areas` something else is there."""
    around = (dilate(part, REACH_PX) > 0) & (forbidden == 0)
    white = around & (luma(image) > WHITE_LEVEL)
    for area in areas:
        if np.count_nonzero(white & area) < MIN_WHITE_SHARE * np.count_nonzero(around & area):
            return None
    seen = white & np.logical_or.reduce(areas)
    return np.asarray(np.median(image[seen], axis=0), np.uint8) if seen.any() else None


@dataclass
class _View:
    """A crop turned so that the gutter would lie above its border; `drawn` and `levels` are written to."""

    image: Image
    hole: Mask
    forbidden: Mask
    levels: Image
    drawn: Flags

    used: set[_Piece] = field(default_factory=set)
    """Pieces whose other side is known."""

    @cached_property
    def light(self) -> npt.NDArray[np.uint8]:
        """`(h, w)` luma."""
        return luma(np.ascontiguousarray(self.image))

    @cached_property
    def passable(self) -> Flags:
        """`(h, w)` where a border may be: at holes, and where it is seen."""
        return np.asarray((dilate(np.ascontiguousarray(self.forbidden), END_PX) > 0) | self.dark)

    @cached_property
    def dark(self) -> Flags:
        """`(h, w)` what is as dark as a border."""
        return np.asarray((self.light < DARK_LEVEL) & (self.forbidden == 0))

    @cached_property
    def pieces(self) -> list[_Piece]:
        """Straight edges with white above that end at a hole, from left to right."""
        pieces = _pieces((self.light > WHITE_LEVEL) & (self.forbidden == 0), self.dark)
        at_hole = dilate(np.ascontiguousarray(self.forbidden), END_PX + 1) > 0
        height = len(at_hole)
        return [
            piece
            for piece in pieces
            if any(
                at_hole[int(np.clip(round(float(piece.rows(end))), 0, height - 1)), end]
                for end in (piece.first, piece.last)
            )
        ]

    def find_straight(self, after: _View, before: _View, check: Check) -> Iterator[tuple[Flags, Flags, Flags, Flags]]:
        """Draw each border that comes out again: what `_Edge` has of it.

        `after` is this view turned once more, so that what is at the right is above, and `before` turned back.
        """
        rows, columns = np.arange(self.hole.shape[0], dtype=np.int16)[:, None], np.arange(self.hole.shape[1])
        for left in self.pieces:
            check()
            right = next((right for right in self.pieces if _go_on(left, right)), None)
            if right is None or self._meets_gutter(left, right, after, before):
                continue
            between = np.arange(left.last + 1, right.first)
            if not self._leads_through(np.rint(_row_between(left, right, between)).astype(int) + 1, between):
                continue
            depth = self._draw(left, right)
            if depth < MIN_DEPTH_PX:
                continue
            self.used.update((left, right))
            away = rows - np.rint(_row_between(left, right, columns)).astype(np.int16)[None]
            within = (self.hole > 0) & ((columns > left.last) & (columns < right.first))[None]
            seen = ((columns >= left.first) & (columns <= right.last))[None]
            first, last = PROFILE_PX[0] - 1, PROFILE_PX[0] + depth
            yield (away < 0) & seen, (away < last + RAGGED_PX) & seen, within & (away == first), within & (away == last)

    def _meets_gutter(self, left: _Piece, right: _Piece, after: _View, before: _View) -> bool:
        """Whether another gutter comes in from below between two pieces: then they are of two panels."""
        height, width = self.hole.shape
        # Columns of edges below with white at their right, and of edges with white at their left.
        ends = [width - 1 - float(side.rows(side.first)) for side in after.pieces if side.first > left.rows(left.last)]
        starts = [
            float(side.rows(side.last)) for side in before.pieces if height - 1 - side.last > left.rows(left.last)
        ]
        ends, starts = ([at for at in some if left.last < at < right.first] for some in (ends, starts))
        return any(GUTTER_PX <= start - end <= MAX_GUTTER_PX for end in ends for start in starts)

    def find_corners(self, after: _View, _: _View, check: Check) -> Iterator[tuple[Flags, Flags, Flags, Flags]]:
        """Draw each corner of a panel, upper right in this view, that lies in the hole: what `_Edge` has of it.

        `after` is this view turned once more, so that what is at the right is above.
        """
        height, width = self.hole.shape
        rows, columns = np.arange(height, dtype=np.int16)[:, None], np.arange(width, dtype=np.int16)[None]
        for top in self.pieces:
            check()
            if top in self.used:
                continue
            open_sides = [side for side in after.pieces if side not in after.used]
            # The nearest first: beyond it lies another panel.
            for side in sorted(open_sides, key=lambda side: _corner(top, side, width)[0]):
                column, row = _corner(top, side, width)
                if not (top.last < column < width and 0 <= row < side.first):
                    continue
                along, down = np.arange(top.last + 1, column), np.arange(row + 1, side.first)
                at_top, at_side = (
                    np.rint(top.rows(along)).astype(int) + 1,
                    width - 2 - np.rint(side.rows(down)).astype(int),
                )
                if not (self._is_seen(top, len(along)) and after._is_seen(side, len(down))):
                    continue
                if not self._leads_through(np.concatenate([at_top, down]), np.concatenate([along, at_side])):
                    continue
                across = self._profile(top, at_end=True), after._profile(side, at_end=False)
                depth = min(len(profile) for profile in across)
                if depth < MIN_DEPTH_PX:
                    continue
                self.used.add(top)
                after.used.add(side)
                below = rows - np.rint(top.rows(columns)).astype(np.int16)
                inward = (width - 1 - np.rint(side.rows(rows))).astype(np.int16) - columns
                away = np.minimum(below, inward)
                is_top = below <= inward
                within = (self.hole > 0) & np.where(is_top, columns > top.last, rows < side.first)
                first, last = PROFILE_PX[0] - 1, PROFILE_PX[0] + depth
                border = within & (away > first) & (away < last)
                at = away[border] - PROFILE_PX[0]
                mixed = np.where(is_top[border][:, None], across[0][at], across[1][at])
                self.levels[border], self.drawn[border] = np.rint(mixed).astype(np.uint8), True
                seen = (columns >= top.first) & (rows <= side.last)
                yield (
                    (away < 0) & seen,
                    (away < last + RAGGED_PX) & seen,
                    within & (away == first),
                    within & (away == last),
                )
                break

    def _is_seen(self, piece: _Piece, way_px: int) -> bool:
        """Whether enough is seen of a border for the way that it goes on; one that the crop cuts is longer than it."""
        is_cut = piece.first == 0 or piece.last == self.hole.shape[1] - 1
        seen_px = piece.last - piece.first + 1
        return is_cut or seen_px >= min(MIN_SEEN_SHARE * way_px, ENOUGH_PX)

    def _leads_through(self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> bool:
        """Whether a way leads through the hole, and nowhere where no border can be."""
        rows, columns = (np.clip(at, 0, side - 1) for at, side in zip((rows, columns), self.hole.shape, strict=True))
        if np.count_nonzero(self.hole[rows, columns]) < MIN_PATH_PIXELS:
            return False
        return bool(self.passable[rows, columns].mean() >= MIN_PATH_SHARE)

    def _draw(self, left: _Piece, right: _Piece) -> int:
        """Draw the border from piece to piece; how many rows that takes."""
        before, after = self._profile(left, at_end=True), self._profile(right, at_end=False)
        depth = min(len(before), len(after))
        if depth < MIN_DEPTH_PX:
            return depth
        for column in range(left.last + 1, right.first):
            share = (column - left.last) / (right.first - left.last)
            middle = round(float(_row_between(left, right, np.array([column]))[0]))
            rows = middle + PROFILE_PX[0] + np.arange(depth)
            inside = (rows >= 0) & (rows < len(self.hole))
            inside[inside] &= self.hole[rows[inside], column] > 0
            mixed = (1 - share) * before[:depth] + share * after[:depth]
            self.levels[rows[inside], column] = np.rint(mixed[inside]).astype(np.uint8)
            self.drawn[rows[inside], column] = True
        return depth

    def _profile(self, piece: _Piece, *, at_end: bool) -> npt.NDArray[np.float64]:
        """`(n, 3)` levels across a piece next to the hole, from above it to where it is no longer the same along it."""
        first = max(piece.first, piece.last - LOOK_PX) if at_end else piece.first
        columns = np.arange(first, min(piece.last, first + LOOK_PX) + 1)
        middles = np.rint(piece.rows(columns)).astype(int)
        across: list[npt.NDArray[np.float64]] = []
        for away in range(*PROFILE_PX):
            rows = np.clip(middles + away, 0, len(self.hole) - 1)
            known = self.forbidden[rows, columns] == 0
            some = self.image[rows, columns][known].astype(np.float64)
            if not len(some) or (away > 0 and some.mean(axis=1).std() > MAX_PROFILE_SPREAD):
                break
            across.append(np.median(some, axis=0))
            if away > 0 and some.mean() > DARK_LEVEL:  # the border's soft lower edge
                break
        return np.array(across)


def _pieces(white: Flags, dark: Flags) -> list[_Piece]:
    """Straight edges between `white` above and `dark` below, from left to right."""
    above = np.zeros_like(white)
    gutter = cv2.erode(from_bool(white), np.ones((GUTTER_PX, 1), np.uint8), anchor=(0, GUTTER_PX - 1)) > 0
    above[2:] = gutter[:-2]  # a row between may be neither, where the edge is soft
    above[1:] |= gutter[:-1]
    edge = from_bool(dark & above)
    # A border that leans takes steps.
    thick = cv2.dilate(edge, np.ones((3, 1), np.uint8))
    long = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, MIN_LENGTH_PX), np.uint8))
    runs = components(np.asarray(long, np.uint8))
    pieces = []
    for number in range(1, runs.count + 1):
        x0, y0, x1, y1 = runs.box(number)
        own = (runs.labels[y0:y1, x0:x1] == number) & (edge[y0:y1, x0:x1] > 0)
        columns = np.flatnonzero(own.any(axis=0))
        if len(columns) < MIN_LENGTH_PX:
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


def _row_between(left: _Piece, right: _Piece, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """The edge's row at each of `columns`: straight from where one piece ends to where the other begins."""
    ends = [left.first, left.last, right.first, right.last]
    rows = np.concatenate([left.rows(ends[:2]), right.rows(ends[2:])])
    return np.asarray(np.interp(columns, ends, rows), np.float64)
