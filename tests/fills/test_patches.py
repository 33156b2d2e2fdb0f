"""What has texture and no period goes on through a hole, from patches of what is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.errors import DeadlineExceeded
from service.fills.patches import PATCHES_AT_ONCE, redraw
from service.fills.smooth import fill_smoothly
from service.imaging.arrays import Image, Mask


def grass(seed: int = 0, height: int = 140, width: int = 200) -> Image:
    """Strokes at random on green: busy everywhere, the same nowhere."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), (120, 170, 90), np.uint8)
    for _ in range(height * width // 40):
        x, y = int(rng.integers(-5, width + 5)), int(rng.integers(-5, height + 5))
        colour = tuple(int(level) for level in rng.integers(20, 120, 3))
        cv2.line(image, (x, y), (x + int(rng.integers(-2, 3)), y + int(rng.integers(6, 12))), colour, 1, cv2.LINE_AA)
    return image


def blot(height: int = 140, width: int = 200, radius: int = 22) -> Mask:
    """A round hole in the middle."""
    hole = np.zeros((height, width), np.uint8)
    cv2.circle(hole, (width // 2, height // 2), radius, 255, -1)
    return hole


def smoothed(image: Image, hole: Mask) -> Image:
    """The image with a smooth fill in its hole, as a network would leave it."""
    smooth = np.rint(fill_smoothly(image, hole))
    return np.where(hole[..., None] > 0, smooth, image).astype(np.uint8)


def contrast(image: Image, where: Mask) -> float:
    """Mean difference of each pixel from the mean of its surroundings, levels."""
    light = image.mean(axis=2).astype(np.float32)
    return float(np.abs(light - cv2.GaussianBlur(light, (0, 0), 2))[where > 0].mean())


@pytest.mark.parametrize("seed", range(3))
def test_texture_without_a_period_goes_on(seed: int) -> None:
    """The hole has 0.4 of its ground's contrast and more; a smooth fill has less than a fifth."""
    clean, hole = grass(seed), blot()
    image = smoothed(clean, hole)

    drawn = redraw(image, hole, hole)

    core = cv2.erode(hole, np.ones((9, 9), np.uint8))
    assert contrast(image, core) < 0.2 * contrast(clean, core)
    assert contrast(drawn, core) > 0.4 * contrast(clean, core)


def test_nothing_outside_the_hole_changes() -> None:
    """Not one byte."""
    clean, hole = grass(), blot()

    drawn = redraw(smoothed(clean, hole), hole, hole)

    np.testing.assert_array_equal(drawn[hole == 0], clean[hole == 0])


def test_nothing_is_taken_from_other_holes() -> None:
    """What stands in them, letters for instance, is not drawn into this one."""
    clean, hole = grass(), blot()
    image = smoothed(clean, hole)
    other = np.zeros_like(hole)
    other[5:60, 5:60] = 255
    image[other > 0] = (255, 0, 255)

    drawn = redraw(image, hole, hole | other)

    assert not (drawn[hole > 0] == (255, 0, 255)).all(axis=1).any()
    assert drawn[hole > 0].max() < 200


def test_the_same_crop_gives_the_same_drawing() -> None:
    """Chance is seeded: an upload has one answer."""
    clean, hole = grass(), blot()
    image = smoothed(clean, hole)

    np.testing.assert_array_equal(redraw(image, hole, hole), redraw(image, hole, hole))


def test_gray_stays_gray() -> None:
    """Votes are the same for each channel."""
    clean = np.repeat(grass()[..., :1], 3, axis=2)
    hole = blot()

    drawn = redraw(smoothed(clean, hole), hole, hole)

    assert (drawn == drawn[..., :1]).all()


@pytest.mark.parametrize("size_hw", [(9, 9), (16, 200), (200, 12), (40, 40)])
def test_a_crop_with_no_room_for_patches_comes_back_whole(size_hw: tuple[int, int]) -> None:
    """Where nothing can be compared, what stood there stays."""
    image = grass(0, *size_hw)
    hole = np.zeros(size_hw, np.uint8)
    hole[2:-2, 2:-2] = 255

    np.testing.assert_array_equal(redraw(image, hole, hole), image)


def test_the_search_can_be_stopped() -> None:
    """A deadline that is over ends it between two blocks of patches."""
    clean, hole = grass(0, 300, 300), blot(300, 300, 60)
    assert np.count_nonzero(hole) > PATCHES_AT_ONCE
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise DeadlineExceeded("over")

    with pytest.raises(DeadlineExceeded):
        redraw(smoothed(clean, hole), hole, hole, check)
    assert calls == 3
