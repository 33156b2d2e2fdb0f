"""A graph in 8-bit integers finds what its source finds, or is not written."""

from __future__ import annotations

import re

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from service.deadline import Deadline
from service.session import Session
from service.store import ModelStore
from tests.training.test_export import randomise
from training import quantize
from training.data.assets import AssetPack
from training.export import Exported, export_network, write_manifest_entry
from training.models.residual import ResidualSegmenter
from training.quantize import DisagreementError, compare, describe, draw_inputs, main, quantize_graph

pytestmark = pytest.mark.training

INPUTS = 4


@pytest.fixture(autouse=True)
def _bounds_of_a_net_that_learnt_nothing(monkeypatch):
    """Its probabilities lie everywhere, not at 0 and 1, so that more of them cross the threshold."""
    monkeypatch.setattr(quantize, "MOST_FLIPPED", 0.2)
    monkeypatch.setattr(quantize, "MOST_DIFFERENT", 0.03)


@pytest.fixture(scope="module")
def source():
    """A narrow segmenter, exported."""
    network = randomise(ResidualSegmenter(channels=(8, 8, 8, 8), decoder_channels=8))
    return export_network(network, task="segmentation", name="text-segmentation", version="1.2.3", source="a test")


@pytest.fixture(scope="module")
def inputs():
    """A few pages of the built-in pack."""
    return list(draw_inputs(AssetPack.open(None), range(INPUTS)))


@pytest.fixture(scope="module")
def quantized(source, inputs):
    """The same in integers."""
    return quantize_graph(source.graph, inputs)


def test_pages_are_drawn_in_turns_at_the_sizes_that_the_service_looks_at(inputs):
    """Full size, larger, smaller, and again; as a graph takes them."""
    assert [image.shape for image in inputs] == [(1, 3, side, side) for side in (512, 768, 256, 512)]
    assert all(image.dtype == np.float32 and 0 <= image.min() < image.max() <= 1 for image in inputs)


def test_weights_are_integers_of_seven_bits(quantized):
    """Eight would overflow where two products are added in 16 bits; and the file is a quarter of float32's."""
    tensors = [numpy_helper.to_array(tensor) for tensor in onnx.load_from_string(quantized).graph.initializer]
    weights = [tensor for tensor in tensors if tensor.dtype == np.int8 and tensor.ndim == 4]

    assert len(weights) > 10
    assert max(int(np.abs(weight.astype(int)).max()) for weight in weights) <= 64


def test_integers_find_what_their_source_finds(source, quantized, inputs):
    """The service opens them under the same contract, and masks agree but for single pixels."""
    model = describe(source.model, quantized)
    agreement = compare(Session(source.model, source.graph), Session(model, quantized), inputs)

    assert agreement.pages == INPUTS
    assert 0 < agreement.difference < 0.03
    assert model.inputs == source.model.inputs
    assert model.source == "a test, in 8-bit integers"


def test_integers_that_find_something_else_are_refused(source, inputs):
    """The message has both figures and both bounds."""
    other = export_network(
        randomise(ResidualSegmenter(channels=(8, 8, 8, 8), decoder_channels=8), seed=7),
        task="segmentation",
        name="text-segmentation",
        version="1.2.3",
        source="another",
    )

    with pytest.raises(DisagreementError, match=r"pixels flip .* expected at most 0\.2 and 0\.03"):
        compare(Session(source.model, source.graph), Session(other.model, other.graph), inputs)


def test_the_command_puts_integers_into_the_store_and_leaves_the_source_alone(source, tmp_path):
    """Graph, entry and card; the card is the source's but for the row of the weights and a line of numbers."""
    weights, served = tmp_path / "weights", tmp_path / "served"
    write_manifest_entry(weights, source)
    card = "# text-segmentation 1.2.3\n\n| weights | float16 |\n\n## Data\nPages.\n\n## Numbers\nMany.\n\n"
    card += "## Limits\nSome.\n"
    (weights / "text-segmentation" / "MODEL_CARD.md").write_text(card)

    main(["--source", str(weights), "--store", str(served), "--pages", "2"])

    (before,), (after,) = ModelStore.open(weights).models, ModelStore.open(served).models
    assert ModelStore.open(weights).read(before) == source.graph
    assert after.label == before.label == "text-segmentation@1.2.3"
    graph = ModelStore.open(served).read(after)
    assert len(graph) < len(source.graph)
    Session(after, graph).run({"image": np.zeros((1, 3, 64, 96), np.float32)}, Deadline())
    written = (served / "text-segmentation" / "MODEL_CARD.md").read_text()
    assert "| weights | in 8-bit integers, of 7 bits" in written
    assert "float16" not in written
    assert re.search(
        r"## Data\nPages\.\n\n## Numbers\nMany\.\n\nMeasured before .*flip.*\n\n## Limits\nSome\.\n$", written
    )


def test_what_is_in_integers_already_is_refused(source, quantized, tmp_path, capsys):
    """A store that was mistaken for the source is named, and nothing is written."""
    model = describe(source.model, quantized)
    write_manifest_entry(tmp_path / "served", Exported(model, quantized, 0.0))

    with pytest.raises(SystemExit, match="2"):
        main(["--source", str(tmp_path / "served"), "--store", str(tmp_path / "other"), "--pages", "1"])

    assert "text-segmentation@1.2.3 is in integers already" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_without_the_sources_card_nothing_is_written(source, tmp_path):
    """Data and licences stand in it: a graph without them does not ship."""
    write_manifest_entry(tmp_path / "weights", source)

    with pytest.raises(ValueError, match="no card with a row of weights"):
        main(["--source", str(tmp_path / "weights"), "--store", str(tmp_path / "served"), "--pages", "1"])

    assert not (tmp_path / "served").exists()
