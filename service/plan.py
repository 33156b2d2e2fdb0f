"""Decide what will be done to each group of text, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from service.bubbles import margin_px, stands_in_bubble
from service.fills.board import look_around
from service.fills.borders import Borders, find_borders
from service.fills.copies import Copies, find_copies
from service.fills.gate import TOLERANCE_LEVELS, TOUCHING_PX, Background, ring_of
from service.fills.gutters import beyond_gutters
from service.fills.lines import find_lines
from service.fills.panel_edges import BORDERED, Flags
from service.fills.shaded_board import continue_shaded_board
from service.fills.surface import moved, surface_at
from service.fills.tone import Texture, find_texture
from service.groups import Group
from service.imaging.arrays import Box, Image, Mask
from service.imaging.colour import apart
from service.imaging.geometry import grow_box, hull, label_boxes, shrink_to
from service.imaging.layers.stack import Cover
from service.imaging.masks import components, dilate_disc, from_bool, label_cores, label_groups
from service.options import Fill
from service.regions import Method, Region
from service.segmenter import TextMaps
from service.strays import find_strays, part_at_edge

CONTEXT_PX = 48
INK_LEVEL = 102
"""Level, of 255, of the text map from which a pixel counts as ink where a text is scored."""
SCORED_PX = (8, 16, 32, 64, 128)
"""So far from a text without ink of its own the ink of others is looked for, nearest first, px of the maps."""
NEIGHBOUR_PX = 24
MIN_SHARED_GROUND = 0.75
"""Share of what touches a piece that must be its neighbour's ground, for it to be filled like its neighbour."""
PART_GAP_PX = 3
BRIDGE_PX = 3
"""Half the width of a bridge between two texts whose masks just meet."""
BRIDGED_PIXELS = 4_000_000
"""In a larger crop no bridges are cut: that takes 20 bytes a pixel."""
COPY_REASON = "the surroundings go on in what stands near"
BORDER_REASON = "the border of a panel goes on from both sides"
PARTS_LIMIT = 64
"""Parts of one group that are looked at on their own before the whole group goes to the network."""


@dataclass(frozen=True)
class Hole:
    """Erased pixels of one group that are filled in one way."""

    box: Box
    """Box of the group and its context; `mask` has its size."""
    mask: Mask
    """`(h, w)` the hole itself, in crop coordinates of `box`."""
    method: Method
    reason: str
    background: Background | None = None
    """What the gate saw, for `flat` and `gradient`; None where there are `copies`."""
    texture: Texture | None = None
    """How the surroundings repeat, for `tone`."""
    copies: Copies | None = None
    """What is copied from the surroundings, for `copy`; a gutter's colour, for `flat`; what goes on from the rim of the
    hole, for `gradient`."""
    beyond: Flags | None = None
    """`(h, w)` what lies beyond the borders of the hole's panel, for `inpaint`: it does not go on in the hole."""


@dataclass(frozen=True)
class Entry:
    """One group of the plan and what will be done to it."""

    group: Group
    holes: tuple[Hole, ...]
    """Together they are exactly the group's mask; one, unless parts of the group lie on different ground."""
    inside_bubble: bool
    asked: Method | None = None
    """The method that the caller asked for."""

    @property
    def main_hole(self) -> Hole:
        """The hole with most pixels: its method and reason stand for the group."""
        return max(self.holes, key=lambda hole: int(np.count_nonzero(hole.mask)))


@dataclass(frozen=True)
class Plan:
    """What will be done to one image. The entries' masks together are exactly the image's mask."""

    entries: tuple[Entry, ...]

    def holes(self, *methods: Method) -> list[Hole]:
        """The holes that are filled by one of `methods`."""
        return [hole for entry in self.entries for hole in entry.holes if hole.method in methods]


def make_plan(
    image: Image, mask: Mask, groups: Sequence[Group], fill: Fill, check: Callable[[], None] = lambda: None
) -> Plan:
    """Choose a fill for each group of `mask`, by `fill` or by what surrounds it; `check` is called before each."""
    entries: list[Entry] = []
    for group in groups:
        check()
        entries.append(plan_group(image, mask, group, None if fill == "auto" else fill, check))
    return Plan(tuple(entries))


def plan_group(
    image: Image, mask: Mask, group: Group, method: Method | None, check: Callable[[], None] = lambda: None
) -> Entry:
    """The entry of one group: filled by `method` if one is asked for, else by what the surroundings allow."""
    box = grow_box(group.box, CONTEXT_PX, mask.shape)
    x0, y0, x1, y1 = box
    crop, forbidden = image[y0:y1, x0:x1], mask[y0:y1, x0:x1]
    own = _own_mask(group, box)
    whole = look_around(crop, own, forbidden)
    holes: tuple[Hole, ...]
    if method is not None:
        holes = _asked_for(crop, forbidden, own, box, method=method, background=whole, check=check)
    elif whole is not None:
        strays = find_strays(crop, own, forbidden, whole)
        holes = (_plain(box, np.where(strays > 0, np.uint8(0), own), whole),) if (own > strays).any() else ()
        holes += _by_parts(crop, forbidden, strays, box, check) if strays.any() else ()
    else:
        holes = _by_parts(crop, forbidden, own, box, check)
    if method is None:
        holes = tuple(part for hole in holes for part in _with_lines(image, mask, hole, check))
    return Entry(group, holes, whole is not None and _in_bubble(image, group, whole), method)


def regions_of(
    plan: Plan, maps: TextMaps | None, residuals: Sequence[float] = (), insisted: Mask | None = None
) -> tuple[Region, ...]:
    """The plan as regions, numbered from 1 in the plan's order; `residuals`, one for each entry, if somebody looked.

    `insisted` is as in `score_of`.
    """
    return tuple(
        Region(
            id=number,
            box=entry.group.box,
            polygon=hull(entry.group.mask, (entry.group.box[0], entry.group.box[1])),
            score=round(score_of(entry.group, maps, insisted), 4),
            area=entry.group.area,
            method=entry.main_hole.method,
            reason=entry.main_hole.reason,
            inside_bubble=entry.inside_bubble,
            residual=round(residuals[number - 1], 4) if residuals else None,
        )
        for number, entry in enumerate(plan.entries, start=1)
    )


def covers_of(plan: Plan) -> list[Cover]:
    """A layer for each entry, named and numbered as its region is."""
    return [
        Cover(f"text {number:03} ({entry.main_hole.method})", entry.group.box, entry.group.mask)
        for number, entry in enumerate(plan.entries, start=1)
    ]


def score_of(group: Group, maps: TextMaps | None, insisted: Mask | None = None) -> float:
    """How sure we are of a text, 0 to 1: `score_in` its box.

    1 where the network sees nothing and all of it lies in the mask `(H, W)` on which the caller `insisted`.
    """
    if maps is not None and insisted is not None and within(group, insisted) is group:
        x0, y0, x1, y1 = (round(side * maps.scale) for side in group.box)
        if not (maps.text[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] > INK_LEVEL).any():
            return 1.0
    return score_in(maps, group.box)


def within(group: Group, area: Mask) -> Group | None:
    """What of `group` lies in the `(H, W)` `area`: the group itself if all does, None if nothing does."""
    x0, y0, x1, y1 = group.box
    part = np.where(area[y0:y1, x0:x1] > 0, group.mask, np.uint8(0))
    if np.array_equal(part, group.mask):
        return group
    return Group.of(part, (x0, y0)) if part.any() else None


def score_in(maps: TextMaps | None, box: Box) -> float:
    """Mean text probability of the ink in `box`, 0 to 1; 1 where the caller's mask, not the network, says so.

    A dot or a dash that the picture itself completed a text by shows the network nothing: it has the score of the ink
    that is nearest, for it goes with that text. 0 where there is none within SCORED_PX.
    """
    if maps is None:
        return 1.0
    x0, y0, x1, y1 = (round(side * maps.scale) for side in box)
    for reach_px in (0, *SCORED_PX):
        rows = slice(max(y0 - reach_px, 0), max(y1, y0 + 1) + reach_px)
        levels = maps.text[rows, max(x0 - reach_px, 0) : max(x1, x0 + 1) + reach_px]
        ink = levels[levels > INK_LEVEL]
        if ink.size:
            return float(ink.mean()) / 255
    return 0.0


def _own_mask(group: Group, box: Box) -> Mask:
    """The group's mask in crop coordinates of the larger `box`."""
    own = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
    x0, y0, x1, y1 = group.box
    own[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]] = group.mask
    return own


def _by_parts(image: Image, mask: Mask, own: Mask, box: Box, check: Callable[[], None]) -> tuple[Hole, ...]:
    """Each part of a text on mixed ground gets what it can have: lines first, then what is left, its bridges cut."""
    holes: list[Hole] = []
    rest = own.copy()
    splits = [partial(label_groups, gap_px=PART_GAP_PX), partial(label_cores, radius_px=BRIDGE_PX)]
    for split in splits if own.size <= BRIDGED_PIXELS else splits[:1]:
        count, labels = split(rest)
        for number, part in enumerate(label_boxes(labels, count) if count <= PARTS_LIMIT else [], start=1):
            x0, y0, x1, y1 = grow_box(part, CONTEXT_PX, own.shape)
            window = np.s_[y0:y1, x0:x1]
            piece = from_bool(labels[window] == number)
            for part_mask, background in _on_plain(image[window], piece, mask[window]) if piece.any() else ():
                holes.append(_plain((box[0] + x0, box[1] + y0, box[0] + x1, box[1] + y1), part_mask, background))
                rest[window][part_mask > 0] = 0
    holes += [
        near for hole in list(holes) if (near := _share_ground(image, mask, rest, box, hole, check=check)) is not None
    ]
    if np.any(rest):
        holes += _not_plain(image, mask, rest, box, check)
    return tuple(holes)


def _on_plain(image: Image, piece: Mask, mask: Mask) -> list[tuple[Mask, Background]]:
    """What of a `piece` stands on plain ground, and on which."""
    background = look_around(image, piece, mask)
    if background is None:
        return part_at_edge(image, piece, mask)
    on_plain = np.where(find_strays(image, piece, mask, background) > 0, np.uint8(0), piece)
    return [(on_plain, background)] if on_plain.any() else []


def _share_ground(
    image: Image, mask: Mask, rest: Mask, box: Box, plain: Hole, *, check: Callable[[], None]
) -> Hole | None:
    """The pieces of `rest` on the ground of the `plain` hole: letters too crowded to show it on their own.

    They are taken off `rest`, `(H, W)` in `box` as `image` and `mask` are. None where there are none.
    """
    if plain.background is None or not rest.any():
        return None
    right, down = plain.box[0] - box[0], plain.box[1] - box[1]
    near = np.zeros_like(rest)
    near[down : down + plain.mask.shape[0], right : right + plain.mask.shape[1]] = plain.mask
    pieces = components(rest)
    shared = np.zeros_like(rest)
    for number in np.unique(pieces.labels[(dilate_disc(near, NEIGHBOUR_PX) > 0) & (rest > 0)]):
        check()
        x0, y0, x1, y1 = grow_box(pieces.box(number), TOUCHING_PX, rest.shape)
        window = np.s_[y0:y1, x0:x1]  # there are as many pieces as there is room: none may cost the whole crop
        piece = from_bool(pieces.labels[window] == number)
        rows, columns = np.nonzero(ring_of(piece, mask[window], TOUCHING_PX))
        # A piece that lies all in other holes touches nothing that could be compared.
        if not rows.size:
            continue
        ground = surface_at(plain.background.surface, rows + (y0 - down), columns + (x0 - right))
        on_ground = apart(image[window][rows, columns], ground) <= TOLERANCE_LEVELS
        if on_ground.mean() >= MIN_SHARED_GROUND:
            shared[window] |= piece
    if not shared.any():
        return None
    rest[shared > 0] = 0
    x0, y0, x1, y1 = shrink_to(shared, CONTEXT_PX)
    background = replace(plain.background, surface=moved(plain.background.surface, y0 - down, x0 - right))
    return replace(
        plain,
        box=(box[0] + x0, box[1] + y0, box[0] + x1, box[1] + y1),
        mask=shared[y0:y1, x0:x1].copy(),
        background=background,
    )


def _plain(box: Box, own: Mask, background: Background) -> Hole:
    share = f"{background.plain_share:.0%} of the ring is one"
    if background.is_flat:
        return Hole(box, own, "flat", f"{share} colour", background)
    return Hole(box, own, "gradient", f"{share} smooth gradient", background)


def _not_plain(image: Image, mask: Mask, own: Mask, box: Box, check: Callable[[], None]) -> tuple[Hole, ...]:
    smooth = continue_shaded_board(image, own, mask)
    if smooth is not None:
        return (Hole(box, own, "gradient", "its rim shows a ground that changes smoothly", copies=smooth),)
    borders = find_borders(image, own, mask, check)
    if borders is not None:
        return _past_borders(image, mask, borders, box, check)
    texture = find_texture(image, own, mask)
    if texture is not None:
        period_px = float(np.hypot(*texture.shifts[0]))
        return (Hole(box, own, "tone", f"the surroundings repeat every {period_px:.1f} px", texture=texture),)
    beyond = beyond_gutters(image, own, mask)
    drawn = Hole(
        box,
        own,
        "inpaint",
        "the surroundings are neither plain nor do they repeat",
        beyond=beyond if beyond.any() else None,
    )
    return _copied(image, mask, drawn, COPY_REASON, check)


def _past_borders(image: Image, mask: Mask, borders: Borders, box: Box, check: Callable[[], None]) -> tuple[Hole, ...]:
    """The borders of panels that go on through a hole, and what is left of it, each part from its own panel."""
    holes = [Hole(box, borders.lines.mask, "copy", BORDER_REASON, copies=borders.lines)]
    if borders.gutter.mask.any():
        holes.append(Hole(box, borders.gutter.mask, "flat", "it lies between panels", copies=borders.gutter))
    for part, beyond in borders.rest:
        check()
        for hole in _by_parts(image, np.maximum(mask, from_bool(beyond)), part, box, check):
            drawn = _hide(hole, beyond) if hole.method == "inpaint" else hole
            # A panel that ends without a border ends in what can be copied, too.
            sees_end = hole.method == "inpaint" and borders.are_bare
            holes += _copied(image, mask, drawn, COPY_REASON, check) if sees_end else (drawn,)
    return tuple(holes)


def _hide(hole: Hole, beyond: Flags) -> Hole:
    """The hole, which does not go on from what is `beyond` `(h, w)` either."""
    every = beyond if hole.beyond is None else beyond | hole.beyond
    return replace(hole, beyond=every if every.any() else None)


def _copied(image: Image, mask: Mask, drawn: Hole, reason: str, check: Callable[[], None]) -> tuple[Hole, ...]:
    """The hole that the network would draw, as what can be copied, for that `reason`, and what is left of it."""
    barred = None if drawn.beyond is None else from_bool(drawn.beyond)
    copies = find_copies(image, drawn.mask, mask, check, barred=barred)
    if copies is None:
        return (drawn,)
    copied = replace(drawn, mask=copies.mask, method="copy", reason=reason, copies=copies, beyond=None)
    rest = np.where(copies.mask > 0, np.uint8(0), drawn.mask)
    return (copied, replace(drawn, mask=rest)) if rest.any() else (copied,)


def _with_lines(image: Image, mask: Mask, hole: Hole, check: Callable[[], None]) -> tuple[Hole, ...]:
    """A plain hole of the whole `image`, and the lines of the drawing that go on through it; any other hole alone."""
    if hole.background is None:
        return (hole,)
    x0, y0, x1, y1 = hole.box
    lines = find_lines(image[y0:y1, x0:x1], hole.mask, mask[y0:y1, x0:x1], hole.background)
    reason = "lines of the drawing go on from both sides"
    if lines is None:
        borders = find_borders(image[y0:y1, x0:x1], hole.mask, mask[y0:y1, x0:x1], check, kinds=(BORDERED,))
        if borders is None:
            return (hole,)
        lines, reason = borders.lines, BORDER_REASON
    drawn = replace(hole, mask=lines.mask, method="copy", reason=reason, background=None, copies=lines)
    rest = np.where(lines.mask > 0, np.uint8(0), hole.mask)
    return (replace(hole, mask=rest), drawn) if rest.any() else (drawn,)


def _asked_for(
    image: Image,
    mask: Mask,
    own: Mask,
    box: Box,
    *,
    method: Method,
    background: Background | None,
    check: Callable[[], None],
) -> tuple[Hole, ...]:
    """The hole with the method that the caller names; the network stands in where the ground cannot bear it."""
    reason = f"asked for: {method}"
    drawn = Hole(box, own, "inpaint", f"{reason}, which the surroundings do not allow")
    if method == "copy":
        return _copied(image, mask, drawn, reason, check)
    texture = find_texture(image, own, mask) if method == "tone" else None
    if (method == "tone" and texture is None) or (method == "gradient" and background is None):
        return (drawn,)
    return (Hole(box, own, method, reason, background if method == "gradient" else None, texture),)


def _in_bubble(image: Image, group: Group, background: Background) -> bool:
    x0, y0, x1, y1 = group.box
    box = grow_box(group.box, margin_px(x1 - x0, y1 - y0), image.shape)
    at_border = (box[0] == 0, box[1] == 0, box[2] == image.shape[1], box[3] == image.shape[0])
    crop = image[box[1] : box[3], box[0] : box[2]]
    return stands_in_bubble(crop, _own_mask(group, box), background, at_border=at_border)
