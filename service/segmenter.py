"""Find text: image to text probability and region probability. Scale and tiles are decided here."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.deadline import Deadline
from service.imaging.arrays import Image, Mask
from service.imaging.tiles import inner_box, pad_to_stride, tile_boxes, to_tensor
from service.session import Graph
from service.store import Model

Levels = npt.NDArray[np.uint8]
"""A probability map in 255 steps: level = round(255 * probability). A quarter of float32's memory."""

TILE_PX = 1280
OVERLAP_PX = 160
BLIND_PX = 24
MAX_SHORT_SIDE_PX = 1600


@dataclass(frozen=True)
class TextMaps:
    """What the network saw, at segmentation scale."""

    text: Levels
    """`(h, w)` text probability."""
    region: Levels
    """`(h, w)` probability of the shrunk text region (DB head)."""
    scale: float
    """Segmentation size over image size; 1 unless the image is very large."""

    def strokes(self, threshold: float) -> Mask:
        """The mask, at segmentation scale, of pixels whose text probability is over `threshold`."""
        return np.where(self.text > round(255 * threshold), np.uint8(255), np.uint8(0))


class TextSegmenter:
    """Runs a segmentation graph over an image of any size, in tiles of bounded memory."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @property
    def model(self) -> Model:
        """The manifest entry of the graph."""
        return self._graph.model

    def find(self, image: Image, deadline: Deadline) -> TextMaps:
        """Text and region probability of `image`."""
        scale = min(1.0, MAX_SHORT_SIDE_PX / min(image.shape[:2]))
        if scale < 1.0:
            size_wh = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
            image = np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        size_hw = image.shape[:2]
        text = np.zeros(size_hw, np.uint8)
        region = np.zeros(size_hw, np.uint8)
        for box in tile_boxes((size_hw[0], size_hw[1]), tile_px=TILE_PX, overlap_px=OVERLAP_PX):
            x0, y0, x1, y1 = box
            tile_text, tile_region = self._look(np.ascontiguousarray(image[y0:y1, x0:x1]), deadline)
            left, top, right, bottom = inner_box(box, (size_hw[0], size_hw[1]), BLIND_PX)
            cut = np.s_[top - y0 : bottom - y0, left - x0 : right - x0]
            # Where tiles overlap the surer one counts: a letter cut by one tile's border is whole in the other.
            np.maximum(text[top:bottom, left:right], tile_text[cut], out=text[top:bottom, left:right])
            np.maximum(region[top:bottom, left:right], tile_region[cut], out=region[top:bottom, left:right])
        return TextMaps(text, region, scale)

    def _look(self, tile: Image, deadline: Deadline) -> tuple[Levels, Levels]:
        height, width = tile.shape[:2]
        outputs = self._graph.run({"image": to_tensor(pad_to_stride(tile, self.model.stride))}, deadline)
        text = _levels(outputs["text"][0, 0])
        region = _levels(outputs["region"][0, 0])
        region = np.asarray(
            cv2.resize(region, (text.shape[1], text.shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8
        )
        return text[:height, :width], region[:height, :width]


def _levels(prob: npt.NDArray[np.float32]) -> Levels:
    return np.asarray(np.rint(prob * np.float32(255)), np.uint8)
