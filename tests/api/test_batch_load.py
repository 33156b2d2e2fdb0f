"""A chapter beside everything else that a server does: event loop, places, deadlines, clients that leave, memory."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import random
import threading
import zipfile
from collections.abc import Iterator

import pytest

from service.api import batch
from service.api.jobs import NETWORK_BYTES, weight_bytes
from service.batch.archives import PIECE_BYTES, Archive, Member
from service.imaging import codec
from tests.api.chapters import PAGES, opened, send
from tests.api.test_jobs import Visitor, until
from tests.batch.drawn import archive
from tests.fakes import FakeEraser, app_of, client_of, picture

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("is_large", [False, True], ids=["held", "copied"])
async def test_packing_leaves_the_event_loop_free(monkeypatch: pytest.MonkeyPatch, *, is_large: bool) -> None:
    """Side files were packed inside the coroutine: a text of 8 MB kept health probes waiting for seconds."""
    packers: set[int] = set()
    write = zipfile._ZipWriteFile.write

    def seen(self: object, data: bytes) -> int:
        packers.add(threading.get_ident())
        return write(self, data)

    text = random.Random(7).randbytes(3 * PIECE_BYTES).hex().encode()
    upload = io.BytesIO()
    with zipfile.ZipFile(upload, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, data in (("1.png", picture()), ("notes.txt", text), ("2.png", picture(seed=2))):
            writer.writestr(name, data)
    client = client_of(app_of(max_bytes=PIECE_BYTES if is_large else 10 * len(text)))
    monkeypatch.setattr(zipfile._ZipWriteFile, "write", seen)

    with opened(await send(client, upload.getvalue())) as reader:
        assert reader.namelist() == ["1.png", "notes.txt", "2.png", "report.json"]
        assert reader.read("notes.txt") == text
        assert reader.getinfo("notes.txt").compress_type == zipfile.ZIP_DEFLATED
    assert packers
    assert threading.get_ident() not in packers


async def test_a_stopped_answer_waits_for_the_thread_that_packs() -> None:
    """Else the archive would be closed under it; and the stop is not swallowed."""
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work(word: str) -> str:
        begun.set()
        go_on.wait(5)
        ended.set()
        return word

    task = asyncio.create_task(batch._apart(work, "done"))
    await until(begun.is_set)
    task.cancel()
    await asyncio.sleep(0.02)
    assert not task.done()
    go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert await batch._apart(work, "done") == "done"


async def test_a_large_page_is_told_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a page of 32 MB base64 and JSON held the event loop for a third of a second; together they are one line."""
    monkeypatch.setattr(batch, "PIECE_BYTES", 400)
    sent: list[bytes] = []
    begin = batch._page_line

    def seen(*given: object) -> Iterator[bytes]:
        for piece in begin(*given):
            sent.append(piece)
            yield piece

    monkeypatch.setattr(batch, "_page_line", seen)

    response = await send(client_of(app_of()), archive(*PAGES), "application/x-ndjson")

    events = [json.loads(line) for line in response.text.splitlines()]
    assert [base64.b64decode(event["image"]) for event in events[1:-1]] == [data for _, data in PAGES]
    assert len(sent) > 2 * len(PAGES)
    assert max(len(piece) for piece in sent) <= 400


async def test_files_beside_the_pages_are_not_packed_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """They ask no worker, who would say that the client has left: two gigabytes of them were packed to the end."""
    read: list[str] = []
    whole = Archive.read

    def seen(self: Archive, member: Member) -> bytes:
        read.append(member.name)
        return whole(self, member)

    monkeypatch.setattr(Archive, "read", seen)
    files = [(f"{number}.txt", bytes([number])) for number in range(100)]
    visitor = Visitor(app_of(), "/v1/batch", {"archive": archive(("1.png", picture()), *files)})
    visitor.reads.clear()
    await until(lambda: "http.response.body" in visitor.sent)

    visitor.leave()
    await asyncio.sleep(0.02)
    visitor.reads.set()
    await visitor.call

    assert 0 < len(read) < 20


async def test_single_pages_pass_a_chapter_by() -> None:
    """The chapter never has the last slot, and what comes later alone is served before its next page."""
    eraser = FakeEraser(hold=True)
    app = app_of(eraser, slots=2)
    client = client_of(app)
    chapter = asyncio.create_task(send(client, archive(*PAGES)))
    await until(lambda: len(eraser.calls) == 1)
    await asyncio.sleep(0.05)
    assert app.state.backend.workers.in_flight == 1

    alone = [asyncio.create_task(client.post("/v1/erase", files={"image": picture(40)})) for _ in range(2)]
    await until(lambda: len(eraser.calls) == 2)
    eraser.let_go()
    await asyncio.gather(*alone, chapter)

    assert [response.result().status_code for response in (*alone, chapter)] == [200] * 3
    assert len(eraser.calls) == 8


async def test_the_deadline_is_for_each_page() -> None:
    """A page that takes too long is a row; those after it have their own time."""
    eraser = FakeEraser(hold=True)
    client = client_of(app_of(eraser, slots=1, deadline_s=0.1))

    response = await send(client, archive(*PAGES[:3]))

    with opened(response) as reader:
        rows = json.loads(reader.read("report.json"))["pages"]
    assert [row["problem"] for row in rows] == ["deadline-exceeded"] * 3
    assert eraser.stopped == 3


async def test_a_client_that_leaves_frees_everything() -> None:
    """The page that runs is stopped, those that wait are never begun, the archive's bytes and places are free."""
    eraser = FakeEraser(hold=True)
    app = app_of(eraser, slots=2, max_batches=1, max_batch_bytes=20_000)
    for number in range(3):
        visitor = Visitor(app, "/v1/batch", {"archive": archive(*PAGES)})
        await until(lambda number=number: len(eraser.calls) == number + 1)
        visitor.leave()
        await visitor.call
        await until(lambda: app.state.backend.workers.in_flight == 0)

    eraser.let_go()
    assert eraser.stopped == len(eraser.calls) == 3
    assert (await send(client_of(app), archive(*PAGES))).status_code == 200
    page = (await client_of(app).get("/metrics")).text
    assert 'text_eraser_requests_total{code="499",route="/batch"} 3.0' in page


async def test_a_server_that_stops_ends_the_chapter_soon_and_whole() -> None:
    """What is not done yet stays as it was, and the report says so."""
    eraser = FakeEraser(hold=True)
    app = app_of(eraser, slots=1)
    chapter = asyncio.create_task(send(client_of(app), archive(*PAGES)))
    await until(lambda: len(eraser.calls) == 1)

    app.state.backend.state = "draining"
    eraser.let_go()

    with opened(await chapter) as reader:
        rows = json.loads(reader.read("report.json"))["pages"]
    assert [row["status"] for row in rows].count("failed") >= 4
    assert {row["problem"] for row in rows} == {None, "not-ready"}


async def test_more_chapters_than_allowed_are_told_to_come_again() -> None:
    """503, while single pages are let in."""
    eraser = FakeEraser(hold=True)
    client = client_of(app_of(eraser, max_batches=1))
    chapter = asyncio.create_task(send(client, archive(*PAGES)))
    await until(lambda: len(eraser.calls) == 1)

    refused = await send(client, archive(*PAGES))

    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    eraser.let_go()
    assert (await chapter).status_code == 200


async def test_an_archive_counts_in_the_memory_for_images() -> None:
    """While it is held, an image that fits into the rest is served and a larger one is refused; later both fit."""
    memory_bytes = weight_bytes(codec.read_header(picture(1200, 1000), max_pixels=10**7)) + 10_000
    eraser = FakeEraser(hold=True)
    client = client_of(app_of(eraser, slots=1, memory_bytes=memory_bytes))
    small, large = picture(), picture(1200, 1000)
    chapter = asyncio.create_task(send(client, archive(("1.png", small), ("notes.txt", bytes(100_000)))))
    await until(lambda: len(eraser.calls) == 1)
    alone = [asyncio.create_task(client.post("/v1/erase", files={"image": image})) for image in (small, large)]
    await until(lambda: client._transport.app.state.backend.workers.queue_depth == 2)

    eraser.let_go()
    answers = [await page for page in alone]
    await chapter

    assert [answer.status_code for answer in answers] == [200, 503]
    assert answers[1].json()["type"] == "urn:text-eraser:problem:out-of-memory"
    assert (await client.post("/v1/erase", files={"image": large})).status_code == 200


async def test_an_archive_beside_which_no_image_fits_is_refused_whole() -> None:
    """Not page by page: with the numbers, before any work."""
    eraser = FakeEraser()
    upload = archive(("1.png", picture()), ("notes.txt", bytes(100_000)))

    refused = await send(client_of(app_of(eraser, memory_bytes=NETWORK_BYTES + 50_000)), upload)

    assert (refused.status_code, refused.json()["type"]) == (503, "urn:text-eraser:problem:out-of-memory")
    assert refused.json()["allowed_bytes"] == NETWORK_BYTES + 50_000
    assert "retry-after" not in refused.headers
    assert eraser.calls == []
