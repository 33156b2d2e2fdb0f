import cv2
import numpy as np

from training.data.dice import Dice
from training.data.wear import moved, visible_strokes, wear


def page_with_square(ground=255, ink=0):
    clean = np.full((128, 128), ground, np.uint8)
    raw = clean.copy()
    raw[40:60, 50:90] = ink
    letters = np.where(raw != clean, 255, 0).astype(np.uint8)
    return raw, clean, letters


def test_equal_pictures_stay_equal_under_any_wear():
    """The same wear is done to both: without letters they are the same byte for byte."""
    picture = np.random.default_rng(1).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    nothing = np.zeros((96, 96), np.uint8)
    for seed in range(40):
        worn = wear(Dice(seed), picture, picture.copy(), nothing)

        assert np.array_equal(worn.raw, worn.clean)
        assert not worn.strokes.any()


def test_white_outline_on_white_is_no_stroke():
    """What cannot be seen is not in the mask."""
    raw, clean, letters = page_with_square(ink=250)

    assert not visible_strokes(raw, clean, letters).any()


def test_white_letters_on_a_screentone_are_filled():
    """Letters that change only the dots of a tone are masked whole, not as dots."""
    clean = np.full((128, 128), 255, np.uint8)
    clean[::6, ::6] = 0
    raw, letters = clean.copy(), np.zeros_like(clean)
    raw[40:80, 40:80] = 255
    letters[40:80, 40:80] = 255

    strokes = visible_strokes(raw, clean, letters)

    assert strokes[46:74, 46:74].mean() > 0.9 * 255
    assert not strokes[:30].any()


def test_points_follow_the_page():
    """A region's corners move with the picture when it is turned."""
    raw, clean, letters = page_with_square()
    turned = 0
    for seed in range(60):
        worn = wear(Dice(seed), raw, clean, letters)
        if worn.matrix is None:
            continue
        turned += 1
        middle = moved(np.float32([[70, 50]]), worn.matrix)[0]
        rows, columns = np.nonzero(worn.strokes)

        assert np.hypot(columns.mean() - middle[0], rows.mean() - middle[1]) < 3
    assert turned


def test_strokes_cover_the_letters_after_wear():
    """Whatever wear does, the mask lies on the letters."""
    raw, clean, letters = page_with_square()
    for seed in range(20):
        worn = wear(Dice(seed), raw, clean, letters)
        near = cv2.dilate(letters, np.ones((31, 31), np.uint8))

        assert np.count_nonzero(worn.strokes) > 0.5 * np.count_nonzero(letters)
        assert not (worn.strokes & ~near).any()
