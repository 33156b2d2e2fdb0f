from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from benchmarks import costs
from benchmarks.costs import count_parameters, describe

pytestmark = pytest.mark.training


def draw_graph() -> bytes:
    """A graph with 6 weights in float16, 4 in float32, and a shape of 2 whole numbers."""
    arrays = {"a": np.zeros((2, 3), np.float16), "b": np.zeros(4, np.float32), "shape": np.zeros(2, np.int64)}
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    return helper.make_model(helper.make_graph([], "counted", [], [], initializer=weights)).SerializeToString()


def test_weights_of_a_graph_are_counted_and_shapes_are_not() -> None:
    """6 in half precision and 4 in single are 10 parameters."""
    assert isinstance(onnx.load_from_string(draw_graph()), onnx.ModelProto)
    assert count_parameters(draw_graph()) == 10


def test_without_onnx_the_number_of_parameters_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's environment has no onnx: a dash in the table, no error."""
    monkeypatch.setattr(costs, "find_spec", lambda _: None)

    assert math.isnan(count_parameters(draw_graph()))


def test_a_ratio_is_the_median_of_the_ratios_round_by_round() -> None:
    """A neighbour that doubles the second round of both leaves the ratio at 2; one outlier does not move it."""
    assert describe([20, 40, 21], [10, 20, 10.5]) == "21, 2.00"
    assert describe([20, 20, 20], [10, 1, 10]) == "20, 2.00"
