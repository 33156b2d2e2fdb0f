"""What training the filler means: which holes, which losses, which metrics.

The critic of the adversarial stage lives here.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training import losses
from training.configs.base import InpaintingRun
from training.crops import ColourChange, draw_grid, sample_crops
from training.device_pool import Arrays, DevicePool
from training.holes_on_device import mix_holes, occlude_text
from training.metrics import HoleMeter, dilate
from training.models.discriminator import PatchDiscriminator
from training.models.features import EncoderFeatures, RandomFeatures
from training.models.inpainting import composite
from training.precision import autocast, to_float, to_input, to_uint8

_EVALUATION_BATCH = 16
_SHEET_ROWS = 12
_CALIBRATION_CROPS = 32
_TEXT_DILATE_PX = 4


class InpaintingTask:
    """Crops of `raw`, `clean`, `strokes` and `hole` -> weighted loss terms.

    `segmenter` is our own trained net, for runs whose perceptual loss looks at its features.
    """

    fields = ("raw", "clean", "strokes", "hole")

    def __init__(self, config: InpaintingRun, *, device: torch.device, segmenter: nn.Module | None = None) -> None:
        if config.features == "encoder" and segmenter is None:
            raise ValueError(f"{config.name} looks at a segmenter's features; expected --feature-checkpoint")
        self.config = config
        self.device = device
        self.critic: PatchDiscriminator | None = None
        self._critic_optimiser: torch.optim.Optimizer | None = None
        # As the engine's: it skips a step whose gradients are not finite.
        self._critic_scaler = torch.amp.GradScaler(device.type, init_scale=1.0, growth_interval=1_000_000_000)
        self._features: RandomFeatures | EncoderFeatures | None = None
        if config.features == "encoder" and segmenter is not None:
            self._features = EncoderFeatures(segmenter).to(device)
        elif config.features == "random":
            self._features = RandomFeatures().to(device)
        if config.adversarial_weight:
            self.critic = PatchDiscriminator().to(device, memory_format=torch.channels_last)
            self._critic_optimiser = torch.optim.AdamW(
                self.critic.parameters(), lr=config.critic_learning_rate, betas=(0.5, 0.9), weight_decay=0.0
            )
        self._telea: dict[str, float] | None = None

    def prepare(self, pool: DevicePool) -> None:
        """Scale the feature net on real crops of clean pages."""
        if self._features is None:
            return
        clean = pool.draw(_CALIBRATION_CROPS)["clean"]
        crop_px = min(self.config.optimisation.crop_px, clean.shape[1])
        self._features.calibrate(
            sample_crops(clean, draw_grid(len(clean), crop_px, clean.shape[1], device=self.device))
        )

    def draw_batch(self, pool: DevicePool) -> dict[str, Tensor]:
        """`image` (what the net sees) and `target`, `(N, 3, h, w)`; `hole` `(N, 1, h, w)` 0/1; floats on the device."""
        optimisation = self.config.optimisation
        samples = pool.draw(optimisation.batch)
        sample_px = samples["strokes"].shape[-1]
        crop_px = min(optimisation.crop_px, sample_px)
        grid = draw_grid(
            optimisation.batch, crop_px, sample_px, device=self.device, exact_share=0.6, scale_range=(0.7, 1.35)
        )
        lettered, clean = sample_crops(samples["raw"], grid), sample_crops(samples["clean"], grid)
        strokes = (sample_crops(samples["strokes"], grid) > 0.5).float()
        colours = ColourChange(len(clean), device=self.device, strength=0.7)
        if self.config.subject == "text":
            target = colours.apply(lettered)
            return {"image": to_input(target), "target": target, "hole": occlude_text(strokes)}
        hole, text_is_covered = mix_holes(strokes, (sample_crops(samples["hole"], grid) > 0.5).float())
        target = colours.apply(clean)
        chosen = torch.rand(len(clean), 1, 1, 1, device=self.device) < self.config.lettered_input_share
        # Only where the hole covers all lettering: text left standing would have to vanish outside the hole.
        image = torch.where(chosen & text_is_covered, colours.apply(lettered), target)
        return {"image": to_input(image), "target": target, "hole": hole}

    def losses(self, model: nn.Module, batch: dict[str, Tensor], *, progress: float) -> dict[str, Tensor]:
        """Weighted terms by name; their sum is the loss.

        In the adversarial stage the critic takes its own step first.
        """
        config, target, hole = self.config, batch["target"], batch["hole"]
        with autocast(self.device):
            prediction = model(batch["image"], hole).float()
        filled = target * (1 - hole) + prediction * hole  # Liu et al.'s I_comp, not clamped, so that gradients flow
        terms = {
            "hole": config.hole_weight * losses.masked_l1(prediction, target, hole),
            "valid": config.valid_weight * losses.masked_l1(prediction, target, 1 - hole),
        }
        if config.variation_weight:
            terms["variation"] = config.variation_weight * losses.total_variation(filled, hole)
        if config.laplacian_weight:
            terms["laplacian"] = config.laplacian_weight * losses.laplacian(filled, target, hole)
        if config.frequency_weight:
            terms["frequency"] = config.frequency_weight * losses.focal_frequency(filled, target)
        if self._features is not None:
            terms |= self._feature_terms(prediction, filled, target)
        if self.critic is not None and progress >= config.adversarial_from:
            terms |= self._adversarial_terms(filled, target, hole)
        return terms

    def _feature_terms(self, prediction: Tensor, filled: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Perceptual and style loss, each over both images of Liu et al. 2018: the prediction and the composite."""
        assert self._features is not None
        with autocast(self.device):
            with torch.no_grad():
                wanted = self._features(to_input(target))
            found = self._features(to_input(torch.cat([prediction, filled])))
        pairs = [([f[: len(target)] for f in found], wanted), ([f[len(target) :] for f in found], wanted)]
        perceptual = sum(losses.perceptual(features, aim) for features, aim in pairs)
        style = sum(losses.style(features, aim) for features, aim in pairs)
        return {"perceptual": self.config.perceptual_weight * perceptual, "style": self.config.style_weight * style}

    def _adversarial_terms(self, filled: Tensor, target: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """One step of the critic, then what the generator hears from it."""
        assert self.critic is not None
        assert self._critic_optimiser is not None
        self.critic.requires_grad_(True)  # noqa: FBT003  torch's own signature
        # The critic stays in float32: spectral norm and hinge are touchy, and the net is small.
        real_scores, _ = self.critic(to_input(target), hole)
        fake_scores, _ = self.critic(to_input(filled.detach()), hole)
        critic_loss = losses.critic_hinge(real_scores, fake_scores)
        self._critic_optimiser.zero_grad(set_to_none=True)
        self._critic_scaler.scale(critic_loss).backward()
        self._critic_scaler.unscale_(self._critic_optimiser)
        nn.utils.clip_grad_norm_(self.critic.parameters(), 10.0)
        self._critic_scaler.step(self._critic_optimiser)
        self._critic_scaler.update(1.0)

        self.critic.requires_grad_(False)  # noqa: FBT003
        scores, found = self.critic(to_input(filled), hole)
        with torch.no_grad():
            _, wanted = self.critic(to_input(target), hole)
        weight = self.config.adversarial_weight
        return {
            "adversarial": weight * losses.generator_hinge(scores),
            "matching": weight * self.config.matching_weight * losses.feature_matching(found, wanted),
        }

    @torch.no_grad()
    def evaluate(self, model: nn.Module, validation: Arrays) -> dict[str, float]:
        """Hole metrics over fixed samples: `text_*` in holes over the page's own text, `drawn_*` in free-hand holes.

        With them stands what OpenCV's Telea makes of the same text holes: `telea_psnr`, `telea_ssim`.
        A text reconstruction has one kind of hole, `shape_*`.
        """
        found: dict[str, float] = {}
        for kind in self._hole_kinds():
            meter = HoleMeter()
            for start in range(0, len(validation["raw"]), _EVALUATION_BATCH):
                image, target, hole = self._evaluation_batch(validation, slice(start, start + _EVALUATION_BATCH), kind)
                meter.add(composite(image, model(to_input(image), hole).float(), hole), target, hole)
            found |= {f"{kind}_{name}": value for name, value in meter.result().items()}
        if self.config.subject == "background":
            if self._telea is None:
                self._telea = self._measure_telea(validation)
            found |= self._telea
        return found

    def _hole_kinds(self) -> tuple[str, ...]:
        return ("shape",) if self.config.subject == "text" else ("text", "drawn")

    def _evaluation_batch(self, validation: Arrays, rows: slice, kind: str) -> tuple[Tensor, Tensor, Tensor]:
        """What the net sees, what it should make of it, and the hole."""
        lettered, clean, strokes, drawn = (
            to_float(validation[field][rows], device=self.device) for field in ("raw", "clean", "strokes", "hole")
        )
        if kind == "shape":
            return lettered, lettered, self._fixed_shapes((strokes > 0.5).float(), seed=rows.start)
        if kind == "text":
            return lettered, clean, dilate((strokes > 0.5).float(), _TEXT_DILATE_PX)
        return clean, clean, (drawn > 0.5).float()

    def _fixed_shapes(self, strokes: Tensor, *, seed: int) -> Tensor:
        """Shapes over the text, always the same, as a validation set must be; none where there is no text."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            shapes = occlude_text(strokes.cpu())
        return shapes.to(self.device) * strokes.amax((2, 3), keepdim=True)

    def _measure_telea(self, validation: Arrays) -> dict[str, float]:
        meter = HoleMeter()
        for index in range(len(validation["raw"])):
            image, target, hole = self._evaluation_batch(validation, slice(index, index + 1), "text")
            mask = (hole[0, 0] > 0.5).byte().cpu().numpy()
            filled = cv2.inpaint(to_uint8(image[0]), mask, 3, cv2.INPAINT_TELEA)
            meter.add(to_float(filled[None], device=self.device), target, hole)
        result = meter.result()
        return {"telea_psnr": result["psnr"], "telea_ssim": result["ssim"]}

    @torch.no_grad()
    def draw_sheet(self, model: nn.Module, validation: Arrays) -> npt.NDArray[np.uint8]:
        """Rows of hole (red), result and truth: `(rows * H, 3 * W, 3)` uint8."""
        red = torch.tensor([1.0, 0.3, 0.3], device=self.device).view(1, 3, 1, 1)
        rows = []
        for index in range(min(_SHEET_ROWS, len(validation["raw"]))):
            kind = self._hole_kinds()[index % len(self._hole_kinds())]
            image, target, hole = self._evaluation_batch(validation, slice(index, index + 1), kind)
            result = composite(image, model(to_input(image), hole).float(), hole)
            shown = torch.where(hole > 0.5, red, image)
            rows.append(np.hstack([to_uint8(picture[0]) for picture in (shown, result, target)]))
        return np.vstack(rows)
