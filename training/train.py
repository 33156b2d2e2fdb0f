"""Train one run, or several side by side on the same pages.

`python -m training.train --config segmentation_residual --minutes 8`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from training.checkpoint import Checkpoint, find_commit, halve, load_checkpoint, save_checkpoint, widen
from training.configs.base import RunConfig, SegmentationRun, list_configs, load_config
from training.device_pool import Arrays, DevicePool
from training.engine import Run, Task, train
from training.feed import Feed, prepare_pages, prepare_pairs
from training.inpainting_task import InpaintingTask
from training.networks import build_network, restore_network
from training.precision import pick_device
from training.schedule import WallClock
from training.segmentation_task import SegmentationTask

_PAGES_PER_S = 1000
"""More pages than any machine draws in a second: a resumed run starts this far on, so it meets no page again."""
_BYTES_PER_SAMPLE_PX = 3 + 3 + 1 + 1 + 4 / 4
"""raw, clean, strokes, hole at full size, four region maps at half."""


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line. Every quality-relevant number lives in the configs.

    Here is only what depends on the machine.
    """
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument(
        "--config",
        action="append",
        required=True,
        choices=list_configs(),
        metavar="NAME",
        help=f"a run to train; repeat it to train several side by side. One of: {', '.join(list_configs())}",
    )
    parser.add_argument("--minutes", type=float, required=True, help="training time of this call, start-up not counted")
    parser.add_argument("--total-minutes", type=float, help="length of the schedule over all calls; default: this call")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, metrics and sheets")
    parser.add_argument("--assets", type=Path, help="asset pack; default: what the repository draws by itself")
    parser.add_argument("--pairs", type=Path, help="fine-tune on real pairs, DIR/raw and DIR/clean, not on drawn pages")
    parser.add_argument(
        "--resume",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="DIR",
        help="go on from the checkpoints in DIR (default: --out)",
    )
    parser.add_argument(
        "--start-from",
        type=Path,
        metavar="CHECKPOINT",
        help="weights to start a new run from, e.g. for the adversarial stage",
    )
    parser.add_argument("--feature-checkpoint", type=Path, help="our segmenter, for runs that look at its features")
    parser.add_argument("--workers", type=int, default=14, help="processes that draw pages; 0 draws in this process")
    parser.add_argument("--sample-px", type=int, default=512, help="side of a sample; a multiple of 64")
    parser.add_argument("--pool-samples", type=int, default=16_000, help="samples kept on the device")
    parser.add_argument("--first-samples", type=int, default=1_500, help="samples to wait for before the first step")
    parser.add_argument("--validation-samples", type=int, default=96)
    parser.add_argument("--report-every", type=float, default=90.0, help="seconds between evaluations")
    parser.add_argument("--max-steps", type=int, help="stop after this many steps of each run")
    parser.add_argument("--batch", type=int, help="instead of the config's, for small machines")
    parser.add_argument(
        "--seed", type=int, help="instead of the config's, for a second run of the same; give another --out"
    )
    parser.add_argument("--crop-px", type=int, help="instead of the config's, for small machines")
    parser.add_argument(
        "--cudnn-search", action="store_true", help="time cuDNN's algorithms: slower start, faster steps"
    )
    return parser.parse_args(argv)


def make_task(config: RunConfig, *, device: torch.device, feature_checkpoint: Path | None) -> Task:
    """The task of a run."""
    if isinstance(config, SegmentationRun):
        return SegmentationTask(config, device=device)
    segmenter = restore_network(load_checkpoint(feature_checkpoint)) if feature_checkpoint else None
    return InpaintingTask(config, device=device, segmenter=segmenter)


def start_run(
    task: Task, *, device: torch.device, checkpoint: Checkpoint | None, weights_from: Path | None = None
) -> Run:
    """A fresh run, one that goes on from `checkpoint`, or one that starts from the weights in `weights_from`.

    Raises ValueError if the checkpoint holds another network.
    """
    steps = checkpoint.steps if checkpoint else 0
    # The same seed on resuming would draw the same crops again.
    torch.manual_seed(task.config.optimisation.seed + 1_000_003 * steps)
    model = build_network(task.config)
    if weights_from is not None:
        model.load_state_dict(widen(load_checkpoint(weights_from).weights))
    if checkpoint is None:
        return Run.start(task, model, device=device)
    if checkpoint.config.get("options") != dict(task.config.options):
        raise ValueError(
            f"the checkpoint holds options {checkpoint.config.get('options')}; expected {dict(task.config.options)}"
        )
    model.load_state_dict(widen(checkpoint.weights))
    if checkpoint.critic is not None and task.critic is not None:
        task.critic.load_state_dict(widen(checkpoint.critic))
    run = Run.start(task, model, device=device, steps=steps)
    run.history = list(checkpoint.history)
    return run


def checkpoint_path(folder: Path, config: RunConfig) -> Path:
    """Where a run's checkpoint lies, without the number of the part."""
    return folder / f"{config.name}.checkpoint"


def make_reporter(
    out: Path, validation: Arrays, clock: WallClock, *, commit: str, echo: bool = True
) -> Callable[[Run, dict[str, object]], None]:
    """A function that evaluates a run, writes a JSON line and a sheet, and saves its checkpoint."""

    def report(run: Run, summary: dict[str, object]) -> None:
        config = run.task.config
        search, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, False  # other shapes, no new search
        metrics = run.task.evaluate(run.average.model, validation)
        sheet = run.task.draw_sheet(run.average.model, validation)
        torch.backends.cudnn.benchmark = search
        entry = summary | {"metrics": {name: round(value, 5) for name, value in metrics.items()}, "commit": commit}
        run.history.append(entry)
        line = json.dumps(entry)
        with (out / f"{config.name}.metrics.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(line + "\n")
        if echo:
            sys.stderr.write(line + "\n")
        Image.fromarray(sheet).save(out / f"{config.name}.sheet.webp", quality=80)
        checkpoint = Checkpoint(
            config=asdict(config),
            commit=commit,
            weights=halve(run.average.model.state_dict()),
            critic=halve(run.task.critic.state_dict()) if run.task.critic is not None else None,
            steps=run.steps,
            trained_s=clock.trained_s,
            history=run.history,
        )
        save_checkpoint(checkpoint, checkpoint_path(out, config))

    return report


def fit_pool(wanted: int, *, sample_px: int, device: torch.device) -> int:
    """As many samples as are wanted, or as fit into half of the device's free memory."""
    if device.type != "cuda":
        return wanted
    free, _ = torch.cuda.mem_get_info()
    return max(1, min(wanted, int(0.5 * free / (_BYTES_PER_SAMPLE_PX * sample_px**2))))


def apply_overrides(config: RunConfig, *, batch: int | None, crop_px: int | None, seed: int | None) -> RunConfig:
    """The config with a smaller machine's batch and crop, or with another seed."""
    given = {"batch": batch, "crop_px": crop_px, "seed": seed}
    changes = {name: value for name, value in given.items() if value is not None}
    return replace(config, optimisation=replace(config.optimisation, **changes))


def open_feed(arguments: argparse.Namespace, *, first_page: int) -> Feed:
    """The workers that draw pages, or cut crops out of real pairs."""
    common = {
        "sample_px": arguments.sample_px,
        "validation_samples": arguments.validation_samples,
        "first_page": first_page,
    }
    if arguments.pairs is not None:
        prepare = partial(prepare_pairs, arguments.pairs, arguments.assets, **common)
    else:
        prepare = partial(prepare_pages, arguments.assets, warm=arguments.workers > 0, **common)
    return Feed(
        prepare,
        workers=arguments.workers,
        sample_px=arguments.sample_px,
        validation_samples=arguments.validation_samples,
    )


def find_checkpoints(arguments: argparse.Namespace, configs: Sequence[RunConfig]) -> list[Checkpoint | None]:
    """What each run goes on from: None without `--resume`."""
    if arguments.resume is None:
        return [None] * len(configs)
    folder = arguments.resume if arguments.resume.parts else arguments.out
    return [load_checkpoint(checkpoint_path(folder, config)) for config in configs]


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report, leave checkpoints."""
    arguments = parse_arguments(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    device = pick_device(cudnn_search=arguments.cudnn_search)
    overrides = {"batch": arguments.batch, "crop_px": arguments.crop_px, "seed": arguments.seed}
    configs = [apply_overrides(load_config(name), **overrides) for name in arguments.config]
    checkpoints = find_checkpoints(arguments, configs)
    done_s = max((checkpoint.trained_s for checkpoint in checkpoints if checkpoint), default=0.0)
    with open_feed(arguments, first_page=round(done_s) * _PAGES_PER_S) as feed:
        # Workers load their pack and draw while the networks are built.
        runs = []
        for config, checkpoint in zip(configs, checkpoints, strict=True):
            task = make_task(config, device=device, feature_checkpoint=arguments.feature_checkpoint)
            runs.append(start_run(task, device=device, checkpoint=checkpoint, weights_from=arguments.start_from))
        validation = feed.collect_validation()
        pool = DevicePool(
            feed.lots(),
            fields=tuple(sorted({field for run in runs for field in run.task.fields})),
            capacity=fit_pool(arguments.pool_samples, sample_px=arguments.sample_px, device=device),
            device=device,
        )
        try:
            pool.wait_for(arguments.first_samples)
            for run in runs:
                run.task.prepare(pool)
            clock = WallClock(arguments.minutes, done_s=done_s, total_minutes=arguments.total_minutes)
            reporter = make_reporter(arguments.out, validation, clock, commit=find_commit(Path(__file__).parent))
            train(
                runs,
                pool,
                clock,
                report=reporter,
                report_every_s=arguments.report_every,
                max_steps=arguments.max_steps,
            )
        finally:
            pool.stop()


if __name__ == "__main__":
    main()
