import numpy as np

from training.data.samples import make_sample, sample_shapes


def test_samples_have_the_shapes_that_are_announced(pack):
    """Each field has the shape that the pool reserves for it, all uint8."""
    sample = make_sample(pack, 2, size_px=128)
    shapes = sample_shapes(128)

    assert {name: array.shape for name, array in sample.items()} == shapes
    assert all(array.dtype == np.uint8 for _, array in sample.items())
