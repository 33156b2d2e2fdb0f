"""What the caller wants erased of what was found: areas, kinds, sizes, and a list of regions edited by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.groups import Group, letter_px
from service.imaging.arrays import Box, Image, Mask
from service.imaging.masks import from_bool
from service.options import Edit, Sfx
from service.plan import INK_LEVEL, Entry, Plan, plan_group, score_in, within
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
        height_px = _letter_px(entry.group, maps)
        size_fits = self.min_height_px <= height_px and (self.max_height_px is None or height_px <= self.max_height_px)
        return kind_fits and size_fits and score_in(maps, entry.group.box) >= self.min_score


def _letter_px(group: Group, maps: TextMaps | None) -> int:
    """Size of the group's letters: of the ink that the network saw, of the mask where it did not look."""
    if maps is None:
        return group.letter_px
    x0, y0, x1, y1 = (round(side * maps.scale) for side in group.box)
    ink = from_bool(maps.text[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] > INK_LEVEL)
    return round(letter_px(ink) / maps.scale) or group.letter_px


def draw(shapes: Sequence[Shape], size_hw: tuple[int, int], check: Callable[[], None] = lambda: None) -> Mask:
    """The `(H, W)` mask of the pixels inside any of `shapes`; what lies outside the image is cut off.

    `check` is called before each.
    """
    area = np.zeros(size_hw, np.uint8)
    for shape in shapes:
        check()
        x0, y0, x1, y1 = box = _box(shape, size_hw)
        area[y0:y1, x0:x1] |= _draw_in(shape, box)
    return area


def _box(shape: Shape, size_hw: tuple[int, int]) -> Box:
    """The part of the image that `shape` can reach; may be empty."""
    points = np.rint(np.array(shape.points))
    end = points.max(axis=0) + (0 if shape.is_box else 1)
    x0, y0 = np.clip(points.min(axis=0), 0, size_hw[::-1]).astype(int).tolist()
    x1, y1 = np.clip(end, 0, size_hw[::-1]).astype(int).tolist()
    return x0, y0, max(x0, x1), max(y0, y1)


def _draw_in(shape: Shape, box: Box) -> Mask:
    """The pixels of `shape` in its own `box` (see `_box`), as a mask of that size.

    Always there and nowhere else: OpenCV rounds an edge differently where the picture cuts it.
    """
    x0, y0, x1, y1 = box
    area = np.zeros((y1 - y0, x1 - x0), np.uint8)
    if shape.is_box:
        area[:] = 255
    elif area.size:
        points = np.rint(np.array(shape.points)) - (x0, y0)
        cv2.fillPoly(area, [points.astype(np.int32)], 255)
    return area


def restrict(mask: Mask, include: Mask | None, exclude: Mask | None) -> Mask:
    """`mask` inside `include` (everywhere, if None) and outside `exclude`; all `(H, W)`."""
    result = mask.copy()
    if include is not None:
        result[include == 0] = 0
    if exclude is not None:
        result[exclude > 0] = 0
    return result


def choose(
    plan: Plan,
    wanted: Wanted,
    maps: TextMaps | None,
    insisted: Mask | None = None,
    replan: Callable[[Group], Entry] | None = None,
) -> Plan:
    """The plan without the groups that are not wanted.

    What of them lies in the mask on which the caller `insisted` stays, planned anew by `replan` if it is not all.
    """
    kept: list[Entry] = []
    for entry in plan.entries:
        if wanted.accepts(entry, maps):
            kept.append(entry)
        elif insisted is not None and replan is not None and (part := within(entry.group, insisted)) is not None:
            kept.append(entry if part is entry.group else replan(part))
    return Plan(tuple(kept))


def mask_of(plan: Plan, size_hw: tuple[int, int]) -> Mask:
    """The `(H, W)` mask that the plan's groups make up."""
    mask = np.zeros(size_hw, np.uint8)
    for entry in plan.entries:
        x0, y0, x1, y1 = entry.group.box
        mask[y0:y1, x0:x1] |= entry.group.mask
    return mask


def obey(
    image: Image, found: Mask, groups: Sequence[Group], edits: Sequence[Edit], check: Callable[[], None] = lambda: None
) -> Plan:
    """The plan that a list of regions asks for, in its order; `groups` are the texts that make up the `found` mask.

    In each region the text that was `found` there is erased, or, where none was, the whole region; `skip` leaves it.
    Where regions overlap, a text belongs to the one that fits it best, everything else to the first; nothing outside
    the regions is touched. A region whose method is the one that we would choose is filled as we would fill it.
    """
    size_hw = (found.shape[0], found.shape[1])
    owner = _owners(size_hw, groups, edits, check)
    claimed: list[tuple[Group, Edit]] = []
    for number, edit in enumerate(edits):
        check()
        x0, y0, x1, y1 = box = _box(edit.shape, size_hw)
        own = from_bool(owner[y0:y1, x0:x1] == number)
        text = found[y0:y1, x0:x1]
        chosen = own & text if (_draw_in(edit.shape, box) & text).any() else own
        if edit.method != "skip" and chosen.any():
            claimed.append((Group.of(chosen, (x0, y0)), edit))
    mask = np.zeros(size_hw, np.uint8)
    for group, _ in claimed:
        x0, y0, x1, y1 = group.box
        mask[y0:y1, x0:x1] |= group.mask
    entries: list[Entry] = []
    for group, edit in claimed:
        check()
        entry = plan_group(image, mask, group, None, check)
        is_as_asked = edit.method in {None, entry.main_hole.method}
        entries.append(entry if is_as_asked else plan_group(image, mask, group, edit.method, check))
    return Plan(tuple(entries))


def _owners(
    size_hw: tuple[int, int], groups: Sequence[Group], edits: Sequence[Edit], check: Callable[[], None]
) -> npt.NDArray[np.int16]:
    """`(H, W)` the number of the region that each pixel belongs to; -1 outside of all."""
    owner = np.full(size_hw, -1, np.int16)
    boxes = np.array([_box(edit.shape, size_hw) for edit in edits]).reshape(-1, 4)
    for number in reversed(range(len(edits))):
        check()
        x0, y0, x1, y1 = boxes[number].tolist()
        owner[y0:y1, x0:x1][_draw_in(edits[number].shape, (x0, y0, x1, y1)) > 0] = number
    for group in groups:
        check()
        x0, y0, x1, y1 = group.box
        rest = group.mask.copy()
        for number in _by_fit(boxes, group.box):
            left, top, right, bottom = own = _box(edits[number].shape, size_hw)
            both = np.s_[max(y0, top) : min(y1, bottom), max(x0, left) : min(x1, right)]
            text = rest[both[0].start - y0 : both[0].stop - y0, both[1].start - x0 : both[1].stop - x0]
            area = _draw_in(edits[number].shape, own)
            area = area[both[0].start - top : both[0].stop - top, both[1].start - left : both[1].stop - left] & text
            owner[both][area > 0] = number
            text[area > 0] = 0
            if not rest.any():
                break
    return owner


def _by_fit(boxes: npt.NDArray[np.int64], box: Box) -> list[int]:
    """Numbers of the `boxes` `(n, 4)` that meet `box`, best fit (intersection over union) first."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    common = np.prod(np.maximum(high - low, 0), axis=1)
    sizes = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + (box[2] - box[0]) * (box[3] - box[1])
    order = np.argsort(-common / np.maximum(sizes - common, 1), kind="stable")
    return [int(number) for number in order if common[number] > 0]
