"""Areas as callers write them: boxes and polygons in JSON; everything else is refused with what was seen."""

from __future__ import annotations

import json

import pytest

from service.errors import InvalidOption
from service.options import EraseOptions
from service.shapes import MAX_POINTS, MAX_SHAPES


def refusal(text: str) -> str:
    """What the refusal of `include` says."""
    with pytest.raises(InvalidOption) as refused:
        EraseOptions.parse({"include": text})
    return refused.value.detail


def test_boxes_and_polygons_stand_in_one_list() -> None:
    """A box is four numbers, a polygon a list of points; fractions are px too."""
    include = EraseOptions.parse({"include": "[[1, 2, 30.5, 40], [[0, 0], [9, 0], [9.5, 9]]]"}).include

    assert include is not None
    assert [shape.is_box for shape in include] == [True, False]
    assert include[0].points == ((1, 2), (30.5, 2), (30.5, 40), (1, 40))
    assert include[1].points == ((0, 0), (9, 0), (9.5, 9))


def test_an_empty_list_is_no_area_at_all() -> None:
    """Not the whole image: who includes nothing gets nothing erased."""
    assert EraseOptions.parse({"include": "[]"}).include == ()
    assert EraseOptions.parse({}).include is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("here", "not JSON"),
        ("[[1, 2, 3, 4]", "not JSON"),
        ("[" * 100_000, "include"),
        ('{"box": [1, 2, 3, 4]}', "include"),
        ("7", "expected a JSON list"),
        ("[7]", "include[0] is 7: expected a box of four numbers"),
        ("[[1, 2]]", "include[0] is [1, 2]: expected a box of four numbers [x0, y0, x1, y1], or a polygon"),
        ("[1, 2, 3, 4]", "include[0] is 1, include[1] is 2, include[2] is 3 and 1 more: expected a box"),
        ("[[true, 0, 4, 4]]", "include[0] is [true, 0, 4, 4]: expected a box"),
        ("[[5, 2, 5, 9]]", "is empty"),
        ("[[5, 9, 8, 2]]", "is empty"),
        ("[[1, 2, 3]]", "include"),
        ("[[[0, 0], [1, 1]]]", "it has 2 points; expected"),
        ("[[[0, 0], [1, 1], [2]]]", "its point [2] is [2]; expected"),
        ("[[0, 0, 1e9, 4]]", "include"),
        ("[[0, 0, NaN, 4]]", "include"),
        ("[[0, 0, Infinity, 4]]", "include"),
        ('[["0", "0", "4", "x"]]', "include"),
        ("[null]", "include[0] is null: expected a box"),
        ('[{"points": [[0, 0], [4, 0], [4, 4]]}]', "expected a box"),
        ('[{"box": [0, 0, 4, 4]}]', "expected a box"),
    ],
)
def test_what_is_no_area_is_refused(text: str, said: str) -> None:
    """InvalidOption, naming the option, in our words; never another error."""
    detail = refusal(text)

    assert detail.startswith("include")
    assert said in detail
    assert not any(word in detail for word in ("tuple", "dictionary", "instance", "Input should", "Not an option"))
    assert len(detail) < 400


def test_a_thousand_wrong_areas_are_told_once() -> None:
    """16 KB of wrong boxes were answered with 427 KB; now: the first three, how many more, and why."""
    detail = refusal(json.dumps([[1, 2]] * MAX_SHAPES))

    assert detail.startswith("include[0] is [1, 2], include[1] is [1, 2], include[2] is [1, 2] and 1997 more: expected")
    assert len(detail) < 400


def test_too_many_areas_and_too_many_corners_are_refused() -> None:
    """One more than allowed is too many."""
    boxes = [[0, 0, 4, 4]] * MAX_SHAPES
    assert len(EraseOptions.parse({"include": json.dumps(boxes)}).include or ()) == MAX_SHAPES
    assert str(MAX_SHAPES) in refusal(json.dumps([*boxes, [0, 0, 4, 4]]))

    assert str(MAX_POINTS) in refusal(json.dumps([[[0, 0]] * (MAX_POINTS + 1)]))


@pytest.mark.parametrize("other", ["include", "exclude", "sfx", "min_score", "min_height_px", "max_height_px"])
def test_a_list_of_regions_goes_alone(other: str) -> None:
    """Two ways to say what is erased would contradict each other."""
    value = {"sfx": "keep", "include": "[]", "exclude": "[]"}.get(other, "1")

    with pytest.raises(InvalidOption, match=f"leave out {other}"):
        EraseOptions.parse({"regions": "[]", other: value})


def test_a_region_needs_a_place_and_may_carry_more() -> None:
    """Members that detect adds are ignored; without polygon and box there is nothing to erase."""
    edits = EraseOptions.parse({"regions": '[{"id": 3, "box": [1, 2, 5, 6], "score": 0.9, "method": null}]'}).regions
    assert edits is not None
    assert edits[0].shape.is_box

    with pytest.raises(InvalidOption, match="polygon or a box"):
        EraseOptions.parse({"regions": '[{"id": 3, "method": "flat"}]'})
    with pytest.raises(InvalidOption, match="method"):
        EraseOptions.parse({"regions": '[{"box": [1, 2, 5, 6], "method": "magic"}]'})
