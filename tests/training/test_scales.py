from __future__ import annotations

import numpy as np
import pytest

from benchmarks.figures import FOUND_HEADS, count_found
from benchmarks.scales import bring_back, report_scales, resize

pytestmark = pytest.mark.training


@pytest.mark.parametrize("scale", [0.5, 1, 2, 4])
def test_what_is_found_at_a_scale_comes_back_to_where_it_was(scale: float) -> None:
    """A block of 24 px, scaled with its page and brought back, covers the same pixels again."""
    page = np.zeros((64, 80, 3), np.uint8)
    page[16:40, 8:32] = 255
    found = np.where(resize(page, scale)[..., 0] > 127, np.uint8(255), np.uint8(0))

    assert found.shape == (64 * scale, 80 * scale)
    assert np.array_equal(bring_back(found, (64, 80)), page[..., 0] > 0)


def test_letters_keep_the_octave_of_the_page_at_every_scale() -> None:
    """Letters of 8 to 16 px are found at 2x only: their row says 0 and 1, that of larger letters 1 and 1."""
    text, octaves = np.zeros((20, 40), bool), np.zeros((20, 40), np.uint8)
    text[5:10, [*range(5), *range(20, 25)]] = True
    octaves[:, :10], octaves[:, 10:] = 3, 5
    large = text & (octaves == 5)
    found = {1.0: {"bare": large, "erased": large}, 2.0: {"bare": text, "erased": text}}
    counted = {scale: count_found(masks, text, octaves) for scale, masks in found.items()}

    told = report_scales(
        {scale: whole for scale, (whole, _) in counted.items()},
        {scale: by_octave for scale, (_, by_octave) in counted.items()},
    )

    assert "| 1x | 50.0 | 0.500 |" in told
    assert "| 2x | 0.0 | 1.000 |" in told
    assert "| 8 to 16 px | 25 | 0.000 | 1.000 |" in told
    assert "| 32 to 64 px | 25 | 1.000 | 1.000 |" in told
    assert "| 8 to 16 px | 25 | 100.0 | 0.0 |" in told


def test_a_page_without_text_has_no_share_of_it_left() -> None:
    """What cannot be divided is a dash, not a zero."""
    blank = np.zeros((8, 8), bool)
    whole, by_octave = count_found({"bare": blank, "erased": blank}, blank, np.zeros((8, 8), np.uint8))

    told = report_scales({1.0: whole}, {1.0: by_octave})

    assert by_octave == {}
    assert f"| 1x |{' – |' * (len(FOUND_HEADS) - 2)} 0.0 | 0.0 |" in told
