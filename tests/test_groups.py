"""Pieces that belong together are one text, and its letters have a size."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from service.groups import Group, gather, letter_px
from service.imaging.arrays import Mask, Polygon


def mask_with(*places: tuple[slice, slice]) -> Mask:
    """A mask of 200 x 300 px with rectangles."""
    mask = np.zeros((200, 300), np.uint8)
    for place in places:
        mask[place] = 255
    return mask


def box_of(x0: int, y0: int, x1: int, y1: int) -> Polygon:
    """A rectangle as a polygon."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_groups_are_the_mask_each_pixel_once(seed: int) -> None:
    """Whatever the mask, nothing is lost, nothing counted twice, and boxes are tight."""
    rng = np.random.default_rng(seed)
    mask = np.where(rng.random((90, 120)) < 0.004, np.uint8(255), np.uint8(0))
    total = np.zeros(mask.shape, np.int32)

    for group in gather(mask, [np.array([[5, 5], [80, 5], [80, 60]], np.int32)]):
        x0, y0, x1, y1 = group.box
        total[y0:y1, x0:x1] += group.mask > 0
        assert Group.of(group.mask, (x0, y0)).box == group.box
        assert group.area > 0

    assert np.array_equal(total, (mask > 0).astype(np.int32))


def test_what_is_near_or_in_one_block_belongs_together() -> None:
    """20 px apart is one text, 21 px is two, unless a block of the network's covers both."""
    near = mask_with(np.s_[50:60, 50:60], np.s_[50:60, 79:89])
    far = mask_with(np.s_[50:60, 50:60], np.s_[50:60, 85:95])
    block = np.array([[45, 45], [100, 45], [100, 65], [45, 65]], np.int32)

    assert len(gather(near)) == 1
    assert len(gather(far)) == 2
    assert len(gather(far, [block])) == 1


def test_texts_in_two_blocks_are_two_however_near() -> None:
    """Columns 12 px apart are each their own text where the network sees a block in each."""
    columns = mask_with(np.s_[50:120, 50:60], np.s_[50:120, 72:82])
    left, right = box_of(46, 46, 64, 124), box_of(68, 46, 86, 124)

    assert [group.box for group in gather(columns, [left, right])] == [(50, 50, 60, 120), (72, 50, 82, 120)]


def test_a_piece_that_reaches_into_two_blocks_is_shared_out() -> None:
    """Grown letters of two texts may touch: each pixel goes to the nearer block."""
    touching = mask_with(np.s_[50:60, 40:140])
    left, right = box_of(30, 40, 80, 70), box_of(101, 40, 160, 70)

    assert [group.box for group in gather(touching, [left, right])] == [(40, 50, 91, 60), (91, 50, 140, 60)]


def test_what_stands_beside_a_block_goes_with_its_text() -> None:
    """A dot 8 px away is of the text, one 40 px away is not; a block without any of the mask is nothing."""
    mask = mask_with(np.s_[50:60, 50:90], np.s_[54:58, 98:102], np.s_[54:58, 140:144])
    block, empty = box_of(46, 46, 92, 64), box_of(200, 100, 240, 140)

    assert [group.box for group in gather(mask, [block, empty])] == [(50, 50, 102, 60), (140, 54, 144, 58)]


def test_a_small_block_in_a_large_one_is_a_text_of_its_own() -> None:
    """A sound effect around a bubble: the order of the blocks does not matter."""
    mask = mask_with(np.s_[20:40, 20:200], np.s_[90:100, 60:120])
    large, small = box_of(10, 10, 220, 150), box_of(55, 85, 125, 105)

    for blocks in ([large, small], [small, large]):
        assert [group.box for group in gather(mask, blocks)] == [(20, 20, 200, 40), (60, 90, 120, 100)]


def test_groups_come_in_reading_order() -> None:
    """Top to bottom, left to right."""
    mask = mask_with(np.s_[150:160, 20:40], np.s_[20:30, 200:220], np.s_[22:32, 20:40])

    assert [group.box[:2] for group in gather(mask)] == [(20, 22), (200, 20), (20, 150)]


def test_the_size_of_letters_is_that_of_most_of_their_ink() -> None:
    """Letters of 24 px with a dot and a line of touching ones: 24; a long dash does not count as long."""
    letters = mask_with(*(np.s_[50:74, x : x + 20] for x in range(10, 200, 26)), np.s_[70:74, 250:254])

    assert letter_px(letters) == 24
    assert letter_px(mask_with(np.s_[50:74, 10:250])) == round(1.6 * 24)
    assert letter_px(mask_with()) == 0
