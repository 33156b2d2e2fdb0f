"""Cut what is left to be drawn into crops with some of its surroundings, none of them larger than fits the memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Box, Mask
from service.imaging.geometry import grow_box, merge_boxes
from service.imaging.tiles import tile_boxes

CONTEXT_PX = 64
MAX_SIDE_PX = 512
"""Of what is looked at at once, without its context."""

Pixels: TypeAlias = npt.NDArray[np.uint8]


def list_crops(
    unknown: Mask, boxes: Sequence[Box], *, least_pixels: int, max_side_px: int = MAX_SIDE_PX
) -> Iterator[tuple[Box, Mask]]:
    """Crops around the holes of `unknown` `(H, W)`, each with its own part of them, `(h, w)`: no pixel is in two.

    Every unknown pixel lies in one of `boxes`. Crops that would hold fewer than `least_pixels` of them are left out;
    none is larger than `max_side_px`, its context apart.
    """
    waiting = unknown.copy()
    for part in _parts(boxes, max_side_px):
        here = cut(waiting, part)
        if np.count_nonzero(here) < least_pixels:
            continue
        x, y, width, height = cv2.boundingRect(here)
        tight = part[0] + x, part[1] + y, part[0] + x + width, part[1] + y + height
        crop = grow_box(tight, CONTEXT_PX, (unknown.shape[0], unknown.shape[1]))
        hole = np.zeros((crop[3] - crop[1], crop[2] - crop[0]), np.uint8)
        cut(hole, tight, crop)[:] = cut(waiting, tight)
        cut(waiting, tight)[:] = 0
        yield crop, hole


def cut(array: Pixels, box: Box, of: Box = (0, 0, 0, 0)) -> Pixels:
    """The part of `array` in `box`, where `array` is the part of an image in the box `of`."""
    return array[box[1] - of[1] : box[3] - of[1], box[0] - of[0] : box[2] - of[0]]


def _parts(boxes: Sequence[Box], max_side_px: int) -> Iterator[Box]:
    for x0, y0, x1, y1 in merge_boxes(list(boxes), max_side_px=max_side_px):
        for left, top, right, bottom in tile_boxes((y1 - y0, x1 - x0), tile_px=max_side_px, overlap_px=0):
            yield x0 + left, y0 + top, x0 + right, y0 + bottom
