"""Letters in rims, black in white or white in black, are whole in the picture, where a network saw half or guessed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks import grounds
from service import steps
from service.deadline import Deadline
from service.errors import ClientGone
from service.imaging import codec
from service.imaging.arrays import Image, Mask
from service.imaging.masks import dilate
from service.rims import MAX_PIXELS, RIM_REST_PX, complete_rimmed, complete_rims, find_rimmed
from service.segmenter import TextMaps
from tests import pages

SIZE_HW = (240, 320)
STROKES = (((90, 70), (90, 170)), ((130, 70), (125, 130)), ((160, 70), (200, 160)))
"""Ends of the strokes of a sound effect, none of which touches another."""


def drawn(*, rim_px: int = 5, strokes=STROKES, colour: int = 0, rim_colour: int = 255) -> tuple[Image, Mask, Mask]:
    """Strokes over hatching: the page, the mask of the strokes, and that of strokes and rims."""
    image = grounds.hatching(np.random.default_rng(2), SIZE_HW)
    image = np.minimum(image, 140)  # art is no rim
    ink, whole = np.zeros(SIZE_HW, np.uint8), np.zeros(SIZE_HW, np.uint8)
    for start, end in strokes:
        cv2.line(whole, start, end, 255, 11 + 2 * rim_px)
    image[whole > 0] = rim_colour
    for start, end in strokes:
        cv2.line(ink, start, end, 255, 11)
    image[ink > 0] = colour
    return image, ink, whole


def upper_half(mask: Mask, *, until: int = 115) -> Mask:
    """What lies above a row."""
    half = mask.copy()
    half[until:] = 0
    return half


def faint(ink: Mask, probability: float = 0.4) -> TextMaps:
    """Maps that show `ink` no surer than so."""
    text = np.where(ink > 0, np.uint8(round(255 * probability)), np.uint8(0))
    return TextMaps(text, np.zeros_like(text), 1.0)


def test_a_stroke_of_which_half_was_seen_is_completed_with_its_rim() -> None:
    """Nothing of it is left, and hardly a pixel of the art beyond its rim is taken."""
    image, ink, whole = drawn()
    seen = upper_half(ink)

    rest = complete_rimmed(image, seen, seen)

    assert ((rest | seen)[ink > 0] > 0).all()
    assert ((rest | seen)[whole > 0] > 0).mean() > 0.8, "with its rim, but where that is soft"
    assert np.count_nonzero(rest[whole == 0]) == 0
    assert not rest[seen > 0].any(), "only what was not erased anyway"


def test_a_white_stroke_in_a_black_rim_is_completed_too() -> None:
    """What is left of it would stand there as a white blob."""
    image, ink, whole = drawn(colour=255, rim_colour=0)
    image[whole == 0] = np.maximum(image, 110)[whole == 0]  # art is no rim
    seen = upper_half(ink)

    rest = complete_rimmed(image, seen, seen)

    assert ((rest | seen)[ink > 0] > 0).all()
    assert np.count_nonzero(rest[whole == 0]) == 0


def test_of_a_lone_white_stroke_more_must_have_been_seen() -> None:
    """It may be a hand in its outline."""
    image, ink, whole = drawn(colour=255, rim_colour=0, strokes=STROKES[:1])
    image[whole == 0] = np.maximum(image, 110)[whole == 0]
    half, most = upper_half(ink), upper_half(ink, until=150)

    assert not complete_rimmed(image, half, half).any()
    assert complete_rimmed(image, most, most).any()


def test_a_stroke_of_which_little_was_seen_is_left() -> None:
    """A stray hit on the tip of something black is no letter."""
    image, ink, _ = drawn()
    tips = upper_half(ink, until=76)

    assert not complete_rimmed(image, tips, tips).any()


def test_what_has_no_rim_is_left() -> None:
    """Black shapes that lie in the art, half seen, end nowhere that could be known."""
    image, ink, _ = drawn(rim_px=0)
    seen = upper_half(ink)

    assert not complete_rimmed(image, seen, seen).any()
    assert not find_rimmed(image, faint(ink), np.zeros_like(ink), threshold=0.42).any()


def test_what_runs_on_is_left() -> None:
    """A panel's border between white gutters is black in white too."""
    image, ink, _ = drawn(strokes=(((90, -20), (90, 260)),))
    seen = upper_half(ink, until=200)

    assert not complete_rimmed(image, seen, seen).any()


def test_strokes_side_by_side_that_are_faintly_seen_are_letters() -> None:
    """Three of them, all faint: all are found with their rims."""
    image, ink, whole = drawn()

    found = find_rimmed(image, faint(ink), np.zeros_like(ink), threshold=0.42)

    assert (found[ink > 0] > 0).all()
    assert np.count_nonzero(found[whole == 0]) == 0


@pytest.mark.parametrize(
    ("strokes", "probability"),
    [
        (STROKES[:2], 0.4),  # fewer
        (STROKES, 0.2),  # fainter
        ((((40, 40), (40, 90)), ((280, 40), (280, 90)), ((160, 190), (160, 225))), 0.4),  # far from each other
    ],
)
def test_fewer_or_fainter_or_scattered_strokes_are_left(strokes, probability: float) -> None:
    """One black shape in a rim is a leaf or an eye as often as a letter."""
    image, ink, _ = drawn(strokes=strokes)

    assert not find_rimmed(image, faint(ink, probability), np.zeros_like(ink), threshold=0.42).any()


@pytest.mark.parametrize("rows", [6, 30])
def test_a_pattern_is_no_lettering(rows: int) -> None:
    """Windows of a house, all alike and all a little like text; few enough to be compared, and too many."""
    image = pages.blank(24 * rows + 20, 440)
    for top in range(10, 24 * rows + 10, 24):
        for left in range(10, 420, 20):
            image[top : top + 16, left : left + 12] = 0
    ink = np.where(image[..., 0] == 0, np.uint8(255), np.uint8(0))

    assert not find_rimmed(image, faint(ink), np.zeros_like(ink), threshold=0.42).any()


def test_what_is_erased_already_counts_but_is_not_found_again() -> None:
    """Two strokes gone and a third faint: the third is found for the sake of the two."""
    image, ink, whole = drawn()
    erased = whole.copy()
    erased[:, 145:] = 0

    found = find_rimmed(image, faint(ink), erased, threshold=0.42)

    assert (found[:, 145:][ink[:, 145:] > 0] > 0).all()
    assert not found[:, :140].any()


def framed(*, border_px: int) -> tuple[Image, Mask]:
    """Strokes on paper, the first of which touches the border of its panel: the page, and the mask of the strokes."""
    image, ink = pages.blank(*SIZE_HW), np.zeros(SIZE_HW, np.uint8)
    for start, end in (((90, 30), (90, 170)), *STROKES[1:]):
        cv2.line(ink, start, end, 255, 11)
    image[ink > 0] = 0
    cv2.rectangle(image, (66, 30), (226, 200), (0, 0, 0), border_px)
    return image, ink


def test_the_border_that_a_letter_touches_is_left() -> None:
    """A panel's border and the sound that reaches it are one piece of ink, but of the border nothing was seen."""
    image, ink = framed(border_px=3)
    maps, erased = faint(ink), dilate(ink, 4)
    erased[:, 145:] = 0
    maps.text[(ink > 0) & (erased > 0)] = 250

    found = find_rimmed(image, maps, erased, threshold=0.42)

    assert (found[:, 145:][ink[:, 145:] > 0] > 0).all(), "the stroke that was faintly seen"
    assert not found[:, 220:].any()
    assert not found[195:].any()


def test_the_thin_border_of_a_letter_that_is_found_anew_is_left() -> None:
    """Letter and border are one piece of ink and all of it is new: what is thin and long is no part of the letter."""
    image, ink = framed(border_px=1)

    found = find_rimmed(image, faint(ink, 0.6), np.zeros_like(ink), threshold=0.42)

    assert (found[ink > 0] > 0).all()
    assert not found[:, 220:].any()
    assert not found[195:].any()


def test_maps_smaller_than_the_image_show_the_same_strokes() -> None:
    """A large page is looked at smaller."""
    image, ink, _ = drawn()
    size_wh = (SIZE_HW[1] * 3, SIZE_HW[0] * 3)
    large, large_ink = (cv2.resize(part, size_wh, interpolation=cv2.INTER_NEAREST) for part in (image, ink))
    maps = faint(ink)

    found = find_rimmed(large, TextMaps(maps.text, maps.region, 1 / 3), np.zeros_like(large_ink), threshold=0.42)

    assert (found[large_ink > 0] > 0).mean() > 0.99


def test_a_higher_threshold_wants_surer_strokes() -> None:
    """Who asks for what is sure does not get what is guessed."""
    image, ink, _ = drawn()

    assert not find_rimmed(image, faint(ink), np.zeros_like(ink), threshold=0.9).any()


def test_more_faint_text_on_a_page_does_not_hide_any() -> None:
    """Words over all of a large page, whose boxes run into each other: each is found."""
    image, ink, _ = drawn()
    page, all_ink = np.tile(image, (6, 10, 1)), np.tile(ink, (6, 10))
    size_wh = (page.shape[1] * 2, page.shape[0] * 2)
    large = cv2.resize(page, size_wh, interpolation=cv2.INTER_NEAREST)
    large_ink = cv2.resize(all_ink, size_wh, interpolation=cv2.INTER_NEAREST)
    text = faint(all_ink).text
    text[100, :] = text[:, 100] = 90  # one spot from end to end

    found = find_rimmed(large, TextMaps(text, text, 0.5), np.zeros_like(large_ink), threshold=0.42)

    assert (found[large_ink > 0] > 0).mean() > 0.99


def test_a_crop_too_large_for_the_memory_it_takes_is_not_looked_at() -> None:
    """No letter is so large that it needs more."""
    side = int(MAX_PIXELS**0.5) + 2
    nothing = np.zeros((side, side), np.uint8)

    assert not complete_rimmed(pages.blank(side, side), nothing, nothing).any()


def test_looking_stops_when_nobody_waits() -> None:
    """The check is asked before each spot."""
    image, ink, _ = drawn()

    def gone() -> None:
        raise ClientGone

    with pytest.raises(ClientGone):
        find_rimmed(image, faint(ink), np.zeros_like(ink), threshold=0.42, check=gone)


def test_a_sound_effect_that_was_only_guessed_is_erased_whole() -> None:
    """The step that makes the mask asks the picture where the network is unsure."""
    image, ink, _ = drawn()
    job = steps.Job(codec.decode(pages.png(image), max_pixels=10**6), Deadline())
    job.maps = faint(ink)

    steps.refine_strokes(job, 0.45, 3)

    assert job.mask is not None
    assert job.mask[ink > 0].min() == 255


def on_hair(rim_px: int = 6) -> tuple[Image, Mask, Mask]:
    """Letters in a white rim, half of each over black hair, half over a white face: page, ink, and ink with rims."""
    image, ink, whole = pages.blank(*SIZE_HW), np.zeros(SIZE_HW, np.uint8), np.zeros(SIZE_HW, np.uint8)
    image[: SIZE_HW[0] // 2] = 12
    for mask, thick in ((whole, 9 + 2 * rim_px), (ink, 9)):
        for x in (80, 150, 220):
            cv2.line(mask, (x, 50), (x + 20, 190), 255, thick)
    image[whole > 0] = 255
    image[ink > 0] = 0
    return image, ink, whole


def test_the_rest_of_a_rim_on_black_is_taken() -> None:
    """The mask ends in the middle of the rim: a fill would go on from what is left of it, in white."""
    image, ink, whole = on_hair()
    erased = cv2.dilate(ink, np.ones((7, 7), np.uint8))

    rest = complete_rims(image, erased, np.zeros_like(erased), reach_px=RIM_REST_PX)

    rim_on_hair = (whole > 0) & (erased == 0)
    rim_on_hair[SIZE_HW[0] // 2 - 8 :] = False
    assert (rest[rim_on_hair] > 0).mean() > 0.95
    assert not rest[SIZE_HW[0] // 2 + 12 :].any(), "on the face white is the ground"


@pytest.mark.parametrize("gap_px", [3, 6, 12])
def test_the_white_between_text_and_an_outline_is_no_rim(gap_px: int) -> None:
    """A bubble's outline is a line and no ground, however near the letters come."""
    image = pages.blank(*SIZE_HW)
    cv2.ellipse(image, (160, 120), (110, 80), 0, 0, 360, (0, 0, 0), 3, cv2.LINE_AA)
    erased = np.zeros(SIZE_HW, np.uint8)
    cv2.ellipse(erased, (160, 120), (108 - gap_px, 78 - gap_px), 0, 0, 360, 255, -1)

    assert not complete_rims(image, erased, np.zeros_like(erased), reach_px=RIM_REST_PX).any()


def test_a_wide_white_beside_black_is_no_rim() -> None:
    """Letters on a white board beside a black wall."""
    image = pages.blank(*SIZE_HW)
    image[:, 200:] = 0
    erased = np.zeros(SIZE_HW, np.uint8)
    erased[80:160, 60:180] = 255

    assert not complete_rims(image, erased, np.zeros_like(erased), reach_px=RIM_REST_PX).any()


def test_a_strip_of_bright_colour_above_a_black_border_is_no_rim() -> None:
    """A title that ends close above its panel's lower border leaves one there; a white one might be its rim."""
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    image[:160] = (228, 168, 132)
    erased = np.zeros(SIZE_HW, np.uint8)
    erased[120:157, 20:300] = 255

    assert not complete_rims(image, erased, np.zeros_like(erased), reach_px=RIM_REST_PX).any()
    image[:160] = 255
    image[:117] = 0
    assert complete_rims(image, erased, np.zeros_like(erased), reach_px=RIM_REST_PX).any()


def test_the_soft_edge_of_a_panel_below_a_word_is_no_rim() -> None:
    """The title of a series stood 3 px above a panel of black hair, whose border came back as a black wave."""
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    image[:160] = 255
    image[160] = 200
    erased = np.zeros(SIZE_HW, np.uint8)
    erased[140:160, 60:260] = 255

    assert complete_rims(image, erased, np.zeros_like(erased), reach_px=RIM_REST_PX).any()
    assert not complete_rims(image, erased, erased, reach_px=RIM_REST_PX).any()
