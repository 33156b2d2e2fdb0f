"""Edges, lines and drawn art go on through the hole; what cannot be believed is left to the network."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from benchmarks import grounds
from service.errors import DeadlineExceeded
from service.fills import copies as copies_module
from service.fills.copies import FACTORS, MAX_HOLE_PIXELS, Copies, fill_copies, find_copies
from service.fills.smooth import fill_smoothly
from service.imaging.arrays import Image, Mask
from tests import pages

LETTERS = (0, 0, 0)


@pytest.fixture(params=FACTORS)
def any_factor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, and decided on half the picture as of a hole too large for that."""
    monkeypatch.setattr(copies_module, "FACTORS", (request.param,))


def word(height: int = 160, width: int = 240) -> Mask:
    """The hole of a word across the middle."""
    hole = np.zeros((height, width), np.uint8)
    cv2.putText(hole, "HELLO", (40, height // 2 + 16), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 255, 9)
    return hole


def edge(height: int = 160, width: int = 240) -> Image:
    """Two colours that meet along a slant."""
    image = pages.blank(height, width)
    image[:] = (230, 214, 120)
    cv2.fillPoly(image, [np.array([[0, height], [0, 40], [width, 110], [width, height]])], (70, 90, 150), cv2.LINE_AA)
    return image


def speed_lines(height: int = 160, width: int = 240) -> Image:
    """Lines of several widths that run together."""
    image = pages.blank(height, width)
    for number, end in enumerate(range(-200, 400, 22)):
        cv2.line(image, (-20, end), (width + 900, 90), (20, 20, 20), 1 + number % 3, cv2.LINE_AA)
    return image


def inked(seed: int, height: int = 160, width: int = 240, *, strokes: int = 350) -> Image:
    """Loose strokes of a pen that follow a bent form, as in the shadows of a drawn scene: they never quite repeat."""
    rng = np.random.default_rng(seed)
    image = pages.blank(height, width)
    for _ in range(strokes):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        angle = 0.9 + 0.8 * np.sin(x / 70 + seed) + rng.normal(0, 0.08)
        step = rng.uniform(6, 26) * np.array([np.cos(angle), np.sin(angle)])
        ends = [tuple(np.rint(np.array([x, y]) + side * step).astype(int).tolist()) for side in (-1, 1)]
        cv2.line(image, *ends, (0, 0, 0), 1 + int(rng.integers(2)), cv2.LINE_AA)
    return image


def stippled(seed: int, height: int = 160, width: int = 240) -> Image:
    """A scan in black and white: two grounds of scattered dots, the right one denser, no dot where another has one."""
    rng = np.random.default_rng(seed)
    share = np.where(np.arange(width) < width // 2, 0.15, 0.6)
    dots = cv2.resize(rng.random((height // 2, width // 2)), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.repeat(np.where(dots < share, np.uint8(0), np.uint8(255))[..., None], 3, axis=2)


def covered(clean: Image, hole: Mask) -> Image:
    """The image with letters in its hole."""
    image = clean.copy()
    image[hole > 0] = LETTERS
    return image


def error(image: np.ndarray, clean: Image, where: Mask) -> float:
    """Mean squared levels."""
    return float(((image.astype(np.float32) - clean)[where > 0] ** 2).mean())


def copied(clean: Image, hole: Mask) -> Copies:
    """What is copied; the test fails if nothing is."""
    copies = find_copies(covered(clean, hole), hole, hole)
    assert copies is not None
    return copies


def filled(clean: Image, hole: Mask) -> tuple[Image, np.ndarray]:
    """The image with copies in its hole, and `(h, w)` bool where they are."""
    copies = copied(clean, hole)
    image = covered(clean, hole)
    fill_copies(image, copies)
    return image, copies.mask > 0


@pytest.mark.parametrize("draw", [edge, speed_lines])
def test_edges_and_lines_go_on_better_than_smoothly(draw) -> None:
    """Half of the hole and more is copied, with a third of a smooth fill's error at most."""
    clean, hole = draw(), word()
    copies = copied(clean, hole)
    image = covered(clean, hole)
    smooth = fill_smoothly(image, hole)

    fill_copies(image, copies)

    assert np.count_nonzero(copies.mask) > 0.5 * np.count_nonzero(hole)
    assert error(image, clean, copies.mask) < error(smooth, clean, copies.mask) / 3


@pytest.mark.parametrize("seed", range(3))
def test_hatching_goes_on(seed: int) -> None:
    """Thin lines of odd pitch and angle keep their contrast."""
    hole = word()
    clean = grounds.hatching(np.random.default_rng(seed), hole.shape)

    image, inside = filled(clean, hole)

    assert image[inside].std() == pytest.approx(clean[inside].std(), rel=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_where_all_is_inked_no_grey_cloud_is_left(seed: int) -> None:
    """Strokes that repeat nowhere cannot be copied without a seam; a smooth fill among them is the worse fault."""
    clean, hole = inked(seed), word()

    image, inside = filled(clean, hole)

    assert np.count_nonzero(inside) > 0.9 * np.count_nonzero(hole)
    assert image[inside].std() == pytest.approx(clean[inside].std(), rel=0.25)


@pytest.mark.parametrize("seed", range(3))
def test_of_black_and_white_no_gray_is_made(seed: int) -> None:
    """Dots are copied as dots, light ones where the ground is light: seams between them are not levelled to a fog."""
    clean, hole = stippled(seed), word()

    image, inside = filled(clean, hole)

    assert np.count_nonzero(inside) > 0.5 * np.count_nonzero(hole)
    assert np.mean((image[inside] > 40) & (image[inside] < 215)) < 0.02
    for half in (np.s_[:, :110], np.s_[:, 130:]):
        ink = (image[half][inside[half]] < 128).mean()
        assert ink == pytest.approx((clean[half] < 128).mean(), abs=0.15)


def test_slow_light_goes_on_through_the_copies() -> None:
    """A picture that darkens from left to right is not patched from brighter places."""
    hole = word()
    shade = np.linspace(1.0, 0.6, hole.shape[1])[None, :, None]
    clean = np.rint(speed_lines() * shade).astype(np.uint8)

    image, inside = filled(clean, hole)

    assert np.abs(image.astype(np.float32) - clean)[inside].mean() < 16


def test_noise_is_left_alone() -> None:
    """It goes nowhere: any copy is as wrong as another."""
    hole = word()

    assert find_copies(covered(pages.noise(*hole.shape), hole), hole, hole) is None


def test_an_eye_is_not_copied_onto_a_wall() -> None:
    """Deep in a thick hole nothing is seen of the wall, and an eye beside it would have fine edges all around."""
    clean = edge()
    clean[:] = (150, 150, 150)
    clean[::4] -= 8
    cv2.circle(clean, (120, 20), 9, (255, 255, 255), -1, cv2.LINE_AA)
    cv2.circle(clean, (120, 20), 4, (0, 0, 0), -1, cv2.LINE_AA)
    hole = np.zeros(clean.shape[:2], np.uint8)
    hole[60:100, 90:150] = 255
    image = covered(clean, hole)
    copies = find_copies(image, hole, hole)
    if copies is not None:
        fill_copies(image, copies)

        assert np.abs(image.astype(int) - 146)[copies.mask > 0].max() < 24


@pytest.mark.usefixtures("any_factor")
def test_letters_are_never_copied() -> None:
    """Other holes nearby hold green letters; no green comes out of them."""
    clean, hole = edge(), word()
    others = np.zeros_like(hole)
    others[8:30, 30:200] = 255
    others[130:150, 30:200] = 255
    image = covered(clean, hole)
    image[others > 0] = (0, 255, 0)

    copies = find_copies(image, hole, hole | others)

    assert copies is not None
    assert not ((copies.levels[:, 1] > 230) & (copies.levels[:, 0] < 60)).any()


@pytest.mark.usefixtures("any_factor")
def test_what_stood_in_the_holes_does_not_matter() -> None:
    """Black letters, white letters, noise: the same copies, each time."""
    clean, hole = edge(), word()
    first = copied(clean, hole)
    image = np.where(hole[..., None] > 0, pages.noise(*hole.shape), clean)

    second = find_copies(image, hole, hole)

    assert second is not None
    assert np.array_equal(first.mask, second.mask)
    assert np.array_equal(first.levels, second.levels)


@pytest.mark.usefixtures("any_factor")
def test_only_the_hole_is_filled_and_looking_changes_nothing() -> None:
    """The image is as it was until the copies are put in, and outside the hole afterwards too."""
    clean, hole = speed_lines(), word()
    image = covered(clean, hole)
    before = image.copy()

    copies = find_copies(image, hole, hole)

    assert np.array_equal(image, before)
    assert copies is not None
    assert not copies.mask[hole == 0].any()
    fill_copies(image, copies)
    assert np.array_equal(image[hole == 0], before[hole == 0])


def test_a_paragraph_on_a_large_page_is_copied_too() -> None:
    """Seven lines with their rims at 1,400 px to the page: a smooth fill left a grey cloud there."""
    image = inked(3, 420, 420, strokes=3000)
    hole = np.zeros(image.shape[:2], np.uint8)
    hole[80:340, 90:330] = 255

    copies = find_copies(covered(image, hole), hole, hole)

    assert np.count_nonzero(hole) > 60_000
    assert copies is not None
    assert np.count_nonzero(copies.mask) > 0.8 * np.count_nonzero(hole)


def test_a_hole_too_large_to_look_at_gets_pixels_of_the_page_not_enlarged_ones() -> None:
    """Strokes of the pen are as sharp as on the page, though their places were found on half of it."""
    image = inked(4, 560, 620, strokes=3200)
    hole = np.zeros(image.shape[:2], np.uint8)
    hole[90:470, 130:490] = 255
    page = covered(image, hole)

    copies = find_copies(page, hole, hole)

    assert np.count_nonzero(hole) > MAX_HOLE_PIXELS
    assert copies is not None
    assert np.count_nonzero(copies.mask) > 0.8 * np.count_nonzero(hole)
    fill_copies(page, copies)
    filled, drawn = (np.abs(np.diff(picture[150:410, 190:430, 0].astype(float))).mean() for picture in (page, image))
    assert filled == pytest.approx(drawn, rel=0.15)


def test_a_hole_too_large_or_too_small_is_left_to_the_network() -> None:
    """Neither has surroundings that say what is in it."""
    side = int(MAX_HOLE_PIXELS**0.5) * FACTORS[-1] + 8
    large = np.zeros((side + 60, side + 60), np.uint8)
    large[30:-30, 30:-30] = 255
    small = np.zeros((100, 100), np.uint8)
    small[50, 40:60] = 255

    for hole in (large, small):
        assert find_copies(edge(*hole.shape), hole, hole) is None


@pytest.mark.usefixtures("any_factor")
@pytest.mark.parametrize("size_hw", [(5, 40), (40, 5), (12, 12), (63, 65)])
def test_any_hole_is_answered(size_hw: tuple[int, int]) -> None:
    """Holes that reach the border, that are the whole crop, and that lie among other holes."""
    rng = np.random.default_rng(4)
    for share in (0.3, 0.7, 1.0):
        hole = np.where(rng.random(size_hw) <= share, np.uint8(255), np.uint8(0))
        forbidden = hole | np.where(rng.random(size_hw) < 0.2, np.uint8(255), np.uint8(0))
        copies = find_copies(edge(*size_hw), hole, forbidden)
        assert copies is None or len(copies.levels) == np.count_nonzero(copies.mask)


@pytest.mark.parametrize(("size_hw", "most_mb"), [((632, 632), 60), ((3900, 100), 66), ((40, 9900), 62)])
def test_the_largest_crop_takes_little_memory(size_hw: tuple[int, int], most_mb: float) -> None:
    """Of as many pixels, and as large a hole, as are looked at: square, and as long and thin as a strip of a page."""
    hole = np.zeros(size_hw, np.uint8)
    cut = hole[size_hw[0] // 8 : -size_hw[0] // 8, size_hw[1] // 8 : -size_hw[1] // 8]
    rows = MAX_HOLE_PIXELS // cut.shape[1]
    cut[: 2 * rows : 2] = 255
    cut[:, ::40] = 0
    assert 0.9 * MAX_HOLE_PIXELS < np.count_nonzero(hole) <= MAX_HOLE_PIXELS
    image = covered(grounds.hatching(np.random.default_rng(1), hole.shape), hole)
    tracemalloc.start()
    try:
        find_copies(image, hole, hole)
        peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()

    assert peak_mb < most_mb


def test_work_ends_when_the_time_is_over() -> None:
    """The check is called between the parts of the work, and what it raises goes up."""
    hole, calls = word(), []

    def check() -> None:
        calls.append(1)
        if len(calls) > 20:
            raise DeadlineExceeded("The request was not done in time.")

    with pytest.raises(DeadlineExceeded):
        find_copies(covered(edge(), hole), hole, hole, check)


@pytest.mark.usefixtures("any_factor")
def test_nothing_is_copied_from_what_is_barred() -> None:
    """The lower colour lies beyond the panel: the upper one is copied, and what would be the lower is left."""
    clean, hole = edge(), word()
    barred = np.asarray((clean[..., 0] < 150) * np.uint8(255), np.uint8)

    free, bound = (find_copies(covered(clean, hole), hole, hole, barred=some) for some in (None, barred))

    assert free is not None
    assert bound is not None
    assert (free.levels[:, 0] < 150).any()
    assert not (bound.levels[:, 0] < 150).any()
    assert not bound.mask[free.mask == 0].any()
