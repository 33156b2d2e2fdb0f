"""From what the network calls ink to what will be erased: whole glyphs, and no outline bitten.

On a plain background the picture itself says what is ink, better than any network: whatever differs from the
background is. So strokes found there are completed to whole glyphs, dots and dashes between them are added, and
ink that runs on past the text (a bubble's outline, a panel's border) is kept out of reach of the growth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.dashes import DASH_GLYPHS, find_dashes
from service.fills.gate import Background, deviation, look_at_ring, shrink_to
from service.imaging.arrays import Box, Image, Mask
from service.imaging.geometry import grow_box, label_boxes
from service.imaging.masks import (
    Labels,
    close_gaps,
    components,
    dilate,
    dilate_disc,
    drop_specks,
    from_bool,
    label_groups,
)

MIN_STROKE_AREA_PX = 6
GROUP_GAP_PX = 10
INK_LEVELS = 34
"""Difference from the background at which a pixel is ink."""
HALO_LEVELS = 5
"""Difference at which a pixel near a glyph is a soft edge or a compression ring of it."""
HALO_REACH = 2
"""How far past the growth the halo is looked for, in units of the growth."""
MIN_HIT_SHARE = 0.25
"""Share of a piece of ink that the network must have seen for it to be text."""
SURE_HIT_SHARE = 0.6
"""The same for ink that runs on past the search area, as outlines do."""
INSIDE_GLYPHS = 0.35
SMALL_GLYPHS = 1.6
"""Ink within this margin of the found text and no larger than this is a dot, an accent or a missed glyph."""
CLOSE_GLYPHS = 0.06
"""Gaps inside a glyph that are closed where the background gives no help, in glyph sizes."""
COUNTER_GLYPHS = 0.5
"""Enclosed spots up to this size, in glyph sizes, are part of the glyph: the fill of a hollow letter, mostly."""
SEARCH_GLYPHS = 1.2
"""How far past the found text, in glyph sizes, its ink is looked for."""


@dataclass(frozen=True)
class _Ink:
    text: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.bool_]


def refine(image: Image, strokes: Mask, *, dilate_px: int) -> Mask:
    """The mask to erase for the stroke mask `strokes` found on `image`; both `(H, W)`, at image scale.

    `dilate_px` is the growth at image scale. Raises InvalidOption if it is negative.
    """
    strokes = drop_specks(strokes, MIN_STROKE_AREA_PX)
    grown = dilate(strokes, dilate_px)
    mask = grown.copy()
    count, labels = label_groups(strokes, GROUP_GAP_PX)
    for group, box in enumerate(label_boxes(labels, count), start=1):
        glyph_px = _glyph_px(labels, group, box)
        margin_px = max(24, round(SEARCH_GLYPHS * glyph_px))
        x0, y0, x1, y1 = grow_box(box, margin_px, labels.shape)
        cut = np.s_[y0:y1, x0:x1]
        own = from_bool(labels[cut] == group)
        background = look_at_ring(image[cut], dilate_disc(own, dilate_px), grown[cut])
        if background is None:
            mask[cut] |= dilate(_whole(own, glyph_px), dilate_px)
            continue
        ink = _separate(image[cut], own, strokes[cut], background, glyph_px)
        mask[cut] = _grow_on_plain(mask[cut], own, ink, deviation(image[cut], background), dilate_px)
        if background.is_flat:
            x0, y0, x1, y1 = grow_box(box, round(DASH_GLYPHS * glyph_px), labels.shape)
            cut = np.s_[y0:y1, x0:x1]
            dashes = find_dashes(image[cut], from_bool(labels[cut] == group), background.colour, glyph_px)
            mask[cut] |= dilate(dashes, dilate_px)
    return mask


def _whole(own: Mask, glyph_px: int) -> Mask:
    """Glyphs over art, completed: gaps closed, enclosed spots filled."""
    closed = close_gaps(own, min(8, max(2, round(CLOSE_GLYPHS * glyph_px))))
    spots = components(255 - closed, connectivity=4)
    enclosed = spots.area <= (COUNTER_GLYPHS * glyph_px) ** 2
    for border in (spots.labels[0], spots.labels[-1], spots.labels[:, 0], spots.labels[:, -1]):
        enclosed[border] = False
    enclosed[0] = False
    return from_bool((closed > 0) | enclosed[spots.labels])


def _separate(image: Image, own: Mask, strokes: Mask, background: Background, glyph_px: int) -> _Ink:
    """Tell the group's own ink from ink that runs on past it."""
    pieces = components(from_bool(deviation(image, background) > INK_LEVELS))
    hits = np.bincount(pieces.labels[strokes > 0], minlength=pieces.count + 1)
    hit_share = hits / np.maximum(pieces.area, 1)
    height, width = own.shape
    runs_on = (pieces.left == 0) | (pieces.top == 0) | (pieces.right == width) | (pieces.bottom == height)
    x0, y0, x1, y1 = shrink_to(own, max(4, round(INSIDE_GLYPHS * glyph_px)))
    inside = (pieces.left >= x0) & (pieces.top >= y0) & (pieces.right <= x1) & (pieces.bottom <= y1)
    small = pieces.longer_side <= SMALL_GLYPHS * glyph_px
    is_text = ((hit_share >= MIN_HIT_SHARE) & ~runs_on) | (hit_share >= SURE_HIT_SHARE) | (inside & small)
    is_kept = ~is_text
    is_text[0] = is_kept[0] = False
    return _Ink(is_text[pieces.labels], is_kept[pieces.labels])


def _grow_on_plain(mask: Mask, own: Mask, ink: _Ink, difference: npt.NDArray[np.float32], dilate_px: int) -> Mask:
    """Grow the group's text, its halo too, but not into ink that is kept; other groups' pixels of `mask` stay."""
    text = from_bool(ink.text | (own > 0))
    kept = (dilate_disc(from_bool(ink.kept & (own == 0)), 1) > 0) & ~ink.text
    halo = (dilate_disc(text, dilate_px * (1 + HALO_REACH)) > 0) & (difference > HALO_LEVELS)
    wanted = ((dilate(text, dilate_px) > 0) | halo) & ~kept
    others = (mask > 0) & ~(kept & (dilate(own, dilate_px) > 0))
    return from_bool(others | wanted)


def _glyph_px(labels: Labels, group: int, box: Box) -> int:
    """Typical size of a glyph of the group: the median longer side of its connected strokes."""
    x0, y0, x1, y1 = box
    sides = components(from_bool(labels[y0:y1, x0:x1] == group)).longer_side[1:]
    if len(sides) == 0:
        return 1
    return int(min(np.median(sides[sides >= sides.max() / 4]), min(x1 - x0, y1 - y0) * 1.5))
