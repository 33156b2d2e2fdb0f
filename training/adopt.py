"""Turn an exported segmentation graph back into a checkpoint, so that training can go on from it.

`python -m training.adopt --out runs/shipped` takes the graph of `training/weights`; what `model_store` has of it are
integers.

An export folds each norm into its convolution. Nets learn better with their norms, so they are put back: each gets the
mean and spread that its convolution shows on drawn pages, and a scale and shift that undo them. In evaluation mode the
net computes what the graph does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from service.deadline import Deadline
from service.session import Session
from service.store import Model, ModelStore
from service.store import Tensor as TensorSpec
from training.checkpoint import Checkpoint, find_commit, halve, save_checkpoint
from training.configs.base import list_configs, load_config
from training.data.synthetic import prepare_synthetic
from training.models.blocks import ConvNormAct
from training.networks import build_network
from training.precision import to_float
from training.train import checkpoint_path

Array = npt.NDArray[np.float32]
_LARGEST_DIFFERENCE = 0.02
"""Graphs hold weights rounded to float16; what norms are put back from is rounded once more."""


class NotAdopted(ValueError):
    """The graph's convolutions are not those of the network."""


@dataclass(frozen=True)
class Convolution:
    """One convolution of a graph, in the order in which it is computed."""

    weight: Array
    """`(D, C, k, k)`."""
    bias: Array
    """`(D,)`."""
    input: str
    """Name of the tensor that it reads."""
    pools_image: bool
    """Whether it reads the mean over the whole image."""


def list_convolutions(graph: onnx.GraphProto) -> list[Convolution]:
    """The graph's convolutions in the order of its nodes, weights widened to float32.

    Raises NotAdopted if weights are no constants of the file, as in a graph in integers.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    pooled = set()
    found = []
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
        elif node.op_type == "ReduceMean":
            pooled.add(node.output[0])
        elif node.op_type == "Conv":
            if not constants.keys() >= set(node.input[1:]):
                raise NotAdopted(f"{node.input[1]} is worked out, not stored; expected a graph as it was exported")
            weight, *biases = (constants[name].astype(np.float32) for name in node.input[1:])
            # Exporters leave a bias of zeros out.
            bias = biases[0] if biases else np.zeros(len(weight), np.float32)
            found.append(Convolution(weight, bias, node.input[0], node.input[0] in pooled))
    return found


def expect_pooled(model: onnx.ModelProto, entry: Model, images: Array) -> dict[str, Array]:
    """Mean, over `images` `(N, 3, H, W)`, of each tensor that an image-pooling convolution reads: name -> `(C,)`."""
    shapes = {
        convolution.input: (1, convolution.weight.shape[1], 1, 1)
        for convolution in list_convolutions(model.graph)
        if convolution.pools_image
    }
    if not shapes:
        return {}
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    opened.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()
    )
    pooled = [TensorSpec(name=name, dtype="float32", shape=shape) for name, shape in shapes.items()]
    answers = run_graph(
        entry.model_copy(update={"outputs": (*entry.outputs, *pooled)}), opened.SerializeToString(), images
    )
    return {name: np.mean([answer[name].reshape(-1) for answer in answers], axis=0) for name in shapes}


def run_graph(entry: Model, graph: bytes, images: Array) -> list[dict[str, Array]]:
    """What the graph says of each of `images` `(N, 3, H, W)`, through the session that serves it."""
    session = Session(entry, graph)
    return [session.run({"image": image[None]}, Deadline()) for image in images]


def fold_pooling(convolutions: Sequence[Convolution], pooled: dict[str, Array]) -> list[Convolution]:
    """Without image-pooling branches: what each says on average joins the bias of the convolution it is summed with."""
    folded: list[Convolution] = []
    for convolution in convolutions:
        if not convolution.pools_image:
            folded.append(convolution)
            continue
        says = convolution.weight[..., 0, 0] @ pooled[convolution.input] + convolution.bias
        last = folded.pop()
        folded.append(Convolution(last.weight, last.bias + says, last.input, pools_image=False))
    return folded


def order_convolutions(network: nn.Module, image: Tensor) -> list[nn.Conv2d]:
    """The network's convolutions in the order in which they are computed."""
    order: list[nn.Conv2d] = []
    hooks = [
        part.register_forward_hook(lambda part, _, __: order.append(part))
        for part in network.modules()
        if isinstance(part, nn.Conv2d)
    ]
    with torch.no_grad():
        network(image)
    for hook in hooks:
        hook.remove()
    return order


@torch.no_grad()
def load_convolutions(network: nn.Module, convolutions: Sequence[Convolution], images: Tensor) -> None:
    """Give `network` the graph's weights, and its norms the spread that `images` `(N, 3, H, W)` show. In place.

    Raises NotAdopted, naming the first convolution that differs in shape, if the graph is of another network.
    """
    network.eval()
    places = order_convolutions(network, images[:1])
    shapes = [tuple(place.weight.shape) for place in places]
    given = [convolution.weight.shape for convolution in convolutions]
    if shapes != given:
        differs = next((i for i, pair in enumerate(zip(shapes, given, strict=False)) if pair[0] != pair[1]), None)
        seen = "their number" if differs is None else f"number {differs}: {given[differs]} against {shapes[differs]}"
        raise NotAdopted(f"{len(given)} convolutions in the graph, {len(shapes)} in the network; they differ in {seen}")
    norms = {part[0]: part[1] for part in network.modules() if isinstance(part, ConvNormAct)}
    for place, convolution in zip(places, convolutions, strict=True):
        place.weight.copy_(torch.from_numpy(convolution.weight))
        bias = torch.from_numpy(convolution.bias)
        if place.bias is not None:
            place.bias.copy_(bias)
            continue
        norm = norms[place]
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.fill_(1)
        norm.bias.copy_(bias)
    for norm, mean, variance in list(_measure(network, norms, images)):
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)


def _measure(
    network: nn.Module, norms: dict[nn.Module, nn.BatchNorm2d], images: Tensor
) -> Iterator[tuple[nn.BatchNorm2d, Tensor, Tensor]]:
    """Mean and variance of what each norm is given, over all images."""
    sums: dict[nn.BatchNorm2d, list[tuple[Tensor, Tensor]]] = {norm: [] for norm in norms.values()}

    def add(norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].double()
        sums[norm].append((x.mean((0, 2, 3)), x.square().mean((0, 2, 3))))

    hooks = [norm.register_forward_pre_hook(add) for norm in sums]
    for image in images.split(1):
        network(image)
    for hook in hooks:
        hook.remove()
    for norm, seen in sums.items():
        mean, square = (torch.stack(moments).mean(0) for moments in zip(*seen, strict=True))
        yield norm, mean.float(), (square - mean.square()).clamp(min=1e-6).float()


def main(argv: Sequence[str] | None = None) -> None:
    """Read the graph, fill the network, compare both, save the checkpoint."""
    parser = argparse.ArgumentParser(prog="python -m training.adopt", description=__doc__)
    parser.add_argument(
        "--store", type=Path, default=Path(__file__).with_name("weights"), help="store that has the graph"
    )
    parser.add_argument("--name", default="text-segmentation", help="the graph's name in the store")
    parser.add_argument(
        "--config",
        choices=list_configs(),
        default="segmentation_residual_onward",
        help="the run whose network it is of",
    )
    parser.add_argument("--assets", type=Path, help="asset pack; default: what the repository draws by itself")
    parser.add_argument("--pages", type=int, default=96, help="drawn pages that norms are measured on")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint")
    arguments = parser.parse_args(argv)
    store = ModelStore.open(arguments.store)
    entry = store.find(arguments.name, "segmentation")
    graph = store.read(entry)
    model = onnx.load_from_string(graph)
    make = prepare_synthetic(arguments.assets, warm=False)
    raw = np.stack([make(number).raw for number in range(arguments.pages)])
    images = to_float(raw, device=torch.device("cpu"))
    config = load_config(arguments.config)
    network = build_network(config)
    convolutions = fold_pooling(list_convolutions(model.graph), expect_pooled(model, entry, images.numpy()))
    load_convolutions(network, convolutions, images)

    with torch.no_grad():
        ours = torch.sigmoid(network(images[:8]).text).numpy()
    theirs = np.concatenate([answer["text"] for answer in run_graph(entry, graph, images[:8].numpy())])
    away = float(np.abs(ours - theirs).mean())
    sys.stderr.write(f"{len(convolutions)} convolutions; mean difference from the graph {away:.5f}\n")
    if away > _LARGEST_DIFFERENCE:
        raise NotAdopted(f"the network differs from the graph by {away:.3f} on average; expected {_LARGEST_DIFFERENCE}")
    checkpoint = Checkpoint(
        config=asdict(config),
        commit=find_commit(Path(__file__).parent),
        weights=halve(network.state_dict()),
        material=[f"The weights of `{entry.name}` {entry.version} ({entry.source}), which this run started from."],
    )
    for path in save_checkpoint(checkpoint, checkpoint_path(arguments.out, config)):
        sys.stderr.write(f"{path}\n")


if __name__ == "__main__":
    main()
