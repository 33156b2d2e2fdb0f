"""What partial convolution costs on a CPU, beside the same U-Net with plain ones: `python -m benchmarks.partial_conv`.

The fillers that `benchmarks.designs` measures on a page, here on crops as the service cuts them, with one thread;
without the relaxation of their pyramid, as there. Needs the training environment.
"""

from __future__ import annotations

import argparse

import torch

from benchmarks.costs import describe, measure_times
from benchmarks.designs import FILLERS, build_designs
from benchmarks.tables import table

SIDES_PX = (256, 512)


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    designs = build_designs(FILLERS)
    sessions = {name: design.open(threads=1) for name, design in designs.items()}
    times = {side_px: measure_times(sessions, side_px=side_px, rounds=rounds) for side_px in SIDES_PX}
    print(
        table(
            ["design", "parameters M", "GMAC at 256", *(f"{side_px} px: CPU ms, ratio" for side_px in SIDES_PX)],
            [
                [
                    name,
                    f"{design.parameters / 1e6:.2f}",
                    f"{design.macs / 1e9:.2f}",
                    *(describe(found[name].cpu_ms, found[FILLERS[0]].cpu_ms) for found in times.values()),
                ]
                for name, design in designs.items()
            ],
        )
    )


if __name__ == "__main__":
    main()
