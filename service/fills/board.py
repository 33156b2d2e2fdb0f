"""The ground of a board that its text all but fills: a name tag, a button, a cell of a table, a band across a poster.

The ring around such a text is mostly frame, and what lies behind it. Its ground shows in the rim of the mask and in the
corners that the letters leave, and it ends all around. A band runs on beside the text, between other plain grounds.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.gate import (
    MAX_PLAIN_CORE_SHARE,
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
from service.imaging.geometry import hull, shrink_to
from service.imaging.masks import dilate, from_bool, touching

MIN_RIM_PIXELS, MIN_RIM_SHARE = 100, 0.55
"""The rim of a smaller hole is no evidence; of this one, so much has the board's colour."""
MAX_CORE_SHARE = 0.6
"""Of what lies inside the rim: letters, which have another colour, are the rest."""
MIN_PLAIN_RIM_SHARE = 0.9
"""Of small print, whose growth is wide for it, less is letters; then so much of the rim must be of the board."""
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
NEAR_BOARD_LEVELS = 24
"""What differs less from a board's colour is it: around small letters compression takes it so far."""
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
    at_rim = some_of(pixels[rim])
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
    at_ground, rim_share = some_of(pixels[seen]), near[rim].mean()
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


def some_of(pixels: npt.NDArray[np.uint8]) -> Samples:
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
    if not core.any():
        return False
    rim_share, core_share = near[rim].mean(), near[core].mean()
    most = MAX_PLAIN_CORE_SHARE if rim_share >= MIN_PLAIN_RIM_SHARE else MAX_CORE_SHARE
    return bool(rim_share >= MIN_RIM_SHARE and core_share <= most)


def is_board(hole: Mask, seen: Flags, rim_share: float, *, least_hull_share: float = MIN_HULL_SHARE) -> bool:
    """Whether the hole and the ground `seen` around it are one small compact shape that ends in sight.

    `rim_share` of the hole's rim shows that ground; of its convex hull the board fills at least `least_hull_share`.
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
    return hull_share(board) >= least_hull_share


def hull_share(mask: Mask) -> float:
    """Share of its convex hull that `mask` fills, 0 to 1."""
    outline = np.zeros_like(mask)
    cv2.fillConvexPoly(outline, hull(mask, (0, 0)), 255)
    return np.count_nonzero(mask) / np.count_nonzero(outline)


def _border(flags: Flags) -> Flags:
    """`(n,)` the outermost pixels of the crop."""
    return np.concatenate([flags[0], flags[-1], flags[:, 0], flags[:, -1]])
