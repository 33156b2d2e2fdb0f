"""The filler's critic: SN-PatchGAN (Yu et al. 2019, sec. 3.3), a hinge score for every patch."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Image `(N, 3, H, W)` in [0, 1] and hole `(N, 1, H, W)` -> patch scores `(N, 1, H/16, W/16)` and features.

    Spectral norm (Miyato et al. 2018) on every layer keeps it Lipschitz, so the hinge loss needs no other penalty.
    """

    def __init__(self, *, channels: int = 48) -> None:
        super().__init__()
        widths = (4, channels, 2 * channels, 4 * channels, 4 * channels)
        self.downs = nn.ModuleList(
            [spectral_norm(nn.Conv2d(fine, coarse, 4, stride=2, padding=1)) for fine, coarse in pairwise(widths)]
        )
        self.middle = spectral_norm(nn.Conv2d(widths[-1], widths[-1], 3, padding=1))
        self.score = spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Higher score = looks real. The features serve the feature-matching loss (Wang et al. 2018, eq. 4)."""
        x = torch.cat([image * 2 - 1, hole], dim=1)
        features = []
        for down in self.downs:
            x = F.leaky_relu(down(x), 0.2)
            features.append(x)
        return self.score(F.leaky_relu(self.middle(x), 0.2)), features
