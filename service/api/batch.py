"""`POST /v1/batch`: a chapter goes in as an archive, and comes back page by page while the rest is worked on."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, aclosing, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pydantic_core
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

import service
from service.api import jobs, uploads
from service.api.accept import BYTES, accept_of, choose
from service.api.answers import PIECE_BYTES
from service.api.jobs import Backend, backend_of
from service.api.problems import documented
from service.api.schemas import files
from service.batch import report
from service.batch.archives import GIB, Archive, ArchiveLimits, ArchiveStream, Member
from service.batch.marks import Look, Marks, find_marks, look_at, sampled
from service.batch.report import Report, Row
from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.errors import ArchiveRefused, ClientGone, NotReady, OutOfMemory, TextEraserError, TooManyBytes
from service.files import result_name
from service.http.middleware import record_of
from service.imaging import codec
from service.options import ONE_PAGE_ONLY, EraseOptions, MarkChoice
from service.telemetry import ImageRecord

PATHS = frozenset({"/v1/batch", "/batch"})
"""Where uploads are counted apart from those of single pages."""
CBZ, ZIP, EVENTS = "application/vnd.comicbook+zip", "application/zip", "application/x-ndjson"
REPORT = "report.json"
"""The last member of an answer."""
LIMITS = ArchiveLimits(max_total_bytes=2 * GIB)
AHEAD = 1
"""Pages that wait beside those being worked on: the next one is at hand, and a slow reader stops the work."""

T = TypeVar("T")

router = APIRouter(tags=["chapters"])


@dataclass
class _Done:
    """A member of the archive that is ready to be sent."""

    member: Member
    data: bytes | None
    """None where it could not even be read, or is too large to be held."""
    is_too_large: bool = field(default=False, kw_only=True)
    """Whether it goes over piece by piece, from the archive itself."""
    row: Row | None = None
    """None where it is no page, and goes over as it is."""
    media_type: str | None = None
    page: ImageRecord = field(default_factory=ImageRecord)


@dataclass
class _Chapter:
    """What one request works on."""

    request: Request
    backend: Backend
    eraser: Eraser
    archive: Archive
    options: EraseOptions
    mark_choice: MarkChoice | None
    page_timeout_s: float
    open_files: ExitStack
    """Holds the upload; closed when the answer is over."""
    stop: Deadline = field(default_factory=Deadline)
    """Has no end of its own: it stops everything when the client leaves."""
    marks: Marks = field(default_factory=Marks)
    """Known before the first page is erased, if they were asked for."""
    no_marks: TextEraserError | None = None
    """Why they are not known, though they were asked for: then no page is done by halves."""
    rows: list[Row] = field(default_factory=list)
    models: tuple[str, ...] = ()
    started_at: float = field(default_factory=time.perf_counter)

    def report(self) -> Report:
        """Every page so far."""
        return Report(
            version=service.__version__,
            options=self.options.model_dump(mode="json", exclude={*ONE_PAGE_ONLY}) | {"marks": self.mark_choice},
            models=self.models,
            summary=report.summarise(self.rows, time.perf_counter() - self.started_at),
            pages=tuple(self.rows),
        )


@router.post(
    "/batch",
    operation_id="eraseChapter",
    summary="Erase the text of a whole chapter",
    response_class=Response,
    responses={
        200: {
            "description": "The archive with the same names in the same order, sent page by page as they are done, and "
            "`report.json` as its last member. A page that cannot be erased stays as it was; what cannot be unpacked "
            "is left out; the report says why. With `Accept: application/x-ndjson`: a line of JSON for the start, for "
            "each page (its row of the report, with the image in base64), for each other file that is lost, and for "
            "the end (the summary).",
            "content": files(CBZ, ZIP, BYTES, EVENTS),
            "headers": {"X-Pages": {"description": "Number of pages.", "schema": {"type": "integer", "minimum": 1}}},
        },
        **documented(*jobs.STATUSES),
    },
    openapi_extra={"requestBody": uploads.archive_body(), "parameters": jobs.PARAMETERS},
)
async def batch(request: Request) -> Response:
    """Erase the text of every page of a ZIP or CBZ file, under the same options as a single page.

    Pages wait behind single requests, and never hold the last free slot. The deadline is for each page, from its
    start. With `marks`, up to six pages are looked at before the first one is erased and sent. Hostile archives (paths
    that lead elsewhere, links, bombs, archives in archives) are refused whole.
    """
    answer = choose(accept_of(request), [CBZ, ZIP, BYTES, EVENTS])
    with ExitStack() as open_files:
        file, options, chapter_options = await uploads.read_archive(request, open_files)
        codec.check_installed(options.format)
        jobs.check_model(request, options.segmenter, "segmentation")
        jobs.check_model(request, options.inpainter, "inpainting")
        backend = backend_of(request)
        if backend.eraser is None:
            raise NotReady(f"The service is {backend.state}.")
        _check_room(record_of(request.scope).bytes_in, backend.workers.memory_bytes)
        timeout_s = jobs.timeout_s(request, backend.limits.deadline_s)
        archive = open_files.enter_context(await asyncio.to_thread(Archive, file, LIMITS))
        count = sum(member.is_image for member in archive.members)
        _check_names(archive.members, options)
        chapter = _Chapter(
            request,
            backend,
            backend.eraser,
            archive,
            options,
            mark_choice=chapter_options.marks,
            page_timeout_s=timeout_s,
            open_files=open_files.pop_all(),
        )
    body = _events(chapter, count) if answer == EVENTS else _archive(chapter)
    return _Stream(chapter, body, headers={"X-Pages": str(count)}, media_type=answer)


class _Stream(StreamingResponse):
    """Sends what a generator makes, and ends it, with all its work, as soon as nobody reads any more."""

    def __init__(
        self, chapter: _Chapter, body: AsyncGenerator[bytes, None], *, headers: dict[str, str], media_type: str
    ) -> None:
        super().__init__(body, headers=headers, media_type=media_type)
        self._chapter = chapter
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  the watcher receives
        """Send the answer; a client that left is noted, and nobody is told."""
        chapter = self._chapter
        try:
            async with jobs.watching(chapter.request, chapter.stop), aclosing(self._body):
                await self.stream_response(send)
        except ClientGone as exc:
            record = record_of(scope)
            record.problem, record.status = exc.code, exc.status
        finally:
            chapter.stop.stop(ClientGone())
            chapter.open_files.close()


async def _archive(chapter: _Chapter) -> AsyncGenerator[bytes, None]:
    """The archive, piece by piece."""
    stream = ArchiveStream()
    with closing(stream):
        async with aclosing(_work(chapter)) as members:
            async for done in members:
                if done.data is not None:
                    name = done.member.name
                    if done.row is not None and done.row.status == "done":
                        name = str(result_name(done.member.path, chapter.options.format))
                    yield await _apart(stream.add, name, done.data, done.member)
                elif done.is_too_large:
                    with closing(stream.copy(chapter.archive, done.member)) as pieces:
                        while (piece := await _apart(next, pieces, None)) is not None:
                            yield piece
        yield await _apart(stream.add, REPORT, chapter.report().model_dump_json(indent=1).encode("utf-8"))
        yield stream.close()


async def _events(chapter: _Chapter, count: int) -> AsyncGenerator[bytes, None]:
    """What happens, a line for each thing."""
    yield _line({"event": "start", "pages": count})
    async with aclosing(_work(chapter)) as members:
        async for done in members:
            if done.row is not None and done.member.is_image:
                for piece in _page_line(done, done.row):
                    yield piece
                    await asyncio.sleep(0)  # others have their turn, however fast this client reads
            elif done.row is not None:
                yield _line({"event": "lost", "file": done.row.page, "detail": done.row.detail})
    yield _line({"event": "end", "summary": chapter.report().summary})


def _page_line(done: _Done, row: Row) -> Iterator[bytes]:
    """The line of a page, at most PIECE_BYTES of it at a time: base64, which makes four bytes of three, takes a while.

    It would take as long on a thread of its own, where it holds the interpreter's lock.
    """
    page = {"event": "page", **vars(row), "media_type": done.media_type}
    if done.media_type is None or done.data is None:
        yield _line({**page, "image": None})
        return
    # These quotes stand nowhere else: inside of strings JSON escapes them.
    before, image_at, after = _line({**page, "image": ""}).partition(b'"image":"')
    yield before + image_at
    step = PIECE_BYTES // 4 * 3
    for start in range(0, len(done.data), step):
        yield base64.b64encode(done.data[start : start + step])
    yield after


def _line(event: dict[str, object]) -> bytes:
    return pydantic_core.to_json(event) + b"\n"


async def _apart(work: Callable[..., T], *given: Any) -> T:
    """Do `work` on a thread: packing takes seconds, in which probes would wait.

    It is seen to its end even where nobody waits for it any more: what it works on is closed after it.
    """
    task = asyncio.create_task(asyncio.to_thread(work, *given))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _work(chapter: _Chapter) -> AsyncGenerator[_Done, None]:
    """The members in the archive's order, each as soon as it and those before it are done; few at a time."""
    record = record_of(chapter.request.scope)
    record.pages = record.pages_failed = 0
    if chapter.mark_choice is not None:
        try:
            chapter.marks = await _find_marks(chapter)
        except ClientGone:
            raise
        except TextEraserError as exc:
            chapter.no_marks = exc
    async with aclosing(_in_order(chapter, _member, chapter.archive.members)) as members:
        async for done in members:
            if done.row is not None:
                chapter.rows.append(done.row)
            if done.row is not None and done.member.is_image:
                chapter.backend.telemetry.tell_page(done.page, done.row.problem)
                record.pages += done.row.status == "done"
                record.pages_failed += done.row.status == "failed"
                record.models = chapter.models
            yield done


async def _in_order(
    chapter: _Chapter, work: Callable[[_Chapter, Member], Coroutine[Any, Any, T]], members: Sequence[Member]
) -> AsyncGenerator[T, None]:
    """What `work` makes of the members, in their order, few at a time; nothing of it outlives the listener."""
    window = chapter.backend.workers.patient_slots + AHEAD
    tasks: deque[asyncio.Task[T]] = deque()
    waiting = deque(members)
    try:
        while waiting or tasks:
            while waiting and len(tasks) < window:
                tasks.append(asyncio.create_task(work(chapter, waiting.popleft())))
            done = await tasks[0]
            tasks.popleft()
            yield done
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, TextEraserError):
                await task


async def _find_marks(chapter: _Chapter) -> Marks:
    """Look at a few pages from all over the archive: it is all here, though its answer leaves page by page."""
    pages = sampled([member for member in chapter.archive.members if member.is_image])
    async with aclosing(_in_order(chapter, _look, pages)) as found:
        looks = [look async for look in found if look is not None]
    largest = max((look.size_hw[0] * look.size_hw[1] for look in looks), default=0)
    # Votes, and the mask that they make, weigh far less than a page at work; the queue is the same.
    weight_bytes = jobs.BYTES_PER_PIXEL * largest
    workers = chapter.backend.workers
    done = await workers.run(lambda: find_marks(looks), chapter.stop, weight_bytes=weight_bytes, patient=True)
    return done.value


async def _look(chapter: _Chapter, member: Member) -> Look | None:
    """The text of one page; None where it cannot be read, which its own row will say."""
    max_pixels = chapter.backend.limits.max_pixels

    def look(data: bytes, page: Deadline) -> Look:
        return look_at(chapter.eraser, data, chapter.options, page, max_pixels=max_pixels)

    try:
        if member.info.file_size > chapter.backend.limits.max_bytes:
            return None
        return await _run(chapter, await asyncio.to_thread(chapter.archive.read, member), look)
    except ClientGone:
        raise
    except TextEraserError:
        return None


async def _member(chapter: _Chapter, member: Member) -> _Done:
    """One member: erased if it is a page, else as it is; whatever is wrong with it is its row."""
    data: bytes | None = None
    started = time.perf_counter()
    try:
        chapter.stop.check()  # what is no page asks no worker, who would say that nobody reads any more
        if member.info.file_size > chapter.backend.limits.max_bytes:
            return await _too_large(chapter, member)
        data = await asyncio.to_thread(chapter.archive.read, member)
        if not member.is_image:
            return _Done(member, data)
        codec.check_encodable(
            codec.read_header(data, max_pixels=chapter.backend.limits.max_pixels), chapter.options.format
        )
        outcome, seconds = await _run(chapter, data, partial(_erase, chapter))
    except ClientGone:
        raise
    except TextEraserError as exc:
        return _Done(member, data, _wrong(member, exc, started))
    except Exception as exc:  # noqa: BLE001  a mistake of ours costs one page, and is logged with its stack
        chapter.backend.telemetry.failed(record_of(chapter.request.scope), exc)
        return _Done(member, data, _wrong(member, TextEraserError(), started))
    assert outcome.image is not None
    chapter.models = outcome.models
    row = report.done(member.name, outcome, seconds)
    done = _Done(member, outcome.image.data, row, outcome.image.media_type)
    # Without the time in the queue: pages of a chapter wait by design, and would hide that single images do.
    jobs.fill(done.page, outcome)
    return done


async def _too_large(chapter: _Chapter, member: Member) -> _Done:
    """A member that is never held whole: it stays as it was, as any page does that cannot be erased.

    Raises CorruptImage where it cannot be read: that must be known before its first byte is sent.
    """
    started = time.perf_counter()
    await asyncio.to_thread(chapter.archive.check, member)
    error = _too_many(member, chapter.backend.limits.max_bytes)
    return _Done(member, None, _wrong(member, error, started) if member.is_image else None, is_too_large=True)


def _wrong(member: Member, error: TextEraserError, started: float) -> Row:
    """The row of a page that fails after so long, or of another file, which is left out."""
    if member.is_image:
        return report.failed(member.name, error, time.perf_counter() - started)
    return report.lost(member.name, error)


def _erase(chapter: _Chapter, data: bytes, page: Deadline) -> tuple[Outcome, float]:
    """On a worker thread: the outcome of one page and the seconds that it took, waiting not counted."""
    started = time.perf_counter()
    options, mask = chapter.options, None
    if chapter.mark_choice is not None:
        size_hw = codec.read_header(data, max_pixels=chapter.backend.limits.max_pixels).size_hw
        options, mask = chapter.marks.apply(chapter.mark_choice, options, size_hw)
    return chapter.eraser.erase(data, mask, options, page), time.perf_counter() - started


async def _run(chapter: _Chapter, data: bytes, work: Callable[[bytes, Deadline], T]) -> T:
    """Do `work` on the image file `data` when it is its turn, for as long as one page may take."""
    backend = chapter.backend
    if not backend.ready:
        raise NotReady(f"The service is {backend.state}.")
    if chapter.no_marks is not None:
        raise chapter.no_marks
    header = codec.read_header(data, max_pixels=backend.limits.max_pixels)

    def timed() -> T:
        page = Deadline(chapter.page_timeout_s)
        timer = threading.Timer(chapter.page_timeout_s, page.stop)  # stops a running graph; between steps we look
        timer.start()
        try:
            with chapter.stop.stopping(lambda: page.stop(chapter.stop.stopped)):
                return work(data, page)
        finally:
            timer.cancel()

    weight_bytes = jobs.weight_bytes(header, chapter.options.format)
    return (await backend.workers.run(timed, chapter.stop, weight_bytes=weight_bytes, patient=True)).value


def _check_room(archive_bytes: int, memory_bytes: int) -> None:
    """Refuse an archive beside which not even the smallest image fits: each page would come back as it went."""
    if archive_bytes + jobs.NETWORK_BYTES > memory_bytes:
        raise OutOfMemory(
            f"The archive has {archive_bytes} bytes, an image needs {jobs.NETWORK_BYTES} and more; this server has "
            f"{memory_bytes} for both. Send the chapter in parts.",
            retry_after_s=None,
            needed_bytes=archive_bytes + jobs.NETWORK_BYTES,
            allowed_bytes=memory_bytes,
        )


def _too_many(member: Member, max_bytes: int) -> TooManyBytes:
    return TooManyBytes(f"{member.name} has {member.info.file_size} bytes; at most {max_bytes} are accepted.")


def _check_names(members: Sequence[Member], options: EraseOptions) -> None:
    """Refuse, before any work, a chapter without pages, and results under one name."""
    if not any(member.is_image for member in members):
        raise ArchiveRefused("There is no image in the archive.")
    if any(member.name.casefold() == REPORT for member in members):
        raise ArchiveRefused(f"The archive has a {REPORT}, as an answer of ours does; take it out first.")
    seen: set[str] = set()
    for member in members:
        name = str(result_name(member.path, options.format)) if member.is_image else member.name
        if name.casefold() in seen:  # as a file system sees it that knows no case: so are uploads refused
            raise ArchiveRefused(f"Two members of the answer would be called {name[:100]}.")
        seen.add(name.casefold())
