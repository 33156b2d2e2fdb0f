"""Draw the borders of panels on through a hole, and the gutter beside them: a sound that bursts out of its panel.

What is known of a border on both sides of the hole says where it runs and how it looks across. What stands on its white
side is gutter; the other side is filled from the panel alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.fills.copies import Copies
from service.fills.panel_edges import BARE, BORDERED, END_PX, WHITE_LEVEL, Areas, Flags, Kind, View
from service.imaging.arrays import Image, Mask
from service.imaging.colour import luma
from service.imaging.masks import chosen, components, dilate, from_bool

REACH_PX, MIN_WHITE_SHARE, BESIDE_PX = 4, 0.85, 10
"""So far around a gutter's part of the hole so much must be white: on its side of the borders, and so far from them."""
MIN_OUTER_SHARE = 0.05
"""Of a hole, border and gutter together: what touches a border with an edge goes on as if there were none."""
MOST_PIECES, MOST_BORDERS = 80, 12
"""Pieces of edges in one direction, and borders in a hole; with more it is no panel, but ruled paper or a wall."""
MAX_PIXELS, MAX_SIDE_PX = 1_200_000, 8192
"""Larger crops take too much memory: 30 bytes a pixel where two borders are found, 45 where six are."""

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
    are_bare: bool = False
    """Whether no line is drawn: the panels end where the gutter begins."""


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
    def of(cls, areas: Areas, turns: int) -> _Edge:
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


def find_borders(
    image: Image,
    hole: Mask,
    forbidden: Mask,
    check: Check = lambda: None,
    *,
    kinds: tuple[Kind, ...] = (BORDERED, BARE),
) -> Borders | None:
    """The borders that run into `hole` `(h, w)` on one side and out of it on another; None if there is none.

    `image` `(h, w, 3)` is the crop around the hole; `forbidden` `(h, w)` holds all holes in it. None also where the
    crop is larger than MAX_PIXELS, or more borders than a page has seem to meet. `check` is called now and then, and
    may raise.
    """
    if hole.size > MAX_PIXELS or max(hole.shape) > MAX_SIDE_PX:
        return None
    for kind in kinds:
        borders = _find_of_kind(kind, image, hole, forbidden, check)
        if borders is not None:
            return borders
    return None


def _find_of_kind(kind: Kind, image: Image, hole: Mask, forbidden: Mask, check: Check) -> Borders | None:
    """The same for panels that end in one way."""
    drawn, levels = np.zeros(hole.shape, np.bool_), image.copy()
    known, light = forbidden == 0, luma(image)
    upright = View(
        kind=kind,
        image=image,
        levels=levels,
        drawn=drawn,
        hole=hole > 0,
        known=known,
        white=known & (light > WHITE_LEVEL),
        dark=known & (light < kind.level),
        near=dilate(forbidden, END_PX) > 0,
    )
    views = [upright.turned(turns) for turns in range(4)]  # white above, at the right, below, at the left
    if max(len(view.pieces) for view in views) > MOST_PIECES:
        return None
    edges: list[_Edge] = []
    for search in (View.find_straight, View.find_corners):
        for turns, view in enumerate(views):
            for of_edge in search(view, views[(turns + 1) % 4], views[(turns + 3) % 4], check):
                edges.append(_Edge.of(of_edge, turns))
                if len(edges) > MOST_BORDERS:
                    return None
    if not drawn.any():
        return None
    rest, gutter = _sort_parts(image, (hole > 0) & ~drawn, forbidden, edges=edges, drawn=drawn, levels=levels)
    if kind is BORDERED and np.count_nonzero(drawn | gutter) < MIN_OUTER_SHARE * np.count_nonzero(hole):
        left = from_bool((hole > 0) & ~drawn & ~gutter)
        rest = ((left, np.zeros_like(drawn)),) if left.any() else ()
    lines, white = (Copies(from_bool(some), levels[some]) for some in (drawn, gutter))
    return Borders(lines, white, rest, are_bare=kind is BARE)


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
    of_panels = left & ~gutter
    rest = [
        (
            from_bool(chosen(parts.labels, numbers)),
            np.logical_or.reduce([edges[place].beyond for place in places]) & ~of_panels
            if places
            else np.zeros_like(drawn),
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
