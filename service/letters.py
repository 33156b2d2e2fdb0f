"""Tell letters from the drawing that they touch, where both are one piece of ink."""

from __future__ import annotations

import cv2
import numpy as np

from service.imaging.arrays import Mask
from service.imaging.masks import dilate, dilate_disc, from_bool, open_disc, touching

LARGE_PX = 8000
"""Pieces of fewer pixels are letters as a whole: what hangs on them is small too, and may be the tail of a brush."""
MIN_THICKNESS_PX = 20
"""What is no thicker than this is small print that runs together, or as thin as a drawing's own lines."""
THIN = 0.3
"""Thickness, in widths of the strokes that were seen, of what is a line of the drawing and no part of a letter."""
NEAR_PX = 24
"""What is as near as this to what was seen is taken with it, however thin it is."""
SOFT_PX, MAX_FRAME_PX, MIN_FRAME_LENGTH_PX = 2, 2, 48
"""Around what was seen of a letter its edges are soft; half the width of a frame's line, at most, and its length."""


def letters_in(ink: Mask, seen: Mask) -> Mask:
    """What of the piece of `ink` is letters, of which `seen` shows a part; both `(h, w)`.

    A loud sound touches the border of its panel, the outline of a bubble, hatching and hair. Lines much thinner than
    its strokes are none of it, nor is what hangs on it by such lines and of which nothing was seen.
    """
    known = from_bool((ink > 0) & (seen > 0))
    if not known.any():
        return np.zeros_like(ink)
    thickness_px = 2 * float(cv2.distanceTransform(ink, cv2.DIST_L2, 5)[known > 0].max())
    if thickness_px < MIN_THICKNESS_PX:
        return ink
    radius_px = round(THIN * thickness_px / 2)
    body = dilate_disc(open_disc(ink, radius_px), 2 * radius_px)
    return from_bool(touching((ink > 0) & ((body > 0) | (dilate_disc(known, NEAR_PX) > 0)), known > 0))


def frame_in(ink: Mask, seen: Mask) -> Mask:
    """What of the piece of `ink` is a frame, of which nothing was `seen`; both `(h, w)`.

    Level and upright lines, long, straight and thin: a caption's, or a picture's, that a sound touches.
    """
    letters = dilate_disc(seen | open_disc(ink, MAX_FRAME_PX), SOFT_PX)
    thin = np.where(letters > 0, np.uint8(0), ink)
    frame = np.zeros_like(ink)
    for size_hw in ((1, MIN_FRAME_LENGTH_PX), (MIN_FRAME_LENGTH_PX, 1)):
        # What the window cuts is no longer than it shows: letters stand in narrow ones.
        opened = cv2.morphologyEx(
            thin, cv2.MORPH_OPEN, np.ones(size_hw, np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        frame |= np.asarray(opened, np.uint8)
    return np.asarray(dilate(frame, SOFT_PX) & thin, np.uint8)  # corners are round
