"""PDF in, CBZ out; without the extra a reason."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from service.batch import pdf
from tests.batch.test_runner import run
from tests.fakes import FakeEraser


def write_pdf(path: Path, count: int) -> None:
    """Pages of 72 x 144 pt, each of another gray."""
    sheets = [PillowImage.new("L", (200, 400), 40 * number) for number in range(1, count + 1)]
    sheets[0].save(path, "PDF", save_all=True, append_images=sheets[1:], resolution=200)


def test_a_pdf_becomes_an_archive_of_its_pages(tmp_path: Path) -> None:
    """Rendered at 200 dpi, in order; the second run does nothing."""
    pytest.importorskip("pypdfium2")
    write_pdf(tmp_path / "book.pdf", 3)
    paths = (tmp_path / "book.pdf", tmp_path / "out")

    rows, eraser = run(FakeEraser(), paths), FakeEraser()
    again = run(eraser, paths)

    assert [row.page for row in rows] == [f"book.pdf/page-000{number}.png" for number in (1, 2, 3)]
    assert [row.status for row in again] == ["skipped"] * 3
    assert eraser.calls == []
    with zipfile.ZipFile(tmp_path / "out" / "book.cbz") as reader:
        sheets = [PillowImage.open(io.BytesIO(reader.read(name))) for name in reader.namelist()]
    assert [(sheet.size, sheet.getpixel((9, 9))) for sheet in sheets] == [
        ((200, 400), (40 * number,) * 3) for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7\n%%EOF"])
def test_a_broken_pdf_is_a_row(tmp_path: Path, data: bytes) -> None:
    """And not the end."""
    pytest.importorskip("pypdfium2")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "book.pdf").write_bytes(data)

    (row,) = run(FakeEraser(), (tmp_path / "in", tmp_path / "out"))

    assert (row.status, row.problem) == ("failed", "corrupt-image")


def test_without_the_extra_the_reason_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row, with what to install."""
    (tmp_path / "book.pdf").write_bytes(b"%PDF")
    monkeypatch.setattr(pdf, "find_spec", lambda _: None)

    (row,) = run(FakeEraser(), (tmp_path / "book.pdf", tmp_path / "out"))

    assert "text-eraser[pdf]" in str(row.detail)
