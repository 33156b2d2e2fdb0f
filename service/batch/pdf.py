"""PDF files as pages to erase, and clean pages as a PDF file. An optional extra.

Pages are rendered, since what a PDF draws is not one picture; in the clean file each is one picture, as it came out.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from service.errors import CorruptImage, InvalidOption

PDF = ".pdf"
DPI = 200
"""Resolution of the rendered pages: letters of 8 pt are 22 px high."""
MAX_PIXELS = 40_000_000
"""A larger page is rendered smaller."""
LEAST_PT = 3.0
"""Smallest side of a page that a PDF file may have."""
PAGES_AT_A_TIME = 16
"""So many clean pages are held in memory while a file is written."""
_ONE_AT_A_TIME = threading.Lock()
"""PDFium may not be called from two threads at once, not even for two files."""

SizePt = tuple[float, float]
"""Width and height of a page as it is shown, pt."""


class PdfPages:
    """The pages of a PDF file. Safe to read from several threads."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidOption where the extra is not installed, CorruptImage if the file is no PDF or is locked."""
        _check_extra("pypdfium2", path)
        import pypdfium2  # noqa: PLC0415  an optional extra

        self._error = pypdfium2.PdfiumError
        with _ONE_AT_A_TIME:
            try:
                self._document = pypdfium2.PdfDocument(path)
            except pypdfium2.PdfiumError as exc:
                raise CorruptImage(f"{path.name} cannot be read as PDF: {exc}.") from exc
            self.count = len(self._document)
            self.title = str(self._document.get_metadata_value("Title"))
        if self.count == 0:
            raise CorruptImage(f"{path.name} has no page.")

    def name(self, number: int) -> str:
        """The name of page `number`, from 0, as an image: names sort as pages do."""
        return f"page-{number + 1:0{max(4, len(str(self.count)))}}.png"

    def size_pt(self, number: int) -> SizePt:
        """Size of page `number`, from 0. Raises CorruptImage if the page cannot be loaded."""
        with _ONE_AT_A_TIME:
            try:
                page = self._document[number]
                width_pt, height_pt = page.get_size()
                page.close()
            except self._error as exc:
                raise _not_drawn(number, exc) from exc
        return width_pt, height_pt

    def read(self, number: int) -> bytes:
        """Page `number`, from 0, as a PNG file. Raises CorruptImage if it cannot be drawn."""
        with _ONE_AT_A_TIME:
            try:
                page = self._document[number]
                width_pt, height_pt = page.get_size()
                largest = math.sqrt(MAX_PIXELS / max(1.0, width_pt * height_pt)) * 0.99
                image = page.render(scale=min(DPI / 72, largest)).to_pil()
                page.close()
            except self._error as exc:
                raise _not_drawn(number, exc) from exc
        file = io.BytesIO()
        image.convert("RGB").save(file, "PNG", compress_level=1, dpi=(DPI, DPI))
        return file.getvalue()

    def close(self) -> None:
        """Let go of the file."""
        with _ONE_AT_A_TIME:
            self._document.close()


def check_writable(path: Path) -> None:
    """Raises InvalidOption where the extra that writes PDF files is not installed."""
    _check_extra("img2pdf", path)


def write_pdf(path: Path, pages: Iterator[tuple[bytes, SizePt]], *, title: str) -> None:
    """Write a PDF file of PNG and JPEG files, each filling a page of its size: without loss, a JPEG byte for byte.

    The same pages make the same file. Parts lie beside `path` for a while, so that memory does not grow with the book.
    """
    import img2pdf  # noqa: PLC0415  an optional extra
    import pikepdf  # noqa: PLC0415  comes with it

    with TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.") as folder, ExitStack() as parts:
        book = parts.enter_context(pikepdf.new())
        while group := list(islice(pages, PAGES_AT_A_TIME)):
            part = Path(folder) / f"{len(book.pages):06}"
            sizes = iter([_allowed(size) for _, size in group])
            with part.open("wb") as file:
                img2pdf.convert(
                    [data for data, _ in group],
                    # Width and height of the page, then of the picture on it.
                    layout_fun=lambda *_, sizes=sizes: next(sizes) * 2,
                    outputstream=file,
                    nodate=True,
                )
            book.pages.extend(parts.enter_context(pikepdf.open(part)).pages)
        if title:
            book.docinfo[pikepdf.Name.Title] = title
        book.save(path, deterministic_id=True)


def _allowed(size: SizePt) -> SizePt:
    return max(LEAST_PT, size[0]), max(LEAST_PT, size[1])


def _check_extra(library: str, path: Path) -> None:
    if find_spec(library) is None:
        raise InvalidOption(
            f"{path.name}: PDF needs the extra `pdf`: pip install '.[pdf]' in a copy of Text Eraser's repository"
        )


def _not_drawn(number: int, error: Exception) -> CorruptImage:
    return CorruptImage(f"Page {number + 1} cannot be drawn: {error}.")
