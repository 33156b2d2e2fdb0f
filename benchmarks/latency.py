"""Time of one page by step, and what the server adds to the bare pipeline. `make bench`.

Both are measured in one run, turn by turn, so that a busy neighbour slows both: the ratio is what counts.
"""

from __future__ import annotations

import argparse
import io
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
from PIL import Image

from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.options import EraseOptions
from service.settings import Settings

EXAMPLE = Path(__file__).parent.parent / "examples" / "page.png"
MEGAPIXELS = 1.5
READY_S = 60


def page_bytes(path: Path) -> bytes:
    """The page at `path`, resized to MEGAPIXELS, as a JPEG file."""
    page = Image.open(path).convert("RGB")
    scale = (MEGAPIXELS * 1e6 / (page.width * page.height)) ** 0.5
    buffer = io.BytesIO()
    page.resize((round(page.width * scale), round(page.height * scale)), Image.Resampling.LANCZOS).save(
        buffer, "JPEG", quality=92
    )
    return buffer.getvalue()


@contextmanager
def running_server() -> Iterator[str]:
    """A real server process on a free port, ready; yields its address."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([sys.executable, "-m", "service", "serve", "--port", "0"], stdout=log, stderr=log)
        try:
            yield _wait_until_ready(process, log)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_until_ready(process: subprocess.Popen[bytes], log: IO[str]) -> str:
    for _ in range(10 * READY_S):
        time.sleep(0.1)
        log.seek(0)
        said = log.read()
        found = re.search(r"serving on (http://\S+)", said)
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}:\n{said}")
        if found and _is_ready(found[1]):
            return found[1]
    raise SystemExit(f"the server was not ready within {READY_S} s:\n{said}")


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz").is_success
    except httpx.TransportError:
        return False


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=EXAMPLE)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    page = page_bytes(arguments.page)
    settings = Settings()
    eraser = build_eraser(settings, open_store(settings))
    bare: list[float] = []
    served: list[float] = []
    steps: dict[str, list[float]] = {}
    with running_server() as address, httpx.Client(base_url=address, timeout=120) as client:
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
