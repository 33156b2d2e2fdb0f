"""What the caller draws is what is meant."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from service.errors import InvalidOption
from service.groups import Group, gather
from service.imaging.geometry import hull
from service.options import Edit, EraseOptions
from service.plan import Entry, make_plan, plan_group, score_in, score_of, within
from service.segmenter import TextMaps
from service.selection import Wanted, choose, draw, mask_of, obey
from tests import pages


def drawn(*shapes: object, size_hw: tuple[int, int]) -> np.ndarray:
    """The mask of shapes written as JSON."""
    include = EraseOptions.parse({"include": json.dumps(shapes)}).include
    assert include is not None
    return draw(include, size_hw)


@pytest.mark.parametrize(
    "shape",
    [[0, 31_000, 10, 40_000], [[0, 31_000], [9, 31_000], [9, 39_999], [0, 39_999]]],
    ids=["box", "polygon"],
)
def test_an_area_far_down_a_strip_is_drawn_where_it_is(shape: object) -> None:
    """Below 30,000 px areas were once cut off, and nothing there was erased."""
    mask = drawn(shape, size_hw=(40_000, 12))

    assert (mask[31_000:, :10] == 255).all()
    assert np.count_nonzero(mask) == 9_000 * 10


@pytest.mark.parametrize("shape", [[-50, -50, 5, 5], [[-900_000, -9], [4, -9], [4, 4], [-900_000, 4]]])
def test_what_lies_outside_the_image_is_cut_off(shape: object) -> None:
    """An area that begins outside covers what of it is inside, and wraps nowhere."""
    mask = drawn(shape, size_hw=(20, 30))

    assert (mask[:5, :5] == 255).all()
    assert np.count_nonzero(mask) == 25


@pytest.mark.parametrize("seed", range(6))
def test_an_area_is_what_another_library_draws(seed: int) -> None:
    """Polygons in the image's middle: the same pixels as when they are drawn on the whole image at once."""
    rng = np.random.default_rng(seed)
    points = rng.integers(-20, 120, (int(rng.integers(3, 9)), 2)).tolist()
    expected = np.zeros((90, 100), np.uint8)
    cv2.fillPoly(expected, [np.array(points, np.int32)], 255)

    assert np.array_equal(drawn(points, size_hw=(90, 100)), expected)


def words_page() -> tuple[np.ndarray, np.ndarray]:
    """A white page with two words, one above the other, and what was found: all of their ink."""
    page = pages.lettered(pages.blank(160, 240), ("ONE", 40, 60), ("TWO", 40, 120))
    return page.image, page.ink


def asked(*regions: object) -> tuple[Edit, ...]:
    """An edited list as JSON says it."""
    edits = EraseOptions.parse({"regions": json.dumps(regions)}).regions
    assert edits is not None
    return edits


def obeyed(image: np.ndarray, found: np.ndarray, *regions: object) -> tuple[np.ndarray, list[str]]:
    """The mask that the list comes to, and the method of each entry."""
    plan = obey(image, found, gather(found), asked(*regions))
    return mask_of(plan, (found.shape[0], found.shape[1])), [entry.main_hole.method for entry in plan.entries]


def test_in_a_region_the_text_found_there_is_erased() -> None:
    """Not the box, but the ink in it; the other word stays."""
    image, found = words_page()

    mask, methods = obeyed(image, found, {"box": [30, 30, 200, 75]})

    assert np.array_equal(mask[:80], found[:80])
    assert not mask[80:].any()
    assert methods == ["flat"]


def test_a_region_without_text_is_erased_whole() -> None:
    """Who draws a box around something that we did not see means all of it."""
    image, found = words_page()

    mask, methods = obeyed(image, found, {"box": [150, 10, 200, 50], "method": "white"})

    assert (mask[10:50, 150:200] == 255).all()
    assert np.count_nonzero(mask) == 40 * 50
    assert methods == ["white"]


def test_a_skipped_region_is_left() -> None:
    """Its text is neither erased nor handed to another region that overlaps it less well."""
    image, found = words_page()
    (x0, y0, x1, y1) = gather(found)[0].box

    mask, _ = obeyed(image, found, {"box": [0, 0, 240, 160]}, {"box": [x0, y0, x1, y1], "method": "skip"})

    assert not mask[:80].any()
    assert np.array_equal(mask[80:], found[80:])


def test_each_region_gets_the_method_that_it_names() -> None:
    """In the order of the list."""
    image, found = words_page()

    _, methods = obeyed(
        image, found, {"box": [0, 80, 240, 160], "method": "inpaint"}, {"box": [0, 0, 240, 80], "method": "white"}
    )

    assert methods == ["inpaint", "white"]


def test_an_empty_list_erases_nothing() -> None:
    """To the letter."""
    image, found = words_page()

    mask, methods = obeyed(image, found)

    assert not mask.any()
    assert methods == []


def test_a_text_in_two_regions_belongs_to_the_one_that_fits() -> None:
    """Hulls of two texts overlap; sent back, each text is its own again, whatever the order."""
    image = pages.blank(160, 240)
    found = np.zeros((160, 240), np.uint8)
    found[20:60, 20:40] = found[100:140, 20:40] = found[20:30, 20:200] = 255
    found[70:80, 70:180] = 255
    groups = gather(found)
    polygons = [hull(group.mask, (group.box[0], group.box[1])).tolist() for group in groups]
    methods = ["white", "inpaint", "flat"]
    regions = [{"polygon": polygon, "method": method} for polygon, method in zip(polygons, methods, strict=True)]

    for order in (regions, regions[::-1]):
        plan = obey(image, found, groups, asked(*order))
        by_method = {entry.main_hole.method: entry.group for entry in plan.entries}
        for group, method in zip(groups, methods, strict=True):
            assert by_method[method].box == group.box
            assert np.array_equal(by_method[method].mask, group.mask)


def test_letters_are_measured_on_the_ink_that_was_seen() -> None:
    """A mask whose lines have grown together says 60 px; the ink says 20, and so the text is not too large."""
    image = pages.blank(200, 200)
    mask = np.zeros((200, 200), np.uint8)
    mask[40:100, 40:140] = 255
    text = np.zeros((200, 200), np.uint8)
    for y in (40, 80):
        for x in range(40, 140, 25):
            text[y : y + 20, x : x + 18] = 255
    maps = TextMaps(text, text, 1.0)
    [entry] = make_plan(image, mask, gather(mask), "auto").entries

    assert Wanted(max_height_px=30).accepts(entry, maps)
    assert not Wanted(min_height_px=30).accepts(entry, maps)
    assert not Wanted(max_height_px=30).accepts(entry, None)


def test_a_dot_that_the_network_did_not_see_has_the_score_of_its_text() -> None:
    """It was found because it stands beside a text; with 0 `min_score` would erase the text and leave the dot."""
    text = np.zeros((400, 400), np.uint8)
    text[100:120, 100:180], text[300:320, 100:180] = 204, 128
    maps = TextMaps(text=text, region=np.zeros_like(text), scale=1.0)

    assert score_in(maps, (100, 100, 180, 120)) == pytest.approx(0.8)
    assert score_in(maps, (190, 110, 195, 115)) == pytest.approx(0.8)
    assert score_in(maps, (190, 310, 195, 315)) == pytest.approx(128 / 255)
    assert score_in(maps, (390, 200, 395, 205)) == 0.0


def test_what_the_caller_insists_on_stays_whatever_else_is_wanted() -> None:
    """Of two words that are not sure enough one lies half in the caller's mask: that half is erased, the rest stays."""
    image, found = words_page()
    insisted = np.zeros_like(found)
    insisted[:80, :70] = 255
    maps = TextMaps(np.full(found.shape, 110, np.uint8), np.zeros_like(found), 1.0)
    plan = make_plan(image, found, gather(found), "auto")

    def replan(group: Group) -> Entry:
        return plan_group(image, found, group, None)

    unsure = Wanted(min_score=0.9)
    assert choose(plan, unsure, maps).entries == ()
    kept = choose(plan, unsure, maps, insisted, replan)
    assert np.array_equal(mask_of(kept, found.shape[:2]), np.where(insisted > 0, found, 0))
    assert np.count_nonzero(mask_of(kept, found.shape[:2]))


def test_where_only_a_given_mask_says_so_the_score_is_1() -> None:
    """The network sees nothing there; where it sees something, or the mask does not reach, it is what it says."""
    given = np.zeros((400, 400), np.uint8)
    given[200:205, 390:395] = 255
    [group] = gather(given)
    nothing, something = np.zeros((400, 400), np.uint8), np.full((400, 400), 204, np.uint8)
    maps = TextMaps(nothing, nothing, 1.0)

    assert score_of(group, maps, given) == 1.0
    assert score_of(group, maps) == 0.0
    assert score_of(group, TextMaps(something, nothing, 1.0), given) == pytest.approx(0.8)
    assert within(group, given) is group
    assert within(group, nothing) is None


def test_a_list_of_regions_and_a_fill_for_all_do_not_go_together() -> None:
    """Each region has a method of its own: the other was ignored without a word."""
    with pytest.raises(InvalidOption, match="leave out fill"):
        EraseOptions.parse({"fill": "white", "regions": '[{"box": [0, 0, 9, 9]}]'})

    assert EraseOptions.parse({"fill": "auto", "regions": "[]"}).regions == ()
