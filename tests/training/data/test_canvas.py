import numpy as np

from training.data.canvas import Block, Canvas, Layer, Lettering, visible
from training.data.dice import Dice
from training.data.strokes import corners

_PATCH = np.full((20, 30), 255, np.uint8)


def canvas_with_letters():
    canvas = Canvas(np.full((100, 100), 255, np.uint8))
    canvas.write(Lettering(Block(_PATCH, corners(0, 0, 30, 20), 20.0), [Layer(_PATCH, 0)]), 10, 10, "aside")
    return canvas


def test_letters_are_written_on_raw_only():
    """Letters change raw and leave clean alone; their coverage is kept."""
    canvas = canvas_with_letters()

    assert (canvas.clean == 255).all()
    assert (canvas.raw[10:30, 10:40] == 0).all()
    assert np.array_equal(canvas.letters > 0, canvas.raw == 0)


def test_art_over_letters_hides_them_in_both():
    """Where art is drawn over letters, both pictures agree and no letters are left."""
    canvas = canvas_with_letters()
    canvas.draw(_PATCH, 90, 10, 10)

    assert np.array_equal(canvas.raw, canvas.clean)
    assert not canvas.letters.any()
    assert not visible(canvas.regions[0], canvas.letters)


def test_a_sound_ends_at_the_border_of_its_panel_and_dialogue_does_not():
    """Half of the patch lies beyond the panel that its middle is in: of a sound it is cut, of dialogue it stays."""
    for kind, right in (("sfx", 30), ("dialogue", 40)):
        canvas = Canvas(np.full((100, 100), 255, np.uint8))
        canvas.panels = np.zeros((100, 100), np.uint8)
        canvas.panels[:, :30], canvas.panels[:, 34:] = 1, 2
        canvas.write(Lettering(Block(_PATCH, corners(0, 0, 30, 20), 20.0), [Layer(_PATCH, 0)]), 10, 10, kind)

        assert (canvas.raw[10:30, 10:right] == 0).all()
        assert (canvas.raw[:, right:] == 255).all()
        assert np.array_equal(canvas.letters > 0, canvas.raw == 0)


def test_spots_do_not_overlap():
    """Places handed out for text are apart."""
    canvas = Canvas(np.zeros((200, 200), np.uint8))
    dice = Dice(1)
    for _ in range(12):
        canvas.spot(dice, (40, 30))

    assert len(canvas.taken) > 2
    for number, first in enumerate(canvas.taken):
        for second in canvas.taken[number + 1 :]:
            assert first[2] <= second[0] or second[2] <= first[0] or first[3] <= second[1] or second[3] <= first[1]
