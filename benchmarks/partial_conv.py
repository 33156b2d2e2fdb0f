"""What partial convolution costs on a CPU, beside the same U-Net with plain ones: `python -m benchmarks.partial_conv`.

Untrained networks of the published configs, exported as they would ship and run through the service's session with one
thread. CPU seconds of the process, not the wall clock; the forms take turns, so that a busy neighbour slows all alike:
the ratio is what counts. Needs the training environment.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from service.deadline import Deadline
from service.session import Session
from training.configs.base import load_config
from training.export import export_network
from training.models.blocks import count_costs
from training.networks import build_network

FORMS = ("plain", "partial", "partial_exact", "partial_naive", "gated", "depthwise")
SIDES_PX = (256, 512)


def open_form(form: str) -> tuple[Session, int, int]:
    """An exported network of one form, its parameters and its multiply-accumulates at 256 x 256."""
    torch.manual_seed(0)
    network = build_network(load_config(f"inpainting_{form}")).eval()
    parameters, macs = count_costs(network, torch.zeros(1, 3, 256, 256), torch.zeros(1, 1, 256, 256))
    exported = export_network(
        network, task="inpainting", name=form.replace("_", "-"), version="0.0.0", source="untrained"
    )
    return Session(exported.model, exported.graph, threads=1), parameters, macs


def draw_feeds(side_px: int) -> dict[str, np.ndarray]:
    """A noisy picture with a tenth of it missing."""
    rng = np.random.default_rng(0)
    hole = np.zeros((1, 1, side_px, side_px), np.float32)
    hole[..., side_px // 4 : side_px // 2, side_px // 4 : side_px * 13 // 20] = 1
    return {"image": rng.random((1, 3, side_px, side_px), np.float32), "hole": hole}


def measure(sessions: dict[str, Session], feeds: dict[str, np.ndarray], *, rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds of each run, by form; all forms once per round, after one round that does not count."""
    found: dict[str, list[float]] = {form: [] for form in sessions}
    for turn in range(rounds + 1):
        for form, session in sessions.items():
            started = time.process_time()
            session.run(feeds, Deadline())
            if turn:
                found[form].append(1e3 * (time.process_time() - started))
    return found


def describe(own: list[float], plain: list[float]) -> str:
    """Median milliseconds, and the median of the ratios round by round: what slowed one slowed its neighbour too."""
    ratio = statistics.median(mine / other for mine, other in zip(own, plain, strict=True))
    return f"{statistics.median(own):.0f}, {ratio:.2f}"


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    forms = {form: open_form(form) for form in FORMS}
    sessions = {form: session for form, (session, _, _) in forms.items()}
    times = {side: measure(sessions, draw_feeds(side), rounds=rounds) for side in SIDES_PX}
    heads = [f"{side} px: ms, ratio" for side in SIDES_PX]
    print(f"| form | parameters M | GMAC at 256 | {' | '.join(heads)} |")
    print("|---" * (3 + len(SIDES_PX)) + "|")
    for form, (_, parameters, macs) in forms.items():
        cells = " | ".join(describe(times[side][form], times[side]["plain"]) for side in SIDES_PX)
        print(f"| {form} | {parameters / 1e6:.2f} | {macs / 1e9:.2f} | {cells} |")


if __name__ == "__main__":
    main()
