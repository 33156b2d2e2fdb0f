"""Watermarks and page numbers: found once over a chapter, then kept or erased on every page of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from service.batch.chapters import find_chapters, state_folder
from service.batch.ledger import Ledger
from service.batch.marks import SAMPLED_PAGES, Look, find_marks
from service.batch.runner import Batch, Wish
from service.eraser import Eraser
from service.imaging.arrays import Image
from service.inpainter import Inpainter
from service.options import EraseOptions, MarkChoice
from service.segmenter import TextSegmenter
from tests import pages
from tests.fakes import FakeGraph, dark_is_text, paints

COUNT = 8
PALE = 7
"""The page whose watermark is too pale to be seen alone."""
MARK, NUMBER = np.s_[250:300, 120:260], np.s_[5:35, 5:60]


def chapter_page(number: int) -> Image:
    """A word somewhere, the page's number top left, the same watermark bottom right."""
    image = pages.blank(300, 260)
    word_xy = (30 + 90 * (number % 2), 80 + 20 * number)
    cv2.putText(image, "TEXT", word_xy, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2)
    cv2.putText(image, f"1{number}", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 2)
    level = 170 if number == PALE else 60
    cv2.putText(image, "site.org", (130, 280), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (level, level, level), 2)
    return image


def lettered(graph: FakeGraph | None = None) -> Eraser:
    """An eraser to which all that is dark is text."""
    parts = {"text-segmentation": TextSegmenter(graph or dark_is_text())}, {"inpainting": Inpainter(paints(9, 9, 9))}
    return Eraser(*parts, max_pixels=10**6)


def run(tmp_path: Path, marks: MarkChoice | None) -> tuple[dict[int, Image], FakeGraph]:
    """The chapter's results by page, and the graph that looked."""
    source, out = tmp_path / "in", tmp_path / f"out-{marks}"
    source.mkdir(exist_ok=True)
    for number in range(COUNT):
        (source / f"{number}.png").write_bytes(pages.png(chapter_page(number)))
    graph = dark_is_text()
    eraser = lettered(graph)
    ledger = Ledger(state_folder(source, out))
    wish = Wish(EraseOptions(), marks=marks)
    rows = list(Batch(eraser, wish, ledger, slots=2).run(find_chapters(source, out, "same", ledger)))
    assert {row.status for row in rows} <= {"done", "skipped"}
    return {number: pages.pixels_of((out / f"{number}.png").read_bytes()) for number in range(COUNT)}, graph


def test_marks_are_kept_on_every_page(tmp_path: Path) -> None:
    """Watermark and number stay as they were; the words go."""
    results, _ = run(tmp_path, "keep")

    for number, result in results.items():
        page = chapter_page(number)
        assert np.array_equal(result[MARK], page[MARK])
        assert np.array_equal(result[NUMBER], page[NUMBER])
        assert (result[60:245] == 255).all()


def test_marks_are_erased_on_every_page(tmp_path: Path) -> None:
    """Where the watermark alone would have been overlooked, too."""
    usual, _ = run(tmp_path, None)
    results, _ = run(tmp_path, "erase")

    assert usual[PALE][MARK].min() < 200
    for result in results.values():
        assert result[MARK].min() > 200


def test_marks_are_looked_for_once(tmp_path: Path) -> None:
    """A few pages are looked at once more; the second run looks at none."""
    looks = [len(run(tmp_path, "keep")[1].shapes) for _ in range(2)]

    assert looks == [COUNT + SAMPLED_PAGES, 0]


@pytest.mark.parametrize(("seen", "found"), [(2, 0), (3, 1), (5, 1)])
def test_a_mark_is_what_enough_pages_share(seen: int, found: int) -> None:
    """Three of five pages, and never fewer than three."""
    mask = np.zeros((100, 100), np.uint8)
    looks = [
        Look.of([(0.8, 0.9, 0.95, 0.95)] if page < seen else [(0.1, 0.1 * page, 0.3, 0.1 * page + 0.05)], mask)
        for page in range(5)
    ]

    assert len(find_marks(looks).places) == found
    assert find_marks([Look.of([], mask)] * 5).places == ()


def test_a_look_keeps_its_mask_in_an_eighth_of_the_room() -> None:
    """Whatever the size; the looks of several large pages are held at a time."""
    mask = np.where(np.random.default_rng(1).random((37, 51)) < 0.3, np.uint8(255), np.uint8(0))

    look = Look.of([], mask)

    assert np.array_equal(look.is_text, mask > 0)
    assert len(look.packed) == -(-mask.size // 8)
