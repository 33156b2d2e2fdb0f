"""What training a segmenter means: which samples, which losses, which metrics, which pictures to look at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training import losses
from training.configs.base import SegmentationRun
from training.crops import ColourChange, draw_grid, halve_grid, sample_crops, wear_a_little
from training.device_pool import Arrays, DevicePool
from training.metrics import RegionMeter, StrokeMeter, ThresholdSweep, wrong_share
from training.models.residual import SegmentationLogits
from training.precision import autocast, to_float, to_input

_EVALUATION_BATCH = 16
_SHEET_ROWS = 12
_UPRIGHT_SHARE = 0.75
"""Mirrored and turned letters teach that any stroke may be text. A quarter stays for pages that lie on their side and
for art, of which there is never enough."""
_ROTATED_SHARE, _MAX_ROTATION = 0.35, 0.6
"""Of the crops that are resampled, and radians: a caption that leans by 20 degrees was missed, and found where its crop
was turned upright."""


class SegmentationTask:
    """Crops of `raw`, `strokes` and `regions` -> weighted loss terms."""

    fields = ("raw", "strokes", "regions")

    def __init__(self, config: SegmentationRun, *, device: torch.device) -> None:
        self.config = config
        self.device = device
        self.critic: nn.Module | None = None
        self._grade: Callable[[Tensor], None] | None = None

    def prepare(self, pool: DevicePool) -> None:
        """Nothing to measure beforehand."""

    def draw_batch(self, pool: DevicePool) -> dict[str, Tensor]:
        """`image` `(N, 3, h, w)`, `strokes` `(N, 1, h, w)` 0/1, `regions` `(N, 4, h/2, w/2)`; floats on the device."""
        optimisation = self.config.optimisation
        samples = pool.draw(optimisation.batch, hard_first=self.config.hard_first)
        self._grade = pool.grade if self.config.hard_first else None
        sample_px = samples["strokes"].shape[-1]
        grid = draw_grid(
            optimisation.batch,
            min(optimisation.crop_px, sample_px),
            sample_px,
            device=self.device,
            upright_share=_UPRIGHT_SHARE,
            rotated_share=_ROTATED_SHARE,
            max_rotation=_MAX_ROTATION,
        )
        image = sample_crops(samples["raw"], grid)
        image = wear_a_little(ColourChange(len(image), device=self.device).apply(image))
        return {
            "image": to_input(image),
            "strokes": (sample_crops(samples["strokes"], grid) > 0.5).float(),
            "regions": sample_crops(samples["regions"], halve_grid(grid)),
        }

    def losses(self, model: nn.Module, batch: dict[str, Tensor], *, progress: float) -> dict[str, Tensor]:  # noqa: ARG002
        """Weighted terms by name; their sum is the loss."""
        with autocast(self.device):
            logits: SegmentationLogits = model(batch["image"])
        config, strokes = self.config, batch["strokes"]
        if self._grade is not None:
            self._grade(wrong_share(logits.text.detach(), strokes))
        terms = {}
        if config.bce_weight:
            terms["bce"] = config.bce_weight * losses.weighted_bce(
                logits.text, strokes, positive_weight=config.positive_weight
            )
        if config.dice_weight:
            terms["dice"] = config.dice_weight * losses.dice(logits.text, strokes)
        if config.focal_weight:
            terms["focal"] = config.focal_weight * losses.focal(logits.text, strokes)
        if config.regions_weight and logits.region is not None and logits.threshold is not None:
            shrunk, threshold, band, known = batch["regions"].split(1, dim=1)
            terms["regions"] = config.regions_weight * losses.differentiable_binarization(
                logits.region,
                logits.threshold,
                losses.RegionTargets(
                    shrunk=(shrunk > 0.5).float(),
                    threshold=threshold,
                    band=(band > 0.5).float(),
                    known=(known > 0.5).float(),
                ),
            )
        return terms

    @torch.no_grad()
    def evaluate(self, model: nn.Module, validation: Arrays) -> dict[str, float]:
        """Stroke and region metrics over fixed samples, at the size they were made."""
        strokes, regions, sweep = StrokeMeter(), RegionMeter(), ThresholdSweep()
        for start in range(0, len(validation["raw"]), _EVALUATION_BATCH):
            image, text, shrunk = (
                to_float(validation[field][start : start + _EVALUATION_BATCH], device=self.device)
                for field in ("raw", "strokes", "regions")
            )
            logits: SegmentationLogits = model(to_input(image))
            prob = torch.sigmoid(logits.text.float())
            strokes.add(prob, text)
            sweep.add(prob, text)
            if logits.region is not None:
                known = (shrunk[:, 3:] > 0.5).float()
                regions.add(torch.sigmoid(logits.region.float()) * known, shrunk[:, :1] * known)
        return strokes.result() | regions.result() | sweep.result()

    @torch.no_grad()
    def draw_sheet(self, model: nn.Module, validation: Arrays) -> npt.NDArray[np.uint8]:
        """Rows of page, probability and verdict (green hit, red false, blue missed): `(rows * H, 3 * W, 3)` uint8."""
        rows = []
        for index in range(min(_SHEET_ROWS, len(validation["raw"]))):
            image = validation["raw"][index]
            prob = torch.sigmoid(model(to_input(to_float(image[None], device=self.device))).text.float())
            prob_u8 = (prob[0, 0] * 255).round().byte().cpu().numpy()
            found, text = prob_u8 > 127, validation["strokes"][index] > 127
            verdict = (image * 0.4 + 130).astype(np.uint8)
            verdict[found & text], verdict[found & ~text], verdict[~found & text] = (
                (0, 150, 0),
                (230, 0, 0),
                (0, 0, 255),
            )
            rows.append(np.hstack([image, np.repeat(prob_u8[..., None], 3, axis=2), verdict]))
        return np.vstack(rows)
