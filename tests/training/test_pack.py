from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.pack import PackError, make_pack

pytestmark = pytest.mark.training

CODE = Path(__file__).parents[2] / "training"


@pytest.fixture
def folders(tmp_path):
    """Assets, checkpoints and an output folder."""
    assets, checkpoints = tmp_path / "assets", tmp_path / "runs"
    assets.mkdir()
    checkpoints.mkdir()
    (assets / "picture.bin").write_bytes(b"x" * 1000)
    (checkpoints / "segmentation_residual.checkpoint.0").write_bytes(b"weights")
    (checkpoints / "segmentation_residual.metrics.jsonl").write_text("{}\n")
    return tmp_path / "pack", assets, checkpoints


def test_a_pack_holds_code_assets_and_checkpoints(folders):
    """What a run needs is there; caches and metrics are not."""
    out, assets, checkpoints = folders

    size = make_pack(out, code=CODE, assets=assets, checkpoints=[checkpoints], commit="abc123")

    assert (out / "training" / "train.py").is_file()
    assert (out / "assets" / "picture.bin").is_file()
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["segmentation_residual.checkpoint.0"]
    assert not list(out.rglob("__pycache__"))
    assert size == sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def test_a_pack_made_twice_holds_nothing_of_the_first(folders):
    """A checkpoint that is gone does not travel."""
    out, assets, checkpoints = folders
    make_pack(out, code=CODE, assets=assets, checkpoints=[checkpoints], commit="abc123")

    make_pack(out, code=CODE, assets=assets, checkpoints=[], commit="abc123")

    assert list((out / "checkpoints").iterdir()) == []


def test_a_pack_too_large_to_travel_is_refused(folders):
    """The message says how large it is and how large it may be."""
    out, assets, checkpoints = folders
    (assets / "large.bin").write_bytes(b"x" * 2_000_000)

    with pytest.raises(PackError, match=r"MiB; expected at most 1 MiB"):
        make_pack(out, code=CODE, assets=assets, checkpoints=[checkpoints], commit="abc", most_bytes=2**20)


def test_a_missing_folder_is_named(folders):
    """Nothing is packed when something asked for is not there."""
    out, assets, checkpoints = folders

    with pytest.raises(PackError, match="nowhere is not a folder"):
        make_pack(out, code=CODE, assets=assets / "nowhere", checkpoints=[checkpoints], commit="abc")


def test_the_script_starts_the_packed_code_with_the_packed_assets(folders):
    """run.sh puts the bundle first on Python's path, names the commit, and says where runs and copies go."""
    out, assets, checkpoints = folders
    back = out.parent / "back"
    back.mkdir()
    make_pack(out, code=CODE, assets=assets, checkpoints=[checkpoints], commit="abc123")
    (out / "site").mkdir()  # as if the wheels were installed
    (out / "training" / "train.py").write_text(
        "import os, sys\nprint(os.environ['TRAINING_COMMIT'], os.path.abspath(__file__), *sys.argv[1:])\n"
    )

    ran = subprocess.run(  # noqa: S603  the script that was just made
        [str(out / "run.sh"), "--minutes", "8"],
        env={**os.environ, "PYTHON": sys.executable, "OUT": str(back)},
        cwd=CODE.parent,  # which holds another training/
        capture_output=True,
        text=True,
        check=True,
    )

    commit, file, *arguments = ran.stdout.split()
    here = out.resolve()
    assert commit == "abc123"
    assert Path(file) == here / "training" / "train.py"
    assert arguments == [
        *("--out", str(here.parent / "runs"), "--resume-or-start", str(here / "checkpoints")),
        *("--copy-to", str(back), "--assets", str(here / "assets"), "--minutes", "8"),
    ]
