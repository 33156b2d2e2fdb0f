"""`/v1/batch`: a chapter in, the same chapter out, page by page; on a fake eraser that waits for us."""

from __future__ import annotations

import base64
import io
import json
import random
import zipfile

import pytest
import structlog

from service.batch.archives import PIECE_BYTES
from service.errors import CorruptImage
from service.options import EraseOptions
from tests.api.chapters import PAGES, opened, send
from tests.batch.drawn import archive, damaged, streamed
from tests.batch.test_archives import HOSTILE
from tests.fakes import FakeEraser, app_of, client_of, picture

pytestmark = pytest.mark.anyio


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
