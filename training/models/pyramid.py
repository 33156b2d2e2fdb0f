"""Push-pull fill (Gortler et al. 1996, "The Lumigraph", sec. 3.4), relaxed on every level to a harmonic one.

A hole is filled smoothly from coarser and coarser averages, and what they leave of steps is ironed out on the way.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.models.blocks import upsample

# A cell is believed in full once this share of it is known; below, the coarser level answers in part. The more readily,
# the better: in text holes of 40 drawn pages 1/4 gave 18.9 dB, 1/16 20.3, 1/64 21.0, 1/256 21.1.
_TRUSTED_SHARE = 1 / 256
_TINY = 1e-6

_FINEST_RELAXATIONS = (2, 8)
_RELAXATIONS = 16
"""Per level, the finest first. Text holes of 35 drawn pages, dB: none 22.5, these 25.0, two hundred on each level 25.2;
OpenCV's Telea 23.5, its Navier-Stokes 23.9. The coarse levels are nearly free."""
_MOMENTUM = 1.75


def push_pull_fill(image: Tensor, valid: Tensor, *, levels: int = 6) -> Tensor:
    """The image where it is known, a smooth continuation where it is not.

    `image` `(N, 3, H, W)` in [0, 1], `valid` `(N, 1, H, W)` with 1 = known, H and W multiples of `2 ** levels`.
    Pixels under the hole are multiplied by 0 before anything else, so they cannot matter; with nothing known at all
    the answer is mid-grey. Exact on flat paper, cheap, and it exports as pooling, resizing and small convolutions.
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
    """`count` steps towards the fill whose unknown cells are the mean of their four neighbours (Laplace's equation).

    Second-order Richardson iteration (Golub & Varga 1961): each step goes further in the direction of the last. Going
    from coarse to fine, few steps a level are enough (Bornemann & Deuflhard 1996, "The cascadic multigrid method").
    `fill` and `known` `(N, 3, h, w)`, `doubt` `(N, 1, h, w)`: 0 = the cell is `known`, 1 = nothing is known of it.
    """
    neighbours = torch.tensor([[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]], dtype=fill.dtype, device=fill.device)
    channels = fill.shape[1]
    weight = neighbours.expand(channels, 1, 3, 3)
    before = fill
    for step in range(count):
        mean = F.conv2d(F.pad(fill, (1, 1, 1, 1), mode="replicate"), weight, groups=channels)
        relaxed = mean * doubt + known
        if step:
            relaxed = before + _MOMENTUM * (relaxed - before)
        before, fill = fill, relaxed
    return fill
