"""The model store that is shipped is whole: graphs, checksums, tensors, cards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.session import Session
from service.store import Model, ModelStore

STORE = ModelStore.open(Path(__file__).parents[2] / "model_store")

every_model = pytest.mark.parametrize("model", STORE.models, ids=lambda model: model.label)

INPUTS = {"segmentation": {"image"}, "inpainting": {"image", "hole"}}
OUTPUTS = {"segmentation": {"text", "region"}, "inpainting": {"result"}}
"""Names that the segmenter and the inpainter speak to their graphs in."""


def card_of(model: Model) -> str:
    """The text of the model's card."""
    return (STORE.root / model.name / "MODEL_CARD.md").read_text(encoding="utf-8")


@every_model
def test_the_graph_is_the_one_that_the_manifest_names(model: Model) -> None:
    """The file is there, its checksum is right, it lies under its name and version, and its tensors are as stated."""
    assert model.file.startswith(f"{model.name}/{model.version}/")

    Session(model, STORE.read(model)).warm_up(model.stride)


@every_model
def test_the_tensors_are_those_that_the_service_asks_for(model: Model) -> None:
    """A manifest and a graph that agree with each other must also agree with the code that feeds them."""
    assert {tensor.name for tensor in model.inputs} == INPUTS[model.task]
    assert {tensor.name for tensor in model.outputs} == OUTPUTS[model.task]


@every_model
def test_the_card_is_of_this_version(model: Model) -> None:
    """Each model has a MODEL_CARD.md that names the model, the version shipped and its licence."""
    card = card_of(model)

    assert card.splitlines()[0] in {f"# {model.name}", f"# {model.name} {model.version}"}
    assert model.version in card
    assert model.licence in card


@every_model
def test_the_card_states_the_threshold_of_the_manifest(model: Model) -> None:
    """A reader of the card and a caller of the service get the same default."""
    stated = re.search(r"^\| threshold \| ([0-9.]+) on `text`", card_of(model), re.MULTILINE)

    assert (float(stated[1]) if stated else None) == model.thresholds.get("text")


def test_nothing_lies_in_the_store_that_the_manifest_does_not_name() -> None:
    """No graph of an older version is shipped by mistake."""
    graphs = {str(path.relative_to(STORE.root)) for path in STORE.root.rglob("*.onnx")}

    assert graphs == {model.file for model in STORE.models}


@pytest.mark.parametrize("task", ["segmentation", "inpainting"])
def test_there_is_a_model_for_every_task(task: str) -> None:
    """The defaults of the options have something to name."""
    default = {"segmentation": "text-segmentation", "inpainting": "inpainting"}[task]

    assert STORE.find(default, task).task == task


def test_the_weights_that_training_goes_on_from_are_those_that_ship():
    """What `training.quantize` took its integers from: same version, thresholds and looks, and its own checksum."""
    weights = ModelStore.open(STORE.root.parent / "training" / "weights")
    (source,) = weights.models
    served = STORE.find(source.name, source.task)

    assert (source.label, source.thresholds, source.looks) == (served.label, served.thresholds, served.looks)
    assert source.far_looks == served.far_looks
    assert served.source == f"{source.source}, in 8-bit integers"
    assert served.plausibility is not None, "it is fitted once the weights are in the store: training.plausibility"
    assert served.plausibility.threshold == served.thresholds["text"]
    Session(source, weights.read(source)).warm_up(source.stride)
