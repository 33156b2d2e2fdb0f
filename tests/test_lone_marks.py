"""A row of dots alone in a bubble is a silence, and text; other dots are eyes, buttons, tone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from service import steps
from service.deadline import Deadline
from service.errors import ClientGone
from service.imaging import codec
from service.imaging.arrays import Image, Mask
from service.lone_marks import find_lone_marks
from service.segmenter import TextMaps
from tests import pages

SIZE_HW = (260, 320)
MIDDLE = (160, 120)
BUBBLE = (70, 80)


def page(*dots: tuple[int, int], radius_px: int = 4, dark: bool = False) -> tuple[Image, Mask]:
    """Dots, that far from the middle of a bubble on a gray panel, and their mask."""
    image, mask = pages.blank(*SIZE_HW, 140), np.zeros(SIZE_HW, np.uint8)
    ground, ink = (0, 255) if dark else (255, 0)
    cv2.ellipse(image, MIDDLE, BUBBLE, 0, 0, 360, (ground,) * 3, -1)
    cv2.ellipse(image, MIDDLE, BUBBLE, 0, 0, 360, (ink,) * 3, 2, cv2.LINE_AA)
    for dx, dy in dots:
        centre = (MIDDLE[0] + dx, MIDDLE[1] + dy)
        cv2.circle(image, centre, radius_px, (ink,) * 3, -1, cv2.LINE_AA)
        cv2.circle(mask, centre, radius_px, 255, -1)
    return image, mask


def row(count: int, step_px: int = 14, *, upright: bool = False) -> list[tuple[int, int]]:
    """Places of `count` dots in a row through the middle."""
    places = [round((number - (count - 1) / 2) * step_px) for number in range(count)]
    return [(0, place) if upright else (place, 0) for place in places]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("count", "upright"), [(3, False), (3, True), (6, True)])
def test_a_row_of_dots_alone_in_a_bubble_is_found(*, count: int, upright: bool, dark: bool) -> None:
    """Across and down, black on white and white on black; the dots and little else."""
    image, dots = page(*row(count, upright=upright), dark=dark)

    found = find_lone_marks(image, SIZE_HW)

    assert (found[dots > 0] == 255).all()
    assert not found[cv2.dilate(dots, np.ones((7, 7), np.uint8)) == 0].any()


def test_large_dots_in_a_narrow_bubble_are_found() -> None:
    """As wide as a fifth of the bubble's inside."""
    image, dots = page(*row(4, 34, upright=True), radius_px=13)

    assert (find_lone_marks(image, SIZE_HW)[dots > 0] == 255).all()


@pytest.mark.parametrize(
    "dots",
    [
        row(2, 30),
        [(-30, -20), (30, -20), (0, 30)],
        [(-14, -14), (0, 0), (14, 14)],
        [(-40, 0), (-26, 0), (20, 0)],
        [(dx, dy + 50) for dx, dy in row(3)],
        [*row(3), (0, -30)],
    ],
    ids=["two eyes", "a face", "dice", "uneven", "at the edge", "something else"],
)
def test_other_dots_are_left(dots: list[tuple[int, int]]) -> None:
    """None of these is a row of three alone in the middle."""
    image, _ = page(*dots)

    assert not find_lone_marks(image, SIZE_HW).any()


def test_dots_of_several_sizes_are_left() -> None:
    """Bubbles in water, a lens flare."""
    image, _ = page(*row(3, 22))
    cv2.circle(image, (MIDDLE[0] + 22, MIDDLE[1]), 8, (0, 0, 0), -1)

    assert not find_lone_marks(image, SIZE_HW).any()


def test_dots_on_open_paper_are_left() -> None:
    """Without a bubble around them they may be anything."""
    image = pages.blank(*SIZE_HW)
    for dx, dy in row(3):
        cv2.circle(image, (MIDDLE[0] + dx, MIDDLE[1] + dy), 4, (0, 0, 0), -1)

    assert not find_lone_marks(image, SIZE_HW).any()


def test_looking_can_be_stopped() -> None:
    """A sheet of ten thousand cells takes a second: the deadline is asked at each."""
    image, _ = page(*row(3))

    def stop() -> None:
        raise ClientGone

    with pytest.raises(ClientGone):
        find_lone_marks(image, SIZE_HW, stop)


def test_a_large_page_is_looked_at_in_its_maps_size() -> None:
    """What comes back has that size."""
    image, dots = page(*row(3, 24), radius_px=8)

    found = find_lone_marks(image, (130, 160))

    assert found.shape == (130, 160)
    assert found[cv2.resize(dots, (160, 130)) > 200].all()


def test_refining_erases_a_silence_that_the_network_did_not_see() -> None:
    """With its soft edge, and without a bite of the bubble."""
    image, dots = page(*row(3))
    job = steps.Job(codec.decode(pages.png(image), max_pixels=10**6), Deadline())
    job.maps = TextMaps(np.zeros(SIZE_HW, np.uint8), np.zeros(SIZE_HW, np.uint8), 1.0)

    steps.refine_strokes(job, 0.4, 4)

    assert job.mask is not None
    assert (job.mask[dots > 0] == 255).all()
    assert not job.mask[image[..., 0] == 140].any()
