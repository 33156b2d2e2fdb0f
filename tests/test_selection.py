"""What the caller draws is what is meant."""

from __future__ import annotations

import json

import numpy as np
import pytest

from service.options import EraseOptions
from service.selection import draw


def drawn(*shapes: object, size_hw: tuple[int, int]) -> np.ndarray:
    """The mask of shapes written as JSON."""
    include = EraseOptions.parse({"include": json.dumps(shapes)}).include
    assert include is not None
    return draw(include, size_hw)


@pytest.mark.parametrize(
    "shape",
    [[0, 31_000, 10, 40_000], [[0, 31_000], [9, 31_000], [9, 39_999], [0, 39_999]]],
    ids=["box", "polygon"],
)
def test_an_area_far_down_a_strip_is_drawn_where_it_is(shape: object) -> None:
    """Below 30,000 px areas were once cut off, and nothing there was erased."""
    mask = drawn(shape, size_hw=(40_000, 12))

    assert (mask[31_000:, :10] == 255).all()
    assert np.count_nonzero(mask) == 9_000 * 10


@pytest.mark.parametrize("shape", [[-50, -50, 5, 5], [[-900_000, -9], [4, -9], [4, 4], [-900_000, 4]]])
def test_what_lies_outside_the_image_is_cut_off(shape: object) -> None:
    """An area that begins outside covers what of it is inside, and wraps nowhere."""
    mask = drawn(shape, size_hw=(20, 30))

    assert (mask[:5, :5] == 255).all()
    assert np.count_nonzero(mask) == 25
