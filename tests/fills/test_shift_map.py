"""Every pixel of a hole takes one shift, in pieces as large as what they show allows."""

from __future__ import annotations

import numpy as np
import pytest

from service.fills.shift_map import Spot, choose_shifts, shift_costs
from service.fills.shifts import to_opponent
from service.imaging.arrays import Image, Mask

SHIFTS = np.array([[0, -60], [0, 60], [-40, 0], [0, -57], [3, -60]])


def hole_in(image: Image) -> Mask:
    """A square hole across the middle."""
    hole = np.zeros(image.shape[:2], np.uint8)
    hole[50:90, 80:120] = 255
    return hole


def screentone(pitch_px: int = 6) -> Image:
    """A dot in every square of `pitch_px`."""
    rows, columns = np.mgrid[:140, :200] % pitch_px
    return np.repeat(np.where((rows < 3) & (columns < 3), np.uint8(0), np.uint8(255))[..., None], 3, axis=2)


def chosen_for(image: Image, expected_level: float) -> tuple[np.ndarray, Spot]:
    """`(n,)` which of SHIFTS each pixel of the hole takes, where a smooth fill has an even level."""
    inside = hole_in(image) > 0
    smooth = np.full(image.shape, expected_level, np.float32)
    spot = Spot.of(image, smooth, inside, ~inside, SHIFTS)
    costs = shift_costs(spot, to_opponent(smooth[inside]), inside, ~inside, lambda: None)
    return choose_shifts(spot, costs, lambda: None), spot


def test_a_screentone_comes_over_in_one_piece() -> None:
    """Shifts of whole pitches fit everywhere, so one of them is taken nearly everywhere: no dot is cut at a seam."""
    tone = screentone()

    chosen, spot = chosen_for(tone, float(tone.mean()))

    sources = (spot.rows + SHIFTS[chosen, 0], spot.columns + SHIFTS[chosen, 1])
    assert np.array_equal(tone[sources], tone[spot.rows, spot.columns])


@pytest.mark.parametrize("pitch_px", [5, 6, 7])
def test_pieces_are_larger_than_dots(pitch_px: int) -> None:
    """Whatever the pitch, even where no shift is right: most neighbours copy from neighbours."""
    tone = screentone(pitch_px)

    chosen, _ = chosen_for(tone, float(tone.mean()))

    square = chosen.reshape(40, 40)
    assert np.mean(square[:, 1:] != square[:, :-1]) < 0.1
    assert np.mean(square[1:] != square[:-1]) < 0.1


def test_no_shift_leads_into_the_hole() -> None:
    """Where another one does not: what stands there is not known."""
    chosen, spot = chosen_for(screentone(), 200.0)

    assert spot.known[spot.places + spot.jumps[chosen]].all()
