"""Boards are found whole, on plain ground and in art; what is erased of them is the letters that stand on them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.boards import find_boards, find_boards_beneath
from service.imaging.arrays import Image, Mask
from service.imaging.colour import apart
from service.imaging.masks import Components, components, dilate, from_bool
from service.refine import refine
from tests import pages

BLUE, WHITE, RED = (40, 80, 220), (255, 255, 255), (198, 30, 11)


def pill(*, letters: tuple[int, int, int] = WHITE) -> tuple[Image, Mask]:
    """A coloured pill with `letters` on white and the mask of those; an `O`, seen in part; a word in an outline."""
    image = np.full((120, 260, 3), 255, np.uint8)
    strokes = np.zeros((120, 260), np.uint8)
    cv2.rectangle(image, (24, 20), (156, 43), BLUE, -1)
    cv2.circle(image, (24, 31), 12, BLUE, -1)
    cv2.circle(image, (156, 31), 12, BLUE, -1)
    for x in range(30, 150, 20):
        cv2.rectangle(image, (x, 26), (x + 10, 37), letters, -1)
        strokes[26:38, x : x + 11] = 255
    for canvas, colour in ((image, (0, 0, 0)), (strokes, 255)):
        cv2.circle(canvas, (220, 32), 18, colour, 6)
    strokes[:, 208:] = 0
    for x in range(20, 140, 20):
        cv2.rectangle(image, (x, 70), (x + 19, 100), RED, -1)
        cv2.rectangle(image, (x + 3, 73), (x + 16, 97), (250, 230, 80), -1)
        strokes[73:98, x + 3 : x + 17] = 255
    return image, strokes


def ink_on(image: Image, ground: tuple[int, int, int]) -> Components:
    """The pieces that differ from the ground."""
    return components(from_bool(apart(image, np.array(ground, np.float32)) > 34))


def test_a_board_on_the_ground_of_another_text_is_found_whole_and_letters_are_none() -> None:
    """The pill with its letters; not a letter's loop, which shows the ground, and not a word that has an outline."""
    image, strokes = pill()

    boards = find_boards(image, ink_on(image, WHITE), strokes)

    assert boards[20:44, 24:157].all()
    assert not boards[:, 175:].any()
    assert not boards[60:].any()


@pytest.mark.parametrize("spoil", ["ragged", "to the edge", "one colour"])
def test_a_piece_of_a_drawing_with_hits_on_it_is_no_board(spoil: str) -> None:
    """It is no compact shape, or what was found reaches over its edge, or is as the rest of it: half of a letter."""
    image, strokes = pill()
    if spoil == "ragged":
        image[44:60, 30:40] = image[8:20, 140:150] = BLUE
        image[52:60, 30:170] = BLUE
    elif spoil == "to the edge":
        image[20:44, 24:90] = RED
        strokes[10:50, 10:90] = 255
    else:
        image[26:38, 30:150] = BLUE

    assert not find_boards(image, ink_on(image, WHITE), strokes)[:44].any()


def test_a_board_that_the_crop_cuts_is_found() -> None:
    """Its letters reach to where the crop ends, which is not its edge."""
    image, strokes = pill(letters=(0, 0, 0))

    boards = find_boards(image[:31, :170], ink_on(image[:31, :170], WHITE), strokes[:31, :170])

    assert boards[20:, 24:157].all()


def test_it_is_asked_before_each_piece_that_may_be_a_board_whether_anybody_waits() -> None:
    """And the answer stops the search."""
    image, strokes = pill()

    def check() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        find_boards(image, ink_on(image, WHITE), strokes, check)


def labels(*, ground: tuple[int, int, int] = BLUE, rim_px: int = 0) -> tuple[Image, Mask, Mask]:
    """Two labels with letters in noise, both masks; with `rim_px` none, but letters in a rim of the same colour."""
    image, strokes = pages.noise(100, 260), np.zeros((100, 260), np.uint8)
    boards = strokes.copy()
    for x in (30, 140):
        quad = np.array([[x + 6, 30], [x + 96, 30], [x + 90, 60], [x, 60]])
        cv2.fillPoly(boards, [quad], 255)
        for left in range(x + 16, x + 74, 18):
            for shape in ((left, 35, 4, 20), (left, 43, 13, 4), (left + 9, 35, 4, 20)):
                strokes[shape[1] : shape[1] + shape[3], shape[0] : shape[0] + shape[2]] = 255
    if rim_px:
        boards = dilate(strokes, rim_px)
    image[boards > 0] = ground
    image[strokes > 0] = WHITE
    return image, strokes, boards


@pytest.mark.parametrize("poke", [False, True])
def test_boards_beneath_letters_are_found_in_any_art(*, poke: bool) -> None:
    """Whole, letters and all, though noise is all around, and what was found of the letters pokes out of them."""
    image, strokes, boards = labels()
    if poke:
        strokes[55:64, 50:90] = 255  # a stray hit below
        strokes[40:48, 128:134] = 255  # and one between them

    found = find_boards_beneath(image, strokes)

    assert (found == (boards > 0)).mean() > 0.985


def test_a_word_in_a_rim_stands_on_no_board() -> None:
    """The rim follows the letters; erased by itself the word would leave a blob."""
    image, strokes, _ = labels(rim_px=4)

    assert not find_boards_beneath(image, strokes).any()


def test_a_bar_in_a_rim_stands_on_no_board() -> None:
    """A rim around a bar is convex, but a bar is no word."""
    image, strokes = pages.noise(80, 200), np.zeros((80, 200), np.uint8)
    image[26:54, 26:174] = WHITE
    strokes[32:48, 32:168] = 255
    image[strokes > 0] = 0

    assert not find_boards_beneath(image, strokes).any()


def test_a_board_that_ends_beyond_the_crop_is_none_to_keep_to() -> None:
    """What runs on may be a sky."""
    image, strokes, _ = labels()
    image[30:61] = np.where(strokes[30:61, :, None] > 0, 255, np.array(BLUE, np.uint8))

    assert not find_boards_beneath(image, strokes).any()


def test_the_search_for_boards_beneath_letters_can_be_stopped() -> None:
    """It is asked at each letter."""
    image, strokes, _ = labels()

    def check() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        find_boards_beneath(image, strokes, check)


def titled_label(
    *, title: tuple[slice, range, int], label: slice, ground: tuple[int, ...], ink: tuple[int, ...]
) -> tuple[Image, Mask]:
    """A title and a label with small print in `ink` below it, and the strokes of both, a little fat as networks draw.

    `title` is the rows, first columns and width of its letters, `label` the rows of the label.
    """
    image = np.full((200, 320, 3), ground, np.uint8)
    strokes = np.zeros((200, 320), np.uint8)
    image[label, 60:200] = (240, 230, 60)
    small_print = slice(label.start + 8, label.stop - 8), range(72, 180, 14), 10
    for (rows, columns, width), colour in ((title, (250, 20, 30)), (small_print, ink)):
        for x in columns:
            image[rows, x : x + width] = colour
            strokes[rows, x : x + width] = 255
    return image, dilate(strokes, 2)


LABELS = {
    "a group of its own": titled_label(
        title=(slice(30, 91), range(60, 180, 80), 61), label=slice(110, 141), ground=(190, 130, 95), ink=(20, 20, 20)
    ),
    "one group with the title, its print as white as the page": titled_label(
        title=(slice(30, 59), range(60, 180, 30), 23), label=slice(70, 97), ground=(255, 255, 255), ink=(255, 255, 255)
    ),
}


@pytest.mark.parametrize("label", LABELS)
def test_a_label_below_a_title_keeps_its_ground(label: str) -> None:
    """On the title's ground it is a piece of ink, and its letters do not make it text of the title; they are erased."""
    image, strokes = LABELS[label]
    is_label = (image == (240, 230, 60)).all(axis=2)
    near_print = dilate(strokes, 5) > 0

    mask = refine(image, strokes, dilate_px=4)

    assert (mask[strokes > 0] == 255).all()
    assert not mask[is_label & ~near_print].any()


def test_the_growth_of_letters_keeps_to_the_label_that_they_stand_on() -> None:
    """The label is little higher than its letters, with art above and below: that stays."""
    image, strokes = pages.noise(110, 240), np.zeros((110, 240), np.uint8)
    label = strokes.copy()
    label[40:68, 40:200] = 255
    image[label > 0] = (40, 80, 220)
    for x in range(54, 190, 16):
        strokes[43:65, x : x + 4] = strokes[52:56, x : x + 11] = 255
    image[strokes > 0] = 255

    mask = refine(image, strokes, dilate_px=6)

    assert (mask[strokes > 0] == 255).all()
    assert not mask[label == 0].any()


def test_a_word_beside_a_label_keeps_its_mask() -> None:
    """It stands on white paper below the label, as near as the growth reaches."""
    image, strokes = pages.noise(160, 240), np.zeros((160, 240), np.uint8)
    image[40:68, 40:200] = (40, 80, 220)
    image[70:150, 20:220] = 255
    for x in range(54, 190, 16):
        strokes[43:65, x : x + 4] = strokes[52:56, x : x + 11] = 255
    image[strokes > 0] = 255
    word = np.zeros_like(strokes)
    word[74:94, 60:180:12] = word[74:94, 63:180:12] = 255
    image[word > 0] = 0

    mask = refine(image, strokes | word, dilate_px=14)

    assert (mask[word > 0] == 255).all()
