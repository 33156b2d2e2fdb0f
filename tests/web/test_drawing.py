"""Comparing, keeping texts and painting on the picture, by pointer and by keys, in a browser against a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.web.conftest import DOT, SIZE, comic
from tests.web.hands import Download, Upload, Visit, at, choose_tool, drag, mask_of, pixels

if TYPE_CHECKING:
    pass

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BLANK = (60, 580, 300, 620)
"""A place of the page where nothing is drawn."""


def test_the_slider_is_moved_by_keys_and_by_hand(visit: Visit, upload: Upload) -> None:
    """It says in words where it stands."""
    page = visit()
    upload(page, page__png=comic())
    slider = page.get_by_role("slider", name="Before and after")

    slider.focus()
    for key, said in (
        ("ArrowRight", "51 % before, 49 % after"),
        ("Shift+ArrowLeft", "41 % before, 59 % after"),
        ("PageUp", "51 % before, 49 % after"),
        ("Home", "0 % before, 100 % after"),
        ("End", "100 % before, 0 % after"),
    ):
        page.keyboard.press(key)
        assert slider.get_attribute("aria-valuetext") == said

    drag(page, at(page, SIZE[0] - 1, 300), at(page, SIZE[0] / 4, 300))
    assert slider.get_attribute("aria-valuenow") == "25"


def test_a_kept_region_and_a_stroke_are_obeyed_to_the_pixel(visit: Visit, upload: Upload, download: Download) -> None:
    """Untick one region, paint over something else, apply: the first is the upload's again, the second is gone."""
    page = visit()
    answers: list[dict[str, str]] = []
    page.on("response", lambda response: answers.append(response.headers))
    upload(page, page__png=comic())
    _, first_mask = download(page, "Download mask")
    top = mask_of(first_mask).copy()
    top[260:] = False

    boxes = page.get_by_role("checkbox")
    count = boxes.count()
    assert count >= 2
    boxes.first.uncheck()
    choose_tool(page, "Brush")
    page.locator("#size").fill("60")
    y = (DOT[1] + DOT[3]) / 2
    drag(page, at(page, DOT[0] - 10, y), at(page, DOT[2] + 10, y))
    page.get_by_role("button", name="Apply changes").click()
    page.wait_for_selector("#pending", state="hidden")
    _, image = download(page, "Download image")
    _, mask = download(page, "Download mask")

    steps = [answer["server-timing"] for answer in answers if "server-timing" in answer]
    assert ["segment;" in step for step in steps] == [True, False], "text was looked for again"
    before, after, erased = pixels(comic()), pixels(image), mask_of(mask)
    assert not erased[:260].any()
    assert np.array_equal(before[~erased], after[~erased])
    x0, y0, x1, y1 = DOT
    assert erased[y0:y1, x0:x1].all()
    assert after[y0:y1, x0:x1].mean() > 180
    assert np.array_equal(mask_of(first_mask)[260:500], erased[260:500])
    assert page.get_by_role("checkbox").count() == count + 1
    assert page.get_by_role("checkbox", checked=False).count() == 1


def test_a_kept_region_can_be_erased_again(visit: Visit, upload: Upload, download: Download) -> None:
    """Kept, applied, ticked, applied: the mask is the one that came first."""
    page = visit()
    upload(page, page__png=comic())
    first = download(page, "Download mask")[1]
    box = page.get_by_role("checkbox").first

    box.uncheck()
    kept = download(page, "Download mask")[1]  # applies first
    page.get_by_role("checkbox", checked=False).check()
    again = download(page, "Download mask")[1]

    assert mask_of(kept).sum() < mask_of(first).sum()
    assert np.array_equal(mask_of(again), mask_of(first))


def test_a_click_on_the_picture_keeps_a_region(visit: Visit, upload: Upload) -> None:
    """Outline and checkbox are one switch; the outlines can be put away."""
    page = visit()
    upload(page, page__png=comic())
    boxes = page.get_by_role("checkbox")
    page.get_by_role("slider", name="Before and after").press("Home")

    page.locator("#outlines path").first.click()
    assert not boxes.first.is_checked()
    page.locator("#outlines path").first.click()
    assert boxes.first.is_checked()

    page.get_by_role("button", name="Regions").click()
    assert page.locator("#outlines path").first.evaluate("path => getComputedStyle(path).stroke") == "none"


def test_painting_is_undone_and_redone(visit: Visit, upload: Upload, download: Download) -> None:
    """By button and by keys; undone to the beginning, there is nothing to apply."""
    page = visit()
    upload(page, page__png=comic())
    choose_tool(page, "Box")
    drag(page, at(page, BLANK[0], BLANK[1]), at(page, BLANK[2], BLANK[3]))
    pending = page.locator("#pending")
    assert pending.is_visible()

    page.get_by_role("button", name="Undo").click()
    assert pending.is_hidden()
    page.keyboard.press("Control+Shift+Z")
    assert pending.is_visible()

    erased = mask_of(download(page, "Download mask")[1])
    x0, y0, x1, y1 = BLANK
    assert erased[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].all()
    choose_tool(page, "Unmask")
    drag(page, at(page, x0, (y0 + y1) / 2), at(page, x1, (y0 + y1) / 2))
    erased = mask_of(download(page, "Download mask")[1])
    assert not erased[(y0 + y1) // 2, x0:x1].any()


def test_the_mask_is_painted_without_a_pointer(visit: Visit, upload: Upload, download: Download) -> None:
    """B takes the brush, arrows move it, Space paints."""
    page = visit()
    upload(page, page__png=comic())

    page.locator("#viewport").press("b")
    page.get_by_role("application").focus()
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Space")

    assert "Painted at 175, 0" in page.locator("#live").inner_text()
    assert mask_of(download(page, "Download mask")[1])[0, 175]
