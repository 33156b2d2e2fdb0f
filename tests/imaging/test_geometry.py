"""Boxes hold what they are said to hold, and hulls enclose."""

from __future__ import annotations

import time
import tracemalloc
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.imaging.arrays import Box, Mask
from service.imaging.geometry import grow_box, hull, label_boxes, merge_boxes, reading_order, shrink_to


@st.composite
def boxes_of(draw: st.DrawFn) -> Box:
    """A box in 600 x 600 px."""
    x0, y0 = draw(st.integers(0, 500)), draw(st.integers(0, 500))
    return x0, y0, x0 + draw(st.integers(1, 100)), y0 + draw(st.integers(1, 100))


def holds(outer: Box, inner: Box) -> bool:
    """Whether `inner` lies in `outer`."""
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


@given(boxes_of(), st.integers(0, 700))
def test_a_grown_box_holds_the_box_and_stays_in_the_image(box: Box, margin_px: int) -> None:
    """The margin is there on each side, or the image ends."""
    grown = grow_box(box, margin_px, (600, 600))

    assert holds(grown, box)
    assert holds((0, 0, 600, 600), grown)
    assert all(abs(a - b) == margin_px or a in {0, 600} for a, b in zip(grown, box, strict=True))


@settings(deadline=None)
@given(
    arrays.arrays(np.int32, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 5)),
    st.integers(5, 7),
)
def test_the_box_of_a_label_holds_its_pixels_tightly(labels: np.ndarray, count: int) -> None:
    """Each box is that of the label's pixels; a label without pixels has an empty one."""
    boxes = label_boxes(labels, count)

    assert len(boxes) == count
    for label, box in enumerate(boxes, start=1):
        rows, columns = np.nonzero(labels == label)
        tight = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else (0, 0, 0, 0)
        assert box == tight
        assert all(type(side) is int for side in box)


@settings(deadline=None)
@given(st.lists(boxes_of(), max_size=25), st.integers(100, 700))
def test_merging_drops_no_box_and_leaves_nothing_to_merge(boxes: list[Box], max_side_px: int) -> None:
    """Every box lies in a merged one, none is over the limit, and no two that overlap would still fit together."""
    merged = merge_boxes(boxes, max_side_px=max_side_px)

    assert len(merged) <= len(boxes)
    assert all(any(holds(outer, box) for outer in merged) for box in boxes)
    assert all(max(x1 - x0, y1 - y0) <= max_side_px for x0, y0, x1, y1 in merged)
    for i, a in enumerate(merged):
        for b in merged[i + 1 :]:
            union = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
            fits = max(union[2] - union[0], union[3] - union[1]) <= max_side_px
            overlap = a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
            assert not (fits and overlap)


def test_a_box_over_the_limit_is_kept_as_it_is() -> None:
    """The limit binds unions, not what was larger before; boxes that only touch do not overlap."""
    assert merge_boxes([(0, 0, 900, 10)], max_side_px=512) == [(0, 0, 900, 10)]
    assert sorted(merge_boxes([(0, 0, 10, 10), (10, 0, 20, 10)], max_side_px=512)) == [(0, 0, 10, 10), (10, 0, 20, 10)]


def test_merging_thousands_of_boxes_takes_no_minutes() -> None:
    """A mask of 8,000 dots once kept a thread busy for minutes: the time grew with the cube of their number."""
    boxes = [grow_box((x, y, x + 2, y + 2), 64, (2000, 2000)) for y in range(0, 1980, 22) for x in range(0, 1980, 22)]

    start = time.perf_counter()
    merged = merge_boxes(boxes, max_side_px=512)

    assert time.perf_counter() - start < 10
    assert len(merged) < len(boxes) / 10


random_masks = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24)), elements=st.sampled_from([0, 0, 255])
).filter(np.any)


@settings(deadline=None)
@given(random_masks, st.integers(0, 50), st.integers(0, 50))
def test_a_hull_encloses_the_pixels_tightly_and_runs_clockwise(mask: Mask, x: int, y: int) -> None:
    """No corner of a pixel lies outside, the hull's box is that of the pixels, and its area is positive."""
    polygon = hull(mask, (x, y))
    rows, columns = np.nonzero(mask)

    assert polygon.dtype == np.int32
    assert len(polygon) >= 4
    for dx, dy in [(0, 0), (1, 0), (0, 1), (1, 1)]:
        for row, column in zip(rows, columns, strict=True):
            corner = (float(column + dx + x), float(row + dy + y))
            assert cv2.pointPolygonTest(polygon, corner, measureDist=False) >= 0
    assert polygon.min(axis=0).tolist() == [columns.min() + x, rows.min() + y]
    assert polygon.max(axis=0).tolist() == [columns.max() + 1 + x, rows.max() + 1 + y]
    # Where y points down, a clockwise polygon has a positive oriented area by the shoelace formula.
    following = np.roll(polygon, -1, axis=0).astype(int)
    assert (polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1]).sum() > 0


def test_boxes_and_hull_of_a_whole_page_need_little_memory() -> None:
    """A mask over a whole page once cost 140 bytes a pixel and seconds of time for its four corners."""
    mask = np.full((2000, 1500), 255, np.uint8)
    labels = np.ones((2000, 1500), np.int32)

    tracemalloc.start()
    polygon = hull(mask, (0, 0))
    boxes = label_boxes(labels, 1)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sorted(polygon.tolist()) == [[0, 0], [0, 2000], [1500, 0], [1500, 2000]]
    assert boxes == [(0, 0, 1500, 2000)]
    assert peak_bytes < 8 * mask.size


@given(st.lists(boxes_of(), max_size=20))
def test_reading_order_names_each_box_once_and_goes_down(boxes: list[Box]) -> None:
    """Every index stands once, and none begins more than a box above the one before it."""
    order = reading_order(boxes)

    assert sorted(order) == list(range(len(boxes)))
    height = max([box[3] - box[1] for box in boxes], default=0)
    assert all(boxes[later][1] > boxes[earlier][1] - height for earlier, later in pairwise(order))


@given(st.integers(0, 300))
def test_words_of_one_line_stand_left_to_right_wherever_the_line_is(y: int) -> None:
    """A line whose words begin a pixel higher or lower is one row: it once fell apart at multiples of the height."""
    words = [(0, y + 1, 40, y + 21), (60, y, 100, y + 20), (120, y + 2, 160, y + 21)]

    assert reading_order(words) == [0, 1, 2]


@pytest.mark.parametrize("step", [1, -1])
def test_reading_order_goes_down_then_right(step: int) -> None:
    """Two rows of two, given in either order."""
    rows = [(0, 0, 40, 20), (60, 0, 100, 20), (0, 40, 40, 60), (60, 40, 100, 60)]
    given_order = rows[::step]

    assert [given_order[index] for index in reading_order(given_order)] == rows


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 20))
def test_the_box_around_a_mask_holds_it_and_stays_inside(x: int, y: int, margin_px: int) -> None:
    """The margin is there, or the border is."""
    mask = np.zeros((10, 10), np.uint8)
    mask[y, x] = 255

    box = shrink_to(mask, margin_px)

    assert box == (max(0, x - margin_px), max(0, y - margin_px), min(10, x + margin_px + 1), min(10, y + margin_px + 1))
