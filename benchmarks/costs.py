"""What graphs cost on a CPU: time, measured while they take turns, and the number of their parameters."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

import numpy as np

from service.deadline import Deadline
from service.session import Session
from service.store import Model


@dataclass
class Timing:
    """Milliseconds of the runs of one graph, one number a round."""

    cpu_ms: list[float] = field(default_factory=list)
    """Time of the processor, all threads together: a busy neighbour adds little to it."""
    wall_ms: list[float] = field(default_factory=list)


def draw_feeds(model: Model, side_px: int) -> dict[str, np.ndarray]:
    """What the graph asks for: a noisy picture of `side_px` x `side_px`, and for a filler a tenth of it missing."""
    rng = np.random.default_rng(0)
    hole = np.zeros((1, 1, side_px, side_px), np.float32)
    hole[..., side_px // 4 : side_px // 2, side_px // 4 : side_px * 13 // 20] = 1
    feeds = {"image": rng.random((1, 3, side_px, side_px), np.float32), "hole": hole}
    return {tensor.name: feeds[tensor.name] for tensor in model.inputs}


def measure_times(sessions: Mapping[str, Session], *, side_px: int, rounds: int) -> dict[str, Timing]:
    """Each graph once per round, after one round that does not count, so that a busy neighbour slows all alike."""
    times = {name: Timing() for name in sessions}
    feeds = {name: draw_feeds(session.model, side_px) for name, session in sessions.items()}
    for turn in range(rounds + 1):
        for name, session in sessions.items():
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            session.run(feeds[name], Deadline())
            cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
            if turn:
                times[name].cpu_ms.append(1e3 * cpu_s)
                times[name].wall_ms.append(1e3 * wall_s)
    return times


def describe(own_ms: list[float], unit_ms: list[float]) -> str:
    """Median milliseconds, and the median of the ratios round by round: what slowed one slowed its neighbour too."""
    ratio = statistics.median(mine / other for mine, other in zip(own_ms, unit_ms, strict=True))
    return f"{statistics.median(own_ms):.0f}, {ratio:.2f}"


def count_parameters(graph: bytes) -> float:
    """Numbers that the graph holds as weights; nan without `onnx` installed, which comes with the extra `training`."""
    if find_spec("onnx") is None:
        return math.nan
    import onnx  # noqa: PLC0415  the service's environment has none

    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    weights = onnx.load_from_string(graph).graph.initializer
    return sum(math.prod(weight.dims) for weight in weights if weight.data_type in floats)
