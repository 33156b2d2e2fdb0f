"""From what the network calls ink to what will be erased: whole glyphs, and no outline bitten.

On a plain background the picture itself says what is ink, better than any network: whatever differs from the
background is. So strokes found there are completed to whole glyphs, dots and dashes between them are added, and
ink that runs on past the text (a bubble's outline, a panel's border) is kept out of reach of the growth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from service.boards import bare_boards, find_boards
from service.dashes import DASH_GLYPHS, find_dashes, find_dots
from service.fills.board import look_around
from service.fills.gate import TOLERANCE_LEVELS, Background, deviation
from service.fills.surface import surface_at
from service.imaging.arrays import Box, Image, Mask
from service.imaging.geometry import grow_box, label_boxes, shrink_to
from service.imaging.masks import (
    Components,
    Labels,
    chosen,
    close_gaps,
    components,
    dilate,
    dilate_disc,
    drop_specks,
    from_bool,
    label_groups,
    touching,
)
from service.imaging.tiles import tile_boxes
from service.letters import LARGE_PX, MAX_FRAME_PX, MIN_FRAME_LENGTH_PX, frame_in, letters_in
from service.pockets import complete_pockets
from service.rims import BRIGHT_LEVEL, MAX_RIM_REST_PX, RIM_REST_PX, complete_rimmed, complete_rims

MIN_STROKE_AREA_PX = 6
GROUP_GAPS_PX = (10, 4, 1)
"""Strokes nearer than twice this are looked at together; where the ground is not plain, in ever smaller groups."""
INK_LEVELS = 34
"""Difference from the background at which a pixel is ink."""
HALO_LEVELS = 5
"""Difference at which a pixel near a glyph is a soft edge or a compression ring of it."""
HALO_GRAINS = 4
"""The same in units of the ground's own grain, where that is coarser."""
SOFT_EDGE_PX = 2
"""What a glyph's soft edge takes up around its ink."""
HALO_REACH = 2
"""How far past the growth the halo is looked for, in units of the growth."""
MIN_HIT_SHARE = 0.25
"""Share of a piece of ink that the network must have seen for it to be text."""
SURE_HIT_SHARE = 0.6
"""The same for ink that runs on past the search area, as outlines do."""
LARGE_PIECE_PX, FAR_PX, MOST_FAR_SHARE, SPARSE_SHARE = 2000, 48, 0.1, 0.25
"""Of a piece of so many pixels that hardly fill their box, no more than this may lie so far from what was seen: letters
of a title touch the lines of a drawing, which hang together all over their panel."""
STRAY_HIT_SHARE = 0.05
"""Of ink that runs on and of which less than this was seen, nothing is text: a stray hit on a bubble's outline."""
LETTER_AREA_PX, LETTER_AREA_GLYPHS = 100, 0.1
"""A hit as large as this, and as this in squared glyph sizes, is a letter that touches what runs on, no stray hit."""
TIP_PX = 2
"""Of ink that runs on and of which more was seen, so much around a letter is the letter's."""
INSIDE_GLYPHS = 0.35
SMALL_GLYPHS = 1.6
"""Ink within this margin of the found text and no larger than this is a dot, an accent or a missed glyph."""
LETTER_PX = 48
PAGE_PX = 1100
"""Nothing missed is added to glyphs over LETTER_PX, on a page whose shorter side is PAGE_PX or less; in proportion on
larger ones. What stands by larger letters unseen is art: sound effects have few dots, and the network sees those."""
MOST_UNSEEN_INK = 0.3
"""Unseen ink within a text's box, as a share of its seen ink, above which it stands in a drawing: nothing is added."""
CROWD_PIECES = 8
CROWD_PX = 20
"""Missed pieces with more others than this within this (or within a glyph) are the dots of a tone around a bubble."""
CROWD_REACH_GLYPHS = 0.3
"""Of a crowd only what is as near as this to the found strokes is text: small letters beside it, say."""
MAX_DOT_GLYPHS = 0.3
"""Diameter of a dot that a text trails off in, in the largest glyphs that are added to."""
RIMMED_REACH_PX = 400
"""How far past the found text, at most, letters in a rim are completed."""
CONTEXT_PX = 24
"""What is looked at around a text for what is left of its rims and its ink, and the ground beyond."""
TILE_PX, OVERLAP_PX = 1024, 160
"""In such tiles, since rims take 27 bytes a pixel; they overlap by more than a rim's rest looks around itself."""
SEARCH_GLYPHS = 1.2
"""How far past the found text, in glyph sizes, its ink is looked for."""


_Cut = tuple[slice, slice]


@dataclass(frozen=True)
class _Work:
    """What one refinement looks at, and the mask that it writes."""

    image: Image
    strokes: Mask
    grown: Mask
    """The strokes, grown: what no ring may look at."""
    mask: Mask
    on_white: Mask
    """What of the mask is text on plain white, and its growth."""
    dilate_px: int
    dashes: list[tuple[_Cut, Mask]] = field(default_factory=list)
    """Dashes and dots, grown, and where they are, for when all groups are done: to a group that is a stray hit on one,
    it is ink that runs on."""


@dataclass(frozen=True)
class _Ink:
    boards: npt.NDArray[np.bool_]
    """Boards and what stands on them: that is looked at by itself, in a smaller group."""
    text: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.bool_]
    met: npt.NDArray[np.bool_]
    """Kept ink that runs on, on which the network saw text."""
    stray: npt.NDArray[np.bool_]
    """Of that, what it saw but a few pixels on."""


def refine(image: Image, strokes: Mask, *, dilate_px: int, check: Callable[[], None] = lambda: None) -> Mask:
    """The mask to erase for the stroke mask `strokes` found on `image`; both `(H, W)`, at image scale.

    `dilate_px` is the growth at image scale. Raises InvalidOption if it is negative, and what `check`, called once
    for each group, raises.
    """
    strokes = drop_specks(strokes, MIN_STROKE_AREA_PX)
    mask = dilate(strokes, dilate_px)
    work = _Work(image, strokes, mask.copy(), mask, np.zeros_like(mask), dilate_px)
    left = strokes
    for gap_px in GROUP_GAPS_PX:
        left = _refine_groups(work, left, gap_px, check)
    for cut, dashes in work.dashes:
        mask[cut] |= dashes
    mask |= dilate(left, dilate_px)  # what text on plain ground beside it keeps clear of is not its own
    bare, boards = bare_boards(image, strokes, left, dilate_px=dilate_px, check=check)
    mask[bare] = 0
    count, labels = label_groups(left, GROUP_GAPS_PX[0])
    for box in label_boxes(labels, count):
        check()
        cut = _cut(grow_box(box, min(RIMMED_REACH_PX, max(box[2] - box[0], box[3] - box[1])), labels.shape))
        mask[cut] |= dilate(complete_rimmed(image[cut], strokes[cut], mask[cut]), dilate_px)
    count, labels = label_groups(mask, GROUP_GAPS_PX[0])
    found, reach_px = mask.copy(), min(max(RIM_REST_PX, dilate_px // 2), MAX_RIM_REST_PX)
    for box in label_boxes(labels, count):
        x0, y0, x1, y1 = grow_box(box, CONTEXT_PX, mask.shape)
        for tile in tile_boxes((y1 - y0, x1 - x0), tile_px=TILE_PX, overlap_px=OVERLAP_PX):
            check()
            cut = _cut((x0 + tile[0], y0 + tile[1], x0 + tile[2], y0 + tile[3]))
            mask[cut] |= complete_rims(image[cut], found[cut], work.on_white[cut], reach_px=reach_px)
            mask[cut] |= complete_pockets(image[cut], strokes[cut], found[cut])
    mask[bare & boards] = 0  # a board of another colour looks like its letters' rim
    return mask


def _refine_groups(work: _Work, strokes: Mask, gap_px: int, check: Callable[[], None]) -> Mask:
    """Refine the groups of `strokes` that stand on plain ground; returns the strokes of the others."""
    left = strokes.copy()
    letter_px = LETTER_PX * max(1.0, min(strokes.shape) / PAGE_PX)
    count, labels = label_groups(strokes, gap_px)
    for group, box in enumerate(label_boxes(labels, count), start=1):
        check()
        glyph_px = _glyph_px(labels, group, box)
        cut = _cut(grow_box(box, max(24, round(SEARCH_GLYPHS * glyph_px)), labels.shape))
        own = from_bool(labels[cut] == group)
        background = look_around(work.image[cut], dilate_disc(own, work.dilate_px), work.grown[cut])
        if background is None:
            continue
        difference = deviation(work.image[cut], background)
        ink = _separate(work, cut, own, difference, glyph_px=glyph_px, letter_px=letter_px, check=check)
        own[ink.boards] = 0
        if not own.any():
            continue
        left[cut][own > 0] = 0
        grown = _grow_on_plain(work, cut, own, ink, difference, grain=background.grain, glyph_px=glyph_px)
        if background.colour.min() > BRIGHT_LEVEL:
            work.on_white[cut] |= grown
        if _is_even(background, own.shape):
            cut = _cut(grow_box(box, round(DASH_GLYPHS * glyph_px), labels.shape))
            found = np.zeros_like(work.mask[cut])
            if background.is_flat:
                found |= find_dashes(work.image[cut], from_bool(labels[cut] == group), background.colour, glyph_px)
            if glyph_px <= letter_px:
                most_px = MAX_DOT_GLYPHS * letter_px
                found |= find_dots(work.image[cut], work.mask[cut], background.colour, most_px)
            work.dashes.append((cut, dilate(found, work.dilate_px)))
    return left


def _is_even(background: Background, size_hw: tuple[int, ...]) -> bool:
    """Whether the ground is of next to one level all over the crop: a bubble that is a shade darker at one end is."""
    height, width = size_hw
    rows, columns = np.array([0, 0, height - 1, height - 1]), np.array([0, width - 1, 0, width - 1])
    return bool(np.ptp(surface_at(background.surface, rows, columns), axis=0).max() <= TOLERANCE_LEVELS)


def _cut(box: Box) -> _Cut:
    return slice(box[1], box[3]), slice(box[0], box[2])


def _separate(
    work: _Work,
    cut: _Cut,
    own: Mask,
    difference: npt.NDArray[np.float32],
    *,
    glyph_px: int,
    letter_px: float,
    check: Callable[[], None],
) -> _Ink:
    """Tell the group's own ink from ink that runs on past it, by how much each pixel differs from the background."""
    strokes = work.strokes[cut]
    pieces = components(from_bool(difference > INK_LEVELS))
    boards = find_boards(work.image[cut], pieces, strokes, check)
    own = np.where(boards, np.uint8(0), own)
    hits = np.bincount(pieces.labels[strokes > 0], minlength=pieces.count + 1)
    hit_share = hits / np.maximum(pieces.area, 1)
    height, width = own.shape
    runs_on = (pieces.left == 0) | (pieces.top == 0) | (pieces.right == width) | (pieces.bottom == height)
    x0, y0, x1, y1 = shrink_to(own, max(4, round(INSIDE_GLYPHS * glyph_px)))
    inside = (pieces.left >= x0) & (pieces.top >= y0) & (pieces.right <= x1) & (pieces.bottom <= y1)
    small = pieces.longer_side <= SMALL_GLYPHS * glyph_px
    is_seen = ((hit_share >= MIN_HIT_SHARE) & ~runs_on) | (hit_share >= SURE_HIT_SHARE)
    is_seen[0] = False
    is_board = np.zeros_like(is_seen)
    is_board[pieces.labels[boards]] = True
    is_seen &= ~is_board
    drawn, is_told = _drawn_on(pieces, strokes, is_seen, check)
    is_seen &= ~_is_drawing(pieces, strokes, is_seen) | is_told
    within = pieces.labels[y0:y1, x0:x1]
    seen_area = np.count_nonzero(is_seen[within])
    in_drawing = np.count_nonzero(within) - seen_area > MOST_UNSEEN_INK * seen_area
    is_missed = inside & small & ~is_seen & ~is_board & (glyph_px <= letter_px and not in_drawing)
    is_missed[0] = False
    if is_missed.any():
        crowded = _crowded(pieces, small & ~is_seen, max(CROWD_PX, glyph_px))
        is_missed &= ~crowded | _near(pieces, own, glyph_px)
    is_text = is_seen | is_missed
    is_kept = ~is_text
    is_text[0] = is_kept[0] = False
    is_met = is_kept & runs_on & (hits > 0)
    is_stray = is_met & (hit_share < STRAY_HIT_SHARE)
    text, kept, met, stray = (chosen(pieces.labels, which) for which in (is_text, is_kept, is_met, is_stray))
    return _Ink(boards, text & ~drawn, kept | drawn, met, stray)


def _drawn_on(
    pieces: Components, strokes: Mask, is_seen: npt.NDArray[np.bool_], check: Callable[[], None]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """What of the seen pieces is no letter but a drawing that letters touch, and in which of them that can be told."""
    drawn, is_told = np.zeros(pieces.labels.shape, np.bool_), np.zeros_like(is_seen)
    for number in np.flatnonzero(is_seen & (pieces.longer_side >= MIN_FRAME_LENGTH_PX)).tolist():
        check()
        # With a rim, for at the border of a window ink is as thick as it would be if it went on.
        window = _cut(grow_box(pieces.box(number), MAX_FRAME_PX, strokes.shape))
        piece = from_bool(pieces.labels[window] == number)
        other = frame_in(piece, strokes[window]) > 0
        if pieces.area[number] >= LARGE_PX:
            no_letter = (piece > 0) & (letters_in(piece, strokes[window]) == 0)
            is_told[number] = no_letter.any()
            other |= no_letter
        drawn[window] |= other
    return drawn, is_told


def _is_drawing(pieces: Components, strokes: Mask, is_seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which of the seen pieces are large and sparse, and reach far from what the network saw."""
    box_area = (pieces.right - pieces.left) * (pieces.bottom - pieces.top)
    doubtful = is_seen & (pieces.area >= LARGE_PIECE_PX) & (pieces.area < SPARSE_SHARE * box_area)
    doubtful[0] = False
    if doubtful.any():
        far = np.bincount(pieces.labels[dilate(strokes, FAR_PX) == 0], minlength=pieces.count + 1)
        doubtful &= far > MOST_FAR_SHARE * pieces.area
    return np.asarray(doubtful)


def _crowded(pieces: Components, counted: npt.NDArray[np.bool_], reach_px: int) -> npt.NDArray[np.bool_]:
    """Whether each piece has more than CROWD_PIECES of the `counted` ones around it."""
    x = np.minimum((pieces.left + pieces.right) // 2, pieces.labels.shape[1] - 1)
    y = np.minimum((pieces.top + pieces.bottom) // 2, pieces.labels.shape[0] - 1)
    centres = np.zeros(pieces.labels.shape, np.float32)
    np.add.at(centres, (y[1:][counted[1:]], x[1:][counted[1:]]), 1)
    side = 2 * reach_px + 1
    around = cv2.boxFilter(centres, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(around[y, x] > CROWD_PIECES + 0.5, np.bool_)


def _near(pieces: Components, own: Mask, glyph_px: int) -> npt.NDArray[np.bool_]:
    """Whether each piece comes nearer to the found strokes than CROWD_REACH_GLYPHS."""
    near = np.zeros(pieces.count + 1, np.bool_)
    near[pieces.labels[dilate_disc(own, max(1, round(CROWD_REACH_GLYPHS * glyph_px))) > 0]] = True
    return near


def _grow_on_plain(
    work: _Work,
    cut: _Cut,
    own: Mask,
    ink: _Ink,
    difference: npt.NDArray[np.float32],
    *,
    grain: float,
    glyph_px: int,
) -> Mask:
    """Grow the group's text, its halo too, but not into ink or ground that is kept; other groups' pixels stay.

    Returns what is the group's own in `cut`.
    """
    first_growth = dilate(own, work.dilate_px) > 0
    specks, letters = _on_what_runs_on(own, from_bool(ink.met), glyph_px)
    on_stray = dilate(from_bool(ink.stray), SOFT_EDGE_PX) > 0
    stray = specks & on_stray
    freed = dilate(from_bool(letters & on_stray), work.dilate_px) > 0
    freed |= dilate(from_bool(letters), min(TIP_PX, work.dilate_px)) > 0
    own = from_bool((own > 0) & ~stray)
    text = from_bool(ink.text | (own > 0))
    kept = dilate_disc(from_bool(ink.kept & (own == 0)), 1) > 0
    kept = (kept | _other_ground(difference, text)) & ~ink.text & ~freed
    # What differs more from the ground than the ground does from itself is a soft edge or a ring of compression.
    soft = difference > max(HALO_LEVELS, HALO_GRAINS * grain)
    halo = soft & (dilate_disc(text, work.dilate_px * (1 + HALO_REACH)) > 0)
    grown = dilate(text, work.dilate_px) > 0
    # Whole shapes, no specks.
    wanted = touching(close_gaps(from_bool((grown | halo) & ~kept), 1) > 0, grown) & ~kept
    others = (work.mask[cut] > 0) & ~(kept & first_growth)
    work.mask[cut] = from_bool(others | wanted)
    return from_bool(wanted)


def _on_what_runs_on(own: Mask, runs_on: Mask, glyph_px: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """What of the found strokes `own` is a speck on ink that `runs_on`, as outlines do, and what is a letter on it.

    A letter that touches its bubble or what lies beyond is one piece of ink with that, but it is as large as a letter.
    """
    hits = components(from_bool((own > 0) & (dilate(runs_on, SOFT_EDGE_PX) > 0)))
    is_speck = hits.area < max(LETTER_AREA_PX, LETTER_AREA_GLYPHS * glyph_px**2)
    is_letter = ~is_speck
    is_speck[0] = is_letter[0] = False
    return chosen(hits.labels, is_speck), chosen(hits.labels, is_letter)


def _other_ground(difference: npt.NDArray[np.float32], text: Mask) -> npt.NDArray[np.bool_]:
    """Where the plain ground ends, softly perhaps: what differs from it, away from the text, and runs on."""
    pieces = components(from_bool((difference > TOLERANCE_LEVELS) & (dilate(text, SOFT_EDGE_PX) == 0)))
    height, width = text.shape
    runs_on = (pieces.left == 0) | (pieces.top == 0) | (pieces.right == width) | (pieces.bottom == height)
    runs_on[0] = False
    return chosen(pieces.labels, runs_on)


def _glyph_px(labels: Labels, group: int, box: Box) -> int:
    """Typical size of a glyph of the group: the median longer side of its connected strokes."""
    x0, y0, x1, y1 = box
    sides = components(from_bool(labels[y0:y1, x0:x1] == group)).longer_side[1:]
    if len(sides) == 0:
        return 1
    return int(min(np.median(sides[sides >= sides.max() / 4]), min(x1 - x0, y1 - y0) * 1.5))
