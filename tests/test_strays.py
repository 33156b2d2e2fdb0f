"""A text that stands on two grounds is filled by each of them: no colour is painted across an edge of the ground."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from service.groups import Group
from service.imaging.arrays import Image, Mask
from service.imaging.masks import dilate, from_bool
from service.plan import make_plan
from tests import pages

SOFT_PX = 2
"""So near to an edge of the ground either colour is right."""


def plain_levels(image: Image, mask: Mask) -> npt.NDArray[np.float32]:
    """`(H, W, 3)` the colour that the plan for one text `mask` paints plainly; NaN where it paints nothing plain."""
    result = np.full(image.shape, np.nan, np.float32)
    for hole in make_plan(image, mask, [Group.of(mask)], "auto").holes("flat", "gradient", "white"):
        colours = hole.background.colour if hole.background is not None else hole.copies and hole.copies.levels
        assert colours is not None
        result[hole.box[1] : hole.box[3], hole.box[0] : hole.box[2]][hole.mask > 0] = colours
    return result


def heads(height: int, width: int) -> Image:
    """Dark art, soft like painted heads: neither plain nor even."""
    shades = cv2.GaussianBlur(np.random.default_rng(5).random((height, width)).astype(np.float32), (0, 0), 3)
    return np.repeat(np.clip((shades - 0.5) * 900 + 90, 40, 140).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("strip_px", [-1, 0, 1, 3, 6])
def test_credits_at_the_edge_of_a_panel_are_not_filled_like_the_caption_below_it(strip_px: int) -> None:
    """White letters over dark heads, 17 px high, joined to captions on the paper; the panel ends right below them.

    The strip of it that is seen there is too thin to look like ground; the mask may even reach over the panel's edge.
    """
    edge, image, mask = 80, pages.blank(200, 300), np.zeros((200, 300), np.uint8)
    image[:edge] = heads(edge, 300)
    mask[edge - strip_px - 17 : edge - strip_px, 20:204] = 255
    image[edge - strip_px - 13 : edge - strip_px - 4, 24:200:3] = 255
    for y in (100, 140):
        mask[y : y + 30, 20:290] = 255
        image[y + 4 : y + 26, 24:286] = 0

    levels = plain_levels(image, mask)

    assert (levels[100:][mask[100:] > 0] == 255).all()
    assert not (levels[: edge - SOFT_PX] > 200).any()


def test_a_sign_on_a_dark_bar_is_not_painted_in_the_colour_of_the_board_below() -> None:
    """A light icon in the black head of a yellow board stands near a column of icons below; a title is beside it.

    With the title in view the text as a whole has no plain ground, its larger part alone has.
    """
    image, mask = pages.blank(240, 260), np.zeros((240, 260), np.uint8)
    image[:] = [180, 180, 70]
    image[:60] = heads(60, 260) // 3
    image[:60, 66:] = 30
    mask[20:58, 20:60] = mask[20:50, 90:250] = 255
    image[23:55, 23:57] = image[24:46, 94:246] = [190, 190, 200]
    for y in range(63, 230, 30):
        mask[y : y + 20, 20:240] = 255
        image[y + 4 : y + 16, 24:236] = 20
    mask[63:233, 20:60] = 255

    levels = plain_levels(image, mask)

    assert (levels[63:][mask[63:] > 0] == [180, 180, 70]).all()
    assert not (levels[: 60 - SOFT_PX] > 100).any()


EDGES = {"level": (0.0, 92.0), "sloping": (0.3, 40.0), "steep": (-6.0, 1000.0)}
"""Slope and height at the left border of the edge between two grounds, px."""
COLOURS = {
    "black and white": np.array([[0, 0, 0], [255, 255, 255]], np.uint8),
    "white and grey": np.array([[255, 255, 255], [90, 90, 90]], np.uint8),
    "red and yellow": np.array([[200, 60, 50], [240, 220, 80]], np.uint8),
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("colours", COLOURS)
@pytest.mark.parametrize("swaps", [False, True], ids=["one colour", "swapped colours"])
def test_a_title_across_two_flat_colours_gets_each_up_to_the_edge(edge: str, colours: str, *, swaps: bool) -> None:
    """Also where the letters swap the colours of the grounds: white on black, and black on white below it."""
    slope, start = EDGES[edge]
    first, second = COLOURS[colours]
    rows, columns = np.mgrid[:180, :360]
    height = start + slope * columns - rows
    is_first = height > 0
    clean = np.where(is_first[..., None], first, second)
    ink = np.zeros(is_first.shape, np.uint8)
    cv2.putText(ink, "TITLE WORD", (30, 112), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 255, 6)
    colour = np.where(is_first[..., None], second, first) if swaps else np.array([40, 160, 90], np.uint8)
    image = np.where(ink[..., None] > 0, colour, clean)
    mask = dilate(ink, 3)

    levels = plain_levels(image, mask)

    away = (mask > 0) & (np.abs(height) > SOFT_PX * np.hypot(1, slope))
    assert not np.isnan(levels[away]).any()
    assert (np.abs(levels[away] - clean[away]).max(axis=1) > 4).mean() < 0.002


def test_a_line_along_the_edge_between_two_grounds_is_not_painted_over() -> None:
    """A panel's border is drawn between them: two flat fills that meet would lose it."""
    image, mask = pages.blank(160, 260), np.zeros((160, 260), np.uint8)
    image[:, 130:] = 120
    image[:, 128:133] = 0
    mask[60:100, 60:200] = 255

    levels = plain_levels(image, mask)

    assert np.isnan(levels[60:100, 129:132]).all()


@pytest.mark.parametrize("gap_px", [0, 1, 3])
def test_letters_close_to_the_border_of_a_bubble_without_an_outline_are_filled_like_it(gap_px: int) -> None:
    """Art begins right beside the mask, and the bubble's own white is seen under its rim: no part of it strays."""
    image, mask = pages.blank(160, 200), np.zeros((160, 200), np.uint8)
    cv2.ellipse(mask, (70, 80), (60, 50), 0, 0, 360, 255, -1)
    image[dilate(mask, gap_px) == 0] = heads(160, 200)[dilate(mask, gap_px) == 0]
    image[:, :110] = 255
    image[60:100, 40:110] = 0

    levels = plain_levels(image, mask)

    assert (levels[mask > 0] == 255).all()


def test_of_a_piece_on_two_grounds_without_a_straight_edge_each_pixel_has_the_nearest() -> None:
    """A sound effect that leaves a round bubble for art: white inside the bubble, none well outside of it."""
    disc = np.zeros((200, 300), np.uint8)
    cv2.circle(disc, (110, 100), 90, 255, -1)
    image = np.where(disc[..., None] > 0, np.uint8(255), heads(200, 300))
    mask = from_bool(np.zeros(disc.shape, np.bool_))
    for y in range(40, 160, 30):
        mask[y : y + 20, 60:150] = 255
    mask[85:115, 140:260] = 255
    image[89:111, 144:256] = [200, 30, 30]

    levels = plain_levels(image, mask)

    assert (levels[85:115, 60:180] == 255)[mask[85:115, 60:180] > 0].all()
    assert np.isnan(levels[85:115, 215:260]).all()
