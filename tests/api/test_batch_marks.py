"""What repeats on the pages of a chapter: found before the first page, kept or erased."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from service.api import batch
from tests import pages
from tests.api.chapters import opened, send
from tests.batch.drawn import archive
from tests.batch.test_marks import COUNT, MARK, NUMBER, PALE, chapter_page, lettered
from tests.fakes import app_of, client_of

pytestmark = pytest.mark.anyio


def lettered_chapter() -> bytes:
    """The chapter of the tests of marks."""
    return archive(*[(f"{number}.png", pages.png(chapter_page(number))) for number in range(COUNT)])


async def test_marks_are_found_before_the_first_page_and_kept() -> None:
    """Watermark and number stay on every page; the words go."""
    eraser, upload = lettered(), lettered_chapter()

    with opened(await send(client_of(app_of(eraser)), upload, marks="keep")) as reader:
        for number in range(COUNT):
            page, result = chapter_page(number), pages.pixels_of(reader.read(f"{number}.png"))
            assert np.array_equal(result[MARK], page[MARK])
            assert np.array_equal(result[NUMBER], page[NUMBER])
            assert (result[60:245] == 255).all()
        assert json.loads(reader.read("report.json"))["options"]["marks"] == "keep"


async def test_marks_are_erased_where_one_page_alone_would_not_show_them() -> None:
    """As the command line does."""
    eraser, upload = lettered(), lettered_chapter()
    client = client_of(app_of(eraser))

    with opened(await send(client, upload)) as usual, opened(await send(client, upload, marks="erase")) as reader:
        assert pages.pixels_of(usual.read(f"{PALE}.png"))[MARK].min() < 200
        for number in range(COUNT):
            assert pages.pixels_of(reader.read(f"{number}.png"))[MARK].min() > 200


async def test_pages_that_cannot_be_looked_at_do_not_hide_the_marks() -> None:
    """A broken page is a row; what the others share is still found."""
    eraser, upload = lettered(), lettered_chapter()
    with zipfile.ZipFile(io.BytesIO(upload)) as reader:
        members = [(name, reader.read(name)) for name in reader.namelist()]
    members[2] = ("2.png", b"no image")

    with opened(await send(client_of(app_of(eraser)), archive(*members), marks="keep")) as reader:
        assert np.array_equal(pages.pixels_of(reader.read("5.png"))[MARK], chapter_page(5)[MARK])
        assert reader.read("2.png") == b"no image"


async def test_pages_are_not_done_by_halves_where_marks_cannot_be_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """They stay as they were, with the reason; the answer is whole."""
    eraser, upload = lettered(), lettered_chapter()

    def fail(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(batch, "find_marks", fail)

    with opened(await send(client_of(app_of(eraser)), upload, marks="keep")) as reader:
        rows = json.loads(reader.read("report.json"))["pages"]
        assert reader.read("0.png") == pages.png(chapter_page(0))
    assert {row["problem"] for row in rows} == {"out-of-memory"}
