"""Cut large images into overlapping tiles of nearly equal size, so that memory does not grow with the image."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Box, Image


def tile_boxes(size_hw: tuple[int, int], *, tile_px: int, overlap_px: int, align_px: int = 1) -> Iterator[Box]:
    """Boxes that cover `size_hw`, rows first; neighbours share at least `overlap_px`, no side is over `tile_px`.

    Cuts inside the image fall on multiples of `align_px`. A network pools over a grid of its stride, and sees in a tile
    what it sees in the whole image only where the two grids are one.
    """
    height, width = size_hw
    for y0, y1 in _spans(height, tile_px, overlap_px, align_px):
        for x0, x1 in _spans(width, tile_px, overlap_px, align_px):
            yield x0, y0, x1, y1


def inner_box(box: Box, size_hw: tuple[int, int], margin_px: int) -> Box:
    """`box` without `margin_px` at each side that is not the image's own border.

    What a network says at the border of a tile is blind on one side; the neighbour knows better.
    """
    x0, y0, x1, y1 = box
    height, width = size_hw
    return (
        x0 + margin_px if x0 > 0 else x0,
        y0 + margin_px if y0 > 0 else y0,
        x1 - margin_px if x1 < width else x1,
        y1 - margin_px if y1 < height else y1,
    )


def pad_to_stride(image: npt.NDArray[np.uint8], stride: int) -> npt.NDArray[np.uint8]:
    """`image` with its last row and column repeated until height and width are multiples of `stride`."""
    bottom, right = -image.shape[0] % stride, -image.shape[1] % stride
    if not bottom and not right:
        return image
    return np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE), np.uint8)


def to_tensor(image: Image) -> npt.NDArray[np.float32]:
    """`(H, W, 3)` uint8 to `(1, 3, H, W)` float32 in [0, 1], contiguous."""
    tensor = np.empty((1, 3, *image.shape[:2]), np.float32)
    np.multiply(image.transpose(2, 0, 1), np.float32(1 / 255), out=tensor[0])
    return tensor


def _spans(length_px: int, tile_px: int, overlap_px: int, align_px: int) -> list[tuple[int, int]]:
    length, tile, overlap = -(-length_px // align_px), tile_px // align_px, -(-overlap_px // align_px)
    count = max(1, -(-(length - overlap) // (tile - overlap)))
    size = -(-(length + (count - 1) * overlap) // count)
    starts = [round(i * (length - size) / max(1, count - 1)) for i in range(count)]
    return [(start * align_px, min(length_px, (start + size) * align_px)) for start in starts]
