"""Masks grow by max pooling, and fall apart into the pieces that one sees."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.errors import InvalidOption
from service.imaging import masks as masks_module
from service.imaging.arrays import Mask
from service.imaging.masks import (
    chosen,
    close_gaps,
    components,
    dilate,
    dilate_disc,
    drop_specks,
    from_bool,
    label_groups,
    resize,
    share,
    touching,
)

random_masks = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    elements=st.sampled_from([0, 0, 0, 255]),
)


def max_pool(mask: Mask, radius_px: int) -> Mask:
    """Max pooling, kernel 2 * radius_px + 1, stride 1, padding radius_px, written out."""
    padded = np.pad(mask, radius_px)
    side = 2 * radius_px + 1
    return np.lib.stride_tricks.sliding_window_view(padded, (side, side)).max(axis=(2, 3))


@settings(deadline=None)
@given(random_masks, st.integers(0, 30))
def test_dilate_is_max_pooling(mask: Mask, radius_px: int) -> None:
    """Growth by r is max pooling with k = 2r + 1, at the borders too, and for radii beyond the image."""
    before = mask.copy()

    grown = dilate(mask, radius_px)

    assert np.array_equal(grown, max_pool(mask, radius_px))
    assert np.array_equal(mask, before)
    assert not np.shares_memory(grown, mask)


def test_a_negative_radius_is_refused() -> None:
    """InvalidOption names the option and the value seen."""
    with pytest.raises(InvalidOption, match=r"dilate_px is -1"):
        dilate(np.zeros((2, 2), np.uint8), -1)


@pytest.mark.parametrize("radius_px", [0, 1, 2, 5, 9])
def test_a_disc_reaches_as_far_as_its_radius_and_no_further(radius_px: int) -> None:
    """Straight on it reaches the radius; nothing lies outside the square, nor (but for a pixel) the circle."""
    mask = np.zeros((31, 31), np.uint8)
    mask[15, 15] = 255

    rows, columns = np.nonzero(dilate_disc(mask, radius_px))

    assert rows.min() == columns.min() == 15 - radius_px
    assert rows.max() == columns.max() == 15 + radius_px
    assert np.hypot(rows - 15, columns - 15).max() < radius_px + 1


@settings(deadline=None)
@given(random_masks, st.integers(1, 4))
def test_closing_gaps_only_adds_and_not_past_the_outermost_pixels(mask: Mask, radius_px: int) -> None:
    """A narrow gap is filled; what was erased stays; the outer border does not grow."""
    closed = close_gaps(mask, radius_px)

    assert closed.shape == mask.shape
    assert (closed[mask > 0] == 255).all()
    for axis in (0, 1):
        lines = np.flatnonzero(mask.any(axis=axis))
        closed_lines = np.flatnonzero(closed.any(axis=axis))
        assert lines[:1].tolist() == closed_lines[:1].tolist()
        assert lines[-1:].tolist() == closed_lines[-1:].tolist()


def test_a_gap_narrower_than_the_diameter_is_closed() -> None:
    """Two bars 3 px apart become one with radius 2; 9 px apart they stay two."""
    mask = np.zeros((20, 40), np.uint8)
    mask[5:15, [5, 9, 19]] = 255

    closed = close_gaps(mask, 2)

    assert (closed[5:15, 5:10] == 255).all()
    assert not closed[:, 10:19].any()


@settings(deadline=None)
@given(random_masks, st.integers(1, 9))
def test_specks_are_dropped_whole_and_nothing_else_is(mask: Mask, min_area_px: int) -> None:
    """Each piece that is left is a piece of the mask of at least `min_area_px` pixels, and all of those are left."""
    pieces = components(mask)

    kept = drop_specks(mask, min_area_px)

    for number in range(1, pieces.count + 1):
        piece = pieces.labels == number
        assert (kept[piece] == (255 if np.count_nonzero(piece) >= min_area_px else 0)).all()
    assert not kept[mask == 0].any()


@settings(deadline=None)
@given(random_masks)
def test_pieces_are_what_their_boxes_and_areas_say(mask: Mask) -> None:
    """Labels cover the mask exactly; box and area of each piece are those of its pixels; turning exchanges x and y."""
    pieces = components(mask)
    turned, drawn_turned = pieces.turned(), components(np.ascontiguousarray(mask.T))

    assert np.array_equal(pieces.labels > 0, mask > 0)
    for number in range(1, pieces.count + 1):
        rows, columns = np.nonzero(pieces.labels == number)
        assert (pieces.left[number], pieces.right[number]) == (columns.min(), columns.max() + 1)
        assert (pieces.top[number], pieces.bottom[number]) == (rows.min(), rows.max() + 1)
        assert pieces.area[number] == len(rows)
        assert pieces.longer_side[number] == max(np.ptp(rows), np.ptp(columns)) + 1
    boxes, drawn_boxes = (
        sorted(zip(found.left[1:], found.top[1:], found.right[1:], found.bottom[1:], strict=True))
        for found in (turned, drawn_turned)
    )
    assert boxes == drawn_boxes


@settings(deadline=None)
@given(random_masks, st.integers(0, 6))
def test_groups_number_the_mask_and_keep_touching_pixels_together(mask: Mask, gap_px: int) -> None:
    """Labels are 1..n, all in use, exactly on the mask; pixels that touch share a number."""
    count, labels = label_groups(mask, gap_px)

    assert np.array_equal(labels > 0, mask > 0)
    assert set(np.unique(labels[mask > 0])) == set(range(1, count + 1))
    pieces = components(mask)
    for number in range(1, pieces.count + 1):
        assert len(np.unique(labels[pieces.labels == number])) == 1


@pytest.mark.parametrize(("blank_px", "groups"), [(1, 1), (7, 1), (8, 1), (10, 2), (20, 2)])
def test_parts_nearer_than_twice_the_gap_are_one_group(blank_px: int, groups: int) -> None:
    """With a gap of 4 px, two bars with up to 8 px between them are one group, with 10 px two."""
    mask = np.zeros((10, 60), np.uint8)
    mask[2:8, 10:15] = 255
    mask[2:8, 15 + blank_px : 20 + blank_px] = 255

    assert label_groups(mask, 4)[0] == groups


def test_pieces_that_touch_the_core_stay_whole_and_no_others_do() -> None:
    """By hand: of three pieces the core lies on one and beside another; corners hang together."""
    flags = np.array([[1, 1, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 1]], np.bool_)
    core = np.zeros_like(flags)
    core[0, 0] = core[3, 3] = True

    assert touching(flags, core).astype(int).tolist() == [[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0] * 5, [0] * 5]


def test_share_is_the_part_that_is_erased() -> None:
    """0 for nothing, 1 for all, and no division by zero for an image without pixels."""
    mask = np.zeros((4, 5), np.uint8)
    assert share(mask) == 0.0

    mask[:2] = 255
    assert share(mask) == 0.5
    assert share(np.full((3, 3), 255, np.uint8)) == 1.0
    assert share(np.zeros((0, 0), np.uint8)) == 0.0


def test_flags_become_a_mask_of_0_and_255() -> None:
    """No third value ever."""
    mask = from_bool(np.array([[True, False]]))

    assert mask.dtype == np.uint8
    assert mask.tolist() == [[255, 0]]


@settings(deadline=None)
@given(random_masks, st.integers(0, 3))
def test_chosen_pixels_are_those_whose_label_is_flagged(mask: Mask, seed: int) -> None:
    """The same as indexing the flags by the labels, however many bands the picture has."""
    labels = np.tile(components(mask).labels, (5, 1))
    flags = np.random.default_rng(seed).random(labels.max(initial=0) + 1) < 0.5
    with mock.patch.object(masks_module, "_ROWS_AT_ONCE", 3):
        found = chosen(labels, flags)

    assert np.array_equal(found, flags[labels])


def test_a_resized_mask_is_erased_where_more_than_half_was() -> None:
    """Twice as large and back again: a rectangle keeps its place, and no value but 0 and 255 appears."""
    mask = np.zeros((20, 30), np.uint8)
    mask[5:12, 8:21] = 255

    large = resize(mask, (40, 60))

    assert set(np.unique(large)) == {0, 255}
    assert np.array_equal(resize(large, (20, 30)), mask)
