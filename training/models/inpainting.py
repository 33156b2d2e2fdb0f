"""The filler: a U-Net at half resolution that corrects a push-pull fill.

One net, several kinds of convolution to compare.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.models.blocks import ActivationName, make_activation, upsample
from training.models.gated_conv import GatedConv
from training.models.partial_conv import CheapPartialConv, Convolution, NaivePartialConv, PartialConv
from training.models.pyramid import push_pull_fill

ConvolutionKind: TypeAlias = Literal["plain", "partial", "partial_exact", "partial_naive", "gated"]

STRIDE = 64
"""Height and width are multiples of this, px.

2 (space-to-depth) x 16 (four strided levels), and 64 for the pyramid fill.
"""


class PlainConv(nn.Module):
    """Convolution, norm, activation, in the shape of an encoder step: `(x, valid) -> (y, valid)`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        activation: ActivationName = "relu",
        separable: bool = False,
    ) -> None:
        super().__init__()
        self.conv = Convolution(in_channels, out_channels, stride=stride, separable=separable)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = make_activation(activation)

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """X `(N, C, H, W)` -> y `(N, D, H/s, W/s)`, valid as it came."""
        return self.activation(self.norm(self.conv(x))), valid

    def fold_norm(self) -> None:
        """Make convolution and norm one, for export."""
        self.conv.fold(self.norm)
        self.norm = nn.Identity()


_STEPS = {
    "plain": PlainConv,
    "partial": CheapPartialConv,
    "partial_exact": PartialConv,
    "partial_naive": NaivePartialConv,
    "gated": GatedConv,
}


class ResidualStep(nn.Module):
    """`x + F(x)` with two 3 x 3 convolutions (He et al. 2016), gated where the net is."""

    def __init__(self, channels: int, *, gated: bool, separable: bool) -> None:
        super().__init__()
        step = GatedConv if gated else PlainConv
        self.first = step(channels, channels, separable=separable)
        self.second = step(channels, channels, separable=separable, activation="none")
        nn.init.zeros_(self.second.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> `(N, C, H, W)`."""
        hidden, _ = self.first(x, x)
        change, _ = self.second(hidden, x)
        return x + change


class InpaintingUNet(nn.Module):
    """Image `(N, 3, H, W)` in [0, 1] and hole `(N, 1, H, W)`, 1 = unknown -> prediction `(N, 3, H, W)`, not clamped.

    input    2 x 2 space-to-depth of the known pixels and of the mask: no layer works at full resolution  1/2
    encoder  one step of the chosen `kind` per level, strided from level 1 on; deep levels add residuals, 1/2 ... 1/32
             which partial kinds multiply by the mask once more
    decoder  1 x 1, bilinear x 2, additive skip (cheaper than concatenation), 3 x 3                       1/16 ... 1/2
    output   sub-pixel convolution (Shi et al. 2016), added to `push_pull_fill`: a plain prediction       1
             clouds flat paper, a correction of nothing leaves it exact

    Kinds: `partial` is the default, cheap and on encoder levels >= 1 only; at level 0 the mask goes in as channels,
    because there the multiplication would cost most, so what level 0 says of cells that it saw nothing of reaches
    level 1. `partial_exact` and `partial_naive` are Liu et al.'s eq. 1 on
    every encoder level. In all of them the decoder is plain: with additive skips everything is known to it. Liu et
    al. go on to mask the decoder, where their masks are all ones except at holes larger than the encoder's reach.
    """

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (48, 96, 160, 240, 320),
        kind: ConvolutionKind = "partial",
        separable: bool = False,
        residual_from_level: int = 2,
    ) -> None:
        super().__init__()
        gated = kind == "gated"
        self.kind = kind
        self.masks_encoder = kind in ("partial", "partial_exact", "partial_naive")
        sees_mask = kind in ("plain", "partial", "gated")
        step = _STEPS[kind]
        first_step = PlainConv if kind == "partial" else step
        self.encoder = nn.ModuleList([first_step(12 + 4 * sees_mask, widths[0])])
        self.residuals = nn.ModuleList([nn.Identity()])
        for level in range(1, len(widths)):
            self.encoder.append(step(widths[level - 1], widths[level], stride=2, separable=separable))
            deep = level >= residual_from_level
            self.residuals.append(
                ResidualStep(widths[level], gated=gated, separable=separable) if deep else nn.Identity()
            )
        decode = GatedConv if gated else PlainConv
        # From coarse to fine, as the decoder walks.
        fine_widths = widths[-2::-1]
        self.narrows = nn.ModuleList(
            [nn.Conv2d(coarse, fine, 1) for coarse, fine in zip(widths[:0:-1], fine_widths, strict=True)]
        )
        self.decoder = nn.ModuleList(
            [decode(fine, fine, activation="leaky_relu", separable=separable) for fine in fine_widths]
        )
        self.base_lateral = nn.Conv2d(12, widths[0], 1)
        self.head = nn.Conv2d(widths[0], 12, 3, padding=1)
        self._init_weights()

    def _init_weights(self) -> None:
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, a=0.1, mode="fan_in", nonlinearity="leaky_relu")
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
        # A correction of almost nothing: training starts at the pyramid fill's quality.
        nn.init.normal_(self.head.weight, std=0.0005)

    def _first_input(self, image: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """What level 0 sees, `(N, 12 or 16, H/2, W/2)`, and its mask in the form that the kind wants."""
        known_pixels = F.pixel_unshuffle(image * valid * 2 - valid, 2)  # [-1, 1], 0 where unknown
        if self.kind == "partial_naive":
            return known_pixels, F.pixel_unshuffle(valid.expand(-1, 3, -1, -1), 2)
        if self.kind == "partial_exact":
            return known_pixels, F.avg_pool2d(valid, 2)
        cells = F.pixel_unshuffle(valid, 2)
        # A cell is known to the first partial level (1) if level 0's window saw anything of it.
        return torch.cat([known_pixels, cells], dim=1), F.max_pool2d(F.max_pool2d(valid, 2), 3, 1, 1)

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        """What the picture looks like under the hole; pixels under it are multiplied by 0 first and cannot matter."""
        valid = 1 - hole
        base = push_pull_fill(image, valid)  # (N, 3, H, W)
        x, known = self._first_input(image, valid)
        skips = []
        for step, residual in zip(self.encoder, self.residuals, strict=True):
            x, known = step(x, known)
            if not isinstance(residual, nn.Identity):
                x = residual(x)
                if self.masks_encoder:  # a residual's own convolutions write into what is not known yet
                    x = x * known.to(x.dtype)
            skips.append(x)
        x = skips.pop()
        for narrow, refine in zip(self.narrows, self.decoder, strict=True):
            x = upsample(narrow(x)) + skips.pop()
            if not skips:
                x = x + self.base_lateral(F.pixel_unshuffle(base, 2).to(x.dtype))
            x, _ = refine(x, known)
        return base + F.pixel_shuffle(self.head(x).float(), 2)


def composite(image: Tensor, prediction: Tensor, hole: Tensor) -> Tensor:
    """The prediction, cut to [0, 1], inside the hole; the image, untouched, outside."""
    return torch.where(hole > 0.5, prediction.clamp(0, 1), image)
