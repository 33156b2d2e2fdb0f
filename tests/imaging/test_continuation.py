"""Smooth continuation into holes."""

from __future__ import annotations

import numpy as np
import pytest

from service.imaging.continuation import continue_smoothly


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 5), (64, 64), (65, 33)])
def test_a_constant_goes_on_as_that_constant(shape):
    """Around a hole there is 37.25 everywhere: so there is in it, to 1 in 10,000."""
    field = np.full((*shape, 2), 37.25, np.float32)
    hole = np.zeros(shape, bool)
    hole[: max(1, shape[0] // 2), : shape[1] // 2] = True
    field[hole] = -999

    assert continue_smoothly(field, hole) == pytest.approx(37.25, rel=1e-4)


def test_what_is_known_stays_as_it_is():
    """Outside the hole every value is returned unchanged."""
    field = np.random.default_rng(1).normal(size=(30, 41, 3)).astype(np.float32)
    hole = np.zeros((30, 41), bool)
    hole[5:20, 7:30] = True

    assert np.allclose(continue_smoothly(field, hole)[~hole], field[~hole])


def test_a_hole_between_two_levels_is_filled_between_them():
    """Left 0, right 100: the hole holds values from 0 to 100, rising."""
    field = np.zeros((32, 48, 1), np.float32)
    field[:, 24:] = 100
    hole = np.zeros((32, 48), bool)
    hole[:, 12:36] = True

    filled = continue_smoothly(field, hole)[16, 12:36, 0]

    assert filled.min() >= 0
    assert filled.max() <= 100
    assert filled[0] < 25
    assert filled[-1] > 75


def test_with_nothing_known_there_is_nothing_to_continue():
    """All hole: all zero, no division by nothing."""
    assert not continue_smoothly(np.ones((9, 9, 1), np.float32), np.ones((9, 9), bool)).any()
