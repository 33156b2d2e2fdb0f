"""What the caller asked for, and nothing else: for every combination of options, on pages of every kind."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.api.schemas import Region
from service.deadline import Deadline
from service.eraser import Eraser
from service.imaging.arrays import Image, Mask
from service.inpainter import Inpainter
from service.options import DetectOptions, EraseOptions
from service.segmenter import TextSegmenter
from service.selection import draw
from tests import pages
from tests.fakes import dark_is_text, paints

ERASER = Eraser(
    {"text-segmentation": TextSegmenter(dark_is_text())},
    {"inpainting": Inpainter(paints(10, 200, 90))},
    max_pixels=1_000_000,
)
HEIGHT, WIDTH = 120, 160

boxes = st.builds(
    lambda x, y, width, height: [x, y, x + width, y + height],
    st.integers(-20, WIDTH),
    st.integers(-20, HEIGHT),
    st.integers(1, WIDTH),
    st.integers(1, HEIGHT),
)
polygons = st.lists(st.tuples(st.integers(-30, WIDTH + 30), st.integers(-30, HEIGHT + 30)), min_size=3, max_size=6)
shapes = st.lists(st.one_of(boxes, polygons), max_size=3)
edits = st.lists(
    st.fixed_dictionaries(
        {"polygon": polygons},
        optional={"method": st.sampled_from(["flat", "gradient", "tone", "copy", "inpaint", "white", "skip", None])},
    ),
    max_size=4,
)
choices = st.fixed_dictionaries(
    {},
    optional={
        "include": shapes,
        "exclude": shapes,
        "sfx": st.sampled_from(["erase", "keep", "only"]),
        "min_score": st.sampled_from(["0", "0.5", "1"]),
        "min_height_px": st.sampled_from(["0", "12", "40"]),
        "max_height_px": st.sampled_from(["1", "16", "200"]),
    },
).filter(lambda chosen: int(chosen.get("min_height_px", 0)) <= int(chosen.get("max_height_px", 1000)))
others = st.fixed_dictionaries(
    {},
    optional={
        "fill": st.sampled_from(["auto", "flat", "inpaint", "white"]),
        "mask_mode": st.sampled_from(["replace", "union", "subtract"]),
        "dilate_px": st.sampled_from(["0", "3", "9"]),
        "threshold": st.sampled_from(["0.1", "0.9"]),
        "verify": st.sampled_from(["true", "false"]),
    },
)


def page_of(seed: int) -> Image:
    """A page of two grounds with words on it."""
    rng = np.random.default_rng(seed)
    draw_ground = [pages.blank, pages.gradient, pages.tone, lambda h, w: pages.noise(h, w) // 4 + 190]
    upper, lower = (draw_ground[int(rng.integers(4))](HEIGHT // 2, WIDTH) for _ in range(2))
    words = [("HEY", int(rng.integers(0, 90)), 44), ("you", int(rng.integers(0, 90)), 100)]
    return pages.lettered(np.vstack([upper, lower]), *words, scale=float(rng.uniform(0.5, 1.2))).image


def area(written: object, *, default: int) -> Mask:
    """The areas of an option as a mask."""
    if written is None:
        return np.full((HEIGHT, WIDTH), default, np.uint8)
    options = EraseOptions.parse({"include": json.dumps(written)})
    assert options.include is not None
    return draw(options.include, (HEIGHT, WIDTH))


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), choices, others, st.one_of(st.none(), boxes), st.sampled_from(["json", "files"]))
def test_nothing_outside_what_was_asked_for_changes(
    seed: int, chosen: dict[str, object], other: dict[str, str], given_box: list[int] | None, form: str
) -> None:
    """Not outside the returned mask, which lies inside `include` and outside `exclude`, as JSON and as files."""
    image = page_of(seed)
    drawn = {name: area(chosen[name], default=0) for name in ("include", "exclude") if name in chosen}
    words = {name: value if isinstance(value, str) else json.dumps(value) for name, value in chosen.items()}
    as_files = form == "files"
    if as_files:
        words = {name: value for name, value in words.items() if name not in drawn}
    options = EraseOptions.parse({"output": "both", **words, **other})
    given_mask = None if given_box is None else area([given_box], default=0)

    outcome = ERASER.erase(
        pages.png(image),
        None if given_mask is None else pages.png(given_mask),
        options,
        Deadline(),
        include_data=pages.png(drawn["include"]) if as_files and "include" in drawn else None,
        exclude_data=pages.png(drawn["exclude"]) if as_files and "exclude" in drawn else None,
    )

    assert outcome.image is not None
    assert outcome.mask is not None
    result, mask = pages.pixels_of(outcome.image.data), pages.pixels_of(outcome.mask.data)
    assert np.array_equal(result[mask == 0], image[mask == 0])
    if "include" in drawn:
        assert not mask[drawn["include"] == 0].any()
    if "exclude" in drawn:
        assert not mask[drawn["exclude"] > 0].any()
    if given_mask is not None and options.mask_mode == "replace":
        assert not mask[given_mask == 0].any()
    if given_mask is not None and options.mask_mode == "subtract":
        assert not mask[given_mask > 0].any()


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), edits, others)
def test_nothing_outside_the_list_of_regions_changes(seed: int, listed: list[dict[str, object]], other: object) -> None:
    """Whatever the list, its methods and the other options: pixels change inside its regions only."""
    image = page_of(seed)
    beside = {name: value for name, value in dict(other).items() if name != "fill"}  # each region has its own
    options = EraseOptions.parse({"output": "both", "regions": json.dumps(listed), **beside})

    outcome = ERASER.erase(pages.png(image), None, options, Deadline())

    assert outcome.image is not None
    assert outcome.mask is not None
    result, mask = pages.pixels_of(outcome.image.data), pages.pixels_of(outcome.mask.data)
    allowed = area([region["polygon"] for region in listed if region.get("method") != "skip"], default=0)
    assert np.array_equal(result[mask == 0], image[mask == 0])
    assert not mask[allowed == 0].any()


@pytest.mark.parametrize("seed", range(5))
def test_regions_sent_back_give_the_same_bytes(seed: int) -> None:
    """Detect, change nothing, apply: the file is the one that a plain erase gives."""
    image = pages.mixed_page().image if seed == 0 else page_of(seed)
    data = pages.png(image)
    detected = ERASER.detect(data, DetectOptions(), Deadline())
    listed = json.dumps([Region.of(region).model_dump(mode="json") for region in detected.regions])

    plain = ERASER.erase(data, None, EraseOptions(output="both"), Deadline())
    back = ERASER.erase(data, None, EraseOptions.parse({"output": "both", "regions": listed}), Deadline())

    assert detected.regions
    assert back.image == plain.image
    assert back.mask == plain.mask
    assert [region.box for region in back.regions] == [region.box for region in detected.regions]


def test_a_region_taken_off_the_list_stays() -> None:
    """And its pixels are the upload's own."""
    image = pages.mixed_page().image
    data = pages.png(image)
    detected = ERASER.detect(data, DetectOptions(), Deadline()).regions
    dropped = max(detected, key=lambda region: region.area)
    listed = [Region.of(region).model_dump(mode="json") for region in detected if region.id != dropped.id]

    outcome = ERASER.erase(data, None, EraseOptions.parse({"regions": json.dumps(listed)}), Deadline())

    assert outcome.image is not None
    x0, y0, x1, y1 = dropped.box
    if not any(_meet(dropped.box, region.box) for region in detected if region.id != dropped.id):
        assert np.array_equal(pages.pixels_of(outcome.image.data)[y0:y1, x0:x1], image[y0:y1, x0:x1])
    assert len(outcome.regions) == len(detected) - 1


def test_sfx_divides_a_page_in_two() -> None:
    """What `keep` erases and what `only` erases are together what `erase` erases, and nothing twice."""
    image = pages.mixed_page().image
    masks = {}
    for sfx in ("erase", "keep", "only"):
        outcome = ERASER.erase(pages.png(image), None, EraseOptions(sfx=sfx, output="mask"), Deadline())
        assert outcome.mask is not None
        masks[sfx] = pages.pixels_of(outcome.mask.data)

    assert masks["keep"].any()
    assert masks["only"].any()
    assert not (masks["keep"] & masks["only"]).any()
    assert np.array_equal(masks["keep"] | masks["only"], masks["erase"])


def _meet(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]
