"""The average of the weights over the last steps: what is evaluated, kept and exported."""

from __future__ import annotations

import copy

import torch
from torch import nn


class WeightAverage:
    """Exponential moving average of parameters and running statistics (Tarvainen & Valpola 2017, eq. 1)."""

    def __init__(self, model: nn.Module, *, decay: float = 0.999, steps: int = 0) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)  # noqa: FBT003  torch's own signature
        self.decay = decay
        self.steps = steps
        self._averaged = self._floats(self.model)
        self._live = self._floats(model)

    @staticmethod
    def _floats(model: nn.Module) -> list[torch.Tensor]:
        tensors = [*model.parameters(), *model.buffers()]
        return [tensor for tensor in tensors if tensor.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the live weights.

        Early on faster, so that the first evaluations do not see the initial weights.
        """
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for averaged, live in zip(self._averaged, self._live, strict=True):
            averaged.lerp_(live, 1 - decay)
