"""The default segmenter: dense 3 x 3 residual stages behind a space-to-depth stem, and a light pyramid decoder.

Why dense: on CPUs with wide vector units a dense 3 x 3 convolution runs near the machine's peak, a depthwise one at
half of it, so this net does more arithmetic than MobileNetV2 in less time (`training/README.md` has the comparison).
No layer pools over the whole input: a pixel's answer depends on the pixels around it, never on where a tile was cut.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from training.models.blocks import (
    ConvNormAct,
    ReceptiveFieldBlock,
    ResidualBlock,
    init_head,
    init_weights,
    upsample,
)
from training.models.detection import DBHead

TEXT_PRIOR_LOGIT = -2.5
"""About 8 % of a page is text."""


class SegmentationLogits(NamedTuple):
    """What every segmenter answers. Logits, float; the sigmoid belongs to the losses and to the export."""

    text: Tensor
    """`(N, 1, H, W)`: stroke of text."""
    region: Tensor | None
    """`(N, 1, H/2, W/2)`: shrunk text region, DB's P; None without a DB head."""
    threshold: Tensor | None
    """`(N, 1, H/2, W/2)`: DB's T; only training needs it."""


class ResidualSegmenter(nn.Module):
    """Image `(N, 3, H, W)` in [0, 1], H and W multiples of 32 -> `SegmentationLogits`.

    stem     4 x 4 space-to-depth (Sajjadi et al. 2018; Shi et al. 2016 backwards), one 3 x 3       1/4
    stages   residual blocks (He et al. 2016), the first of stages 2-4 behind a strided 3 x 3       1/4, 1/8, 1/16, 1/32
    context  RFB without image pooling (Liu et al. 2018)                                             1/32
    decoder  feature pyramid with additive laterals (Lin et al. 2017, fig. 3)                        1/16, 1/8, 1/4
    head     sub-pixel convolution (Shi et al. 2016, eq. 4): 16 logits per cell of 4 x 4 pixels      1
    """

    def __init__(
        self,
        *,
        channels: tuple[int, ...] = (48, 96, 144, 192),
        blocks: tuple[int, ...] = (2, 2, 2, 2),
        decoder_channels: int = 48,
        with_regions: bool = True,
    ) -> None:
        super().__init__()
        pyramid_channels = 2 * decoder_channels
        self.stem = nn.Sequential(nn.PixelUnshuffle(4), ConvNormAct(3 * 16, channels[0]))
        self.stages = nn.ModuleList()
        for level, (width, depth) in enumerate(zip(channels, blocks, strict=True)):
            entry = [ConvNormAct(channels[level - 1], width, stride=2)] if level else []
            self.stages.append(nn.Sequential(*entry, *[ResidualBlock(width) for _ in range(depth)]))
        self.context = ReceptiveFieldBlock(channels[-1], pyramid_channels)
        # From coarse to fine, as the decoder walks.
        inner = channels[-2:0:-1]
        self.laterals = nn.ModuleList([nn.Conv2d(width, pyramid_channels, 1) for width in inner])
        self.smooths = nn.ModuleList([ConvNormAct(pyramid_channels, pyramid_channels) for _ in inner])
        self.reduce = nn.Conv2d(pyramid_channels, decoder_channels, 1)
        self.finest_lateral = nn.Conv2d(channels[0], decoder_channels, 1)
        self.refine = nn.Sequential(
            ConvNormAct(decoder_channels, decoder_channels), ConvNormAct(decoder_channels, decoder_channels)
        )
        self.text_head = nn.Conv2d(decoder_channels, 16, 3, padding=1)
        self.region_head = DBHead(decoder_channels) if with_regions else None

        init_weights(self)
        init_head(self.text_head, prior_logit=TEXT_PRIOR_LOGIT)
        if self.region_head is not None:
            self.region_head.start_from_prior()

    def encode(self, image: Tensor) -> list[Tensor]:
        """Features of the four stages: `(N, C_i, H / 2^(i+2), W / 2^(i+2))`; also what the perceptual loss looks at."""
        x = self.stem(image * 2 - 1)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features

    def forward(self, image: Tensor) -> SegmentationLogits:
        """`(N, 3, H, W)` in [0, 1] -> logits."""
        finest, *inner, coarsest = self.encode(image)
        x = self.context(coarsest)
        for lateral, smooth, feature in zip(self.laterals, self.smooths, reversed(inner), strict=True):
            x = smooth(upsample(x) + lateral(feature))
        x = self.refine(upsample(self.reduce(x)) + self.finest_lateral(finest))  # (N, D, H/4, W/4)
        text = F.pixel_shuffle(self.text_head(x), 4)  # (N, 1, H, W)
        if self.region_head is None:
            return SegmentationLogits(text, None, None)
        return SegmentationLogits(text, *self.region_head(x))
