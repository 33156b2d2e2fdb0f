"""What a network missed of a letter's body is taken too; counters, and art between letters, stay."""

from __future__ import annotations

import cv2
import numpy as np

from service.imaging.arrays import Image, Mask
from service.imaging.masks import dilate
from service.pockets import MAX_AREA_PX, complete_pockets
from service.refine import refine

SIZE_HW = (200, 260)
RED, SKIN, PAPER = (200, 10, 10), (240, 200, 170), (250, 240, 215)
BODY = (slice(60, 140), slice(70, 190))


def red_letter(*, body: tuple[int, int, int] = RED) -> tuple[Image, Mask]:
    """A red block in a black line on paper, and strokes that show its line and the left edge of its body."""
    image = np.full((*SIZE_HW, 3), PAPER, np.uint8)
    cv2.rectangle(image, (64, 54), (195, 145), (0, 0, 0), -1)
    image[BODY] = RED
    image[BODY][:, 20:] = body
    strokes = np.zeros(SIZE_HW, np.uint8)
    cv2.rectangle(strokes, (66, 56), (193, 143), 255, 5)
    strokes[60:140, 70:86] = 255
    return image, strokes


def test_the_body_of_a_letter_whose_edge_was_seen_is_taken_whole() -> None:
    """Nothing red is left that a fill could go on from."""
    image, strokes = red_letter()
    erased = dilate(strokes, 4)
    assert not erased[BODY].all(), "there is something to find"

    assert ((erased | complete_pockets(image, strokes, erased))[BODY] > 0).all()


def test_refining_takes_the_body_with_it() -> None:
    """And nothing beyond the line."""
    image, strokes = red_letter()

    mask = refine(image, strokes, dilate_px=4)

    assert (mask[BODY] > 0).all()
    assert not mask[:45].any()
    assert not mask[:, :55].any()


def test_art_between_letters_stays() -> None:
    """A face within a frame of strokes has a colour that no stroke has."""
    image, strokes = red_letter(body=SKIN)

    assert not complete_pockets(image, strokes, dilate(strokes, 4)).any()


def test_a_counter_stays() -> None:
    """What shows through a letter has the colour of the ground, even where some of that was taken for ink."""
    image, strokes = red_letter(body=PAPER)
    strokes[100:140, 70:100] = 255

    assert not complete_pockets(image, strokes, dilate(strokes, 4)).any()


def test_ink_of_the_grounds_own_colour_stays() -> None:
    """Red letters on red cloth: what lies between them is as likely cloth."""
    image, strokes = red_letter()
    image[:50] = RED

    assert not complete_pockets(image, strokes, dilate(strokes, 4)).any()


def test_what_is_not_enclosed_is_no_pocket() -> None:
    """A body that runs out of the crop, and one that is larger than letters are, are art as often."""
    image, strokes = red_letter()
    erased = dilate(strokes, 4)

    assert not complete_pockets(image[:, :170], strokes[:, :170], erased[:, :170]).any()
    large = tuple(np.repeat(np.repeat(part, 3, 0), 3, 1) for part in (image, strokes, erased))
    assert np.count_nonzero(large[2][180:420, 210:570] == 0) > MAX_AREA_PX
    assert not complete_pockets(*large).any()


def test_a_mask_without_pockets_needs_nothing() -> None:
    """Nothing erased, all erased."""
    image, strokes = red_letter()

    assert not complete_pockets(image, strokes, np.zeros_like(strokes)).any()
    assert not complete_pockets(image, strokes, np.full_like(strokes, 255)).any()
