"""What the nets are punished for. Each loss takes tensors, returns a scalar in float32, and cites its formula once."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from training.models.detection import BINARIZATION_K, binarize_softly


def weighted_bce(logits: Tensor, target: Tensor, *, positive_weight: float = 2.0) -> Tensor:
    """Mean binary cross-entropy, text pixels counting `positive_weight` times. `(N, 1, H, W)` logits and 0/1 target."""
    weight = 1 + (positive_weight - 1) * target
    return F.binary_cross_entropy_with_logits(logits.float(), target, weight=weight)


def dice(logits: Tensor, target: Tensor) -> Tensor:
    """`1 - (2 |P.G| + 1) / (|P| + |G| + 1)` (Milletari et al. 2016, sec. 3), mean over the images that have text.

    An image without text has nothing to overlap with; there the cross-entropy alone speaks.
    """
    prob = torch.sigmoid(logits.float())
    overlap, total = (prob * target).sum((1, 2, 3)), (prob + target).sum((1, 2, 3))
    has_text = (target.sum((1, 2, 3)) > 0).float()
    per_image = 1 - (2 * overlap + 1) / (total + 1)
    return (per_image * has_text).sum() / has_text.sum().clamp(min=1)


def focal(logits: Tensor, target: Tensor, *, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """`-alpha_t (1 - p_t)^gamma log(p_t)`, mean over pixels (Lin et al. 2017, eq. 5)."""
    logits = logits.float()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    prob = torch.sigmoid(logits)
    prob_true = prob * target + (1 - prob) * (1 - target)
    alpha_true = alpha * target + (1 - alpha) * (1 - target)
    return (alpha_true * (1 - prob_true).pow(gamma) * cross_entropy).mean()


def hard_negative_bce(
    logits: Tensor, target: Tensor, *, known: Tensor | None = None, negative_ratio: float = 3.0
) -> Tensor:
    """Cross-entropy over all positives and the hardest negatives, at most `negative_ratio` per positive (DB, eq. 6).

    Negatives are taken over the whole batch; without any positive, the hardest 64 stand in, so that empty pages teach
    too.
    """
    losses = F.binary_cross_entropy_with_logits(logits.float(), target, reduction="none").flatten()
    counts = torch.ones_like(losses, dtype=torch.bool) if known is None else known.flatten() > 0.5
    is_positive = (target.flatten() > 0.5) & counts
    is_negative = ~is_positive & counts
    positive_count = is_positive.sum()
    kept_count = torch.minimum(torch.clamp(negative_ratio * positive_count, min=64), is_negative.sum()).long()
    negative_losses = torch.where(is_negative, losses, -torch.ones_like(losses))
    # A sort and a rank instead of topk(k): k lives on the device, and reading it would make the GPU wait.
    hardest_first = negative_losses.sort(descending=True).values
    rank = torch.arange(losses.numel(), device=losses.device)
    kept = torch.where(rank < kept_count, hardest_first, torch.zeros_like(hardest_first))
    positives = torch.where(is_positive, losses, torch.zeros_like(losses))
    return (positives.sum() + kept.sum()) / (positive_count + kept_count).clamp(min=1)


class RegionTargets(NamedTuple):
    """What DB's maps should say, all `(N, 1, H/2, W/2)`."""

    shrunk: Tensor
    """1 inside shrunk regions."""
    threshold: Tensor
    """What T should be: high on a region's outline, low away from it."""
    band: Tensor
    """1 near outlines, where T is learnt."""
    known: Tensor
    """0 where the layout is not known or text is too small to be a region: there nothing counts."""


def differentiable_binarization(
    region_logits: Tensor,
    threshold_logits: Tensor,
    targets: RegionTargets,
    *,
    alpha: float = 1.0,
    beta: float = 10.0,
    k: float = BINARIZATION_K,
) -> Tensor:
    """`L = L_s + alpha L_b + beta L_t` (DB, Liao et al. 2020, eq. 5), all `(N, 1, H/2, W/2)`.

    L_s is cross-entropy with 1:3 hard negatives on P. L_b is Dice on the soft binary map B: the paper's text writes
    cross-entropy there too, its published training uses Dice, and with k = 50 cross-entropy on B leaves float range.
    L_t is the L1 distance of T near region borders (eq. 7).
    """
    known = targets.known
    shrink_loss = hard_negative_bce(region_logits, targets.shrunk, known=known)
    region, threshold = torch.sigmoid(region_logits.float()), torch.sigmoid(threshold_logits.float())
    binary = binarize_softly(region, threshold, k=k) * known
    shrunk, band = targets.shrunk * known, targets.band * known
    binary_loss = 1 - (2 * (binary * shrunk).sum() + 1) / (binary.sum() + shrunk.sum() + 1)
    threshold_loss = ((threshold - targets.threshold).abs() * band).sum() / band.sum().clamp(min=1)
    return shrink_loss + alpha * binary_loss + beta * threshold_loss


def masked_l1(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """`|| mask * (prediction - target) ||_1 / (C H W)` (Liu et al. 2018, eq. 3): divided by the image, not by the mask.

    Prediction and target `(N, 3, H, W)`, mask `(N, 1, H, W)`; weigh it 6 with the hole, 1 with its complement.
    """
    return ((prediction.float() - target).abs() * mask).mean()


def gram(features: Tensor) -> Tensor:
    """`F F^T / (C H W)` in float32 (Gatys et al. 2016; Liu et al. 2018, eq. 5's K_p). `(N, C, H, W)` -> `(N, C, C)`."""
    count, channels, height, width = features.shape
    with torch.autocast(features.device.type, enabled=False):
        flat = features.float().reshape(count, channels, height * width)
        return torch.bmm(flat, flat.transpose(1, 2)) / (channels * height * width)


def perceptual(features: list[Tensor], target_features: list[Tensor]) -> Tensor:
    """Mean L1 distance of the features, summed over layers (Liu et al. 2018, eq. 4, for one of its two images)."""
    return torch.stack(
        [(f.float() - t.float()).abs().mean() for f, t in zip(features, target_features, strict=True)]
    ).sum()


def style(features: list[Tensor], target_features: list[Tensor]) -> Tensor:
    """Mean L1 distance of the Gram matrices, summed over layers (Liu et al. 2018, eq. 5 and 6, for one image)."""
    return torch.stack([(gram(f) - gram(t)).abs().mean() for f, t in zip(features, target_features, strict=True)]).sum()


def total_variation(image: Tensor, hole: Tensor) -> Tensor:
    """Mean absolute step between neighbours within the hole grown by one pixel (Liu et al. 2018, eq. 7).

    Image `(N, 3, H, W)`, the composite; hole `(N, 1, H, W)`.
    """
    region = F.max_pool2d(hole, 3, stride=1, padding=1)
    across = (image[..., :, 1:] - image[..., :, :-1]).abs() * (region[..., :, 1:] * region[..., :, :-1])
    down = (image[..., 1:, :] - image[..., :-1, :]).abs() * (region[..., 1:, :] * region[..., :-1, :])
    return across.float().mean() + down.float().mean()


def focal_frequency(prediction: Tensor, target: Tensor, *, patch_px: int = 64, alpha: float = 1.0) -> Tensor:
    """Squared spectral distance, each frequency weighed by its own distance (Jiang et al. 2021, eq. 8 and 9).

    On patches of `patch_px`, because screentone is a few sharp peaks in a local spectrum, which pixel losses average
    to grey.
    """

    def spectrum(image: Tensor) -> Tensor:
        height, width = (side // patch_px * patch_px for side in image.shape[-2:])
        patches = image.float()[..., :height, :width].unfold(2, patch_px, patch_px).unfold(3, patch_px, patch_px)
        return torch.fft.rfft2(patches, norm="ortho")

    difference = spectrum(prediction) - spectrum(target)
    squared = difference.real**2 + difference.imag**2
    with torch.no_grad():
        weight = (squared + 1e-12).sqrt().pow(alpha)
        weight = weight / weight.amax((-2, -1), keepdim=True).clamp(min=1e-6)
    return (weight * squared).mean()


def laplacian(prediction: Tensor, target: Tensor, hole: Tensor, *, levels: int = 3) -> Tensor:
    """L1 distance of the Laplacian bands (Burt & Adelson 1983) around the hole, each band's mean over its own area."""
    total = torch.zeros((), device=prediction.device)
    difference, mask = prediction.float() - target, hole
    for _ in range(levels):
        coarse = F.avg_pool2d(difference, 2)
        band = difference - F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        around = F.max_pool2d(mask, 3, stride=1, padding=1)
        total = total + (band.abs() * around).sum() / (3 * around.sum()).clamp(min=1)
        difference, mask = coarse, F.max_pool2d(mask, 2)
    return total


def critic_hinge(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """`E[max(0, 1 - D(real))] + E[max(0, 1 + D(fake))]` (Lim & Ye 2017; Yu et al. 2019, eq. 5)."""
    return F.relu(1 - real_scores.float()).mean() + F.relu(1 + fake_scores.float()).mean()


def generator_hinge(fake_scores: Tensor) -> Tensor:
    """`-E[D(fake)]` (Yu et al. 2019, eq. 4)."""
    return -fake_scores.float().mean()


def feature_matching(features: list[Tensor], target_features: list[Tensor]) -> Tensor:
    """Mean L1 distance of the critic's features, averaged over layers (Wang et al. 2018, eq. 4)."""
    return perceptual(features, target_features) / len(features)
