"""What every published design costs on a CPU at 1024 x 1024, trained or not: `python -m benchmarks.designs`.

Untrained networks of the published configs, exported as they would ship and run through the service's session with one
thread and with two. The designs take turns; ratios are to the first of each table. Needs the training environment.

Fillers are measured without the relaxation of the pyramid that they correct: it is the same for all of them, would
hide how they differ, and takes the exporter minutes each. Its cost is the row of the graph that is only a pyramid.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from unittest import mock

import torch

from benchmarks.costs import describe, measure_times
from benchmarks.tables import table
from service.app import open_store
from service.session import Session
from service.settings import Settings
from service.store import Model
from training.configs.base import SegmentationRun, load_config
from training.export import export_network
from training.models import pyramid
from training.models.blocks import count_costs
from training.networks import build_network

SEGMENTERS = (
    "segmentation_residual",
    "segmentation_mobilenet_w1_rfb",
    "segmentation_mobilenet_w1_aspp_selu",
    "segmentation_mobilenet_w2_rfb",
)
FILLERS = (
    "inpainting_plain",
    "inpainting_partial",
    "inpainting_partial_exact",
    "inpainting_partial_naive",
    "inpainting_gated",
    "inpainting_depthwise",
)
COUNTED_PX = 256
"""Multiply-accumulates are counted at this side and scaled: they grow with the area."""


@dataclass(frozen=True)
class Design:
    """A graph, and what it holds."""

    model: Model
    graph: bytes
    parameters: int
    macs: int
    """Multiply-accumulates of the convolutions at COUNTED_PX x COUNTED_PX."""

    def open(self, threads: int) -> Session:
        """The graph as the service opens it."""
        return Session(self.model, self.graph, threads=threads)


def build_design(name: str) -> Design:
    """The network of the config called `name`, its weights from seed 0, exported."""
    torch.manual_seed(0)
    config = load_config(name)
    task, planes = ("segmentation", (3,)) if isinstance(config, SegmentationRun) else ("inpainting", (3, 1))
    with mock.patch.object(pyramid, "_relax", _leave):
        network = build_network(config).eval()
        inputs = [torch.zeros(1, count, COUNTED_PX, COUNTED_PX) for count in planes]
        parameters, macs = count_costs(network, *inputs)
        exported = export_network(network, task=task, name="design", version="0.0.0", source="untrained")
    return Design(exported.model, exported.graph, parameters, macs)


def _leave(fill: torch.Tensor, *_: torch.Tensor, count: int) -> torch.Tensor:  # noqa: ARG001
    return fill


def open_pyramid() -> Design | None:
    """The relaxed pyramid by itself, if it is the filler that ships."""
    store = open_store(Settings())
    model = store.find("inpainting", "inpainting")
    return Design(model, store.read(model), 0, 0) if "pyramid" in model.source else None


def compare(designs: dict[str, Design], *, side_px: int, rounds: int) -> str:
    """The table of these designs; the first is the unit of the ratios."""
    first = next(iter(designs))
    sessions = {f"{name} {threads}": design.open(threads) for name, design in designs.items() for threads in (1, 2)}
    times = measure_times(sessions, side_px=side_px, rounds=rounds)

    def timed(name: str) -> list[str]:
        one, two = (times[f"{name} {threads}"] for threads in (1, 2))
        first_one, first_two = (times[f"{first} {threads}"] for threads in (1, 2))
        return [
            describe(one.cpu_ms, first_one.cpu_ms),
            describe(two.cpu_ms, first_two.cpu_ms),
            describe(two.wall_ms, first_two.wall_ms),
        ]

    grown = (side_px / COUNTED_PX) ** 2 / 1e9
    return table(
        ["design", "parameters M", "GMAC", *(f"{what} ms, ratio" for what in ("1 thread CPU", "2 CPU", "2 wall"))],
        [
            [name, f"{design.parameters / 1e6:.2f}", f"{design.macs * grown:.1f}", *timed(name)]
            for name, design in designs.items()
        ],
    )


def build_designs(names: Sequence[str]) -> dict[str, Design]:
    """`build_design` of each; after fillers, the pyramid."""
    designs = {name: build_design(name) for name in names}
    alone = open_pyramid() if names == FILLERS else None
    return designs if alone is None else {**designs, f"{alone.model.label}, the relaxed pyramid alone": alone}


def main() -> None:
    """Print a table of segmenters and one of fillers as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--side-px", type=int, default=1024)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for names in (SEGMENTERS, FILLERS):
        print(compare(build_designs(names), side_px=arguments.side_px, rounds=arguments.rounds), flush=True)
        print(flush=True)


if __name__ == "__main__":
    main()
