"""PDF in, CBZ or clean PDF out; without the extra a reason."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from service.batch import pdf
from service.batch.chapters import find_chapters
from service.batch.ledger import Ledger
from service.eraser import Outcome
from service.errors import CorruptImage, InvalidOption
from tests.batch.test_runner import run
from tests.fakes import FakeEraser

SIZES_PT = [(72.0, 144.0), (100.5, 60.25), (595.0, 842.0)]


def write_pdf(path: Path, count: int) -> None:
    """Pages of 72 x 144 pt, each of another gray."""
    sheets = [PillowImage.new("L", (200, 400), 40 * number) for number in range(1, count + 1)]
    sheets[0].save(path, "PDF", save_all=True, append_images=sheets[1:], resolution=200)


def write_book(path: Path) -> None:
    """A titled file with a page of each of SIZES_PT: noise, and a page's number in gray."""
    pikepdf = pytest.importorskip("pikepdf")
    with pikepdf.new() as book:
        for number, (width, height) in enumerate(SIZES_PT):
            book.add_blank_page(page_size=(width, height))
            gray = f"0.{number + 2} g 0 0 {width / 2} {height} re f".encode()
            book.pages[-1].Contents = pikepdf.Stream(book, gray)
        book.docinfo["/Title"] = "Räuber, 山賊"
        book.save(path)


def pages_of(path: Path) -> list[tuple[tuple[float, float], str, bytes]]:
    """Of each page its size in pt, its only picture's filter, and the picture as a file or as raw samples."""
    pikepdf = pytest.importorskip("pikepdf")
    found = []
    with pikepdf.open(path) as book:
        for page in book.pages:
            (picture,) = page.get_images().values()
            is_jpeg = picture.Filter == "/DCTDecode"
            data = bytes(picture.read_raw_bytes() if is_jpeg else picture.read_bytes())
            size = (float(page.mediabox[2]), float(page.mediabox[3]))
            found.append((size, str(picture.Filter), data))
    return found


def rendered(path: Path) -> list[bytes]:
    """The pages as the batch sees them."""
    pages = pdf.PdfPages(path)
    drawn = [pages.read(number) for number in range(pages.count)]
    pages.close()
    return drawn


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


def test_a_pdf_becomes_a_clean_pdf_without_loss(tmp_path: Path) -> None:
    """Same sizes in points, order and title; the samples are those of the results; the second run does nothing."""
    write_book(tmp_path / "book.pdf")
    paths = (tmp_path / "book.pdf", tmp_path / "clean.pdf")

    rows, eraser = run(FakeEraser(), paths), FakeEraser()
    again = run(eraser, paths)

    assert [row.status for row in rows + again] == ["done"] * 3 + ["skipped"] * 3
    assert eraser.calls == []
    found = pages_of(paths[1])
    assert [(size, kind) for size, kind, _ in found] == [(size, "/FlateDecode") for size in SIZES_PT]
    for (_, _, samples), png in zip(found, rendered(paths[0]), strict=True):
        assert samples == np.asarray(PillowImage.open(io.BytesIO(png))).tobytes()
    clean = pdf.PdfPages(paths[1])
    assert clean.title == "Räuber, 山賊"
    clean.close()


def test_jpeg_pages_stand_in_the_pdf_byte_for_byte(tmp_path: Path) -> None:
    """A page that the pipeline made a JPEG is not encoded again."""
    write_book(tmp_path / "book.pdf")
    jpegs = []

    class JpegEraser(FakeEraser):
        def erase(self, data: bytes, *args: object, **named: object) -> Outcome:
            outcome = super().erase(data, *args, **named)
            file = io.BytesIO()
            PillowImage.open(io.BytesIO(data)).save(file, "JPEG", quality=77)
            jpegs.append(file.getvalue())
            return replace(outcome, image=replace(outcome.image, data=file.getvalue()))

    run(JpegEraser(), (tmp_path / "book.pdf", tmp_path / "clean.pdf"), format="jpeg")

    assert sorted(data for _, _, data in pages_of(tmp_path / "clean.pdf")) == sorted(jpegs)


def test_the_same_pages_make_the_same_file(tmp_path: Path) -> None:
    """Byte for byte, with more pages than are held at a time: a batch that was stopped ends as one that was not."""
    pytest.importorskip("img2pdf")
    write_pdf(tmp_path / "book.pdf", 2 * pdf.PAGES_AT_A_TIME + 1)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in "ab":
        run(FakeEraser(), (tmp_path / "book.pdf", tmp_path / folder / "clean.pdf"))

    assert len(pages_of(tmp_path / "a" / "clean.pdf")) == 2 * pdf.PAGES_AT_A_TIME + 1
    assert (tmp_path / "a" / "clean.pdf").read_bytes() == (tmp_path / "b" / "clean.pdf").read_bytes()
    left = {path.name for path in (tmp_path / "a").rglob("*") if path.is_file()}
    assert left == {"clean.pdf", "ledger.jsonl", "lock"}


def test_a_page_that_fails_stays_in_the_pdf_as_it_was(tmp_path: Path) -> None:
    """Rendered, in its place; the report has the reason."""
    write_book(tmp_path / "book.pdf")
    left = [None, None, CorruptImage("broken")]

    def fail() -> None:
        if (reason := left.pop()) is not None:
            raise reason

    rows = run(FakeEraser(failure=fail), (tmp_path / "book.pdf", tmp_path / "clean.pdf"))

    assert sorted(row.status for row in rows) == ["done", "done", "failed"]
    assert [size for size, _, _ in pages_of(tmp_path / "clean.pdf")] == SIZES_PT


def test_pdfs_in_a_folder_become_what_is_asked_for(tmp_path: Path) -> None:
    """CBZ, or PDF; and asked for the other kind later, both are there."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    write_book(tmp_path / "in" / "deep" / "book.pdf")
    ledger = Ledger(tmp_path / "out" / ".text-eraser")

    def places(**kind: str) -> list[Path]:
        chapters = find_chapters(tmp_path / "in", tmp_path / "out", "same", ledger, **kind)
        return [place.relative_to(tmp_path) for chapter in chapters for place in chapter.places]

    assert places() == [Path("out/deep/book.cbz")]
    assert places(pdf_as="pdf") == [Path("out/deep/book.pdf")]
    for kind in ("cbz", "pdf"):
        run(FakeEraser(), (tmp_path / "in", tmp_path / "out"), pdf_as=kind)
        assert (tmp_path / "out" / "deep" / f"book.{kind}").is_file()


@pytest.mark.parametrize(
    ("source", "out", "format_", "words"),
    [
        ("book.pdf", "clean.pdf", "webp", "holds PNG and JPEG"),
        ("book.pdf", "clean.pdf", "psd", "'psd': a PDF holds PNG and JPEG"),
        ("book.cbz", "clean.pdf", "same", "only a PDF becomes a PDF"),
        (".", "clean.pdf", "same", "a folder becomes a folder"),
    ],
)
def test_a_pdf_that_cannot_be_made_is_refused_before_any_work(
    tmp_path: Path, source: str, out: str, format_: str, words: str
) -> None:
    """With what is expected instead."""
    for name in ("book.pdf", "book.cbz"):
        (tmp_path / name).write_bytes(b"x")

    with pytest.raises(InvalidOption, match=words):
        find_chapters(tmp_path / source, tmp_path / out, format_, Ledger(tmp_path / "state"))


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

    for out in ("out", "out.pdf"):
        (row,) = run(FakeEraser(), (tmp_path / "book.pdf", tmp_path / out))
        assert "pip install '.[pdf]'" in str(row.detail)
