"""Tell which parts of a text lie on which ground, where its ring shows more than one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from service.fills.edge import find_edge
from service.fills.gate import (
    RINGS_PX,
    TOLERANCE_LEVELS,
    TOUCHING_PX,
    Background,
    commonest_background,
    look_at_ring,
    rim_of,
    ring_of,
)
from service.fills.surface import surface_at
from service.imaging.arrays import Image, Mask
from service.imaging.colour import apart
from service.imaging.geometry import grow_box, label_boxes
from service.imaging.masks import Labels, chosen, dilate, dilate_disc, from_bool, label_groups

STRAYS_PIXELS = 4_000_000
"""In a larger crop no strays are looked for: that takes 20 bytes a pixel."""
OTHER_GROUND_PX = 7
"""What is thinner than this beside a text is an outline, no ground."""
BESIDE_PX = 2
"""Only what lies as near as this to a text says what it stands on: what lies behind an outline, or behind the strip
of a panel below its last line, does not."""
STRAY_PX, PARTED_PX = 5, 3
"""What is thinner than this of a piece, where it lies over other ground, is filled with the rest: where the ground is
guessed from the nearest pixel, and where a straight edge parts it."""
PIECE_GAP_PX = 3
MAX_PLAIN_SHARE = 0.2
"""Of what lies beside a piece: with less than this of the plain ground the whole piece stands on the other one."""
MIN_BARE_SHARE = 0.6
"""Of what is seen beside an edge between two plain grounds: with less than this of them a line is drawn along it."""

Flags = npt.NDArray[np.bool_]
"""`(H, W)` bool."""


def find_strays(image: Image, own: Mask, mask: Mask, background: Background) -> Mask:
    """The part of the hole `own` `(H, W)` that lies over other ground than the plain `background` of the rest.

    A caption below a panel and the credits at the panel's lower edge are one text on two grounds, and so is a sound
    effect that begins in a bubble and ends over art. Where a straight edge parts what is seen of both around a piece,
    it parts the piece. Else a piece that has next to nothing of the plain ground beside it strays as a whole, and of
    one that has both, each pixel belongs to the ground that is nearest. Outlines, which are thin, are no ground.
    `mask` `(H, W)` holds every hole.
    """
    strays = np.zeros_like(own)
    if own.size > STRAYS_PIXELS:
        return strays
    ring = ring_of(own, mask)
    is_other = ring.copy()
    is_other[ring] = _deviation(image, ring, background) > TOLERANCE_LEVELS
    is_wide = _wide(is_other)
    if not is_wide.any():
        return strays
    is_plain = (ring & ~is_other) | _plain_rim(image, own, background)
    undecided = own.copy()
    for number, labels, window in _pieces_near(own, is_wide):
        piece = labels == number
        side = _far_side(piece, is_plain[window], is_other[window], is_wide[window])
        if side is not None:
            strays[window] |= _opened(from_bool(piece & side), PARTED_PX)
            undecided[window][piece] = 0
        elif _strays_whole(piece, is_plain[window], is_wide[window]):
            strays[window][piece] = 255
            undecided[window][piece] = 0
    return np.maximum(strays, _nearest_parts(undecided, is_plain | ring, is_wide))


def part_at_edge(image: Image, own: Mask, mask: Mask) -> list[tuple[Mask, Background]]:
    """The two parts of the hole `own` `(H, W)` and their grounds, if two plain grounds meet under it; else nothing.

    They meet at a straight edge without a line along it. `mask` `(H, W)` holds every hole.
    """
    background = commonest_background(image, own, mask) if own.size <= STRAYS_PIXELS else None
    if background is None:
        return []
    ring = ring_of(own, mask)
    is_other = ring.copy()
    is_other[ring] = _deviation(image, ring, background) > TOLERANCE_LEVELS
    side = find_edge((ring & ~is_other) | _plain_rim(image, own, background), is_other)
    if side is None:
        return []
    parts: list[tuple[Mask, Background]] = []
    is_ground = np.zeros_like(ring)
    for this in (~side, side):
        part = from_bool((own > 0) & this)
        ground = look_at_ring(image, part, np.maximum(mask, from_bool(~this))) if part.any() else None
        if ground is None:
            return []
        seen = ring & this
        is_ground[seen] = _deviation(image, seen, ground) <= TOLERANCE_LEVELS
        parts.append((part, ground))
    beside = (dilate(from_bool(side), TOUCHING_PX) > 0) & (dilate(from_bool(~side), TOUCHING_PX) > 0) & ring
    return parts if beside.any() and is_ground[beside].mean() >= MIN_BARE_SHARE else []


def _deviation(image: Image, where: Flags, background: Background) -> npt.NDArray[np.float32]:
    """`(N,)` largest channel difference, in levels, between the pixels `where` and the background."""
    rows, columns = np.nonzero(where)
    return apart(image[rows, columns], surface_at(background.surface, rows, columns))


def _plain_rim(image: Image, own: Mask, background: Background) -> Flags:
    """The outermost pixels of `own` that show the background."""
    rim = rim_of(own)
    rim[rim] = _deviation(image, rim, background) <= TOLERANCE_LEVELS
    return rim


def _wide(is_other: Flags) -> Flags:
    """What of the ground that `is_other` is no outline, and what hangs together with it near by."""
    window = np.ones((OTHER_GROUND_PX, OTHER_GROUND_PX), np.uint8)
    wide = np.asarray(cv2.morphologyEx(from_bool(is_other), cv2.MORPH_OPEN, window), np.uint8)
    return np.asarray(is_other & (dilate(wide, RINGS_PX[0]) > 0))


def _pieces_near(own: Mask, is_wide: Flags) -> list[tuple[int, Labels, tuple[slice, slice]]]:
    """Number, labels and window of each piece of `own` that has wide other ground near it."""
    count, labels = label_groups(own, PIECE_GAP_PX)
    touched = np.unique(labels[(dilate_disc(from_bool(is_wide), RINGS_PX[0]) > 0) & (own > 0)])
    boxes = label_boxes(labels, count)
    found: list[tuple[int, Labels, tuple[slice, slice]]] = []
    for number in touched:
        x0, y0, x1, y1 = grow_box(boxes[number - 1], RINGS_PX[0], own.shape)
        window = np.s_[y0:y1, x0:x1]
        found.append((int(number), labels[window], window))
    return found


def _far_side(piece: Flags, is_plain: Flags, is_other: Flags, is_wide: Flags) -> Flags | None:
    """The side of the other ground, if it is right beside the `piece` and a straight edge parts it from the plain."""
    if not (is_wide & _around(piece, BESIDE_PX)).any():
        return None
    near = _around(piece, RINGS_PX[0])
    return find_edge(is_plain & (near | piece), is_other & near)


def _strays_whole(piece: Flags, is_plain: Flags, is_wide: Flags) -> bool:
    """Whether what lies beside the `piece` is next to all wide other ground."""
    beside = _around(piece, BESIDE_PX)
    plain, wide = np.count_nonzero(is_plain & beside), np.count_nonzero(is_wide & beside)
    if wide == 0:  # an outline all around: the piece's own rim tells what is inside of it
        plain += np.count_nonzero(is_plain & piece)
        wide = np.count_nonzero(is_wide & _around(piece, RINGS_PX[0]))
    return bool(plain < MAX_PLAIN_SHARE * (plain + wide))


def _around(piece: Flags, radius_px: int) -> Flags:
    return (dilate_disc(from_bool(piece), radius_px) > 0) & ~piece


def _nearest_parts(own: Mask, seen: Flags, is_wide: Flags) -> Mask:
    """The pixels of `own` for which the nearest of the ground that is `seen` is wide other ground, but for slivers."""
    if not own.any():
        return own
    sources = np.where(seen, np.uint8(0), np.uint8(255))
    _, nearest = cv2.distanceTransformWithLabels(sources, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    belongs = np.zeros(int(nearest.max()) + 1, np.bool_)
    belongs[nearest[seen]] = is_wide[seen]
    return _opened(from_bool((own > 0) & chosen(np.asarray(nearest, np.int32), belongs)), STRAY_PX)


def _opened(part: Mask, width_px: int) -> Mask:
    """`part` without what is thinner than `width_px`."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width_px, width_px))
    core = cv2.morphologyEx(part, cv2.MORPH_OPEN, disc)
    return from_bool((cv2.dilate(core, disc) > 0) & (part > 0))
