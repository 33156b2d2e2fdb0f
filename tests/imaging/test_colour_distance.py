"""How far apart two colours are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.imaging.colour import colour_distance

levels = st.integers(0, 255)
colours = st.tuples(levels, levels, levels)


@given(colours, colours)
def test_distance_is_the_largest_channel_difference(a: tuple[int, int, int], b: tuple[int, int, int]) -> None:
    """In levels, 0 to 255; 0 for the colour itself."""
    image = np.array([[a, b]], np.uint8)

    distance = colour_distance(image, np.array(b, np.float32))

    expected = max(abs(x - y) for x, y in zip(a, b, strict=True))
    assert distance.dtype == np.uint8
    assert distance.tolist() == [[expected, 0]]


def test_a_colour_between_levels_is_rounded_and_one_outside_is_cut() -> None:
    """A median of 254.6 is white; a fit of 260 is white too."""
    white = np.full((1, 2, 3), 255, np.uint8)

    assert not colour_distance(white, np.array([254.6, 255.0, 260.0], np.float32)).any()


@pytest.mark.parametrize("size_hw", [(1, 1), (4, 1), (1, 4), (5, 1), (2, 2)])
def test_a_picture_of_any_size_is_measured(size_hw: tuple[int, int]) -> None:
    """Four pixels below each other were a scalar to OpenCV, and an error of the server's."""
    image = np.full((*size_hw, 3), (10, 200, 90), np.uint8)

    assert (colour_distance(image, np.array([40.0, 190.0, 90.0], np.float32)) == 30).all()
