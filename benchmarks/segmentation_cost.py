"""What the segmenters of the published configs cost on a CPU at 1024 x 1024: `python -m benchmarks.segmentation_cost`.

Untrained; measured like `benchmarks.partial_conv`: one thread, CPU seconds, in turns. Needs the training environment.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from benchmarks.partial_conv import describe, measure
from service.session import Session
from training.configs.base import load_config
from training.export import export_network
from training.models.blocks import count_costs
from training.networks import build_network

CONFIGS = (
    "segmentation_residual",
    "segmentation_mobilenet_w1_rfb",
    "segmentation_mobilenet_w1_aspp_selu",
    "segmentation_mobilenet_w2_rfb",
)
SIDE_PX = 1024


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    sessions, sizes = {}, {}
    for name in CONFIGS:
        torch.manual_seed(0)
        network = build_network(load_config(name)).eval()
        parameters, macs = count_costs(network, torch.zeros(1, 3, 256, 256))
        sizes[name] = (parameters / 1e6, macs * (SIDE_PX / 256) ** 2 / 1e9)
        exported = export_network(network, task="segmentation", name="cost", version="0.0.0", source="untrained")
        sessions[name] = Session(exported.model, exported.graph, threads=1)
    image = np.random.default_rng(0).random((1, 3, SIDE_PX, SIDE_PX), np.float32)
    times = measure(sessions, {"image": image}, rounds=rounds)
    print("| config | parameters M | GMAC | ms, ratio to the first |")
    print("|---|---|---|---|")
    for name, (parameters, macs) in sizes.items():
        print(f"| {name} | {parameters:.2f} | {macs:.1f} | {describe(times[name], times[CONFIGS[0]])} |")


if __name__ == "__main__":
    main()
