from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from service.store import Model, Tensor
from tests.training.test_export import randomise
from training import adopt
from training.adopt import NotAdopted, expect_pooled, fold_pooling, list_convolutions, load_convolutions
from training.export import export_network
from training.models.residual import ResidualSegmenter

pytestmark = pytest.mark.training

NARROW = {"channels": (8, 8, 8, 8), "blocks": (1, 1, 1, 1), "decoder_channels": 8}


@pytest.fixture(scope="module")
def exported():
    network = randomise(ResidualSegmenter(**NARROW))
    graph = export_network(network, task="segmentation", name="text-segmentation", version="1.0.0", source="a test")
    images = torch.rand(3, 3, 64, 96)
    with torch.no_grad():
        return onnx.load_from_string(graph.graph), images, network.eval()(images)


def test_an_adopted_network_computes_what_the_graph_does(exported):
    """Text and regions agree to a hundredth, although the norms were folded and put back."""
    model, images, expected = exported
    adopted = ResidualSegmenter(**NARROW)
    load_convolutions(adopted, list_convolutions(model.graph), images)
    with torch.no_grad():
        found = adopted.eval()(images)
    assert torch.allclose(torch.sigmoid(found.text), torch.sigmoid(expected.text), atol=0.01)
    assert torch.allclose(torch.sigmoid(found.region), torch.sigmoid(expected.region), atol=0.01)


def test_adopted_norms_see_mean_0_and_variance_1_on_the_images_they_were_measured_on(exported):
    """Each norm's statistics are those of what it is given."""
    model, images, _ = exported
    adopted = ResidualSegmenter(**NARROW)
    load_convolutions(adopted, list_convolutions(model.graph), images)
    seen = {}
    for name, part in adopted.named_modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.register_forward_hook(lambda part, given, _, name=name: seen.update({name: (part, given[0])}))
    with torch.no_grad():
        adopted(images)
    for norm, given in seen.values():
        assert torch.allclose(given.mean((0, 2, 3)), norm.running_mean, atol=1e-3)
        assert torch.allclose(given.var((0, 2, 3), unbiased=False), norm.running_var, rtol=0.01, atol=1e-3)


def test_a_graph_of_another_network_is_refused_naming_what_differs(exported):
    """The message has the convolution's number and both shapes."""
    model, images, _ = exported
    wider = ResidualSegmenter(**(NARROW | {"channels": (8, 8, 8, 16)}))
    with pytest.raises(NotAdopted, match=r"they differ in number \d+: \(8, 8, 3, 3\) against \(16, 8, 3, 3\)"):
        load_convolutions(wider, list_convolutions(model.graph), images)


def test_a_graph_in_integers_is_refused():
    """Its weights are worked out when it runs; the message says which graph is meant."""
    nodes = [
        helper.make_node("DequantizeLinear", ["weight_q", "scale"], ["weight"]),
        helper.make_node("Conv", ["image", "weight"], ["text"]),
    ]
    graph = helper.make_graph(nodes, "integers", [], [])

    with pytest.raises(NotAdopted, match="weight is worked out, not stored; expected a graph as it was exported"):
        list_convolutions(graph)


def test_a_graph_that_never_pools_the_image_is_not_run(exported, monkeypatch):
    """There is nothing to expect of it; running it over all images took time for nothing."""
    model, images, _ = exported
    monkeypatch.setattr(adopt, "run_graph", lambda *_: pytest.fail("the graph was run"))
    assert expect_pooled(model, None, images.numpy()) == {}


def test_an_image_pooling_branch_is_folded_into_the_bias_it_was_summed_with():
    """What the branch says on average is added once, weights stay."""
    rng = np.random.default_rng(0)
    weights = {name: rng.random((2, 3, 1, 1), np.float32) for name in ("local", "pooled")}
    biases = {f"{name}.bias": rng.random(2, np.float32) for name in ("local", "pooled")}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "local", "local.bias"], ["near"]),
            helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=1),
            helper.make_node("Conv", ["mean", "pooled", "pooled.bias"], ["far"]),
            helper.make_node("Add", ["near", "far"], ["text"]),
        ],
        "pooling",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, (1, 3, "H", "W"))],
        [helper.make_tensor_value_info("text", onnx.TensorProto.FLOAT, (1, 2, "H", "W"))],
        [numpy_helper.from_array(value, name) for name, value in (weights | biases).items()]
        + [numpy_helper.from_array(np.array([2, 3]), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    entry = Model(
        name="text-segmentation",
        version="1.0.0",
        task="segmentation",
        file="pooling.onnx",
        sha256="0" * 64,
        licence="CC0-1.0",
        source="a test",
        stride=1,
        inputs=(Tensor(name="image", dtype="float32", shape=(1, 3, "H", "W")),),
        outputs=(Tensor(name="text", dtype="float32", shape=(1, 2, "H", "W")),),
        thresholds={"text": 0.5},
    )
    flat = np.broadcast_to(np.array([0.2, 0.4, 0.6], np.float32)[:, None, None], (2, 3, 4, 4)).copy()
    (folded,) = fold_pooling(list_convolutions(graph), expect_pooled(model, entry, flat))
    expected = biases["local.bias"] + biases["pooled.bias"] + weights["pooled"][..., 0, 0] @ flat[0, :, 0, 0]
    assert np.allclose(folded.bias, expected)
    assert np.array_equal(folded.weight, weights["local"])
