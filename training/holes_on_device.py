"""Which pixels the filler must invent: text, other pages' text, strokes; and shapes that occlude text.

All on the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.crops import dilate_randomly

_SMALLEST_SHARE, _LARGEST_SHARE = 5e-4, 0.6


def mix_holes(strokes: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Holes for a batch, and which of them cover all lettering of their crop by their own text.

    `strokes` and `drawn` are 0/1 `(N, 1, H, W)`: the crop's text and free-hand holes. 55 % of the holes are the
    crop's own text dilated by 2 to 7 px, 20 % another crop's (so that a hole does not imply a bubble), 25 % the drawn
    ones; a tenth joins both. Returns 0/1 holes `(N, 1, H, W)` and booleans `(N, 1, 1, 1)`.
    """

    def uniform() -> Tensor:
        return torch.rand(len(strokes), 1, 1, 1, device=strokes.device)

    own = dilate_randomly(strokes, min_px=2, max_px=7)
    choice = uniform()
    hole = torch.where(choice < 0.55, own, torch.where(choice < 0.75, own.roll(1, dims=0), drawn))
    hole = torch.where(uniform() < 0.1, torch.maximum(hole, drawn), hole)
    share = hole.mean((1, 2, 3), keepdim=True)
    hole = torch.where(share < _SMALLEST_SHARE, drawn, hole)
    hole = torch.where(hole.mean((1, 2, 3), keepdim=True) > _LARGEST_SHARE, own, hole)
    covered = (strokes * (1 - hole)).sum((1, 2, 3), keepdim=True) == 0
    return hole, covered & (choice < 0.55)


def occlude_text(strokes: Tensor, *, shapes: int = 4) -> Tensor:
    """Rectangles, ellipses, lines and blots laid over the lettering: 0/1 holes `(N, 1, H, W)` for text reconstruction.

    Each shape is centred on a random stroke pixel of its crop (anywhere, on a crop without text) and small enough
    to leave letters half visible, since what is covered whole cannot be read back.
    """
    count, _, height, width = strokes.shape
    device = strokes.device
    rows = torch.arange(height, device=device, dtype=torch.float32).view(1, -1, 1)
    columns = torch.arange(width, device=device, dtype=torch.float32).view(1, 1, -1)
    hole = torch.zeros(count, height, width, dtype=torch.bool, device=device)
    for _ in range(shapes):
        centre = torch.multinomial(strokes.flatten(1) + 1e-6, 1).view(-1, 1, 1)
        y, x = rows - torch.div(centre, width, rounding_mode="floor"), columns - centre % width
        angle = torch.rand(count, 1, 1, device=device) * torch.pi
        along, across = x * torch.cos(angle) + y * torch.sin(angle), y * torch.cos(angle) - x * torch.sin(angle)
        half_length = 4 + 20 * torch.rand(count, 1, 1, device=device) ** 2
        half_width = half_length * (0.3 + 0.7 * torch.rand(count, 1, 1, device=device))
        rectangle = (along.abs() < half_length) & (across.abs() < half_width)
        ellipse = (along / half_length) ** 2 + (across / half_width) ** 2 < 1
        line = (along.abs() < 4 * half_length) & (across.abs() < 1 + half_length / 8)
        # A blot is a disc whose rim waves with three random harmonics.
        bearing = torch.atan2(across, along)
        phases = torch.rand(3, count, 1, 1, device=device) * 2 * torch.pi
        waves = sum(torch.sin((lobes + 2) * bearing + phase) / (lobes + 2) for lobes, phase in enumerate(phases))
        blot = torch.hypot(along, across) < half_width * (1 + 0.6 * waves)
        kind = torch.randint(0, 4, (count, 1, 1), device=device)
        shape = torch.where(kind == 0, rectangle, torch.where(kind == 1, ellipse, torch.where(kind == 2, line, blot)))
        hole |= shape
    return hole.unsqueeze(1).float()
