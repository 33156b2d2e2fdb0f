"""Memory of the server by size of the image, against what admission counts. `python -m benchmarks.memory`.

A fresh server for each image: idle, the largest it was while it worked, and what it holds a few seconds later.
"""

from __future__ import annotations

import argparse
import time

import httpx

from benchmarks.servers import running_server
from benchmarks.uploads import page_file
from service.api.jobs import BYTES_PER_PIXEL, NETWORK_BYTES
from service.workers import REST_S

SIZES_MP = (0.1, 4.0, 40.0)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, nargs="*", default=SIZES_MP)
    arguments = parser.parse_args()
    print("| image | idle MB | peak MB | more, MB | counted, MB | after rest MB |")
    print("|---|---|---|---|---|---|")
    for megapixels in arguments.megapixels:
        for kind in ("PNG", "JPEG"):
            print(_row(megapixels, kind), flush=True)


def _row(megapixels: float, kind: str) -> str:
    upload = page_file(megapixels, kind)
    with running_server(slots=1, deadline_s=300) as server:
        httpx.post(f"{server.address}/v1/erase", files={"image": page_file(0.1)}, timeout=300).raise_for_status()
        time.sleep(REST_S + 1)
        idle_mb = server.memory_mb()
        server.forget_peak()
        httpx.post(f"{server.address}/v1/erase", files={"image": upload}, timeout=300).raise_for_status()
        peak_mb = server.memory_mb("VmHWM")
        time.sleep(REST_S + 1)
        rest_mb = server.memory_mb()
    counted_mb = (NETWORK_BYTES + BYTES_PER_PIXEL * megapixels * 1e6) / 1e6
    return (
        f"| {kind} {megapixels:g} MP, {len(upload) / 1e6:.1f} MB | {idle_mb:.0f} | {peak_mb:.0f} "
        f"| {peak_mb - idle_mb:.0f} | {counted_mb:.0f} | {rest_mb:.0f} |"
    )


if __name__ == "__main__":
    main()
