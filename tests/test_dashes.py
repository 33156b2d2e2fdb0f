"""Dashes continue a line of text; other lines do not."""

from __future__ import annotations

import numpy as np
import pytest

from service.dashes import find_dashes
from service.imaging.arrays import Image, Mask

GLYPH_PX = 30
WHITE = np.array([255, 255, 255], np.float32)


def column() -> tuple[Image, Mask]:
    """An upright line of two glyphs at x 85..115, which ends at y 110, on white."""
    glyphs = np.zeros((260, 200), np.uint8)
    glyphs[40:70, 85:115] = 255
    glyphs[80:110, 85:115] = 255
    return np.where(glyphs[..., None] > 0, np.uint8(0), np.uint8(255)).repeat(3, axis=2), glyphs


def found(image: Image, glyphs: Mask) -> Mask:
    """The dashes on white."""
    return find_dashes(image, glyphs, WHITE, GLYPH_PX)


def turned(array: np.ndarray) -> np.ndarray:
    """The same picture with x and y exchanged."""
    return np.ascontiguousarray(array.swapaxes(0, 1))


@pytest.mark.parametrize("turn", [lambda array: array, turned], ids=["column", "row"])
def test_a_stroke_below_the_line_is_its_dash(turn: object) -> None:
    """Thin, straight, on the middle line and within a glyph's reach: found whole, and nothing else is."""
    image, glyphs = column()
    image[120:180, 98:102] = 0

    dashes = found(turn(image), turn(glyphs))

    assert (turn(dashes)[120:180, 98:102] == 255).all()
    assert np.count_nonzero(dashes) == 60 * 4


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        pytest.param((160, 220), (98, 102), id="too far away"),
        pytest.param((120, 180), (120, 124), id="off the middle line"),
        pytest.param((120, 180), (90, 110), id="too thick"),
        pytest.param((120, 128), (98, 102), id="too short"),
        pytest.param((120, 260), (98, 102), id="runs to the border"),
    ],
)
def test_other_strokes_are_no_dashes(rows: tuple[int, int], columns: tuple[int, int]) -> None:
    """Each of them is drawing for one reason."""
    image, glyphs = column()
    image[slice(*rows), slice(*columns)] = 0

    assert not found(image, glyphs).any()


def test_a_dash_that_leans_is_found() -> None:
    """A page that lies askew on the scanner has its dashes two degrees from upright: 3 px thick, 4 px aside."""
    image, glyphs = column()
    for row in range(118, 238):
        image[row, 97 + (row - 118) // 30 : 100 + (row - 118) // 30] = 0

    dashes = found(image, glyphs)

    assert np.count_nonzero(dashes) == 120 * 3


def test_the_glyphs_themselves_are_no_dashes() -> None:
    """A line of text without a dash has none."""
    assert not found(*column()).any()
