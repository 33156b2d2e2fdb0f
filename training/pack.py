"""Bundle a training run for a machine without network: code, assets, checkpoints, wheels, and one script to start it.

`python -m training.pack --assets ASSETS` here, then `build/pack/run.sh --config NAME --minutes 9.5` there.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from training.checkpoint import find_commit

MOST_BYTES = 60 * 2**20
"""Larger bundles do not travel."""

WHEELS = ("pyclipper>=1.3,<2",)
"""What a machine that has torch, NumPy, OpenCV and Pillow may still lack."""

_SKIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")

_RUN_SCRIPT = """#!/bin/sh
# Train on this machine; all arguments go to training.train, after those that this script gives.
# Runs are kept in `runs` beside the bundle: the same command again goes on with them, or with the bundle's checkpoints.
# With a folder in $OUT each report's files are copied there.
set -eu
TRAINING_STARTED_AT=$(date +%s)
here=$(cd "$(dirname "$0")" && pwd)
python=${{PYTHON:-python3}}
# A wheel is a zip archive: unpacking needs neither pip nor a network.
[ -d "$here/site" ] || for wheel in "$here"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$here/site"; done
export PYTHONPATH="$here:$here/site${{PYTHONPATH:+:$PYTHONPATH}}" PYTHONUNBUFFERED=1
export TRAINING_STARTED_AT TRAINING_COMMIT={commit}
[ ! -d "$here/assets" ] || set -- --assets "$here/assets" "$@"
[ ! -d "${{OUT:-}}" ] || set -- --copy-to "$OUT" "$@"
set -- --out "$(dirname "$here")/runs" --resume-or-start "$here/checkpoints" "$@"
# -P: the code of this bundle, not of the folder that it is started from.
exec "$python" -P -m training.train "$@"
"""


class PackError(RuntimeError):
    """The bundle cannot be made, or is too large to travel."""


def download_wheels(folder: Path, *, python_version: str, platform: str, requirements: Sequence[str] = WHEELS) -> None:
    """Fetch binary wheels for the other machine's Python and platform into `folder`."""
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--dest", str(folder)),
        *("--python-version", python_version, "--platform", platform),
        *requirements,
    ]
    try:
        subprocess.run(command, check=True)  # noqa: S603  our own pip, our own list
    except subprocess.CalledProcessError as exc:
        raise PackError(f"pip could not fetch {', '.join(requirements)} for Python {python_version}") from exc


def make_pack(
    out: Path,
    *,
    code: Path,
    assets: Path | None,
    checkpoints: Sequence[Path],
    commit: str,
    most_bytes: int = MOST_BYTES,
) -> int:
    """Fill the folder `out` (emptied first, but for its wheels) and return its size in bytes.

    `checkpoints` are folders of checkpoint parts; all end up in `out/checkpoints`, for `--resume`.
    Raises PackError if a folder is missing or the bundle is larger than `most_bytes`.
    """
    for folder in (code, *([assets] if assets else []), *checkpoints):
        if not folder.is_dir():
            raise PackError(f"{folder} is not a folder; expected one to pack")
    for name in ("training", "assets", "checkpoints", "site"):
        shutil.rmtree(out / name, ignore_errors=True)
    shutil.copytree(code, out / "training", ignore=_SKIPPED)
    if assets:
        shutil.copytree(assets, out / "assets", ignore=_SKIPPED)
    (out / "checkpoints").mkdir()
    for folder in checkpoints:
        for part in sorted(folder.glob("*.checkpoint.*")):
            shutil.copy2(part, out / "checkpoints" / part.name)
    script = out / "run.sh"
    script.write_text(_RUN_SCRIPT.format(commit=commit), encoding="utf-8")
    script.chmod(0o755)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    if size > most_bytes:
        raise PackError(f"{out} is {size / 2**20:.1f} MiB; expected at most {most_bytes / 2**20:.0f} MiB")
    return size


def main(argv: Sequence[str] | None = None) -> None:
    """Make a bundle and say how large it is."""
    parser = argparse.ArgumentParser(prog="python -m training.pack", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/pack"))
    parser.add_argument("--assets", type=Path, help="asset pack to take along")
    parser.add_argument(
        "--checkpoints", type=Path, action="append", default=[], help="a folder of checkpoints; repeatable"
    )
    parser.add_argument("--python-version", default="3.12", help="Python of the other machine")
    parser.add_argument("--platform", default="manylinux2014_x86_64", help="platform of the other machine")
    arguments = parser.parse_args(argv)
    code = Path(__file__).parent
    shutil.rmtree(arguments.out / "wheels", ignore_errors=True)
    download_wheels(arguments.out / "wheels", python_version=arguments.python_version, platform=arguments.platform)
    size = make_pack(
        arguments.out,
        code=code,
        assets=arguments.assets,
        checkpoints=arguments.checkpoints,
        commit=find_commit(code),
    )
    sys.stderr.write(f"{arguments.out}: {size / 2**20:.1f} MiB\n")


if __name__ == "__main__":
    main()
