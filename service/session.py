"""One ONNX graph, opened once, its contract checked. The only importer of onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

# Read when the library is loaded. Unless it is set, 1.31 reports to its makers over the network, and keeps a
# database of what it reports in the home folder; `disable_telemetry_events` comes too late for that.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime as ort

from service.deadline import Deadline
from service.errors import ModelStoreError, OutOfMemory
from service.store import Model, Tensor

Tensors = Mapping[str, npt.NDArray[np.float32]]

# Wording of ONNX Runtime where memory runs out; it raises the same classes for everything.
_ALLOCATION_WORDS = ("bad_alloc", "bad allocation", "failed to allocate", "allocate memory", "out of memory")


class Graph(Protocol):
    """What the parts need of a session; a fake in tests is these two things."""

    model: Model

    def run(self, feeds: Tensors, deadline: Deadline) -> dict[str, npt.NDArray[np.float32]]:
        """Outputs by name for inputs by name; all float32, NCHW."""
        ...


class Session:
    """A graph ready to run. Safe to run from several threads at once."""

    def __init__(self, model: Model, graph: bytes, *, threads: int = 1) -> None:
        """Open `graph` and compare its tensors with the manifest entry; raises ModelStoreError if they differ."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Shapes vary: patterns would keep the largest page's memory for ever. So would the arena, but that each run
        # empties it (below). Without an arena tensors lie in the process's heap between small blocks that stay, and it
        # grows with every tile, by chance up to three times what one tile takes.
        options.enable_cpu_mem_arena = True
        options.enable_mem_pattern = False
        # Idle threads that spin halve the throughput of a shared host.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(graph, sess_options=options, providers=["CPUExecutionProvider"])
        except Exception as exc:  # onnxruntime raises bare pybind classes
            raise ModelStoreError(f"{model.file}: not a graph that can be opened: {exc}") from exc
        self.model = model
        _check_tensors(model, "input", model.inputs, self._session.get_inputs())
        _check_tensors(model, "output", model.outputs, self._session.get_outputs())
        self._output_names = [tensor.name for tensor in model.outputs]

    def run(self, feeds: Tensors, deadline: Deadline) -> dict[str, npt.NDArray[np.float32]]:
        """Run the graph; `deadline.stop` from another thread ends it within a node.

        Raises the deadline's reason when stopped, OutOfMemory if memory runs out.
        """
        run_options = ort.RunOptions()
        run_options.log_severity_level = 4
        run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

        def terminate() -> None:
            run_options.terminate = True

        with deadline.stopping(terminate):
            try:
                outputs = self._session.run(self._output_names, dict(feeds), run_options)
            except Exception as exc:  # onnxruntime raises bare pybind classes
                deadline.check()
                if any(word in str(exc).lower() for word in _ALLOCATION_WORDS) or isinstance(exc, MemoryError):
                    raise OutOfMemory from exc
                raise
        return dict(zip(self._output_names, outputs, strict=True))

    def warm_up(self, size_px: int = 256) -> None:
        """Run once on zeros of `size_px` x `size_px`, so that the first request meets a warm graph."""
        feeds = {
            tensor.name: np.zeros([dim if isinstance(dim, int) else size_px for dim in tensor.shape], np.float32)
            for tensor in self.model.inputs
        }
        self.run(feeds, Deadline())


def _check_tensors(model: Model, kind: str, expected: tuple[Tensor, ...], found: list[Any]) -> None:
    by_name = {tensor.name: tensor for tensor in found}
    if set(by_name) != {tensor.name for tensor in expected}:
        raise ModelStoreError(
            f"{model.file}: expected {kind}s {[tensor.name for tensor in expected]}, found {list(by_name)}"
        )
    for tensor in expected:
        dtype, shape = by_name[tensor.name].type, by_name[tensor.name].shape
        same_dtype = dtype == "tensor(float)"
        same_shape = len(shape) == len(tensor.shape) and all(
            want == have if isinstance(want, int) else not isinstance(have, int)
            for want, have in zip(tensor.shape, shape, strict=True)
        )
        if not (same_dtype and same_shape):
            raise ModelStoreError(
                f"{model.file}: {kind} {tensor.name!r}: "
                f"expected {tensor.dtype} {list(tensor.shape)}, found {dtype} {shape}"
            )
