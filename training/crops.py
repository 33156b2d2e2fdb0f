"""Crops cut on the device out of pooled samples.

Placed, scaled, turned, mirrored and recoloured, the same for every field.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def draw_grid(
    count: int,
    crop_px: int,
    sample_px: int,
    *,
    device: torch.device,
    exact_share: float = 0.5,
    scale_range: tuple[float, float] = (0.6, 1.35),
    rotated_share: float = 0.15,
    max_rotation: float = 0.2,
    upright_share: float = 0.0,
) -> Tensor:
    """`(count, crop_px, crop_px, 2)` sampling positions in grid_sample's coordinates.

    `exact_share` of the crops lie on whole, even pixels and are not resampled: resampling blurs screentone and stroke
    edges, which must stay as sharp as in use, and even offsets keep half-resolution maps aligned. The others are
    scaled by `scale_range` (above 1 zooms out) and some of them rotated by up to `max_rotation` radians. All but
    `upright_share` of them take one of the eight flips and quarter turns: letters in a mirror are none.
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, device=device)

    low, high = scale_range[0], min(scale_range[1], (sample_px - 1) / (crop_px - 1))
    exact = uniform(count) < exact_share
    scale = torch.exp(math.log(low) + uniform(count) * (math.log(max(high, low)) - math.log(low)))
    scale = torch.where(exact, 1.0, scale)
    room = ((sample_px - 1) - scale * (crop_px - 1)).clamp(min=0)
    offset = uniform(2, count) * room
    offset = torch.where(exact, (offset / 2).floor() * 2, offset)
    angle = (uniform(count) * 2 - 1) * max_rotation
    angle = torch.where((uniform(count) < rotated_share) & ~exact, angle, 0.0).view(-1, 1, 1)

    steps = torch.arange(crop_px, device=device, dtype=torch.float32).expand(count, -1)
    turns = uniform(count, 1) >= upright_share
    flip_x, flip_y, transpose = ((uniform(3, count, 1) < 0.5) & turns).unbind(0)
    along = torch.where(flip_x, crop_px - 1 - steps, steps)
    down = torch.where(flip_y, crop_px - 1 - steps, steps)
    x, y = along[:, None, :].expand(-1, crop_px, -1), down[:, :, None].expand(-1, -1, crop_px)
    swapped = transpose.unsqueeze(2)
    x, y = torch.where(swapped, x.mT, x), torch.where(swapped, y.mT, y)

    middle, scale = (crop_px - 1) / 2, scale.view(-1, 1, 1)
    from_middle_x, from_middle_y = (x - middle) * scale, (y - middle) * scale
    centre = offset.view(2, -1, 1, 1) + middle * scale
    turned_x = centre[0] + from_middle_x * torch.cos(angle) - from_middle_y * torch.sin(angle)
    turned_y = centre[1] + from_middle_x * torch.sin(angle) + from_middle_y * torch.cos(angle)
    return torch.stack([(2 * turned_x + 1) / sample_px - 1, (2 * turned_y + 1) / sample_px - 1], dim=-1)


def halve_grid(grid: Tensor) -> Tensor:
    """The same crops on maps of half resolution. `(N, H, W, 2)` -> `(N, H/2, W/2, 2)`."""
    return F.avg_pool2d(grid.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


def sample_crops(samples: Tensor, grid: Tensor) -> Tensor:
    """uint8 samples `(N, H, W, 3)`, `(N, H, W)` or `(N, C, H, W)` -> float crops `(N, C, h, w)` in [0, 1]."""
    if samples.dim() == 3:
        planes = samples.unsqueeze(1)
    else:
        planes = samples.permute(0, 3, 1, 2) if samples.shape[-1] == 3 else samples
    return F.grid_sample(planes.float() / 255, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def draw_some(count: int, share: float) -> Tensor:
    """Indices of a random `share` of `count` crops, on the host: the others need not be computed, nor waited for."""
    return (torch.rand(count) < share).nonzero().squeeze(1)


class ColourChange:
    """One random change of light, paper and ink per crop, that can be repeated on several pictures of it."""

    def __init__(self, count: int, *, device: torch.device, strength: float = 1.0) -> None:
        def uniform(count: int, channels: int = 1) -> Tensor:
            return torch.rand(count, channels, 1, 1, device=device)

        self.lit, self.papered = draw_some(count, 0.6), draw_some(count, 0.3)
        self.gain = 1 + (uniform(len(self.lit)) - 0.5) * 0.4 * strength
        self.offset = (uniform(len(self.lit)) - 0.5) * 0.2 * strength
        self.gamma = torch.exp((uniform(len(self.lit)) - 0.5) * 0.7 * strength)
        self.paper = 1 - uniform(len(self.papered), 3) * 0.12 * strength
        self.grey, self.negative = draw_some(count, 0.2 * strength), draw_some(count, 0.04 * strength)

    def apply(self, image: Tensor) -> Tensor:
        """`(N, 3, H, W)` in [0, 1] -> the same."""
        image = image.clone()
        image[self.lit] = ((image[self.lit] - 0.5) * self.gain + 0.5 + self.offset).clamp(0, 1).pow(self.gamma)
        image[self.papered] = image[self.papered] * self.paper
        red, green, blue = image[self.grey].split(1, dim=1)
        image[self.grey] = (0.299 * red + 0.587 * green + 0.114 * blue).expand(-1, 3, -1, -1)
        image[self.negative] = 1 - image[self.negative]
        return image


def wear_a_little(image: Tensor) -> Tensor:
    """Blur a fifth of the crops and add noise to a third; for the segmenter's input only. `(N, 3, H, W)` in [0, 1]."""

    def strength(count: int) -> Tensor:
        return torch.rand(count, 1, 1, 1, device=image.device)

    image = image.clone()
    blurred, noisy = draw_some(len(image), 0.2), draw_some(len(image), 0.3)
    sharp = image[blurred]
    soft = F.avg_pool2d(F.pad(sharp, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    image[blurred] = torch.lerp(sharp, soft, strength(len(blurred)))
    calm = image[noisy]
    image[noisy] = (calm + torch.randn_like(calm) * strength(len(noisy)) * 0.05).clamp(0, 1)
    return image


def dilate_randomly(mask: Tensor, *, min_px: int, max_px: int) -> Tensor:
    """Grow each 0/1 mask `(N, 1, H, W)` by its own radius from `min_px` to `max_px`, in a roughly octagonal shape."""
    radius = torch.randint(min_px, max_px + 1, (len(mask), 1, 1, 1), device=mask.device)
    grown = result = mask
    for step in range(1, max_px + 1):
        if step % 2:
            grown = F.max_pool2d(grown, 3, stride=1, padding=1)
        else:  # a cross
            grown = torch.maximum(
                F.max_pool2d(grown, (3, 1), stride=1, padding=(1, 0)),
                F.max_pool2d(grown, (1, 3), stride=1, padding=(0, 1)),
            )
        result = torch.where(radius >= step, grown, result)
    return result
