"""Find and complete letters in rims, black in white or white in black: sound effects, which a network sees in part.

The rim is there to part the letters from the art. So the picture itself says where a stroke ends once a part of it was
seen. Several black strokes in white rims, side by side, each of which looks a little like text, are text though none
was seen. On white paper whatever is black has a rim: there only how it looks and what stands beside it speak for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Box, Image, Levels, Mask
from service.imaging.colour import luma
from service.imaging.geometry import grow_box, label_boxes, merge_boxes
from service.imaging.masks import (
    Components,
    chosen,
    components,
    dilate,
    dilate_disc,
    from_bool,
    label_groups,
    open_disc,
    resize,
)
from service.imaging.tiles import tile_boxes
from service.letters import LARGE_PX, letters_in
from service.segmenter import TextMaps

DARK_LEVEL, BRIGHT_LEVEL = 90, 165
"""Light below which ink is black and above which a rim is white; of what is left of one, in every channel."""
MIN_SEEN_SHARE, MIN_WHITE_SEEN_SHARE, MIN_LEFT_SHARE, MIN_LEFT_PX = 0.35, 0.6, 0.1, 40
"""Share of a stroke that must have been seen for the rest to be text; of a lone white one, which may be a hand in its
outline; and how much of it must be left to be missed."""
COMPANY_PX = 8
"""What was seen further than this from a white stroke keeps it company, if it is as much as what was seen nearer."""
MIN_RIM_SHARE = 0.85
"""Share of what lies around a stroke, or around its rest, that must be its rim."""
RIM_STROKES, THINNEST_RIM_PX = 0.15, 3
"""Width of the rim that is looked for, in widths of the stroke, and at least; it may be twice as wide."""
LINE_STROKES, LINE_LENGTH_STROKES = 0.2, 2.0
"""Thickness and length, in widths of the stroke, of a line that is no tail of it."""
SOFT_EDGE_PX = 1
RIM_REST_PX, MAX_RIM_REST_PX = 2, 4
"""Half the width of what is left of a rim, at least, and at most: half the growth, which is wider on larger images, but
who asks for a wide growth does not ask for all white that is as wide."""
THINNEST_GROUND_PX = 4
"""Half the width of a black that is ground and not a line."""
RIM_EDGE_PX = 2
"""What compression leaves of a rim beside it."""
STRAIGHT_PX, MIN_STRAIGHT_LENGTH_PX = 3, 16
"""Thickness, at most, and length of the soft edge of a panel."""
RIM_WINDOW_PX = 61
MIN_BLACK_SHARE, MIN_RIMMED_SHARE = 0.5, 0.45
"""Share of a rim's rest that must lie beside such a ground, and of a text's contour, in a window, that must have
such a rim: what comes near it in one place is a drawn thing."""
FAINT, FAINT_SHARE = 0.3, 0.7
"""Mean text probability of a stroke that is faintly seen, and in units of the threshold, where that is higher."""
MIN_STROKES, MOST_FAINT, MOST_STROKES = 3, 40, 800
"""So many strokes, side by side and alike, are letters: one alone is a leaf or an eye as often. More than so many that
are only faintly seen are a pattern. In a crop with more strokes than that nothing is looked for: time would grow with
their square."""
MIN_AREA_PX, MIN_THICKNESS_PX, LONGEST_PX = 150, 6.0, 500
"""Of a faint stroke, px of the maps."""
SIDE_BY_SIDE, MOST_THICKER, MOST_LONGER = 0.5, 3.0, 6.0
"""Strokes stand side by side if the gap between their boxes is no more than this share of the longer one, and are alike
if neither is more than so many times thicker, and longer, than the other."""
SPOT_GAP_PX, MIN_SPOT_PX, CONTEXT_PX, MAX_SIDE_PX = 12, 100, 96, 1200
"""Faint spots, px of the maps: how near they are one, how large they must be, and what is looked at around them."""
MAX_PIXELS = 4_000_000
"""The largest crop that is looked at: it takes up to 40 bytes a pixel."""


def complete_rimmed(image: Image, strokes: Mask, erased: Mask) -> Mask:
    """What `erased` leaves of the letters in a rim of which `strokes` show a part, rims and all; 0 where nothing.

    `image` `(H, W, 3)` is the crop around them; the masks and the answer are `(H, W)`. What runs on past its border is
    art and no letter.
    """
    rest = np.zeros_like(strokes)
    if strokes.size > MAX_PIXELS:
        return rest
    black, white = _black_and_white(image)
    for ink, rim in ((black, white), (white, black)):
        pieces = components(ink)
        seen, gone = (np.bincount(pieces.labels[mask > 0], minlength=pieces.count + 1) for mask in (strokes, erased))
        is_cut = pieces.area - gone >= np.maximum(MIN_LEFT_SHARE * pieces.area, MIN_LEFT_PX)
        is_cut &= _ends_inside(pieces) & (seen >= MIN_SEEN_SHARE * pieces.area)
        if ink is white:
            half_seen = is_cut & (seen < MIN_WHITE_SEEN_SHARE * pieces.area)
            is_cut &= ~half_seen | _has_company(pieces, half_seen, strokes)
        for stroke in _rimmed(pieces, is_cut, rim, erased, THINNEST_RIM_PX, seen=strokes):
            rest[stroke.window] |= stroke.with_rim & ~erased[stroke.window]
    return rest


def _has_company(pieces: Components, flags: npt.NDArray[np.bool_], strokes: Mask) -> npt.NDArray[np.bool_]:
    """`(n + 1,)` of which of the flagged pieces as much of `strokes` lies away as on them and around them."""
    has_company, count = np.zeros_like(flags), np.count_nonzero(strokes)
    for number in np.flatnonzero(flags).tolist():
        x0, y0, x1, y1 = grow_box(pieces.box(number), COMPANY_PX, strokes.shape)
        window = np.s_[y0:y1, x0:x1]
        near = dilate_disc(from_bool(pieces.labels[window] == number), COMPANY_PX)
        has_company[number] = count >= 2 * np.count_nonzero(strokes[window][near > 0])
    return has_company


def complete_rims(image: Image, erased: Mask, on_white: Mask, *, reach_px: int) -> Mask:
    """What `erased` leaves of white rims on dark ground: a thin white line around it, which would be filled from.

    `image` `(H, W, 3)` is the crop around the text; the masks are `(H, W)`. A rim is left where white no wider than
    2 `reach_px` lies between `erased` and a black that is more than a line; a wider white is ground. Beside text that
    stands `on_white`, part of `erased`, a straight one is the soft edge of a panel.
    """
    light = luma(image)
    white = from_bool((image.min(axis=2) > BRIGHT_LEVEL) & (erased == 0))
    near_ground = dilate_disc(open_disc(white, reach_px), SOFT_EDGE_PX) > 0
    thin = (white > 0) & ~near_ground & (dilate_disc(erased, 2 * reach_px) > 0)
    black = open_disc(from_bool((light < DARK_LEVEL) & (erased == 0)), THINNEST_GROUND_PX)
    beside = dilate_disc(black, reach_px + RIM_EDGE_PX) > 0
    pieces = components(from_bool(thin))
    is_rim = np.bincount(pieces.labels[beside], minlength=pieces.count + 1) >= MIN_BLACK_SHARE * pieces.area
    is_straight = (pieces.shorter_side <= STRAIGHT_PX) & (pieces.longer_side >= MIN_STRAIGHT_LENGTH_PX)
    beside_white = np.bincount(pieces.labels[dilate_disc(on_white, 2 * reach_px) > 0], minlength=pieces.count + 1)
    is_rim &= ~is_straight | (beside_white < MIN_BLACK_SHARE * pieces.area)
    is_rim[0] = False
    contour = (dilate(erased, 1) > 0) & (erased == 0)
    rimmed = contour & chosen(pieces.labels, is_rim)
    around, of_rim = (
        cv2.boxFilter(where.astype(np.float32), -1, (RIM_WINDOW_PX, RIM_WINDOW_PX), normalize=False)
        for where in (contour, rimmed)
    )
    enough = rimmed & (of_rim >= MIN_RIMMED_SHARE * around)
    is_rim &= np.bincount(pieces.labels[enough], minlength=pieces.count + 1) > 0
    rims = dilate(from_bool(chosen(pieces.labels, is_rim)), RIM_EDGE_PX)
    return from_bool((rims > 0) & ~near_ground & (erased == 0))


def find_rimmed(
    image: Image, maps: TextMaps, erased: Mask, *, threshold: float, check: Callable[[], None] = lambda: None
) -> Mask:
    """The `(H, W)` mask of letters in a rim that `erased` leaves and `maps` show faintly; 0 where there are none.

    `image` `(H, W, 3)` and `erased` `(H, W)` are at image scale; `threshold` is the probability over which a pixel is
    text. `check` is called now and then, and may raise.
    """
    found = np.zeros_like(erased)
    faint = max(FAINT, FAINT_SHARE * threshold)
    check()
    for x0, y0, x1, y1 in _spots(maps, erased, faint):
        check()
        window = np.s_[y0:y1, x0:x1]
        text = _text_in(maps, (x0, y0, x1, y1))
        found[window] |= _find_in(image[window], text, erased[window], faint=faint, scale=maps.scale)
    return found


@dataclass(frozen=True)
class _Stroke:
    """A stroke in a rim."""

    number: int
    box: Box
    window: tuple[slice, slice]
    """The box and what is around it."""
    with_rim: Mask
    """`(h, w)` of the window: the stroke and its rim."""
    thickness_px: float

    @property
    def length_px(self) -> int:
        """The longer side of the box."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def goes_with(self, other: _Stroke) -> bool:
        """Whether the two are alike and side by side."""
        long, short = sorted((self.length_px, other.length_px), reverse=True)
        thick, thin = sorted((self.thickness_px, other.thickness_px), reverse=True)
        gap_px = max(
            max(self.box[axis], other.box[axis]) - min(self.box[axis + 2], other.box[axis + 2]) for axis in (0, 1)
        )
        return gap_px <= SIDE_BY_SIDE * long and thick <= MOST_THICKER * thin and long <= MOST_LONGER * short


def _black_and_white(image: Image) -> tuple[Mask, Mask]:
    light = luma(image)
    return from_bool(light < DARK_LEVEL), from_bool(light > BRIGHT_LEVEL)


def _ends_inside(pieces: Components) -> npt.NDArray[np.bool_]:
    """`(n + 1,)` which pieces touch no border of the crop."""
    height, width = pieces.labels.shape
    inside = (pieces.left > 0) & (pieces.top > 0) & (pieces.right < width) & (pieces.bottom < height)
    inside[0] = False
    return np.asarray(inside, np.bool_)


def _rimmed(
    pieces: Components,
    flags: npt.NDArray[np.bool_],
    rim: Mask,
    erased: Mask,
    thinnest_px: int,
    *,
    seen: Mask | None = None,
) -> Iterator[_Stroke]:
    """Those of the flagged pieces that stand in a rim, as far as they are not erased, without what they touch."""
    for number in np.flatnonzero(flags).tolist():
        left, top, right, bottom = (
            int(side[number]) for side in (pieces.left, pieces.top, pieces.right, pieces.bottom)
        )
        reach_px = 2 * thinnest_px + max(right - left, bottom - top) // 3  # no stroke is thicker than it is long
        x0, y0, x1, y1 = grow_box((left, top, right, bottom), reach_px, pieces.labels.shape)
        window = np.s_[y0:y1, x0:x1]
        stroke = from_bool(pieces.labels[window] == number)
        thickness_px = 2 * float(cv2.distanceTransform(stroke, cv2.DIST_L2, 5).max())
        rim_px = max(thinnest_px, round(RIM_STROKES * thickness_px))
        around = (dilate(stroke, rim_px) > 0) & (dilate(stroke, SOFT_EDGE_PX) == 0) & (erased[window] == 0)
        if np.count_nonzero(rim[window][around]) >= MIN_RIM_SHARE * np.count_nonzero(around):
            if seen is not None and pieces.area[number] >= LARGE_PX:
                letter = letters_in(stroke, seen[window])
            else:
                letter = _without_lines(stroke, thickness_px)
            near = from_bool(cv2.distanceTransform(255 - letter, cv2.DIST_L2, 5) <= 2 * rim_px)
            yield _Stroke(number, (left, top, right, bottom), window, letter | (near & rim[window]), thickness_px)


def _without_lines(stroke: Mask, thickness_px: float) -> Mask:
    """The stroke without the thin lines that run on from it, as the border of a panel does that a letter touches."""
    radius_px = round(LINE_STROKES * thickness_px / 2)
    if radius_px < 1:
        return stroke
    body = dilate_disc(open_disc(stroke, radius_px), 2 * radius_px)
    rest = components(from_bool((stroke > 0) & (body == 0)))
    is_line = rest.longer_side > LINE_LENGTH_STROKES * thickness_px
    is_line[0] = False
    return from_bool((stroke > 0) & ~chosen(rest.labels, is_line))


def _spots(maps: TextMaps, erased: Mask, faint: float) -> list[Box]:
    """Boxes, at image scale, around what is faintly seen and not erased; of at most MAX_PIXELS."""
    left = from_bool((maps.text > round(255 * faint)) & (resize(erased, _size_hw(maps)) == 0))
    count, labels = label_groups(left, SPOT_GAP_PX)
    pixels = np.bincount(labels.ravel(), minlength=count + 1)
    boxes = [
        grow_box(box, CONTEXT_PX, labels.shape)
        for number, box in enumerate(label_boxes(labels, count), start=1)
        if pixels[number] >= MIN_SPOT_PX
    ]
    height, width = erased.shape
    x_scale, y_scale = width / labels.shape[1], height / labels.shape[0]
    side_px = max(1, min(MAX_SIDE_PX, int(MAX_PIXELS**0.5 / max(x_scale, y_scale)) - 1))
    return [
        (
            int((x0 + left) * x_scale),
            int((y0 + top) * y_scale),
            min(width, round((x0 + right) * x_scale)),
            min(height, round((y0 + bottom) * y_scale)),
        )
        for x0, y0, x1, y1 in merge_boxes(boxes, max_side_px=side_px)
        for left, top, right, bottom in tile_boxes((y1 - y0, x1 - x0), tile_px=side_px, overlap_px=side_px // 3)
    ]


def _size_hw(maps: TextMaps) -> tuple[int, int]:
    return maps.text.shape[0], maps.text.shape[1]


def _text_in(maps: TextMaps, box: Box) -> Levels:
    """The text map in a box at image scale, in as many pixels as the box has."""
    x0, y0, x1, y1 = (round(side * maps.scale) for side in box)
    levels = maps.text[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    return np.asarray(cv2.resize(levels, (box[2] - box[0], box[3] - box[1]), interpolation=cv2.INTER_LINEAR), np.uint8)


def _find_in(image: Image, text: Levels, erased: Mask, *, faint: float, scale: float) -> Mask:
    ink, rim = _black_and_white(image)
    pieces = components(ink)
    levels = np.bincount(pieces.labels.ravel(), weights=text.ravel(), minlength=pieces.count + 1)
    is_faint = _ends_inside(pieces) & (levels >= 255 * faint * pieces.area)
    is_faint &= (pieces.area >= MIN_AREA_PX / scale**2) & (pieces.longer_side <= LONGEST_PX / scale)
    rimmed = _rimmed(pieces, is_faint, rim, np.zeros_like(erased), round(THINNEST_RIM_PX / scale))
    strokes = [stroke for stroke in rimmed if stroke.thickness_px >= MIN_THICKNESS_PX / scale]
    rest = pieces.labels[erased == 0]
    rest_area = np.bincount(rest, minlength=pieces.count + 1)
    rest_levels = np.bincount(rest, weights=text[erased == 0], minlength=pieces.count + 1)
    # A border that a letter touches is one piece of ink with it: what is left must be faintly seen by itself.
    is_left = (rest_area >= MIN_LEFT_SHARE * pieces.area) & (rest_levels >= 255 * faint * rest_area)
    found = np.zeros_like(erased)
    for letters in _gathered(strokes) if len(strokes) <= MOST_STROKES else []:
        left = [stroke for stroke in letters if is_left[stroke.number]]
        if len(letters) >= MIN_STROKES and len(left) <= MOST_FAINT:
            for stroke in left:
                found[stroke.window] |= stroke.with_rim
    return found


def _gathered(strokes: Sequence[_Stroke]) -> list[list[_Stroke]]:
    """The strokes, those together that go with each other, directly or through others."""
    gathered: list[list[_Stroke]] = []
    for stroke in strokes:
        mine = [letters for letters in gathered if any(stroke.goes_with(other) for other in letters)]
        gathered = [letters for letters in gathered if letters not in mine]
        gathered.append([stroke, *(other for letters in mine for other in letters)])
    return gathered
