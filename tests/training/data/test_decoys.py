import numpy as np
import pytest

from training.data import decoys, numerals
from training.data.canvas import Canvas
from training.data.dice import Dice
from training.data.studio import Studio
from training.data.writing import Writer


@pytest.mark.parametrize("shape", list({**decoys.DRAWN.shapes, **decoys.PRINTED.shapes}))
@pytest.mark.parametrize("size_px", [10, 90, 400])
def test_every_decoy_draws_something_at_every_size(shape, size_px):
    """From small print to page-filling, each shape has ink."""
    assert shape(Dice(3), size_px).any()


@pytest.mark.parametrize("grey", [True, False])
def test_decoys_are_art_and_no_letters(pack, grey):
    """They change both pictures alike and leave no coverage of letters."""
    studio = Studio(pack, Dice(2), page_index=0, grey=grey, zoom=1.0)
    canvas = Canvas(studio.blank((256, 256), studio.plain(128)))
    for family in (decoys.DRAWN, decoys.PRINTED):
        decoys.scatter(studio, canvas, 6, family)

    assert np.array_equal(canvas.raw, canvas.clean)
    assert canvas.clean.std() > 1
    assert not canvas.letters.any()
    assert not canvas.regions


def test_a_clock_without_numerals_is_no_text(studio):
    """Ticks and hands are art."""
    canvas = Canvas(studio.blank((256, 256), 128))
    numerals.clock_without_numerals(canvas, Writer(studio, canvas))

    assert np.array_equal(canvas.raw, canvas.clean)
    assert canvas.clean.std() > 1


def test_numbers_are_letters_of_the_raw_picture_only(pack):
    """Most numbers find a place and are covered by the stroke layer wherever raw and clean differ."""
    shown = 0
    for seed in range(20):
        studio = Studio(pack, Dice(seed), page_index=0, grey=True, zoom=1.0)
        canvas = Canvas(studio.blank((512, 512), 128))
        numerals.number(Writer(studio, canvas))
        shown += bool(canvas.regions)

        assert not (canvas.raw[canvas.letters == 0] != canvas.clean[canvas.letters == 0]).any()

    assert shown >= 18
