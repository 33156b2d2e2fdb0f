"""From region probability to regions, as DB does it."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service import eraser
from service.detector import TextDetector, mean_level
from service.options import DetectOptions
from service.segmenter import TextMaps


def maps_of(region: np.ndarray, scale: float = 1.0) -> TextMaps:
    """Maps whose text nobody asks for."""
    return TextMaps(np.zeros_like(region), region, scale)


def block(level: int = 255, box: tuple[int, int, int, int] = (60, 40, 160, 80)) -> np.ndarray:
    """A map of 300 x 200 px with one block."""
    region = np.zeros((200, 300), np.uint8)
    x0, y0, x1, y1 = box
    region[y0:y1, x0:x1] = level
    return region


def test_nothing_is_found_in_nothing() -> None:
    """An empty map has no regions; neither has a map of one pixel."""
    assert TextDetector().regions(maps_of(np.zeros((50, 50), np.uint8)), (50, 50)) == []
    assert TextDetector().regions(maps_of(np.full((1, 1), 255, np.uint8)), (1, 1)) == []


def test_a_block_grows_by_area_times_ratio_over_perimeter() -> None:
    """D' = A' * r' / L' on each side (Liao et al. 2020): 100 x 40 px at 1.5 grow by about 21 px."""
    [region] = TextDetector(unclip_ratio=1.5).regions(maps_of(block()), (200, 300))

    distance_px = 100 * 40 * 1.5 / (2 * (100 + 40))
    x0, y0, x1, y1 = region.box
    for side, expected in zip(region.box, (60, 40, 160, 80), strict=True):
        assert abs(side - expected) == pytest.approx(distance_px, abs=2)
    assert x0 < 60
    assert y0 < 40
    assert x1 > 160
    assert y1 > 80
    assert region.score == pytest.approx(1.0)
    assert region.area == pytest.approx(cv2.contourArea(region.polygon), abs=1)


def test_a_ratio_of_0_keeps_the_block() -> None:
    """Nothing grows."""
    [region] = TextDetector(unclip_ratio=0).regions(maps_of(block()), (200, 300))

    assert region.box == pytest.approx((60, 40, 160, 80), abs=1)


@pytest.mark.parametrize(
    ("level", "options", "found"),
    [
        (200, {}, 1),
        (110, {}, 0),
        (110, {"box_thresh": 0.3}, 1),
        (60, {"box_thresh": 0.0}, 0),
        (60, {"box_thresh": 0.0, "bin_thresh": 0.1}, 1),
    ],
)
def test_thresholds_decide_what_is_a_region(level: int, options: dict[str, float], found: int) -> None:
    """`bin_thresh` says what is inside at all, `box_thresh` how sure the mean must be."""
    assert len(TextDetector(**options).regions(maps_of(block(level)), (200, 300))) == found


def test_the_score_is_the_mean_inside() -> None:
    """Half at 255 and half at 153 is 0.8."""
    region = block()
    region[40:60, 60:160] = 153

    [found] = TextDetector().regions(maps_of(region), (200, 300))

    assert found.score == pytest.approx(0.8, abs=0.01)


def test_regions_are_told_in_image_coordinates() -> None:
    """A map at half size gives regions at twice its coordinates."""
    [small] = TextDetector().regions(maps_of(block()), (200, 300))
    [large] = TextDetector().regions(maps_of(block(), scale=0.5), (400, 600))

    assert large.box == tuple(2 * side for side in small.box)
    assert large.area == pytest.approx(4 * small.area, rel=0.01)


def test_mean_level_looks_only_inside() -> None:
    """What lies around the polygon does not count."""
    polygon = np.array([[60, 40], [159, 40], [159, 79], [60, 79]], np.int32)

    assert mean_level(block(200), polygon) == pytest.approx(200)


@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.sampled_from([0, 150, 255])),
    st.floats(0, 5),
    st.floats(0.1, 1),
    st.tuples(st.integers(-1, 1), st.integers(-1, 1)),
)
def test_regions_lie_in_the_image_and_are_numbered(
    cells: np.ndarray, ratio: float, scale: float, off_px: tuple[int, int]
) -> None:
    """Whatever the map: ids 1..n, polygons and boxes inside the image, the box around its polygon, an area."""
    region = np.kron(cells, np.ones((7, 7), np.uint8))
    size_hw = tuple(max(1, round(side / scale) + off) for side, off in zip(region.shape, off_px, strict=True))

    found = TextDetector(unclip_ratio=ratio).regions(maps_of(region, scale), (size_hw[0], size_hw[1]))

    assert [region.id for region in found] == list(range(1, len(found) + 1))
    for one in found:
        x0, y0, x1, y1 = one.box
        assert 0 <= x0 < x1 <= size_hw[1]
        assert 0 <= y0 < y1 <= size_hw[0]
        assert one.polygon.min(axis=0).tolist() == [x0, y0]
        assert one.polygon.max(axis=0).tolist() == [x1, y1]
        assert 0 <= one.score <= 1
        assert one.area > 0


def test_detect_groups_as_erase_does() -> None:
    """By default it says what `erase` would do: its `bin_thresh` had stayed behind when the detector's was raised."""
    options, grouping = DetectOptions(), eraser.GROUPING

    for name in ("bin_thresh", "box_thresh", "unclip_ratio"):
        assert getattr(options, name) == getattr(grouping, name) == getattr(TextDetector(), name), name


def test_a_region_of_the_whole_page_grows_in_time_that_its_area_says() -> None:
    """A disc of its radius laid at each pixel cost the fourth power of the side; nothing past the page is drawn."""
    level = np.full((1500, 1500), 255, np.uint8)
    level[:2] = 0
    started = time.process_time()

    [region] = TextDetector(unclip_ratio=5).regions(maps_of(level), (1500, 1500))

    assert time.process_time() - started < 10
    assert region.box == (0, 0, 1500, 1500)
