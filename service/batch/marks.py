"""Marks: what stands at the same place on page after page of a chapter, such as watermarks and page numbers.

They are found once, on a few pages; every page of the chapter then keeps them or loses them, whatever is seen there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from service.deadline import Deadline
from service.eraser import Eraser
from service.errors import TextEraserError
from service.imaging import codec
from service.imaging.arrays import Mask
from service.options import EraseOptions, MarkChoice, SegmentOptions
from service.shapes import Shape

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
BoolArray = npt.NDArray[np.bool_]
Page = TypeVar("Page")


@dataclass(frozen=True)
class Look:
    """The text of one page: where it is."""

    places: tuple[Place, ...]
    size_hw: tuple[int, int]
    packed: bytes
    """The mask, eight pixels a byte: those of several pages wait side by side."""

    @classmethod
    def of(cls, places: Iterable[Place], mask: Mask) -> Look:
        """The look at a page with text at these places and in this `(H, W)` mask."""
        return cls((*places,), (mask.shape[0], mask.shape[1]), np.packbits(mask > 0).tobytes())

    @property
    def is_text(self) -> BoolArray:
        """`(H, W)` bool."""
        height, width = self.size_hw
        bits = np.unpackbits(np.frombuffer(self.packed, np.uint8), count=height * width)
        return bits.reshape(height, width).view(np.bool_)


@dataclass(frozen=True)
class Marks:
    """The marks of one chapter."""

    places: tuple[Place, ...] = ()
    mask: bytes | None = None
    """A mask file of the pixels that most of the sampled pages have in common at these places; None without any."""
    mask_size_hw: tuple[int, int] | None = None

    def boxes(self, size_hw: tuple[int, int]) -> list[tuple[int, int, int, int]]:
        """The places on a page of this size, px."""
        height, width = size_hw
        return [
            (round(x0 * width), round(y0 * height), round(x1 * width), round(y1 * height))
            for x0, y0, x1, y1 in self.places
        ]

    def apply(
        self, choice: MarkChoice, options: EraseOptions, size_hw: tuple[int, int]
    ) -> tuple[EraseOptions, bytes | None]:
        """The options and the mask file with which a page of this size keeps, or loses, the marks."""
        if choice == "keep":
            shapes = [
                Shape.model_validate([*box]) for box in self.boxes(size_hw) if box[0] < box[2] and box[1] < box[3]
            ]
            excluded = {"exclude": (*(options.exclude or ()), *shapes)}
            return (options.model_copy(update=excluded) if shapes else options), None
        if self.mask is None or self.mask_size_hw != size_hw:
            return options, None
        return options.model_copy(update={"mask_mode": "union"}), self.mask


class MarkFinder:
    """Finds the marks of a chapter when somebody asks for the first time. Safe to ask from several threads."""

    def __init__(self, eraser: Eraser, pages: Sequence[Callable[[], bytes]], options: EraseOptions) -> None:
        self._pages = sampled(pages)
        self._eraser = eraser
        self._options = options
        self._lock = threading.Lock()
        self._marks: Marks | None = None

    def marks(self, deadline: Deadline, *, max_pixels: int) -> Marks:
        """The chapter's marks; pages that cannot be read are passed over."""
        with self._lock:
            if self._marks is None:
                looks: list[Look] = []
                for read in self._pages:
                    try:
                        looks.append(look_at(self._eraser, read(), self._options, deadline, max_pixels=max_pixels))
                    except (TextEraserError, OSError):
                        deadline.check()
                self._marks = find_marks(looks)
            return self._marks


def sampled(pages: Sequence[Page]) -> Sequence[Page]:
    """The pages of a chapter that are looked at for marks: few, from all over it; none where it is too short."""
    if len(pages) < MIN_PAGES:
        return ()
    return pages[:: max(1, len(pages) // SAMPLED_PAGES)][:SAMPLED_PAGES]


def look_at(eraser: Eraser, data: bytes, options: EraseOptions, deadline: Deadline, *, max_pixels: int) -> Look:
    """Find the text of the image file `data` as `options` would. Raises what `Eraser.segment` raises."""
    looking = SegmentOptions(segmenter=options.segmenter, threshold=options.threshold, dilate_px=options.dilate_px)
    outcome = eraser.segment(data, looking, deadline)
    assert outcome.mask is not None
    width, height = outcome.width, outcome.height
    mask = codec.decode_mask(outcome.mask.data, "mask", size_hw=(height, width), max_pixels=max_pixels)
    boxes = [region.box for region in outcome.regions]
    return Look.of([(box[0] / width, box[1] / height, box[2] / width, box[3] / height) for box in boxes], mask)


def find_marks(looks: Sequence[Look]) -> Marks:
    """The marks of pages of which the text is known: places that enough pages share."""
    needed = max(MIN_PAGES, round(MIN_SHARE * len(looks)))
    marks: list[Place] = []
    for look in looks:
        for place in look.places:
            if any(_overlap(place, mark) > 0 for mark in marks):
                continue
            same = [shared for other in looks if (shared := _like(place, other.places)) is not None]
            if len(same) >= needed:
                corners = np.array(same)
                low, high = corners[:, :2].min(axis=0) - MARGIN, corners[:, 2:].max(axis=0) + MARGIN
                x0, y0, x1, y1 = np.clip(np.concatenate([low, high]), 0.0, 1.0).tolist()
                marks.append((x0, y0, x1, y1))
    found = Marks((*marks,))
    common = _common(found, looks, needed) if marks else None
    if common is None or not common.any():
        return found
    return Marks(found.places, codec.encode_mask(common).data, (common.shape[0], common.shape[1]))


def _like(place: Place, others: Sequence[Place]) -> Place | None:
    """The one of `others` that is the same place."""
    best = max(others, key=lambda other: _overlap(place, other), default=None)
    return best if best is not None and _overlap(place, best) >= MIN_OVERLAP else None


def _common(marks: Marks, looks: Sequence[Look], needed: int) -> Mask | None:
    """The pixels inside the marks that at least `needed` pages of one size erase; None without that many pages."""
    sizes = [look.size_hw for look in looks]
    size_hw = max(sizes, key=sizes.count)
    same = [look for look in looks if look.size_hw == size_hw]
    if len(same) < needed:
        return None
    votes = np.zeros(size_hw, np.uint8)
    for look in same:
        votes += look.is_text
    inside = np.zeros(size_hw, np.uint8)
    for x0, y0, x1, y1 in marks.boxes(size_hw):
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
