from __future__ import annotations

import pytest

from training.data.canvas import Canvas
from training.data.dice import Dice
from training.data.studio import Studio
from training.data.writing import Writer


@pytest.mark.parametrize("write", [Writer.exclamation, Writer.beads, Writer.shout])
@pytest.mark.parametrize("grey", [True, False])
def test_the_board_is_art_and_the_letters_are_text(pack, write, grey):
    """Bubble, disc or tile are in both pictures; raw and clean differ where letters are, and there only."""
    shown = 0
    for seed in range(12):
        studio = Studio(pack, Dice(seed), page_index=0, grey=grey, zoom=1.0)
        canvas = Canvas(studio.blank((256, 256), studio.plain(128)))
        write(Writer(studio, canvas))
        shown += bool(canvas.letters.any())

        assert not (canvas.raw[canvas.letters == 0] != canvas.clean[canvas.letters == 0]).any()
        assert len(canvas.regions) <= 1
        assert not canvas.letters.any() or canvas.clean.std() > 0
    assert shown >= 6
