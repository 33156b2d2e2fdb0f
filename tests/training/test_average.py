"""Between two checkpoints of one network."""

from __future__ import annotations

import pytest
import torch

from training.average import average, main
from training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

pytestmark = pytest.mark.training


def checkpoint(value: float, *, size: int = 2, material: tuple[str, ...] = ()) -> Checkpoint:
    """One weight and one counter."""
    weights = {"weight": torch.full((size,), float(value)), "steps": torch.tensor(int(value))}
    return Checkpoint(
        config={"name": "x"}, commit="c", weights=weights, steps=7, history=[{"step": 7}], material=list(material)
    )


def test_weights_lie_between_the_two_as_far_as_the_share_says(tmp_path):
    """A quarter of the way from 1 to 3 is 1.5; counters, material of both and the second's name and steps stay."""
    save_checkpoint(checkpoint(1, material=("fonts",)), tmp_path / "before")
    save_checkpoint(checkpoint(3, material=("fonts", "photos")), tmp_path / "after")
    paths = ["--before", str(tmp_path / "before"), "--after", str(tmp_path / "after")]

    main([*paths, "--share", "0.25", "--out", str(tmp_path / "mean")])

    mean = load_checkpoint(tmp_path / "mean" / "after")
    assert mean.weights["weight"].tolist() == [1.5, 1.5]
    assert mean.weights["steps"].item() == 3
    assert mean.material == ["fonts", "photos"]
    assert (mean.steps, mean.history) == (7, [])
    assert (mean.share, mean.commands) == (0.25, ["python -m training.average --share 0.25"])


def test_other_networks_and_other_shares_are_refused():
    """A weight of another shape has no average, and past the ends lies what nobody has trained."""
    with pytest.raises(ValueError, match="different networks"):
        average(checkpoint(1), checkpoint(3, size=3), 0.5)
    with pytest.raises(ValueError, match=r"share is 1\.5; expected 0 to 1"):
        average(checkpoint(1), checkpoint(3), 1.5)
