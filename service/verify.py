"""Look again at the result: how much of the text is left, and what a second pass must erase. No network is run here.

Only ink that touches an erased text counts: what the network sees for the first time a step away is more often art
than text. Text that the caller keeps is not "left" either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.groups import Group
from service.imaging.arrays import Box, Image, Mask
from service.imaging.geometry import grow_box, merge_boxes
from service.imaging.masks import components, dilate_disc, from_bool
from service.plan import Plan, plan_group
from service.refine import refine

REACH_LETTERS = 0.75
"""How far from an erased text its left-overs are looked for, in letter sizes."""
MIN_REACH_PX, MAX_REACH_PX = 8, 48
TOUCHING_PX = 4
"""A piece of ink that comes this near to an erased text belongs to it."""
MAX_GROWTH = 3.0
"""Most pixels that a second pass may add to a text, in units of what was erased: past that it is not a left-over."""
MIN_LEFT_PX = 12
"""Fewer pixels than this are no left-over, but the network's own noise."""
CONTEXT_PX = 96
"""What is looked at again around an erased text, so that the network knows what it sees."""


@dataclass(frozen=True)
class LeftOver:
    """What a look at the result still sees of one text."""

    box: Box
    """The text's box and its reach."""
    mask: Mask
    """`(h, w)` ink that is left, in crop coordinates of `box`."""
    residual: float
    """Its pixels over those of the text's ink before, 0 to 1."""
    ink_px: int
    """Pixels of the text's ink before: those of the first look inside the erased mask, or, where it saw none there
    (a given mask, a drawn region), the mask itself."""

    @property
    def left_px(self) -> int:
        """Pixels of ink that are left."""
        return int(np.count_nonzero(self.mask))


def places(plan: Plan, size_hw: tuple[int, int], *, max_side_px: int) -> list[Box]:
    """The boxes to look at again: the erased texts with some context, merged where they overlap."""
    margins = [grow_box(entry.group.box, CONTEXT_PX, size_hw) for entry in plan.entries]
    return merge_boxes(margins, max_side_px=max_side_px)


def find_left_overs(plan: Plan, before: Mask | None, after: Mask, off_limits: Mask) -> list[LeftOver]:
    """What is left of each text of `plan`: the pieces of ink that a look at the result sees touching it.

    `before` and `after` are the `(H, W)` ink of the first look and of the look at the result; ink on `off_limits` is
    the caller's to keep. A piece counts as far as the text's reach goes, each pixel once, for the first text it meets.
    """
    free = np.where(off_limits > 0, np.uint8(0), after)
    left_overs: list[LeftOver] = []
    for entry in plan.entries:
        box, own, near = _reach(entry.group, (free.shape[0], free.shape[1]))
        cut = np.s_[box[1] : box[3], box[0] : box[2]]
        left = _touching(free[cut] & near, own)
        if np.count_nonzero(left) < MIN_LEFT_PX:
            left = np.zeros_like(left)
        free[cut][left > 0] = 0
        ink_px = int(np.count_nonzero(own if before is None else before[cut] & own)) or entry.group.area
        left_overs.append(LeftOver(box, left, min(1.0, np.count_nonzero(left) / ink_px), ink_px))
    return left_overs


def share_left(left_overs: Sequence[LeftOver]) -> float:
    """Residual of the image: ink that is left over ink that was there, 0 to 1; 0 where there was none."""
    before_px = sum(left.ink_px for left in left_overs)
    return min(1.0, sum(left.left_px for left in left_overs) / before_px) if before_px else 0.0


@dataclass(frozen=True)
class Growth:
    """The plan of a second pass."""

    plan: Plan
    """The whole plan, the grown texts in it."""
    again: Plan
    """The grown texts alone: what is to be filled again."""
    numbers: tuple[int, ...]
    """Their places in the whole plan, from 0."""


def grow(
    image: Image,
    result: Image,
    plan: Plan,
    left_overs: Sequence[LeftOver],
    off_limits: Mask,
    *,
    dilate_px: int,
    check: Callable[[], None] = lambda: None,
) -> Growth | None:
    """Grow each text by what is left of it, as far as `off_limits` and MAX_GROWTH allow; None where nothing grows.

    `image` is the upload, on which grown texts are planned anew; `result` is what was made of it, on which the
    left-overs are completed to whole glyphs.
    """
    size_hw = (off_limits.shape[0], off_limits.shape[1])
    taken = off_limits.copy()
    left = np.zeros_like(taken)
    for entry, left_over in zip(plan.entries, left_overs, strict=True):
        x0, y0, x1, y1 = entry.group.box
        taken[y0:y1, x0:x1] |= entry.group.mask
        x0, y0, x1, y1 = left_over.box
        left[y0:y1, x0:x1] |= left_over.mask
    if not left.any():
        return None
    wanted = refine(result, left, dilate_px=dilate_px, check=check)
    wanted[taken > 0] = 0
    parts: dict[int, Group] = {}
    for number, (entry, left_over) in enumerate(zip(plan.entries, left_overs, strict=True)):
        part = _take(entry.group, wanted, size_hw) if left_over.left_px else None
        if part is not None:
            parts[number] = part
    if not parts:
        return None
    mask = np.zeros(size_hw, np.uint8)
    for group in (*(entry.group for entry in plan.entries), *parts.values()):
        x0, y0, x1, y1 = group.box
        mask[y0:y1, x0:x1] |= group.mask
    entries = list(plan.entries)
    for number, part in parts.items():
        check()
        entry = entries[number]
        # Planned on its own ground: what is left of a text on paper may well stand on art.
        added = plan_group(image, mask, part, entry.asked, check)
        entries[number] = replace(entry, group=_united(entry.group, part), holes=(*entry.holes, *added.holes))
    return Growth(Plan(tuple(entries)), Plan(tuple(entries[number] for number in parts)), tuple(parts))


def _take(group: Group, wanted: Mask, size_hw: tuple[int, int]) -> Group | None:
    """What the text takes of `wanted`, which is taken from there; None if that is nothing or too much."""
    box, _, near = _reach(group, size_hw)
    cut = np.s_[box[1] : box[3], box[0] : box[2]]
    new = wanted[cut] & near
    if not 0 < np.count_nonzero(new) <= MAX_GROWTH * group.area:
        return None
    wanted[cut][new > 0] = 0
    return Group.of(new, (box[0], box[1]))


def _united(group: Group, part: Group) -> Group:
    boxes = np.array([group.box, part.box])
    (x0, y0), (x1, y1) = boxes[:, :2].min(axis=0).tolist(), boxes[:, 2:].max(axis=0).tolist()
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    for one in (group, part):
        left, top, right, bottom = one.box
        mask[top - y0 : bottom - y0, left - x0 : right - x0] |= one.mask
    return Group((x0, y0, x1, y1), mask)


def _touching(left: Mask, own: Mask) -> Mask:
    """The pieces of `left` that touch the text's mask `own`."""
    if not left.any():
        return left
    pieces = components(left)
    touches = np.zeros(pieces.count + 1, np.bool_)
    touches[np.unique(pieces.labels[dilate_disc(own, TOUCHING_PX) > 0])] = True
    touches[0] = False
    return from_bool(touches[pieces.labels])


def _reach(group: Group, size_hw: tuple[int, int]) -> tuple[Box, Mask, Mask]:
    """The box that a text reaches, its mask there, and that mask grown by the reach."""
    reach_px = int(np.clip(round(REACH_LETTERS * group.letter_px), MIN_REACH_PX, MAX_REACH_PX))
    box = grow_box(group.box, reach_px, size_hw)
    own = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
    x0, y0, x1, y1 = group.box
    own[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]] = group.mask
    return box, own, dilate_disc(own, reach_px)
