"""A texture that repeats goes on through the hole; what does not repeat is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import grounds
from service.fills.tone import Texture, fill_tone, find_texture
from service.imaging.arrays import Image, Mask
from tests import pages


def block(height: int = 180, width: int = 260) -> Mask:
    """A hole in the middle, 40 px high."""
    hole = np.zeros((height, width), np.uint8)
    hole[70:110, 60:200] = 255
    return hole


def covered(clean: Image, hole: Mask) -> Image:
    """The image with ink in its hole."""
    image = clean.copy()
    image[hole > 0] = 0
    return image


@pytest.mark.parametrize("period_px", [4, 5, 6, 8, 10, 12])
def test_dots_go_on_exactly(period_px: int) -> None:
    """A tone whose period is whole pixels comes back byte for byte."""
    hole, clean = block(), pages.tone(180, 260, period_px)
    image = covered(clean, hole)
    texture = find_texture(image, hole, hole)
    assert texture is not None

    left = fill_tone(image, hole, hole, texture)

    assert not left.any()
    assert np.array_equal(image, clean)


@pytest.mark.parametrize("kind", ["screentone", "light_screentone", "gradient_screentone", "hatching", "stripes"])
@pytest.mark.parametrize("seed", range(4))
def test_tones_of_any_pitch_angle_and_ink_go_on(kind: str, seed: int) -> None:
    """Mean brightness in the hole is off by less than 3 levels: nothing turns to gray, and no dot is lost."""
    clean = getattr(grounds, kind)(np.random.default_rng(seed), (180, 260))
    hole = block()
    image = covered(clean, hole)
    texture = find_texture(image, hole, hole)
    assert texture is not None

    left = fill_tone(image, hole, hole, texture)

    inside = hole > 0
    assert not left.any()
    assert abs(float(image[inside].mean()) - float(clean[inside].mean())) < 3
    assert image[inside].std() == pytest.approx(clean[inside].std(), rel=0.1)
    assert np.array_equal(image[~inside], clean[~inside])


def test_dots_at_an_odd_angle_repeat_nearby_too() -> None:
    """Their best shifts are long, and they were once called no texture for it."""
    rng = np.random.default_rng(0)
    clean = grounds._dots(rng, (180, 260), np.full((180, 260), 0.12, np.float32))
    hole = block()

    assert find_texture(covered(clean, hole), hole, hole) is not None


def test_a_straight_edge_goes_on() -> None:
    """It repeats along itself: the hole across it gets its two colours back."""
    clean, hole = pages.blank(180, 260), block()
    clean[:, 130:] = 60
    image = covered(clean, hole)
    texture = find_texture(image, hole, hole)
    assert texture is not None

    fill_tone(image, hole, hole, texture)

    assert np.array_equal(image, clean)


@pytest.mark.parametrize("ground", ["blank", "gradient", "noise", "art"])
def test_what_does_not_repeat_is_no_texture(ground: str) -> None:
    """Paper and gradients are too quiet, noise and art do not repeat."""
    clean = {
        "blank": pages.blank(180, 260),
        "gradient": pages.gradient(180, 260),
        "noise": pages.noise(180, 260),
        "art": grounds.line_art(np.random.default_rng(1), (180, 260)),
    }[ground]
    hole = block()

    assert find_texture(covered(clean, hole), hole, hole) is None


def test_what_no_shift_reaches_is_left() -> None:
    """With one short shift and a hole that is wide, three passes fill three periods; the rest is handed back."""
    hole, clean = block(), pages.tone(180, 260)
    image = covered(clean, hole)

    left = fill_tone(image, hole, hole, Texture(np.array([[0, -6]], np.int32), 0.0))

    assert left.any()
    assert np.count_nonzero(left) == np.count_nonzero(hole) - 40 * 18
    assert (image[left > 0] == 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_bar_beside_a_hole_is_no_texture(seed: int) -> None:
    """It agrees with itself all along its length, but what stands around the hole does not repeat it."""
    rng = np.random.default_rng(seed)
    light = rng.normal(236, 7, (180, 260))
    light[122:127, :] = rng.normal(120, 7, (5, 260))
    clean = np.repeat(np.clip(light, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    hole = block()

    assert find_texture(covered(clean, hole), hole, hole) is None
