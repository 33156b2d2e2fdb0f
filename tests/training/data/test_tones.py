import cv2
import numpy as np
import pytest

from training.data.dice import Dice
from training.data.tones import gradient, hatched, inked_flats, line_art, screen, tone


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


def painted() -> np.ndarray:
    """A dark disc on a light ground, grey, with the grain of paint."""
    picture = np.full((200, 200), 190, np.uint8)
    cv2.circle(picture, (100, 100), 60, 120, -1)
    grain = np.random.default_rng(0).integers(-6, 7, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def test_line_art_draws_edges_and_leaves_the_paper_bare():
    """Ink stands along the dark side of an edge in most hands; the ground, for all its grain, has none in any."""
    rows, columns = np.mgrid[:200, :200]
    radius = np.hypot(rows - 100, columns - 100)
    inked = 0
    for seed in range(12):
        drawing = line_art(Dice(seed), painted())
        inked += (drawing[(radius > 57) & (radius < 60)] < 128).mean() > 0.5

        assert (drawing[radius > 80] < 128).mean() < 0.01

    assert inked >= 8


def test_hatching_is_the_denser_the_darker_a_picture_is():
    """From the light end of a ramp to its dark end there is ever more ink, and it is ink: black on white."""
    ramp = np.tile(np.linspace(255, 0, 400).astype(np.uint8), (200, 1))
    for seed in range(12):
        drawing = hatched(Dice(seed), ramp)
        shares = [(drawing[:, start : start + 100] < 128).mean() for start in (0, 100, 200, 300)]

        assert shares == sorted(shares)
        assert shares[0] < 0.05
        assert shares[3] > 0.15
        assert ((drawing > 60) & (drawing < 200)).mean() < 0.2


def test_inked_flats_keep_the_lines_over_the_colours():
    """Where the line art has ink, the coloured picture is as dark."""
    picture = cv2.cvtColor(painted(), cv2.COLOR_GRAY2RGB)
    for seed in range(6):
        drawing = line_art(Dice(seed), painted())
        coloured = inked_flats(Dice(seed), picture)

        assert coloured.shape == picture.shape
        assert (coloured <= drawing[..., None]).all()
