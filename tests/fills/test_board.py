"""A board is known by the rim of its text's mask and by where it ends."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.fills import board, gate
from service.fills.board import look_around, look_at_board
from service.fills.gate import look_at_ring, ring_of
from service.imaging.arrays import Image, Mask
from tests import pages

BLUE, WHITE = (40, 80, 220), (255, 255, 255)
RED, TAN, MUSTARD = (198, 30, 11), (190, 130, 95), (218, 177, 52)


def tag(*, frame_px: int = 6, ground: tuple[int, int, int] = WHITE) -> tuple[Image, Mask]:
    """A framed name tag in art, and the mask of its letters, which bites the frame above and below."""
    image = pages.noise(120, 200)
    cv2.rectangle(image, (50, 40), (149, 79), BLUE, -1)
    cv2.rectangle(image, (50 + frame_px, 40 + frame_px), (149 - frame_px, 79 - frame_px), ground, -1)
    for x in (68, 90, 112):
        cv2.rectangle(image, (x, 50), (x + 13, 70), BLUE, -1)
    mask = np.zeros((120, 200), np.uint8)
    mask[45:75, 62:132] = 255
    return image, mask


def test_a_name_tag_is_known_by_its_ground_though_frame_and_art_are_all_around() -> None:
    """Its frame, in the ink of its letters, is the most of what the ring shows."""
    image, mask = tag()

    background = look_around(image, mask, mask)

    assert look_at_ring(image, mask, mask) is None
    assert background is not None
    assert background.is_flat
    assert background.colour.tolist() == list(WHITE)
    ring = ring_of(mask, mask)
    assert background.plain_share == pytest.approx((image[ring] == 255).all(axis=1).mean())  # what callers are told


@pytest.mark.parametrize("tail_px", [5, 14])
def test_a_tight_bubble_is_a_board_though_its_tail_runs_on(tail_px: int) -> None:
    """Small print fills it: around the mask there is a thin white line, its outline, and art."""
    image = pages.noise(140, 200)
    for grow, colour in ((2, (0, 0, 0)), (0, WHITE)):
        cv2.ellipse(image, (100, 60), (51 + grow, 23 + grow), 0, 0, 360, colour, -1, cv2.LINE_AA)
        cv2.line(image, (110, 70), (150, 139), colour, tail_px + 2 * grow)
    mask = np.zeros((140, 200), np.uint8)
    for y in range(42, 78, 9):
        reach = round(46 * (1 - ((y + 3 - 60) / 26) ** 2) ** 0.5)
        cv2.rectangle(mask, (100 - reach, y - 2), (100 + reach, y + 8), 255, -1)
        for x in range(102 - reach, 96 + reach, 6):
            cv2.rectangle(image, (x, y), (x + 3, y + 6), (0, 0, 0), -1)

    background = look_around(image, mask, mask)

    assert look_at_ring(image, mask, mask) is None
    assert background is not None
    assert background.colour.tolist() == list(WHITE)


def test_what_does_not_end_in_sight_is_no_board() -> None:
    """The same text over paper that goes on past a torn frame."""
    image, mask = tag()
    image[:, 130:] = 255

    assert look_at_board(image, mask, mask) is None


def test_what_shows_between_lines_is_no_board() -> None:
    """A sound over a drawing: its white is cut into shreds, and so would be the drawing."""
    image, mask = tag()
    for x in range(0, 200, 14):
        cv2.line(image, (x, 0), (x - 40, 119), (0, 0, 0), 4)

    assert look_at_board(image, mask, mask) is None


def band(*, ground: tuple[int, int, int] = RED) -> tuple[Image, Mask]:
    """A band across a poster, nearly as narrow as its letters, and their mask, which reaches over its lower edge."""
    image = np.full((120, 200, 3), TAN, np.uint8)
    image[40:80] = ground
    mask = np.zeros((120, 200), np.uint8)
    for x in (60, 84, 108):
        cv2.rectangle(image, (x, 46), (x + 13, 76), WHITE, -1)
        mask[42:82, x - 4 : x + 19] = 255
    return image, mask


def test_a_band_is_known_by_the_rim_of_its_letters_though_another_ground_is_above_and_below() -> None:
    """Each of the two is too much of the ring for the other to be the plain one."""
    image, mask = band()

    background = look_around(image, mask, mask)

    assert look_at_ring(image, mask, mask) is None
    assert background is not None
    assert background.colour.tolist() == list(RED)


@pytest.mark.parametrize("spoil", ["art", "shade", "dark", "grain", "end"])
def test_what_only_resembles_a_band_is_none(spoil: str) -> None:
    """Art beyond its edges, a shade of its own colour there, darkness, a rough ground; it ends among the letters."""
    image, mask = band(ground=(40, 8, 4) if spoil == "dark" else RED)
    rows = np.r_[0:40, 80:120]
    if spoil == "art":
        image[rows] = pages.noise(80, 200)
    elif spoil == "shade":
        image[rows] = (220, 30, 11)
    elif spoil == "end":
        image[40:80, 106:] = TAN
    elif spoil == "grain":
        image[40:80] = np.clip(image[40:80] + np.random.default_rng(0).normal(0, 4, (40, 200, 3)), 0, 255)

    assert look_at_board(image, mask, mask) is None


@pytest.mark.parametrize("spoil", ["letters", "rim"])
def test_a_hole_in_one_colour_or_in_many_stands_on_no_board(spoil: str) -> None:
    """Without letters there is nothing to tell ground from, and where the rim is art there is no ground."""
    image, mask = tag()
    if spoil == "letters":
        image[46:74, 56:144] = WHITE
    else:
        image[45:75, 62:132] = pages.noise(30, 70)

    assert look_at_board(image, mask, mask) is None


def test_a_small_board_may_be_as_rough_as_compression_leaves_it() -> None:
    """Then the rim must show it the more clearly than one that bites the frame does."""
    image, biting = tag()
    rough = np.clip(240 + np.random.default_rng(0).normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    ground = (image == WHITE).all(axis=2)
    image[ground] = rough[ground]
    mask = np.zeros_like(biting)
    mask[47:73, 62:132] = 255

    background = look_at_board(image, mask, mask)

    assert background is not None
    assert background.grain > gate.MAX_RESIDUAL_LEVELS
    assert look_at_board(image, biting, biting) is None


def test_compression_may_take_one_channel_of_a_board_further_than_the_others() -> None:
    """Blue of a mustard caption strays by thirty levels in a JPEG, and all else is as it was drawn."""
    image, _ = tag(ground=MUSTARD)
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 50])
    compressed = np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[47:73, 62:132] = 255
    blue = compressed[..., 2][(mask == 0) & (image == MUSTARD).all(axis=2)].astype(float)

    background = look_at_board(compressed, mask, mask)

    assert np.abs(blue - MUSTARD[2]).max() > 2 * gate.TOLERANCE_LEVELS, "it strays"
    assert background is not None
    assert np.abs(background.colour - MUSTARD).max() <= gate.TOLERANCE_LEVELS


def test_a_shaded_board_is_not_filled_with_one_colour() -> None:
    """Its light strays as far as a channel of a compressed one does."""
    image, _ = tag()
    shade = np.linspace(110, 250, image.shape[1]).astype(np.uint8)
    ground = (image == WHITE).all(axis=2)
    image[ground] = np.broadcast_to(shade[None, :, None], image.shape)[ground]
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[47:73, 62:132] = 255

    assert look_at_board(image, mask, mask) is None


def test_nothing_has_no_board() -> None:
    """No hole, and one of a few pixels."""
    image, mask = tag()
    few = np.zeros_like(mask)
    few[60:64, 90:94] = 255

    assert look_at_board(image, np.zeros_like(mask), mask) is None
    assert look_at_board(image, few, mask) is None


def test_a_large_crop_is_no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would take to look at one is not in the budget of a page."""
    image, mask = tag()
    assert look_at_board(image, mask, mask) is not None

    monkeypatch.setattr(board, "MAX_PIXELS", 1000)

    assert look_at_board(image, mask, mask) is None


def test_a_board_that_the_picture_cuts_is_one() -> None:
    """What the hole itself covers of the picture's edge does not say that the board runs on."""
    image, mask = tag()

    assert look_at_board(image[:75], mask[:75], mask[:75]) is not None


def test_a_strip_thinner_than_a_tail_is_no_board() -> None:
    """It runs on to both sides, and nothing of it is left when tails are taken away."""
    image, mask = pages.noise(120, 220), np.zeros((120, 220), np.uint8)
    image[56:64] = BLUE
    image[58:62, 62:158] = 255
    mask[56:64, 60:160] = 255

    assert look_at_board(image, mask, mask) is None


def field(level: int = 255) -> tuple[Image, Mask]:
    """A field of a form with small print at its left end, whose growth reaches the field's border on three sides."""
    image = pages.blank(100, 320, level=205)
    image[40:62, 40:260] = level
    mask = np.zeros((100, 320), np.uint8)
    for x in range(45, 88, 7):
        cv2.rectangle(image, (x, 46), (x + 2, 56), (60, 60, 60), -1)
    mask[41:61, 41:90] = 255
    return image, mask


def test_small_print_in_a_field_of_a_form_stands_on_the_field() -> None:
    """Most of its hole is the field itself, which runs on at the right; the page around has another colour."""
    image, mask = field()

    background = look_around(image, mask, mask)

    assert background is not None
    assert background.is_flat
    assert background.colour.tolist() == list(WHITE)


def test_a_hole_that_holds_no_letters_is_on_no_board() -> None:
    """Its rim has one colour, and so has all the rest."""
    image, mask = field()
    image[40:62, 40:260] = 255

    assert look_at_board(image, mask, mask) is None
