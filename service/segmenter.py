"""Find text: image to text probability and region probability. Scale and tiles are decided here."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from service.deadline import Deadline
from service.errors import ModelStoreError
from service.imaging.arrays import Image, Levels, Mask
from service.imaging.geometry import label_boxes
from service.imaging.masks import chosen, dilate, from_bool, label_groups
from service.imaging.tiles import inner_box, pad_to_stride, tile_boxes, to_tensor
from service.plausibility import FEATURES, describe_groups, group_strokes, judge
from service.session import Graph
from service.store import Model, Plausibility

TILE_PX = 1280
OVERLAP_PX = 160
BLIND_PX = 24
BASE_SHORT_SIDE_PX = 1100
"""Pages wider than this are looked at smaller: their glyphs are larger than those that the networks know."""
SURE = 2.0
"""A pixel is surely text from this many times the threshold on, so that a lower threshold finds more in every way."""
MOST_SURE = 0.95
SURE_SHARE = 0.2
TOGETHER_PX = 8
"""Strokes nearer than twice this are judged together."""
BESIDE_PX = 20
"""Strokes nearer than this to those that stay, stay too. What these four buy stands in `benchmarks/results/`."""
LIKELY, LIKELY_REGION = 0.25, 0.5
"""Log odds, and mean region probability in each pixel's surest look, of strokes that stay though hardly one is sure: a
bubble in small print that one look reads and the other does not."""
LARGE_PX, LARGE_INK_PX = 128, 24
"""Length, and thickness of the ink, of what only a far look may show: letters larger than a network's field of view."""
LARGE_THRESHOLD = 0.6
"""As sure as that a far look must be; what it adds stands alone."""
NEW_SHARE, NEW_PX = 0.3, 5
"""Share of it that must be farther than this from what is known: from afar, small letters run together."""
MAX_LOOK_PIXELS = 16_000_000
"""A further look at more pixels than this is left out: time, not memory, would run away."""


@dataclass(frozen=True)
class TextMaps:
    """What the network saw, at segmentation scale."""

    text: Levels
    """`(h, w)` text probability."""
    region: Levels
    """`(h, w)` probability of the shrunk text region (DB head)."""
    scale: float
    """Segmentation size over image size; 1 unless the image is very large."""
    plausibility: Plausibility | None = None
    """What a group of strokes must look like; None: like anything."""
    highest_region: Levels | None = None
    """`(h, w)` the highest region probability that a look saw; None: `region` itself."""

    def strokes(self, threshold: float) -> Mask:
        """The mask, at segmentation scale, of pixels whose text probability is over `threshold`.

        Two thresholds, as in Canny 1986 (sec. VI): strokes that lie together stay if SURE_SHARE of their pixels are
        over SURE times the threshold too, or if they stand beside such strokes. So faint letters stay in a text, and
        faint marks in art do not. Of what is left, groups that hardly look like text go; of the rest, those come back
        that look like text more than like art, where some look saw a text's region.
        """
        strokes = self._sure(threshold)
        if self.plausibility is None:
            return strokes
        count, labels = group_strokes(strokes)
        features = describe_groups(self.text, self.region, strokes, labels, count)
        stays = np.concatenate([[False], judge(self.plausibility, features, threshold)])
        likely = self._likely(self.plausibility, threshold, strokes)
        return np.asarray(from_bool(chosen(labels, stays)) | likely, np.uint8)

    def _likely(self, plausibility: Plausibility, threshold: float, sure: Mask) -> Mask:
        """What is over the threshold, not among the `sure` strokes, and likely text all the same."""
        unsure = from_bool((self.text > round(255 * threshold)) & (sure == 0))
        count, labels = label_groups(unsure, TOGETHER_PX)
        features = describe_groups(self.text, self.region, unsure, labels, count)
        stays = judge(plausibility, features, threshold, least=LIKELY)
        seen = self.region if self.highest_region is None else self.highest_region
        group = labels[unsure > 0]
        regions, pixels = (
            np.bincount(group, weights=weights, minlength=count + 1)[1:] for weights in (seen[unsure > 0], None)
        )
        stays &= regions >= 255 * LIKELY_REGION * pixels
        return from_bool(chosen(labels, np.concatenate([[False], stays])))

    def faint(self, threshold: float, strokes: Mask, text: Mask) -> Mask:
        """What is over the threshold, not in `strokes` for it is unsure, and stands beside `text` all the same.

        `strokes` `(h, w)` are those at this threshold. `text` `(h, w)` is a mask of what the picture itself has shown
        to be text since, such as the dash of a column of which the network saw the letters at one end surely and at the
        other faintly. What is sure and does not look like text is none beside text either.
        """
        unsure = from_bool((self.text > round(255 * threshold)) & (strokes == 0))
        if self.plausibility is not None:
            unsure[self._sure(threshold) > 0] = 0
        count, labels = label_groups(unsure, TOGETHER_PX)
        stays = np.zeros(count + 1, np.bool_)
        stays[labels[dilate(text, BESIDE_PX) > 0]] = True
        stays[0] = False
        return from_bool(chosen(labels, stays))

    def _sure(self, threshold: float) -> Mask:
        """The strokes, plausible or not."""
        strokes = from_bool(self.text > round(255 * threshold))
        count, labels = label_groups(strokes, TOGETHER_PX)
        pixels = np.bincount(labels[strokes > 0], minlength=count + 1)
        surely = self.text > round(255 * max(threshold, min(MOST_SURE, SURE * threshold)))
        sure = np.bincount(labels[surely], minlength=count + 1)
        stays = sure >= np.maximum(SURE_SHARE * pixels, 1)
        stays[0] = False
        stays[labels[dilate(from_bool(chosen(labels, stays)), BESIDE_PX) > 0]] = True
        stays[0] = False
        return from_bool(chosen(labels, stays))


class TextSegmenter:
    """Runs a segmentation graph over an image of any size, in tiles of bounded memory."""

    def __init__(self, graph: Graph) -> None:
        """Raises ModelStoreError if the model's plausibility was fitted to other features than there are."""
        plausibility = graph.model.plausibility
        if plausibility is not None and set(plausibility.weights) != set(FEATURES):
            strays = ", ".join(sorted(set(plausibility.weights) ^ set(FEATURES)))
            raise ModelStoreError(f"{graph.model.label}: its plausibility and the service differ in features: {strays}")
        self._graph = graph

    @property
    def model(self) -> Model:
        """The manifest entry of the graph."""
        return self._graph.model

    @staticmethod
    def scale_of(size_hw: tuple[int, int]) -> float:
        """Segmentation size over image size for an image of this height and width, px."""
        return min(1.0, BASE_SHORT_SIDE_PX / min(size_hw))

    def find(self, image: Image, deadline: Deadline, *, scale: float | None = None) -> TextMaps:
        """Text and region probability of `image`: the mean of what the model's looks saw, and what only far looks do.

        `scale` is that of the whole image where `image` is a part of it; by default its own size decides.
        """
        if scale is None:
            scale = self.scale_of((image.shape[0], image.shape[1]))
        size_wh = _scaled(image, scale)
        text = np.zeros((size_wh[1], size_wh[0]), np.uint16)
        region = np.zeros_like(text)
        highest_region = np.zeros(text.shape, np.uint8)
        count = 0
        for look in self.model.looks:
            look_wh = _scaled(image, scale * look)
            if count and look_wh[0] * look_wh[1] > MAX_LOOK_PIXELS:
                continue
            look_text, look_region = self._scan(_resize(image, look_wh), deadline)
            text += _resize(look_text, size_wh)
            look_region = _resize(look_region, size_wh)
            region += look_region
            np.maximum(highest_region, look_region, out=highest_region)
            count += 1
        mean_text, mean_region = ((total // count).astype(np.uint8) for total in (text, region))
        maps = TextMaps(mean_text, mean_region, scale, self.model.plausibility, highest_region)
        for look in self.model.far_looks:
            seen = self._scan(_resize(image, _scaled(image, scale * look)), deadline)
            _add_large(maps, TextMaps(_resize(seen[0], size_wh), _resize(seen[1], size_wh), scale))
        return maps

    def _scan(self, image: Image, deadline: Deadline) -> tuple[Levels, Levels]:
        """Look at `image` as it is, tile by tile."""
        size_hw = (image.shape[0], image.shape[1])
        text = np.zeros(size_hw, np.uint8)
        region = np.zeros(size_hw, np.uint8)
        for box in tile_boxes(size_hw, tile_px=TILE_PX, overlap_px=OVERLAP_PX, align_px=self.model.stride):
            x0, y0, x1, y1 = box
            tile_text, tile_region = self._look(np.ascontiguousarray(image[y0:y1, x0:x1]), deadline)
            left, top, right, bottom = inner_box(box, size_hw, BLIND_PX)
            cut = np.s_[top - y0 : bottom - y0, left - x0 : right - x0]
            # Where tiles overlap the surer one counts: a letter cut by one tile's border is whole in the other.
            np.maximum(text[top:bottom, left:right], tile_text[cut], out=text[top:bottom, left:right])
            np.maximum(region[top:bottom, left:right], tile_region[cut], out=region[top:bottom, left:right])
        return text, region

    def _look(self, tile: Image, deadline: Deadline) -> tuple[Levels, Levels]:
        height, width = tile.shape[:2]
        outputs = self._graph.run({"image": to_tensor(pad_to_stride(tile, self.model.stride))}, deadline)
        text = _levels(outputs["text"][0, 0])
        region = _levels(outputs["region"][0, 0])
        region = np.asarray(
            cv2.resize(region, (text.shape[1], text.shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8
        )
        return text[:height, :width], region[:height, :width]


def _add_large(maps: TextMaps, far: TextMaps) -> None:
    """Add to `maps`, in place, the letters of the `far` look that are large, and new."""
    strokes = far.strokes(LARGE_THRESHOLD)
    count, labels = label_groups(strokes, 0)
    if not count:
        return
    ink_px = cv2.distanceTransform(strokes, cv2.DIST_L2, 5)
    known = dilate(from_bool(maps.text > round(255 * LARGE_THRESHOLD)), NEW_PX) > 0
    for number, (x0, y0, x1, y1) in enumerate(label_boxes(labels, count), start=1):
        if max(x1 - x0, y1 - y0) < LARGE_PX:
            continue
        window = np.s_[y0:y1, x0:x1]
        ink = labels[window] == number
        is_thick = 2 * ink_px[window][ink].max() >= LARGE_INK_PX
        if is_thick and np.count_nonzero(ink & ~known[window]) >= NEW_SHARE * np.count_nonzero(ink):
            for seen, new in ((maps.text, far.text), (maps.region, far.region), (maps.highest_region, far.region)):
                if seen is not None:
                    np.maximum(seen[window], new[window], out=seen[window], where=ink)


def _levels(prob: npt.NDArray[np.float32]) -> Levels:
    return np.asarray(np.rint(prob * np.float32(255)), np.uint8)


def _scaled(image: Image, scale: float) -> tuple[int, int]:
    return max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))


def _resize(array: npt.NDArray[np.uint8], size_wh: tuple[int, int]) -> npt.NDArray[np.uint8]:
    if (array.shape[1], array.shape[0]) == size_wh:
        return array
    method = cv2.INTER_AREA if size_wh[0] < array.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(array, size_wh, interpolation=method), np.uint8)
