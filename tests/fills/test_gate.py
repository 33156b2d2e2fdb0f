"""The gate says of each surrounding what it is: one colour, one gradient, or neither."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fills import gate
from service.fills.gate import Background, deviation, look_at_ring, ring_of
from service.imaging.arrays import Image, Mask
from tests import pages


def block(height: int = 100, width: int = 120, margin_px: int = 30) -> Mask:
    """A mask with one block in its middle."""
    mask = np.zeros((height, width), np.uint8)
    mask[margin_px : height - margin_px, margin_px : width - margin_px] = 255
    return mask


def scribbled(clean: Image, hole: Mask) -> Image:
    """`clean` with dark ink and noise in the hole: nothing that is erased may be looked at."""
    image = clean.copy()
    image[hole > 0] = pages.noise(*hole.shape)[hole > 0] // 2
    return image


@settings(deadline=None, max_examples=60)
@given(st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)))
def test_any_one_colour_is_seen_exactly(colour: tuple[int, int, int]) -> None:
    """Around one colour the background is flat, is that colour, and all of the ring is plain."""
    hole = block()
    clean = np.full((*hole.shape, 3), colour, np.uint8)

    background = look_at_ring(scribbled(clean, hole), hole, hole)

    assert background is not None
    assert background.is_flat
    assert background.plain_share == 1.0
    assert background.colour.tolist() == list(colour)


def test_white_with_ink_and_art_near_is_still_white() -> None:
    """An outline that crosses the ring does not tint the paper."""
    hole = block()
    clean = pages.blank(*hole.shape)
    clean[:, 22:25] = 0

    background = look_at_ring(scribbled(clean, hole), hole, hole)

    assert background is not None
    assert background.is_flat
    assert background.colour.tolist() == [255, 255, 255]
    assert background.plain_share < 1


def test_a_linear_gradient_is_a_plane() -> None:
    """The plane gives back what was under the hole within 1.5 levels on average, and is not flat."""
    hole = block(140, 200)
    clean = pages.gradient(140, 200)

    background = look_at_ring(scribbled(clean, hole), hole, hole)

    assert background is not None
    assert not background.is_flat
    assert deviation(clean, background)[hole > 0].mean() < 1.5


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_plain(seed: int) -> None:
    """Art goes to the network."""
    hole = block()

    assert look_at_ring(pages.noise(*hole.shape, seed), hole, hole) is None


def test_an_edge_between_two_colours_is_not_plain() -> None:
    """Half black, half gray: no one colour would do."""
    hole = block()
    image = pages.blank(*hole.shape, level=120)
    image[:, hole.shape[1] // 2 :] = 0

    assert look_at_ring(image, hole, hole) is None


@pytest.mark.parametrize("period_px", [4, 5, 6, 8, 10, 12])
def test_screentone_is_not_plain(period_px: int) -> None:
    """Dots are not a colour, however regular: a tone of a quarter ink once passed for white paper with art near."""
    hole = block()

    assert look_at_ring(pages.tone(*hole.shape, period_px), hole, hole) is None


def test_a_bubble_without_room_is_white_all_the_same() -> None:
    """An outline that closely follows the text, and tone beyond it, leave the paper white."""
    hole = block()
    image = pages.tone(*hole.shape)
    cv2.rectangle(image, (22, 22), (97, 77), (255, 255, 255), -1)
    cv2.rectangle(image, (22, 22), (97, 77), (0, 0, 0), 2)

    background = look_at_ring(scribbled(image, hole), hole, hole)

    assert background is not None
    assert background.is_flat
    assert background.colour.tolist() == [255, 255, 255]


def test_a_hole_without_surroundings_is_not_plain() -> None:
    """A mask over the whole image, and one that leaves a few pixels, say nothing about a background."""
    image = pages.blank(40, 40)
    hole = np.full((40, 40), 255, np.uint8)
    assert look_at_ring(image, hole, hole) is None

    hole[0, :5] = 0
    assert look_at_ring(image, hole, hole) is None


def test_what_is_forbidden_is_not_looked_at() -> None:
    """Another text right beside the hole counts neither as background nor against it."""
    hole, others = block(), np.zeros((100, 120), np.uint8)
    others[:, 92:] = 255
    image = scribbled(pages.blank(100, 120), others)

    background = look_at_ring(image, hole, np.maximum(hole, others))

    assert background is not None
    assert background.plain_share == 1.0
    assert look_at_ring(image, others, np.maximum(hole, others)) is not None


def test_the_ring_is_near_the_hole_and_outside_of_everything_forbidden() -> None:
    """Within the radius of the hole, disjoint from it and from the rest of the mask."""
    hole = block()
    forbidden = hole.copy()
    forbidden[:20] = 255

    ring = ring_of(hole, forbidden, 7)

    far = cv2.distanceTransform(255 - hole, cv2.DIST_L2, 5)
    assert ring.any()
    assert not ring[forbidden > 0].any()
    assert far[ring].max() <= 8
    assert ring[(far > 0) & (far < 6) & (forbidden == 0)].all()


def test_deviation_is_the_largest_channel_difference_from_the_plane() -> None:
    """Hand-worked: red 10 + x, green 20 + 2y, blue 30."""
    surface = np.array([[10, 20, 30], [1, 0, 0], [0, 2, 0]], np.float32)
    background = Background(surface[0], surface, is_flat=False, plain_share=1.0, grain=0.0)
    image = np.array([[[10, 20, 30], [11, 20, 37]], [[10, 22, 30], [0, 22, 30]]], np.uint8)

    assert deviation(image, background).tolist() == [[0, 7], [0, 11]]


def test_a_hole_over_a_whole_page_needs_little_memory() -> None:
    """The plane once was worked out at every pixel of the hole, 50 bytes each, to know how much it varies."""
    hole = block(1500, 2000)
    image = pages.gradient(1500, 2000)

    tracemalloc.start()
    background = look_at_ring(image, hole, hole)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert background is not None
    assert not background.is_flat
    assert peak_bytes < 16 * hole.size


def test_stripes_of_a_large_ring_say_what_all_of_it_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient under dots that cover a page is the same plane whether all of the ring is looked at or a tenth."""
    height, width = 640, 400
    columns = np.linspace(100, 180, width).astype(np.uint8)
    clean = np.repeat(np.tile(columns, (height, 1))[..., None], 3, axis=2)
    hole = np.zeros((height, width), np.uint8)
    hole[8::24, 8::24] = 255
    whole = look_at_ring(clean, hole, hole)
    monkeypatch.setattr(gate, "MAX_RING_PIXELS", 20_000)

    striped = look_at_ring(clean, hole, hole)

    assert whole is not None
    assert striped is not None
    assert striped.is_flat == whole.is_flat
    assert np.abs(deviation(clean, striped) - deviation(clean, whole)).max() < 1


def test_a_curved_gradient_is_followed() -> None:
    """A glow around the middle of the hole: a plane would be flat there and off by many levels."""
    hole = block(140, 200, 40)
    y, x = np.mgrid[:140, :200]
    light = 90 + 120 * np.exp(-(((x - 90) / 140) ** 2 + ((y - 80) / 140) ** 2))
    clean = np.rint(light)[..., None].repeat(3, axis=2).astype(np.uint8)

    background = look_at_ring(scribbled(clean, hole), hole, hole)

    assert background is not None
    assert not background.is_flat
    assert deviation(clean, background)[hole > 0].mean() < 1


def test_text_half_on_white_half_on_gray_is_not_plain() -> None:
    """Most of its ring is paper, but a quarter of the text stands in the gray: white would cut into it."""
    hole = block()
    image = pages.blank(*hole.shape)
    image[:, 74:] = 130

    assert look_at_ring(scribbled(image, hole), hole, hole) is None


def test_the_dirt_of_a_flat_ground_is_not_followed() -> None:
    """Compressed paper is flat: no plane, no curve, one colour."""
    hole = block()
    image = scribbled(pages.blank(*hole.shape, level=240), hole)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])

    background = look_at_ring(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), hole, hole)

    assert background is not None
    assert background.is_flat


def caption(*, rim_px: int) -> tuple[Image, Mask]:
    """A cream caption over art; the mask ends where the caption does, and reaches `rim_px` past its dark letters."""
    image, hole = pages.noise(140, 220), np.zeros((140, 220), np.uint8)
    image[32:100, 22:198] = [255, 246, 213]
    hole[40:100, 30:190] = 255
    for x in range(30 + rim_px, 190 - rim_px - 7, 16):
        image[40 + rim_px : 100 - rim_px, x : x + 8] = 20
    return image, hole


def test_a_text_that_fills_its_caption_stands_on_the_captions_colour() -> None:
    """A third of the ring is art beyond the caption; the rim of the mask is plain, for it lies in the caption."""
    image, hole = caption(rim_px=6)

    background = look_at_ring(image, hole, hole)

    assert background is not None
    assert background.colour.tolist() == [255, 246, 213]


def test_a_line_between_two_rules_on_rough_paper_stands_on_paper() -> None:
    """Rules, and specks of the paper, leave few clean stretches; the mask itself shows what is between them."""
    rng = np.random.default_rng(0)
    paper = rng.normal(236, 3, (80, 360)) - 26 * (rng.random((80, 360)) < 0.06)
    image, hole = np.dstack([paper.clip(0, 255).astype(np.uint8)] * 3), np.zeros((80, 360), np.uint8)
    image[[21, 22, 56, 57], 20:340] = 30
    hole[28:51, 30:330] = 255
    for x in range(34, 326, 13):
        image[32:47, x : x + 5] = 30
        hole[28:51, x + 8 : x + 10] = 0  # between two letters

    background = look_at_ring(image, hole, hole)

    assert background is not None
    assert np.abs(background.colour - 236).max() < 3


def test_letters_without_a_rim_do_not_say_what_they_stand_on() -> None:
    """With the mask cut at the letters themselves the same ring is as mixed as it looks."""
    image, hole = caption(rim_px=0)

    assert look_at_ring(image, hole, hole) is None


@pytest.mark.parametrize(("level", "expected"), [(8, "plain"), (80, "not plain")])
def test_black_may_be_as_rough_as_compression_leaves_it(level: int, expected: str) -> None:
    """White letters in a black label come with 4 to 5 levels of mosquito noise, which nobody sees in black.

    In a gray the same is grain, which one colour would wipe out.
    """
    hole = block()
    noise = np.random.default_rng(3).uniform(-9, 9, (*hole.shape, 1))
    image = np.repeat(np.clip(level + noise, 0, 255).astype(np.uint8), 3, axis=2)

    background = look_at_ring(scribbled(image, hole), hole, hole)

    assert (background is not None) == (expected == "plain")


def test_a_slope_seen_at_one_end_of_a_hole_is_not_followed_to_the_other() -> None:
    """Of the ring other holes leave a corner, on a stain: its slope would go on to a colour that is nowhere."""
    image = np.full((100, 200, 3), 220, np.uint8)
    ramp = np.clip(220 - 2 * (40 - np.arange(200)), 120, 220).astype(np.uint8)
    image[:] = ramp[None, :, None]
    hole = np.zeros((100, 200), np.uint8)
    hole[30:70, 30:170] = 255
    forbidden = np.full_like(hole, 255)
    forbidden[:, :38] = 0
    forbidden[hole > 0] = 255

    assert look_at_ring(image, hole, forbidden) is None
    hole[:, 40:] = 0
    seen = look_at_ring(image, hole, forbidden)
    assert seen is not None
    assert seen.surface[1] == pytest.approx(2, abs=0.1)
