"""What `verify` buys and costs, page by page: `python -m benchmarks.verify FOLDER`.

Each page is erased three times in turn: without a second look, with a look and no second pass, and with both. Prints
a Markdown table: share of the text's ink that is left before and after the second pass, and what both cost.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from unittest import mock

from service import steps
from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.errors import TextEraserError
from service.files import SUFFIXES
from service.options import EraseOptions
from service.settings import Settings


def erase(eraser: Eraser, data: bytes, *, verify: bool, grow: bool = True) -> tuple[Outcome, float]:
    """One run and its seconds; without `grow` nothing is erased twice."""
    options = EraseOptions(verify=verify)
    started = time.perf_counter()
    if grow:
        outcome = eraser.erase(data, None, options, Deadline())
    else:
        with mock.patch.object(steps, "grow", return_value=None):
            outcome = eraser.erase(data, None, options, Deadline())
    return outcome, time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    settings = Settings()
    eraser = build_eraser(settings, open_store(settings))
    print("| page | texts | left before | left after | mask before | mask after | plain ms | look | look + pass |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    ratios: list[tuple[float, float]] = []
    residuals: list[tuple[float, float]] = []
    for path in sorted(arguments.folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES:
            continue
        data = path.read_bytes()
        try:
            turns = [
                (
                    erase(eraser, data, verify=False),
                    erase(eraser, data, verify=True, grow=False),
                    erase(eraser, data, verify=True),
                )
                for _ in range(arguments.rounds)
            ]
        except TextEraserError as exc:
            print(f"| {path.stem} | {exc.detail} |")
            continue
        (plain, _), (looked, _), (both, _) = turns[0]
        plain_s, looked_s, both_s = (statistics.median(turn[column][1] for turn in turns) for column in range(3))
        assert looked.residual is not None
        assert both.residual is not None
        ratios.append((looked_s / plain_s, both_s / plain_s))
        residuals.append((looked.residual, both.residual))
        print(
            f"| {path.stem} | {len(plain.regions)} | {looked.residual:.2%} | {both.residual:.2%} "
            f"| {plain.mask_share:.2%} | {both.mask_share:.2%} "
            f"| {1000 * plain_s:.0f} | x {looked_s / plain_s:.2f} | x {both_s / plain_s:.2f} |"
        )
    means = [statistics.mean(column) for column in (*zip(*residuals, strict=True), *zip(*ratios, strict=True))]
    print(f"| mean of {len(ratios)} | | {means[0]:.2%} | {means[1]:.2%} | | | | x {means[2]:.2f} | x {means[3]:.2f} |")


if __name__ == "__main__":
    main()
