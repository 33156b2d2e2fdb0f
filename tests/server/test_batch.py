"""A chapter on a real server: single pages stay quick beside it, and a client that leaves frees everything."""

from __future__ import annotations

import asyncio
import io
import time
import zipfile

import httpx
import pytest

from tests.batch.drawn import archive
from tests.server.conftest import ServerProcess, page

pytestmark = pytest.mark.anyio

INFLIGHT = "text_eraser_inflight"
SEGMENTED = 'text_eraser_stage_seconds_count{stage="segment"}'


def chapter(pages: int) -> bytes:
    """An archive of so many pages."""
    return archive(*[(f"{number:03}.png", page(500, 700, seed=number)) for number in range(pages)])


async def latencies_s(client: httpx.AsyncClient, count: int) -> list[float]:
    """Seconds of single requests, one after another, sorted."""
    upload, found = page(500, 700), []
    for _ in range(count):
        started = time.perf_counter()
        (await client.post("/v1/erase", files={"image": upload})).raise_for_status()
        found.append(time.perf_counter() - started)
    return sorted(found)


async def test_a_chapter_is_worked_on_and_comes_back_whole(server: ServerProcess) -> None:
    """On real graphs: names, order, report."""
    async with server.client() as client:
        response = await client.post("/v1/batch", files={"archive": chapter(3)}, data={"verify": "true"})

    with zipfile.ZipFile(io.BytesIO(response.content)) as reader:
        assert reader.testzip() is None
        assert reader.namelist() == ["000.png", "001.png", "002.png", "report.json"]


async def test_a_client_that_leaves_a_chapter_frees_the_slots(server: ServerProcess) -> None:
    """Soon after it has gone nothing runs, and the rest of its pages never reaches a graph."""
    async with server.client() as client:
        sending = asyncio.create_task(client.post("/v1/batch", files={"archive": chapter(8)}))
        await asyncio.to_thread(server.wait_for_metric, INFLIGHT, 1, within_s=10)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    server.wait_for_metric(INFLIGHT, 0, within_s=5)
    segmented = server.metric(SEGMENTED)
    await asyncio.sleep(0.5)
    assert server.metric(SEGMENTED) == segmented
    assert server.metric("text_eraser_queue_depth") == 0


@pytest.mark.slow
async def test_single_pages_stay_quick_beside_a_chapter(server: ServerProcess) -> None:
    """Their p95 grows by less than twice."""
    async with server.client() as client:
        await latencies_s(client, 3)
        alone = await latencies_s(client, 40)
        sending = asyncio.create_task(client.post("/v1/batch", files={"archive": chapter(120)}, timeout=300))
        await asyncio.to_thread(server.wait_for_metric, INFLIGHT, 1, within_s=10)
        beside = await latencies_s(client, 40)
        assert not sending.done(), "the chapter must last as long as the measurement"
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    p95_alone, p95_beside = alone[37], beside[37]
    print(f"p95 alone {1000 * p95_alone:.0f} ms, beside a chapter {1000 * p95_beside:.0f} ms")  # noqa: T201
    assert p95_beside < 2 * p95_alone
