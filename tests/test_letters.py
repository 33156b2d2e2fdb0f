"""Where letters touch a drawing, the letters are whole and the drawing is none of them."""

from __future__ import annotations

import cv2
import numpy as np

from service.imaging.arrays import Mask
from service.letters import NEAR_PX, frame_in, letters_in

SIZE_HW = (320, 420)


def shout() -> Mask:
    """Two heavy strokes that cross."""
    ink = np.zeros(SIZE_HW, np.uint8)
    cv2.line(ink, (120, 60), (180, 260), 255, 40)
    cv2.line(ink, (260, 80), (100, 200), 255, 40)
    return ink


def upper_half(ink: Mask) -> Mask:
    """What of it lies in the upper half."""
    seen = ink.copy()
    seen[SIZE_HW[0] // 2 :] = 0
    return seen


def test_a_border_that_a_shout_touches_is_no_letter() -> None:
    """Nor are the lines that run on from it; the half of the shout that nobody saw is."""
    letters = shout()
    ink = letters.copy()
    cv2.rectangle(ink, (20, 20), (400, 260), 255, 4)

    found = letters_in(ink, upper_half(letters))

    assert (found[letters > 0] == 255).all()
    beyond = cv2.dilate(letters, np.ones((2 * NEAR_PX + 31,) * 2, np.uint8)) == 0
    assert not found[beyond].any()


def test_hair_that_hangs_on_a_shout_by_a_line_is_no_letter() -> None:
    """It is as thick as the letters, but nothing of it was seen."""
    letters = shout()
    ink = letters.copy()
    cv2.line(ink, (260, 80), (360, 60), 255, 3)
    cv2.circle(ink, (370, 60), 24, 255, -1)

    found = letters_in(ink, upper_half(letters))

    assert (found[letters > 0] == 255).all()
    assert not found[:, 340:].any()


def test_small_print_that_runs_together_is_whole() -> None:
    """Strokes that are no thicker than a drawing's lines cannot be told from them."""
    ink = np.zeros(SIZE_HW, np.uint8)
    cv2.rectangle(ink, (60, 60), (300, 200), 255, 9)
    cv2.line(ink, (60, 130), (300, 130), 255, 3)

    assert np.array_equal(letters_in(ink, upper_half(ink)), ink)


def test_of_ink_that_nobody_saw_nothing_is_a_letter() -> None:
    """Whatever lies beside it."""
    ink, seen = shout(), np.zeros(SIZE_HW, np.uint8)
    seen[300:] = 255

    assert not letters_in(ink, seen).any()


def test_the_frame_of_a_caption_that_a_sound_touches_is_no_letter() -> None:
    """Its four lines, but for where the sound was seen on them; of the sound nothing, though its foot was not seen."""
    ink, seen = np.zeros((200, 300), np.uint8), np.zeros((200, 300), np.uint8)
    cv2.rectangle(ink, (20, 20), (160, 140), 255, 2)
    frame = ink.copy()
    for mask in (ink, seen):
        cv2.line(mask, (150, 100), (230, 60), 255, 7)
        cv2.line(mask, (190, 40), (200, 120), 255, 7)
    cv2.line(ink, (200, 120), (205, 180), 255, 7)

    found = frame_in(ink, seen)

    far = cv2.dilate(seen, np.ones((15, 15), np.uint8)) == 0
    assert (found[(frame > 0) & far] > 0).mean() > 0.9
    assert not found[frame == 0].any()


def test_a_thick_bar_and_a_short_one_are_no_frame() -> None:
    """The stroke of a letter that was not seen, and a dash."""
    ink = np.zeros((120, 200), np.uint8)
    ink[20:32, 20:180], ink[60:63, 20:60] = 255, 255

    assert not frame_in(ink, np.zeros_like(ink)).any()


def test_a_short_bar_that_the_window_cuts_is_no_frame() -> None:
    """The thin bars of a headline's letters, each in a window no wider than they are: they were left on the page."""
    ink = np.zeros((120, 60), np.uint8)
    ink[20:23, :40], ink[60:63, 20:] = 255, 255

    assert not frame_in(ink, np.zeros_like(ink)).any()
