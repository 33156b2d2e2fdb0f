"""A session runs its graph as ONNX Runtime does, keeps to the manifest's contract, and can be stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from service.deadline import Deadline
from service.errors import ClientGone, DeadlineExceeded, ModelStoreError
from service.session import Session
from service.store import Model, ModelStore, Tensor

ROOT = Path(__file__).parents[1]
STORE = ModelStore.open(ROOT / "model_store")
SEGMENTATION = STORE.find("text-segmentation", "segmentation")


@pytest.fixture(scope="module")
def graph() -> bytes:
    """The bytes of the segmentation graph."""
    return STORE.read(SEGMENTATION)


@pytest.fixture(scope="module")
def session(graph: bytes) -> Session:
    """The segmentation graph, open."""
    return Session(SEGMENTATION, graph)


def tensor_of(model: Model, name: str, height: int, width: int, seed: int = 1) -> np.ndarray:
    """A random input of the model."""
    [tensor] = [tensor for tensor in model.inputs if tensor.name == name]
    shape = (*(int(side) for side in tensor.shape[:2]), height, width)
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.mark.parametrize("model", STORE.models, ids=lambda model: model.label)
def test_outputs_are_those_of_a_direct_run(model: Model) -> None:
    """Every output, by name, of every stored graph equals what ONNX Runtime says with its own settings."""
    data = STORE.read(model)
    feeds = {tensor.name: tensor_of(model, tensor.name, 128, 192) for tensor in model.inputs}
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    direct = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in direct.get_outputs()]
    expected = dict(zip(names, direct.run(names, feeds), strict=True))

    outputs = Session(model, data).run(feeds, Deadline())

    assert set(outputs) == set(expected) == {tensor.name for tensor in model.outputs}
    for name, output in outputs.items():
        np.testing.assert_allclose(output, expected[name], atol=1e-5)


def test_four_threads_share_a_session_and_get_their_own_answers(session: Session) -> None:
    """Runs at the same time do not mix."""
    feeds = [{"image": tensor_of(SEGMENTATION, "image", 64, 64, seed)} for seed in range(4)]
    expected = [session.run(feed, Deadline())["text"] for feed in feeds]
    found: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        for _ in range(5):
            found[number] = session.run(feeds[number], Deadline())["text"]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    for number, answer in enumerate(expected):
        assert np.array_equal(found[number], answer)


def test_stop_from_another_thread_ends_a_running_graph(session: Session) -> None:
    """A graph with seconds of work before it ends soon after `stop`, for the reason given, and runs again after."""
    feeds = {"image": np.zeros((1, 3, 3072, 3072), np.float32)}
    deadline = Deadline()
    stopped_at: list[float] = []

    def stop() -> None:
        stopped_at.append(time.monotonic())
        deadline.stop(ClientGone())

    timer = threading.Timer(0.3, stop)
    timer.start()
    with pytest.raises(ClientGone):
        session.run(feeds, deadline)
    ended_at = time.monotonic()
    timer.join()

    assert ended_at - stopped_at[0] < 2.0
    small = {"image": tensor_of(SEGMENTATION, "image", 64, 64)}
    assert session.run(small, Deadline())["text"].shape == (1, 1, 64, 64)


def test_a_run_is_not_begun_after_the_deadline(session: Session) -> None:
    """Nothing is computed for a request whose time is over."""
    with pytest.raises(DeadlineExceeded):
        session.run({"image": np.zeros((1, 3, 4096, 4096), np.float32)}, Deadline(0))


def renamed(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The same tensors under other names."""
    return tuple(tensor.model_copy(update={"name": f"{tensor.name}-other"}) for tensor in tensors)


def reshaped(tensors: tuple[Tensor, ...], *shape: int | str) -> tuple[Tensor, ...]:
    """The first tensor with another shape."""
    return (tensors[0].model_copy(update={"shape": shape}), *tensors[1:])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"inputs": renamed(SEGMENTATION.inputs)}, "image-other", id="input name"),
        pytest.param({"outputs": renamed(SEGMENTATION.outputs)}, "text-other", id="output name"),
        pytest.param({"outputs": SEGMENTATION.outputs[:1]}, "region", id="output not named"),
        pytest.param({"inputs": reshaped(SEGMENTATION.inputs, 1, 4, "H", "W")}, "image", id="channels"),
        pytest.param({"inputs": reshaped(SEGMENTATION.inputs, 1, 3, "H")}, "image", id="rank"),
        pytest.param({"inputs": reshaped(SEGMENTATION.inputs, 1, 3, 512, 512)}, "image", id="size not free"),
        pytest.param({"inputs": reshaped(SEGMENTATION.inputs, "N", 3, "H", "W")}, "image", id="batch not free"),
    ],
)
def test_a_graph_that_breaks_its_contract_is_refused(graph: bytes, change: dict[str, object], named: str) -> None:
    """The message names the file, what the manifest expected and what the graph has."""
    model = SEGMENTATION.model_copy(update=change)

    with pytest.raises(ModelStoreError) as refusal:
        Session(model, graph)

    detail = refusal.value.detail
    assert model.file in detail
    assert "expected" in detail
    assert "found" in detail
    assert named in detail


@pytest.mark.parametrize("data", [b"", b"not a graph", bytes(4096)], ids=["empty", "words", "zeros"])
def test_bytes_that_are_no_graph_are_refused_by_file(data: bytes) -> None:
    """Whatever ONNX Runtime raises comes as a ModelStoreError."""
    with pytest.raises(ModelStoreError, match=r"model\.onnx"):
        Session(SEGMENTATION, data)


def test_warm_up_feeds_every_input() -> None:
    """A graph with two inputs warms up as well as one with one."""
    model = STORE.find("inpainting", "inpainting")

    Session(model, STORE.read(model)).warm_up(64)


def test_the_library_keeps_no_telemetry(tmp_path: Path) -> None:
    """Loading it leaves no trace in the home folder: the database that ONNX Runtime 1.31 reports from is absent."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    script = "import service.session"

    subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, check=True, timeout=60)  # noqa: S603

    assert list(tmp_path.rglob("*")) == []
