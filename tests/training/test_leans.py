from __future__ import annotations

import numpy as np
import pytest

from benchmarks.figures import count_found
from benchmarks.leans import lean_page
from benchmarks.lettered_pages import LetteredPage
from benchmarks.scales import report_scales

pytestmark = pytest.mark.training


def page() -> LetteredPage:
    """A black bar right of the middle of a white page."""
    raw, text = np.full((64, 80, 3), 255, np.uint8), np.zeros((64, 80), bool)
    raw[30:34, 44:72] = 0
    text[30:34, 44:72] = True
    octaves = np.where(text, np.uint8(3), np.uint8(0))
    return LetteredPage("bar", "page", raw, np.full_like(raw, 255), text, octaves, [])


def test_text_leans_with_its_page() -> None:
    """What is black on the leaning page is its text, and its letters keep their octave."""
    leaning = lean_page(page(), 25)

    assert (leaning.text != (leaning.raw[..., 0] < 128)).mean() < 0.005, "but for the ways that pixels are made between"
    assert (leaning.octaves[leaning.text] == 3).mean() > 0.9
    rows = np.nonzero(leaning.text)[0]
    assert np.ptp(rows) > 10, "the bar is no longer level"
    assert leaning.regions is None


def test_a_lean_of_nothing_changes_nothing() -> None:
    """So that the first row of the table is the page itself."""
    leaning = lean_page(page(), 0)

    assert np.array_equal(leaning.raw, page().raw)
    assert np.array_equal(leaning.text, page().text)


def test_the_table_says_degrees() -> None:
    """And not scales: a bar found upright and missed when it leans."""
    known = {0.0: page(), 25.0: lean_page(page(), 25)}
    counted = {
        degrees: count_found({"bare": found, "erased": found}, leaning.text, leaning.octaves)
        for (degrees, leaning), found in zip(known.items(), (page().text, np.zeros((64, 80), bool)), strict=True)
    }

    told = report_scales(
        {degrees: whole for degrees, (whole, _) in counted.items()},
        {degrees: by_octave for degrees, (_, by_octave) in counted.items()},
        what="lean",
        unit=" degrees",
    )

    assert told.startswith("| lean |")
    assert "| 0 degrees | 0.0 | 1.000 |" in told
    assert "| 25 degrees | 100.0 | 0.000 |" in told
