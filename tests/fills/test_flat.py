"""One colour in the hole, nothing outside it."""

from __future__ import annotations

import numpy as np

from service.fills.flat import WHITE, fill_colour, ring_colour
from tests import pages


def test_the_hole_gets_the_colour_and_nothing_else_changes() -> None:
    """Levels are rounded and cut to 0..255; outside the hole every byte stays."""
    image, hole = pages.noise(20, 30), np.zeros((20, 30), np.uint8)
    hole[5:10, 7:20] = 255
    before = image.copy()

    fill_colour(image, hole, np.array([254.6, -3.0, 260.0], np.float32))

    assert (image[hole > 0] == [255, 0, 255]).all()
    assert np.array_equal(image[hole == 0], before[hole == 0])


def test_white_is_white() -> None:
    """All channels 255, exactly."""
    image = pages.noise(4, 4)

    fill_colour(image, np.full((4, 4), 255, np.uint8), WHITE)

    assert (image == 255).all()


def test_the_colour_of_a_ring_is_its_median() -> None:
    """A few strays do not tint it; without a ring the whole image speaks."""
    image = pages.blank(10, 10, level=200)
    image[0, :3] = 0
    ring = np.zeros((10, 10), np.bool_)
    ring[0] = True

    assert ring_colour(image, ring).tolist() == [200, 200, 200]
    assert ring_colour(image, np.zeros((10, 10), np.bool_)).tolist() == [200, 200, 200]
