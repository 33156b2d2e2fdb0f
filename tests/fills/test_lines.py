"""Lines go on through a text on plain paper, where both their ends say so; nothing else is drawn there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.fills import lines
from service.fills.copies import Copies, fill_copies
from service.fills.gate import look_at_ring
from service.fills.lines import find_lines
from service.imaging.arrays import Image, Mask
from tests import pages

INK = (30, 30, 30)


def word() -> Mask:
    """The hole of a word in the middle of 160 x 240 px."""
    hole = np.zeros((160, 240), np.uint8)
    cv2.putText(hole, "HELLO", (60, 92), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, 9)
    return hole


def paper(*segments: tuple[tuple[int, int], tuple[int, int]], width_px: int = 2) -> Image:
    """White paper with ink lines from point to point."""
    image = pages.blank(160, 240)
    for start, end in segments:
        cv2.line(image, start, end, INK, width_px, cv2.LINE_AA)
    return image


def found(clean: Image, hole: Mask, others: Mask | None = None) -> Copies | None:
    """What goes on through the `hole` of `clean`, which black letters cover, `others` too."""
    forbidden = hole if others is None else hole | others
    image = clean.copy()
    image[forbidden > 0] = 0
    background = look_at_ring(image, hole, forbidden)
    assert background is not None
    return find_lines(image, hole, forbidden, background)


def wrong_share(clean: Image, hole: Mask) -> float:
    """How much of what a white fill gets wrong is left; the test fails if nothing goes on."""
    copies = found(clean, hole)
    assert copies is not None
    assert not copies.mask[hole == 0].any()
    white = clean.copy()
    white[hole > 0] = 255
    image = white.copy()
    fill_copies(image, copies)
    wrong, before = (np.abs(result.astype(int) - clean).sum() for result in (image, white))
    return float(wrong / before)


def ring(radius_px: int, middle: tuple[int, int]) -> Image:
    """White paper with a circle."""
    image = pages.blank(160, 240)
    cv2.circle(image, middle, radius_px, INK, 2, cv2.LINE_AA)
    return image


@pytest.mark.parametrize(("width_px", "left"), [(1, 0.3), (2, 0.15), (4, 0.1)])
@pytest.mark.parametrize("rise", [-60, -12, 12])
def test_a_line_goes_on_through_a_word(width_px: int, left: float, rise: int) -> None:
    """Across the letters of a word, at any slant; of the thinnest a sixth of a pixel beside is a lot."""
    clean = paper(((0, 80 - rise), (239, 80 + rise)), width_px=width_px)

    assert wrong_share(clean, word()) < left


def test_a_line_that_a_letters_rim_cuts_goes_on() -> None:
    """A panel's border that stops two pixels short of the hole, where white was drawn around the letter."""
    clean, hole = paper(((0, 80), (239, 80)), width_px=3), np.zeros((160, 240), np.uint8)
    hole[40:120, 105:135] = 255
    image = clean.copy()
    image[40:120, 103:137] = 255

    background = look_at_ring(image, hole, hole)
    assert background is not None
    copies = find_lines(image, hole, hole, background)

    assert copies is not None
    assert copies.mask[80, 105:135].all()
    assert not copies.mask[:76].any()
    assert not copies.mask[85:].any()


def test_an_arc_goes_on() -> None:
    """The hem of a drawn sleeve, not its chord."""
    clean, hole = ring(90, (120, 150)), np.zeros((160, 240), np.uint8)
    hole[40:80, 105:135] = 255

    assert wrong_share(clean, hole) < 0.2


def test_lines_that_cross_in_a_hole_cross_there() -> None:
    """Each finds its own other end."""
    clean, hole = paper(((60, 20), (180, 140)), ((60, 140), (180, 20))), np.zeros((160, 240), np.uint8)
    hole[64:96, 104:136] = 255

    assert wrong_share(clean, hole) < 0.2


@pytest.mark.parametrize(
    "clean",
    [
        paper(((0, 80), (120, 80))),
        paper(((0, 74), (120, 74)), ((120, 86), (239, 86))),
        paper(((0, 80), (120, 80)), ((200, 30), (200, 140))),
        paper(((0, 30), (70, 76)), ((239, 30), (190, 76))),
    ],
    ids=["one side", "not in line", "a line that passes", "a roof"],
)
def test_a_line_without_an_other_end_ends_at_the_text(clean: Image) -> None:
    """What comes in on one side only, or goes out elsewhere, is not drawn."""
    assert found(clean, word()) is None


def test_a_line_of_another_kind_is_no_other_end() -> None:
    """A thick line and a thin one, a black one and a gray one, happen to lie in line."""
    thick, gray = paper(((0, 80), (120, 80)), width_px=1), paper(((0, 80), (120, 80)))
    cv2.line(thick, (120, 80), (239, 80), INK, 5, cv2.LINE_AA)
    cv2.line(gray, (120, 80), (239, 80), (170, 170, 170), 2, cv2.LINE_AA)

    assert found(thick, word()) is None
    assert found(gray, word()) is None


def test_white_paper_stays_white() -> None:
    """There is nothing to go on."""
    assert found(paper(), word()) is None


@pytest.mark.parametrize("gap_px", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("outline_px", [1, 3, 6])
def test_an_outline_beside_a_text_is_not_drawn_again(gap_px: int, outline_px: int) -> None:
    """A tight bubble around the word, at any distance: none of it gets inside."""
    hole = word()
    clean = pages.blank(*hole.shape)
    x, y, width, height = cv2.boundingRect(hole)
    gap_px += outline_px // 2 + 1
    corner = x + width + gap_px, y + height + gap_px
    cv2.rectangle(clean, (x - gap_px, y - gap_px), corner, INK, outline_px, cv2.LINE_AA)

    assert found(clean, hole) is None


def test_an_outline_that_the_text_bites_stays_single() -> None:
    """A letter over a bubble's outline: it is closed again, and there is one of it."""
    clean, hole = ring(70, (120, 80)), np.zeros((160, 240), np.uint8)
    hole[70:90, 150:200] = 255

    assert wrong_share(clean, hole) < 0.2


def test_the_rest_of_a_letter_is_no_line() -> None:
    """Ends of strokes that the mask missed stand on both sides of it, in line."""
    hole = np.zeros((160, 240), np.uint8)
    hole[60:100, 80:160] = 255

    assert found(paper(((72, 80), (168, 80)), width_px=4), hole) is None
    assert found(paper(((50, 80), (190, 80)), width_px=4), hole) is not None


def test_the_next_panel_is_no_line() -> None:
    """Broad ink on both sides stays there."""
    clean, hole = pages.blank(160, 240), word()
    clean[70:90, :40] = clean[70:90, 205:] = 0
    cv2.rectangle(hole, (38, 74), (206, 86), 255, -1)

    assert found(clean, hole) is None


@pytest.mark.parametrize(("width_px", "goes_on"), [(6, True), (8, False)])
def test_a_bar_is_no_line(width_px: int, *, goes_on: bool) -> None:
    """What is broader than a drawn line may be anything."""
    clean, hole = pages.blank(160, 240), np.zeros((160, 240), np.uint8)
    clean[80 : 80 + width_px] = 0
    hole[60:110, 100:140] = 255

    assert (found(clean, hole) is not None) == goes_on


def test_a_border_that_is_seen_between_two_strokes_of_a_letter_goes_on() -> None:
    """Two strokes of one sound cross a panel's border, 14 px from each other and from the panel's corner."""
    clean, hole = paper(((40, 80), (239, 80)), ((40, 80), (40, 159))), np.zeros((160, 240), np.uint8)
    hole[60:140, 54:64] = hole[60:140, 78:88] = hole[120:140, 54:88] = 255

    assert wrong_share(clean, hole) < 0.15


def test_no_line_goes_over_paper_between_letters() -> None:
    """Where the paper is seen between two letters there was no line; a gap of a few pixels says so."""
    clean, hole = paper(((0, 80), (110, 80)), ((130, 80), (239, 80))), np.zeros((160, 240), np.uint8)
    hole[60:100, 80:118] = hole[60:100, 123:160] = 255

    assert found(clean, hole) is None


def test_letters_of_other_texts_are_no_lines() -> None:
    """Their strokes, in line with each other, end at the hole; they are erased too."""
    hole, others = np.zeros((160, 240), np.uint8), np.zeros((160, 240), np.uint8)
    hole[60:100, 80:160] = 255
    others[76:84, 40:79] = others[76:84, 161:200] = 255

    assert found(paper(), hole, others) is None


def test_what_stood_in_the_hole_does_not_matter() -> None:
    """Black letters or noise: the same lines."""
    clean, hole = paper(((0, 50), (239, 110))), word()
    first = found(clean, hole)
    image = np.where(hole[..., None] > 0, pages.noise(*hole.shape), clean)
    background = look_at_ring(image, hole, hole)
    assert background is not None

    second = find_lines(image, hole, hole, background)

    assert first is not None
    assert second is not None
    assert np.array_equal(first.mask, second.mask)
    assert np.array_equal(first.levels, second.levels)


def test_a_crop_that_would_take_too_much_memory_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hole stays plain."""
    clean, hole = paper(((0, 50), (239, 110))), word()
    assert found(clean, hole) is not None

    monkeypatch.setattr(lines, "MAX_PIXELS", np.count_nonzero(hole))

    assert found(clean, hole) is None


def test_a_strip_longer_than_remap_counts_is_left_alone() -> None:
    """OpenCV refuses pictures of over 32,767 px a side: an image of 40,000 x 20 px was a 500."""
    image = np.full((20, 40_000, 3), 255, np.uint8)
    image[:, 9::18] = 0
    mask = np.zeros((20, 40_000), np.uint8)
    mask[5:15, 40:-40] = 255
    background = look_at_ring(np.full_like(image, 255), mask, mask)
    assert background is not None

    assert find_lines(image, mask, mask, background) is None
