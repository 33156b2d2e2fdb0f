"""Named draws of random numbers. Every number that shapes a page comes through one Dice, seeded by the page's index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


class Dice:
    """A numpy Generator with the draws that drawing needs; the same seed gives the same draws for ever."""

    def __init__(self, *seed: int) -> None:
        self.generator = np.random.default_rng(list(seed))

    def unit(self) -> float:
        """A number in [0, 1)."""
        return float(self.generator.random())

    def between(self, low: float, high: float) -> float:
        """A number in [low, high), all equally likely."""
        return low + (high - low) * float(self.generator.random())

    def log_between(self, low: float, high: float) -> float:
        """A number in [low, high), all ratios equally likely: sizes and widths are judged by ratio."""
        return low * math.exp(math.log(high / low) * float(self.generator.random()))

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included; low if high is smaller."""
        return low + int(float(self.generator.random()) * max(1, high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return float(self.generator.random()) < probability

    def bell(self, centre: float = 0.0, spread: float = 1.0) -> float:
        """A normally distributed number."""
        return float(self.generator.normal(centre, spread))

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, all equally likely."""
        return items[int(float(self.generator.random()) * len(items))]

    def weighted(self, weights: dict[Item, float]) -> Item:
        """One of the keys, as likely as its weight says."""
        mark = float(self.generator.random()) * sum(weights.values())
        for item, weight in weights.items():
            mark -= weight
            if mark < 0:
                return item
        return next(reversed(weights))

    def points(self, count: int, low: float, high: float) -> np.ndarray:
        """`(count, 2)` float64 points, each coordinate in [low, high)."""
        return low + (high - low) * self.generator.random((count, 2))

    def offset(self, spread: float) -> np.ndarray:
        """`(2,)` normally distributed displacement."""
        return self.generator.normal(0.0, spread, 2)

    def direction(self) -> np.ndarray:
        """`(2,)` unit vector, any angle."""
        angle = self.between(0.0, 2 * math.pi)
        return np.array([math.cos(angle), math.sin(angle)])
