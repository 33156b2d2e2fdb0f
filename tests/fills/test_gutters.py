"""What lies beyond a panel's end is told where its gutter is level or upright, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from service.fills.gutters import beyond_gutters
from service.imaging.arrays import Image, Mask
from tests import pages

HEIGHT, WIDTH = 120, 200


def painted(end: int = 90, gutter_px: int = 12) -> tuple[Image, Mask]:
    """A panel of dark noise down to a white gutter, another panel below; a hole close above the gutter."""
    image = pages.noise(HEIGHT, WIDTH) // 2
    image[end : end + gutter_px] = 255
    hole = np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[end - 30 : end - 1, 40:160] = 255
    return image, hole


@pytest.mark.parametrize("turns", range(4))
def test_the_gutter_and_what_is_beyond_it_are_told(turns: int) -> None:
    """On each side of a panel, and all of it; nothing of the panel itself."""
    image, hole = (np.ascontiguousarray(np.rot90(array, turns)) for array in painted())
    expected = np.zeros((HEIGHT, WIDTH), np.bool_)
    expected[90:] = True

    np.testing.assert_array_equal(beyond_gutters(image, hole, hole), np.rot90(expected, turns))


def test_a_panel_that_ends_in_white_of_its_own_tells_nothing() -> None:
    """Snow, or paper: the hole may go on from it."""
    image, hole = painted()
    image[60:90] = 255

    assert not beyond_gutters(image, hole, hole).any()


def test_a_border_beside_the_hole_is_told_and_what_is_before_it_is_not() -> None:
    """A dark line right across, soft edges and all: pieces of it came back in the middle of the panel."""
    image, hole = pages.noise(HEIGHT, WIDTH) // 2 + np.uint8(100), np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[50:80, 40:160] = 255
    image[100:104] = 10

    beyond = beyond_gutters(image, hole, hole)

    assert beyond[98:106].all()
    assert not np.delete(beyond, slice(98, 106), axis=0).any()


def test_a_border_that_runs_into_the_hole_is_not_told() -> None:
    """There it must go on."""
    image, hole = pages.noise(HEIGHT, WIDTH) // 2 + np.uint8(100), np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[50:102, 60:140] = 255
    image[100:104] = 10

    assert not beyond_gutters(image, hole, hole).any()


def test_a_white_line_is_no_gutter() -> None:
    """The rung of a ladder, a ruled line."""
    image, hole = painted(gutter_px=4)

    assert not beyond_gutters(image, hole, hole).any()


def test_a_sound_that_bursts_out_of_its_panel_sees_both() -> None:
    """It lies on both sides of the gutter."""
    image, hole = painted()
    hole[60:118, 100:140] = 255

    assert not beyond_gutters(image, hole, hole).any()


def test_other_texts_are_not_told() -> None:
    """What is erased itself is not known, wherever it lies."""
    image, hole = painted()
    others = hole.copy()
    others[100:110, 20:60] = 255

    beyond = beyond_gutters(image, hole, others)

    assert beyond[95].all()
    assert not beyond[others > 0].any()
