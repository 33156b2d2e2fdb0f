"""A gradient goes on through the hole as it was around it."""

from __future__ import annotations

import numpy as np
import pytest

from service.fills import gradient
from service.fills.gate import Background, look_at_ring
from service.fills.gradient import fill_gradient
from tests import pages


def test_a_gradient_comes_back() -> None:
    """Mean error in the hole under 1.5 levels, none of more than 3; outside nothing changes."""
    clean = pages.gradient(140, 200)
    hole = np.zeros((140, 200), np.uint8)
    hole[40:100, 50:150] = 255
    image = clean.copy()
    image[hole > 0] = 0
    background = look_at_ring(image, hole, hole)
    assert background is not None

    fill_gradient(image, hole, background, np.random.default_rng(0))

    error = np.abs(image.astype(int) - clean)
    assert error[hole > 0].mean() < 1.5
    assert error.max() <= 3
    assert not error[hole == 0].any()


def test_levels_between_integers_are_dithered() -> None:
    """A plane at 100.5 becomes 100 and 101 in equal parts: a wide soft gradient shows no bands."""
    surface = np.zeros((3, 3), np.float32)
    surface[0] = 100.5
    image = pages.blank(64, 64)
    background = Background(surface[0], surface, is_flat=False, plain_share=1.0, grain=0.0)

    fill_gradient(image, np.full((64, 64), 255, np.uint8), background, np.random.default_rng(0))

    assert set(np.unique(image)) == {100, 101}
    assert abs(image.mean() - 100.5) < 0.05


def test_a_plane_that_leaves_the_range_is_cut() -> None:
    """No level wraps around."""
    surface = np.array([[0, 0, 0], [20, 20, 20], [0, 0, 0]], np.float32)
    image = pages.noise(4, 40)
    background = Background(surface[0], surface, is_flat=False, plain_share=1.0, grain=0.0)

    fill_gradient(image, np.full((4, 40), 255, np.uint8), background, np.random.default_rng(0))

    assert (image[:, 20:] == 255).all()
    assert (np.diff(image[0, :, 0].astype(int)) >= 0).all()


def test_a_large_hole_is_painted_in_portions_with_a_look_at_the_clock_before_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pixels are the same as at once; what the check raises ends the painting."""
    surface = np.array([[40, 90, 140], [0.31, 0.27, 0.22], [0.11, 0.13, 0.17]], np.float32)
    background = Background(surface[0], surface, is_flat=False, plain_share=1.0, grain=0.0)
    hole = np.full((64, 64), 255, np.uint8)
    at_once, in_portions = pages.blank(64, 64), pages.blank(64, 64)
    fill_gradient(at_once, hole, background, np.random.default_rng(0))
    monkeypatch.setattr(gradient, "PIXELS_AT_ONCE", 1000)
    looks: list[int] = []

    def check() -> None:
        looks.append(1)
        if len(looks) > 5:
            raise TimeoutError

    fill_gradient(in_portions, hole, background, np.random.default_rng(0), check)

    assert np.array_equal(in_portions, at_once)
    assert len(looks) == 5
    with pytest.raises(TimeoutError):
        fill_gradient(in_portions, hole, background, np.random.default_rng(0), check)
