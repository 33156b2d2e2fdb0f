"""The ground of a board that its text all but fills: a name tag, a button, a cell of a table, a band across a poster.

The ring around such a text is mostly frame, and what lies behind it. Its ground shows in the rim of the mask and in the
corners that the letters leave, and it ends all around. A band runs on beside the text, between other plain grounds.
"""

from __future__ import annotations

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
from service.imaging.colour import apart, luma
from service.imaging.geometry import hull, shrink_to
from service.imaging.masks import dilate, from_bool, touching

MIN_RIM_PIXELS, MIN_RIM_SHARE = 100, 0.55
"""The rim of a smaller hole is no evidence; of this one, so much has the board's colour."""
MAX_CORE_SHARE = 0.6
"""Of what lies inside the rim: letters, which have another colour, are the rest."""
MIN_SEEN_SHARE, MAX_SEEN_SHARE = 0.1, 2.0
"""What is seen of the board beside the hole, of the hole: a larger board shows itself in the ring."""
MIN_HULL_SHARE = 0.7
"""Of its convex hull that a board fills, with the hole; what shows between the lines of a drawing is ragged."""
REACH_PX = 24
"""A board ends nearer than this to the hole."""
MIN_BAND_RIM_SHARE, BAND_PX, MIN_WIDE_SHARE = 0.6, 9, 0.1
"""A band does not end in sight: more of the hole's rim must show it, and of what touches the hole so much must be
of the band and so wide, as no outline is."""
MIN_BAND_LEVEL, MAX_BAND_GRAIN = 60, 3.0
"""In the brightest channel, and mean difference from the band's colour: in the dark all is near to it."""
MIN_EVEN_SHARE, MIN_APART_LEVELS = 0.5, 36
"""Of what else is around the hole so much must be even, and so far from the band's colour: another ground, no art."""
MAX_NEARER_SHARE = 0.06
"""Of the hole, what may be nearer to that ground than to anything of the band's colour: letters are on one of them."""
MAX_PIXELS = 1_000_000
"""Larger crops are no boards: to look at one takes some ten bytes a pixel."""
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
    colour = commonest_colour(_some(pixels[rim]))
    near = cv2.inRange(pixels, np.ceil(colour - TOLERANCE_LEVELS), np.floor(colour + TOLERANCE_LEVELS)) > 0
    if not _holds_letters(own, rim, near):
        return None
    erased = own > 0
    seen = touching(erased | (near & (forbidden[window] == 0)), erased) & ~erased
    if not seen.any():
        return None
    grain = float(apart(_some(pixels[seen]), colour).mean())
    if _is_board(own, seen):
        is_ground = grain <= MAX_RESIDUAL_LEVELS
    else:
        is_even = grain <= MAX_BAND_GRAIN and colour.max() >= MIN_BAND_LEVEL
        is_ground = is_even and _is_band(pixels, colour, hole=own, forbidden=forbidden[window], seen=seen)
    if not is_ground:
        return None
    plain_share = float(near[ring_of(own, forbidden[window])].mean())
    return Background(colour, even_surface(colour), is_flat=True, plain_share=plain_share, grain=grain)


def _is_band(pixels: Image, colour: Colour, *, hole: Mask, forbidden: Mask, seen: Flags) -> bool:
    """Whether the ground `seen` runs on from the hole as no outline does, and all else around is other plain ground."""
    difference = apart(pixels, colour)
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


def _holds_letters(hole: Mask, rim: Flags, near: Flags) -> bool:
    """Whether most of the hole's `rim` is `near` the ground's colour, and much of what is inside of it is not."""
    core = (hole > 0) & ~rim
    return bool(core.any() and near[rim].mean() >= MIN_RIM_SHARE and near[core].mean() <= MAX_CORE_SHARE)


def _is_board(hole: Mask, seen: Flags) -> bool:
    """Whether the hole and the ground `seen` around it are one small compact shape that ends in sight."""
    count = np.count_nonzero(hole)
    if not MIN_SEEN_SHARE * count <= np.count_nonzero(seen) <= MAX_SEEN_SHARE * count:
        return False
    if any(side.any() for side in (seen[0], seen[-1], seen[:, 0], seen[:, -1])):
        return False
    board = from_bool(seen | (hole > 0))
    outline = np.zeros_like(hole)
    cv2.fillConvexPoly(outline, hull(board, (0, 0)), 255)
    return bool(np.count_nonzero(board) >= MIN_HULL_SHARE * np.count_nonzero(outline))
