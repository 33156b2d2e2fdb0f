"""How good a net is, in numbers that do not depend on how it was trained."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

COVER_PX = 3
"""A text pixel this near to a prediction is erased once the mask is dilated."""
FAR_PX = 8
"""A false pixel further than this from any text damages art."""


def dilate(mask: Tensor, radius_px: int) -> Tensor:
    """Grow a 0/1 mask `(N, 1, H, W)` by a square of `radius_px`."""
    return F.max_pool2d(mask, 2 * radius_px + 1, stride=1, padding=radius_px)


@torch.no_grad()
def wrong_share(logits: Tensor, target: Tensor) -> Tensor:
    """Share of each image that is called what it is not, beyond the uncertain pixel at a stroke's edge: `(N,)`.

    Text that stays and art that goes weigh alike. Logits and 0/1 target, both `(N, 1, H, W)`.
    """
    wrong = ((logits > 0) != (target > 0.5)).float()
    return (-dilate(-wrong, 1)).mean((1, 2, 3))


class StrokeMeter:
    """Pools pixel counts over batches; `result()` turns them into precision, recall, F1, IoU, cover3 and far_fp."""

    def __init__(self) -> None:
        self._counts = torch.zeros(6, dtype=torch.float64)

    @torch.no_grad()
    def add(self, prob: Tensor, target: Tensor, *, bin_thresh: float = 0.5) -> None:
        """Count one batch: `prob` in [0, 1] and 0/1 `target`, both `(N, 1, H, W)`."""
        predicted, text = (prob > bin_thresh).float(), (target > 0.5).float()
        counts = [
            (predicted * text).sum(),
            predicted.sum(),
            text.sum(),
            (text * dilate(predicted, COVER_PX)).sum(),
            (predicted * (1 - dilate(text, FAR_PX))).sum(),
            torch.tensor(float(text.numel()), device=text.device),
        ]
        self._counts += torch.stack(counts).double().cpu()

    def result(self) -> dict[str, float]:
        """All in [0, 1], but far_fp: false pixels per 10,000 pixels.

        Without any prediction precision is 1, without text recall.
        """
        hits, predicted, text, covered, far, pixels = self._counts.tolist()
        precision = hits / predicted if predicted else 1.0
        recall = hits / text if text else 1.0
        return {
            "precision": precision,
            "recall": recall,
            "f1": 2 * hits / (predicted + text) if predicted + text else 1.0,
            "iou": hits / (predicted + text - hits) if predicted + text else 1.0,
            "cover3": covered / text if text else 1.0,
            "far_fp": 1e4 * far / pixels if pixels else 0.0,
        }


class ThresholdSweep:
    """Finds the probability above which a pixel should count as text, over batches."""

    _BINS = 20
    _ALMOST = 0.005

    def __init__(self) -> None:
        self._text = torch.zeros(self._BINS, dtype=torch.float64)
        self._rest = torch.zeros(self._BINS, dtype=torch.float64)

    @torch.no_grad()
    def add(self, prob: Tensor, target: Tensor) -> None:
        """Count one batch: `prob` in [0, 1] and 0/1 `target`, both `(N, 1, H, W)`."""
        is_text = target > 0.5
        self._text += torch.histc(prob[is_text].float(), self._BINS, 0, 1).double().cpu()
        self._rest += torch.histc(prob[~is_text].float(), self._BINS, 0, 1).double().cpu()

    def result(self) -> dict[str, float]:
        """`threshold`: the lowest whose F1 is within 0.005 of the best, between 0.2 and 0.7; and `threshold_f1`.

        The lowest, because text that is missed stays on the page, where a pixel too many is mostly paper.
        """
        hits, false = (counts.flip(0).cumsum(0).flip(0) for counts in (self._text, self._rest))
        f1 = 2 * hits / (hits + false + hits[0]).clamp(min=1)
        allowed = range(round(0.2 * self._BINS), round(0.7 * self._BINS) + 1)
        best = max(float(f1[bin_]) for bin_ in allowed)
        chosen = next(bin_ for bin_ in allowed if float(f1[bin_]) >= best - self._ALMOST)
        return {"threshold": chosen / self._BINS, "threshold_f1": float(f1[chosen])}


class RegionMeter:
    """Intersection over union of the shrunk-region maps, pooled over batches."""

    def __init__(self) -> None:
        self._both = self._either = 0.0

    @torch.no_grad()
    def add(self, region: Tensor, target: Tensor, *, bin_thresh: float = 0.3) -> None:
        """Count one batch: probability and 0/1 target, both `(N, 1, H/2, W/2)`."""
        predicted, truth = region > bin_thresh, target > 0.5
        self._both += float((predicted & truth).sum())
        self._either += float((predicted | truth).sum())

    def result(self) -> dict[str, float]:
        """`region_iou` in [0, 1]; nothing if there was nothing to find and nothing was found, as on pairs."""
        return {"region_iou": self._both / self._either} if self._either else {}


def structural_similarity(image: Tensor, other: Tensor) -> Tensor:
    """SSIM map (Wang et al. 2004, eq. 13) of the luma, 11 x 11 Gaussian with sigma 1.5.

    `(N, 3, H, W)` in [0, 1] -> `(N, 1, H, W)`.
    """
    luma = torch.tensor([0.299, 0.587, 0.114], device=image.device).view(1, 3, 1, 1)
    image, other = ((x.float() * luma).sum(1, keepdim=True) for x in (image, other))
    offsets = torch.arange(11, device=image.device) - 5.0
    window = torch.exp(-(offsets**2) / (2 * 1.5**2))
    window = window / window.sum()

    def blur(x: Tensor) -> Tensor:
        x = F.pad(x, (5, 5, 5, 5), mode="replicate")
        return F.conv2d(F.conv2d(x, window.view(1, 1, 1, -1)), window.view(1, 1, -1, 1))

    mean, other_mean = blur(image), blur(other)
    variance, other_variance = blur(image * image) - mean**2, blur(other * other) - other_mean**2
    covariance = blur(image * other) - mean * other_mean
    c1, c2 = 0.01**2, 0.03**2
    numerator = (2 * mean * other_mean + c1) * (2 * covariance + c2)
    return numerator / ((mean**2 + other_mean**2 + c1) * (variance + other_variance + c2))


class HoleMeter:
    """PSNR, SSIM and L1 inside holes: per image, then the mean over images."""

    # A perfect fill would have infinite PSNR; 50 dB is past what 8 bits can show.
    _SMALLEST_SQUARED_ERROR = 1e-5
    _SMALLEST_HOLE_PX = 16

    def __init__(self) -> None:
        self._rows: list[Tensor] = []

    @torch.no_grad()
    def add(self, result: Tensor, target: Tensor, hole: Tensor) -> None:
        """Measure one batch: result and target `(N, 3, H, W)` in [0, 1], hole `(N, 1, H, W)`.

        Tiny holes are left out.
        """
        hole = (hole > 0.5).float()
        area = hole.sum((1, 2, 3))
        error = result.float() - target
        squared = ((error**2).mean(1, keepdim=True) * hole).sum((1, 2, 3))
        absolute = (error.abs().mean(1, keepdim=True) * hole).sum((1, 2, 3))
        similar = (structural_similarity(result, target) * hole).sum((1, 2, 3))
        rows = torch.stack([squared, similar, absolute], dim=1) / area.clamp(min=1).unsqueeze(1)
        self._rows.append(rows[area >= self._SMALLEST_HOLE_PX].double().cpu())

    def result(self) -> dict[str, float]:
        """`psnr` in dB (mean of the images' PSNR), `ssim`, `l1`, and `images` that were counted."""
        rows = torch.cat(self._rows) if self._rows else torch.zeros(0, 3)
        if not len(rows):
            return {"psnr": float("nan"), "ssim": float("nan"), "l1": float("nan"), "images": 0.0}
        squared, similar, absolute = rows.T
        psnr = -10 * torch.log10(squared.clamp(min=self._SMALLEST_SQUARED_ERROR))
        return {
            "psnr": psnr.mean().item(),
            "ssim": similar.mean().item(),
            "l1": absolute.mean().item(),
            "images": float(len(rows)),
        }
