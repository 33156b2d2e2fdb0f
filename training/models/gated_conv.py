"""Gated convolution (Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution"), for the comparison."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.models.blocks import ActivationName, make_activation
from training.models.partial_conv import Convolution


class GatedConv(nn.Module):
    """`act(norm(W_f . x)) * sigmoid(W_g . x + b_g)`.

    The net learns what to let through, where partial convolution counts.

    The same call as a partial convolution, `(x, valid) -> (y, valid)`; the mask passes by unread,
    because the image's mask is one of the first layer's input channels.
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
        self.feature = Convolution(in_channels, out_channels, stride=stride, separable=separable)
        self.gate = Convolution(in_channels, out_channels, stride=stride, separable=separable)
        self.gate_bias = nn.Parameter(torch.zeros(1, out_channels, 1, 1))
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = make_activation(activation)

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """X `(N, C, H, W)` -> y `(N, D, H/s, W/s)`, valid as it came."""
        gate = torch.sigmoid(self.gate(x) + self.gate_bias)
        return self.activation(self.norm(self.feature(x))) * gate, valid

    def fold_norm(self) -> None:
        """Make convolution and norm one, for export."""
        self.feature.fold(self.norm)
        self.norm = nn.Identity()
