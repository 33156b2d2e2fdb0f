"""Where few colours meet in a hole, they meet at an edge; texture, photographs and plain ground keep their fill."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.fills.areas import MAX_PIXELS, find_colours, redraw_areas
from service.imaging.arrays import Box, Image, Mask
from tests.fills.test_busy import box_of
from tests.fills.test_patches import blot, grass, smoothed

RED, BLUE = (210, 30, 60), (70, 120, 190)


def coat_before_wall(height: int = 200, width: int = 260) -> Image:
    """Blue above, red below."""
    clean = np.empty((height, width, 3), np.uint8)
    clean[: height // 2], clean[height // 2 :] = BLUE, RED
    return clean


def band(height: int = 200, width: int = 260) -> Mask:
    """A line of letters across the middle, as far as 30 px from either side."""
    hole = np.zeros((height, width), np.uint8)
    hole[height // 2 - 15 : height // 2 + 15, 30 : width - 30] = 255
    return hole


def redrawn(image: Image, hole: Mask, boxes: list[Box] | None = None) -> Image:
    """What becomes of an image whose hole has a smooth fill."""
    result = image.copy()
    redraw_areas(result, hole, boxes or [box_of(hole)])
    return result


def mixed_share(image: Image, hole: Mask) -> float:
    """How much of the hole is neither red nor blue."""
    pixels = image[hole > 0].astype(int)
    away = np.minimum(np.abs(pixels - RED).max(axis=1), np.abs(pixels - BLUE).max(axis=1))
    return float((away > 12).mean())


def test_two_colours_meet_at_an_edge() -> None:
    """A smooth fill is mostly purple; drawn in areas there is red, blue, and a pixel or two of edge where it was."""
    clean, hole = coat_before_wall(), band()
    image = smoothed(clean, hole)
    assert mixed_share(image, hole) > 0.5

    result = redrawn(image, hole)

    assert mixed_share(result, hole) < 0.15
    wrong = np.abs(result.astype(int) - clean).max(axis=2) > 40
    assert not wrong[:97].any()
    assert not wrong[103:].any()
    np.testing.assert_array_equal(result[hole == 0], clean[hole == 0])


def test_a_title_larger_than_the_memory_allows_is_drawn_in_one_piece() -> None:
    """It is drawn smaller, without a seam where it was cut, and nothing beside the hole is touched."""
    clean, hole = coat_before_wall(420, 1100), band(420, 1100)
    assert hole.size > MAX_PIXELS
    image = smoothed(clean, hole)

    result = redrawn(image, hole)

    assert mixed_share(result, hole) < 0.25
    np.testing.assert_array_equal(result[hole == 0], clean[hole == 0])


def test_a_narrow_stripe_that_crosses_a_wide_hole_goes_on() -> None:
    """White on yellow, as on posters: all of the rim but a little is plain, so a smooth fill errs by little there."""
    clean = np.full((200, 560, 3), (248, 226, 128), np.uint8)
    clean[:, 260:300] = 250
    hole = band(200, 560)
    image = smoothed(clean, hole)
    assert (np.abs(image.astype(int) - clean).max(axis=2) > 40).sum() > 300

    result = redrawn(image, hole)

    wrong = np.abs(result.astype(int) - clean).max(axis=2) > 40
    assert wrong.sum() < 150
    np.testing.assert_array_equal(result[hole == 0], clean[hole == 0])


def test_an_outline_does_not_spread_over_the_hole() -> None:
    """A panel's border just below the letters stays a border."""
    clean, hole = coat_before_wall(), band()
    clean[118:124] = 0
    image = smoothed(clean, hole)

    result = redrawn(image, hole)

    assert not (result[hole > 0].max(axis=1) < 60).any()


@pytest.mark.parametrize(
    "clean", [grass(0, 200, 260), coat_before_wall()[:1].repeat(200, axis=0)], ids=["grass", "plain"]
)
def test_texture_and_plain_ground_keep_their_fill(clean: Image) -> None:
    """The one has no areas, the other no edges."""
    hole = blot(200, 260, 30)
    image = smoothed(clean, hole)

    np.testing.assert_array_equal(redrawn(image, hole), image)


def test_a_soft_gradient_keeps_its_fill() -> None:
    """Nothing is blurred there that was sharp."""
    clean = np.empty((200, 260, 3), np.uint8)
    clean[:] = np.linspace(120, 250, 260)[None, :, None]
    hole = blot(200, 260, 30)
    image = smoothed(clean, hole)

    np.testing.assert_array_equal(redrawn(image, hole), image)


def test_the_commonest_colours_come_first_and_must_cover() -> None:
    """Two thirds red, one third blue, with grain; noise has no colours."""
    rng = np.random.default_rng(0)
    pixels = np.repeat(np.array([RED, RED, BLUE], np.int16), 500, axis=0) + rng.integers(-4, 5, (1500, 3))
    noise = rng.integers(0, 256, (1500, 3)).astype(np.uint8)

    colours = find_colours(pixels.astype(np.uint8))

    np.testing.assert_allclose(colours, [RED, BLUE], atol=1)
    assert len(find_colours(noise)) == 0


def test_asks_whether_to_stop() -> None:
    """What the check raises ends the drawing."""
    clean, hole = coat_before_wall(), band()
    cv2.circle(clean, (40, 40), 20, (250, 220, 40), -1)

    def check() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        redraw_areas(smoothed(clean, hole), hole, [box_of(hole)], check)
