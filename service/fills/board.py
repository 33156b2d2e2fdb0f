"""The ground of a board that its text all but fills: a name tag, a button, a cell of a table.

The ring around such a text is mostly frame, and what lies behind it. Its ground shows in the rim of the mask and in the
corners that the letters leave, and it ends all around.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.gate import (
    MAX_RESIDUAL_LEVELS,
    TOLERANCE_LEVELS,
    Background,
    commonest_colour,
    look_at_ring,
    rim_of,
    ring_of,
)
from service.fills.surface import Samples, even_surface
from service.imaging.arrays import Image, Mask
from service.imaging.colour import apart
from service.imaging.geometry import hull, shrink_to
from service.imaging.masks import from_bool, touching

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
    if not _is_board(own, seen):
        return None
    grain = float(apart(_some(pixels[seen]), colour).mean())
    if grain > MAX_RESIDUAL_LEVELS:
        return None
    plain_share = float(near[ring_of(own, forbidden[window])].mean())
    return Background(colour, even_surface(colour), is_flat=True, plain_share=plain_share, grain=grain)


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
