"""Dots in a row alone in a bubble are a silence, bars on dots a shout: text. Other dots are eyes, buttons, tone."""

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
UNSEEN = np.zeros(SIZE_HW, np.uint8)
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

    found = find_lone_marks(image, UNSEEN)

    assert (found[dots > 0] == 255).all()
    assert not found[cv2.dilate(dots, np.ones((7, 7), np.uint8)) == 0].any()


def test_large_dots_in_a_narrow_bubble_are_found() -> None:
    """As wide as a fifth of the bubble's inside."""
    image, dots = page(*row(4, 34, upright=True), radius_px=13)

    assert (find_lone_marks(image, UNSEEN)[dots > 0] == 255).all()


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

    assert not find_lone_marks(image, UNSEEN).any()


def test_dots_of_several_sizes_are_left() -> None:
    """Bubbles in water, a lens flare."""
    image, _ = page(*row(3, 22))
    cv2.circle(image, (MIDDLE[0] + 22, MIDDLE[1]), 8, (0, 0, 0), -1)

    assert not find_lone_marks(image, UNSEEN).any()


def test_dots_on_open_paper_are_left() -> None:
    """Without a bubble around them they may be anything."""
    image = pages.blank(*SIZE_HW)
    for dx, dy in row(3):
        cv2.circle(image, (MIDDLE[0] + dx, MIDDLE[1] + dy), 4, (0, 0, 0), -1)

    assert not find_lone_marks(image, UNSEEN).any()


Line = tuple[tuple[int, int], tuple[int, int]]
Dot = tuple[int, int]
UPRIGHT: list[tuple[Line, Dot]] = [(((-14, -30), (-14, 8)), (-14, 24)), (((14, -30), (14, 8)), (14, 24))]
LEANING: list[tuple[Line, Dot]] = [(((-4, -30), (-16, 6)), (-20, 22)), (((24, -30), (12, 6)), (8, 22))]


def shout(marks: list[tuple[Line, Dot]], *, spiky: bool = False, dark: bool = False) -> tuple[Image, Mask]:
    """Bars and their dots, so far from the middle of a bubble, and their mask."""
    image, mask = page(dark=dark)
    ink = 255 if dark else 0
    if spiky:
        angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
        reach = np.where(np.arange(36) % 2, 0.8, 1.1)[:, None]
        burst = np.rint(np.array(MIDDLE) + reach * np.stack([np.cos(angles), np.sin(angles)], 1) * BUBBLE).astype(int)
        image[:] = 140
        cv2.fillPoly(image, [burst], (255, 255, 255))
        cv2.polylines(image, [burst], isClosed=True, color=(0, 0, 0), thickness=2, lineType=cv2.LINE_AA)
    for layer, colour in ((image, (ink,) * 3), (mask, (255,))):
        for (start, end), dot in marks:
            ends = [(MIDDLE[0] + x, MIDDLE[1] + y) for x, y in (start, end)]
            cv2.line(layer, *ends, colour, 9, cv2.LINE_AA)
            cv2.circle(layer, (MIDDLE[0] + dot[0], MIDDLE[1] + dot[1]), 6, colour, -1, cv2.LINE_AA)
    return image, mask


@pytest.mark.parametrize(
    ("marks", "spiky", "dark"), [(UPRIGHT, False, False), (LEANING, True, False), (LEANING, False, True)]
)
def test_bars_on_dots_alone_in_a_bubble_are_a_shout(marks, *, spiky: bool, dark: bool) -> None:
    """Upright and leaning, in a round bubble and in a burst, black on white and white on black."""
    image, ink = shout(marks, spiky=spiky, dark=dark)

    found = find_lone_marks(image, UNSEEN)

    assert (found[ink == 255] == 255).all()
    assert not found[cv2.dilate(ink, np.ones((7, 7), np.uint8)) == 0].any()


def test_a_question_mark_is_a_bar_too() -> None:
    """With its hook, beside a mark that calls out."""
    image, ink = shout(UPRIGHT[1:])
    for layer, colour in ((image, (0, 0, 0)), (ink, (255,))):
        hook = np.array([[-27, -18], [-22, -29], [-12, -30], [-6, -22], [-12, -10], [-16, 0], [-16, 8]]) + MIDDLE
        cv2.polylines(layer, [hook], isClosed=False, color=colour, thickness=8, lineType=cv2.LINE_AA)
        cv2.circle(layer, (MIDDLE[0] - 16, MIDDLE[1] + 24), 6, colour, -1, cv2.LINE_AA)

    found = find_lone_marks(image, UNSEEN)

    assert (found[ink == 255] == 255).all()


@pytest.mark.parametrize(
    "marks",
    [
        UPRIGHT[:1],
        [(((-30, -24), (-10, -24)), (-20, 0)), (((10, -24), (30, -24)), (20, 0))],
        [(bar, (x, -44)) for bar, (x, _) in UPRIGHT],
        [UPRIGHT[0], (UPRIGHT[1][0], (40, 24))],
        [*UPRIGHT, (((44, -2), (44, 0)), (44, 0))],
        [(((x0, y0 + 38), (x1, y1 + 38)), (x, y + 38)) for ((x0, y0), (x1, y1)), (x, y) in UPRIGHT],
    ],
    ids=["one", "brows over eyes", "dots above", "a dot aside", "something else", "at the edge"],
)
def test_other_bars_and_dots_are_left(marks: list[tuple[Line, Dot]]) -> None:
    """None of these is two or more bars, each on a dot, alone in the middle."""
    image, _ = shout(marks)

    assert not find_lone_marks(image, UNSEEN).any()


def test_tall_bars_in_a_narrow_bubble_are_a_shout() -> None:
    """Taller than the bubble is wide, as long as bubble is left above and below."""
    tall: list[tuple[Line, Dot]] = [(((x, -62), (x, 28)), (x, 46)) for x in (-14, 14)]
    image, ink = shout(tall)
    image[:, : MIDDLE[0] - 40] = 140
    image[:, MIDDLE[0] - 41 : MIDDLE[0] - 38] = 0
    image[:, MIDDLE[0] + 38 :] = 140
    image[:, MIDDLE[0] + 38 : MIDDLE[0] + 41] = 0

    assert (find_lone_marks(image, UNSEEN)[ink == 255] == 255).all()


def two_bubbles(*others: tuple[int, int]) -> tuple[Image, Mask, Mask]:
    """A bubble with three dots that runs into another with a word, and what the network saw; `others` are strays."""
    image, dots = page(*row(3, upright=True), *others)
    ground, outline = np.zeros(SIZE_HW, np.uint8), np.zeros(SIZE_HW, np.uint8)
    for centre, axes in ((MIDDLE, BUBBLE), ((MIDDLE[0] - 80, MIDDLE[1] + 30), (60, 50))):
        cv2.ellipse(ground, centre, axes, 0, 0, 360, 255, -1)
        cv2.ellipse(outline, centre, axes, 0, 0, 360, 255, 3)
    outline &= ~cv2.erode(ground, np.ones((5, 5), np.uint8))
    image[:] = 140
    image[ground > 0] = 255
    image[(outline > 0) | (dots > 0)] = 0
    word = np.zeros(SIZE_HW, np.uint8)
    word[130:170, 40:46] = word[146:152, 50:80] = 255
    image[word > 0] = 0
    return image, dots, word


def test_dots_beside_words_that_were_seen_are_found() -> None:
    """A silence in a bubble that runs into another; the words themselves are the network's."""
    image, dots, word = two_bubbles()

    found = find_lone_marks(image, word)

    assert (found[dots > 0] == 255).all()
    assert not found[cv2.dilate(dots, np.ones((7, 7), np.uint8)) == 0].any()
    assert not find_lone_marks(image, UNSEEN).any()


def test_dots_beside_words_and_something_else_are_left() -> None:
    """Buttons, a face that speaks."""
    image, _, word = two_bubbles((30, 10))

    assert not find_lone_marks(image, word).any()


def test_looking_can_be_stopped() -> None:
    """A sheet of ten thousand cells takes a second: the deadline is asked at each."""
    image, _ = page(*row(3))

    def stop() -> None:
        raise ClientGone

    with pytest.raises(ClientGone):
        find_lone_marks(image, UNSEEN, stop)


def test_a_large_page_is_looked_at_in_its_maps_size() -> None:
    """What comes back has that size."""
    image, dots = page(*row(3, 24), radius_px=8)

    found = find_lone_marks(image, np.zeros((130, 160), np.uint8))

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
