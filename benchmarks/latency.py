"""Time of one page by step, and what the server adds to the bare pipeline. `make bench`.

Both are measured in one run, turn by turn, so that a busy neighbour slows both: the ratio is what counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import httpx

from benchmarks.servers import running_server
from benchmarks.uploads import EXAMPLE, page_file
from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.options import EraseOptions
from service.settings import Settings

MEGAPIXELS = 1.5


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=EXAMPLE)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    page = page_file(MEGAPIXELS, page=arguments.page)
    settings = Settings()
    eraser = build_eraser(settings, open_store(settings))
    bare: list[float] = []
    served: list[float] = []
    steps: dict[str, list[float]] = {}
    with running_server() as server, httpx.Client(base_url=server.address, timeout=120) as client:
        for turn in range(arguments.rounds + 2):
            start = time.perf_counter()
            outcome = eraser.erase(page, None, EraseOptions(), Deadline())
            middle = time.perf_counter()
            client.post("/v1/erase", files={"image": page}).raise_for_status()
            end = time.perf_counter()
            if turn < 2:  # both warm first
                continue
            bare.append(middle - start)
            served.append(end - middle)
            for step, seconds in outcome.timings.items():
                steps.setdefault(step, []).append(seconds)
    print(f"page: {outcome.width} x {outcome.height}, {len(page)} bytes, {arguments.rounds} rounds, medians in ms")
    for step, seconds in steps.items():
        print(f"  {step:10} {1e3 * statistics.median(seconds):8.1f}")
    print(f"  bare       {1e3 * statistics.median(bare):8.1f}")
    print(f"  served     {1e3 * statistics.median(served):8.1f}")
    ratio = statistics.median(after / before for before, after in zip(bare, served, strict=True))
    print(f"  served / bare, median of the ratios: {ratio:.3f}")


if __name__ == "__main__":
    main()
