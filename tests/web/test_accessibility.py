"""The page for those who use a screen reader, a small screen, a dark room or no animation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.web.conftest import comic

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def violations(page: Page) -> list[str]:
    """What axe-core finds, whatever its impact."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  the [browser] extra

    found = Axe().run(page).response["violations"]
    return [f"{rule['impact']} {rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(visit: Callable[..., Page], upload: Callable[..., None], scheme: str) -> None:
    """Empty, refusing, comparing, painting, with options open, after a failure."""
    page = visit(color_scheme=scheme)
    assert violations(page) == []

    upload(page, wait=False, drawing__svg=b"<svg/>")
    page.locator(".notice").wait_for()
    assert violations(page) == []

    upload(page, one__png=comic(), two__png=comic())
    assert violations(page) == []

    page.get_by_role("checkbox").first.uncheck()
    page.locator("#tools label", has_text="Brush").click()
    page.locator("#options summary").click()
    assert violations(page) == []

    upload(page, wait=False, cut__png=comic()[:4000])
    page.locator("#problem").wait_for()
    assert violations(page) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1280, 2400])
def test_nothing_is_cut_off_at_any_width(visit: Callable[..., Page], upload: Callable[..., None], width: int) -> None:
    """No sideways scrolling of the page, and every button lies inside it."""
    page = visit(viewport={"width": width, "height": 800}, has_touch=width < 800)
    upload(page, one__png=comic(), two__png=comic())
    for tool in ("compare", "brush"):
        page.locator(f"#tools input[value={tool}]").check(force=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        outside = page.evaluate(
            """() => [...document.querySelectorAll("button, input, summary, select")]
                .filter((part) => part.checkVisibility() && !part.closest(".unseen"))
                .filter((part) => !part.matches(".unseen") && part.getBoundingClientRect().right > innerWidth + 0.5)
                .map((part) => part.id || part.textContent)"""
        )
        assert outside == []


def test_all_of_it_is_reached_by_the_tab_key(visit: Callable[..., Page], upload: Callable[..., None]) -> None:
    """From the first link to the last download, with the focus to be seen at each stop."""
    page = visit()
    upload(page, page__png=comic())
    page.evaluate("document.body.focus()")
    stops = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => {
                const part = document.activeElement;
                const shown = part.closest("label") ?? part;
                const outline = [part, shown].some((each) => getComputedStyle(each).outlineStyle !== "none");
                return { name: part.id || part.name || part.type || part.tagName, outline };
            }"""
        )
        stops.add(stop["name"])
        assert stop["outline"] or stop["name"] == "BODY", stop

    assert {"docs-link", "add", "tool", "show-regions", "zoom-fit", "viewport", "handle"} <= stops
    assert {"checkbox", "SUMMARY", "get-image", "get-mask", "get-both"} <= stops


def test_what_happens_is_said_aloud(visit: Callable[..., Page], upload: Callable[..., None]) -> None:
    """The live region tells the end of the work and what was kept."""
    page = visit()
    upload(page, page__png=comic())

    assert page.get_by_role("status").inner_text().startswith("page.png: done, ")
    page.get_by_role("checkbox").first.uncheck()
    assert "1 region kept" in page.get_by_role("status").inner_text()


def test_nothing_moves_for_those_who_asked_for_that(visit: Callable[..., Page], upload: Callable[..., None]) -> None:
    """With reduced motion, waiting is shown without animation."""
    page = visit(reduced_motion="reduce")
    page.route("**/v1/erase", lambda route: None)
    upload(page, wait=False, page__png=comic())

    page.locator("#busy").wait_for()
    assert page.locator(".bar").evaluate("bar => getComputedStyle(bar, '::after').animationName") == "none"
