import numpy as np
import pytest

from training.data.brush import brush_hand, pen_hand, slab_hand, written
from training.data.dice import Dice
from training.data.glyphs import CHARACTERS, known, strokes_of


@pytest.mark.parametrize("language", list(CHARACTERS))
def test_every_letter_has_strokes_within_its_square(language):
    """Each letter that may be written has strokes of two points or more, hardly beyond the square of side 1."""
    for character in CHARACTERS[language]:
        strokes = strokes_of(character)

        assert strokes
        assert all(len(stroke) >= 2 for stroke in strokes)
        assert all(stroke.min() > -0.2 and stroke.max() < 1.2 for stroke in strokes)


def test_unknown_characters_are_left_out():
    """Only what has strokes is written."""
    assert known("ドン漢!…") == "ドン!"


@pytest.mark.parametrize("hand", [brush_hand, slab_hand])
@pytest.mark.parametrize("upright", [True, False])
def test_brush_strokes_lie_within_the_outline_of_their_block(upright, hand):
    """However rough the brush, nothing is cut at the edge of the picture."""
    for seed in range(20):
        dice = Dice(seed)
        block = written(dice, hand(dice), "ゴゴー!", size_px=90, upright=upright)
        edges = np.concatenate([block.alpha[0], block.alpha[-1], block.alpha[:, 0], block.alpha[:, -1]])

        assert block.alpha.max() == 255
        assert not edges.any()


def test_a_pen_draws_thinner_lines_than_a_brush():
    """The pen's coverage is well below the brush's at the same size."""
    pen, brush = [], []
    for seed in range(10):
        dice = Dice(seed)
        pen.append(written(dice, pen_hand(dice, 0.02), "カチ", size_px=100, upright=False).alpha.mean())
        brush.append(written(dice, brush_hand(dice), "カチ", size_px=100, upright=False).alpha.mean())

    assert np.mean(pen) < 0.5 * np.mean(brush)
