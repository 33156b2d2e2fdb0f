"""A picture under a hole without any learning: push-pull from coarse to fine, each level relaxed along its edges.

Push-pull is Gortler et al. 1996, "The Lumigraph", sec. 3.4: a hole is filled from coarser and coarser averages. Steps
towards the fill of least total variation take away on every level what that leaves of blocks and of smeared edges.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.models.blocks import upsample

LEVELS = 6
# A cell is believed in full once this share of it is known; below, the coarser level answers in part. The more readily,
# the better: in text holes of 40 drawn pages 1/4 gave 18.9 dB, 1/16 20.3, 1/64 21.0, 1/256 21.1.
_TRUSTED_SHARE = 1 / 256
_TINY = 1e-6

_FINEST_RELAXATIONS = (2, 12)
_RELAXATIONS = 20
"""Per level, the finest first; the coarse levels are nearly free. Text holes of 42 drawn pages, dB: no steps 22.1,
these 25.6, steps towards a harmonic fill, which smears edges, 24.9; OpenCV's Telea 23.4, its Navier-Stokes 23.8."""
_MOMENTUM = 1.75
_LEAST_DIFFERENCE = 0.02
"""In brightness of 0 to 1: neighbours closer than this count as equals."""
_NEIGHBOURS = ((0, 1), (1, 0), (1, 2), (2, 1))
"""Row and column in a 3 x 3 window."""


class PyramidFill(nn.Module):
    """The fill by itself, in the shape of a filler: a graph that needs no training."""

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        """Image `(N, 3, H, W)` in [0, 1], hole `(N, 1, H, W)`, 1 = unknown -> `(N, 3, H, W)`, not clamped."""
        return push_pull_fill(image, 1 - hole)


def push_pull_fill(image: Tensor, valid: Tensor, *, levels: int = LEVELS) -> Tensor:
    """The image where it is known, a continuation without texture where it is not.

    `image` `(N, 3, H, W)` in [0, 1], `valid` `(N, 1, H, W)` with 1 = known, H and W multiples of `2 ** levels`.
    Pixels under the hole are multiplied by 0 before anything else, so they cannot matter; with nothing known at all
    the answer is mid-grey. Exact on flat paper. It exports as pooling, resizing and small convolutions.
    Always computed in float32: bfloat16 has no 8 bits for a colour.
    """
    with torch.autocast(image.device.type, enabled=False):
        return _push_pull(image.float(), valid.float(), levels=levels)


def _push_pull(image: Tensor, valid: Tensor, *, levels: int) -> Tensor:
    colours, shares = [image * valid], [valid]
    for _ in range(levels):  # pull: averages of what is known, ever coarser
        colours.append(F.avg_pool2d(colours[-1], 2))
        shares.append(F.avg_pool2d(shares[-1], 2))
    colour_sum = colours[-1].mean((2, 3), keepdim=True) + 0.5 * _TINY
    fill = colour_sum / (shares[-1].mean((2, 3), keepdim=True) + _TINY)  # (N, 3, 1, 1)
    fill = fill.expand_as(colours[-1])
    for level in range(levels, -1, -1):  # push: the coarse answer wherever the finer level knows nothing
        if level < levels:
            fill = upsample(fill)
        trust = torch.clamp(shares[level] / _TRUSTED_SHARE, 0.0, 1.0)
        known = trust * colours[level] / (shares[level] + _TINY)
        count = _FINEST_RELAXATIONS[level] if level < len(_FINEST_RELAXATIONS) else _RELAXATIONS
        fill = _relax(fill * (1 - trust) + known, known, 1 - trust, count=count)
    return fill


def _relax(fill: Tensor, known: Tensor, doubt: Tensor, *, count: int) -> Tensor:
    """`count` steps towards the fill of least total variation (Chan & Shen 2002, "Local inpainting models").

    Each step makes an unknown cell the mean of its four neighbours, those counting most that differ least from it, by
    the inverse of their difference (lagged diffusivity: Vogel & Oman 1996, eq. 2.10), and goes on some way in the
    direction of the step before (second-order Richardson: Golub & Varga 1961). Few steps a level are enough from coarse
    to fine (Bornemann & Deuflhard 1996, "The cascadic multigrid method").
    `fill` and `known` `(N, C, h, w)`, `doubt` `(N, 1, h, w)`: 0 = the cell is `known`, 1 = nothing is known of it.
    """
    channels, sides = fill.shape[1], len(_NEIGHBOURS)
    differ = torch.zeros(sides, 1, 3, 3, dtype=fill.dtype, device=fill.device)
    for side, (row, column) in enumerate(_NEIGHBOURS):
        differ[side, 0, row, column] = 1
        differ[side, 0, 1, 1] = -1
    differ = differ.repeat(channels, 1, 1, 1)  # channel by channel, its sides together
    by_side = torch.eye(sides, dtype=fill.dtype, device=fill.device).repeat(1, channels)[..., None, None]
    by_channel = torch.eye(channels, dtype=fill.dtype, device=fill.device).repeat_interleave(sides, 1)[..., None, None]
    before = fill
    for step in range(count):
        # (N, C * 4, h, w): what each neighbour is more than the cell. Beyond the border stands the cell itself.
        differences = F.conv2d(F.pad(fill, (1, 1, 1, 1), mode="replicate"), differ, groups=channels)
        distance = F.conv2d(differences.abs(), by_side / channels)  # (N, 4, h, w)
        weight = 1 / (distance + _LEAST_DIFFERENCE)
        moved = F.conv2d(differences * weight.repeat(1, channels, 1, 1), by_channel)
        relaxed = (fill + moved / weight.sum(1, keepdim=True)) * doubt + known
        if step:
            relaxed = before + _MOMENTUM * (relaxed - before)
        before, fill = fill, relaxed
    return fill
