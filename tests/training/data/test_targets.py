import numpy as np
import pytest

from training.data.targets import offset_distance, offset_polygon, region_maps

_SQUARE = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], np.float64)


def test_offset_distance_is_worked_by_hand():
    """D = A (1 - r^2) / L: 10000 * 0.64 / 400 = 16 for a square of 100 px and r = 0.6; 21 with the paper's 0.4."""
    assert offset_distance(_SQUARE) == pytest.approx(16)
    assert offset_distance(_SQUARE, 0.4) == pytest.approx(21)


def test_vatti_clipping_shrinks_a_square_by_the_distance():
    """A square of 100 px shrunk by 21 px leaves one of 58 px in its middle."""
    (piece,) = offset_polygon(_SQUARE, -21)

    assert piece.min(0) == pytest.approx([21, 21], abs=0.1)
    assert piece.max(0) == pytest.approx([79, 79], abs=0.1)


def test_threshold_is_highest_on_the_outline_and_low_beyond_its_reach():
    """T is 0.7 on the outline, 0.5 half way to D, 0.3 from D on, inside and outside."""
    maps = region_maps([_SQUARE + 50], (200, 200), stride=1)
    row = maps.threshold[100] / 255

    assert row[50] == pytest.approx(0.7, abs=0.01)
    assert row[50 - 8] == pytest.approx(0.7 - 0.4 * 8 / 16, abs=0.01)
    assert row[50 - 17] == row[100] == pytest.approx(0.3, abs=0.01)
    assert maps.band[100, 50] == 255
    assert maps.band[100, 100] == 0
    assert maps.shrunk[100, 68] == 255
    assert maps.shrunk[100, 64] == 0


def test_half_resolution_is_half_the_drawing():
    """With a stride of 2 a region lies at half its coordinates."""
    maps = region_maps([_SQUARE + 50], (200, 200), stride=2)
    rows, columns = np.nonzero(maps.shrunk)

    assert maps.shrunk.shape == (100, 100)
    assert (rows.mean(), columns.mean()) == pytest.approx((50, 50), abs=0.6)


def test_unknown_layouts_and_tiny_regions_are_left_out_of_the_loss():
    """`known` is 0 everywhere without a layout, and in regions too small to shrink."""
    assert not region_maps([], (64, 64), layout_known=False).known.any()

    tiny = np.array([[10, 10], [40, 10], [40, 12], [10, 12]], np.float64)
    maps = region_maps([tiny], (64, 64))

    assert not maps.shrunk.any()
    assert maps.known[5, 10] == 0
    assert maps.known[20, 20] == 255


def test_regions_beyond_the_page_are_cut():
    """A region that is partly off the page is drawn as far as it is on it."""
    maps = region_maps([_SQUARE - 50, _SQUARE + 500], (128, 128))

    assert maps.shrunk[0, 0] == 255
    assert maps.shrunk[100 // 2 :, 100 // 2 :].sum() == 0
