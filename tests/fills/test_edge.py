"""An edge between two grounds is found where a straight line parts what is seen of them, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from service.fills.edge import find_edge
from service.fills.gate import ring_of

ROWS, COLUMNS = np.mgrid[:80, :300]
HOLE = np.where((ROWS >= 20) & (ROWS < 60) & (COLUMNS >= 20) & (COLUMNS < 280), np.uint8(255), np.uint8(0))
RING = ring_of(HOLE, HOLE)


@pytest.mark.parametrize(
    "second",
    [ROWS >= 33, ROWS >= 52, COLUMNS > 140, ROWS - 20 > 0.1 * COLUMNS, COLUMNS + 2 * ROWS > 250],
    ids=["level", "low", "upright", "sloping", "steep"],
)
def test_a_straight_edge_goes_on_under_the_hole(second: np.ndarray) -> None:
    """Next to no pixel of the hole is on the wrong side, wherever the edge enters and leaves it."""
    side = find_edge(RING & ~second, RING & second)

    assert side is not None
    assert ((side != second) & (HOLE > 0)).mean() < 0.005


def test_grounds_that_no_line_parts_have_no_edge() -> None:
    """One lies in the middle of the other's two ends."""
    middle = np.abs(COLUMNS - 150) < 50

    assert find_edge(RING & ~middle, RING & middle) is None


@pytest.mark.parametrize("count", [0, 1, 15])
def test_a_few_pixels_are_no_ground(count: int) -> None:
    """A speck beside the text says nothing of an edge."""
    speck = np.zeros(RING.shape, np.bool_)
    speck[12, 30 : 30 + count] = True

    assert find_edge(RING & ~speck, speck) is None
    assert find_edge(speck, RING & ~speck) is None
