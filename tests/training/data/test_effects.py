import numpy as np
import pytest

from training.data import effects
from training.data.canvas import Canvas
from training.data.dice import Dice
from training.data.lettering import horizontal
from training.data.studio import Studio
from training.data.wear import visible_strokes


@pytest.mark.parametrize("style", [effects.plain, effects.outlined, effects.decorated, effects.see_through])
@pytest.mark.parametrize("grey", [True, False])
def test_every_style_is_visible_on_a_middle_grey(pack, style, grey):
    """However letters are inked, most of their area changes on a plain ground."""
    shown = []
    for seed in range(12):
        studio = Studio(pack, Dice(seed), page_index=0, grey=grey, zoom=1.0)
        block = horizontal(studio.dice, pack.faces[0], 48, ["BAM"])
        canvas = Canvas(studio.blank((140, 220), studio.plain(128)))
        canvas.write(style(studio, block), 20, 20, "sfx")
        strokes = visible_strokes(canvas.raw, canvas.clean, canvas.letters)
        shown.append(np.count_nonzero(strokes) / np.count_nonzero(block.alpha > 127))

    assert np.median(shown) > 0.8


def test_outlined_letters_never_melt_into_their_outline(pack):
    """Between ink and the outline next to it lie at least 60 levels: blobs would teach nothing."""
    for seed in range(40):
        studio = Studio(pack, Dice(seed), page_index=0, grey=True, zoom=1.0)
        block = horizontal(studio.dice, pack.faces[0], 40, ["A"])
        layers = effects.outlined(studio, block).layers

        assert abs(int(layers[-1].ink) - int(layers[-2].ink)) > 60
