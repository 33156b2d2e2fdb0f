"""The ground of a board that its text all but fills: a name tag, a button, a cell of a table, a band across a poster.

The ring around such a text is mostly frame, and what lies behind it. Its ground shows in the rim of the mask and in the
corners that the letters leave, and it ends all around. A band runs on beside the text, between other plain grounds.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.gate import (
    MAX_RESIDUAL_LEVELS,
    TOLERANCE_LEVELS,
    Background,
    Colour,
    commonest_colour,
    look_at_ring,
    rim_of,
    ring_of,
)
from service.fills.surface import Samples, even_surface
from service.imaging.arrays import Image, Mask
from service.imaging.colour import apart, colour_distance, luma
from service.imaging.geometry import grow_box, hull, shrink_to
from service.imaging.masks import Components, chosen, components, dilate, from_bool, touching

MIN_RIM_PIXELS, MIN_RIM_SHARE = 100, 0.55
"""The rim of a smaller hole is no evidence; of this one, so much has the board's colour."""
MAX_CORE_SHARE = 0.6
"""Of what lies inside the rim: letters, which have another colour, are the rest."""
MIN_SEEN_SHARE, MAX_SEEN_SHARE = 0.08, 2.0
"""What is seen of the board beside the hole, of the hole: a larger board shows itself in the ring."""
MIN_ROUGH_RIM_SHARE, MAX_ROUGH_GRAIN = 0.64, 8.0
"""Compression leaves a small board as rough as this: then more of the rim must have its colour."""
MAX_SPREADS, MAX_STRAY_LEVELS = 3.0, 36
"""By so many of its median differences, at most so many levels, a board strays from its colour in each channel;
in its light no further than any ground: what does is shaded, or no board."""
MIN_HULL_SHARE = 0.7
"""Of its convex hull that a board fills, with the hole; what shows between the lines of a drawing is ragged."""
REACH_PX = 24
"""A board ends nearer than this to the hole."""
TAIL_PX, MAX_TAIL_SHARE, MIN_TAILED_RIM_SHARE = 9, 0.08, 0.8
"""But for tails, as bubbles have them, up to so thick, or at so much of the border of what is looked at; then more of
the rim must show it."""
MIN_BAND_RIM_SHARE, BAND_PX, MIN_WIDE_SHARE = 0.6, 9, 0.1
"""A band does not end in sight: more of the hole's rim must show it, and of what touches the hole so much must be
of the band and so wide, as no outline is."""
MIN_BAND_LEVEL, MAX_BAND_GRAIN = 60, 3.0
"""In the brightest channel, and mean difference from the band's colour: in the dark all is near to it."""
MIN_EVEN_SHARE, MIN_APART_LEVELS = 0.5, 36
"""Of what else is around a band's hole so much must be even, and so far from the band's colour: another ground, no art.
Letters among the ink are as far from their board's colour."""
MAX_NEARER_SHARE = 0.06
"""Of the hole, what may be nearer to that ground than to anything of the band's colour: letters are on one of them."""
MIN_BOARD_PIXELS, MIN_LETTERS_SHARE, MAX_LETTERS_SHARE = 400, 0.05, 0.8
"""Of a board among the ink, and share of it that its letters take."""
MIN_COMPACT_SHARE, MAX_EDGE_SHARE = 0.85, 0.3
"""Of its convex hull that such a board fills, and of its edge that may be letters."""
NEAR_LETTERS_PX, MIN_BARE_SHARE, MIN_INK_SHARE = 2, 0.18, 0.9
"""Share of it that is further than this from its letters, as little of an outlined word is, and of that the share that
is ink as well: what shows in a letter's loops is the ground."""
BESIDE_PX = (1, 3)
"""Between these distances from letters their board shows itself, whatever is around it."""
NEAR_BOARD_LEVELS = 24
"""What differs less from a board's colour is it: around small letters compression takes it so far."""
MIN_CONVEX_SHARE, MIN_BARE_NEAR_SHARE, MAX_LETTERS_HULL_SHARE = 0.95, 0.85, 0.93
"""Of its convex hull that a board on any ground fills with its letters, as the rim of a word does not; of what is bare
of letters, that must have its colour, soft edges aside; and of their own hull that letters fill: more is a bar."""
MIN_MARGIN_LINES = 0.35
"""How far such a board reaches from its letters somewhere, in the shorter side of them all: a rim is narrower."""
MIN_BESIDE_SHARE = 0.3
"""Of what is beside a letter, that must have its board's colour: a stray hit beside a board has not."""
MOST_LETTERS, MOST_COLOURS = 100, 8
"""In a crop in which boards are looked for, and of boards there, around its largest letters."""
MAX_PIXELS = 1_000_000
"""Larger crops are no boards: to look at one takes up to 20 bytes a pixel."""
SAMPLES = 50_000

Flags = npt.NDArray[np.bool_]
"""`(H, W)` bool."""


def look_around(image: Image, hole: Mask, forbidden: Mask) -> Background | None:
    """The plain background that the ring around `hole` shows, or else the board that it stands on; None for neither.

    `hole` and `forbidden` `(H, W)` are as in `look_at_ring`.
    """
    background = look_at_ring(image, hole, forbidden)
    return background if background is not None else look_at_board(image, hole, forbidden)


def look_at_board(image: Image, hole: Mask, forbidden: Mask) -> Background | None:
    """The ground of the board that `hole` `(H, W)` all but fills, or None if it is on none.

    `forbidden` `(H, W)` holds every hole.
    """
    x0, y0, x1, y1 = shrink_to(hole, REACH_PX)
    window = np.s_[y0:y1, x0:x1]
    own, pixels = hole[window], image[window]
    rim = rim_of(own) if own.size <= MAX_PIXELS else np.zeros(own.shape, np.bool_)
    if np.count_nonzero(rim) < MIN_RIM_PIXELS:
        return None
    at_rim = _some(pixels[rim])
    colour = commonest_colour(at_rim)
    tolerance = _tolerance_levels(at_rim, colour)
    near = cv2.inRange(pixels, np.ceil(colour - tolerance), np.floor(colour + tolerance)) > 0
    light = int(luma(np.rint(colour).astype(np.uint8)[None, None])[0, 0])
    near &= np.abs(luma(pixels).astype(np.int16) - light) <= TOLERANCE_LEVELS
    if not _holds_letters(own, rim, near):
        return None
    erased = own > 0
    seen = touching(erased | (near & (forbidden[window] == 0)), erased) & ~erased
    if not seen.any():
        return None
    at_ground, rim_share = _some(pixels[seen]), near[rim].mean()
    grain = float(apart(at_ground, colour).mean())
    # In units of what the channel may stray: what compression does to one of them is no roughness.
    roughness = float((np.abs(at_ground - colour) * (TOLERANCE_LEVELS / tolerance)).max(axis=1).mean())
    if is_board(own, seen, rim_share):
        is_ground = roughness <= (MAX_ROUGH_GRAIN if rim_share >= MIN_ROUGH_RIM_SHARE else MAX_RESIDUAL_LEVELS)
    else:
        is_even = grain <= MAX_BAND_GRAIN and colour.max() >= MIN_BAND_LEVEL
        is_ground = is_even and _is_band(pixels, colour, hole=own, forbidden=forbidden[window], seen=seen)
    if not is_ground:
        return None
    plain_share = float(near[ring_of(own, forbidden[window])].mean())
    return Background(colour, even_surface(colour), is_flat=True, plain_share=plain_share, grain=grain)


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
        colour = commonest_colour(_some(beside[number][0]))
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
        is_board = margin >= MIN_MARGIN_LINES * line_px and _hull_share(letters) <= MAX_LETTERS_HULL_SHARE
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
    if _hull_share(from_bool(whole)) < MIN_COMPACT_SHARE:
        return False
    bare = whole & (dilate(strokes, NEAR_LETTERS_PX) == 0)
    edge = whole & (cv2.erode(from_bool(whole), np.ones((3, 3), np.uint8)) == 0)
    if np.count_nonzero(bare) < MIN_BARE_SHARE * np.count_nonzero(whole) or own[bare].mean() < MIN_INK_SHARE:
        return False
    if edge.any() and (strokes[edge] > 0).mean() > MAX_EDGE_SHARE:
        return False
    levels = [np.median(pixels[flags], axis=0).astype(np.float32) for flags in (letters, bare)]
    return float(apart(levels[0][None], levels[1])[0]) >= MIN_APART_LEVELS


def _is_band(pixels: Image, colour: Colour, *, hole: Mask, forbidden: Mask, seen: Flags) -> bool:
    """Whether the ground `seen` runs on from the hole as no outline does, and all else around is other plain ground."""
    difference = colour_distance(pixels, colour)
    if (difference[rim_of(hole)] <= TOLERANCE_LEVELS).mean() < MIN_BAND_RIM_SHARE:
        return False
    square = np.ones((BAND_PX, BAND_PX), np.uint8)
    wide = cv2.morphologyEx(from_bool(seen), cv2.MORPH_OPEN, square) > 0
    around = (dilate(hole, 1) > 0) & (hole == 0)
    if np.count_nonzero(wide & around) < MIN_WIDE_SHARE * np.count_nonzero(around):
        return False
    ring = ring_of(hole, forbidden)
    is_near = difference <= TOLERANCE_LEVELS
    light = luma(pixels)
    window = np.ones((3, 3), np.uint8)
    even = cv2.dilate(light, window) - cv2.erode(light, window) <= TOLERANCE_LEVELS
    ground = ring & even & (difference >= MIN_APART_LEVELS)
    if np.count_nonzero(ground) < MIN_EVEN_SHARE * np.count_nonzero(ring & ~is_near):
        return False
    to_band, to_ground = (
        cv2.distanceTransform(from_bool(~flags), cv2.DIST_L2, cv2.DIST_MASK_5)
        for flags in (is_near & (ring | (hole > 0)), ground)
    )
    return bool((to_ground < to_band)[hole > 0].mean() <= MAX_NEARER_SHARE)


def _some(pixels: npt.NDArray[np.uint8]) -> Samples:
    """`(n, 3)` float32: so many of the `(N, 3)` pixels that they say what all would."""
    return np.asarray(pixels[:: -(-len(pixels) // SAMPLES)], np.float32)


def _tolerance_levels(samples: Samples, colour: Colour) -> Colour:
    """`(3,)` levels by which a board strays from its `colour`: in some channels compression takes it further."""
    difference = np.abs(samples - colour)
    ground = difference[difference.max(axis=1) <= MAX_STRAY_LEVELS]
    spread = np.median(ground, axis=0) if len(ground) else np.zeros(3)
    return np.asarray(np.clip(MAX_SPREADS * spread, TOLERANCE_LEVELS, MAX_STRAY_LEVELS), np.float32)


def _holds_letters(hole: Mask, rim: Flags, near: Flags) -> bool:
    """Whether most of the hole's `rim` is `near` the ground's colour, and much of what is inside of it is not."""
    core = (hole > 0) & ~rim
    return bool(core.any() and near[rim].mean() >= MIN_RIM_SHARE and near[core].mean() <= MAX_CORE_SHARE)


def is_board(hole: Mask, seen: Flags, rim_share: float, *, hull_share: float = MIN_HULL_SHARE) -> bool:
    """Whether the hole and the ground `seen` around it are one small compact shape that ends in sight.

    `rim_share` of the hole's rim shows that ground; of its convex hull the board fills `hull_share`.
    """
    count = np.count_nonzero(hole)
    if not MIN_SEEN_SHARE * count <= np.count_nonzero(seen) <= MAX_SEEN_SHARE * count:
        return False
    board = from_bool(seen | (hole > 0))
    if _border(seen).any():
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (TAIL_PX, TAIL_PX))
        board = np.asarray(cv2.morphologyEx(board, cv2.MORPH_OPEN, disc), np.uint8)
        if not board.any() or rim_share < MIN_TAILED_RIM_SHARE or _border(seen & (board > 0)).mean() > MAX_TAIL_SHARE:
            return False
    return _hull_share(board) >= hull_share


def _hull_share(mask: Mask) -> float:
    """Share of its convex hull that `mask` fills, 0 to 1."""
    outline = np.zeros_like(mask)
    cv2.fillConvexPoly(outline, hull(mask, (0, 0)), 255)
    return np.count_nonzero(mask) / np.count_nonzero(outline)


def _border(flags: Flags) -> Flags:
    """`(n,)` the outermost pixels of the crop."""
    return np.concatenate([flags[0], flags[-1], flags[:, 0], flags[:, -1]])
