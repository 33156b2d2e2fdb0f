from __future__ import annotations

import numpy as np
import pytest

from benchmarks.backgrounds import FILLERS, report_classes
from benchmarks.figures import Tally, measure_fill
from benchmarks.grounds import CLASSES, GROUNDS

pytestmark = pytest.mark.training


def test_every_ground_belongs_to_one_class() -> None:
    """A ground that is drawn but in no class would be missing in the table, one in two would count twice."""
    assert sorted(ground for grounds in CLASSES.values() for ground in grounds) == sorted(GROUNDS)


def test_a_class_is_the_mean_over_the_pages_of_its_grounds() -> None:
    """Errors of 25.5 and 2.55 levels are 20 and 40 dB: two grounds of a class with one page each make 30."""
    clean, hole = np.zeros((32, 32, 3), np.float32), np.ones((32, 32), bool)
    tallies = {name: Tally() for name in GROUNDS}
    for ground, error in zip(CLASSES["gradient"], (25.5, 2.55), strict=True):
        for filler in FILLERS:
            measure_fill(tallies[ground], filler, clean + np.float32(error), clean, hole)

    told = report_classes(tallies)

    assert "| gradient | 30.00 | 30.00 | 30.00 | 30.00 |" in told
    assert "| photo | – | – |" in told
