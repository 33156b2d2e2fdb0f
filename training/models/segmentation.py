"""MobileNetV2 segmenter for the comparison: encoder, RFB or ASPP, DeepLabV3+ decoder (Chen et al. 2018), DB head."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.models.blocks import (
    ActivationName,
    AtrousPyramid,
    ConvNormAct,
    ReceptiveFieldBlock,
    SeparableConv,
    init_head,
    init_weights,
    upsample,
)
from training.models.detection import DBHead
from training.models.mobilenet import MobileNetV2Encoder
from training.models.residual import TEXT_PRIOR_LOGIT, SegmentationLogits


class DeepLabDecoder(nn.Module):
    """DeepLabV3+'s decoder (Chen et al. 2018, fig. 2).

    Context up to 1/4, joined with reduced low-level features, refined.

    The paper stops at 1/4 and up-samples by 4. Strokes are thinner than that, so a second step of the same kind
    joins the stem's features at 1/2, and the head decides 2 x 2 pixels per cell.
    """

    def __init__(
        self,
        context_channels: int,
        quarter_channels: int,
        half_channels: int,
        *,
        context_factor: int,
        activation: ActivationName,
    ) -> None:
        super().__init__()
        self.context_factor = context_factor
        self.out_quarter, self.out_half = 96, 32
        self.reduce_quarter = ConvNormAct(quarter_channels, 48, 1, activation=activation)
        self.refine_quarter = nn.Sequential(
            SeparableConv(context_channels + 48, context_channels, activation=activation),
            SeparableConv(context_channels, self.out_quarter, activation=activation),
        )
        self.reduce_half = ConvNormAct(half_channels, 24, 1, activation=activation)
        self.narrow = ConvNormAct(self.out_quarter, 48, 1, activation=activation)
        self.refine_half = nn.Sequential(
            SeparableConv(48 + 24, 48, activation=activation),
            SeparableConv(48, self.out_half, activation=activation),
        )

    def forward(self, context: Tensor, quarter: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
        """Context at 1/s and features at 1/4 and 1/2 -> `(N, 96, H/4, W/4)`, `(N, 32, H/2, W/2)`."""
        context = upsample(context, self.context_factor)
        quarter = self.refine_quarter(torch.cat([context, self.reduce_quarter(quarter)], dim=1))
        half = self.refine_half(torch.cat([upsample(self.narrow(quarter)), self.reduce_half(half)], dim=1))
        return quarter, half


class MobileNetSegmenter(nn.Module):
    """Image `(N, 3, H, W)` in [0, 1], H and W multiples of 32 -> `SegmentationLogits`.

    With SELU the batch norms stay, so that the switch changes one thing only (Klambauer et al. 2017 drop them).
    """

    def __init__(
        self,
        *,
        width: float = 1.0,
        output_stride: int = 16,
        context: Literal["rfb", "aspp"] = "rfb",
        activation: ActivationName = "relu6",
        with_scse: bool = True,
        with_regions: bool = True,
        frozen_blocks: int = 0,
    ) -> None:
        super().__init__()
        context_channels = 128
        self.encoder = MobileNetV2Encoder(
            width=width, output_stride=output_stride, activation=activation, with_scse=with_scse
        )
        self.context = (
            AtrousPyramid(self.encoder.out_channels, context_channels, activation=activation)
            if context == "aspp"
            else ReceptiveFieldBlock(
                self.encoder.out_channels, context_channels, activation=activation, image_pooling=True
            )
        )
        self.decoder = DeepLabDecoder(
            context_channels,
            self.encoder.quarter_channels,
            self.encoder.half_channels,
            context_factor=self.encoder.output_stride // 4,
            activation=activation,
        )
        self.text_head = nn.Conv2d(self.decoder.out_half, 4, 3, padding=1)
        self.region_head = DBHead(self.decoder.out_quarter, activation=activation) if with_regions else None

        init_weights(self, activation=activation)
        init_head(self.text_head, prior_logit=TEXT_PRIOR_LOGIT)
        if self.region_head is not None:
            self.region_head.start_from_prior()
        self.encoder.freeze_first_blocks(frozen_blocks)

    def encode(self, image: Tensor) -> list[Tensor]:
        """Features at 1/2, 1/4 and 1/16, finest first."""
        return list(self.encoder(image))

    def forward(self, image: Tensor) -> SegmentationLogits:
        """`(N, 3, H, W)` in [0, 1] -> logits."""
        half, quarter, deep = self.encoder(image)
        quarter, half = self.decoder(self.context(deep), quarter, half)
        text = F.pixel_shuffle(self.text_head(half), 2)  # (N, 1, H, W)
        if self.region_head is None:
            return SegmentationLogits(text, None, None)
        return SegmentationLogits(text, *self.region_head(quarter))
