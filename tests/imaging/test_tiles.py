"""Tiles cover an image, share their borders, and stay within their size."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.imaging.tiles import inner_box, pad_to_stride, tile_boxes, to_tensor


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Length, tile, overlap and alignment, px; the tile is at least two steps longer than the overlap."""
    align_px = draw(st.sampled_from([1, 4, 32]))
    overlap_px = draw(st.integers(0, 200))
    tile_px = -(-overlap_px // align_px) * align_px + align_px * draw(st.integers(1, 64))
    return draw(st.integers(1, 3000)), tile_px, overlap_px, align_px


@settings(deadline=None, max_examples=200)
@given(cuts())
def test_tiles_cover_share_and_stay_small(cut: tuple[int, int, int, int]) -> None:
    """No gap, no tile over `tile_px`, neighbours share at least `overlap_px`, cuts lie on the grid."""
    length, tile_px, overlap_px, align_px = cut
    columns = list(tile_boxes((1, length), tile_px=tile_px, overlap_px=overlap_px, align_px=align_px))
    rows = list(tile_boxes((length, 1), tile_px=tile_px, overlap_px=overlap_px, align_px=align_px))
    spans = [(x0, x1) for x0, _, x1, _ in columns]

    assert spans == [(y0, y1) for _, y0, _, y1 in rows]
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(0 < end - start <= tile_px for start, end in spans)
    assert all(end - next_start >= overlap_px for (_, end), (next_start, _) in pairwise(spans))
    assert all(start < next_start for (start, _), (next_start, _) in pairwise(spans))
    assert all(start % align_px == 0 and (end % align_px == 0 or end == length) for start, end in spans)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 400), st.integers(1, 400))
def test_inner_boxes_cover_every_pixel(height: int, width: int) -> None:
    """What is cut off at a tile's border is inside its neighbour."""
    seen = np.zeros((height, width), np.bool_)

    for box in tile_boxes((height, width), tile_px=96, overlap_px=40):
        x0, y0, x1, y1 = inner_box(box, (height, width), 20)
        seen[y0:y1, x0:x1] = True

    assert seen.all()


def test_inner_box_keeps_the_image_border() -> None:
    """Only sides that have a neighbour are cut."""
    assert inner_box((0, 10, 50, 60), (60, 100), 5) == (0, 15, 45, 60)


@pytest.mark.parametrize("size_hw", [(1, 1), (31, 33), (32, 64), (5, 300)])
def test_padding_repeats_the_border_up_to_the_stride(size_hw: tuple[int, int]) -> None:
    """Height and width become multiples of the stride; the image itself stays where it is."""
    image = np.random.default_rng(1).integers(0, 256, (*size_hw, 3), np.uint8)
    height, width = size_hw

    padded = pad_to_stride(image, 32)

    assert padded.shape == (-(-height // 32) * 32, -(-width // 32) * 32, 3)
    assert np.array_equal(padded[:height, :width], image)
    assert (padded[height:, :width] == image[-1:]).all()
    assert (padded[:height, width:] == image[:, -1:]).all()


def test_a_tensor_is_planes_between_0_and_1() -> None:
    """Levels become shares of 255, channels come first, memory is in one piece."""
    image = np.random.default_rng(1).integers(0, 256, (3, 5, 3), np.uint8)

    tensor = to_tensor(image)

    assert tensor.shape == (1, 3, 3, 5)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    assert np.array_equal(np.rint(tensor[0].transpose(1, 2, 0) * 255), image)
    assert to_tensor(np.full((1, 1, 3), 255, np.uint8)).max() == 1.0
