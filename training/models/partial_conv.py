"""Partial convolution (Liu et al. 2018, "Image Inpainting for Irregular Holes"), in three forms that cost differently.

Eq. 1: `x' = W . (X * M) * sum(1) / sum(M) + b` where anything under the window is known, else 0.
Eq. 2: a window that saw anything known makes its output known.

Each form is one encoder step: `forward(x, valid) -> (y, valid)` with x zero wherever nothing is known.
`valid` is 1 = known; padding counts as unknown, as in the paper.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.models.blocks import ActivationName, make_activation

KERNEL = 3


class Convolution(nn.Module):
    """A 3 x 3 convolution without bias, dense or depthwise-separable (depthwise 3 x 3, then 1 x 1)."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1, separable: bool = False) -> None:
        super().__init__()
        self.depthwise = (
            nn.Conv2d(in_channels, in_channels, KERNEL, stride, 1, groups=in_channels, bias=False)
            if separable
            else nn.Identity()
        )
        self.mix = (
            nn.Conv2d(in_channels, out_channels, 1, bias=False)
            if separable
            else nn.Conv2d(in_channels, out_channels, KERNEL, stride, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> `(N, D, H / stride, W / stride)`."""
        return self.mix(self.depthwise(x))

    def fold(self, norm: nn.Module) -> None:
        """Take the norm that follows directly into the last convolution; its shift becomes the bias. Eval mode only."""
        self.mix = fuse_conv_bn_eval(self.mix, norm)


def window_ratio(valid: Tensor, *, stride: int) -> tuple[Tensor, Tensor]:
    """`sum(1) / sum(M)` of each window, 0 where nothing is known, and the updated mask (eq. 1 and 2).

    `valid` is `(N, 1, H, W)`, the share of a cell that is known: 0 or 1 for pixels, quarters for 2 x 2 space-to-depth
    cells, whose channels are known or unknown apart. One plane is enough, since all channels of a pixel share one
    mask: the sum over C equal planes is C times the sum over one. An average pool that counts the padding is that
    sum, divided by the window. Returns two `(N, 1, H / stride, W / stride)` tensors of `valid`'s dtype, which stays
    float32 under autocast.
    """
    coverage = F.avg_pool2d(valid, KERNEL, stride, KERNEL // 2, count_include_pad=True)
    known = (coverage > 0).to(valid.dtype)
    # The smallest coverage that is not 0 is one quarter of one of nine cells.
    return known / coverage.clamp(min=0.02), known


class PartialConv(nn.Module):
    """Eq. 1 exactly, with one mask plane: `act(norm(conv(x) * ratio))`, the norm's shift in the place of the bias b.

    The ratio stands between convolution and norm, so the two cannot be folded into one another.
    """

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
        self.stride = stride
        self.conv = Convolution(in_channels, out_channels, stride=stride, separable=separable)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = make_activation(activation)

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """X `(N, C, H, W)`, valid `(N, 1, H, W)` -> y `(N, D, H/s, W/s)`, valid `(N, 1, H/s, W/s)`."""
        ratio, known = window_ratio(valid, stride=self.stride)
        y = self.activation(self.norm(self.conv(x) * ratio.to(x.dtype)))
        return y * known.to(y.dtype), known


class CheapPartialConv(nn.Module):
    """`act(norm(conv(x))) * ratio`.

    Convolution, norm and activation stay one fused node, and one multiplication is added.

    Deviation from Liu et al. 2018: the ratio scales the norm's shift (the paper's b) as well. ReLU and leaky ReLU
    commute with a positive factor, so this is `act(conv(x) * ratio + b * ratio)` where eq. 1 says `act(conv(x) *
    ratio + b)`. It has to be trained in this form; weights cannot be exchanged with the exact one. Where nothing is
    known both give 0.
    """

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
        self.stride = stride
        self.conv = Convolution(in_channels, out_channels, stride=stride, separable=separable)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = make_activation(activation)

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """X `(N, C, H, W)`, valid `(N, 1, H, W)` -> y `(N, D, H/s, W/s)`, valid `(N, 1, H/s, W/s)`."""
        ratio, known = window_ratio(valid, stride=self.stride)
        y = self.activation(self.norm(self.conv(x)))
        return y * ratio.to(y.dtype), known

    def fold_norm(self) -> None:
        """Make convolution and norm one, for export."""
        self.conv.fold(self.norm)
        self.norm = nn.Identity()


class NaivePartialConv(nn.Module):
    """Eq. 1 as it is usually typed in: a mask of C channels, a second convolution with ones, a `where`.

    The same numbers as `PartialConv` at twice the arithmetic; here for the comparison only.
    """

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
        if separable:
            raise ValueError("separable is True; expected False, the naive form is dense only")
        self.stride = stride
        self.conv = Convolution(in_channels, out_channels, stride=stride)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = make_activation(activation)
        self.register_buffer("ones", torch.ones(out_channels, in_channels, KERNEL, KERNEL), persistent=False)

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """X and valid `(N, C, H, W)` -> y and valid `(N, D, H/s, W/s)`."""
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            known_count = F.conv2d(valid, self.ones, None, self.stride, KERNEL // 2)  # (N, D, H/s, W/s)
        window = float(self.ones[0].numel())
        raw = self.conv(x * valid.to(x.dtype))
        scaled = torch.where(
            known_count > 0, raw * (window / known_count.clamp(min=1)).to(raw.dtype), torch.zeros_like(raw)
        )
        known = torch.where(known_count > 0, torch.ones_like(known_count), torch.zeros_like(known_count))
        y = self.activation(self.norm(scaled))
        return y * known.to(y.dtype), known
