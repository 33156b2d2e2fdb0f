from __future__ import annotations

import pickle

import pytest
import torch

from training.checkpoint import Checkpoint, find_commit, halve, load_checkpoint, save_checkpoint, widen

pytestmark = pytest.mark.training


def make_checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    weights = {"conv.weight": torch.randn(64, 64), "norm.running_var": torch.rand(64), "norm.count": torch.tensor(3)}
    return Checkpoint(
        config={"name": "tiny", "options": {"widths": (1, 2)}},
        commit="abc",
        weights=halve(weights),
        steps=7,
        trained_s=1.5,
        history=[{"step": 7, "metrics": {"f1": 0.5}}],
    )


def test_what_is_saved_is_what_is_loaded(tmp_path):
    """Weights, config, commit, steps and history survive the disk."""
    saved = make_checkpoint()
    save_checkpoint(saved, tmp_path / "tiny.checkpoint")

    loaded = load_checkpoint(tmp_path / "tiny.checkpoint")

    assert {**vars(loaded), "weights": None} == {**vars(saved), "weights": None}
    assert all(torch.equal(loaded.weights[name], tensor) for name, tensor in saved.weights.items())


def test_large_checkpoints_are_split_and_joined_again(tmp_path):
    """Parts stay below the limit; parts of an older, larger checkpoint disappear."""
    path = tmp_path / "tiny.checkpoint"
    parts = save_checkpoint(make_checkpoint(), path, part_bytes=2000)

    assert len(parts) > 2
    assert all(part.stat().st_size <= 2000 for part in parts)
    assert load_checkpoint(path).steps == 7
    assert save_checkpoint(make_checkpoint(), path, part_bytes=1 << 20) == [path.with_name("tiny.checkpoint.0")]
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.checkpoint.0"]
    assert load_checkpoint(path).steps == 7


def test_matrices_are_halved_and_vectors_are_not():
    """A running variance keeps its float32; what comes back is float32 throughout."""
    weights = make_checkpoint().weights

    assert weights["conv.weight"].dtype == torch.float16
    assert weights["norm.running_var"].dtype == torch.float32
    assert widen(weights)["conv.weight"].dtype == torch.float32
    assert widen(weights)["norm.count"].dtype == torch.int64


def test_a_missing_checkpoint_is_named(tmp_path):
    """The error names the file that was looked for."""
    with pytest.raises(FileNotFoundError, match=r"none\.checkpoint\.0: no checkpoint there"):
        load_checkpoint(tmp_path / "none.checkpoint")


def test_a_checkpoint_cannot_run_code(tmp_path):
    """A file that pickles a call instead of plain values is refused."""

    class Evil:
        def __reduce__(self) -> tuple:
            return (print, ("ran",))

    torch.save({"config": Evil()}, tmp_path / "evil.checkpoint.0")

    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(tmp_path / "evil.checkpoint")


def test_a_pack_without_git_tells_its_commit_by_environment(tmp_path, monkeypatch):
    """Where there is no repository, the commit is what the pack said, or unknown."""
    monkeypatch.delenv("TRAINING_COMMIT", raising=False)
    assert find_commit(tmp_path) == "unknown"

    monkeypatch.setenv("TRAINING_COMMIT", "0123456789ab")
    assert find_commit(tmp_path) == "0123456789ab"
