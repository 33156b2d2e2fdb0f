"""The store gives out a graph only if it is, byte for byte, the one that the manifest names."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from service.errors import ModelStoreError, UnknownModel
from service.store import ModelStore

GRAPH = bytes(range(256)) * 8
SHA256 = hashlib.sha256(GRAPH).hexdigest()


def entry(**given: object) -> dict[str, Any]:
    """A manifest entry."""
    return {
        "name": "text-segmentation",
        "version": "1.2.3",
        "task": "segmentation",
        "file": "text-segmentation/1.2.3/model.onnx",
        "sha256": SHA256,
        "licence": "Apache-2.0",
        "source": "drawn by a test",
        "stride": 32,
        "inputs": [{"name": "image", "dtype": "float32", "shape": [1, 3, "H", "W"]}],
        "outputs": [{"name": "text", "dtype": "float32", "shape": [1, 1, "H", "W"]}],
        "thresholds": {"text": 0.4},
        **given,
    }


def write_store(root: Path, *entries: dict[str, Any]) -> Path:
    """A store with these entries and one graph; returns the graph's path."""
    (root / "manifest.json").write_text(json.dumps({"models": entries}), encoding="utf-8")
    graph = root / "text-segmentation" / "1.2.3" / "model.onnx"
    graph.parent.mkdir(parents=True)
    graph.write_bytes(GRAPH)
    return graph


def test_a_sound_graph_is_read_byte_for_byte(tmp_path: Path) -> None:
    """What `read` returns is the file that the checksum describes."""
    write_store(tmp_path, entry())
    store = ModelStore.open(tmp_path)
    model = store.find("text-segmentation", "segmentation")

    assert store.read(model) == GRAPH
    assert model.label == "text-segmentation@1.2.3"


def flip_one_bit(path: Path) -> None:
    """What a bad disk does."""
    damaged = bytearray(path.read_bytes())
    damaged[1000] ^= 1
    path.write_bytes(damaged)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(flip_one_bit, id="bit-flipped"),
        pytest.param(lambda path: path.write_bytes(GRAPH[:-1]), id="truncated"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(GRAPH + b"\0"), id="longer"),
    ],
)
def test_a_damaged_graph_is_refused_by_file_and_both_hashes(tmp_path: Path, damage: Any) -> None:
    """The message names the file, the checksum expected and the one found."""
    path = write_store(tmp_path, entry())
    damage(path)
    store = ModelStore.open(tmp_path)

    with pytest.raises(ModelStoreError) as refusal:
        store.read(store.models[0])

    assert str(path) in refusal.value.detail
    assert SHA256 in refusal.value.detail
    assert hashlib.sha256(path.read_bytes()).hexdigest() in refusal.value.detail


def test_a_missing_graph_is_refused_by_file_and_expected_hash(tmp_path: Path) -> None:
    """A graph that is not there has no checksum, but a name and an expectation."""
    path = write_store(tmp_path, entry())
    path.unlink()
    store = ModelStore.open(tmp_path)

    with pytest.raises(ModelStoreError) as refusal:
        store.read(store.models[0])

    assert str(path) in refusal.value.detail
    assert SHA256 in refusal.value.detail


def test_a_folder_in_place_of_the_graph_is_refused(tmp_path: Path) -> None:
    """Whatever the system says of the path, it comes as a ModelStoreError."""
    path = write_store(tmp_path, entry())
    path.unlink()
    path.mkdir()
    store = ModelStore.open(tmp_path)

    with pytest.raises(ModelStoreError, match="cannot be read"):
        store.read(store.models[0])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut off"),
        pytest.param("[]", id="a list"),
        pytest.param('{"models": 3}', id="no list of models"),
        pytest.param('{"models": [], "extra": 1}', id="unknown field"),
        pytest.param("\ufeff{}", id="byte order mark"),
    ],
)
def test_what_is_not_a_manifest_is_refused_by_name(tmp_path: Path, text: str) -> None:
    """The message names the manifest."""
    path = tmp_path / "manifest.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ModelStoreError) as refusal:
        ModelStore.open(tmp_path)

    assert str(path) in refusal.value.detail


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A manifest that is not UTF-8 is not a manifest."""
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ModelStoreError, match="not a manifest"):
        ModelStore.open(tmp_path)


def test_a_missing_manifest_is_refused_by_name(tmp_path: Path) -> None:
    """An empty folder is no store."""
    with pytest.raises(ModelStoreError, match=r"manifest\.json: cannot be read"):
        ModelStore.open(tmp_path)


@pytest.mark.parametrize("file", ["../model.onnx", "/etc/model.onnx", "text/../../model.onnx"])
def test_a_path_that_leaves_the_store_is_refused(tmp_path: Path, file: str) -> None:
    """A manifest cannot make the service open files elsewhere."""
    write_store(tmp_path, entry(file=file))

    with pytest.raises(ModelStoreError, match="leaves the model store"):
        ModelStore.open(tmp_path)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """Two entries of one name would hide each other."""
    write_store(tmp_path, entry(), entry(version="2.0.0"))

    with pytest.raises(ModelStoreError, match=r"twice.*text-segmentation"):
        ModelStore.open(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sha256": "abc"},
        {"sha256": SHA256.upper()},
        {"version": "1.2"},
        {"name": "Text Segmentation"},
        {"task": "translation"},
        {"stride": 0},
        {"inputs": [{"name": "image", "dtype": "int8", "shape": [1, 3, "H", "W"]}]},
        {"unknown": 1},
        {"looks": []},
        {"looks": [1.0, 0.0]},
        {"looks": [-1.0]},
        {"thresholds": {}},
        {"thresholds": {"region": 0.5}},
    ],
    ids=str,
)
def test_an_entry_that_could_not_be_served_is_refused_when_opened(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """No look, or no threshold for text, once passed the start and failed the first request."""
    write_store(tmp_path, entry(**wrong))

    with pytest.raises(ModelStoreError):
        ModelStore.open(tmp_path)


def test_an_unknown_name_is_answered_with_the_allowed_ones(tmp_path: Path) -> None:
    """UnknownModel lists the models of that task, and of that task only."""
    write_store(tmp_path, entry(), entry(name="inpainting", task="inpainting", thresholds={}))
    store = ModelStore.open(tmp_path)

    for name in ("nothing", "inpainting"):
        with pytest.raises(UnknownModel) as refusal:
            store.find(name, "segmentation")
        assert refusal.value.facts["allowed"] == ["text-segmentation"]
