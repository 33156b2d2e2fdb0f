"""How well text is found and holes are filled, as sums and means: masks and pictures in, numbers out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from benchmarks.tables import shown

COVER_PX, FAR_PX = 3, 8
MATCH_IOU = 0.5
RING_PX = 16
_QUIET = 1.0
"""Energy, levels squared, that nobody sees: paper beside paper has no error."""
FOUND_HEADS = (
    "left %",
    "bare recall",
    "bare cover3",
    "bare precision",
    "bare F1",
    "bare IoU",
    "bare far",
    "erased far",
)
"""Of `found_cells`: `bare` is the segmenter alone, `erased` the final mask, `left` what that misses of the text."""


@dataclass
class Tally:
    """Sums over the pages of a group."""

    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    means: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def share(self, part: str, whole: str, scale: float = 1.0) -> float:
        """One sum over another; nan where there is nothing to divide by."""
        return scale * self.sums[part] / self.sums[whole] if self.sums[whole] else math.nan

    def mean(self, name: str) -> float:
        """Mean over pages; nan without any."""
        return float(np.mean(self.means[name])) if self.means[name] else math.nan


def add(total: Tally, part: Tally) -> None:
    """Put one tally into another."""
    for name, value in part.sums.items():
        total.sums[name] += value
    for name, values in part.means.items():
        total.means[name] += values


def grow(mask: np.ndarray, radius_px: int) -> np.ndarray:
    """A bool mask, grown by a square of that radius."""
    side = 2 * radius_px + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def similarity(picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    """SSIM map of the luma (Wang et al. 2004, eq. 13, Gaussian window of sigma 1.5). `(H, W)` float."""
    a, b = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float32) for p in (picture, other))

    def blur(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (11, 11), 1.5, borderType=cv2.BORDER_REPLICATE)

    mean_a, mean_b = blur(a), blur(b)
    variance_a, variance_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )


def tone_error(result: np.ndarray, clean: np.ndarray, hole: np.ndarray) -> float:
    """How much fine texture inside the hole is missing or invented, in levels.

    The difference of what is left of both after a blur of 3 px is taken off: a screentone that turned grey keeps its
    mean, and PSNR forgives it, but its spread is gone.
    """

    def spread(picture: np.ndarray) -> float:
        luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        return float((luma - cv2.GaussianBlur(luma, (0, 0), 3.0))[hole].std())

    return abs(spread(result) - spread(clean))


def spectrum_error(picture: np.ndarray, hole: np.ndarray) -> float:
    """How far the spectrum of what fills `hole` is from that of the RING_PX around it, dB.

    Each is the mean energy of the luma in twelve Gabor bands (four directions at three wavelengths), since a hole of
    letters is too ragged for a Fourier transform; the error is the mean over bands of the distance of their levels.
    Noise or stripes in the place of a screentone have its spread and not its bands. Art that changes at the hole
    itself has an error too: compare with that of the clean page. nan without a ring.
    """
    ring = grow(hole, RING_PX) & ~hole
    if not ring.any():
        return math.nan
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    distances = []
    for wavelength_px in (3.0, 6.0, 12.0):
        for direction in np.arange(4) * math.pi / 4:
            energy = sum(cv2.filter2D(luma, -1, _gabor(wavelength_px, direction, phase)) ** 2 for phase in (0.0, 0.5))
            levels = [10 * math.log10(float(energy[area].mean()) + _QUIET) for area in (hole, ring)]
            distances.append(abs(levels[0] - levels[1]))
    return float(np.mean(distances))


def _gabor(wavelength_px: float, direction: float, phase: float) -> np.ndarray:
    """A Gabor filter without answer to an even ground; `phase` in half turns."""
    sigma = 0.5 * wavelength_px
    side = 2 * round(2.5 * sigma) + 1
    kernel = cv2.getGaborKernel((side, side), sigma, direction, wavelength_px, 1.0, phase * math.pi)
    kernel -= kernel.mean()
    return (kernel / np.abs(kernel).sum()).astype(np.float32)


def measure_fill(tally: Tally, name: str, result: np.ndarray, clean: np.ndarray, hole: np.ndarray) -> None:
    """Add PSNR, SSIM, tone error and spectrum error inside a hole."""
    squared = float(np.mean((result[hole].astype(np.float32) - clean[hole]) ** 2)) / 255**2
    tally.means[f"{name} psnr"].append(-10 * math.log10(max(squared, 1e-5)))
    tally.means[f"{name} ssim"].append(float(similarity(result, clean)[hole].mean()))
    tally.means[f"{name} tone"].append(tone_error(result, clean, hole))
    distance = spectrum_error(result, hole)
    if not math.isnan(distance):
        tally.means[f"{name} spectrum"].append(distance)


def measure_found(tally: Tally, name: str, found: np.ndarray, text: np.ndarray, area: np.ndarray | None = None) -> None:
    """Add what a mask covers of the text (inside `area`), and how much lies far from any."""
    within = text if area is None else text & area
    tally.sums[f"{name} text"] += int(within.sum())
    tally.sums[f"{name} hit"] += int((within & found).sum())
    tally.sums[f"{name} near"] += int((within & grow(found, COVER_PX)).sum())
    if area is None:
        tally.sums[f"{name} found"] += int(found.sum())
        tally.sums[f"{name} far"] += int((found & ~grow(text, FAR_PX)).sum())


def count_found(
    masks: Mapping[str, np.ndarray], text: np.ndarray, octaves: np.ndarray
) -> tuple[Tally, dict[int, Tally]]:
    """What each named mask covers of the text of one page: a tally of all of it, and one by octave of its letters.

    All arrays are `(H, W)`; `octaves` is that of `LetteredPage`.
    """
    whole, by_octave = Tally(), {int(octave): Tally() for octave in np.unique(octaves[text])}
    whole.sums["pages"], whole.sums["pixels"] = 1, text.size
    for name, found in masks.items():
        measure_found(whole, name, found, text)
        for octave, tally in by_octave.items():
            measure_found(tally, name, found, text, octaves == octave)
    return whole, by_octave


def found_cells(tally: Tally) -> list[str]:
    """The cells under FOUND_HEADS of a tally of the masks `bare` and `erased`; far is per 10,000 pixels."""
    hit, found, text = (tally.sums[f"bare {part}"] for part in ("hit", "found", "text"))
    return [
        shown(100 - tally.share("erased hit", "erased text", 100), 1),
        *(shown(tally.share(f"bare {part}", "bare text"), 3) for part in ("hit", "near")),
        shown(tally.share("bare hit", "bare found"), 3),
        shown(2 * hit / max(1.0, found + text) if text else math.nan, 3),
        shown(hit / max(1.0, found + text - hit) if text else math.nan, 3),
        *(shown(tally.share(f"{name} far", "pixels", 1e4), 1) for name in ("bare", "erased")),
    ]


def count_matches(found: Sequence[np.ndarray], truth: Sequence[np.ndarray], size_hw: tuple[int, int]) -> int:
    """How many of `found` cover one of `truth` each, and none twice, with an intersection of half their union."""

    def fill(polygon: np.ndarray) -> np.ndarray:
        return cv2.fillPoly(np.zeros(size_hw, np.uint8), [polygon], 1) > 0

    free = [fill(polygon) for polygon in truth]
    matches = 0
    for polygon in found:
        area = fill(polygon)
        overlaps = [float((area & other).sum() / max(1, (area | other).sum())) for other in free]
        if overlaps and max(overlaps) >= MATCH_IOU:
            free.pop(int(np.argmax(overlaps)))
            matches += 1
    return matches
