"""From a network to the bytes of an ONNX graph: wrapper, float16 storage, names of tensors and sizes.

Compares nothing.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from service.store import Task
from service.store import Tensor as TensorSpec
from training.models.blocks import fold_batch_norms
from training.models.inpainting import STRIDE as INPAINTING_STRIDE
from training.models.inpainting import composite

OPSET = 18
_LARGEST_SIDE_CELLS = 512
_HALVED_FROM_ELEMENTS = 64


@dataclass(frozen=True)
class Contract:
    """What a graph promises to the service; the same for every network that does the same job."""

    task: Task
    stride: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


_IMAGE = TensorSpec(name="image", dtype="float32", shape=(1, 3, "H", "W"))

SEGMENTATION = Contract(
    task="segmentation",
    stride=32,
    inputs=(_IMAGE,),
    outputs=(
        TensorSpec(name="text", dtype="float32", shape=(1, 1, "H", "W")),
        TensorSpec(name="region", dtype="float32", shape=(1, 1, "H/2", "W/2")),
    ),
)
INPAINTING = Contract(
    task="inpainting",
    stride=INPAINTING_STRIDE,
    inputs=(_IMAGE, TensorSpec(name="hole", dtype="float32", shape=(1, 1, "H", "W"))),
    outputs=(TensorSpec(name="result", dtype="float32", shape=(1, 3, "H", "W")),),
)


class SegmentationGraph(nn.Module):
    """Adds the sigmoids, leaves out DB's T. Thresholds live outside the graph, in the manifest."""

    contract = SEGMENTATION

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """`(1, 3, H, W)` in [0, 1] -> text `(1, 1, H, W)`, region `(1, 1, H/2, W/2)`, probabilities."""
        logits = self.network(image)
        return torch.sigmoid(logits.text), torch.sigmoid(logits.region)


class InpaintingGraph(nn.Module):
    """Makes the hole 0 or 1 and puts the prediction into it; outside, the image passes through untouched."""

    contract = INPAINTING

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor]:
        """`(1, 3, H, W)` in [0, 1], `(1, 1, H, W)` -> result `(1, 3, H, W)` in [0, 1]."""
        hole = (hole > 0.5).to(image.dtype)
        return (composite(image, self.network(image, hole), hole),)


Graph = SegmentationGraph | InpaintingGraph


def prepare_graph(network: nn.Module, task: Task) -> Graph:
    """The network as it will ship: norms folded, large tensors rounded to float16. Changes `network` in place."""
    graph = SegmentationGraph(network) if task == "segmentation" else InpaintingGraph(network)
    fold_batch_norms(graph.cpu().float().eval())
    for tensor in [*graph.parameters(), *graph.buffers()]:
        if tensor.is_floating_point() and tensor.numel() >= _HALVED_FROM_ELEMENTS:
            tensor.data = tensor.data.half().float()
    return graph


def write_graph(graph: Graph) -> bytes:
    """The ONNX file, opset 18, height and width free, large tensors stored as float16 and cast when opened."""
    stride = graph.contract.stride
    height, width = (torch.export.Dim(name, min=1, max=_LARGEST_SIDE_CELLS) for name in ("height", "width"))
    example = tuple(torch.rand(1, int(spec.shape[1]), 3 * stride, 5 * stride) for spec in graph.contract.inputs)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The exporter warns of its own internals and of packages that this project does not use.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx._internal.exporter").setLevel(logging.ERROR)
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            graph,
            example,
            path,
            input_names=[spec.name for spec in graph.contract.inputs],
            output_names=[spec.name for spec in graph.contract.outputs],
            dynamic_shapes=tuple({2: stride * height, 3: stride * width} for _ in example)
            if len(example) > 1
            else ({2: stride * height, 3: stride * width},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        model = onnx.load(path)
    _store_as_half(model.graph)
    _name_sizes(model.graph, graph.contract)
    _forget_where(model)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _store_as_half(graph: onnx.GraphProto) -> None:
    """Replace each large float32 tensor by a float16 one and a cast.

    Onnxruntime folds the casts when it opens the graph.
    """
    kept, casts = [], []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims, dtype=np.int64) < _HALVED_FROM_ELEMENTS:
            kept.append(tensor)
            continue
        half_name = f"{tensor.name}_float16"
        kept.append(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), half_name))
        casts.append(helper.make_node("Cast", [half_name], [tensor.name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.initializer[:], graph.node[:], graph.value_info[:]
    graph.initializer.extend(kept)
    graph.node.extend([*casts, *nodes])


def _forget_where(model: onnx.ModelProto) -> None:
    """Leave out the exporter's notes: the lines and the folders of the program that each node came from."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]


def _name_sizes(graph: onnx.GraphProto, contract: Contract) -> None:
    """Call height and width what the contract calls them, instead of the exporter's symbols."""
    specs = {spec.name: spec for spec in (*contract.inputs, *contract.outputs)}
    for value in (*graph.input, *graph.output):
        for dimension, size in zip(value.type.tensor_type.shape.dim, specs[value.name].shape, strict=True):
            if isinstance(size, str):
                dimension.dim_param = size
            else:
                dimension.dim_value = size
