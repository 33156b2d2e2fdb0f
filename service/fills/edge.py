"""Find the straight edge between two grounds from what is seen of both around a hole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
"""`(H, W)` bool."""
Terms = npt.NDArray[np.float64]
"""`(N, 3)`: 1, x and y of samples, x and y from about -1 to 1."""

MIN_SAMPLES = 16
MAX_SAMPLES = 2000
"""Of each ground; more say nothing else."""
MIN_AGREEMENT = 0.98
"""Share of each ground's samples that must lie on its own side of the edge."""
STEPS, SMALLEST_STEP = 20, 1e-6
RIDGE = 1e-6
"""Keeps the weights finite where an edge parts the samples without an error."""


def find_edge(first: Flags, second: Flags) -> Flags | None:
    """Which pixels `(H, W)` lie on the side of `second`, if a straight edge parts it from `first`; else None.

    Panels have such edges: one that enters a line of letters a third up leaves it a third up, which the nearest pixel
    would not tell. `first` and `second` `(H, W)` are what is seen of the two grounds. Fitted by logistic regression in
    which both weigh the same (Bishop, Pattern Recognition and Machine Learning, 4.3.3).
    """
    height, width = first.shape
    reach = max(height, width) / 2
    x, y = (np.arange(width) - width / 2) / reach, (np.arange(height) - height / 2) / reach
    sides = [_samples(flags, x, y) for flags in (first, second)]
    if min(len(side) for side in sides) < MIN_SAMPLES:
        return None
    weights = _fit(*sides)
    if (sides[0] @ weights <= 0).mean() < MIN_AGREEMENT or (sides[1] @ weights > 0).mean() < MIN_AGREEMENT:
        return None
    return np.asarray(weights[0] + x[None, :] * weights[1] + y[:, None] * weights[2] > 0)


def _samples(flags: Flags, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Terms:
    rows, columns = np.nonzero(flags)
    step = max(1, -(-len(rows) // MAX_SAMPLES))
    return np.stack([np.ones(len(rows[::step])), x[columns[::step]], y[rows[::step]]], axis=1)


def _fit(first: Terms, second: Terms) -> npt.NDArray[np.float64]:
    """`(3,)` weights of the terms, whose sum is above 0 on the side of `second`."""
    # Each sample times its sign: what lies on its own side is above 0 for both grounds.
    terms = np.concatenate([-first, second])
    shares = np.concatenate([np.full(len(first), 0.5 / len(first)), np.full(len(second), 0.5 / len(second))])

    def loss(weights: npt.NDArray[np.float64]) -> float:
        return float(shares @ np.logaddexp(0, -(terms @ weights)) + RIDGE / 2 * weights @ weights)

    weights = np.zeros(3)
    for _ in range(STEPS):
        wrong = 1 / (1 + np.exp(np.clip(terms @ weights, -30, 30)))
        slope = terms.T @ (shares * wrong) - RIDGE * weights
        bend = (terms * (shares * wrong * (1 - wrong))[:, None]).T @ terms + RIDGE * np.eye(3)
        step = np.linalg.solve(bend, slope)
        # Newton's step is too long where most samples are already far on their own side.
        while loss(weights + step) > loss(weights) and np.abs(step).max() > SMALLEST_STEP:
            step = step / 2
        weights = weights + step
    return weights
