"""Paper has grain, and so has what is filled on it; clean ground stays clean."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.fills.flat import fill_colour
from service.fills.gate import look_at_ring
from service.fills.grain import add_grain
from service.imaging.arrays import Image, Mask


def paper(softness_px: float, strength: float = 2.5, level: int = 225) -> Image:
    """Gray paper with normal noise."""
    noise = np.random.default_rng(3).normal(0, 1, (160, 220)).astype(np.float32)
    if softness_px:
        noise = cv2.GaussianBlur(noise, (0, 0), softness_px)
    return np.clip(np.rint(level + noise / noise.std() * strength), 0, 255).astype(np.uint8)[..., None].repeat(3, 2)


def block() -> Mask:
    """A hole in the middle."""
    hole = np.zeros((160, 220), np.uint8)
    hole[60:100, 60:160] = 255
    return hole


def filled(image: Image, hole: Mask) -> Image:
    """The image with the hole filled flat, grain added."""
    background = look_at_ring(image, hole, hole)
    assert background is not None
    result = image.copy()
    fill_colour(result, hole, background.colour)
    add_grain(result, hole, hole, background, np.random.default_rng(0))
    return result


def alike(image: Image) -> float:
    """How much neighbours in a row resemble each other, -1 to 1."""
    light = image[..., 0].astype(float)
    return float(np.corrcoef(light[:, 1:].ravel(), light[:, :-1].ravel())[0, 1])


@pytest.mark.parametrize("softness_px", [0.0, 0.6, 1.0])
def test_the_fill_is_as_grainy_and_as_soft_as_the_paper(softness_px: float) -> None:
    """Strength within a quarter, likeness of neighbours within 0.15, gray stays gray, outside nothing changes."""
    image, hole = paper(softness_px), block()

    result = filled(image, hole)

    inside, around = result[60:100, 60:160], image[:50]
    assert inside.std() == pytest.approx(around.std(), rel=0.25)
    assert alike(inside) == pytest.approx(alike(around), abs=0.15)
    assert np.ptp(inside.astype(int), axis=2).max() <= 1
    assert np.array_equal(result[hole == 0], image[hole == 0])


@pytest.mark.parametrize(("strength", "level"), [(0.0, 225), (0.4, 225), (2.5, 255)])
def test_clean_ground_stays_clean(strength: float, level: int) -> None:
    """One colour is filled with one colour; so is white, whose grain is cut off at 255, and dither of half a level."""
    image, hole = paper(0.5, strength, level), block()

    inside = filled(image, hole)[hole > 0]

    assert (inside == inside[0]).all()


def test_the_dirt_of_a_compression_is_no_grain() -> None:
    """Noise in some blocks only is a trace of what stands in them: it is not carried on."""
    image, hole = paper(0.0, 4.0), block()
    blocks = np.random.default_rng(5).random((20, 28)).repeat(8, 0).repeat(8, 1)[:160, :220] < 0.5
    image[blocks] = 225

    inside = filled(image, hole)[hole > 0]

    assert (inside == inside[0]).all()


def test_a_check_may_end_the_work() -> None:
    """It is called before each long part, and what it raises goes up: the image stays as it was filled."""
    image, hole = paper(0.6), block()
    background = look_at_ring(image, hole, hole)
    assert background is not None
    before = image.copy()
    for most in range(4):
        looks: list[int] = []

        def check(looks: list[int] = looks, most: int = most) -> None:
            looks.append(1)
            if len(looks) > most:
                raise TimeoutError

        with pytest.raises(TimeoutError):
            add_grain(image, hole, hole, background, np.random.default_rng(0), check=check)
        assert np.array_equal(image, before)
