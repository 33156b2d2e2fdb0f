"""Panel borders and gutters go on through a hole, and nothing else is taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from service.fills.borders import Borders, find_borders
from service.fills.copies import fill_copies
from service.groups import gather
from service.imaging.arrays import Image, Mask
from service.plan import make_plan
from tests import pages

HEIGHT, WIDTH = 160, 220


def panels(*, turns: int = 0, lean: int = 0, ink: int = 0) -> tuple[Image, Mask]:
    """Two panels of noise one above the other, borders and a white gutter between them; a hole across the gutter."""
    image = pages.noise(HEIGHT, WIDTH)
    ends = np.array([[-10, 66], [WIDTH + 9, 66 + lean], [WIDTH + 9, 90 + lean], [-10, 90]])
    cv2.fillPoly(image, [ends], (255, 255, 255))
    for first, second in ((0, 1), (3, 2)):
        cv2.line(image, ends[first].tolist(), ends[second].tolist(), (ink,) * 3, 4)
    hole = np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[30:130, 90:130] = 255
    return np.ascontiguousarray(np.rot90(image, turns)), np.ascontiguousarray(np.rot90(hole, turns))


def fill(image: Image, borders: Borders) -> npt.NDArray[np.bool_]:
    """Draw the borders and the gutter into `image`; where that is."""
    for copies in (borders.lines, borders.gutter):
        fill_copies(image, copies)
    return (borders.lines.mask > 0) | (borders.gutter.mask > 0)


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("lean", [0, 8])
def test_both_borders_and_the_gutter_between_them_go_on(turns: int, lean: int) -> None:
    """As they were, to a soft edge; what is left are the two panels' parts, each without the other side."""
    clean, hole = panels(turns=turns, lean=lean)
    image = clean.copy()
    image[hole > 0] = 128

    borders = find_borders(image, hole, hole)

    assert borders is not None
    filled = fill(image, borders)
    wrong = np.abs(image.astype(int) - clean).max(axis=2) > 60
    assert (wrong & filled).sum() <= 0.12 * filled.sum()
    assert np.array_equal(filled | (borders.rest[0][0] > 0) | (borders.rest[1][0] > 0), hole > 0)
    for part, beyond in borders.rest:
        white = (clean == 255).all(axis=2)
        assert beyond[white & (hole == 0)].mean() > 0.8
        assert not beyond[part > 0].any()


def test_the_plan_fills_each_panel_from_itself() -> None:
    """Noise above, black below: no noise goes down."""
    image, hole = panels()
    image[96:] = 0
    image[hole > 0] = 128

    holes = [each for entry in make_plan(image, hole, gather(hole), "auto").entries for each in entry.holes]

    assert {"border" in each.reason for each in holes} == {True, False}
    assert any("between panels" in each.reason for each in holes)
    covered = np.zeros((HEIGHT, WIDTH), int)
    for each in holes:
        x0, y0, x1, y1 = each.box
        covered[y0:y1, x0:x1] += each.mask > 0
        lower = each.mask[96 - y0 :].any()
        assert (
            not lower or "border" in each.reason or (each.background is not None and each.background.colour.max() <= 2)
        )
    assert np.array_equal(covered, (hole > 0).astype(int))


@pytest.mark.parametrize("spoil", ["one side", "off", "no gutter", "inside"])
def test_what_only_resembles_a_border_is_none(spoil: str) -> None:
    """It ends in the hole, or goes on elsewhere, or has no white beside it, or runs past the hole."""
    image, hole = panels()
    if spoil == "one side":
        image[:, 130:] = pages.noise(HEIGHT, 90, 2)
    elif spoil == "off":
        image[:, 130:] = np.roll(image[:, 130:], 14, axis=0)
    elif spoil == "no gutter":
        image[69:88] = pages.noise(19, WIDTH, 2)
    else:
        hole[62:] = 0

    assert find_borders(image, hole, hole) is None


def test_a_hole_that_ends_at_a_border_has_no_gutter() -> None:
    """The border that it reaches goes on; what is left is the panel's."""
    image, hole = panels()
    hole[:88] = 0

    borders = find_borders(image, hole, hole)

    assert borders is not None
    assert not borders.gutter.mask.any()


@pytest.mark.parametrize("turns", range(4))
def test_a_corner_that_lies_in_the_hole_is_drawn(turns: int) -> None:
    """Two borders run into the hole and meet there; beyond them is gutter, within them the panel."""
    clean = pages.blank(HEIGHT, WIDTH)
    clean[62:, :120] = pages.noise(HEIGHT - 62, 120)
    clean[60:64, :122] = clean[60:, 118:122] = 0
    hole = np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[40:100, 90:150] = 255
    clean, hole = (np.ascontiguousarray(np.rot90(array, turns)) for array in (clean, hole))
    image = clean.copy()
    image[hole > 0] = 128

    borders = find_borders(image, hole, hole)

    assert borders is not None
    filled = fill(image, borders)
    assert np.array_equal(image[filled], clean[filled])
    ((part, beyond),) = borders.rest
    assert np.array_equal(filled | (part > 0), hole > 0)
    assert (clean[part > 0] != 255).any()
    assert not beyond[part > 0].any()


def test_outlines_that_line_up_by_chance_are_no_border() -> None:
    """Little of them is seen, and much is between: the tips of a bubble."""
    image = pages.blank(HEIGHT, WIDTH)
    hole = np.zeros((HEIGHT, WIDTH), np.uint8)
    image[60:64, 10:34] = image[60:64, 186:210] = 0
    hole[40:80, 36:184] = 255

    assert find_borders(image, hole, hole) is None


def test_a_border_across_white_paper_goes_on_however_thick() -> None:
    """Both sides are one plain ground: it is filled, and the border drawn."""
    image = pages.blank(HEIGHT, WIDTH)
    image[70:82] = 0
    hole = np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[40:110, 90:130] = 255
    clean = image.copy()
    image[45:105, 95:125:6] = 0

    holes = [each for entry in make_plan(image, hole, gather(hole), "auto").entries for each in entry.holes]

    (border,) = [each for each in holes if "border" in each.reason]
    assert border.copies is not None
    x0, y0, x1, y1 = border.box
    fill_copies(image[y0:y1, x0:x1], border.copies)
    drawn = border.mask[70 - y0 : 82 - y0, 90 - x0 : 130 - x0] == 255
    assert drawn.mean() > 0.8  # what else there is stands on black, and is filled with it
    assert np.array_equal(image[70:82, 90:130][drawn], clean[70:82, 90:130][drawn])


@pytest.mark.parametrize("crossing", [False, True])
def test_gutters_that_meet_in_the_hole_part_their_panels(*, crossing: bool) -> None:
    """A gutter that comes in from below ends the border above it: each panel has its corner."""
    clean = pages.noise(HEIGHT, WIDTH)
    clean[66:90] = 255
    clean[62:66] = clean[90:94] = 0
    clean[0 if crossing else 90 :, 100:116] = 255
    for x in (96, 116):
        clean[90:, x : x + 4] = 0
        if crossing:
            clean[:66, x : x + 4] = 0
    image, hole = clean.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[40:120, 70:150] = 255
    image[hole > 0] = 128

    borders = find_borders(image, hole, hole)

    assert borders is not None
    fill(image, borders)
    assert np.array_equal(image[62:94, 104:112], clean[62:94, 104:112])
    assert (image[90:118, 101:115] == 255).all()
    lines = borders.lines.mask > 0
    assert (np.abs(image.astype(int) - clean).max(axis=2)[lines] > 60).mean() < 0.1


def test_the_letters_of_one_panel_are_one_part() -> None:
    """However many pieces of the hole there are: each costs a search for what it can be filled with."""
    image, _ = panels()
    hole = np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[100:150:8, 20:200:8] = hole[10:50:8, 20:200:8] = 255
    hole[40:120, 100:120] = 255
    image[hole > 0] = 128

    borders = find_borders(image, hole, hole)

    assert borders is not None
    assert len(borders.rest) <= 3


def test_a_wall_of_boxes_has_no_borders() -> None:
    """With so many edges at holes no time is lost."""
    image = np.kron(np.ones((40, 40)), np.pad(np.zeros((24, 24)), ((0, 5), (0, 5)), constant_values=255))
    image = np.ascontiguousarray(np.broadcast_to(image[..., None], (*image.shape, 3)).astype(np.uint8))
    hole = np.zeros(image.shape[:2], np.uint8)
    hole[::29] = hole[:, ::29] = 255

    assert find_borders(image, hole, hole) is None


def test_the_search_can_be_stopped() -> None:
    """It is asked at each edge."""
    image, hole = panels()

    def check() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        find_borders(image, hole, hole, check)


def test_a_hole_that_hardly_reaches_a_border_goes_on_as_if_there_were_none() -> None:
    """The border is drawn; what stands beyond it is no reason to look for less around a letter that touches it."""
    image, hole = panels()
    hole[:] = 0
    hole[91:150, 60:160] = 255
    hole[86:91, 100:110] = 255
    image[hole > 0] = 128

    borders = find_borders(image, hole, hole)

    assert borders is not None
    assert borders.lines.mask.any()
    ((part, beyond),) = borders.rest
    assert not beyond.any()
    assert np.count_nonzero(part) > 0.95 * np.count_nonzero(hole)


@pytest.mark.parametrize("turns", range(4))
def test_a_panel_without_a_border_ends_where_it_ends_beside_the_hole(turns: int) -> None:
    """Credits in small print across the foot of a painted panel: white below, nothing white above."""
    clean = pages.noise(HEIGHT, WIDTH) // 2 + np.uint8(80)
    clean[100:] = 255
    hole = np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[70:108, 60:160] = 255
    image = clean.copy()
    image[hole > 0] = 128
    image, clean, hole = (np.ascontiguousarray(np.rot90(array, turns)) for array in (image, clean, hole))

    borders = find_borders(image, hole, hole)

    assert borders is not None
    assert borders.are_bare
    filled = fill(image, borders)
    assert np.array_equal(filled, (hole > 0) & (clean == 255).all(axis=2))
    assert image[filled].min() > 230
    ((part, beyond),) = borders.rest
    assert np.array_equal(part > 0, (hole > 0) & ~filled)
    assert beyond[(clean == 255).all(axis=2)].mean() > 0.9


def test_what_is_bright_beside_a_hole_is_no_gutter() -> None:
    """A white shirt in a panel has edges too, but no straight ones on both sides of the hole."""
    image = pages.noise(HEIGHT, WIDTH) // 2 + np.uint8(80)
    cv2.ellipse(image, (110, 150), (90, 60), 0, 0, 360, (255, 255, 255), -1)
    hole = np.zeros((HEIGHT, WIDTH), np.uint8)
    hole[70:108, 80:140] = 255

    assert find_borders(image, hole, hole) is None
