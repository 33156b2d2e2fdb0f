"""The page that goes with shipped weights: where they come from, what they do, how well, and where they fail."""

from __future__ import annotations

import re
from pathlib import Path

from service.store import Model
from training.checkpoint import Checkpoint

CARD_NAME = "MODEL_CARD.md"
_LIMITS_HEADING = "## Limits"
_WEIGHTS_ROW = re.compile(r"^\| weights \|.*$", re.MULTILINE)
_NO_LIMITS = "Not written yet: look at the sheets, then say here what the net gets wrong."

_DATA = """Synthetic pages drawn by `training/data/` from the material below, changed in many ways (scaled, recoloured,
covered, compressed). The weights hold no copy of any of it.
"""


def write_model_card(
    store: Path, model: Model, checkpoint: Checkpoint, *, graph_bytes: int, numbers: str | None = None
) -> Path:
    """Write `store/<name>/MODEL_CARD.md` anew; what a person wrote under Limits is kept. Returns the path.

    `numbers` is Markdown that stands in the place of what the run measured itself.
    """
    path = store / model.name / CARD_NAME
    limits = _known_limits(path)
    numbers = _list_metrics(checkpoint) if numbers is None else numbers.strip()
    card = _render(model, checkpoint, graph_bytes=graph_bytes, numbers=numbers, limits=limits)
    path.write_text(card, encoding="utf-8")
    return path


def quantized_card(source: Path, model: Model, *, graph_bytes: int, agreement: str) -> str:
    """The card of a graph in integers: that in the store `source`, and what is different of it.

    `agreement` says in a sentence how far both find the same. Raises ValueError if there is no such card.
    """
    path = source / model.name / CARD_NAME
    card = path.read_text(encoding="utf-8") if path.exists() else ""
    if not _WEIGHTS_ROW.search(card) or _LIMITS_HEADING not in card:
        raise ValueError(f"{path}: no card with a row of weights and a heading {_LIMITS_HEADING!r}; export writes one")
    weights = (
        f"in 8-bit integers, of 7 bits, a scale per output channel, the first and the last convolutions in float32; "
        f"activations in 8 bits; {graph_bytes / 1e6:.1f} MB"
    )
    numbers, limits = _WEIGHTS_ROW.sub(f"| weights | {weights} |", card, count=1).split(_LIMITS_HEADING, 1)
    rounded = f"Measured before weights were rounded to integers (`python -m training.quantize`): {agreement}."
    return f"{numbers}{rounded}\n\n{_LIMITS_HEADING}{limits}"


def _known_limits(path: Path) -> str:
    """What a person wrote under Limits, if the card was there."""
    if path.exists() and _LIMITS_HEADING in (old := path.read_text(encoding="utf-8")):
        return old.split(_LIMITS_HEADING, 1)[1].strip()
    return _NO_LIMITS


def _contract(model: Model) -> str:
    """Rows of the card's table that come from the manifest."""
    thresholds = ", ".join(f"{value} on `{name}`" for name, value in model.thresholds.items()) or "none"
    return f"""| task | {model.task} |
| input | {_tensors(model, "inputs")}; H and W multiples of {model.stride} |
| output | {_tensors(model, "outputs")} |
| threshold | {thresholds} |"""


def _tensors(model: Model, kind: str) -> str:
    specs = model.inputs if kind == "inputs" else model.outputs
    return "; ".join(f"`{spec.name}` {spec.dtype} ({', '.join(map(str, spec.shape))})" for spec in specs)


def _list_metrics(checkpoint: Checkpoint) -> str:
    """What the last evaluation of the run measured, as a table."""
    last = checkpoint.history[-1] if checkpoint.history else {}
    metrics = last.get("metrics", {})
    assert isinstance(metrics, dict)
    rows = "\n".join(f"| {name} | {value:.4g} |" for name, value in metrics.items()) or "| none | not measured |"
    return f"""On the fixed synthetic validation pages of that commit, at the end of training; `training/README.md`
explains them.

| | |
|---|---|
{rows}"""


def _render(model: Model, checkpoint: Checkpoint, *, graph_bytes: int, numbers: str, limits: str) -> str:
    commands = checkpoint.commands or [f"python -m training.train --config {checkpoint.config['name']}"]
    made_by = "; ".join(f"`{command}`" for command in commands)
    way = "" if checkpoint.share == 1 else f", {checkpoint.share:g} of the way from the weights that they began with"
    options = checkpoint.config["options"] or "as in the class"
    material = "\n".join(f"* {line}" for line in checkpoint.material) or "* not recorded by the run"
    return f"""# {model.name} {model.version}

| | |
|---|---|
{_contract(model)}
| weights | stored as float16, cast when the graph is opened; {graph_bytes / 1e6:.1f} MB |
| licence | {model.licence} |
| made by | {made_by}, commit `{checkpoint.commit}` |
| trained | {checkpoint.steps} steps, {checkpoint.trained_s / 60:.0f} min{way}; options: {options} |

## Data
{_DATA}
{material}

## Numbers
{numbers}

{_LIMITS_HEADING}
{limits}
"""
