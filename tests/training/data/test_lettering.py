import numpy as np
import pytest

from training.data.dice import Dice
from training.data.lettering import (
    columns_of,
    fanned,
    horizontal,
    in_perspective,
    scaled,
    skewed,
    sound_effect,
    squeezed,
    turned,
    vertical,
    waved,
    wrapped,
)
from training.data.strokes import corners


@pytest.fixture
def face(pack):
    return pack.faces_for("en", "sans")[0]


@pytest.fixture
def block(face):
    return horizontal(Dice(1), face, 30, ["Stop here", "now"])


def inside_share(block):
    """Share of the coverage that lies in the outline's box."""
    low, high = np.floor(block.outline.min(0)).astype(int) - 1, np.ceil(block.outline.max(0)).astype(int) + 1
    part = block.alpha[max(0, low[1]) : high[1], max(0, low[0]) : high[0]]
    return part.sum(dtype=np.int64) / block.alpha.sum(dtype=np.int64)


def test_a_block_is_as_tight_as_its_letters(block):
    """The outline of fresh lettering touches ink on all four sides."""
    assert block.alpha[0].any()
    assert block.alpha[-1].any()
    assert block.alpha[:, 0].any()
    assert block.alpha[:, -1].any()
    assert np.array_equal(block.outline, corners(0, 0, block.alpha.shape[1], block.alpha.shape[0]))


def test_outlines_follow_every_transformation(block):
    """After turning, skewing, bending and scaling the outline still holds the letters."""
    quad = corners(0, 0, 120, 50) + np.array([[0, 0], [10, 5], [-5, 20], [3, 0]])
    quad = quad - quad.min(0)
    for moved in (
        turned(block, 33),
        skewed(Dice(2), block),
        waved(Dice(3), block),
        scaled(block, 0.5),
        squeezed(block, 0.4),
        fanned(Dice(4), block),
        in_perspective(block, quad),
    ):
        assert inside_share(moved) > 0.97


def test_squeezed_letters_are_as_tall_and_narrower(block):
    """Only the width changes."""
    height, width = block.alpha.shape

    assert squeezed(block, 0.5).alpha.shape == (height, round(width / 2))
    assert squeezed(block, 0.5).glyph_px == block.glyph_px


def test_fanned_letters_grow_from_one_end_to_the_other(face):
    """In a row of the same letter, that at one end is clearly taller than that at the other."""
    row = horizontal(Dice(1), face, 40, ["IIIIIIII"])
    for seed in range(8):
        alpha = fanned(Dice(seed), row).alpha > 128
        heights = [part.any(1).sum() for part in (alpha[:, : alpha.shape[1] // 6], alpha[:, -alpha.shape[1] // 6 :])]

        assert max(heights) > 1.1 * min(heights)


def test_scaling_changes_the_letter_size(block):
    """Half the block has half the letters."""
    assert scaled(block, 0.5).glyph_px == pytest.approx(block.glyph_px / 2)


def test_columns_end_where_they_should_and_marks_hang():
    """No column is longer than asked, but for a mark that must not begin the next one."""
    assert columns_of("abcdef", 3) == [["a", "b", "c"], ["d", "e", "f"]]
    assert columns_of("abc。d", 3) == [["a", "b", "c", "。"], ["d"]]
    assert columns_of("", 3) == [["…"]]


def test_vertical_text_is_taller_than_wide(face):
    """One column of many letters stands upright."""
    block = vertical(Dice(1), face, 20, "ABCDEFGH", rows=8)

    assert block.alpha.shape[0] > 4 * block.alpha.shape[1]


def test_wrapped_lines_fit(face):
    """No line of several words is wider than asked."""
    lines = wrapped(face, 16, "one two three four five six seven", 90)

    assert len(lines) > 1
    assert all(face.sized(16).getlength(line) <= 90 for line in lines)
    assert " ".join(lines) == "one two three four five six seven"


@pytest.mark.parametrize("size_px", [6, 40, 380])
def test_sound_effects_come_in_all_sizes(face, size_px):
    """Letters from small to page-filling are drawn."""
    assert sound_effect(Dice(4), face, size_px, "BAM!", upright=size_px == 40).alpha.any()
