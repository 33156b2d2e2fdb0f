"""Differentiable binarization (Liao et al. 2020): where text regions are, as a map that can be cut at a threshold."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.models.blocks import ActivationName, ConvNormAct, init_head

BINARIZATION_K = 50.0
"""The amplifying factor k of the paper's eq. 1."""


class DBHead(nn.Module):
    """Logits of the shrunk-region probability P and of the threshold T, at twice the size of the features.

    The paper's head up-samples with transposed convolutions; a sub-pixel layer does the same without a checkerboard.
    P and T share their layers up to the last one: two branches cost as much again and the decoder is shared anyway.
    """

    def __init__(self, in_channels: int, *, hidden_channels: int = 32, activation: ActivationName = "relu") -> None:
        super().__init__()
        self.hidden = ConvNormAct(in_channels, hidden_channels, activation=activation)
        self.logits = nn.Conv2d(hidden_channels, 8, 3, padding=1)

    def start_from_prior(self) -> None:
        """Begin with P = 0.18 and T = 0.5 everywhere."""
        init_head(self.logits, prior_logit=0.0)
        assert self.logits.bias is not None
        nn.init.constant_(self.logits.bias[:4], -1.5)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """`(N, C, H/4, W/4)` -> two `(N, 1, H/2, W/2)` logits, region P and threshold T."""
        logits = F.pixel_shuffle(self.logits(self.hidden(features)), 2)
        return logits[:, :1], logits[:, 1:]


def binarize_softly(region: Tensor, threshold: Tensor, *, k: float = BINARIZATION_K) -> Tensor:
    """`B = 1 / (1 + exp(-k (P - T)))` (eq. 1): a step that gradients can pass. Probabilities in, probabilities out."""
    return torch.sigmoid(k * (region - threshold))
