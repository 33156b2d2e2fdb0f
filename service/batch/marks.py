"""Marks: what stands at the same place on page after page of a chapter, such as watermarks and page numbers.

They are found once, on a few pages; every page of the chapter then keeps them or loses them, whatever is seen there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from service.deadline import Deadline
from service.eraser import Eraser
from service.errors import TextEraserError
from service.imaging import codec
from service.imaging.arrays import Mask
from service.options import EraseOptions, SegmentOptions
from service.shapes import Shape

MarkChoice = Literal["keep", "erase"]

SAMPLED_PAGES = 6
MIN_PAGES = 3
"""On fewer pages nothing can be said to repeat."""
MIN_SHARE = 0.6
"""Share of the sampled pages on which a mark is seen."""
MIN_OVERLAP = 0.5
"""Intersection over union of two boxes that are the same place."""
MARGIN = 0.004
"""What a mark's place is grown by, in page sizes: numbers are not all of one width."""

Place = tuple[float, float, float, float]
"""A box in page sizes, 0 to 1."""


@dataclass(frozen=True)
class Marks:
    """The marks of one chapter."""

    places: tuple[Place, ...] = ()
    mask: Mask | None = None
    """`(H, W)` the pixels that most of the sampled pages have in common at these places; None without any."""

    def boxes(self, size_hw: tuple[int, int]) -> list[tuple[int, int, int, int]]:
        """The places on a page of this size, px."""
        height, width = size_hw
        return [
            (round(x0 * width), round(y0 * height), round(x1 * width), round(y1 * height))
            for x0, y0, x1, y1 in self.places
        ]

    def keep(self, options: EraseOptions, size_hw: tuple[int, int]) -> EraseOptions:
        """The options of a page of this size, on which the marks stay."""
        boxes = [Shape.model_validate([*box]) for box in self.boxes(size_hw) if box[0] < box[2] and box[1] < box[3]]
        return options.model_copy(update={"exclude": (*(options.exclude or ()), *boxes)}) if boxes else options

    def mask_of(self, size_hw: tuple[int, int]) -> bytes | None:
        """A mask file for a page of this size, of what all pages have in common; None if that is nothing."""
        if self.mask is None or self.mask.shape != size_hw or not self.mask.any():
            return None
        return codec.encode_mask(self.mask).data


class MarkFinder:
    """Finds the marks of a chapter when somebody asks for the first time. Safe to ask from several threads."""

    def __init__(self, eraser: Eraser, pages: Sequence[Callable[[], bytes]], options: EraseOptions) -> None:
        step = max(1, len(pages) // SAMPLED_PAGES)
        self._pages = pages[::step][:SAMPLED_PAGES] if len(pages) >= MIN_PAGES else ()
        self._eraser = eraser
        self._options = SegmentOptions(
            segmenter=options.segmenter, threshold=options.threshold, dilate_px=options.dilate_px
        )
        self._lock = threading.Lock()
        self._marks: Marks | None = None

    def marks(self, deadline: Deadline, *, max_pixels: int) -> Marks:
        """The chapter's marks; pages that cannot be read are passed over."""
        with self._lock:
            if self._marks is None:
                looks: list[tuple[list[Place], Mask]] = []
                for read in self._pages:
                    try:
                        looks.append(self._look(read(), deadline, max_pixels))
                    except (TextEraserError, OSError):
                        deadline.check()
                self._marks = find_marks(looks)
            return self._marks

    def _look(self, data: bytes, deadline: Deadline, max_pixels: int) -> tuple[list[Place], Mask]:
        outcome = self._eraser.segment(data, self._options, deadline)
        assert outcome.mask is not None
        size_hw = (outcome.height, outcome.width)
        mask = codec.decode_mask(outcome.mask.data, "mask", size_hw=size_hw, max_pixels=max_pixels)
        width, height = outcome.width, outcome.height
        places = [
            (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
            for box in (region.box for region in outcome.regions)
        ]
        return places, mask


def find_marks(looks: Sequence[tuple[Sequence[Place], Mask]]) -> Marks:
    """The marks of pages of which the text's places and mask are known: places that enough pages share."""
    needed = max(MIN_PAGES, round(MIN_SHARE * len(looks)))
    marks: list[Place] = []
    for places, _ in looks:
        for place in places:
            if any(_overlap(place, mark) > 0 for mark in marks):
                continue
            same = [other for others, _ in looks if (other := _like(place, others)) is not None]
            if len(same) >= needed:
                corners = np.array(same)
                low, high = corners[:, :2].min(axis=0) - MARGIN, corners[:, 2:].max(axis=0) + MARGIN
                x0, y0, x1, y1 = np.clip(np.concatenate([low, high]), 0.0, 1.0).tolist()
                marks.append((x0, y0, x1, y1))
    found = Marks(tuple(marks))
    return Marks(found.places, _common(found, [mask for _, mask in looks], needed)) if marks else found


def _like(place: Place, others: Sequence[Place]) -> Place | None:
    """The one of `others` that is the same place."""
    best = max(others, key=lambda other: _overlap(place, other), default=None)
    return best if best is not None and _overlap(place, best) >= MIN_OVERLAP else None


def _common(marks: Marks, masks: Sequence[Mask], needed: int) -> Mask | None:
    """The pixels inside the marks that at least `needed` pages of one size erase; None without that many pages."""
    sizes = [mask.shape for mask in masks]
    size_hw = max(sizes, key=sizes.count)
    same = [mask for mask in masks if mask.shape == size_hw]
    if len(same) < needed:
        return None
    votes = np.sum([mask > 0 for mask in same], axis=0)
    inside = np.zeros((size_hw[0], size_hw[1]), np.uint8)
    for x0, y0, x1, y1 in marks.boxes((size_hw[0], size_hw[1])):
        cv2.rectangle(inside, (x0, y0), (x1 - 1, y1 - 1), 255, -1)
    return np.where((votes >= needed) & (inside > 0), np.uint8(255), np.uint8(0))


def _overlap(one: Place, other: Place) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)
