"""Looking in tiles, and at other scales, is looking at the whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service import segmenter
from service.deadline import Deadline
from service.errors import ClientGone
from service.imaging.arrays import Image
from service.imaging.tiles import pad_to_stride, to_tensor
from service.segmenter import BASE_SHORT_SIDE_PX, TextSegmenter
from service.session import Tensors
from tests import pages
from tests.fakes import FakeGraph, Floats, dark_is_text, fake_store

STRIDE = 32
REACH_PX = 12


def local_graph() -> FakeGraph:
    """A graph without global pooling: the blocks of its stride pooled, and a blur of 12 px reach on top."""

    def compute(feeds: Tensors) -> dict[str, Floats]:
        dark = np.ascontiguousarray(1 - feeds["image"][0].mean(axis=0))
        height, width = dark.shape
        pooled = dark.reshape(height // STRIDE, STRIDE, width // STRIDE, STRIDE).mean(axis=(1, 3))
        blocks = np.repeat(np.repeat(pooled, STRIDE, axis=0), STRIDE, axis=1)
        side = 2 * REACH_PX + 1
        blurred = np.asarray(cv2.blur(dark, (side, side), borderType=cv2.BORDER_REPLICATE))
        text = (blocks + blurred) / 2
        return {"text": text[None, None], "region": np.ascontiguousarray(text[None, None, ::2, ::2])}

    return FakeGraph(fake_store().find("text-segmentation", "segmentation"), compute)


def untiled(image: Image) -> np.ndarray:
    """The text levels that the graph gives for the whole image at once."""
    feeds = {"image": to_tensor(pad_to_stride(image, STRIDE))}
    text = local_graph().run(feeds, Deadline())["text"][0, 0, : image.shape[0], : image.shape[1]]
    return np.rint(text * 255).astype(int)


strips = st.tuples(st.integers(1, 3000), st.integers(1, 40))


@settings(deadline=None, max_examples=40)
@given(strips | strips.map(lambda size: size[::-1]), st.integers(0, 100))
@example((1279, 3), 0)
@example((1280, 3), 0)
@example((3, 1281), 0)
@example((2400, 3), 0)
@example((3, 2401), 0)
@example((1, 1), 0)
def test_tiled_is_whole(size_hw: tuple[int, int], seed: int) -> None:
    """At every length a tiled look says what one look at the whole says, within one level.

    Tiles once began at any pixel: the grid on which a network pools lay elsewhere in each tile than in the whole.
    """
    image = pages.noise(*size_hw, seed)

    maps = TextSegmenter(local_graph()).find(image, Deadline())

    assert maps.scale == 1.0
    assert maps.text.shape == maps.region.shape == image.shape[:2]
    assert np.abs(maps.text.astype(int) - untiled(image)).max() <= 1


def test_tiled_is_whole_where_four_tiles_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """In both directions at once, with small tiles, text and region alike."""
    image = pages.noise(500, 700)
    whole = TextSegmenter(local_graph()).find(image, Deadline())
    monkeypatch.setattr(segmenter, "TILE_PX", 256)
    monkeypatch.setattr(segmenter, "OVERLAP_PX", 96)
    graph = local_graph()

    tiled = TextSegmenter(graph).find(image, Deadline())

    assert len(graph.shapes) > 4
    assert np.abs(tiled.text.astype(int) - whole.text).max() <= 1
    assert np.abs(tiled.region.astype(int) - whole.region).max() <= 1


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3000), st.integers(1, 30))
@example(20_000, 1)
def test_no_pixel_is_left_unwritten(height: int, width: int) -> None:
    """Where the graph says 1 everywhere, so do the maps."""
    maps = TextSegmenter(dark_is_text()).find(pages.blank(height, width, level=0), Deadline())

    assert (maps.text == 255).all()
    assert (maps.region == 255).all()


@pytest.mark.parametrize("looks", [(1.0,), (1.0, 1.5), (0.5, 1.0), (0.1,)])
@pytest.mark.parametrize("size_hw", [(1, 1), (1, 2), (1, 700), (700, 1), (33, 31)])
def test_the_smallest_images_are_looked_at(size_hw: tuple[int, int], looks: tuple[float, ...]) -> None:
    """One pixel and strips of one pixel keep their size and their text, at every look."""
    maps = TextSegmenter(dark_is_text(looks=looks)).find(pages.blank(*size_hw, level=0), Deadline())

    assert maps.text.shape == size_hw
    assert (maps.text == 255).all()


@pytest.mark.parametrize("size_hw", [(1100, 1100), (1100, 3000), (3000, 1100), (2200, 2200), (1300, 1650)])
def test_only_pages_wide_on_both_sides_are_looked_at_smaller(size_hw: tuple[int, int]) -> None:
    """The shorter side is brought down to the base; strips stay as they are; `scale` says by how much."""
    graph = dark_is_text()

    maps = TextSegmenter(graph).find(pages.blank(*size_hw), Deadline())

    assert maps.scale == pytest.approx(min(1, BASE_SHORT_SIDE_PX / min(size_hw)))
    assert min(maps.text.shape) == min(*size_hw, BASE_SHORT_SIDE_PX)
    assert maps.text.shape[0] == pytest.approx(size_hw[0] * maps.scale, abs=0.5)


def test_the_maps_are_the_mean_of_the_looks() -> None:
    """A letter that one of two looks sees is half as sure as one that both see."""
    image = pages.blank(64, 64)
    image[16:32, 16:32] = 0
    answers = iter([1.0, 0.0])

    def compute(feeds: Tensors) -> dict[str, Floats]:
        text = np.full((1, 1, *feeds["image"].shape[2:]), next(answers), np.float32)
        return {"text": text, "region": text[:, :, ::2, ::2]}

    model = fake_store().models[0].model_copy(update={"looks": (1.0, 1.5)})

    maps = TextSegmenter(FakeGraph(model, compute)).find(image, Deadline())

    assert set(np.unique(maps.text)) <= {127, 128}


def narrow_view(*far_looks: float) -> FakeGraph:
    """A graph that sees dark strokes up to 30 px thick, whose second look sees as much."""

    def compute(feeds: Tensors) -> dict[str, Floats]:
        dark = np.ascontiguousarray((feeds["image"][0].mean(axis=0) < 0.5).astype(np.uint8))
        thick = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((31, 31), np.uint8))
        text = (dark & ~thick).astype(np.float32)[None, None]
        return {"text": text, "region": np.ascontiguousarray(text[:, :, ::2, ::2])}

    model = fake_store().find("text-segmentation", "segmentation")
    return FakeGraph(model.model_copy(update={"looks": (1.0, 1.5), "far_looks": far_looks}), compute)


def test_letters_too_large_for_the_looks_are_seen_from_afar() -> None:
    """A stroke of 48 x 300 px is 24 px thick at half the size; a word of small letters is what it was."""
    image = pages.blank(500, 500)
    image[100:400, 100:148] = 0
    cv2.putText(image, "small", (250, 250), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 3)

    near, far = (TextSegmenter(narrow_view(*looks)).find(image, Deadline()) for looks in ((), (0.5,)))

    assert near.strokes(0.5)[102:398, 102:146].max() == 0
    assert far.strokes(0.5)[102:398, 102:146].min() == 255
    assert far.region[102:398, 102:146].min() > 0
    np.testing.assert_array_equal(far.text[:, 160:], near.text[:, 160:])


@pytest.mark.parametrize("size", [(20, 300), (48, 100)])
def test_what_is_thin_or_short_is_not_taken_from_afar(size: tuple[int, int]) -> None:
    """The looks that see it better have the last word."""
    image = pages.blank(500, 500)
    image[100 : 100 + size[1], 100 : 100 + size[0]] = 0
    blind = narrow_view(0.5)
    compute = blind._compute
    blind._compute = lambda feeds: {
        name: output * (feeds["image"].shape[2] < 400) for name, output in compute(feeds).items()
    }

    maps = TextSegmenter(blind).find(image, Deadline())

    assert maps.text.max() == 0


def test_small_letters_that_run_together_from_afar_add_nothing() -> None:
    """Most of such a clump is known already, or beside it."""
    image = pages.blank(500, 500)
    for row in range(100, 300, 14):
        image[row : row + 8, 100:300] = 0
    graph = narrow_view(0.5)
    compute = graph._compute

    def clumped(feeds: Tensors) -> dict[str, Floats]:
        if feeds["image"].shape[2] >= 400:
            return compute(feeds)
        text = np.zeros((1, 1, *feeds["image"].shape[2:]), np.float32)
        text[:, :, 50:150, 50:150] = 1
        return {"text": text, "region": text[:, :, ::2, ::2]}

    graph._compute = clumped

    near, far = (TextSegmenter(each).find(image, Deadline()) for each in (narrow_view(), graph))

    np.testing.assert_array_equal(far.text, near.text)


def test_a_further_look_at_too_many_pixels_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look always happens, however large; a second one only where it is small enough."""
    monkeypatch.setattr(segmenter, "MAX_LOOK_PIXELS", 100 * 100)
    shapes = {}
    for side in (60, 90, 120):
        graph = dark_is_text(looks=(1.0, 1.5))
        maps = TextSegmenter(graph).find(pages.blank(side, side, level=0), Deadline())
        assert (maps.text == 255).all()
        shapes[side] = len(graph.shapes)

    assert shapes == {60: 2, 90: 1, 120: 1}


def test_tiles_bound_what_the_graph_sees() -> None:
    """No run is larger than a tile, whatever the page."""
    graph = dark_is_text()

    TextSegmenter(graph).find(pages.blank(2500, 1000), Deadline())

    assert len(graph.shapes) > 1
    assert max(max(shape[2:]) for shape in graph.shapes) <= segmenter.TILE_PX


def test_the_deadline_is_looked_at_between_tiles() -> None:
    """A page in many tiles stops after the tile that ran when the client left."""
    deadline = Deadline()
    graph = dark_is_text()
    compute = graph._compute

    def leave(feeds: Tensors) -> dict[str, Floats]:
        deadline.stop(ClientGone())
        return compute(feeds)

    graph._compute = leave

    with pytest.raises(ClientGone):
        TextSegmenter(graph).find(pages.blank(4000, 64), deadline)
    assert len(graph.shapes) == 1


@pytest.mark.parametrize("threshold", [0.05, 0.4, 0.95])
def test_strokes_are_the_pixels_over_the_threshold(threshold: float) -> None:
    """A mask of 0 and 255: set where the probability is over the threshold, within a level, beside surer strokes."""
    text = np.arange(256, dtype=np.uint8).reshape(16, 16)

    strokes = segmenter.TextMaps(text, text, 1.0).strokes(threshold)

    assert strokes.dtype == np.uint8
    prob = text / 255
    assert (strokes[prob > threshold + 1 / 255] == 255).all()
    assert (strokes[prob < threshold - 1 / 255] == 0).all()


def faint_and_sure(distance_px: int) -> segmenter.TextMaps:
    """A sure word at the left and a faint mark `distance_px` to its right."""
    text = np.zeros((60, 200), np.uint8)
    text[20:40, 10:50] = 250
    text[20:40, 50 + distance_px : 60 + distance_px] = 140
    return segmenter.TextMaps(text, text, 1.0)


def test_a_faint_letter_in_a_word_stays() -> None:
    """It is over the threshold, and it stands beside strokes that are surely text."""
    assert (faint_and_sure(6).strokes(0.45)[20:40, 56:66] == 255).all()
    assert (faint_and_sure(19).strokes(0.45)[20:40, 69:79] == 255).all()


def test_faint_marks_beside_what_the_picture_showed_come_back() -> None:
    """Exclamation marks after a dash that only the picture shows; marks anywhere else stay out."""
    maps = faint_and_sure(distance_px=60)
    dash = np.zeros_like(maps.text)
    dash[28:32, 50:100] = 255
    strokes = maps.strokes(0.45)

    assert maps.faint(0.45, strokes, dash)[20:40, 110:120].min() == 255
    assert maps.faint(0.45, strokes, dash)[:, :110].max() == 0
    assert maps.faint(0.45, strokes, np.zeros_like(dash)).max() == 0


def test_a_faint_mark_far_from_any_word_goes() -> None:
    """It is over the threshold, but nothing near it is surely text; the word itself stays."""
    strokes = faint_and_sure(60).strokes(0.45)

    assert (strokes[20:40, 10:50] == 255).all()
    assert not strokes[:, 60:].any()


def test_a_lower_threshold_finds_faint_marks_too() -> None:
    """What is sure is counted from the threshold on, so a caller can ask for more."""
    assert (faint_and_sure(60).strokes(0.2)[20:40, 110:120] == 255).all()


def test_without_any_stroke_the_mask_is_empty() -> None:
    """A blank map has no groups to judge."""
    blank = np.zeros((8, 8), np.uint8)

    assert not segmenter.TextMaps(blank, blank, 1.0).strokes(0.45).any()
