"""`/v1/batch`: a chapter in, the same chapter out, page by page; on a fake eraser that waits for us."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import random
import threading
import zipfile
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
import structlog

from service.api import batch
from service.api.jobs import NETWORK_BYTES, weight_bytes
from service.batch.archives import PIECE_BYTES, Archive, Member
from service.errors import CorruptImage
from service.imaging import codec
from service.options import EraseOptions
from tests import pages
from tests.api.test_jobs import Visitor, until
from tests.batch.drawn import archive, damaged, streamed
from tests.batch.test_archives import HOSTILE
from tests.batch.test_marks import COUNT, MARK, NUMBER, PALE, chapter_page, lettered
from tests.fakes import FakeEraser, app_of, client_of, picture

pytestmark = pytest.mark.anyio

PAGES = [(f"b/{9 - number}.png", picture(seed=number)) for number in range(6)]


async def send(client: httpx.AsyncClient, upload: bytes, accept: str = "*/*", **fields: str) -> httpx.Response:
    """Post an archive."""
    return await client.post("/v1/batch", files={"archive": upload}, data=fields, headers={"Accept": accept})


def opened(response: httpx.Response) -> zipfile.ZipFile:
    """The archive of an answer, checked."""
    assert response.status_code == 200, response.text
    reader = zipfile.ZipFile(io.BytesIO(response.content))
    assert reader.testzip() is None
    return reader


async def test_a_chapter_comes_back_with_its_names_in_its_order() -> None:
    """What is no page goes over as it is; the report is the last member and has every page."""
    members = [*PAGES[:3], ("ComicInfo.xml", b"<a/>" * 99), *PAGES[3:]]
    eraser = FakeEraser()

    response = await send(client_of(app_of(eraser)), archive(*members), fill="white")

    with opened(response) as reader:
        assert reader.namelist() == [*[name for name, _ in members], "report.json"] == [*streamed(response.content)]
        assert [reader.read(name) for name, _ in members] == [data for _, data in members]
        report = json.loads(reader.read("report.json"))
    assert [page["page"] for page in report["pages"]] == [name for name, _ in PAGES]
    assert report["summary"]["done"] == 6
    assert (response.headers["content-type"], response.headers["x-pages"]) == ("application/vnd.comicbook+zip", "6")
    assert [call[1] for call in eraser.calls] == 6 * [EraseOptions.parse({"fill": "white"})]


async def test_progress_comes_as_lines_of_json_if_asked() -> None:
    """Start, a line for each page with its image, end with the sums."""
    response = await send(client_of(app_of()), archive(*PAGES), "application/x-ndjson")

    events = [json.loads(line) for line in response.text.splitlines()]
    assert [event["event"] for event in events] == ["start", *["page"] * 6, "end"]
    assert [base64.b64decode(event["image"]) for event in events[1:-1]] == [data for _, data in PAGES]
    assert events[0]["pages"] == events[-1]["summary"]["done"] == 6


async def test_a_page_that_cannot_be_erased_stays_as_it_was() -> None:
    """One bad page is a row of the report, in whatever way it is bad."""

    def fail() -> None:
        raise [CorruptImage("The PNG file is cut off."), ValueError("ours")][len(eraser.calls) % 2]

    eraser = FakeEraser(failure=fail)
    big = ("big.png", bytes(5000))

    response = await send(client_of(app_of(eraser, max_bytes=4000)), archive(*PAGES[:2], ("x.png", b"no image"), big))

    with opened(response) as reader:
        assert reader.read("x.png") == b"no image"
        assert reader.read("big.png") == bytes(5000)
        assert reader.read(PAGES[0][0]) == PAGES[0][1]
        rows = json.loads(reader.read("report.json"))["pages"]
    assert {row["status"] for row in rows} == {"failed"}
    assert {row["problem"] for row in rows[:2]} == {"corrupt-image", "internal-error"}
    assert [row["problem"] for row in rows[2:]] == ["not-an-image", "too-many-bytes"]


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
async def test_what_is_too_large_to_be_held_is_copied_not_lost(packing: int) -> None:
    """Such a page, and such a file that is no page, were left out of the answer; the second without a word."""
    big = random.Random(7).randbytes(2 * PIECE_BYTES + 1)
    upload = io.BytesIO()
    with zipfile.ZipFile(upload, "w", packing) as writer:
        for name in ("0.png", "extra/video.mp4", "damaged.png", "damaged.txt"):
            writer.writestr(name, big + name.encode())
        writer.writestr("page.png", picture())
        damaged = [writer.getinfo(name) for name in ("damaged.png", "damaged.txt")]
    data = bytearray(upload.getvalue())
    for info in damaged:
        data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 255
    app = app_of(max_bytes=PIECE_BYTES, max_batch_bytes=10 * len(big))

    response = await send(client_of(app), bytes(data))

    assert [*streamed(response.content)] == ["0.png", "extra/video.mp4", "page.png", "report.json"]
    with opened(response) as reader:
        assert reader.namelist() == ["0.png", "extra/video.mp4", "page.png", "report.json"]
        assert [reader.read(name) == big + name.encode() for name in reader.namelist()[:2]] == [True, True]
        rows = json.loads(reader.read("report.json"))["pages"]
    assert [(row["status"], row["problem"]) for row in rows] == [
        ("failed", "too-many-bytes"),
        ("failed", "corrupt-image"),
        ("lost", None),
        ("done", None),
    ]


@pytest.mark.parametrize("second", ["page1.jpg", "report.PNG", "Report.json"])
async def test_results_whose_names_differ_only_in_case_are_refused(second: str) -> None:
    """On Windows and on a Mac one of them is unpacked over the other; uploads like that are refused too."""
    first = "REPORT.jpg" if second == "report.PNG" else "Page1.png"

    response = await send(client_of(app_of()), archive((first, picture()), (second, picture())), format="webp")

    assert (response.status_code, response.json()["type"]) == (422, "urn:text-eraser:problem:archive-refused")


async def test_a_file_beside_the_pages_that_cannot_be_unpacked_is_told() -> None:
    """It vanished without a word. It counts as no page, in the report as in the metrics."""
    upload = damaged(archive(("info.xml", bytes(10_000) + b"hello"), ("1.png", picture())), b"hello")
    client = client_of(app_of())

    with opened(await send(client, upload)) as reader:
        assert reader.namelist() == ["1.png", "report.json"]
        report = json.loads(reader.read("report.json"))
    events = [json.loads(line) for line in (await send(client, upload, "application/x-ndjson")).text.splitlines()]

    row = report["pages"][0]
    assert (row["page"], row["status"]) == ("info.xml", "lost")
    assert row["detail"].startswith("info.xml is not what the archive's directory says")
    assert {name: report["summary"][name] for name in ("pages", "done", "failed", "lost")} == {
        "pages": 1,
        "done": 1,
        "failed": 0,
        "lost": 1,
    }
    assert [event["event"] for event in events] == ["start", "lost", "page", "end"]
    assert (events[1]["file"], events[1]["detail"]) == ("info.xml", row["detail"])
    chapter_pages = [
        line for line in (await client.get("/metrics")).text.splitlines() if line.startswith("text_eraser_chapter")
    ]
    assert 'text_eraser_chapter_pages_total{page="done"} 2.0' in chapter_pages
    assert all(line.endswith(" 0.0") or 'page="done"' in line for line in chapter_pages if "_total" in line)


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


@pytest.mark.parametrize("kind", ["traversal", "absolute", "link", "bomb by ratio", "nested", "100,000 members"])
async def test_a_hostile_archive_is_refused_whole(kind: str) -> None:
    """422 with the reason; no page of it is looked at."""
    make, reason = HOSTILE[kind]
    eraser = FakeEraser()

    response = await send(client_of(app_of(eraser)), make().getvalue())

    assert (response.status_code, response.json()["type"]) == (422, "urn:text-eraser:problem:archive-refused")
    assert reason in response.json()["detail"]
    assert eraser.calls == []


@pytest.mark.parametrize(
    ("files", "fields", "status"),
    [
        ({"archive": b"hello"}, {}, 415),
        ({"archive": ("a.cbz", b"")}, {}, 400),
        ({"image": b"hello"}, {}, 422),
        ({"other": ("", b"")}, {"fill": "white"}, 400),
        ({"archive": archive(("a.txt", b"x"))}, {}, 422),
        ({"archive": archive(("report.json", b"x"), *PAGES)}, {}, 422),
        ({"archive": archive(*PAGES)}, {"output": "mask"}, 422),
        ({"archive": archive(*PAGES)}, {"fill": "magic"}, 422),
        ({"archive": archive(*PAGES)}, {"segmenter": "nobody"}, 422),
        ({"archive": archive(*PAGES)}, {"marks": "love"}, 422),
    ],
)
async def test_what_cannot_be_read_is_refused_before_any_work(
    files: dict[str, bytes], fields: dict[str, str], status: int
) -> None:
    """With a problem, never a 500."""
    response = await client_of(app_of()).post("/v1/batch", files=files, data=fields)

    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"


async def test_an_unknown_option_is_told_those_of_a_chapter() -> None:
    """It was told `mask_mode`, `output` and `regions`, which are refused, and not `marks`."""
    problem = (await send(client_of(app_of()), archive(*PAGES), mark="keep")).json()

    assert "marks" in problem["allowed"]
    assert not {"mask_mode", "output", "regions"} & set(problem["allowed"])
    assert f"allowed: {', '.join(problem['allowed'])}." in problem["detail"]


async def test_archives_have_a_limit_of_their_own() -> None:
    """Larger than a page may be, up to the setting; and pages are let in while an archive is held."""
    client = client_of(app_of(max_bytes=10_000, max_held_bytes=10_000, max_batch_bytes=30_000))
    fits, too_large = archive(("1.png", bytes(20_000))), archive(("1.png", bytes(40_000)))

    answers = [await send(client, upload) for upload in (fits, too_large)]
    page = await client.post("/v1/erase", files={"image": bytes(20_000)})

    assert [answer.status_code for answer in answers] == [200, 413]
    assert page.status_code == 413


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


async def test_each_page_counts_in_the_metrics() -> None:
    """Steps, sizes, shares and fills as for single images, results by kind; only the queue is left out."""
    client = client_of(app_of())
    with structlog.testing.capture_logs() as lines:
        await send(client, archive(*PAGES, ("x.png", b"no image")))

    page = (await client.get("/metrics")).text

    for line in (
        'text_eraser_chapter_pages_total{page="done"} 6.0',
        'text_eraser_chapter_pages_total{page="not-an-image"} 1.0',
        'text_eraser_stage_seconds_count{stage="segment"} 6.0',
        'text_eraser_regions_total{method="flat"} 6.0',
        "text_eraser_megapixels_count 6.0",
        "text_eraser_mask_share_count 6.0",
        'text_eraser_requests_total{code="200",route="/batch"} 1.0',
    ):
        assert line in page.splitlines()
    assert 'stage="queue"' not in page
    (line,) = (line for line in lines if line.get("route") == "/batch")
    assert (line["pages"], line["pages_failed"]) == (6, 1)


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
