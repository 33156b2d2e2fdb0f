"""Pages a second and latency of the bare pipeline, by slots and threads. Decides the default of `intra_threads`.

The arrangements take turns, round by round, so that a busy neighbour slows each of them alike.
"""

from __future__ import annotations

import argparse
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.latency import MEGAPIXELS
from benchmarks.uploads import EXAMPLE, page_file
from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.eraser import Eraser
from service.options import EraseOptions
from service.settings import Settings

ARRANGEMENTS = ((2, 1), (1, 2), (2, 2), (1, 1))
"""Slots and threads of one graph run."""


def erase_one(eraser: Eraser, page: bytes) -> float:
    """Seconds for one page."""
    start = time.perf_counter()
    eraser.erase(page, None, EraseOptions(), Deadline())
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=EXAMPLE)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--pages", type=int, default=4, help="pages in a round")
    arguments = parser.parse_args()
    page = page_file(MEGAPIXELS, page=arguments.page)
    erasers: dict[tuple[int, int], Eraser] = {}
    for slots, threads in ARRANGEMENTS:
        settings = Settings(intra_threads=threads)
        erasers[slots, threads] = build_eraser(settings, open_store(settings))
    latencies: dict[tuple[int, int], list[float]] = {key: [] for key in erasers}
    rates: dict[tuple[int, int], list[float]] = {key: [] for key in erasers}
    for turn in range(arguments.rounds + 1):
        for key, eraser in erasers.items():
            with ThreadPoolExecutor(key[0]) as pool:
                start = time.perf_counter()
                seconds = list(pool.map(lambda _, eraser=eraser: erase_one(eraser, page), range(arguments.pages)))
                took = time.perf_counter() - start
            if turn:  # the first round warms up
                latencies[key] += seconds
                rates[key].append(arguments.pages / took)
    print("slots x threads   pages/s   median latency s")
    for (slots, threads), rate in rates.items():
        latency = statistics.median(latencies[slots, threads])
        print(f"{slots} x {threads}            {statistics.median(rate):7.2f}   {latency:10.2f}")


if __name__ == "__main__":
    main()
