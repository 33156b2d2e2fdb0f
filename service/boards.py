"""Find the boards that letters stand on, labels, buttons, tags: the mask takes the letters and leaves the board.

On the plain ground of another text a board is a piece of ink; in art it is known by what shows beside its letters.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from service.fills.board import MAX_PIXELS, MIN_APART_LEVELS, NEAR_BOARD_LEVELS, Flags, hull_share, some_of
from service.fills.gate import TOLERANCE_LEVELS, Colour, commonest_colour
from service.imaging.arrays import Image, Mask
from service.imaging.colour import apart, colour_distance
from service.imaging.geometry import grow_box, label_boxes
from service.imaging.masks import Components, chosen, components, dilate, from_bool, label_groups

MIN_BOARD_PIXELS, MIN_LETTERS_SHARE, MAX_LETTERS_SHARE = 400, 0.05, 0.8
"""Of a board among the ink, and share of it that its letters take."""
MIN_COMPACT_SHARE, MAX_EDGE_SHARE = 0.85, 0.3
"""Of its convex hull that such a board fills, and of its edge that may be letters."""
NEAR_LETTERS_PX, MIN_BARE_SHARE, MIN_INK_SHARE = 2, 0.18, 0.9
"""Share of it that is further than this from its letters, as little of an outlined word is, and of that the share that
is ink as well: what shows in a letter's loops is the ground."""
BESIDE_PX = (1, 3)
"""Between these distances from letters their board shows itself, whatever is around it."""
MIN_CONVEX_SHARE, MIN_BARE_NEAR_SHARE, MAX_LETTERS_HULL_SHARE = 0.95, 0.85, 0.93
"""Of its convex hull that a board on any ground fills with its letters, as the rim of a word does not; of what is bare
of letters, that must have its colour, soft edges aside; and of their own hull that letters fill: more is a bar."""
MIN_MARGIN_LINES = 0.35
"""How far such a board reaches from its letters somewhere, in the shorter side of them all: a rim is narrower."""
MIN_BESIDE_SHARE = 0.3
"""Of what is beside a letter, that must have its board's colour: a stray hit beside a board has not."""
MOST_LETTERS, MOST_COLOURS = 100, 8
"""In a crop in which boards are looked for, and of boards there, around its largest letters."""
ON_BOARD_SHARE, POKE_PX = 0.8, 3
"""Of a piece of strokes that must lie on a board, and how far the rest may poke out, for that to be a stray hit."""
MIN_PLAIN_BAND_SHARE = 0.6
"""Of what is around a board, for its ground to be plain there."""
GROUP_GAP_PX = 4
"""Letters nearer than twice this are looked at together."""
CONTEXT_PX = 24
"""So far from letters a board ends."""
SOFT_EDGE_PX = 2
"""What a letter's soft edge takes up around its growth."""


def bare_boards(
    image: Image, strokes: Mask, in_art: Mask, *, dilate_px: int, check: Callable[[], None] = lambda: None
) -> tuple[Flags, Flags]:
    """`(H, W)` what is not to be erased of boards, on which letters stand, and around: all but letters, grown.

    And the boards themselves, with their edges. `strokes` `(H, W)` is what was found of letters, `in_art` what of it
    stands on no plain ground, `dilate_px` the growth. `check` is called before each group, and may raise.
    """
    bare, whole = np.zeros(strokes.shape, np.bool_), np.zeros(strokes.shape, np.bool_)
    count, labels = label_groups(in_art, GROUP_GAP_PX)
    for box in label_boxes(labels, count):
        check()
        x0, y0, x1, y1 = grow_box(box, CONTEXT_PX, strokes.shape)
        cut = np.s_[y0:y1, x0:x1]
        boards = find_boards_beneath(image[cut], in_art[cut], check)
        if not boards.any():
            continue
        edge, around = (dilate(from_bool(boards), reach_px) > 0 for reach_px in (POKE_PX, SOFT_EDGE_PX + dilate_px))
        if _is_plain(image[cut], around & ~edge):
            continue
        pieces = components(strokes[cut])
        on, at = (np.bincount(pieces.labels[area], minlength=pieces.count + 1) for area in (boards, edge))
        is_other = (on < ON_BOARD_SHARE * pieces.area) | (at < pieces.area)
        is_other[0] = False
        others = from_bool(chosen(pieces.labels, is_other))
        letters, kept = (dilate(some, dilate_px) > 0 for some in (strokes[cut], others))
        bare[cut] |= around & ~np.where(boards, letters, kept)
        whole[cut] |= edge
    return bare, whole


def _is_plain(image: Image, band: Flags) -> bool:
    """Whether most of the `band` around a board is of one colour: there the picture itself says what is ink."""
    if not band.any():
        return True
    ground = np.median(image[band], axis=0).astype(np.float32)
    return bool((apart(image[band], ground) <= TOLERANCE_LEVELS).mean() >= MIN_PLAIN_BAND_SHARE)


def find_boards(image: Image, ink: Components, strokes: Mask, check: Callable[[], None] = lambda: None) -> Flags:
    """The `(H, W)` pixels of the boards, with what stands on them, among the pieces of `ink`.

    `ink` is what differs from the plain ground of a text that stands near by; `strokes` `(H, W)` is what was found of
    letters. `check` is called before each piece that is looked at, and may raise.
    """
    boards = np.zeros(strokes.shape, np.bool_)
    # Letters in the colour of the ground are no ink, but touch it.
    on, beside = (
        np.bincount(ink.labels[where > 0], minlength=ink.count + 1) for where in (strokes, dilate(strokes, 1))
    )
    may_be = (ink.area >= MIN_BOARD_PIXELS) & (beside > 0) & (on <= MAX_LETTERS_SHARE * ink.area)
    may_be[0] = False
    for number in np.flatnonzero(may_be).tolist():
        check()
        x0, y0, x1, y1 = grow_box(ink.box(number), 1, strokes.shape)  # so that an edge shows, but where the crop ends
        window = np.s_[y0:y1, x0:x1]
        own = ink.labels[window] == number
        whole = _filled(from_bool(own))
        if _is_lettered(image[window], own, whole, strokes[window]):
            boards[window] |= whole
    return boards


def find_boards_beneath(image: Image, strokes: Mask, check: Callable[[], None] = lambda: None) -> Flags:
    """The `(H, W)` pixels of the boards, each of one colour and convex, on which letters stand, whatever is around.

    `strokes` `(H, W)` is what was found of letters; a board is known by what shows beside them, and ends within the
    crop. `check` is called before each letter, colour and area that is looked at, and may raise.
    """
    boards = np.zeros(strokes.shape, np.bool_)
    if strokes.size > MAX_PIXELS:
        return boards
    letters = components(strokes)
    if letters.count > MOST_LETTERS:
        return boards
    beside: list[Image] = []
    bare = dilate(strokes, BESIDE_PX[0]) == 0
    for number in range(1, letters.count + 1):
        check()
        x0, y0, x1, y1 = grow_box(letters.box(number), BESIDE_PX[1], strokes.shape)
        window = np.s_[y0:y1, x0:x1]
        around = dilate(from_bool(letters.labels[window] == number), BESIDE_PX[1]) > 0
        beside.append(image[window][bare[window] & around][None])
    tried: list[Colour] = []
    for number in (np.argsort(letters.area[1:])[::-1]).tolist():
        if not beside[number].size or len(tried) == MOST_COLOURS:
            continue
        check()
        colour = commonest_colour(some_of(beside[number][0]))
        if any(apart(colour[None], other)[0] <= TOLERANCE_LEVELS for other in tried):
            continue
        tried.append(colour)
        shares = [(colour_distance(some, colour) <= NEAR_BOARD_LEVELS).mean() if some.size else 0.0 for some in beside]
        own = np.array([0.0, *shares]) >= MIN_BESIDE_SHARE
        boards |= _boards_of(image, from_bool(chosen(letters.labels, own)), colour, check)
    return boards


def _boards_of(image: Image, strokes: Mask, colour: Colour, check: Callable[[], None]) -> Flags:
    """The `(H, W)` pixels of the convex boards of this `colour` that hold the letters `strokes`."""
    boards = np.zeros(strokes.shape, np.bool_)
    near = colour_distance(image, colour) <= NEAR_BOARD_LEVELS
    pieces = components(from_bool(near | (strokes > 0)), connectivity=4)
    on = np.bincount(pieces.labels[strokes > 0], minlength=pieces.count + 1)
    may_be = (pieces.left > 0) & (pieces.right < near.shape[1]) & (pieces.top > 0) & (pieces.bottom < near.shape[0])
    may_be &= (pieces.area >= MIN_BOARD_PIXELS) & (on > 0) & (on <= MAX_LETTERS_SHARE * pieces.area)
    may_be[0] = False
    for number in np.flatnonzero(may_be).tolist():
        check()
        x0, y0, x1, y1 = pieces.box(number)
        window = np.s_[y0:y1, x0:x1]
        piece = pieces.labels[window] == number
        # What was found of small letters may poke out of their board, and noise may hang on to it.
        solid = cv2.morphologyEx(from_bool(piece & near[window]), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        whole = np.zeros(piece.shape, np.uint8)
        if not solid.any():
            continue
        cv2.fillConvexPoly(whole, cv2.convexHull(cv2.findNonZero(solid)), 255)
        letters = np.where(piece, whole & strokes[window], np.uint8(0))
        if piece[whole > 0].mean() < MIN_CONVEX_SHARE or not letters.any():
            continue
        bare = (whole > 0) & (dilate(letters, NEAR_LETTERS_PX) == 0)
        line_px = min(cv2.boundingRect(letters)[2:])
        margin = cv2.distanceTransform(from_bool(letters == 0), cv2.DIST_L2, cv2.DIST_MASK_5)[whole > 0].max()
        is_board = margin >= MIN_MARGIN_LINES * line_px and hull_share(letters) <= MAX_LETTERS_HULL_SHARE
        is_board &= MIN_LETTERS_SHARE <= letters[whole > 0].astype(np.bool_).mean() <= MAX_LETTERS_SHARE
        is_board &= bare[whole > 0].mean() >= MIN_BARE_SHARE and near[window][bare].mean() >= MIN_BARE_NEAR_SHARE
        if is_board:
            boards[window] |= whole > 0
    return boards


def _filled(piece: Mask) -> Flags:
    """The piece without holes."""
    contours, _ = cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = np.zeros_like(piece)
    cv2.drawContours(whole, contours, -1, 255, cv2.FILLED)
    return whole > 0


def _is_lettered(pixels: Image, own: Flags, whole: Flags, strokes: Mask) -> bool:
    """Whether a piece of ink is a compact area, `whole` without holes, inside of which letters of other colour stand.

    Letters and outlines of letters are ink themselves: their inside is ground, or they are seen to their edge.
    """
    letters = whole & (strokes > 0)
    share = np.count_nonzero(letters) / np.count_nonzero(whole)
    if not MIN_LETTERS_SHARE <= share <= MAX_LETTERS_SHARE:
        return False
    if hull_share(from_bool(whole)) < MIN_COMPACT_SHARE:
        return False
    bare = whole & (dilate(strokes, NEAR_LETTERS_PX) == 0)
    edge = whole & (cv2.erode(from_bool(whole), np.ones((3, 3), np.uint8)) == 0)
    if np.count_nonzero(bare) < MIN_BARE_SHARE * np.count_nonzero(whole) or own[bare].mean() < MIN_INK_SHARE:
        return False
    if edge.any() and (strokes[edge] > 0).mean() > MAX_EDGE_SHARE:
        return False
    levels = [np.median(pixels[flags], axis=0).astype(np.float32) for flags in (letters, bare)]
    return float(apart(levels[0][None], levels[1])[0]) >= MIN_APART_LEVELS
