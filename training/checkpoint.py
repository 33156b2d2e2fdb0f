"""Training state on disk: small enough to travel, whole enough to resume from."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

PART_BYTES = 15 * 2**20
"""Files larger than 16 MiB do not come back from every machine; a checkpoint is split into parts below that."""

State = dict[str, Tensor]


@dataclass
class Checkpoint:
    """Everything that a run needs to go on, and that a reader needs to know where weights came from.

    Averaged weights only: live weights and the optimiser's moments would make it seven times as large;
    a short re-warming of the learning rate stands in for them.
    """

    config: dict[str, object]
    commit: str
    weights: State
    """Averaged weights; matrices as float16, vectors (norms, biases) as float32."""
    critic: State | None = None
    steps: int = 0
    trained_s: float = 0.0
    history: list[dict[str, object]] = field(default_factory=list)
    """One entry per evaluation, as in the metrics file."""
    material: list[str] = field(default_factory=list)
    """Whose fonts, art and pages it was trained on, over all calls: attributions for the model card."""
    commands: list[str] = field(default_factory=list)
    """The calls that made it, the first first, since the weights that it started from."""
    share: float = 1.0
    """How far it went from those weights to the run's own; less than 1 if they were averaged."""


def describe_call(module: str, words: Sequence[str]) -> str:
    """The command line of a call, for whoever remakes it; of absolute paths, which are one machine's, the names."""
    shown = [Path(word).name if Path(word).is_absolute() else word for word in words]
    return shlex.join(["python", "-m", module, *shown])


def halve(state: State) -> State:
    """Matrices as float16 on the CPU; vectors, where a rounded variance could hurt, stay float32."""
    return {
        name: (tensor.half() if tensor.is_floating_point() and tensor.dim() > 1 else tensor).detach().cpu()
        for name, tensor in state.items()
    }


def widen(state: State) -> State:
    """All floating tensors as float32."""
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def _part(path: Path, index: int) -> Path:
    return path.with_name(f"{path.name}.{index}")


def save_checkpoint(checkpoint: Checkpoint, path: Path, *, part_bytes: int = PART_BYTES) -> list[Path]:
    """Write `path.0`, `path.1`, … each at most `part_bytes` long; returns them.

    All parts are written before the first is renamed into place, so a run that is cut while writing leaves the
    previous checkpoint readable.
    """
    buffer = io.BytesIO()
    torch.save(vars(checkpoint), buffer)
    data = buffer.getvalue()
    parts = [data[start : start + part_bytes] for start in range(0, len(data), part_bytes)]
    path.parent.mkdir(parents=True, exist_ok=True)
    drafts = [path.with_name(f"{path.name}.draft{index}") for index in range(len(parts))]
    for draft, part in zip(drafts, parts, strict=True):
        draft.write_bytes(part)
    for index, draft in enumerate(drafts):
        draft.replace(_part(path, index))
    stale = len(parts)
    while _part(path, stale).exists():
        _part(path, stale).unlink()
        stale += 1
    return [_part(path, index) for index in range(len(parts))]


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote at `path`. Raises FileNotFoundError, naming the file, if there is none.

    Only tensors and plain values are unpickled, so a checkpoint from elsewhere cannot run code.
    """
    data = b""
    index = 0
    while _part(path, index).exists():
        data += _part(path, index).read_bytes()
        index += 1
    if not data:
        raise FileNotFoundError(f"{_part(path, 0)}: no checkpoint there; train first, or leave --resume out")
    return Checkpoint(**torch.load(io.BytesIO(data), map_location="cpu", weights_only=True))


def find_commit(repository: Path) -> str:
    """The commit that is checked out, with `-dirty` where files below `repository` differ from it.

    `TRAINING_COMMIT` where there is no git (a pack).
    """
    packed = os.environ.get("TRAINING_COMMIT")
    if packed:
        return packed
    try:
        commit, changes = (
            subprocess.run(["git", *words], cwd=repository, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603, S607  the git on the path
            for words in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "--", "."))
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}-dirty" if changes else commit
