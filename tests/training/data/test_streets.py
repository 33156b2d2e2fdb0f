from __future__ import annotations

import numpy as np
from PIL import Image

from training.data.canvas import Canvas, Layer, Lettering
from training.data.dice import Dice
from training.data.lettering import block_of
from training.data.streets import frame_words
from training.data.studio import Studio


def test_a_frame_around_a_word_is_no_text(pack):
    """It is drawn into both pictures; what it covers of letters is no letter any more, and nothing else becomes one."""
    studio = Studio(pack, Dice(15, 3), page_index=3, grey=True, zoom=1.0)
    canvas = Canvas(studio.blank((120, 200)))
    word = block_of(Image.fromarray(np.full((20, 60), 255, np.uint8)), 20.0)
    canvas.write_at(Lettering(word, [Layer(word.alpha, 0)]), (100, 60), "sign")
    letters = canvas.letters.copy()

    frame_words(studio, canvas)

    assert canvas.clean[letters == 0].min() < 255
    assert np.array_equal(canvas.raw[canvas.letters == 0], canvas.clean[canvas.letters == 0])
    assert not (canvas.letters > letters).any()
