"""The lines that tell how much of occluded text can be read again."""

import numpy as np
import pytest

from benchmarks import reconstruction
from benchmarks.reconstruction import Accuracy, draw_lines
from training.data.assets import AssetPack

pytestmark = pytest.mark.training


@pytest.fixture
def lines():
    return list(draw_lines(AssetPack.builtin(), 6))


def test_lines_are_the_same_every_time(lines):
    """A figure can be compared with an older one only if it was measured on the same lines."""
    again = list(draw_lines(AssetPack.builtin(), 6))

    for line, twin in zip(lines, again, strict=True):
        assert line.text == twin.text
        assert np.array_equal(line.picture, twin.picture)
        assert np.array_equal(line.hole, twin.hole)


def test_shapes_hide_a_part_of_each_line(lines):
    """Nothing to restore would tell nothing, and neither would a line that is gone."""
    for line in lines:
        paper = np.bincount(line.picture[..., 0].ravel()).argmax()
        ink = np.abs(line.picture[..., 0].astype(int) - int(paper)) > 40
        hidden = np.count_nonzero(ink & (line.hole > 0)) / np.count_nonzero(ink)
        assert 0.02 < hidden < 0.8


def test_accuracy_is_one_minus_errors_over_letters(monkeypatch):
    """Worked by hand: 1 wrong of 5, and a line read as something far longer counts 5 wrong of 5: 1 - 6 / 10."""
    answers = iter(["hallo", "x" * 40])
    monkeypatch.setattr(reconstruction, "read_line", lambda _: next(answers))
    accuracy = Accuracy()

    accuracy.add("hello", np.zeros((4, 4, 3), np.uint8))
    accuracy.add("world", np.zeros((4, 4, 3), np.uint8))

    assert accuracy.share == pytest.approx(0.4)
