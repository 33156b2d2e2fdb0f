"""Continue the ground of a board where it changes smoothly: a button in two colours.

A mask reaches past its letters, so its rim is ground and the hole goes on from it; the ring around the mask lies beyond
the board already.
"""

from __future__ import annotations

import cv2
import numpy as np

from service.fills.board import MAX_PIXELS, MIN_RIM_PIXELS, NEAR_BOARD_LEVELS, REACH_PX, is_board
from service.fills.copies import Copies
from service.fills.gate import MAX_PLAIN_CORE_SHARE, TOLERANCE_LEVELS, rim_of
from service.fills.smooth import fill_smoothly
from service.imaging.arrays import Image, Mask
from service.imaging.colour import apart
from service.imaging.geometry import shrink_to
from service.imaging.masks import from_bool, touching

MIN_SMOOTH_SHARE, AROUND_PX = 0.85, 7
"""Of the rim, that is near the mean of the rim so far around it."""
MIN_HULL_SHARE = 0.9
"""Of its convex hull that the board fills."""


def continue_shaded_board(image: Image, hole: Mask, forbidden: Mask) -> Copies | None:
    """What goes on in `hole` `(h, w)` from its own rim, if that shows a board's smooth ground, and letters are within.

    `image` `(h, w, 3)` is the crop around the hole, `forbidden` `(h, w)` holds all holes in it; what of the rim is
    smooth stays as it is. None for any other hole.
    """
    x0, y0, x1, y1 = shrink_to(hole, REACH_PX)
    window = np.s_[y0:y1, x0:x1]
    own, pixels = hole[window], image[window]
    rim = rim_of(own) if own.size <= MAX_PIXELS else np.zeros(own.shape, np.bool_)
    core = (own > 0) & ~rim
    if np.count_nonzero(rim) < MIN_RIM_PIXELS or not core.any():
        return None
    side = (AROUND_PX, AROUND_PX)
    count = cv2.blur(rim.astype(np.float32), side, borderType=cv2.BORDER_CONSTANT)[rim]
    total = cv2.blur(pixels * rim[..., None].astype(np.float32), side, borderType=cv2.BORDER_CONSTANT)[rim]
    smooth = rim.copy()
    smooth[rim] = apart(pixels[rim], total / count[:, None]) <= TOLERANCE_LEVELS
    smooth_share = float(smooth[rim].mean())
    if smooth_share < MIN_SMOOTH_SHARE:
        return None
    ground = fill_smoothly(pixels, from_bool(~smooth))
    near = apart(pixels, ground) <= NEAR_BOARD_LEVELS
    erased = own > 0
    seen = touching(erased | (near & (forbidden[window] == 0)), erased) & ~erased
    if near[core].mean() > MAX_PLAIN_CORE_SHARE or not is_board(
        own, seen, smooth_share, least_hull_share=MIN_HULL_SHARE
    ):
        return None
    levels = np.where(smooth[..., None], pixels, np.clip(np.rint(ground), 0, 255).astype(np.uint8))
    return Copies(hole, levels[erased])
