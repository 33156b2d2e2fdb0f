"""The commonest shifts are those at which the picture meets itself."""

from __future__ import annotations

import numpy as np
import pytest

from service.fills.shifts import REACH_PX, find_shifts
from tests import pages


def hole_in(height: int, width: int) -> np.ndarray:
    """A bar in the middle."""
    inside = np.zeros((height, width), np.bool_)
    inside[height // 2 - 5 : height // 2 + 5, width // 4 : -width // 4] = True
    return inside


@pytest.mark.parametrize("period_px", [7, 12, 20])
def test_a_texture_meets_itself_after_its_period(period_px: int) -> None:
    """Of the commonest shifts one is a whole number of periods both ways."""
    inside = hole_in(120, 160)

    shifts = find_shifts(pages.tone(120, 160, period_px), inside, ~inside)

    assert (shifts[:5] % period_px == 0).all(axis=1).any()


def test_along_an_edge_the_shifts_follow_it() -> None:
    """Nothing is gained by leaving a vertical edge, so the two commonest shifts are vertical."""
    image = pages.blank(120, 80)
    image[:, 40:] = (200, 60, 40)
    inside = np.zeros((120, 80), np.bool_)
    inside[50:62, 34:46] = True

    shifts = find_shifts(image, inside, ~inside)

    assert (shifts[:2, 1] == 0).all()


def test_no_shift_leads_far_or_nowhere() -> None:
    """A shift of zero would copy the letters; one past the reach has nothing to do with the hole."""
    inside = hole_in(300, 400)

    shifts = find_shifts(pages.tone(300, 400), inside, ~inside)

    assert (np.abs(shifts).max(axis=1) > 0).all()
    assert np.abs(shifts).max() <= REACH_PX


def test_where_nothing_is_known_there_is_no_shift() -> None:
    """The whole crop is hole."""
    inside = np.ones((60, 60), np.bool_)

    assert find_shifts(pages.noise(60, 60), inside, ~inside).shape == (0, 2)
