"""Only where a smooth fill would show is a hole drawn anew, and only as far as the drawing goes on from its rim."""

from __future__ import annotations

import cv2
import numpy as np

from service.fills.busy import MAX_PIXELS, redraw_busy
from service.fills.crops import CONTEXT_PX
from service.imaging.arrays import Box, Image, Mask
from tests.fills.test_patches import blot, contrast, grass, smoothed


def box_of(hole: Mask) -> Box:
    """Of all that it holds."""
    x, y, width, height = cv2.boundingRect(hole)
    return x, y, x + width, y + height


def core_of(hole: Mask) -> Mask:
    """What lies 4 px and more from its rim."""
    return np.asarray(cv2.erode(hole, np.ones((9, 9), np.uint8)), np.uint8)


def redrawn(image: Image, hole: Mask) -> Image:
    """What becomes of an image whose hole has a smooth fill."""
    result = image.copy()
    redraw_busy(result, hole, [box_of(hole)])
    return result


def test_a_hole_in_texture_gets_texture() -> None:
    """A third of the ground's contrast and more."""
    clean, hole = grass(), blot()

    result = redrawn(smoothed(clean, hole), hole)

    core = core_of(hole)
    assert contrast(result, core) > 0.33 * contrast(clean, core)
    np.testing.assert_array_equal(result[hole == 0], clean[hole == 0])


def test_a_hole_on_even_ground_keeps_its_fill() -> None:
    """A gradient with an outline around it is not busy, and busy art further away is not its ground."""
    clean = grass(0, 260, 320)
    cv2.rectangle(clean, (60, 60), (260, 200), (0, 0, 0), 4)
    clean[64:197, 64:257] = np.linspace(200, 255, 193)[None, :, None]
    hole = blot(260, 320, 30)
    image = smoothed(clean, hole)

    np.testing.assert_array_equal(redrawn(image, hole), image)


def test_what_does_not_go_on_from_the_rim_is_not_believed() -> None:
    """Red letters' ground in a green wood: there is no red to take, so the smooth red fill stays."""
    clean = grass(0, 200, 260)
    cv2.ellipse(clean, (130, 100), (32, 20), 0, 0, 360, (230, 40, 30), -1)
    hole = np.zeros((200, 260), np.uint8)
    cv2.ellipse(hole, (130, 100), (28, 16), 0, 0, 360, 255, -1)
    image = smoothed(clean, hole)

    result = redrawn(image, hole)

    assert np.abs(result[hole > 0].astype(int) - (230, 40, 30)).mean() < 12


def test_a_hole_in_the_corner_and_one_in_two_boxes_are_drawn_once() -> None:
    """Boxes may overlap and touch the border; every pixel is drawn in the first part that holds it."""
    clean = grass(0, 200, 260)
    hole = np.zeros((200, 260), np.uint8)
    hole[:30, :30] = 255
    hole[150:180, 200:260] = 255
    image = smoothed(clean, hole)
    result = image.copy()

    redraw_busy(result, hole, [(0, 0, 30, 30), (200, 150, 260, 180), (190, 140, 260, 200)])

    core = core_of(hole)
    assert contrast(result, core) > 0.33 * contrast(clean, core)
    np.testing.assert_array_equal(result[hole == 0], clean[hole == 0])


def test_too_large_a_hole_is_left_to_the_network() -> None:
    """Its middle has no surroundings; the time would run away."""
    side = int(MAX_PIXELS**0.5) + 8
    clean = grass(0, side + 2 * CONTEXT_PX, side + 2 * CONTEXT_PX)
    hole = np.zeros(clean.shape[:2], np.uint8)
    hole[CONTEXT_PX:-CONTEXT_PX, CONTEXT_PX:-CONTEXT_PX] = 255
    image = smoothed(clean, hole)

    np.testing.assert_array_equal(redrawn(image, hole), image)
