"""Region probability to regions: the post-processing of DB (Liao et al. 2020). It groups; it never vetoes strokes."""

from __future__ import annotations

import cv2
import numpy as np

from service.imaging.arrays import Levels, Mask, Polygon
from service.imaging.geometry import grow_box, hull, reading_order
from service.imaging.masks import dilate_disc, from_bool
from service.regions import Region
from service.segmenter import TextMaps

MIN_SIDE_PX = 3


class TextDetector:
    """Turns a region probability map into regions."""

    def __init__(self, *, bin_thresh: float = 0.4, box_thresh: float = 0.5, unclip_ratio: float = 1.0) -> None:
        self.bin_thresh = bin_thresh
        self.box_thresh = box_thresh
        self.unclip_ratio = unclip_ratio

    def regions(self, maps: TextMaps, size_hw: tuple[int, int]) -> list[Region]:
        """Regions in the coordinates of the upright image of `size_hw`, in reading order."""
        binary = from_bool(maps.region > round(255 * self.bin_thresh))
        contours, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found: list[tuple[Polygon, float]] = []
        for contour in contours:
            score = mean_level(maps.region, np.asarray(contour.reshape(-1, 2), np.int32)) / 255
            _, _, width, height = cv2.boundingRect(contour)
            if min(width, height) < MIN_SIDE_PX or score < self.box_thresh:
                continue
            found.append(
                (self._unclip(np.asarray(contour.reshape(-1, 2), np.int32), (binary.shape[0], binary.shape[1])), score)
            )
        return _numbered(found, maps.scale, size_hw)

    def _unclip(self, polygon: Polygon, size_hw: tuple[int, int]) -> Polygon:
        """Grow the shrunk polygon by D' = A' * r' / L' (section 3.4): area A', perimeter L', ratio r'.

        The offset is drawn: growing a filled polygon by a disc of radius D' is the offset with round joins.
        """
        area, perimeter = cv2.contourArea(polygon), cv2.arcLength(polygon, closed=True)
        distance_px = round(area * self.unclip_ratio / max(perimeter, 1.0))
        x, y, width, height = cv2.boundingRect(polygon)
        x0, y0, x1, y1 = grow_box((x, y, x + width, y + height), distance_px + 1, size_hw)
        canvas = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(canvas, [np.asarray(polygon - [x0, y0], np.int32)], 255)
        outline = hull(dilate_disc(canvas, distance_px), (x0, y0))
        return np.asarray(np.clip(outline, 0, [size_hw[1], size_hw[0]]), np.int32)


def mean_level(levels: Levels, polygon: Polygon) -> float:
    """Mean of `levels` inside `polygon`, 0 to 255."""
    x, y, width, height = cv2.boundingRect(polygon)
    inside: Mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [np.asarray(polygon - [x, y], np.int32)], 255)
    return float(cv2.mean(levels[y : y + height, x : x + width], mask=inside)[0])


def _numbered(found: list[tuple[Polygon, float]], scale: float, size_hw: tuple[int, int]) -> list[Region]:
    height, width = size_hw
    scaled = [
        (np.clip(np.rint(polygon / scale), 0, [width, height]).astype(np.int32), score) for polygon, score in found
    ]
    boxes = [
        (int(polygon[:, 0].min()), int(polygon[:, 1].min()), int(polygon[:, 0].max()), int(polygon[:, 1].max()))
        for polygon, _ in scaled
    ]
    regions: list[Region] = []
    for number, index in enumerate(reading_order(boxes), start=1):
        polygon, score = scaled[index]
        regions.append(
            Region(
                id=number,
                box=boxes[index],
                polygon=polygon,
                score=round(score, 4),
                area=round(cv2.contourArea(polygon)),
            )
        )
    return regions
