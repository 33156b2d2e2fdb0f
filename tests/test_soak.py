"""What the soak concludes from its points."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.soak import LARGEST_MP, SMALLEST_MP, Slope, sizes_mp, slope_of

REQUESTS = np.arange(20) * 50.0


def test_a_slope_is_counted_in_1000_requests_whatever_one_wild_point_says() -> None:
    """Of a line that climbs 3 MB, with a point 40 MB above it: the median of all pairs stays."""
    rest_mb = 180 + 0.003 * REQUESTS
    rest_mb[4] += 40

    slope = slope_of(REQUESTS, rest_mb)

    assert slope.median == pytest.approx(3)
    assert slope.standard_error > 5


def test_least_squares_and_their_error_are_those_of_the_textbook() -> None:
    """Worked by hand for 0, 1, 5 at 0, 1,000, 2,000: slope 2.5, residuals 0.5, -1, 0.5, error sqrt(1.5 / 1 / 2)."""
    slope = slope_of(np.array([0.0, 1000.0, 2000.0]), np.array([0.0, 1.0, 5.0]))

    assert slope.least_squares == pytest.approx(2.5)
    assert slope.standard_error == pytest.approx((1.5 / 1 / 2) ** 0.5)


@pytest.mark.parametrize(
    ("slope_mb", "error_mb", "verdict"),
    [(0.2, 0.1, "kept"), (0.2, 0.5, "not shown"), (1.5, 0.4, "not shown"), (2.0, 0.1, "missed")],
)
def test_a_goal_within_the_error_is_not_shown(slope_mb: float, error_mb: float, verdict: str) -> None:
    """Two standard errors to each side; neither kept nor missed counts as shown in between."""
    assert Slope(slope_mb, error_mb, slope_mb).verdict(1.0) == verdict


def test_each_doubling_of_size_is_half_as_frequent() -> None:
    """From the smallest to the largest."""
    sizes = np.array(sizes_mp(10_000))
    share = [np.mean((sizes >= low) & (sizes < 2 * low)) for low in (0.1, 0.2, 0.4, 0.8)]

    assert (sizes[0], sizes[-1]) == pytest.approx((SMALLEST_MP, LARGEST_MP))
    assert np.array(share[1:]) / share[:-1] == pytest.approx(0.5, rel=0.02)
