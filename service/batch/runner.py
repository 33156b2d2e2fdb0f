"""The batch itself: pages through the pipeline on `slots` threads, few at a time, each finished on its own."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pydantic_core

from service.batch import report
from service.batch.chapters import Chapter, Page
from service.batch.ledger import Ledger
from service.batch.marks import MarkFinder
from service.batch.report import Row
from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.errors import ClientGone, ContentTooLarge, OutOfMemory, TextEraserError, UnsupportedFormat
from service.imaging import codec
from service.options import EraseOptions, MarkChoice

AHEAD = 2
"""Pages that wait for a slot, for each slot: enough that none is idle, few enough to stop soon."""

MENDABLE = (ContentTooLarge, UnsupportedFormat)
"""Failures that a setting or an extra mends, of which no key knows: the page is tried again."""


@dataclass(frozen=True)
class Wish:
    """What is to be done to every page."""

    options: EraseOptions
    masks: bool = False
    """Whether each page's mask is written too."""
    regions: bool = False
    """Whether each page's regions are written too."""
    marks: MarkChoice | None = None
    """What becomes of watermarks and page numbers; None treats them like any other text."""
    models: str = ""
    """What else results depend on: the models' checksums, the service's version."""

    def key(self, content: str) -> str:
        """The name of the result of the file with digest `content`."""
        words = [self.options.model_dump_json(), str(self.masks), str(self.regions), str(self.marks)]
        words += [self.models, content]
        return hashlib.sha256("\n".join(words).encode("utf-8")).hexdigest()

    def key_of(self, data: bytes) -> str:
        """The name of the result of a file of these bytes."""
        return self.key(hashlib.sha256(data).hexdigest())


@dataclass
class _Open:
    """A chapter that is being worked on."""

    chapter: Chapter
    key: str | None
    """Under which the whole chapter is finished; None where each page is finished for itself."""
    pages: int
    rows: list[Row] = field(default_factory=list)
    files: dict[Path, str] = field(default_factory=dict)
    transient: bool = False
    """Whether something failed that may go well another time."""


@dataclass(frozen=True)
class Result:
    """What became of one page."""

    row: Row
    files: Mapping[Path, str] = field(default_factory=dict)
    transient: bool = False


class Batch:
    """One run over chapters."""

    def __init__(self, eraser: Eraser, wish: Wish, ledger: Ledger, *, slots: int, max_pixels: int = 40_000_000) -> None:
        self._max_pixels = max_pixels
        self._eraser = eraser
        self._wish = wish
        self._ledger = ledger
        self._window = slots * (1 + AHEAD)
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="page")
        self._pending: deque[tuple[_Open, Future[Result]]] = deque()
        self._deadline = Deadline()

    def run(self, chapters: Sequence[Chapter]) -> Generator[Row, None, None]:
        """Work through the chapters; a row for each page, in order, as soon as it is done, then for what else was lost.

        Whoever stops listening stops the work; what is finished then stays finished.
        Raises InvalidOption where another run writes to the same place, OSError where results cannot be written.
        """
        with self._ledger.held():
            yield from self._run(chapters)

    def _run(self, chapters: Sequence[Chapter]) -> Generator[Row, None, None]:
        try:
            for chapter in chapters:
                for opened, future in self._begin(chapter):
                    self._pending.append((opened, future))
                    while len(self._pending) > self._window:
                        yield from self._next()
            while self._pending:
                yield from self._next()
        finally:
            self._deadline.stop(ClientGone("The batch was stopped."))
            self._pool.shutdown(cancel_futures=True)
            for opened, _ in self._pending:
                opened.chapter.close()

    def _begin(self, chapter: Chapter) -> Iterator[tuple[_Open, Future[Result]]]:
        try:
            key, rows = self._recall(chapter)
            if rows is not None:
                opened = _Open(chapter, None, len(rows))
                yield from ((opened, _settled(Result(_again(row)))) for row in rows)
                return
            pages = chapter.open()
        except (TextEraserError, OSError) as exc:
            yield _Open(chapter, None, 1), _settled(Result(report.failed(chapter.name, problem_of(exc))))
            return
        opened = _Open(chapter, key, len(pages))
        finder = (
            None if self._wish.marks is None else MarkFinder(self._eraser, [p.read for p in pages], self._wish.options)
        )
        for page in pages:
            yield opened, self._submit(page, finder)

    def _submit(self, page: Page, finder: MarkFinder | None) -> Future[Result]:
        return self._pool.submit(self._work, page, finder)

    def _recall(self, chapter: Chapter) -> tuple[str | None, tuple[Row, ...] | None]:
        """The key of a chapter that becomes one file, and its rows if it was finished under it. Raises OSError."""
        if chapter.output is None:
            return None, None
        with chapter.source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        key = self._wish.key(f"{digest} {chapter.output.name}")  # a PDF may be asked for as PDF or as CBZ
        return key, self._ledger.find(chapter.name, key)

    def _next(self) -> Sequence[Row]:
        """Wait for the page whose turn it is; with a chapter's last page the chapter is finished."""
        opened, future = self._pending.popleft()
        result = future.result()
        opened.rows.append(result.row)
        opened.files.update(result.files)
        opened.transient |= result.transient
        if len(opened.rows) < opened.pages:
            return [result.row]
        try:
            return [result.row, *self._finish(opened)]
        finally:
            opened.chapter.close()

    def _finish(self, opened: _Open) -> Sequence[Row]:
        """Put a chapter of one file together; if all of it is final, only that file counts from now on.

        Returns the rows of what was lost on the way.
        """
        if opened.key is None:
            return ()
        finished = opened.chapter.finish(opened.rows, self._ledger)
        if not opened.transient:
            state = self._ledger.folder
            files = {**opened.files, **finished.files}
            kept = {path: digest for path, digest in files.items() if not path.is_relative_to(state)}
            self._ledger.note(opened.chapter.name, opened.key, kept, [*opened.rows, *finished.lost])
            opened.chapter.clean()
        return finished.lost

    def _work(self, page: Page, finder: MarkFinder | None) -> Result:
        """On a thread of the pool: one page from its bytes to its files; whatever goes wrong is a row."""
        started = time.perf_counter()
        key = None
        try:
            data = page.read()
            key = self._wish.key_of(data)
            rows = self._ledger.find(page.name, key)
            if rows is not None:
                return Result(_again(rows[0]), self._ledger.files_of(page.name))
            outcome = erase_page(self._eraser, self._wish, data, finder, self._deadline, max_pixels=self._max_pixels)
            return self._keep(page, key, outcome, time.perf_counter() - started)
        except Exception as exc:  # noqa: BLE001  one page, whatever is the matter with it, is not the end of a batch
            return self._failed(page, key, problem_of(exc), time.perf_counter() - started)

    def _keep(self, page: Page, key: str, outcome: Outcome, seconds: float) -> Result:
        """Write what came out, and remember it. Raises OSError."""
        files = self._write(page, outcome)
        row = report.done(page.name, outcome, seconds)
        self._ledger.note(page.name, key, files, [row])
        return Result(row, files)

    def _failed(self, page: Page, key: str | None, error: TextEraserError, seconds: float) -> Result:
        """The row; what lies with the page itself is remembered, the rest is tried again next time."""
        row = report.failed(page.name, error, seconds)
        lasting = 400 <= error.status < 499 and not isinstance(error, MENDABLE)
        if key is not None and lasting:
            self._ledger.note(page.name, key, {}, [row])
        return Result(row, transient=not lasting)

    def _write(self, page: Page, outcome: Outcome) -> dict[Path, str]:
        assert outcome.image is not None
        files = {page.image: self._ledger.write(page.image, outcome.image.data)}
        if self._wish.masks:
            assert outcome.mask is not None
            files[page.mask] = self._ledger.write(page.mask, outcome.mask.data)
        if self._wish.regions:
            files[page.regions] = self._ledger.write(page.regions, _regions_json(outcome))
        return files


def erase_page(
    eraser: Eraser, wish: Wish, data: bytes, finder: MarkFinder | None, deadline: Deadline, *, max_pixels: int
) -> Outcome:
    """What is wished for one page, of the marks of its chapter too. Raises what `Eraser.erase` raises."""
    options, mask = wish.options, None
    if finder is not None and wish.marks is not None:
        marks = finder.marks(deadline, max_pixels=max_pixels)
        size_hw = codec.read_header(data, max_pixels=max_pixels).size_hw
        options, mask = marks.apply(wish.marks, options, size_hw)
    return eraser.erase(data, mask, options, deadline)


def problem_of(error: Exception) -> TextEraserError:
    """The problem that a page's row names."""
    if isinstance(error, TextEraserError):
        return error
    if isinstance(error, MemoryError):
        return OutOfMemory()
    return _unreadable(error) if isinstance(error, OSError) else TextEraserError(f"{type(error).__name__}: {error}")


def _regions_json(outcome: Outcome) -> bytes:
    """What `detect` would have said, and what was done: the answer of the API, in its words."""
    regions = [{**vars(region), "polygon": region.polygon.tolist()} for region in outcome.regions]
    return pydantic_core.to_json({"width": outcome.width, "height": outcome.height, "regions": regions}, indent=1)


def _again(row: Row) -> Row:
    return row.model_copy(update={"status": "skipped"}) if row.status == "done" else row


def _settled(result: Result) -> Future[Result]:
    future: Future[Result] = Future()
    future.set_result(result)
    return future


def _unreadable(error: OSError) -> TextEraserError:
    """A failure of the disk, not of the page: its status is ours, so it is tried again."""
    return TextEraserError(f"{error.filename or 'A file'}: {error.strerror or error}")
