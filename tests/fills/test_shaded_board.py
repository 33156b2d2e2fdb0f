"""The rim of a text's mask shows a button's ground, however that changes."""

from __future__ import annotations

import cv2
import numpy as np

from service.fills.copies import fill_copies
from service.fills.shaded_board import continue_shaded_board
from service.groups import gather
from service.imaging.arrays import Image, Mask
from service.plan import make_plan
from tests import pages

HEIGHT, WIDTH = 120, 260


def button() -> tuple[Image, Image, Mask]:
    """A button from yellow by red to blue in noise, the same with letters, and the mask of these."""
    stops = np.array([[214, 200, 0], [205, 10, 20], [20, 0, 220]], np.float32)
    places = np.linspace(0, 2, WIDTH)
    colours = np.stack([np.interp(places, [0, 1, 2], stops[:, channel]) for channel in range(3)], 1)
    shape = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.rectangle(shape, (50, 45), (210, 75), 255, -1)
    for x in (50, 210):
        cv2.circle(shape, (x, 60), 15, 255, -1)
    clean = pages.noise(HEIGHT, WIDTH)
    clean[shape > 0] = np.broadcast_to(np.rint(colours).astype(np.uint8), clean.shape)[shape > 0]
    image, mask = clean.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    for x in range(70, 190, 18):
        image[52:69, x : x + 4] = image[58:62, x : x + 12] = 255
    mask[48:73, 66:192] = 255
    return clean, image, mask


def test_a_button_in_two_colours_goes_on_under_its_text() -> None:
    """As it was, a few levels aside, and nothing of the noise around."""
    clean, image, mask = button()

    copies = continue_shaded_board(image, mask, mask)

    assert copies is not None
    fill_copies(image, copies)
    assert np.abs(image.astype(int) - clean).max() <= 8


def test_the_plan_calls_it_a_gradient() -> None:
    """One hole, the whole mask, with its reason."""
    _, image, mask = button()

    (hole,) = make_plan(image, mask, gather(mask), "auto").holes("gradient")

    assert hole.copies is not None
    assert np.count_nonzero(hole.mask) == np.count_nonzero(mask)
    assert "rim" in hole.reason


def test_a_hole_whose_rim_is_art_does_not_go_on_from_it() -> None:
    """Half of the text stands beside the button."""
    _, image, mask = button()
    mask[20:49, 66:192] = 255

    assert continue_shaded_board(image, mask, mask) is None


def test_a_soft_ground_that_does_not_end_is_no_button() -> None:
    """A sky, a blurred photo: what is around says more than the rim."""
    image = pages.gradient(HEIGHT, WIDTH)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[48:73, 66:192] = 255
    image[54:67, 72:186:9] = 0

    assert continue_shaded_board(image, mask, mask) is None


def test_a_hole_without_letters_stays() -> None:
    """What lies inside the rim goes on from it already: a caller's own mask, say."""
    clean, _, mask = button()

    assert continue_shaded_board(clean, mask, mask) is None


def test_a_large_crop_is_not_looked_at(monkeypatch) -> None:
    """To fill it smoothly takes 48 bytes a pixel."""
    _, image, mask = button()
    monkeypatch.setattr("service.fills.shaded_board.MAX_PIXELS", 1000)

    assert continue_shaded_board(image, mask, mask) is None


def test_a_letter_that_reaches_the_rim_does_not_stay_there() -> None:
    """What of the rim is not smooth is filled too."""
    clean, image, mask = button()
    image[48:73, 100:106] = 255

    copies = continue_shaded_board(image, mask, mask)

    assert copies is not None
    fill_copies(image, copies)
    assert np.abs(image.astype(int) - clean).max() <= 20
