"""From found ink to what is erased: whole glyphs, and no outline bitten."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import service.refine
from service.errors import InvalidOption
from service.imaging.arrays import Image, Mask
from service.imaging.masks import dilate
from service.refine import refine
from tests import pages


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 300), (80, 60)])
@pytest.mark.parametrize("dilate_px", [0, 3, 64])
def test_no_strokes_give_an_empty_mask(size_hw: tuple[int, int], dilate_px: int) -> None:
    """Where nothing was found nothing is erased, whatever the page shows."""
    mask = refine(pages.noise(*size_hw), np.zeros(size_hw, np.uint8), dilate_px=dilate_px)

    assert mask.shape == size_hw
    assert not mask.any()


def test_a_negative_growth_is_refused() -> None:
    """InvalidOption names the value seen."""
    with pytest.raises(InvalidOption, match="-1"):
        refine(pages.blank(8, 8), np.full((8, 8), 255, np.uint8), dilate_px=-1)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(0, 8), st.sampled_from(["blank", "noise", "tone", "gradient"]))
def test_a_mask_has_two_values_and_the_inputs_stay(seed: int, dilate_px: int, kind: str) -> None:
    """0 and 255 only; image and strokes are not written to."""
    rng = np.random.default_rng(seed)
    image = {"blank": pages.blank, "noise": pages.noise, "tone": pages.tone, "gradient": pages.gradient}[kind](90, 110)
    strokes = np.zeros((90, 110), np.uint8)
    for x, y, width, height in rng.integers([0, 0, 1, 1], [110, 90, 40, 30], (4, 4)):
        strokes[y : y + height, x : x + width] = 255
    image[strokes > 0] //= 4
    before = image.copy(), strokes.copy()

    mask = refine(image, strokes, dilate_px=dilate_px)

    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 255}
    assert np.array_equal(image, before[0])
    assert np.array_equal(strokes, before[1])


@pytest.mark.parametrize("dilate_px", [1, 3, 6])
def test_lettering_is_covered_to_its_softest_edge(dilate_px: int) -> None:
    """Every pixel that the letters changed is erased, though only their dark cores were found."""
    page = pages.bubble_page()

    mask = refine(page.image, page.core, dilate_px=dilate_px)

    assert (mask[page.ink > 0] == 255).all()


@pytest.mark.parametrize("dilate_px", [0, 3, 8])
def test_a_bubble_outline_right_next_to_text_is_kept(dilate_px: int) -> None:
    """The outline passes 4 px from the last letter: not one of its dark pixels is erased."""
    clean = pages.blank(160, 320)
    cv2.ellipse(clean, (160, 80), (120, 60), 0, 0, 360, (0, 0, 0), 3, cv2.LINE_AA)
    page = pages.lettered(clean, ("HELLO WORLD", 76, 90))
    outline_row = np.flatnonzero(clean[85, :, 0] < 128)
    shift = int(outline_row[outline_row > 160].min() - np.flatnonzero(page.ink.any(axis=0)).max()) - 5
    page = pages.lettered(clean, ("HELLO WORLD", 76 + shift, 90))
    gap = int(outline_row[outline_row > 160].min() - np.flatnonzero(page.ink.any(axis=0)).max())
    assert 3 <= gap <= 6

    mask = refine(page.image, page.core, dilate_px=dilate_px)

    assert not mask[clean[:, :, 0] < 128].any()
    assert (mask[page.core > 0] == 255).all()


def test_a_dot_that_the_network_missed_is_erased_with_its_word() -> None:
    """The full stop after "Mr" is too small for a network, and goes with the words around it all the same."""
    page = pages.lettered(pages.blank(120, 240), ("Mr", 60, 70), ("Fox", 102, 70))
    left = int(np.flatnonzero(page.ink[:, :98].any(axis=0)).max())
    right = int(np.flatnonzero(page.ink[:, 98:].any(axis=0)).min()) + 98
    image = page.image.copy()
    cv2.circle(image, ((left + right) // 2, 67), 2, (0, 0, 0), -1, cv2.LINE_AA)
    assert right - left > 8
    dot = (image != page.image).any(axis=2)

    mask = refine(image, page.core, dilate_px=3)

    assert (mask[dot] == 255).all()


def test_the_dots_that_trail_off_a_word_are_erased_to_the_last() -> None:
    """Of a column that ends in four dots the network saw the first; a dot that stands aside is none of them."""
    image, strokes = pages.blank(240, 120), np.zeros((240, 120), np.uint8)
    for top in (20, 60):
        strokes[top : top + 30, 45:51] = strokes[top + 12 : top + 18, 45:75] = 255
    image[strokes > 0] = 0
    for y in (104, 124, 144, 164):
        cv2.circle(image, (60, y), 4, (0, 0, 0), -1, cv2.LINE_AA)
    cv2.circle(image, (104, 164), 4, (0, 0, 0), -1, cv2.LINE_AA)
    cv2.circle(strokes, (60, 104), 4, 255, -1)

    mask = refine(image, strokes, dilate_px=3)

    ink = (image < 200).any(2)
    assert (mask[:, :80][ink[:, :80]] == 255).all()
    assert not mask[150:, 82:].any()


def test_dots_of_a_tone_are_not_taken_for_those_that_a_word_trails_off_in() -> None:
    """The network saw one dot of a tone for text: the others stay."""
    image, strokes = pages.blank(240, 120), np.zeros((240, 120), np.uint8)
    strokes[20:50, 45:51] = strokes[32:38, 45:75] = 255
    image[strokes > 0] = 0
    for x, y in ((x, y) for y in range(70, 130, 12) for x in range(20, 100, 12)):
        cv2.circle(image, (x, y), 4, (0, 0, 0), -1, cv2.LINE_AA)
    cv2.circle(strokes, (56, 70), 4, 255, -1)

    mask = refine(image, strokes, dilate_px=3)

    assert not mask[82:].any()
    assert not mask[60:, 68:].any()


def test_marks_of_a_drawing_around_a_word_are_no_dots_of_it() -> None:
    """Buttons and folds in the free corners of a text's box, more than it has of dots, stay."""
    page = pages.lettered(pages.blank(120, 320), ("HELLO", 40, 50), ("WORLD", 116, 78))
    marks = np.zeros((120, 320), np.uint8)
    for x, y in ((58, 70), (84, 72), (140, 44), (165, 46), (188, 44)):
        cv2.ellipse(marks, (x, y), (9, 6), 30, 0, 360, 255, -1)
    image = np.where(marks[..., None] > 0, np.uint8(0), page.image)

    mask = refine(image, page.core, dilate_px=3)

    assert (mask[page.ink > 0] == 255).all()
    assert not (mask & marks).any()


def test_what_stands_beside_a_sound_effect_is_no_dot_of_it() -> None:
    """Letters larger than those of speech stand in the drawing itself; a leaf in the corner of an L is no full stop."""
    page = pages.lettered(pages.blank(200, 320), ("LL", 40, 160), scale=4.5)
    image = page.image.copy()
    cv2.circle(image, (110, 80), 7, (0, 0, 0), -1)
    leaf = (image != page.image).any(axis=2)

    mask = refine(image, page.core, dilate_px=3)

    assert (mask[page.core > 0] == 255).all()
    assert not mask[leaf].any()


def test_a_dash_that_continues_a_line_is_erased_with_it() -> None:
    """A long thin stroke on the line of the text, which a network takes for drawing, goes with the word."""
    page = pages.lettered(pages.blank(120, 360), ("BUT", 60, 70))
    end = int(np.flatnonzero(page.ink.any(axis=0)).max())
    image = page.image.copy()
    image[60:63, end + 8 : end + 40] = 0

    mask = refine(image, page.core, dilate_px=3)

    assert (mask[60:63, end + 8 : end + 40] == 255).all()


def test_a_dash_of_which_the_network_saw_a_spot_is_erased_whole() -> None:
    """To the spot alone it runs on as an outline does: what lay around the spot was left of it."""
    page = pages.lettered(pages.blank(120, 420), ("BUT", 60, 70))
    end = int(np.flatnonzero(page.ink.any(axis=0)).max())
    image, strokes = page.image.copy(), page.core.copy()
    image[60:63, end + 8 : end + 68] = 0
    strokes[60:63, end + 34 : end + 38] = 255

    mask = refine(image, strokes, dilate_px=3)

    assert (mask[60:63, end + 8 : end + 68] == 255).all()


def test_a_panel_border_beside_a_word_is_no_dash() -> None:
    """A line that runs on to the page's edges is kept."""
    page = pages.lettered(pages.blank(120, 360), ("BUT", 60, 70))
    end = int(np.flatnonzero(page.ink.any(axis=0)).max())
    image = page.image.copy()
    image[:, end + 10 : end + 13] = 0

    mask = refine(image, page.core, dilate_px=3)

    assert not mask[:, end + 10 : end + 13].any()


@pytest.mark.parametrize("background", [255, 240])
def test_a_half_found_glyph_is_completed_on_paper(background: int) -> None:
    """Where the network saw the upper half of each letter, the lower half is erased too."""
    page = pages.lettered(pages.blank(120, 240, background), ("HELLO", 60, 75), scale=1.2)
    rows = np.flatnonzero(page.ink.any(axis=1))
    half = page.core.copy()
    half[(rows.min() + rows.max()) // 2 :] = 0

    mask = refine(page.image, half, dilate_px=3)

    assert (mask[page.ink > 0] == 255).all()


def test_without_growth_the_found_ink_is_still_erased() -> None:
    """`dilate_px=0` takes the glyphs and next to nothing beside them."""
    page = pages.bubble_page()

    mask = refine(page.image, page.core, dilate_px=0)

    assert (mask[page.core > 0] == 255).all()
    assert not mask[dilate(page.ink, 1) == 0].any()


@pytest.mark.parametrize("dilate_px", [0, 3, 5])
@pytest.mark.parametrize("scale", [1.2, 4.0])
def test_over_art_what_was_found_is_erased_with_its_margin_and_no_more(dilate_px: int, scale: float) -> None:
    """Where the background gives no help, what stands within a large O or between letters is art and stays."""
    size_hw = round(120 * scale), round(200 * scale)
    word = ("ODD", round(40 * scale), round(70 * scale))
    page = pages.lettered(pages.noise(*size_hw), word, scale=scale)
    strokes = pages.lettered(pages.blank(*size_hw), word, scale=scale).core

    mask = refine(page.image, strokes, dilate_px=dilate_px)

    assert np.array_equal(mask, dilate(strokes, dilate_px))


def test_specks_are_not_text() -> None:
    """A pixel or two that the network took for ink are left alone."""
    strokes = np.zeros((60, 60), np.uint8)
    strokes[20:22, 20:22] = 255

    assert not refine(pages.noise(60, 60), strokes, dilate_px=3).any()


def test_text_on_one_side_changes_nothing_on_the_other() -> None:
    """What is erased around one word does not depend on another word far from it."""
    left = pages.lettered(pages.blank(120, 640), ("HELLO", 30, 70))
    both = pages.lettered(pages.blank(120, 640), ("HELLO", 30, 70), ("THERE", 480, 70))

    alone, together = (refine(page.image, page.core, dilate_px=3) for page in (left, both))

    assert np.array_equal(alone[:, :300], together[:, :300])


def test_the_dots_of_a_tone_around_a_bubble_are_no_dots_of_its_text() -> None:
    """The text's box reaches past the bubble's corners; the tone that stands there is not erased."""
    clean = pages.blank(200, 320)
    for y in range(0, 200, 7):
        for x in range(3 * (y % 2), 320, 7):
            cv2.circle(clean, (x, y), 2, (0, 0, 0), -1)
    cv2.ellipse(clean, (160, 100), (112, 72), 0, 0, 360, (255, 255, 255), -1)
    page = pages.lettered(clean, ("HELLO", 96, 70), ("TO THE WORLD", 72, 105), ("HELLO", 96, 140))
    outside = np.full((200, 320), 255, np.uint8)
    cv2.ellipse(outside, (160, 100), (116, 76), 0, 0, 360, 0, -1)

    mask = refine(page.image, page.core, dilate_px=3)

    assert (mask[page.ink > 0] == 255).all()
    assert not (mask & outside).any()


def test_a_stray_hit_on_a_bubble_outline_bites_nothing_out_of_it() -> None:
    """The network saw a few pixels of text on the outline beside the word: the outline stays whole."""
    clean = pages.blank(160, 320)
    cv2.ellipse(clean, (160, 80), (120, 60), 0, 0, 360, (0, 0, 0), 3, cv2.LINE_AA)
    page = pages.lettered(clean, ("HELLO WORLD", 76, 90))
    strokes = page.core.copy()
    strokes[78:82, 278:282] = 255

    mask = refine(page.image, strokes, dilate_px=3)

    assert (mask[page.ink > 0] == 255).all()
    assert not mask[clean[:, :, 0] < 128].any()


def test_a_letter_that_touches_the_ground_beyond_its_caption_is_erased_whole() -> None:
    """White on a dark bar that ends in its first letter: little of the white that runs on is text: a letter."""
    page = pages.lettered(pages.blank(300, 500), ("RIGHT AWAY", 60, 160), scale=1.5)
    image = 255 - page.image
    bar = np.s_[120:170, 67:]
    beyond = np.ones(image.shape[:2], np.bool_)
    beyond[bar] = False
    image[beyond] = 255

    mask = refine(image, np.where(beyond, np.uint8(0), page.core), dilate_px=3)

    assert (mask[bar][page.core[bar] > 0] == 255).all()
    assert not mask[beyond & (dilate(page.core, 3) == 0)].any()


def test_the_tips_of_a_letter_that_touches_its_panel_are_erased_with_it() -> None:
    """The network saw it but for its tips; border and letter are one piece of ink, and most of that is border."""
    image = pages.blank(240, 320)
    cv2.rectangle(image, (40, 40), (319, 239), (0, 0, 0), 5)
    letter = np.zeros((240, 320), np.uint8)
    for start, end in (((100, 60), (150, 170)), ((170, 36), (90, 160))):
        cv2.line(letter, start, end, 255, 12)
    image[letter > 0] = 0
    strokes = letter.copy()
    strokes[:50] = strokes[162:] = 0
    strokes[:, :94] = 0

    mask = refine(image, strokes, dilate_px=6)

    inside = letter > 0
    inside[:44] = False
    assert (mask[inside & (dilate(strokes, 2) > 0)] > 0).all()
    assert not mask[100:200, 38:43].any(), "the border's other side stays"


@pytest.mark.parametrize("pen_px", [3, 9])
def test_a_title_that_touches_a_drawing_does_not_take_it_all(pen_px: int) -> None:
    """Its letters are a good part of a piece of ink that winds all over the panel: the panel went with the title."""
    image = pages.blank(560, 640)
    strokes = np.zeros((560, 640), np.uint8)
    for x in (180, 226, 272):
        cv2.rectangle(strokes, (x, 220), (x + 32, 340), 255, -1)
    image[strokes > 0] = 0
    cv2.line(image, (180, 280), (300, 280), (0, 0, 0), 3)
    drawing = [(180, 280), (60, 100), (430, 100), (430, 460), (60, 460), (60, 130)]
    cv2.polylines(image, [np.array(drawing, np.int32)], isClosed=False, color=(0, 0, 0), thickness=pen_px)

    mask = refine(image, strokes, dilate_px=4) > 0

    assert mask[strokes > 0].mean() > 0.99  # but where the lines touch the letters
    assert not mask[80:120].any()
    assert not mask[440:].any()


def test_a_shout_that_touches_its_panel_does_not_take_the_border_with_it() -> None:
    """Letters, border and the outline of a bubble are one piece of ink, more than half of which are letters."""
    image, letters = pages.blank(500, 420), np.zeros((500, 420), np.uint8)
    for start, end in (
        ((90, 300), (140, 440)),
        ((190, 300), (140, 440)),
        ((190, 300), (240, 440)),
        ((290, 300), (240, 440)),
    ):
        cv2.line(letters, start, end, 255, 40)
    cv2.rectangle(image, (20, 20), (400, 458), (0, 0, 0), 3)
    cv2.ellipse(image, (190, 160), (120, 125), 0, 0, 360, (0, 0, 0), 3)
    image[letters > 0] = 0

    mask = refine(image, letters, dilate_px=4)

    assert (mask[letters > 0] == 255).all()
    assert not mask[:240].any()
    assert not mask[:, 350:].any()


def test_it_is_asked_before_each_large_piece_whether_anybody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three frames within each other, each as wide as the page nearly: looking at one takes as long as at a page."""
    image, letters = pages.blank(700, 700), np.zeros((700, 700), np.uint8)
    for reach in (60, 180, 300):
        cv2.rectangle(letters, (350 - reach, 350 - reach), (350 + reach, 350 + reach), 255, 44)
    image[letters > 0] = 0
    asked: list[int] = []
    for least_px in (service.refine.MIN_FRAME_LENGTH_PX, letters.size):
        monkeypatch.setattr(service.refine, "MIN_FRAME_LENGTH_PX", least_px)
        times: list[None] = []
        refine(image, letters, dilate_px=4, check=lambda times=times: times.append(None))
        asked.append(len(times))

    assert asked[0] >= asked[1] + 3


def test_rims_are_looked_for_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is all text must not take its size times 27 bytes; what is found is what the whole would give."""
    image = pages.blank(300, 900)
    image[:] = 12
    rims, strokes = np.zeros(image.shape[:2], np.uint8), np.zeros(image.shape[:2], np.uint8)
    for x in range(30, 870, 24):
        cv2.line(rims, (x, 60), (x, 240), 255, 19)
        cv2.line(strokes, (x, 60), (x, 240), 255, 7)
    image[rims > 0] = 255
    image[strokes > 0] = 0
    seen: list[tuple[int, ...]] = []
    look = service.refine.complete_rims
    monkeypatch.setattr(service.refine, "TILE_PX", 400)

    def watched(crop: Image, erased: Mask, on_white: Mask, *, reach_px: int) -> Mask:
        seen.append(erased.shape)
        return look(crop, erased, on_white, reach_px=reach_px)

    monkeypatch.setattr(service.refine, "complete_rims", watched)
    tiled = refine(image, strokes, dilate_px=3)
    monkeypatch.undo()

    assert len(seen) > 1
    assert max(max(size) for size in seen) <= 400
    assert np.array_equal(tiled, refine(image, strokes, dilate_px=3))


def test_a_wide_growth_asked_for_takes_no_white_beyond_a_rim() -> None:
    """The white between a word and a black wall is ground, whatever the growth: only what it reaches itself goes."""
    image = pages.blank(240, 400)
    image[:, 314:] = 0
    strokes = np.zeros(image.shape[:2], np.uint8)
    cv2.line(strokes, (230, 60), (230, 180), 255, 9)
    image[strokes > 0] = 0

    mask = refine(image, strokes, dilate_px=64)

    assert mask[120, 290]
    assert not mask[:, 304:].any()


def test_a_word_close_above_a_black_panel_leaves_its_edge() -> None:
    """Its growth ends at the panel, whose soft edge is one row of gray."""
    image = pages.blank(240, 400)
    image[130:] = 0
    image[129] = 200
    strokes = np.zeros(image.shape[:2], np.uint8)
    for x in range(80, 320, 10):
        cv2.line(strokes, (x, 50), (x, 123), 255, 5)
    image[strokes > 0] = 0

    assert not refine(image, strokes, dilate_px=3)[129:].any()


def test_a_caption_keeps_its_frame_where_a_sound_touches_it() -> None:
    """Frame and sound are one piece of ink, whole within what is looked at, and most of it was seen."""
    image = pages.blank(240, 400)
    strokes, frame = (np.zeros(image.shape[:2], np.uint8) for _ in range(2))
    cv2.rectangle(frame, (100, 50), (200, 180), 255, 2)
    for end in ((290, 70), (290, 160)):
        cv2.line(strokes, (196, 115), end, 255, 7)
    for y in (80, 105, 130):
        cv2.putText(strokes, "caption", (115, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 2)
    image[(strokes | frame) > 0] = 0

    mask = refine(image, strokes, dilate_px=3)

    assert mask[strokes > 0].mean() > 0.97 * 255  # but where the frame runs through
    far = cv2.dilate(strokes, np.ones((15, 15), np.uint8)) == 0
    assert not mask[(frame > 0) & far].any()
