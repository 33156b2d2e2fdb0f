"""Feature nets for the perceptual and style losses.

No downloaded weights: fixed random filters, or our own segmenter.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Encoder(Protocol):
    """A segmenter, as far as its features are concerned."""

    def encode(self, image: Tensor) -> list[Tensor]:
        """Features, finest first."""
        ...


class RandomFeatures(nn.Module):
    """A small VGG-shaped net of fixed random filters, scaled to unit variance on real crops (Mishkin & Matas 2016).

    Random features carry texture statistics well enough for style losses (Ustyuzhaninov et al. 2017); the same seed
    gives the same net.
    """

    def __init__(self, *, widths: tuple[int, ...] = (32, 64, 96), seed: int = 1234) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.stages = nn.ModuleList()
        channels = 3
        for width in widths:
            convs = [nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)]
            for conv in convs:
                conv.weight.data.normal_(generator=generator).div_(conv.weight[0].numel() ** 0.5)
                assert conv.bias is not None
                conv.bias.data.zero_()
            if channels == 3:
                # Three quarters of the first filters ignore brightness: edges and textures are what a fill gets wrong.
                edges = convs[0].weight.data[: width * 3 // 4]
                edges -= edges.mean((2, 3), keepdim=True)
            self.stages.append(nn.ModuleList(convs))
            channels = width
        self.requires_grad_(False)  # noqa: FBT003  torch's own signature

    @torch.no_grad()
    def calibrate(self, images: Tensor) -> RandomFeatures:
        """Scale each filter so that it answers with mean 0.2 and variance 1 on `images` `(N, 3, H, W)` in [0, 1]."""
        x = images.float() * 2 - 1
        for stage in self.stages:
            for conv in stage:
                y = conv(x)
                mean, spread = y.mean((0, 2, 3)), y.std((0, 2, 3)).clamp(min=1e-4)
                conv.weight.div_(spread.view(-1, 1, 1, 1))
                conv.bias.copy_((conv.bias - mean) / spread + 0.2)
                x = F.leaky_relu(conv(x), 0.1)
            x = F.avg_pool2d(x, 2)
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        """`(N, 3, H, W)` in [0, 1] -> features at 1/2, 1/4, 1/8."""
        x = images * 2 - 1
        features = []
        for stage in self.stages:
            for conv in stage:
                x = F.leaky_relu(conv(x), 0.1)
            x = F.avg_pool2d(x, 2)
            features.append(x)
        return features


class EncoderFeatures(nn.Module):
    """The first stages of our own trained segmenter, each channel brought to mean 0 and variance 1 on real crops."""

    def __init__(self, segmenter: nn.Module, *, stages: int = 3) -> None:
        super().__init__()
        self.segmenter = segmenter.eval().requires_grad_(False)  # noqa: FBT003  torch's own signature
        self.stages = stages
        self.statistics: list[tuple[Tensor, Tensor]] = []

    def train(self, mode: bool = True) -> EncoderFeatures:  # noqa: ARG002, FBT001, FBT002  torch's own signature
        """Stay in eval mode: the yardstick must not move."""
        return super().train(False)  # noqa: FBT003

    def _encode(self, images: Tensor) -> list[Tensor]:
        return self.segmenter.encode(images)[: self.stages]

    @torch.no_grad()
    def calibrate(self, images: Tensor) -> EncoderFeatures:
        """Measure each channel's mean and spread on `images` `(N, 3, H, W)` in [0, 1]."""
        self.statistics = [
            (feature.mean((0, 2, 3), keepdim=True), feature.std((0, 2, 3), keepdim=True).clamp(min=1e-2))
            for feature in self._encode(images.float())
        ]
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        """`(N, 3, H, W)` in [0, 1] -> standardised features, finest first. Call `calibrate` before."""
        assert self.statistics, "calibrate() must be called before the features are used"
        return [
            (feature - mean.to(feature.dtype)) / spread.to(feature.dtype)
            for feature, (mean, spread) in zip(self._encode(images), self.statistics, strict=True)
        ]
