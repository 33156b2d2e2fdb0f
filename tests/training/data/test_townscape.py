from __future__ import annotations

import numpy as np
import pytest

from training.data.dice import Dice
from training.data.townscape import foliage, townscape

pytestmark = pytest.mark.training


@pytest.mark.parametrize("draw", [townscape, foliage])
def test_a_scene_is_a_pure_function_of_its_dice(draw):
    """The same dice draw the same picture, others another; RGB of the size asked for."""
    first, again, other = (draw(Dice(*seed), (96, 160)) for seed in ((5, 1), (5, 1), (5, 2)))

    assert first.shape == (96, 160, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("draw", [townscape, foliage])
@pytest.mark.parametrize("size_hw", [(8, 8), (16, 400), (400, 16), (640, 640)])
def test_a_scene_of_any_shape_is_drawn(draw, size_hw):
    """Small signs have scenes on them too."""
    for number in range(6):
        assert draw(Dice(8, number), size_hw).shape == (*size_hw, 3)


def test_scenes_are_not_blank():
    """Windows, wheels and leaves have edges, which is what they are drawn for."""
    for number in range(8):
        picture = townscape(Dice(9, number), (256, 256)).astype(int)
        assert np.abs(np.diff(picture, axis=1)).max() > 20
