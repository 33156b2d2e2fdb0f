"""What the caller wants erased of what was found: areas, kinds, sizes, and a list of regions edited by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from service.groups import Group
from service.imaging.arrays import Image, Mask
from service.options import Edit, Sfx
from service.plan import Entry, Plan, plan_group, score_in
from service.segmenter import TextMaps
from service.shapes import Shape


@dataclass(frozen=True)
class Wanted:
    """Which groups are erased."""

    sfx: Sfx = "erase"
    min_score: float = 0.0
    min_height_px: int = 0
    max_height_px: int | None = None

    def accepts(self, entry: Entry, maps: TextMaps | None) -> bool:
        """Whether the group of `entry` is to be erased."""
        kind_fits = self.sfx == "erase" or (self.sfx == "keep") == entry.inside_bubble
        height_px = entry.group.letter_px
        size_fits = self.min_height_px <= height_px and (self.max_height_px is None or height_px <= self.max_height_px)
        return kind_fits and size_fits and score_in(maps, entry.group.box) >= self.min_score


def draw(shapes: Sequence[Shape], size_hw: tuple[int, int]) -> Mask:
    """The `(H, W)` mask of the pixels inside any of `shapes`; what lies outside the image is cut off."""
    area = np.zeros(size_hw, np.uint8)
    limit_px = max(30_000, *size_hw)  # what lies further off is cut here, before it is drawn
    for shape in shapes:
        points = np.clip(np.rint(np.array(shape.points)), -limit_px, limit_px).astype(np.int32)
        if shape.is_box:
            (x0, y0), (x1, y1) = np.maximum(points[0], 0), np.maximum(points[2], 0)
            area[y0:y1, x0:x1] = 255
        else:
            cv2.fillPoly(area, [points], 255)
    return area


def restrict(mask: Mask, include: Mask | None, exclude: Mask | None) -> Mask:
    """`mask` inside `include` (everywhere, if None) and outside `exclude`; all `(H, W)`."""
    result = mask.copy()
    if include is not None:
        result[include == 0] = 0
    if exclude is not None:
        result[exclude > 0] = 0
    return result


def choose(plan: Plan, wanted: Wanted, maps: TextMaps | None) -> Plan:
    """The plan without the groups that are not wanted."""
    return Plan(tuple(entry for entry in plan.entries if wanted.accepts(entry, maps)))


def mask_of(plan: Plan, size_hw: tuple[int, int]) -> Mask:
    """The `(H, W)` mask that the plan's groups make up."""
    mask = np.zeros(size_hw, np.uint8)
    for entry in plan.entries:
        x0, y0, x1, y1 = entry.group.box
        mask[y0:y1, x0:x1] |= entry.group.mask
    return mask


def obey(image: Image, found: Mask, edits: Sequence[Edit], check: Callable[[], None] = lambda: None) -> Plan:
    """The plan that a list of regions asks for, in its order.

    In each region the text that was `found` there is erased, or, where none was, the whole region; `skip` leaves it.
    A pixel that two regions claim belongs to the first; nothing outside the regions is touched.
    """
    size_hw = (found.shape[0], found.shape[1])
    free = np.full(size_hw, 255, np.uint8)
    claimed: list[tuple[Group, Edit]] = []
    for edit in edits:
        check()
        area = draw([edit.shape], size_hw) & free
        free[area > 0] = 0
        if edit.method != "skip" and area.any():
            claimed.append((Group.of(found & area if (found & area).any() else area), edit))
    mask = np.zeros(size_hw, np.uint8)
    for group, _ in claimed:
        x0, y0, x1, y1 = group.box
        mask[y0:y1, x0:x1] |= group.mask
    entries: list[Entry] = []
    for group, edit in claimed:
        check()
        entries.append(plan_group(image, mask, group, edit.method))
    return Plan(tuple(entries))
