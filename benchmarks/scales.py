"""What is found of the same page at other sizes: scans are larger than drawn pages, previews smaller.

What is found is brought back to the page's own size, and counted there: so a pixel, the 3 px of `cover3` and the 8 px
of `far` are the same part of a letter at every scale, and letters keep the octave that they have at 1x.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import cv2
import numpy as np
from PIL import Image

from benchmarks.figures import FOUND_HEADS, Tally, found_cells
from benchmarks.lettered_pages import to_png
from benchmarks.tables import name_octave, shown, table
from service.deadline import Deadline
from service.eraser import Eraser
from service.options import EraseOptions
from service.segmenter import TextSegmenter


def resize(picture: np.ndarray, scale: float) -> np.ndarray:
    """`picture` `(H, W, 3)` as a scanner or a viewer would scale it: area means down, bicubic up."""
    size_wh = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def bring_back(mask: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """A uint8 mask of 0 and 255 at another size, as bool: a pixel counts if most of it was found."""
    shrinks = mask.shape[0] > size_hw[0]
    return cv2.resize(mask, size_hw[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR) > 127


def find_at(raw: np.ndarray, scale: float, eraser: Eraser, segmenter: TextSegmenter) -> dict[str, np.ndarray]:
    """`bare` and `erased`: what is found of the page `raw` at `scale`, `(H, W)` bool of the page's own size."""
    picture = resize(raw, scale)
    mask = eraser.erase(to_png(picture), None, EraseOptions(output="mask", format="png"), Deadline()).mask
    assert mask is not None
    strokes = segmenter.find(picture, Deadline()).strokes(segmenter.model.thresholds["text"])
    erased = np.asarray(Image.open(io.BytesIO(mask.data)))
    return {"bare": bring_back(strokes, raw.shape[:2]), "erased": bring_back(erased, raw.shape[:2])}


def report_scales(
    wholes: Mapping[float, Tally], octaves: Mapping[float, Mapping[int, Tally]], *, what: str = "scale", unit: str = "x"
) -> str:
    """Three tables: all letters by scale, or `what` else in its `unit`; then recall, and text left, by octave too."""
    names = {scale: f"{scale:g}{unit}" for scale in wholes}
    by_scale = table([what, *FOUND_HEADS], [[names[scale], *found_cells(tally)] for scale, tally in wholes.items()])
    known = sorted({octave for tallies in octaves.values() for octave in tallies})

    def by_octave(figure: str, column: int) -> str:
        return table(
            [f"{figure}: letters at 1x", "text px", *(names[scale] for scale in octaves)],
            [
                [
                    name_octave(octave),
                    shown(next(iter(octaves.values()))[octave].sums["bare text"], 0),
                    *(found_cells(tallies[octave])[column] for tallies in octaves.values()),
                ]
                for octave in known
            ],
        )

    recall, left = FOUND_HEADS.index("bare recall"), FOUND_HEADS.index("left %")
    return "\n\n".join([by_scale, by_octave("bare recall", recall), by_octave("left %", left)]) + "\n"
