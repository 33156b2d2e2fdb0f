import numpy as np

from training.data.canvas import Region
from training.data.documents import blocks_of_lines
from training.data.strokes import corners


def line(x0, y0, x1, y1, glyph_px=10.0):
    return Region(corners(x0, y0, x1, y1).astype(np.float32), glyph_px, "print")


def test_lines_close_together_become_one_block():
    """Three lines less than a letter apart are a paragraph; one far below is not part of it."""
    lines = [line(0, 0, 100, 8), line(0, 14, 90, 22), line(0, 28, 40, 36), line(0, 80, 100, 88)]
    blocks = sorted(tuple(region.polygon[2]) for region in blocks_of_lines(lines))

    assert blocks == [(100.0, 36.0), (100.0, 88.0)]


def test_words_of_one_line_are_joined_and_columns_are_not():
    """Words less than about a letter apart belong together, columns far apart do not."""
    words = [line(0, 0, 30, 8), line(36, 0, 60, 8), line(120, 0, 160, 8)]
    blocks = blocks_of_lines(words)

    assert sorted(float(region.polygon[:, 0].max()) for region in blocks) == [60, 160]


def test_a_heading_keeps_to_itself():
    """Letters of another size are another block, however close."""
    blocks = blocks_of_lines([line(0, 0, 100, 20, glyph_px=24), line(0, 24, 100, 32)])

    assert len(blocks) == 2
