"""Export a checkpoint for the service: graph, parity through the serving Session, manifest entry, model card.

`python -m training.export --checkpoint runs/segmentation_residual.checkpoint --store training/weights \
    --name text-segmentation --version 1.0.0`
`python -m training.export --pyramid --name inpainting --version 0.2.0`
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from service.deadline import Deadline
from service.session import Session
from service.store import MANIFEST_NAME, Model
from training.checkpoint import Checkpoint, find_commit, load_checkpoint
from training.graphs import Graph, prepare_graph, write_graph
from training.model_card import write_model_card
from training.models.pyramid import PyramidFill
from training.networks import restore_network

TOLERANCE = 1e-3
"""Largest difference between torch and onnxruntime, in probability or brightness of 0 to 1; an 8-bit level is 4e-3."""

DEFAULT_THRESHOLDS = {"segmentation": {"text": 0.4}, "inpainting": {}}
LOOKS = (1.0,)
"""Of a graph that replaces none: our nets are trained over scales, so one look at the image as it is. More looks are
for a person to add to the manifest, and measure."""

Feeds = dict[str, npt.NDArray[np.float32]]


class ParityError(RuntimeError):
    """The exported graph does not compute what the torch network computes."""


@dataclass(frozen=True)
class Exported:
    """A graph that passed, and what was seen on the way."""

    model: Model
    graph: bytes
    largest_difference: float


def draw_feeds(graph: Graph, *, seed: int = 0) -> Iterator[tuple[str, Feeds]]:
    """Named inputs at sizes that the export did not use: blank, dark and busy pages; empty, full and thin holes."""
    rng = np.random.default_rng(seed)
    stride = graph.contract.stride
    for height, width in ((2 * stride, 4 * stride), (7 * stride, 3 * stride)):
        busy = rng.random((1, 3, height, width), np.float32)
        for page, image in {"busy": busy, "white": np.ones_like(busy), "black": np.zeros_like(busy)}.items():
            if graph.contract.task == "segmentation":
                yield f"{page} page of {height} x {width}", {"image": image}
                continue
            thin = np.zeros((1, 1, height, width), np.float32)
            thin[..., height // 2, :] = thin[..., :, width // 3] = 1
            block = np.zeros_like(thin)
            block[..., height // 4 : -height // 4, width // 4 : -width // 4] = 1
            for kind, hole in {
                "empty": np.zeros_like(thin),
                "full": np.ones_like(thin),
                "thin": thin,
                "block": block,
            }.items():
                yield f"{kind} hole on a {page} page of {height} x {width}", {"image": image, "hole": hole}


def check_parity(graph: Graph, session: Session) -> float:
    """Compare torch and the opened graph on `draw_feeds`; returns the largest difference.

    Raises ParityError, naming the input, if they differ by more than TOLERANCE, in shape, or by a number that is none;
    or if an inpainting result depends on what is under the hole, or changes a pixel outside it.
    """
    largest = 0.0
    for name, feeds in draw_feeds(graph):
        with torch.no_grad():
            expected = graph(*(torch.from_numpy(feeds[spec.name]) for spec in graph.contract.inputs))
        found = session.run(feeds, Deadline())
        for spec, tensor in zip(graph.contract.outputs, expected, strict=True):
            want, have = tensor.numpy(), found[spec.name]
            if want.shape != have.shape:
                raise ParityError(f"{spec.name}, {name}: onnxruntime gives {have.shape}; expected {want.shape}")
            difference = float(np.abs(want - have).max())
            if not difference <= TOLERANCE:
                raise ParityError(f"{spec.name}, {name}: differs by {difference:.2g}; expected at most {TOLERANCE}")
            largest = max(largest, difference)
        if graph.contract.task == "inpainting":
            _check_hole(session, name, feeds, found["result"])
    return largest


def _check_hole(session: Session, name: str, feeds: Feeds, result: npt.NDArray[np.float32]) -> None:
    outside = np.broadcast_to(feeds["hole"] == 0, result.shape)
    if not np.array_equal(result[outside], feeds["image"][outside]):
        raise ParityError(f"result, {name}: a pixel outside the hole changed; expected the image itself")
    other = np.where(feeds["hole"] > 0, 1 - feeds["image"], feeds["image"])
    again = session.run({"image": other, "hole": feeds["hole"]}, Deadline())["result"]
    if not np.array_equal(result, again):
        raise ParityError(f"result, {name}: depends on pixels under the hole; expected exactly no difference")


def export_network(
    network: torch.nn.Module,
    *,
    task: str,
    name: str,
    version: str,
    source: str,
    thresholds: dict[str, float] | None = None,
) -> Exported:
    """Export, open as the service would, compare. Raises ParityError on a mismatch.

    Folds and rounds `network` in place.
    """
    graph = prepare_graph(network, "segmentation" if task == "segmentation" else "inpainting")
    content = write_graph(graph)
    model = Model(
        name=name,
        version=version,
        task=graph.contract.task,
        file=f"{name}/{version}/model.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        licence="Apache-2.0",
        source=source,
        stride=graph.contract.stride,
        inputs=graph.contract.inputs,
        outputs=graph.contract.outputs,
        looks=LOOKS,
        thresholds=DEFAULT_THRESHOLDS[graph.contract.task] if thresholds is None else thresholds,
    )
    return Exported(model, content, check_parity(graph, Session(model, content)))


def write_manifest_entry(store: Path, exported: Exported) -> None:
    """Put the graph into the store and its entry into the manifest.

    An older entry of the same name is replaced and its graph removed: the store holds what is served, history the rest.
    Its looks stay: how often and how large a page is shown to a network is no matter of its weights.
    """
    path = store / exported.model.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(exported.graph)
    manifest_path = store / MANIFEST_NAME
    manifest = json.loads(manifest_path.read_text(encoding="utf-8")) if manifest_path.exists() else {"models": []}
    entry = exported.model.model_dump(mode="json")
    names = [known["name"] for known in manifest["models"]]
    if exported.model.name in names:
        replaced = names.index(exported.model.name)
        old = store / manifest["models"][replaced]["file"]
        entry |= {kind: looks for kind, looks in manifest["models"][replaced].items() if kind in {"looks", "far_looks"}}
        manifest["models"][replaced] = entry
        if old != path and old.exists():
            old.unlink()
            if not any(old.parent.iterdir()):
                old.parent.rmdir()
    else:
        manifest["models"].append(entry)
    manifest_path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def find_thresholds(checkpoint: Checkpoint) -> dict[str, float] | None:
    """The thresholds that the last evaluation's sweep chose; None if there was no sweep."""
    metrics = checkpoint.history[-1]["metrics"] if checkpoint.history else {}
    assert isinstance(metrics, dict)
    return {"text": metrics["threshold"]} if "threshold" in metrics else None


def describe_source(checkpoint: Checkpoint) -> str:
    """Commit, config, steps and, where weights were averaged, how far they went: what the manifest says of them."""
    way = "" if checkpoint.share == 1 else f", {checkpoint.share:g} of the way"
    return f"training commit {checkpoint.commit}, config {checkpoint.config['name']}, {checkpoint.steps} steps{way}"


def main(argv: Sequence[str] | None = None) -> None:
    """Export one checkpoint into the model store."""
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--checkpoint", type=Path, help="without the number of the part")
    what.add_argument("--pyramid", action="store_true", help="the filler that has no weights; its card is for a person")
    parser.add_argument("--store", type=Path, default=Path("model_store"))
    parser.add_argument("--name", required=True, help="name in the manifest, e.g. text-segmentation")
    parser.add_argument("--version", required=True, help="e.g. 1.0.0; a new one whenever weights change")
    parser.add_argument(
        "--threshold", type=float, help="probability above which a pixel counts as text; default: the sweep's"
    )
    parser.add_argument(
        "--numbers", type=Path, help="Markdown for the card, as `benchmarks.quality` prints it; default: the run's own"
    )
    arguments = parser.parse_args(argv)
    if arguments.pyramid:
        exported = export_network(
            PyramidFill(),
            task="inpainting",
            name=arguments.name,
            version=arguments.version,
            source=f"training commit {find_commit(Path(__file__).parent)}, pyramid fill, nothing learned",
        )
        write_manifest_entry(arguments.store, exported)
        _say(exported)
        return
    checkpoint = load_checkpoint(arguments.checkpoint)
    task = "segmentation" if "network" in checkpoint.config else "inpainting"
    thresholds = find_thresholds(checkpoint) if arguments.threshold is None else {"text": arguments.threshold}
    exported = export_network(
        restore_network(checkpoint),
        task=task,
        name=arguments.name,
        version=arguments.version,
        source=describe_source(checkpoint),
        thresholds=thresholds,
    )
    write_manifest_entry(arguments.store, exported)
    numbers = arguments.numbers.read_text("utf-8") if arguments.numbers else None
    write_model_card(arguments.store, exported.model, checkpoint, graph_bytes=len(exported.graph), numbers=numbers)
    _say(exported)


def _say(exported: Exported) -> None:
    sys.stderr.write(
        f"{exported.model.label}: {len(exported.graph)} bytes, at most {exported.largest_difference:.2g} from torch\n"
    )


if __name__ == "__main__":
    main()
