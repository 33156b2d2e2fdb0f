"""How much a group of strokes looks like text: what a network calls ink with half a heart, alone and shapeless, is art.

A network judges pixel by pixel. Here strokes that lie together are judged as one: by how sure it was of them, whether
its region head saw a text there too, how large, thick and broken they are, and what stands nearby. The judge is a
logistic regression (Hastie et al. 2009, sec. 4.4), fitted on drawn pages by `training.plausibility`; its numbers stand
in the manifest, beside the thresholds. Products of two features, and the colours of the strokes and of what is around
them, were tried and judge no better.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Levels, Mask
from service.imaging.geometry import label_boxes
from service.imaging.masks import Labels, label_groups
from service.store import Plausibility

Features = npt.NDArray[np.float64]

FEATURES = (
    "mean probability",
    "share of pixels above 0.8",
    "share of pixels above 0.95",
    "mean region probability",
    "share of pixels above a region probability of 0.5",
    "log of the number of pixels",
    "log of the number of pieces",
    "log of the thickness",
    "share of the box",
    "log of the longer side",
    "log of the number of other strokes' pixels nearby",
)
TOGETHER_PX = 4
"""Strokes nearer than twice this are one group."""
NEARBY_PX = 40
LARGE_PX, LARGER_ODDS = 400, 0.5
"""From so many pixels on, less is asked of a group, in log odds for each time that it is larger by e: a lost title is
worse than a lost ear, and large groups are rarer among what was learnt from."""
_SURE, _CERTAIN, _INSIDE = 204, 242, 127
_CELL_PX = 8
"""What stands nearby is counted in such cells."""


def group_strokes(strokes: Mask) -> tuple[int, Labels]:
    """The number of groups, and `(h, w)` which group each stroke is in, 0 where there is none."""
    return label_groups(strokes, TOGETHER_PX)


def describe_groups(text: Levels, region: Levels, strokes: Mask, labels: Labels, count: int) -> Features:
    """`(count, len(FEATURES))` of the groups 1 to `count`.

    `text` and `region` `(h, w)` are probabilities in 255 steps; `strokes` `(h, w)` is nonzero where ink is.
    """
    where = np.flatnonzero(strokes)
    group = labels.ravel()[where]

    def total(values: npt.NDArray[np.generic] | None = None) -> npt.NDArray[np.float64]:
        return np.bincount(group, weights=values, minlength=count + 1)[1:].astype(np.float64)

    pixels = np.maximum(total(), 1)
    prob, inside = text.ravel()[where], region.ravel()[where]
    boxes = np.array(label_boxes(labels, count), np.float64).reshape(-1, 4)
    width, height = np.maximum(boxes[:, 2:] - boxes[:, :2], 1).T
    core = cv2.erode(strokes, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.stack(
        [
            total(prob) / pixels,
            total(prob > _SURE) / pixels,
            total(prob > _CERTAIN) / pixels,
            total(inside) / pixels,
            total(inside > _INSIDE) / pixels,
            np.log(pixels),
            np.log(np.maximum(_count_pieces(strokes, where, group, count), 1)),
            np.log(2 * pixels / np.maximum(total(core.ravel()[where] == 0), 1)),
            pixels / (width * height),
            np.log(np.maximum(width, height)),
            np.log1p(np.maximum(_count_nearby(strokes, boxes) - pixels, 0)),
        ],
        axis=1,
    )


def _count_pieces(
    strokes: Mask, where: npt.NDArray[np.intp], group: npt.NDArray[np.int32], count: int
) -> npt.NDArray[np.float64]:
    pieces, numbers = cv2.connectedComponents(strokes)
    group_of = np.zeros(pieces, np.intp)
    group_of[numbers.ravel()[where]] = group
    return np.bincount(group_of[1:], minlength=count + 1)[1:].astype(np.float64)


def _count_nearby(strokes: Mask, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`(n,)` pixels of strokes in each box, grown by NEARBY_PX, cell by cell."""
    size_wh = tuple(-(-side // _CELL_PX) for side in strokes.shape[::-1])
    share = cv2.resize(strokes, size_wh, interpolation=cv2.INTER_AREA).astype(np.float64) / 255
    sums = cv2.integral(share, sdepth=cv2.CV_64F)
    x0, y0 = (np.maximum(boxes[:, side] - NEARBY_PX, 0) // _CELL_PX for side in (0, 1))
    x1, y1 = (
        np.minimum(-(-(boxes[:, side] + NEARBY_PX) // _CELL_PX), most)
        for side, most in ((2, size_wh[0]), (3, size_wh[1]))
    )
    (x0, y0, x1, y1) = (np.asarray(edge, np.intp) for edge in (x0, y0, x1, y1))
    return np.asarray((sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]) * _CELL_PX**2, np.float64)


def judge(
    plausibility: Plausibility, features: Features, threshold: float, *, least: float | None = None
) -> npt.NDArray[np.bool_]:
    """`(n,)` whether each group is likely enough to be text: has log odds of `least`, by default the model's own.

    At a lower `threshold` on pixels less is asked of groups too, in the same odds: who asks for more finds more.
    """
    asked = plausibility.least if least is None else least
    asked += _log_odds(threshold) - _log_odds(plausibility.threshold)
    return np.asarray(log_odds(plausibility, features) >= asked, np.bool_)


def log_odds(plausibility: Plausibility, features: Features) -> npt.NDArray[np.float64]:
    """`(n,)` log odds that each group is text, in favour of large ones."""
    weights = np.array([plausibility.weights[name] for name in FEATURES])
    return np.asarray(plausibility.bias + features @ weights + allowance(features), np.float64)


def allowance(features: Features) -> npt.NDArray[np.float64]:
    """`(n,)` log odds that a group has for its size."""
    log_pixels = features[:, FEATURES.index("log of the number of pixels")]
    return np.asarray(LARGER_ODDS * np.maximum(log_pixels - np.log(LARGE_PX), 0), np.float64)


def _log_odds(prob: float) -> float:
    return float(np.log(prob / (1 - prob)))
