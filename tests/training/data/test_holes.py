import numpy as np

from training.data.holes import LARGEST_SHARE, make_hole


def test_holes_are_masks_of_reasonable_size(pack):
    """Holes are 0 or 255, never empty and never most of the picture."""
    shares = []
    for index in range(12):
        hole = make_hole(pack, index, size_px=160)
        shares.append(np.count_nonzero(hole) / hole.size)

        assert hole.shape == (160, 160)
        assert set(np.unique(hole)) == {0, 255}
    assert max(shares) <= LARGEST_SHARE
    assert np.ptp(shares) > 0.05


def test_a_hole_depends_on_its_index_only(pack):
    """The same index gives the same hole, another index another."""
    assert np.array_equal(make_hole(pack, 4, size_px=96), make_hole(pack, 4, size_px=96))
    assert not np.array_equal(make_hole(pack, 4, size_px=96), make_hole(pack, 5, size_px=96))
