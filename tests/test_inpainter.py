"""The inpainter draws every pixel of the hole and not one beside it, whatever the size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.deadline import Deadline
from service.errors import ClientGone
from service.imaging.arrays import Box, Image, Mask
from service.imaging.geometry import label_boxes
from service.imaging.masks import label_groups
from service.inpainter import CROP_PX, Inpainter
from service.session import Tensors
from tests import pages
from tests.fakes import FakeGraph, Floats, paints

COLOUR = (10, 200, 90)


def boxes_of(hole: Mask) -> list[Box]:
    """The boxes of the hole's groups, as a plan has them."""
    count, labels = label_groups(hole, 10)
    return label_boxes(labels, count)


def filled(image: Image, hole: Mask, graph: FakeGraph | None = None) -> Image:
    """What the inpainter makes of a copy of `image`."""
    result = image.copy()
    Inpainter(graph or paints(*COLOUR)).fill(result, hole, boxes_of(hole), Deadline())
    return result


def check(image: Image, hole: Mask) -> None:
    """Every pixel of the hole has the graph's colour, every other one its own."""
    before = hole.copy()

    result = filled(image, hole)

    assert np.array_equal(hole, before)
    assert np.array_equal(result[hole == 0], image[hole == 0])
    assert (result[hole > 0] == COLOUR).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 10_000), st.integers(1, 12))
def test_the_whole_hole_is_filled_and_nothing_else(height: int, width: int, seed: int, count: int) -> None:
    """Random rectangles on random sizes, at borders and corners, one over the other."""
    rng = np.random.default_rng(seed)
    hole = np.zeros((height, width), np.uint8)
    for _ in range(count):
        y, x = int(rng.integers(height)), int(rng.integers(width))
        hole[y : y + int(rng.integers(1, 200)), x : x + int(rng.integers(1, 200))] = 255

    check(pages.noise(height, width, seed), hole)


@pytest.mark.parametrize("size_hw", [(1, 1), (5, 300), (300, 5), (63, 65), (128, 128), (129, 513), (1100, 1300)])
def test_a_hole_over_the_whole_image_is_filled(size_hw: tuple[int, int]) -> None:
    """Images smaller than a crop and larger than several, with nothing known at all."""
    check(pages.noise(*size_hw), np.full(size_hw, 255, np.uint8))


@pytest.mark.parametrize(
    "place",
    [np.s_[:1, :1], np.s_[-1:, -1:], np.s_[:1, -1:], np.s_[:, :1], np.s_[-1:, :], np.s_[:, 300:301]],
    ids=["top left", "bottom right", "top right", "left edge", "bottom edge", "a line down the middle"],
)
def test_a_hole_at_the_border_is_filled(place: tuple[slice, slice]) -> None:
    """Corners and edges have surroundings on one side only."""
    hole = np.zeros((700, 900), np.uint8)
    hole[place] = 255

    check(pages.noise(700, 900), hole)


def test_no_hole_runs_no_graph() -> None:
    """Nothing to fill costs nothing."""
    graph = paints(*COLOUR)
    image = pages.noise(50, 60)

    assert np.array_equal(filled(image, np.zeros((50, 60), np.uint8), graph), image)
    assert graph.shapes == []


def test_crops_are_bounded_and_of_few_shapes() -> None:
    """No crop is much larger than the trained scale, and many holes make few shapes."""
    graph = paints(*COLOUR)
    rng = np.random.default_rng(3)
    hole = np.zeros((1500, 1500), np.uint8)
    for y, x in rng.integers(0, 1450, (40, 2)):
        hole[y : y + rng.integers(5, 300), x : x + rng.integers(5, 300)] = 255

    filled(pages.noise(1500, 1500), hole, graph)

    assert max(max(shape[2:]) for shape in graph.shapes) <= CROP_PX
    assert len({shape[2:] for shape in graph.shapes}) <= 16


def test_the_hole_is_hidden_from_the_network() -> None:
    """Every erased pixel, and all that lies past the image's border, is told to the graph as unknown."""
    seen: list[tuple[Floats, Floats]] = []

    def compute(feeds: Tensors) -> dict[str, Floats]:
        seen.append((feeds["image"].copy(), feeds["hole"].copy()))
        return {"result": feeds["image"]}

    image, hole = pages.noise(70, 90), np.zeros((70, 90), np.uint8)
    hole[20:40, 30:60] = 255

    filled(image, hole, FakeGraph(paints(0, 0, 0).model, compute))

    [(shown, unknown)] = seen
    assert np.array_equal(unknown[0, 0, :70, :90] > 0, hole > 0)
    assert (unknown[0, 0, 70:] == 1).all()
    assert (unknown[0, 0, :, 90:] == 1).all()
    assert np.array_equal(np.rint(shown[0].transpose(1, 2, 0) * 255)[:70, :90], image)


def test_a_gray_page_stays_gray() -> None:
    """The network drew green on a gray page: what comes back has three equal channels."""
    gray = np.repeat(pages.noise(200, 200)[..., :1], 3, axis=2)
    hole = np.zeros((200, 200), np.uint8)
    hole[60:140, 60:140] = 255

    result = filled(gray, hole, paints(0, 200, 100))

    assert np.ptp(result, axis=2).max() == 0
    assert (result[hole > 0] == 100).all()


def test_a_page_on_yellowed_paper_stays_yellowed() -> None:
    """A gray page with one tint everywhere keeps that tint in the hole."""
    gray = np.repeat(pages.noise(200, 200)[..., :1] // 2 + 60, 3, axis=2)
    tinted = np.clip(gray.astype(int) + np.array([10, 4, -14]), 0, 255).astype(np.uint8)
    hole = np.zeros((200, 200), np.uint8)
    hole[60:140, 60:140] = 255

    result = filled(tinted, hole, paints(0, 200, 100)).astype(int)

    assert (np.abs(result[hole > 0] - [110, 104, 86]) <= 1).all()


def test_a_colour_page_keeps_its_colours() -> None:
    """Only gray surroundings make a gray hole."""
    hole = np.zeros((200, 200), np.uint8)
    hole[60:140, 60:140] = 255

    assert (filled(pages.noise(200, 200), hole)[hole > 0] == COLOUR).all()


def test_levels_out_of_range_are_cut() -> None:
    """A network that draws whiter than white does not wrap around to black."""

    def compute(feeds: Tensors) -> dict[str, Floats]:
        result = np.full_like(feeds["image"], 1.2)
        result[:, 1] = -0.3
        return {"result": result}

    hole = np.zeros((40, 40), np.uint8)
    hole[10:20, 10:20] = 255

    result = filled(pages.noise(40, 40), hole, FakeGraph(paints(0, 0, 0).model, compute))

    assert (result[hole > 0] == [255, 0, 255]).all()


def test_the_deadline_is_looked_at_between_crops() -> None:
    """A client that leaves during the first crop is not drawn a second one."""
    deadline = Deadline()
    graph = paints(*COLOUR)
    compute = graph._compute

    def leave(feeds: Tensors) -> dict[str, Floats]:
        deadline.stop(ClientGone())
        return compute(feeds)

    graph._compute = leave
    hole = np.full((700, 700), 255, np.uint8)

    with pytest.raises(ClientGone):
        Inpainter(graph).fill(pages.noise(700, 700), hole, boxes_of(hole), deadline)
    assert len(graph.shapes) == 1


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_hole_wider_than_a_crop_is_filled_from_what_is_known(side: str) -> None:
    """A crop without a known pixel was drawn first where it lay on the left: gray, from which the others went on."""

    def continued(feeds: Tensors) -> Tensors:
        image, hole = feeds["image"], feeds["hole"]
        known = hole[0, 0] == 0
        level = image[0][:, known].mean() if known.any() else np.float32(0.5)
        return {"result": np.where(hole > 0, level, image).astype(np.float32)}

    turns = {"left": 0, "bottom": 1, "right": 2, "top": 3}[side]
    image, hole = np.full((700, 1800, 3), 230, np.uint8), np.zeros((700, 1800), np.uint8)
    hole[:, :1500] = 255
    image, hole = (np.ascontiguousarray(np.rot90(array, turns)) for array in (image, hole))

    result = filled(image, hole, FakeGraph(paints(0, 0, 0).model, continued))

    assert (result == 230).all()
