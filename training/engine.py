"""The training loop. Several runs share one pool of samples and take turns, so that they see the same pages."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training.configs.base import Optimisation, RunConfig
from training.device_pool import Arrays, DevicePool
from training.ema import WeightAverage
from training.schedule import WallClock, cyclical, one_cycle

MOST_SKIPPED_SHARE = 0.2
"""A run whose steps are skipped more often than this is not learning; it stops and says so."""


class NonFiniteLoss(RuntimeError):
    """Too many steps had a loss or gradient that is not a number."""


class Task(Protocol):
    """What to learn: batches, losses, metrics. See segmentation_task.py and inpainting_task.py."""

    config: RunConfig
    fields: tuple[str, ...]
    critic: nn.Module | None

    def prepare(self, pool: DevicePool) -> None:
        """Measure on a first batch whatever the losses need."""

    def draw_batch(self, pool: DevicePool) -> dict[str, Tensor]:
        """Crops on the device, floats by name."""

    def losses(self, model: nn.Module, batch: dict[str, Tensor], *, progress: float) -> dict[str, Tensor]:
        """Weighted terms by name; their sum is the loss."""

    def evaluate(self, model: nn.Module, validation: Arrays) -> dict[str, float]:
        """Metrics over fixed samples."""

    def draw_sheet(self, model: nn.Module, validation: Arrays) -> npt.NDArray[np.uint8]:
        """A picture of results to look at."""


@dataclass
class Run:
    """One net in training, with all that moves."""

    task: Task
    model: nn.Module
    average: WeightAverage
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    steps: int = 0
    history: list[dict[str, object]] = field(default_factory=list)
    material: list[str] = field(default_factory=list)
    """Attributions of what it was trained on, over all calls."""
    commands: list[str] = field(default_factory=list)
    """Command lines of those calls."""
    terms: dict[str, Tensor] = field(default_factory=dict)
    """The last step's weighted loss terms, on the device."""
    skipped: Tensor | None = None
    """How many steps were skipped since the last report, on the device."""

    @classmethod
    def start(cls, task: Task, model: nn.Module, *, device: torch.device, steps: int = 0) -> Run:
        """A run about to take step `steps + 1`."""
        settings = task.config.optimisation
        model = model.to(device, memory_format=torch.channels_last).train()
        average = WeightAverage(model, decay=settings.average_decay, steps=steps)
        # The scale stays 1, since bfloat16 needs none: the scaler is here to skip a step whose gradients are not finite
        # without the host having to wait for the device.
        scaler = torch.amp.GradScaler(device.type, init_scale=1.0, growth_interval=1_000_000_000)
        return cls(task, model, average, make_optimiser(model, settings, device=device), scaler, steps=steps)

    def step(self, pool: DevicePool, clock: WallClock) -> None:
        """Draw, forward, backward, move, average."""
        settings = self.task.config.optimisation
        shape = one_cycle if settings.schedule == "one_cycle" else cyclical
        for group in self.optimiser.param_groups:
            group["lr"] = settings.learning_rate * shape(clock.progress) * clock.ramp
        terms = self.task.losses(self.model, self.task.draw_batch(pool), progress=clock.progress)
        self.scaler.scale(torch.stack(list(terms.values())).sum()).backward()
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update(1.0)
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update()
        self.steps += 1
        self.terms = {name: term.detach() for name, term in terms.items()}
        failed = (~torch.isfinite(norm)).float()
        self.skipped = failed if self.skipped is None else self.skipped + failed


def make_optimiser(model: nn.Module, settings: Optimisation, *, device: torch.device) -> torch.optim.Optimizer:
    """AdamW or SGD-Nesterov over what may learn; norms, biases and other vectors are not decayed."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learning if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in learning if p.dim() <= 1], "weight_decay": 0.0},
    ]
    fused = device.type == "cuda"
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True, fused=fused)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=fused)


def train(
    runs: list[Run],
    pool: DevicePool,
    clock: WallClock,
    *,
    report: Callable[[Run, dict[str, object]], None],
    report_every_s: float,
    max_steps: int | None = None,
    say: Callable[[str], None] | None = None,
    say_every_s: float = 15.0,
) -> None:
    """Step each run in turn until the clock is over, or each has taken `max_steps` here.

    Report now and then and at the end, for which as much time is kept free as the longest report so far took. `say`
    hears a line about every `say_every_s` seconds.

    Raises NonFiniteLoss when too many of a run's steps since its last report had to be skipped.
    """
    taken = reported_at = said_at = 0
    reported_s = said_s = clock.elapsed_s
    longest_report_s = 0.0
    while clock.left_s > longest_report_s and (max_steps is None or taken < max_steps):
        pool.refill(most=4)
        for run in runs:
            run.step(pool, clock)
        taken += 1
        if say is not None and (taken == 1 or clock.elapsed_s - said_s >= say_every_s):
            losses = [f"{run.task.config.name} {sum(float(term) for term in run.terms.values()):.4f}" for run in runs]
            pace = (taken - said_at) / max(clock.elapsed_s - said_s, 1e-9)
            say(
                f"step {runs[0].steps}, {pace:.2f} rounds/s, {clock.left_s:.0f} s left, {clock.progress:.0%} of the "
                f"schedule; {pool.received} samples came; loss {', '.join(losses)}"
            )
            said_s, said_at = clock.elapsed_s, taken
        if clock.elapsed_s - reported_s >= report_every_s:
            begun_s = clock.elapsed_s
            for run in runs:
                report(run, _summarise(run, clock, steps_since=taken - reported_at))
            reported_s, reported_at = clock.elapsed_s, taken
            longest_report_s = max(longest_report_s, reported_s - begun_s)
    if taken == reported_at and taken:
        return  # nothing has changed since the last report
    for run in runs:
        report(run, _summarise(run, clock, steps_since=taken - reported_at))


def _summarise(run: Run, clock: WallClock, *, steps_since: int) -> dict[str, object]:
    """Where a run stands, in plain values; the one place where the host waits for the device."""
    terms = {name: float(term) for name, term in run.terms.items()}
    skipped = int(run.skipped) if run.skipped is not None else 0
    run.skipped = None
    if skipped > max(1, MOST_SKIPPED_SHARE * steps_since):
        raise NonFiniteLoss(
            f"{run.task.config.name}: {skipped} of {steps_since} steps skipped; last loss terms {terms}"
        )
    loss = sum(terms.values())
    return {
        "run": run.task.config.name,
        "step": run.steps,
        "trained_s": round(clock.trained_s, 1),
        "left_s": round(clock.left_s, 1),
        "progress": round(clock.progress, 4),
        "learning_rate": run.optimiser.param_groups[0]["lr"],
        "skipped": skipped,
        # JSON has no word for a number that is none.
        "loss": round(loss, 5) if math.isfinite(loss) else None,
        "terms": {name: round(term, 5) if math.isfinite(term) else None for name, term in terms.items()},
    }
