import numpy as np
import pytest

from training.data.augment import augmented, cropped, dihedral
from training.data.dice import Dice
from training.data.samples import Sample


@pytest.fixture
def sample():
    """A sample whose arrays all show one square, so that they can be checked against each other."""
    mask = np.zeros((128, 128), np.uint8)
    mask[32:64, 64:112] = 255
    picture = np.repeat(mask[..., None], 3, 2)
    regions = np.repeat(mask[None, ::2, ::2], 4, 0)
    return Sample(picture, picture.copy(), mask, mask.copy(), regions)


def agree(sample):
    """Share of pixels in which picture, mask and region targets show the same."""
    half = sample.strokes[::2, ::2] > 127
    return min(
        ((sample.raw[..., 0] > 127) == (sample.strokes > 127)).mean(), ((sample.regions[0] > 127) == half).mean()
    )


@pytest.mark.parametrize("seed", range(12))
def test_all_arrays_move_together(sample, seed):
    """After any crop, scale, mirror and turn the square is at one place in all arrays."""
    moved = dihedral(Dice(seed), cropped(Dice(seed), sample, 64))

    assert moved.raw.shape == (64, 64, 3)
    assert moved.regions.shape == (4, 32, 32)
    assert agree(moved) > 0.94


def test_masks_stay_masks(sample):
    """Scaling leaves no value between 0 and 255 in a mask."""
    for seed in range(10):
        moved = augmented(Dice(seed), sample, 96)

        assert set(np.unique(moved.strokes)) | set(np.unique(moved.hole)) <= {0, 255}


def test_colours_change_alike(sample):
    """Where raw equals clean before, it does after."""
    for seed in range(10):
        moved = augmented(Dice(seed), sample, 64)

        assert np.array_equal(moved.raw, moved.clean)


def test_a_crop_larger_than_the_sample_is_refused(sample):
    """The message tells what was asked and what is possible."""
    with pytest.raises(ValueError, match="crop_px is 256"):
        cropped(Dice(1), sample, 256)
