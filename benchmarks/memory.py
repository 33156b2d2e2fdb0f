"""Memory of the server by size of the image, against what admission counts. `python -m benchmarks.memory`.

A fresh server for each image: idle, the largest it was while it worked, and what it holds a few seconds later. An
answer of image and mask together (`both`) is counted like the image alone.
"""

from __future__ import annotations

import argparse
import time
from typing import cast

import httpx

from benchmarks.servers import RunningServer, running_server
from benchmarks.uploads import page_file
from service.api.jobs import weight_bytes
from service.imaging import codec
from service.options import OutputFormat
from service.workers import REST_S

SIZES_MP = (0.1, 4.0, 40.0)
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "PNG": ("PNG", {}),
    "JPEG": ("JPEG", {}),
    "WebP": ("WEBP", {}),
    "PNG, both": ("PNG", {"output": "both"}),
    "JPEG to PNG": ("JPEG", {"format": "png"}),
    "JPEG to PSD": ("JPEG", {"format": "psd"}),
    "JPEG to ORA": ("JPEG", {"format": "ora"}),
}
"""Format of the upload, and what is asked for."""
MAX_PIXELS = 100_000_000


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, nargs="*", default=SIZES_MP)
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    arguments = parser.parse_args()
    print("| image | idle MB | peak MB | more, MB | counted, MB | after rest MB |")
    print("|---|---|---|---|---|---|")
    for megapixels in arguments.megapixels:
        for case in arguments.cases:
            print(_row(megapixels, case), flush=True)


def _row(megapixels: float, case: str) -> str:
    kind, options = CASES[case]
    upload = page_file(megapixels, kind)
    with running_server(slots=1, deadline_s=300) as server:
        _erase(server, page_file(0.1), options)
        time.sleep(REST_S + 1)
        idle_mb = server.memory_mb()
        server.forget_peak()
        _erase(server, upload, options)
        peak_mb = server.memory_mb("VmHWM")
        time.sleep(REST_S + 1)
        rest_mb = server.memory_mb()
    asked = cast("OutputFormat", options.get("format", "same"))
    counted_mb = weight_bytes(codec.read_header(upload, max_pixels=MAX_PIXELS), asked) / 1e6
    return (
        f"| {case}, {megapixels:g} MP, {len(upload) / 1e6:.1f} MB | {idle_mb:.0f} | {peak_mb:.0f} "
        f"| {peak_mb - idle_mb:.0f} | {counted_mb:.0f} | {rest_mb:.0f} |"
    )


def _erase(server: RunningServer, upload: bytes, options: dict[str, str]) -> None:
    """Erase it, and leave what comes where it is: this process shares the machine's memory."""
    with httpx.stream(
        "POST", f"{server.address}/v1/erase", files={"image": upload}, data=options, timeout=300, trust_env=False
    ) as answer:
        answer.raise_for_status()
        for _ in answer.iter_raw():
            pass


if __name__ == "__main__":
    main()
