from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest
import torch

from service.store import ModelStore
from training import export, train
from training.checkpoint import load_checkpoint
from training.configs.base import load_config
from training.device_pool import DevicePool
from training.engine import NonFiniteLoss
from training.schedule import WallClock

pytestmark = pytest.mark.training

SMALL_MACHINE = [
    *("--minutes", "5", "--workers", "0", "--sample-px", "64", "--crop-px", "64", "--batch", "2"),
    *("--pool-samples", "4", "--first-samples", "2", "--validation-samples", "2", "--max-steps", "1"),
]


def test_the_command_line_trains_resumes_and_exports(tmp_path):
    """Two runs side by side, once more from their checkpoints, and one of them into a model store with its card."""
    runs = ["--config", "segmentation_residual", "--config", "inpainting_partial", "--out", str(tmp_path / "runs")]

    train.main([*runs, *SMALL_MACHINE])
    train.main([*runs, *SMALL_MACHINE, "--resume"])

    entries = [json.loads(line) for line in (tmp_path / "runs" / "metrics.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if entry["run"] == "inpainting_partial"] == [1, 2]
    checkpoint = tmp_path / "runs" / "segmentation_residual.checkpoint"
    export.main(
        ["--checkpoint", str(checkpoint), "--store", str(tmp_path / "store"), "--name", "ours", "--version", "1.0.0"]
    )
    model = ModelStore.open(tmp_path / "store").find("ours", "segmentation")
    assert 0.2 <= model.thresholds["text"] <= 0.7, "the sweep's"
    assert model.looks == (1.0,)
    assert "config segmentation_residual, 2 steps" in model.source
    assert "python -m training.train --config segmentation_residual" in (
        tmp_path / "store" / "ours" / "MODEL_CARD.md"
    ).read_text(encoding="utf-8")


def test_the_adversarial_stage_starts_from_the_fillers_weights(tmp_path):
    """`--start-from` takes weights only: steps count from 0, and the critic is new."""
    train.main(["--config", "inpainting_partial", "--out", str(tmp_path), *SMALL_MACHINE])
    weights = str(tmp_path / "inpainting_partial.checkpoint")

    train.main(["--config", "inpainting_adversarial", "--out", str(tmp_path), "--start-from", weights, *SMALL_MACHINE])

    entry = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert entry["step"] == 1
    assert {"adversarial", "matching"} <= entry["terms"].keys()


def test_a_run_starts_where_there_is_nothing_and_goes_on_where_there_is_something(tmp_path, monkeypatch):
    """The same command twice: steps go on, reports are copied, and the time is counted from when a script began."""
    command = ["--config", "segmentation_residual", "--out", str(tmp_path / "runs"), *SMALL_MACHINE]
    command += ["--resume-or-start", str(tmp_path / "nowhere"), "--copy-to", str(tmp_path / "back")]
    monkeypatch.setenv("TRAINING_STARTED_AT", str(time.time() - 100))

    train.main(command)
    train.main(command)

    entries = [json.loads(line) for line in (tmp_path / "back" / "metrics.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == [1, 2]
    assert 100 < entries[0]["trained_s"] < 160
    assert {path.name for path in (tmp_path / "back").iterdir()} == {
        *("metrics.jsonl", "segmentation_residual.checkpoint.0", "segmentation_residual.sheet.webp")
    }


def test_equal_training_counts_processor_time_and_sees_the_same_samples(tmp_path, monkeypatch):
    """What the machine does besides takes nothing from a run's minutes, and each sees the pool's samples alone."""
    command = ["--config", "segmentation_residual", "--out", str(tmp_path), *SMALL_MACHINE, "--max-steps", "3"]
    monkeypatch.setattr(time, "monotonic", lambda real=time.monotonic: real() * 1000)
    drawn = []
    monkeypatch.setattr(
        train, "DevicePool", lambda source, **rest: drawn.append(made := DevicePool(source, **rest)) or made
    )

    train.main([*command, "--processor-time", "--same-samples"])

    entry = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert entry["step"] == 3
    assert entry["trained_s"] < 100
    assert drawn[0].received == 4, "--pool-samples"


def test_a_run_that_is_told_to_stop_leaves_its_checkpoint(tmp_path):
    """SIGTERM ends the loop after the step at hand; the report that follows is written as ever."""
    steps = SMALL_MACHINE[: SMALL_MACHINE.index("--max-steps")]
    alarm = threading.Timer(8, os.kill, (os.getpid(), signal.SIGTERM))
    alarm.start()

    train.main(["--config", "inpainting_depthwise", "--out", str(tmp_path), *steps])

    assert load_checkpoint(tmp_path / "inpainting_depthwise.checkpoint").steps > 0
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_weights_that_are_not_numbers_replace_no_checkpoint(tmp_path):
    """The reporter raises before it writes."""
    task = train.make_task(load_config("inpainting_depthwise"), device=torch.device("cpu"))
    run = train.start_run(task, device=torch.device("cpu"), checkpoint=None)
    next(run.average.model.parameters()).fill_(float("nan"))
    report = train.make_reporter(tmp_path, {}, WallClock(1), commit="abc")

    with pytest.raises(NonFiniteLoss, match="inpainting_depthwise: weights are not numbers"):
        report(run, {})

    assert list(tmp_path.iterdir()) == []


def test_features_that_nobody_looks_at_are_refused(tmp_path):
    """A segmenter given to runs that look at fixed filters would be ignored without a word."""
    words = ["--feature-checkpoint", str(tmp_path / "segmenter.checkpoint"), "--out", str(tmp_path)]

    with pytest.raises(ValueError, match="inpainting_depthwise looks at no segmenter's features"):
        train.main(["--config", "inpainting_depthwise", *words, *SMALL_MACHINE])


def test_a_pool_takes_at_most_half_of_the_free_memory(monkeypatch):
    """On a machine with 1 GiB free a pool of 16,000 samples of 512 px is cut to those that fit into half."""
    monkeypatch.setattr(train, "_read_memory", lambda: "MemFree:  1024 kB\nMemAvailable:    1048576 kB\n")

    samples = train.fit_pool(16_000, sample_px=512, device=torch.device("cpu"))

    assert samples == 2**29 // (9 * 512**2)
    assert train.fit_pool(100, sample_px=512, device=torch.device("cpu")) == 100
    monkeypatch.setattr(train, "_read_memory", str)
    assert train.fit_pool(16_000, sample_px=512, device=torch.device("cpu")) == 16_000


def test_resuming_without_a_checkpoint_is_refused(tmp_path):
    """The file that is missing is named."""
    with pytest.raises(FileNotFoundError, match=r"segmentation_residual\.checkpoint\.0"):
        train.main(["--config", "segmentation_residual", "--out", str(tmp_path), *SMALL_MACHINE, "--resume"])


def test_an_unknown_config_ends_with_usage(capsys):
    """The command line names the configs there are."""
    with pytest.raises(SystemExit):
        train.main(["--config", "nothing", "--minutes", "1", "--out", "x"])

    assert "segmentation_residual" in capsys.readouterr().err
