"""Lines of a drawing that plain paper shows on two sides of a hole go on through it.

Speed lines, hair and outlines stand on paper that is plain between them, and the fill of the paper would cut them. A
line goes on only where it is seen to come in and to go out again: thin, with paper on both sides, as wide and as dark
there as here, and on one arc with its other end. What is drawn between is what its two ends show across their width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from service.fills.copies import Copies
from service.fills.gate import Background, deviation
from service.fills.shifts import Flags, Floats
from service.fills.surface import moved, surface_at
from service.imaging.arrays import Image, Mask
from service.imaging.geometry import shrink_to
from service.imaging.masks import components, dilate_disc, from_bool

MAX_PIXELS = 1_000_000
"""Largest crop that is looked at, for the memory that it takes."""
MAX_SIDE_PX = 32_000
"""OpenCV's `remap` counts in 16 bits."""
MIN_CONTRAST_LEVELS = 60
"""A line differs from its paper by more than dirt, compression and the rim of a letter do."""
TOUCHING_PX = 3
RIM_PX = 9
"""So near to a line's end paper may part it from the hole: the rim of a letter."""
MIN_END_PIXELS, MAX_END_PX = 3, 28
"""An end of a line where it touches the hole; what is longer runs along the text."""
MAX_ENDS = 48
"""Time grows with their pairs, and where more lines end the ground is hardly plain."""
SPAN_PX = (4, 160)
FAR_PX = 12
"""So far out both ends are seen: what is shorter may be the rest of a letter."""
HALF_PX, STEP_PX = 6, 0.5
"""Half of the width that is looked at across a line, and its raster."""
CONTEXT_PX = FAR_PX + HALF_PX + 2
BENDS = np.linspace(-1, 1, 21, dtype=np.float32) / 60
"""Curvatures tried, 1 / px."""
MAX_TURN = 0.4
"""Radians that a line may turn within the hole."""
BETWEEN_STEPS = 48
MIN_ERASED_SHARE = 0.35
"""Of a line between its ends; the rest is seen between letters."""
MAX_WIDTH_PX = 7.0
FLANK_PX, MAX_FLANK = 2.0, 0.3
"""So far beside a line there is paper again; what may be left there of its contrast."""
MAX_ERROR = 0.18
"""Share of a line's contrast by which what is seen of it may differ from what would be drawn there."""
LENGTH_COST, BEND_COST = 0.0005, 1.0
"""Of two lines from one end the shorter and the straighter is taken, where both fit as well."""
MIN_LEVELS = 8
"""What differs less from the paper is not drawn."""
ACROSS = np.arange(-HALF_PX, HALF_PX + STEP_PX / 2, STEP_PX, dtype=np.float32)
AXIS = len(ACROSS) // 2
RIM = round(1.5 / STEP_PX)
"""How much of a line's edge is drawn with it, in steps of the raster."""


@dataclass(frozen=True)
class _View:
    """What is seen around a hole, float32."""

    colours: Floats
    contrast: Floats
    """`(h, w)` levels from the plain background."""
    known: Floats
    """`(h, w)` 1 where nothing is erased."""


@dataclass(frozen=True)
class _Arc:
    """A way through the hole: an arc, near enough, over its chord."""

    start: Floats
    along: Floats
    """`(2,)` unit vector of the chord, x first."""
    length: float
    bend: float

    def points(self, far: Floats, across: Floats) -> tuple[Floats, Floats]:
        """`(m, k)` x and y at `far` `(m,)` px along the chord and `across` `(k,)` px beside the arc."""
        beside = self.aside(far)[:, None] + across
        x = self.start[0] + self.along[0] * far[:, None] - self.along[1] * beside
        y = self.start[1] + self.along[1] * far[:, None] + self.along[0] * beside
        return x, y

    def aside(self, far: Floats) -> Floats:
        """How far the arc is from its chord, px."""
        return np.asarray(self.bend / 2 * far * (self.length - far), np.float32)


@dataclass(frozen=True)
class _Line:
    """A line that goes on."""

    arc: _Arc
    sides: tuple[int, int]
    """First and last place of ACROSS that it covers, with its edges."""
    profiles: tuple[Floats, Floats]
    """`(k, 3)` levels across it, at its start and at its end."""
    cost: float


def find_lines(image: Image, hole: Mask, forbidden: Mask, background: Background) -> Copies | None:
    """The lines that go on through `hole` over its plain `background`; None if there are none.

    `image` `(h, w, 3)` is the crop around the hole; `forbidden` `(h, w)` holds all holes in it.
    """
    x0, y0, x1, y1 = shrink_to(hole, CONTEXT_PX)
    if (x1 - x0) * (y1 - y0) > MAX_PIXELS or max(x1 - x0, y1 - y0) > MAX_SIDE_PX:
        return None
    window = np.s_[y0:y1, x0:x1]
    near = replace(background, surface=moved(background.surface, y0, x0))
    copies = _find_in(image[window], hole[window], forbidden[window], near)
    if copies is None:
        return None
    mask = np.zeros_like(hole)
    mask[window] = copies.mask
    return Copies(mask, copies.levels)


def _find_in(image: Image, hole: Mask, forbidden: Mask, background: Background) -> Copies | None:
    """The same in a crop that ends soon after the hole."""
    inside, known = hole > 0, forbidden == 0
    contrast = np.where(known, deviation(image, background), np.float32(0))
    distance = cv2.distanceTransform(from_bool(~inside), cv2.DIST_L2, cv2.DIST_MASK_5)
    ends = _ends(np.where(distance <= TOUCHING_PX, contrast, np.float32(0)))
    if not 2 <= len(ends) <= MAX_ENDS:
        return None
    view = _View(image.astype(np.float32), contrast, known.astype(np.float32))
    found: list[tuple[int, int, _Line]] = []
    for first, second, arc in _ways(view, ends, inside):
        line = _look(view, arc)
        if line is not None:
            found.append((first, second, line))
    taken: set[int] = set()
    lines: list[_Line] = []
    for first, second, line in sorted(found, key=lambda way: way[2].cost):
        if not taken & {first, second}:
            taken |= {first, second}
            lines.append(line)
    return _draw(inside, background, lines)


def _ends(contrast: Floats) -> Floats:
    """`(n, 2)` x and y of the middle of each piece of ink, where `contrast` is that of what touches the hole."""
    labels = components(from_bool(contrast > MIN_CONTRAST_LEVELS)).labels
    rows, columns = np.nonzero(labels)
    order = np.argsort(labels[rows, columns], kind="stable")
    starts = np.flatnonzero(np.diff(labels[rows, columns][order])) + 1
    ends: list[tuple[float, float]] = []
    for piece in np.split(order, starts):
        down, across = rows[piece], columns[piece]
        if len(piece) >= MIN_END_PIXELS and np.hypot(np.ptp(down), np.ptp(across)) <= MAX_END_PX:
            weights = contrast[down, across]
            ends.append((float(np.average(across, weights=weights)), float(np.average(down, weights=weights))))
    return np.array(ends, np.float32).reshape(-1, 2)


def _ways(view: _View, ends: Floats, inside: Flags) -> list[tuple[int, int, _Arc]]:
    """Pairs of ends, and arcs between them that lead over nothing but ink and erased pixels, and out over ink.

    A letter's rim may part a line's end from the hole: paper counts as ink there.
    """
    first, second = np.triu_indices(len(ends), 1)
    way = ends[second] - ends[first]
    length = np.hypot(way[:, 0], way[:, 1])
    near = (length >= SPAN_PX[0]) & (length <= SPAN_PX[1])
    pair, bend = (grid.ravel() for grid in np.meshgrid(np.flatnonzero(near), BENDS, indexing="ij"))
    some = np.abs(bend) * length[pair] <= MAX_TURN
    pair, bend = pair[some], bend[some]
    if not len(pair):
        return []
    start, reach, along = ends[first[pair]], length[pair], way[pair] / length[pair, None]
    ink = cv2.dilate(from_bool(view.contrast > MIN_CONTRAST_LEVELS), np.ones((3, 3), np.uint8)) > 0
    known = view.known > 0
    at_rim = (dilate_disc(from_bool(inside), TOUCHING_PX) > 0) & ~ink

    def sample(flags: Flags, far: Floats) -> Floats:
        aside = bend[:, None] / 2 * far * (reach[:, None] - far)
        x = start[:, :1] + along[:, :1] * far - along[:, 1:] * aside
        y = start[:, 1:] + along[:, 1:] * far + along[:, :1] * aside
        return _sample(flags.astype(np.float32), x, y)

    between = np.linspace(0, 1, BETWEEN_STEPS, dtype=np.float32) * reach[:, None]
    outward = np.arange(1, FAR_PX + 1, dtype=np.float32)
    at_end = np.minimum(between, reach[:, None] - between) <= RIM_PX
    covered = np.maximum(sample(ink | ~known, between), sample(at_rim, between) * at_end)
    is_way = covered.min(axis=1) >= 0.5
    is_way &= sample(inside, between).mean(axis=1) >= MIN_ERASED_SHARE
    for far in (np.broadcast_to(-outward, (len(pair), FAR_PX)), reach[:, None] + outward):
        is_way &= sample(ink & known, far).min(axis=1) >= 0.5
    return [
        (int(first[pair[at]]), int(second[pair[at]]), _Arc(start[at], along[at], float(reach[at]), float(bend[at])))
        for at in np.flatnonzero(is_way)
    ]


def _look(view: _View, arc: _Arc) -> _Line | None:
    """The line on `arc`, if both its ends show the same one, and nothing between speaks against it."""
    far = np.concatenate(
        [
            np.arange(-FAR_PX, 0),
            np.linspace(0, arc.length, round(arc.length) + 1),
            arc.length + np.arange(1, FAR_PX + 1),
        ]
    ).astype(np.float32)
    x, y = arc.points(far, ACROSS)
    known = (_sample(view.known, x, y) > 0.999).astype(np.float32)
    contrast = _sample(view.contrast, x, y)
    ends = slice(0, FAR_PX), slice(len(far) - FAR_PX, len(far))
    (start, start_seen), (end, end_seen) = (_mean(contrast[rows], known[rows]) for rows in ends)
    covered, other = _covered(start, start_seen), _covered(end, end_seen)
    if covered is None or other is None:
        return None
    (low, high), (other_low, other_high) = covered, other
    sides = max(min(low, other_low) - RIM, 0), min(max(high, other_high) + RIM, len(ACROSS) - 1)
    core = slice(sides[0], sides[1] + 1)
    share = np.clip(far / arc.length, 0, 1)[:, None]
    differs = np.abs(contrast - ((1 - share) * start + share * end))[:, core] * known[:, core]
    error = float(differs.sum() / known[:, core].sum() / max(start.max(), end.max()))
    unlike = float(np.abs(start - end)[core].mean() / max(start.max(), end.max()))
    if max(error, unlike) > MAX_ERROR:
        return None
    colours = _sample(view.colours, x, y)
    profiles = [_mean(colours[rows], known[rows][..., None])[0] for rows in ends]
    cost = error + LENGTH_COST * arc.length + BEND_COST * abs(arc.bend)
    return _Line(arc, sides, (profiles[0], profiles[1]), cost)


def _covered(contrast: Floats, seen: Flags) -> tuple[int, int] | None:
    """First and last place of ACROSS of the line on the axis; None where it is not thin, or not on plain ground."""
    if not seen.all() or contrast[AXIS] < MIN_CONTRAST_LEVELS:
        return None
    top = contrast[AXIS - 2 : AXIS + 3].max()
    low = high = AXIS
    while low > 0 and contrast[low - 1] > top / 2:
        low -= 1
    while high < len(ACROSS) - 1 and contrast[high + 1] > top / 2:
        high += 1
    flank = round(FLANK_PX / STEP_PX)
    if (high - low + 1) * STEP_PX > MAX_WIDTH_PX or low < flank or high + flank >= len(ACROSS):
        return None
    return None if max(contrast[low - flank], contrast[high + flank]) > MAX_FLANK * top else (low, high)


def _mean(values: Floats, known: Floats) -> tuple[Floats, Flags]:
    """Mean of the known of `values` over their first axis, and where any are known."""
    count = known.sum(axis=0)
    return np.asarray((values * known).sum(axis=0) / np.maximum(count, 1), np.float32), np.asarray(count > 0)


def _sample(array: Floats, x: Floats, y: Floats) -> Floats:
    """`array` at points between its pixels; 0 outside."""
    return np.asarray(
        cv2.remap(array, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT),
        np.float32,
    )


def _draw(inside: Flags, background: Background, lines: list[_Line]) -> Copies | None:
    """What `lines` cover of the hole; where two cross, what differs most from the paper."""
    levels = np.zeros((*inside.shape, 3), np.float32)
    strongest = np.full(inside.shape, MIN_LEVELS, np.float32)
    rows, columns = np.nonzero(inside)
    for line in lines:
        arc = line.arc
        x, y = columns - arc.start[0], rows - arc.start[1]
        far = x * arc.along[0] + y * arc.along[1]
        across = y * arc.along[0] - x * arc.along[1] - arc.aside(far)
        low, high = ACROSS[line.sides[0]], ACROSS[line.sides[1]]
        covered = (np.abs(far - arc.length / 2) <= arc.length / 2 + TOUCHING_PX) & (across >= low) & (across <= high)
        at = rows[covered], columns[covered]
        share = np.clip(far[covered] / arc.length, 0, 1)[:, None]
        start, end = (
            np.stack([np.interp(across[covered], ACROSS, channel) for channel in profile.T], axis=1)
            for profile in line.profiles
        )
        drawn = (1 - share) * start + share * end
        strength = np.abs(drawn - surface_at(background.surface, *at)).max(axis=1)
        is_stronger = strength > strongest[at]
        at = at[0][is_stronger], at[1][is_stronger]
        strongest[at], levels[at] = strength[is_stronger], drawn[is_stronger]
    mask = from_bool(strongest > MIN_LEVELS)
    if not mask.any():
        return None
    return Copies(mask, np.clip(np.rint(levels[mask > 0]), 0, 255).astype(np.uint8))
