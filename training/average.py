"""Average the weights of two checkpoints of one network: what a run learned, without all that it forgot meanwhile.

`python -m training.average --before runs/shipped/X.checkpoint --after runs/X.checkpoint --share 0.35 --out runs/mean`

Between the weights that a run began with and those that it ended with, the straight line often passes through better
ones than either end (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", eq. 2).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from training.checkpoint import Checkpoint, describe_call, halve, load_checkpoint, save_checkpoint, widen


def average(before: Checkpoint, after: Checkpoint, share: float) -> Checkpoint:
    """`after` with the weights `(1 - share) * before + share * after`; without its metrics, which were others'.

    Raises ValueError if `share` is not from 0 to 1, or the two hold other networks.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; expected 0 to 1")
    old, new = widen(before.weights), widen(after.weights)
    if {name: tensor.shape for name, tensor in old.items()} != {name: tensor.shape for name, tensor in new.items()}:
        raise ValueError("the checkpoints hold different networks; expected one network, trained on")
    weights = {
        name: old[name].lerp(tensor, share) if tensor.is_floating_point() else tensor for name, tensor in new.items()
    }
    material = [*before.material, *(line for line in after.material if line not in before.material)]
    commands = [*after.commands, describe_call("training.average", ["--share", f"{share:g}"])]
    return replace(
        after,
        weights=halve(weights),
        critic=None,
        history=[],
        material=material,
        commands=commands,
        share=after.share * share,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Read two checkpoints, write their average under the name of the second."""
    parser = argparse.ArgumentParser(prog="python -m training.average", description=__doc__)
    parser.add_argument("--before", type=Path, required=True, help="what the run started from")
    parser.add_argument("--after", type=Path, required=True, help="what it ended with")
    parser.add_argument("--share", type=float, default=0.5, help="of the second, 0 to 1; try several, look at pages")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint")
    arguments = parser.parse_args(argv)
    mean = average(load_checkpoint(arguments.before), load_checkpoint(arguments.after), arguments.share)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for path in save_checkpoint(mean, arguments.out / arguments.after.name):
        sys.stderr.write(f"{path}\n")


if __name__ == "__main__":
    main()
