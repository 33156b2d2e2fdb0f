"""A smooth fill goes on from what is known, and looks at nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from service.fills.smooth import fill_smoothly
from service.imaging.arrays import Mask
from tests import pages


def block() -> Mask:
    """A hole of 40 x 60 px in 130 x 170."""
    hole = np.zeros((130, 170), np.uint8)
    hole[40:80, 50:110] = 255
    return hole


def test_flat_paper_stays_flat() -> None:
    """No level is off, whatever stood in the hole."""
    hole, image = block(), pages.blank(130, 170, 231)
    image[hole > 0] = 0

    assert np.abs(fill_smoothly(image, hole) - 231).max() < 0.5


def test_a_gradient_goes_on() -> None:
    """A plane is its own smooth continuation, to a few levels."""
    hole, clean = block(), pages.gradient(130, 170)

    assert np.abs(fill_smoothly(clean, hole) - clean)[hole > 0].mean() < 2


def test_what_is_known_is_kept() -> None:
    """Outside the hole the image comes back."""
    hole, image = block(), pages.noise(130, 170)

    assert np.abs(fill_smoothly(image, hole) - image)[hole == 0].max() < 0.5


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 90), (64, 64), (65, 3)])
def test_any_size_is_filled_even_if_nothing_is_known(size_hw: tuple[int, int]) -> None:
    """There is nothing to go on from, but nothing breaks either."""
    filled = fill_smoothly(pages.noise(*size_hw), np.full(size_hw, 255, np.uint8))

    assert filled.shape == (*size_hw, 3)
    assert not filled.any()
