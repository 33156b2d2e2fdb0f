"""From what the network calls ink to what will be erased: whole glyphs, and no outline bitten.

On a plain background the picture itself says what is ink, better than any network: whatever differs from the
background is. So strokes found there are completed to whole glyphs, dots and dashes between them are added, and
ink that runs on past the text (a bubble's outline, a panel's border) is kept out of reach of the growth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.dashes import DASH_GLYPHS, find_dashes
from service.fills.gate import Background, deviation, look_at_ring, shrink_to
from service.imaging.arrays import Box, Image, Mask
from service.imaging.geometry import grow_box, label_boxes
from service.imaging.masks import Labels, close_gaps, dilate, dilate_disc, drop_specks, from_bool, label_groups

MIN_STROKE_AREA_PX = 6
GROUP_GAP_PX = 10
INK_LEVELS = 34
"""Difference from the background at which a pixel is ink."""
HALO_LEVELS = 5
"""Difference at which a pixel near a glyph is a soft edge or a compression ring of it."""
HALO_PX = 6
MIN_HIT_SHARE = 0.25
"""Share of an ink component that the network must have seen for it to be text."""
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
    count, labels, stats, _ = cv2.connectedComponentsWithStats(255 - closed, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] <= (COUNTER_GLYPHS * glyph_px) ** 2
    touches = np.zeros(count, np.bool_)
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        touches[border] = True
    spots = small & ~touches
    spots[0] = False
    return from_bool((closed > 0) | spots[labels])


def _separate(image: Image, own: Mask, strokes: Mask, background: Background, glyph_px: int) -> _Ink:
    """Tell the group's own ink from ink that runs on past it."""
    ink = from_bool(deviation(image, background) > INK_LEVELS)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float32)
    hit = np.bincount(labels[strokes > 0], minlength=count).astype(np.float32)
    hit_share = hit / np.maximum(area, 1)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    runs_on = (left == 0) | (top == 0) | (right == image.shape[1]) | (bottom == image.shape[0])
    x0, y0, x1, y1 = shrink_to(own, max(4, round(0.35 * glyph_px)))
    inside = (left >= x0) & (top >= y0) & (right <= x1) & (bottom <= y1)
    small = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) <= 1.6 * glyph_px
    is_text = ((hit_share >= MIN_HIT_SHARE) & ~runs_on) | (hit_share >= 0.6) | (inside & small)
    is_text[0] = False
    is_kept = ~is_text
    is_kept[0] = False
    return _Ink(is_text[labels], is_kept[labels])


def _grow_on_plain(mask: Mask, own: Mask, ink: _Ink, difference: npt.NDArray[np.float32], dilate_px: int) -> Mask:
    text = from_bool(ink.text | (own > 0))
    kept = dilate_disc(from_bool(ink.kept & (own == 0)), 1) > 0
    grown = dilate(text, dilate_px) > 0
    halo = (dilate_disc(text, dilate_px + HALO_PX) > 0) & (difference > HALO_LEVELS)
    wanted = (grown | halo) & ~(kept & ~ink.text)
    result = (mask > 0) & ~(kept & (dilate(own, dilate_px) > 0) & ~ink.text)
    return from_bool(result | wanted)


def _glyph_px(labels: Labels, group: int, box: Box) -> int:
    """Typical size of a glyph of the group: the median longer side of its connected strokes."""
    x0, y0, x1, y1 = box
    own = from_bool(labels[y0:y1, x0:x1] == group)
    count, _, stats, _ = cv2.connectedComponentsWithStats(own, connectivity=8)
    if count < 2:
        return 1
    sizes = np.maximum(stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT])
    big = sizes[sizes >= np.max(sizes) / 4]
    return int(min(np.median(big), min(x1 - x0, y1 - y0) * 1.5))
