"""Ship a segmentation graph in 8-bit integers: less than half the time where a CPU has instructions for them.

`python -m training.quantize --assets build/assets` takes the graph of `training/weights`, as it was exported, and puts
its integers into `model_store`.

Weights are rounded per output channel, activations to the range that drawn pages show (Jacob et al. 2018, eq. 1 and
sec. 3). Weights keep to 7 bits: CPUs that have AVX2 and no VNNI add two products in 16 bits, and 8 bits would overflow
there, so that a page's mask would depend on the machine. The source stays where it is: training goes on from it.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from service.deadline import Deadline
from service.session import Session
from service.store import Model, ModelStore
from training.data.assets import AssetPack
from training.data.pages import VALIDATION_START, make_page
from training.export import Exported, write_manifest_entry
from training.model_card import CARD_NAME, quantized_card

SCALES = (1.0, 1.5, 0.5)
"""Pages are shown in turns at the sizes that the service looks at."""
MOST_FLIPPED = 0.05
MOST_DIFFERENT = 0.01
"""Bounds on an agreement: of 0.7.0 0.020 flipped and 0.0024 differed, of 0.8.0 0.016 and 0.0016."""

Pixels = npt.NDArray[np.float32]


class DisagreementError(RuntimeError):
    """The integers do not find what the source finds."""


@dataclass(frozen=True)
class Agreement:
    """How far two graphs see the same text on the same pages."""

    pages: int
    difference: float
    """Mean of the absolute difference between the probabilities, text's or regions', whichever is more."""
    flipped: float
    """Pixels that only one of them calls text at the model's threshold, over those that the source does."""


def draw_inputs(pack: AssetPack, numbers: Iterable[int]) -> Iterator[Pixels]:
    """Pages of these numbers as a graph takes them: `(1, 3, H, W)` float32 in [0, 1], in turns at SCALES."""
    for turn, number in enumerate(numbers):
        page = make_page(pack, number).raw
        side = round(page.shape[0] * SCALES[turn % len(SCALES)])
        method = cv2.INTER_AREA if side < page.shape[0] else cv2.INTER_CUBIC
        scaled = cv2.resize(page, (side, side), interpolation=method)
        yield np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32) / np.float32(255)


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Hands pages to onnxruntime one by one."""

    def __init__(self, name: str, inputs: Iterable[Pixels]) -> None:
        self._name = name
        self._inputs = iter(inputs)

    def get_next(self) -> dict[str, Pixels] | None:
        image = next(self._inputs, None)
        return None if image is None else {self._name: image}


def quantize_graph(graph: bytes, inputs: Iterable[Pixels]) -> bytes:
    """The ONNX file of `graph` with 8-bit activations and 7-bit weights, calibrated on `inputs`."""
    with tempfile.TemporaryDirectory() as folder:
        source, prepared, quantized = (Path(folder) / f"{name}.onnx" for name in ("source", "prepared", "quantized"))
        source.write_bytes(graph)
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        kept = list(_list_ends(onnx.load(prepared).graph))
        quantize_static(
            prepared,
            quantized,
            _Reader("image", inputs),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,  # signed activations have no fast kernels on x86
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=kept,
        )
        return quantized.read_bytes()


def _list_ends(graph: onnx.GraphProto) -> Iterator[str]:
    """Names of the nodes that stay in float32: the first convolution, and each output's last and what follows it.

    What sees the page, and what tells a probability, is worth more levels than 256; together they take little time.
    """
    makers = {name: node for node in graph.node for name in node.output}
    yield next(node.name for node in graph.node if node.op_type == "Conv")
    for output in graph.output:
        node = makers[output.name]
        yield node.name
        while node.op_type != "Conv":
            node = makers[node.input[0]]
            yield node.name


def compare(source: Session, quantized: Session, inputs: Iterable[Pixels]) -> Agreement:
    """Show both graphs the same pages. Raises DisagreementError beyond MOST_FLIPPED or MOST_DIFFERENT."""
    threshold = source.model.thresholds["text"]
    differences, flipped, text = [], 0, 0
    for image in inputs:
        wanted, found = (session.run({"image": image}, Deadline()) for session in (source, quantized))
        differences.append([float(np.abs(wanted[name] - found[name]).mean()) for name in ("text", "region")])
        want, have = (outputs["text"] > threshold for outputs in (wanted, found))
        flipped += int(np.count_nonzero(want != have))
        text += int(np.count_nonzero(want))
    agreement = Agreement(len(differences), float(np.mean(differences, axis=0).max()), flipped / max(1, text))
    if not (agreement.flipped <= MOST_FLIPPED and agreement.difference <= MOST_DIFFERENT):  # a number that is none, too
        raise DisagreementError(
            f"on {agreement.pages} pages {agreement.flipped:.3f} of the text's pixels flip and probabilities differ by "
            f"{agreement.difference:.4f}; expected at most {MOST_FLIPPED} and {MOST_DIFFERENT}"
        )
    return agreement


def describe(source: Model, content: bytes) -> Model:
    """The manifest entry of the integers: the source's but for the checksum and what it says of the weights."""
    about = {"sha256": hashlib.sha256(content).hexdigest(), "source": f"{source.source}, in 8-bit integers"}
    return source.model_copy(update=about)


def main(argv: Sequence[str] | None = None) -> None:
    """Quantize, compare, write the store's entry and card."""
    parser = argparse.ArgumentParser(prog="python -m training.quantize", description=__doc__)
    parser.add_argument("--source", type=Path, default=Path(__file__).with_name("weights"), help="store it comes from")
    parser.add_argument("--store", type=Path, default=Path("model_store"), help="store that it goes into")
    parser.add_argument("--name", default="text-segmentation", help="its name in both")
    parser.add_argument("--assets", type=Path, help="asset pack; default: what the repository draws by itself")
    parser.add_argument("--pages", type=int, default=48, help="drawn pages that ranges are read off")
    arguments = parser.parse_args(argv)
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime advises to do what is done here
    sources = ModelStore.open(arguments.source)
    source = sources.find(arguments.name, "segmentation")
    graph = sources.read(source)
    if any(node.op_type == "QuantizeLinear" for node in onnx.load_from_string(graph).graph.node):
        parser.error(
            f"{arguments.source}: {source.label} is in integers already; expected the graph as it was exported"
        )
    pack = AssetPack.open(arguments.assets)
    content = quantize_graph(graph, draw_inputs(pack, range(arguments.pages)))
    model = describe(source, content)
    unseen = range(VALIDATION_START, VALIDATION_START + arguments.pages)
    agreement = compare(Session(source, graph), Session(model, content), draw_inputs(pack, unseen))
    said = (
        f"on {agreement.pages} drawn pages that ranges were not read off, in turns at scales 1, 1.5 and 0.5, "
        f"{agreement.flipped:.2%} of the text's pixels flip at the threshold, and probabilities differ by "
        f"{agreement.difference:.5f}"
    )
    card = quantized_card(arguments.source, model, graph_bytes=len(content), agreement=said)
    write_manifest_entry(arguments.store, Exported(model, content, agreement.difference))
    (arguments.store / model.name / CARD_NAME).write_text(card, encoding="utf-8")
    sys.stderr.write(f"{model.label}: {len(content)} bytes; {said}\n")


if __name__ == "__main__":
    main()
