"""PDF files as pages to erase: each is rendered, since what a PDF draws is not one picture. An optional extra."""

from __future__ import annotations

import io
import math
import threading
from importlib.util import find_spec
from pathlib import Path

from service.errors import CorruptImage, InvalidOption

PDF = ".pdf"
DPI = 200
"""Resolution of the rendered pages: letters of 8 pt are 22 px high."""
MAX_PIXELS = 40_000_000
"""A larger page is rendered smaller."""
_ONE_AT_A_TIME = threading.Lock()
"""PDFium may not be called from two threads at once, not even for two files."""


class PdfPages:
    """The pages of a PDF file. Safe to read from several threads."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidOption where the extra is not installed, CorruptImage if the file is no PDF or is locked."""
        if find_spec("pypdfium2") is None:
            raise InvalidOption(f"{path.name}: PDF needs the extra: pip install 'text-eraser[pdf]'")
        import pypdfium2  # noqa: PLC0415  an optional extra

        self._error = pypdfium2.PdfiumError
        with _ONE_AT_A_TIME:
            try:
                self._document = pypdfium2.PdfDocument(path)
            except pypdfium2.PdfiumError as exc:
                raise CorruptImage(f"{path.name} cannot be read as PDF: {exc}.") from exc
            self.count = len(self._document)
        if self.count == 0:
            raise CorruptImage(f"{path.name} has no page.")

    def name(self, number: int) -> str:
        """The name of page `number`, from 0, as an image: names sort as pages do."""
        return f"page-{number + 1:0{max(4, len(str(self.count)))}}.png"

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
                raise CorruptImage(f"Page {number + 1} cannot be drawn: {exc}.") from exc
        file = io.BytesIO()
        image.convert("RGB").save(file, "PNG", compress_level=1, dpi=(DPI, DPI))
        return file.getvalue()

    def close(self) -> None:
        """Let go of the file."""
        with _ONE_AT_A_TIME:
            self._document.close()
