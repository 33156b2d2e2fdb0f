from __future__ import annotations

import json

import pytest

from service.store import ModelStore
from training import export, train

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

    lines = (tmp_path / "runs" / "inpainting_partial.metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]
    checkpoint = tmp_path / "runs" / "segmentation_residual.checkpoint"
    export.main(
        ["--checkpoint", str(checkpoint), "--store", str(tmp_path / "store"), "--name", "ours", "--version", "1.0.0"]
    )
    model = ModelStore.open(tmp_path / "store").find("ours", "segmentation")
    assert model.thresholds == {"text": 0.4}
    assert "config segmentation_residual, 2 steps" in model.source
    assert "python -m training.train --config segmentation_residual" in (
        tmp_path / "store" / "ours" / "MODEL_CARD.md"
    ).read_text(encoding="utf-8")


def test_the_adversarial_stage_starts_from_the_fillers_weights(tmp_path):
    """`--start-from` takes weights only: steps count from 0, and the critic is new."""
    train.main(["--config", "inpainting_partial", "--out", str(tmp_path), *SMALL_MACHINE])
    weights = str(tmp_path / "inpainting_partial.checkpoint")

    train.main(["--config", "inpainting_adversarial", "--out", str(tmp_path), "--start-from", weights, *SMALL_MACHINE])

    entry = json.loads((tmp_path / "inpainting_adversarial.metrics.jsonl").read_text())
    assert entry["step"] == 1
    assert {"adversarial", "matching"} <= entry["terms"].keys()


def test_resuming_without_a_checkpoint_is_refused(tmp_path):
    """The file that is missing is named."""
    with pytest.raises(FileNotFoundError, match=r"segmentation_residual\.checkpoint\.0"):
        train.main(["--config", "segmentation_residual", "--out", str(tmp_path), *SMALL_MACHINE, "--resume"])


def test_an_unknown_config_ends_with_usage(capsys):
    """The command line names the configs there are."""
    with pytest.raises(SystemExit):
        train.main(["--config", "nothing", "--minutes", "1", "--out", "x"])

    assert "segmentation_residual" in capsys.readouterr().err
