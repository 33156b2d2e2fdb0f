"""Train one run, or several side by side on the same pages.

`python -m training.train --config segmentation_residual --minutes 8`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from training.checkpoint import Checkpoint, describe_call, find_commit, halve, load_checkpoint, save_checkpoint, widen
from training.configs.base import InpaintingRun, RunConfig, SegmentationRun, list_configs, load_config
from training.data.attributions import list_attributions
from training.device_pool import Arrays, DevicePool
from training.engine import NonFiniteLoss, Run, Task, train
from training.feed import Feed, prepare_pages, prepare_pairs
from training.inpainting_task import InpaintingTask
from training.networks import build_network, restore_network
from training.precision import describe, describe_peak, pick_device
from training.schedule import WallClock
from training.segmentation_task import SegmentationTask

_PAGES_PER_S = 1000
"""More pages than any machine draws in a second: a resumed run starts this far on, so it meets no page again."""
_MEMORY, _AVAILABLE = Path("/proc/meminfo"), re.compile(r"MemAvailable: +([0-9]+) kB")
"""What can be had without swapping: what is free alone is next to nothing wherever files were read."""
_METRICS_NAME = "metrics.jsonl"
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
    parser.add_argument(
        "--minutes", type=float, required=True, help="what this call may take, start-up and last evaluation included"
    )
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
        "--resume-or-start",
        type=Path,
        nargs="*",
        metavar="DIR",
        help="go on from the checkpoint in --out, else in the first DIR that has it; start a run that has none",
    )
    parser.add_argument("--copy-to", type=Path, metavar="DIR", help="copy each report's files there too")
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
    parser.add_argument("--threads", type=int, help="processor threads of the networks; default: one per core")
    parser.add_argument("--batch", type=int, help="instead of the config's, for small machines")
    parser.add_argument(
        "--seed", type=int, help="instead of the config's, for a second run of the same; give another --out"
    )
    parser.add_argument("--crop-px", type=int, help="instead of the config's, for small machines")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="minutes and --report-every are this process's processor time: equal training on a busy machine",
    )
    parser.add_argument(
        "--same-samples",
        action="store_true",
        help="draw --pool-samples samples, and no more, before the first step: runs that are compared see the same, "
        "with one worker; more finish them in any order",
    )
    parser.add_argument(
        "--first-page",
        type=int,
        help="number of the first page to train on, so that a run from --start-from meets pages that the one before it "
        "did not; default: 0, or on resuming as far on as its seconds could have drawn",
    )
    parser.add_argument(
        "--cudnn-search", action="store_true", help="time cuDNN's algorithms: slower start, faster steps"
    )
    parser.add_argument(
        "--cpu-bfloat16", action="store_true", help="compute in bfloat16 on a CPU: faster where it has instructions"
    )
    return parser.parse_args(argv)


def make_task(config: RunConfig, *, device: torch.device, segmenter: torch.nn.Module | None = None) -> Task:
    """The task of a run; `segmenter` is for those that look at its features."""
    if isinstance(config, SegmentationRun):
        return SegmentationTask(config, device=device)
    return InpaintingTask(config, device=device, segmenter=segmenter)


def read_features(path: Path | None, configs: Sequence[RunConfig]) -> torch.nn.Module | None:
    """The segmenter whose features the runs look at; None if none was given.

    Raises ValueError for one that none of them would look at.
    """
    if path is None:
        return None
    if not any(isinstance(config, InpaintingRun) and config.features == "encoder" for config in configs):
        names = ", ".join(config.name for config in configs)
        raise ValueError(f"--feature-checkpoint is {path}, and {names} looks at no segmenter's features")
    return restore_network(load_checkpoint(path))


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
        origin = load_checkpoint(weights_from)
        model.load_state_dict(widen(origin.weights))
    if checkpoint is None:
        run = Run.start(task, model, device=device)
        if weights_from is not None:
            run.material, run.commands = list(origin.material), list(origin.commands)
        return run
    if checkpoint.config.get("options") != dict(task.config.options):
        raise ValueError(
            f"the checkpoint holds options {checkpoint.config.get('options')}; expected {dict(task.config.options)}"
        )
    model.load_state_dict(widen(checkpoint.weights))
    if checkpoint.critic is not None and task.critic is not None:
        task.critic.load_state_dict(widen(checkpoint.critic))
    run = Run.start(task, model, device=device, steps=steps)
    run.history, run.material, run.commands = map(list, (checkpoint.history, checkpoint.material, checkpoint.commands))
    return run


def checkpoint_path(folder: Path, config: RunConfig) -> Path:
    """Where a run's checkpoint lies, without the number of the part."""
    return folder / f"{config.name}.checkpoint"


def write_history(path: Path, name: str, history: Sequence[dict[str, object]]) -> None:
    """Replace the lines of the run called `name` in a metrics file by its history; those of other runs stay."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    lines = [line for line in lines if json.loads(line)["run"] != name]
    lines += [json.dumps(entry) for entry in history]
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    draft.replace(path)


def say(line: str) -> None:
    """A line for people, with the time."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


def make_reporter(
    out: Path, validation: Arrays, clock: WallClock, *, commit: str, copy_to: Path | None = None, echo: bool = True
) -> Callable[[Run, dict[str, object]], None]:
    """A function that saves a run's checkpoint, evaluates it, and writes its JSON line and its sheet.

    It raises NonFiniteLoss rather than replace a good checkpoint by weights that are not numbers.
    """

    def save(run: Run) -> None:
        config = run.task.config
        checkpoint = Checkpoint(
            config=asdict(config),
            commit=commit,
            weights=halve(run.average.model.state_dict()),
            critic=halve(run.task.critic.state_dict()) if run.task.critic is not None else None,
            steps=run.steps,
            trained_s=clock.trained_s,
            history=run.history,
            material=run.material,
            commands=run.commands,
        )
        tensors = [*checkpoint.weights.values(), *(checkpoint.critic or {}).values()]
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
            raise NonFiniteLoss(f"{config.name}: weights are not numbers; the last checkpoint stays")
        written = save_checkpoint(checkpoint, checkpoint_path(out, config))
        written += [path for path in (out / _METRICS_NAME, out / f"{config.name}.sheet.webp") if path.exists()]
        if copy_to is not None:
            for path in written:
                shutil.copyfile(path, draft := copy_to / f"{path.name}.draft")
                draft.replace(copy_to / path.name)

    def report(run: Run, summary: dict[str, object]) -> None:
        config = run.task.config
        save(run)  # first of all: whoever ends this call may not wait for the evaluation
        begun = time.monotonic()
        search, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, False  # other shapes, no new search
        metrics = run.task.evaluate(run.average.model, validation)
        sheet = run.task.draw_sheet(run.average.model, validation)
        torch.backends.cudnn.benchmark = search
        entry = summary | {"metrics": {name: round(value, 5) for name, value in metrics.items()}, "commit": commit}
        run.history.append(entry)
        write_history(out / _METRICS_NAME, config.name, run.history)
        Image.fromarray(sheet).save(out / f"{config.name}.sheet.webp", quality=80)
        save(run)
        if echo:
            numbers = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
            say(f"{config.name} at step {run.steps}: {numbers} (looked at in {time.monotonic() - begun:.1f} s)")

    return report


def _read_memory() -> str:
    """What Linux says of this machine's memory; nothing elsewhere."""
    return _MEMORY.read_text("ascii") if _MEMORY.exists() else ""


def fit_pool(wanted: int, *, sample_px: int, device: torch.device) -> int:
    """As many samples as are wanted, or as fit into half of the free memory of the device, or of this machine."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info()
    elif (found := _AVAILABLE.search(_read_memory())) is not None:
        free = 1024 * int(found[1])
    else:
        return wanted
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
    """What each run goes on from: None for one that starts."""
    if arguments.resume is not None:
        folder = arguments.resume if arguments.resume.parts else arguments.out
        return [load_checkpoint(checkpoint_path(folder, config)) for config in configs]
    if arguments.resume_or_start is None:
        return [None] * len(configs)
    return [_find_checkpoint([arguments.out, *arguments.resume_or_start], config) for config in configs]


def _find_checkpoint(folders: Sequence[Path], config: RunConfig) -> Checkpoint | None:
    for folder in folders:
        try:
            checkpoint = load_checkpoint(checkpoint_path(folder, config))
        except FileNotFoundError:
            continue
        say(f"{config.name} goes on from step {checkpoint.steps}, {checkpoint.trained_s / 60:.1f} min ({folder})")
        return checkpoint
    say(f"{config.name} starts from nothing")
    return None


@contextmanager
def ended_by_signals(clock: WallClock) -> Iterator[None]:
    """Let a first SIGTERM or SIGINT end the call as if its minutes were spent, so that it leaves a last report."""

    def stop(number: int, frame: object) -> None:  # noqa: ARG001  signal's own signature
        say(f"told to stop by {signal.Signals(number).name}")
        clock.stop()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def seconds_since_start() -> float:
    """How long ago this call began: `TRAINING_STARTED_AT` (seconds since 1970) if a script set it before us."""
    started_at = os.environ.get("TRAINING_STARTED_AT")
    return max(0.0, time.time() - float(started_at)) if started_at else 0.0


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report, leave checkpoints."""
    arguments = parse_arguments(argv)
    now = time.process_time if arguments.processor_time else time.monotonic
    # What a script spent before is none of this process's own time.
    began_at = now() - (0.0 if arguments.processor_time else seconds_since_start())
    for folder in (arguments.out, *([arguments.copy_to] if arguments.copy_to else [])):
        folder.mkdir(parents=True, exist_ok=True)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = pick_device(cudnn_search=arguments.cudnn_search, cpu_bfloat16=arguments.cpu_bfloat16)
    say(f"{describe(device)}; {arguments.workers} workers")
    overrides = {"batch": arguments.batch, "crop_px": arguments.crop_px, "seed": arguments.seed}
    configs = [apply_overrides(load_config(name), **overrides) for name in arguments.config]
    checkpoints = find_checkpoints(arguments, configs)
    segmenter = read_features(arguments.feature_checkpoint, configs)
    material = list_attributions(arguments.assets)
    if arguments.pairs is not None:
        material.append(
            "Pairs of pages, raw and clean, that were given to the fine-tuning; whose they are it does not know."
        )
    done_s = max((checkpoint.trained_s for checkpoint in checkpoints if checkpoint), default=0.0)
    first_page = round(done_s) * _PAGES_PER_S if arguments.first_page is None else arguments.first_page
    with open_feed(arguments, first_page=first_page) as feed:
        # Workers load their pack and draw while the networks are built.
        runs = []
        for config, checkpoint in zip(configs, checkpoints, strict=True):
            task = make_task(config, device=device, segmenter=segmenter)
            run = start_run(task, device=device, checkpoint=checkpoint, weights_from=arguments.start_from)
            run.material += [line for line in material if line not in run.material]
            run.commands.append(describe_call("training.train", sys.argv[1:] if argv is None else argv))
            runs.append(run)
        validation = feed.collect_validation()
        say(f"{len(validation['raw'])} validation samples after {now() - began_at:.0f} s")
        pool = DevicePool(
            feed.lots(most=arguments.pool_samples if arguments.same_samples else None),
            fields=tuple(sorted({field for run in runs for field in run.task.fields})),
            capacity=fit_pool(arguments.pool_samples, sample_px=arguments.sample_px, device=device),
            device=device,
        )
        try:
            pool.wait_for(arguments.pool_samples if arguments.same_samples else arguments.first_samples)
            for run in runs:
                run.task.prepare(pool)
            started_s = now() - began_at
            say(f"{pool.received} of {pool.capacity} samples on the device: training starts after {started_s:.0f} s")
            clock = WallClock(
                arguments.minutes, started_s=started_s, done_s=done_s, total_minutes=arguments.total_minutes, now=now
            )
            reporter = make_reporter(
                arguments.out,
                validation,
                clock,
                commit=find_commit(Path(__file__).parent),
                copy_to=arguments.copy_to,
            )
            with ended_by_signals(clock):
                train(
                    runs,
                    pool,
                    clock,
                    report=reporter,
                    report_every_s=arguments.report_every,
                    max_steps=arguments.max_steps,
                    say=say,
                )
        finally:
            pool.stop()
    say(f"done after {now() - began_at:.0f} s{describe_peak(device)}")


if __name__ == "__main__":
    main()
