"""Train, resume, export and run published configs in miniature: `python -m training.smoke [--all]`.

On a CPU, with nothing downloaded. One batch of pages that the repository draws by itself is learnt by heart (its loss
must fall below half), a checkpoint is written, read and trained on, and each different network is exported and compared
with torch through the service's own session.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training.checkpoint import load_checkpoint
from training.configs.base import InpaintingRun, RunConfig, SegmentationRun, list_configs, load_config
from training.device_pool import Arrays, DevicePool
from training.engine import Run, Task, train
from training.export import export_network
from training.feed import Feed, prepare_pages
from training.models.residual import ResidualSegmenter
from training.networks import restore_network
from training.schedule import WallClock
from training.train import checkpoint_path, make_reporter, make_task, start_run

_SAMPLE_PX = 64
_BATCH = 4
_SAMPLES = 8
_MOST_STEPS = 160
_STEPS_PER_LOOK = 8
USUAL = (
    "segmentation_residual",
    "segmentation_residual_focal",
    "segmentation_mobilenet_w1_rfb",
    "inpainting_partial",
    "inpainting_adversarial",
    "inpainting_gated",
    "text_reconstruction",
)
"""Every task, loss and kind of network once; the others are variants, for `--all`."""
_CPU = torch.device("cpu")


class SmokeError(RuntimeError):
    """A config does not do in miniature what it has to do in full."""


def shrink(config: RunConfig) -> RunConfig:
    """The network as published, a small batch of small crops, an average of weights that follows at once."""
    optimisation = replace(config.optimisation, batch=_BATCH, crop_px=_SAMPLE_PX, average_decay=0.5)
    return replace(config, optimisation=optimisation)


def draw_samples() -> tuple[Arrays, Arrays]:
    """Training samples with text on most, and two validation samples, drawn without any asset pack."""
    prepare = partial(prepare_pages, None, sample_px=_SAMPLE_PX, validation_samples=2, first_page=0, warm=False)
    with Feed(prepare, workers=0, sample_px=_SAMPLE_PX, validation_samples=2) as feed:
        validation = feed.collect_validation()
        lettered = (lot for lot in feed.lots() if lot["strokes"].mean() > 4)
        lots = list(itertools.islice(lettered, _SAMPLES))
    return {field: _join(lots, field) for field in lots[0]}, validation


def _join(lots: Sequence[Arrays], field: str) -> npt.NDArray[np.uint8]:
    return np.concatenate([lot[field] for lot in lots])


def steady_clock() -> WallClock:
    """A clock that stands past the warm-up of a long schedule."""
    return WallClock(600, now=itertools.chain([0.0], itertools.repeat(3600.0)).__next__)


def learn_by_heart(run: Run, pool: DevicePool) -> tuple[float, float, int]:
    """Repeat one batch until its loss, without the critic's moving opinion, is below half; (first, last, steps).

    Raises SmokeError if it does not get there.
    """
    batch = run.task.draw_batch(pool)
    run.task.draw_batch = lambda _: batch  # type: ignore[method-assign]  the same batch again and again

    @torch.no_grad()
    def look() -> float:
        critic, run.task.critic = run.task.critic, None
        terms = run.task.losses(run.model, batch, progress=0.0)
        run.task.critic = critic
        return sum(float(term) for term in terms.values())

    first = last = look()
    while last >= 0.5 * first:
        if run.steps >= _MOST_STEPS:
            raise SmokeError(f"loss is {last:.4f} after {run.steps} steps from {first:.4f}; expected below half")
        train([run], pool, steady_clock(), report=_say_nothing, report_every_s=1e9, max_steps=_STEPS_PER_LOOK)
        last = look()
    return first, last, run.steps


def _make_task(config: RunConfig) -> Task:
    """Its task; where it looks at a segmenter's features, those of one that has learnt nothing yet."""
    looks = isinstance(config, InpaintingRun) and config.features == "encoder"
    return make_task(config, device=_CPU, segmenter=ResidualSegmenter() if looks else None)


def _say_nothing(run: Run, summary: dict[str, object]) -> None:
    """A reporter that keeps quiet."""


def smoke(name: str, *, with_export: bool) -> str:
    """Everything for one config; returns a line for people."""
    torch.set_num_threads(1)  # two configs run side by side
    started = time.monotonic()
    config = shrink(load_config(name))
    samples, validation = draw_samples()
    pool = DevicePool(iter([samples]), fields=tuple(samples), capacity=_SAMPLES, device=_CPU)
    pool.wait_for(_SAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        run = start_run(_make_task(config), device=_CPU, checkpoint=None)
        run.task.prepare(pool)
        first, last, steps = learn_by_heart(run, pool)
        clock = steady_clock()
        report = make_reporter(Path(folder), validation, clock, commit="smoke", echo=False)
        train([run], pool, clock, report=report, report_every_s=1e9, max_steps=1)

        checkpoint = load_checkpoint(checkpoint_path(Path(folder), config))
        resumed = start_run(_make_task(config), device=_CPU, checkpoint=checkpoint)
        resumed.task.prepare(pool)
        train([resumed], pool, steady_clock(), report=_say_nothing, report_every_s=1e9, max_steps=1)
        if resumed.steps != steps + 2:
            raise SmokeError(f"{name}: resumed at step {resumed.steps - 1}; expected {steps + 1}")
    pool.stop()
    line = f"{name}: loss {first:.3f} -> {last:.3f} in {steps} steps, resumed"
    if with_export:
        task = "segmentation" if isinstance(config, SegmentationRun) else "inpainting"
        exported = export_network(restore_network(checkpoint), task=task, name="smoke", version="0.0.0", source="smoke")
        line += f", exported {len(exported.graph) / 1e6:.1f} MB at most {exported.largest_difference:.1g} from torch"
    return f"{line} ({time.monotonic() - started:.0f} s)"


def different_networks(names: Sequence[str]) -> set[str]:
    """Of configs that share a network, the first."""
    seen, chosen = set(), set()
    for name in names:
        config = load_config(name)
        kind = "inpainting" if isinstance(config, InpaintingRun) else config.network
        key = (kind, tuple(sorted(config.options.items())))
        if key not in seen:
            chosen.add(name)
        seen.add(key)
    return chosen


def main(argv: Sequence[str] | None = None) -> None:
    """Smoke the usual configs, all, or those named; the first failure ends it with status 1."""
    parser = argparse.ArgumentParser(prog="python -m training.smoke", description=__doc__)
    parser.add_argument("config", nargs="*", metavar="CONFIG", help=f"default: {', '.join(USUAL)}")
    parser.add_argument("--all", action="store_true", help="every published config")
    parser.add_argument("--jobs", type=int, default=2, help="configs at a time, one thread each")
    arguments = parser.parse_args(argv)
    names = list_configs() if arguments.all else arguments.config or list(USUAL)
    exported = different_networks(names)
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as workers:
        # The long ones first, so that no core waits for the last.
        ordered = sorted(names, key=lambda name: name not in exported)
        jobs = [workers.submit(smoke, name, with_export=name in exported) for name in ordered]
        for job in jobs:
            sys.stderr.write(job.result() + "\n")


if __name__ == "__main__":
    main()
