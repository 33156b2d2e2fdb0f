"""Tell text in a bubble or caption from text over art."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.gate import Background
from service.imaging.arrays import Image, Mask
from service.imaging.colour import colour_distance
from service.imaging.masks import chosen, components, from_bool

TOLERANCE_LEVELS = 28
MARGIN_TEXTS = 0.9
"""How far around a text its bubble's outline is looked for, in longer sides of the text's box."""
MIN_MARGIN_PX = 40
LOOK_SIDE_PX = 1000
"""A crop of twice this side is looked at in every second pixel, and so on: outlines there are as much thicker."""
MAX_OPEN_SHARE = 0.04
"""Share of the surroundings' border that the bubble's inside may reach: a tail that is open, a gap in the outline."""


RAYS = 72
RAY_TEXTS, MIN_RAY_PX = 0.6, 24
"""How far past the text a ray looks for the outline, in longer sides of the text."""
MIN_ENDED_SHARE = 0.8
"""Share of the rays that must end at something: a bubble may be open to the gutter, or to a neighbour of its own."""


def margin_px(width: int, height: int) -> int:
    """How much more than the text's own box `stands_in_bubble` wants to see on each side."""
    return max(MIN_MARGIN_PX, round(MARGIN_TEXTS * max(width, height)))


def stands_in_bubble(
    image: Image, own: Mask, background: Background, *, at_border: tuple[bool, bool, bool, bool]
) -> bool:
    """Whether the plain ground under the text ends all around it before the crop does.

    `image` `(h, w, 3)` is the crop around the text `own` `(h, w)`. `at_border` says, for left, top, right and bottom,
    where the crop ends because the page does: a bubble cut by the page's edge is a bubble too.
    """
    step = max(image.shape[:2]) // LOOK_SIDE_PX
    if step > 1 and own[::step, ::step].any():  # a line across a large scan would cost the whole page
        image, own = image[::step, ::step], own[::step, ::step]
    ground = (colour_distance(image, background.colour) <= TOLERANCE_LEVELS) | (own > 0)
    # One step of erosion closes the gaps that compression leaves in a thin outline.
    pieces = components(np.asarray(cv2.erode(from_bool(ground), np.ones((3, 3), np.uint8)), np.uint8), connectivity=4)
    under_text = np.zeros(pieces.count + 1, np.bool_)
    under_text[pieces.labels[own > 0]] = True
    under_text[0] = False
    inside = chosen(pieces.labels, under_text)
    sides = [inside[:, 0], inside[0], inside[:, -1], inside[-1]]
    looked_at = [side for side, is_page_edge in zip(sides, at_border, strict=True) if not is_page_edge]
    # Where the crop is the whole page only the rays can tell.
    is_closed = bool(looked_at) and np.concatenate(looked_at).mean() <= MAX_OPEN_SHARE
    return bool(is_closed or _ended_share(ground, own) >= MIN_ENDED_SHARE)


def _ended_share(ground: npt.NDArray[np.bool_], own: Mask) -> float:
    """Share of the rays from the middle of the text that meet other than `ground` soon after they leave the text."""
    left, top, width, height = cv2.boundingRect(own)
    reach_px = max(MIN_RAY_PX, round(RAY_TEXTS * max(width, height)))
    angles = np.arange(RAYS)[:, None] * (2 * np.pi / RAYS)
    far = np.arange(1, reach_px + 1)
    # A ray starts where it leaves the ellipse around the text.
    columns = np.rint(left + width / 2 + np.cos(angles) * (width / 2 + far)).astype(int)
    rows = np.rint(top + height / 2 + np.sin(angles) * (height / 2 + far)).astype(int)
    seen = (columns >= 0) & (rows >= 0) & (columns < own.shape[1]) & (rows < own.shape[0])
    ends = np.zeros(seen.shape, np.bool_)
    ends[seen] = ~ground[rows[seen], columns[seen]]
    return float(ends.any(axis=1).mean())
