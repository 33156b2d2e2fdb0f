"""A real process under load: overload, deadlines, clients that leave, on real graphs. Hang bounds are generous."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.server.conftest import ServerProcess, page

pytestmark = pytest.mark.anyio

INFLIGHT, DEPTH = "text_eraser_inflight", "text_eraser_queue_depth"
SEGMENTED = 'text_eraser_stage_seconds_count{stage="segment"}'
LONG_PAGE = page(2400, 7000)
"""Takes several seconds."""


async def erase(client: httpx.AsyncClient, upload: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    """Post a page."""
    return await client.post("/v1/erase", files={"image": upload}, headers=headers)


async def test_concurrent_answers_equal_serial_ones(server: ServerProcess) -> None:
    """The same bytes whether a page is alone or among others."""
    uploads = [page(200 + 30 * number, 160 + 20 * number, seed=number) for number in range(6)]
    async with server.client() as client:
        alone = [(await erase(client, upload)).content for upload in uploads]
        together = await asyncio.gather(*[erase(client, upload) for upload in uploads])

    assert [response.content for response in together] == alone
    assert all(content != upload for content, upload in zip(alone, uploads, strict=True)), "something was erased"


@pytest.mark.slow
def test_two_hundred_mixed_requests_on_eight_threads_equal_serial_ones(tmp_path: Path) -> None:
    """Routes, sizes, formats and options mixed: 200 of 200 answers are the bytes that a lonely request gets."""
    server = ServerProcess(tmp_path / "log", slots=4, queue_per_slot=4)
    requests = [
        (f"/v1/{route}", page(160 + 40 * (number % 5), 120 + 30 * (number % 7), seed=number), options)
        for number in range(20)
        for route, options in (
            ("erase", {}),
            ("erase", {"format": "webp", "fill": "inpaint"}),
            ("erase", {"output": "both", "dilate_px": "2"}),
            ("segment", {}),
            ("detect", {}),
        )
    ]
    order = np.random.default_rng(3).permutation(2 * len(requests)) % len(requests)

    def ask(number: int) -> tuple[int, bytes]:
        route, upload, options = requests[number]
        answer = httpx.post(server.url + route, files={"image": upload}, data=options, timeout=120, trust_env=False)
        return answer.status_code, answer.content

    try:
        server.wait_until_ready()
        alone = [ask(number) for number in range(len(requests))]
        with ThreadPoolExecutor(8) as threads:
            together = list(threads.map(ask, order.tolist()))
    finally:
        server.stop()

    assert {status for status, _ in alone} == {200}
    assert len(together) == 200
    assert [number for number, answer in zip(order, together, strict=True) if answer != alone[number]] == []


async def test_overload_is_answered_200_or_503_and_health_stays_quick(server: ServerProcess) -> None:
    """Forty at once on two slots and eight places: nobody is cut, refusals say when to come again."""
    upload = page(400, 300)
    waits_s: list[float] = []
    async with server.client() as client:
        crowd = [asyncio.create_task(erase(client, upload)) for _ in range(40)]
        while not all(task.done() for task in crowd):
            asked_at = time.perf_counter()
            assert (await client.get("/healthz")).status_code == 200
            waits_s.append(time.perf_counter() - asked_at)
            await asyncio.sleep(0.05)
        responses = await asyncio.gather(*crowd)

    refused = [response for response in responses if response.status_code == 503]
    assert {response.status_code for response in responses} == {200, 503}
    assert len(responses) - len(refused) >= 10
    assert all(int(response.headers["retry-after"]) >= 1 for response in refused)
    assert max(waits_s) < 2.5


async def test_a_deadline_stops_a_running_graph(server: ServerProcess) -> None:
    """504 soon after the client's own limit, and the slot is free soon after that."""
    async with server.client() as client:
        started = time.perf_counter()
        response = await erase(client, LONG_PAGE, {"X-Request-Timeout": "0.5"})
        took_s = time.perf_counter() - started

    assert (response.status_code, response.json()["type"]) == (504, "urn:text-eraser:problem:deadline-exceeded")
    assert took_s < 5
    server.wait_for_metric(INFLIGHT, 0, within_s=5)


async def test_a_client_that_leaves_stops_its_graph_and_the_queue_forgets_it(server: ServerProcess) -> None:
    """Two run and six wait; all leave: the slots are free soon, and those who waited never reached a graph."""
    segmented = server.metric(SEGMENTED)
    async with server.client() as client:
        running = [asyncio.create_task(erase(client, LONG_PAGE)) for _ in range(2)]
        await asyncio.to_thread(server.wait_for_metric, INFLIGHT, 2, within_s=5)
        waiting = [asyncio.create_task(erase(client, page(64, 64))) for _ in range(6)]
        await asyncio.to_thread(server.wait_for_metric, DEPTH, 6, within_s=5)
        for task in [*waiting, *running]:
            task.cancel()
        await asyncio.gather(*waiting, *running, return_exceptions=True)

    server.wait_for_metric(DEPTH, 0, within_s=5)
    server.wait_for_metric(INFLIGHT, 0, within_s=5)
    assert server.metric(SEGMENTED) == segmented
    async with server.client() as client:
        assert (await erase(client, page(64, 64))).status_code == 200


async def test_a_refused_upload_can_read_its_refusal(server: ServerProcess) -> None:
    """A body over the limit is answered while it is still being sent, and the connection is not reset."""
    async with server.client() as client:
        declared = await client.post("/v1/erase", files={"image": b"x" * 12_000_000})
        wrong = await client.post("/v1/erase", content=b"x" * 12_000_000, headers={"Content-Type": "image/png"})

    assert (declared.status_code, wrong.status_code) == (413, 413)
    assert declared.json()["type"] == "urn:text-eraser:problem:too-many-bytes"
