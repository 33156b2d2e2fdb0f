"""Text in a bubble stands in a bubble, whatever the bubble's shape; text over art does not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.groups import Group, gather
from service.imaging.arrays import Image
from service.plan import make_plan
from tests import pages

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def art(height: int = 360, width: int = 420) -> Image:
    """Something dark and uneven, as panels are."""
    return pages.noise(height, width) // 2 + 40


def inside(clean: Image, word: tuple[str, int, int] = ("HELLO", 150, 180)) -> bool:
    """Whether the word on the page is said to stand in a bubble."""
    page = pages.lettered(clean, word, scale=1.2)
    [entry] = make_plan(page.image, page.ink, gather(page.ink), "auto").entries
    return entry.inside_bubble


def bubble(image: Image, centre: tuple[int, int] = (205, 168), axes: tuple[int, int] = (110, 60)) -> Image:
    """A white ellipse with an outline."""
    cv2.ellipse(image, centre, axes, 0, 0, 360, WHITE, -1)
    cv2.ellipse(image, centre, axes, 0, 0, 360, BLACK, 2, cv2.LINE_AA)
    return image


def test_a_closed_bubble() -> None:
    """The plain case."""
    assert inside(bubble(art()))


def test_a_bubble_without_outline() -> None:
    """White on art ends where the art begins."""
    image = art()
    cv2.ellipse(image, (205, 168), (110, 60), 0, 0, 360, WHITE, -1)

    assert inside(image)


def test_a_caption() -> None:
    """A tinted box."""
    image = art()
    cv2.rectangle(image, (120, 120), (300, 210), (250, 236, 190), -1)

    assert inside(image)


def test_a_tail_that_runs_into_a_neighbouring_bubble() -> None:
    """Two bubbles that are joined were once called art, both of them."""
    image = art()
    cv2.ellipse(image, (300, 300), (100, 50), 0, 0, 360, WHITE, -1)
    bubble(image)
    cv2.fillConvexPoly(image, np.array([[220, 215], [260, 215], [290, 270], [270, 270]]), WHITE)

    assert inside(image)


def test_a_bubble_that_is_open_to_the_gutter() -> None:
    """Its top melts into the white between two panels."""
    image = art()
    image[98:118] = 255
    cv2.ellipse(image, (205, 160), (110, 64), 0, 0, 360, WHITE, -1)

    assert inside(image)


def test_a_bubble_cut_by_the_page() -> None:
    """The page's edge closes it."""
    image = art()
    bubble(image, (60, 168))

    assert inside(image, ("HELLO", 4, 180))


@pytest.mark.parametrize("ground", ["art", "sky", "page"])
def test_text_over_art_stands_in_no_bubble(ground: str) -> None:
    """Noise, a wide soft gradient, a white page."""
    clean = {"art": art(), "sky": pages.gradient(900, 1000), "page": pages.blank(900, 1000)}[ground]
    word = ("CRASH", 150, 180) if ground == "art" else ("CRASH", 420, 460)

    assert not inside(clean, word)


def test_a_bubble_that_fills_a_small_picture() -> None:
    """Where what is looked at is the whole picture, rays tell: a panel's only bubble was called art."""
    image = np.full((300, 400, 3), 200, np.uint8)
    bubble(image, (200, 150), (140, 110))

    assert inside(image, ("HELLO ALL", 110, 165))


def test_a_word_on_a_bare_page_stands_in_no_bubble() -> None:
    """Plain ground that goes on to the picture's edge has no outline for the rays to meet."""
    assert not inside(np.full((300, 400, 3), 255, np.uint8), ("HELLO ALL", 110, 165))


@pytest.mark.parametrize(("outline_px", "expected"), [(10, True), (0, False)])
def test_a_line_across_a_large_scan(outline_px: int, expected: bool) -> None:  # noqa: FBT001
    """Looked at in every third pixel; what it stands in is told all the same."""
    image = np.full((1800, 3400, 3), 255, np.uint8)
    if outline_px:
        image[:] = (90, 90, 90)
        cv2.rectangle(image, (500, 600), (2900, 1200), WHITE, -1)
        cv2.rectangle(image, (500, 600), (2900, 1200), BLACK, outline_px)
    page = pages.lettered(image, ("A LINE OF WORDS ACROSS", 700, 950), scale=5)
    [entry] = make_plan(page.image, page.ink, [Group.of(page.ink)], "auto").entries

    assert entry.inside_bubble is expected
