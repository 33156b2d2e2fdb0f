import numpy as np
import pytest

from training.data.dice import Dice
from training.data.tones import gradient, screen, tone


@pytest.mark.parametrize("darkness", [0.1, 0.3, 0.5])
def test_a_tone_has_the_ink_it_was_asked_for(darkness):
    """The mean grey of a screentone is one minus its darkness, whatever its dots look like."""
    for seed in range(4):
        drawn = tone(Dice(seed), (300, 300), darkness)

        assert 1 - drawn.mean() / 255 == pytest.approx(darkness, abs=0.08)


def test_a_screen_depends_on_its_number_only():
    """Drawn again after others, a screen is the same."""
    before = screen(3)[0].copy()
    screen.cache_clear()
    screen(4)

    assert np.array_equal(before, screen(3)[0])


def test_a_gradient_stays_between_its_ends():
    """No level lies outside start and end."""
    drawn = gradient(Dice(5), (40, 60), 50, 200)

    assert drawn.shape == (40, 60)
    assert drawn.min() >= 49
    assert drawn.max() <= 200
