"""Draw what a hole hid: merged crops, fixed sizes, and nothing outside the hole is touched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from service.deadline import Deadline
from service.imaging.arrays import Box, Image, Mask
from service.imaging.geometry import grow_box, merge_boxes
from service.imaging.tiles import inner_box, tile_boxes, to_tensor
from service.session import Graph
from service.store import Model

CONTEXT_PX = 64
CROP_PX = 512
"""Longest side of a crop: the scale that the network was trained at, and a bound for its memory."""
OVERLAP_PX = 128
COMMIT_MARGIN_PX = 32
"""What is drawn nearer than this to a crop's border is left to the crop that sees more around it."""
GRAY_LEVELS = 6
GRAY_STRAY_SHARE = 0.005
GRAY_MIN_PIXELS = 24
"""Fewer known pixels say nothing about a page."""
BUCKET_PX = 128
"""Crops are widened to multiples of this, so that few shapes ever reach the graph."""


class Inpainter:
    """Runs an inpainting graph over the holes of an image of any size."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @property
    def model(self) -> Model:
        """The manifest entry of the graph."""
        return self._graph.model

    def fill(
        self, image: Image, hole: Mask, boxes: Sequence[Box], deadline: Deadline, *, unseen: Mask | None = None
    ) -> None:
        """Fill `hole` `(H, W)` of `image` in place; every erased pixel lies in one of `boxes`.

        The network does not go on from what is `unseen` `(H, W)`, and leaves it as it is.
        """
        size_hw = (image.shape[0], image.shape[1])
        left = hole.copy()
        unseen = np.zeros_like(hole) if unseen is None else unseen
        pending = self._crops(boxes, size_hw)
        while pending:
            # A crop that knows nothing waits for a neighbour: the network would say gray, and the next go on from that.
            blind = [crop for crop in pending if not self._draw(image, left, unseen, crop, deadline)]
            if len(blind) == len(pending):
                self._draw(image, left, unseen, blind.pop(0), deadline, blindly=True)
            pending = blind

    def _draw(
        self, image: Image, left: Mask, unseen: Mask, crop: Box, deadline: Deadline, *, blindly: bool = False
    ) -> bool:
        """Draw what is `left` in `crop`, in place; False where nothing is known in it, and it is not done `blindly`."""
        x0, y0, x1, y1 = crop
        commit = inner_box(crop, (left.shape[0], left.shape[1]), COMMIT_MARGIN_PX)
        if not np.any(left[commit[1] : commit[3], commit[0] : commit[2]]):
            return True
        unknown = left[y0:y1, x0:x1] | unseen[y0:y1, x0:x1]
        if not blindly and np.all(unknown):
            return False
        prediction = self._predict(image[y0:y1, x0:x1], unknown, deadline)
        _commit(image, left, prediction, crop, commit)
        return True

    def _crops(self, boxes: Sequence[Box], size_hw: tuple[int, int]) -> list[Box]:
        padded = [grow_box(box, CONTEXT_PX, size_hw) for box in boxes]
        crops: list[Box] = []
        for box in merge_boxes(padded, max_side_px=CROP_PX):
            x0, y0, x1, y1 = box
            for left, top, right, bottom in tile_boxes((y1 - y0, x1 - x0), tile_px=CROP_PX, overlap_px=OVERLAP_PX):
                crops.append(_to_bucket((x0 + left, y0 + top, x0 + right, y0 + bottom), size_hw))
        return crops

    def _predict(self, image: Image, hole: Mask, deadline: Deadline) -> Image:
        height, width = hole.shape
        padded_hw = (height + -height % BUCKET_PX, width + -width % BUCKET_PX)
        # What lies past the image's border is as unknown as the hole itself.
        canvas = np.zeros((*padded_hw, 3), np.uint8)
        canvas[:height, :width] = image
        unknown = np.ones((1, 1, *padded_hw), np.float32)
        unknown[0, 0, :height, :width] = hole > 0
        outputs = self._graph.run({"image": to_tensor(canvas), "hole": unknown}, deadline)
        levels = np.clip(outputs["result"][0].transpose(1, 2, 0)[:height, :width] * 255, 0, 255)
        tint = _paper_tint(image, hole)
        if tint is not None:
            levels = np.clip(levels.mean(axis=2, keepdims=True) + tint, 0, 255)
        return np.asarray(np.rint(levels), np.uint8)


def _paper_tint(image: Image, hole: Mask) -> npt.NDArray[np.float32] | None:
    """What each channel has more than their mean, `(3,)` levels, if `image` is gray outside `hole`; None if it is not.

    The network works in colour, and a gray page must not come back with a green spot.
    """
    known = image[hole == 0].astype(np.float32)
    if len(known) < GRAY_MIN_PIXELS:
        return None
    excess = known - known.mean(axis=1, keepdims=True)
    tint = np.median(excess, axis=0)
    strays = np.abs(excess - tint).max(axis=1) > GRAY_LEVELS
    return None if strays.mean() > GRAY_STRAY_SHARE else np.asarray(tint, np.float32)


def _commit(image: Image, left: Mask, prediction: Image, crop: Box, commit: Box) -> None:
    """Put the predicted pixels of the hole that lie in `commit` into `image`, and take them off `left`."""
    x0, y0, x1, y1 = commit
    rows, columns = np.nonzero(left[y0:y1, x0:x1])
    rows, columns = rows + y0, columns + x0
    image[rows, columns] = prediction[rows - crop[1], columns - crop[0]]
    left[rows, columns] = 0


def _to_bucket(box: Box, size_hw: tuple[int, int]) -> Box:
    """Widen `box` to multiples of BUCKET_PX where the image has room for it."""
    x0, x1 = _widen(box[0], box[2], size_hw[1])
    y0, y1 = _widen(box[1], box[3], size_hw[0])
    return x0, y0, x1, y1


def _widen(start: int, end: int, length: int) -> tuple[int, int]:
    size = min(length, end - start + -(end - start) % BUCKET_PX)
    start = max(0, min(start - (size - (end - start)) // 2, length - size))
    return start, start + size
