"""Overload, deadlines and clients that leave, on a fake eraser that waits for us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from service.api.jobs import NETWORK_BYTES, weight_bytes
from service.imaging.headers import Header, Layout
from service.options import OutputFormat
from tests.fakes import FakeEraser, app_of, client_of, picture

pytestmark = pytest.mark.anyio


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, 5 s at most."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


class Visitor:
    """A client below HTTP, so that it can leave in the middle."""

    def __init__(self, app: FastAPI, path: str = "/v1/erase", files: dict[str, bytes] | None = None) -> None:
        request = httpx.Request("POST", f"http://test{path}", files=files or {"image": picture()})
        self._body = request.read()
        self._gone = asyncio.Event()
        self.reads = asyncio.Event()
        """Whether it takes the body of the answer."""
        self.reads.set()
        self.sent: list[str] = []
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers.items()],
            "http_version": "1.1",
            "scheme": "http",
            "server": ("test", 80),
            "client": ("127.0.0.1", 1),
        }
        self.call = asyncio.ensure_future(app(scope, self._receive, self._send))

    def leave(self) -> None:
        """Close the connection."""
        self._gone.set()

    async def _receive(self) -> dict[str, object]:
        if self._body:
            body, self._body = self._body, b""
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, object]) -> None:
        self.sent.append(str(message.get("status", message["type"])))
        if message["type"] == "http.response.body":
            await self.reads.wait()


async def test_overload_answers_503_with_retry_after() -> None:
    """Two slots and one place in the queue: of ten, three are done and seven are told when to come again."""
    eraser = FakeEraser(hold=True)
    app = app_of(eraser, slots=1, queue_per_slot=2)
    client = client_of(app)
    requests = [asyncio.create_task(client.post("/v1/erase", files={"image": picture()})) for _ in range(10)]
    await until(lambda: sum(request.done() for request in requests) == 7)

    eraser.let_go()
    responses = await asyncio.gather(*requests)

    refused = [response for response in responses if response.status_code == 503]
    assert sorted(response.status_code for response in responses) == [200] * 3 + [503] * 7
    assert all(int(response.headers["retry-after"]) >= 1 for response in refused)
    assert {response.json()["type"] for response in refused} == {"urn:text-eraser:problem:overloaded"}


async def test_health_readiness_and_metrics_answer_while_the_queue_is_full() -> None:
    """They pass by the gate and wait behind nobody."""
    eraser = FakeEraser(hold=True)
    app = app_of(eraser, slots=1, queue_per_slot=0, max_requests=1)
    client = client_of(app)
    request = asyncio.create_task(client.post("/v1/erase", files={"image": picture()}))
    await until(lambda: app.state.backend.workers.in_flight == 1)

    answers = [await client.get(path) for path in ("/healthz", "/readyz", "/metrics", "/v1/info", "/v1/models")]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert "text_eraser_inflight 1.0" in answers[2].text
    eraser.let_go()
    await request


async def test_the_deadline_answers_504_and_frees_the_slot() -> None:
    """The graph is stopped, the slot is free, the next request is served."""
    eraser = FakeEraser(hold=True)
    app = app_of(eraser, slots=1, deadline_s=0.1)
    client = client_of(app)

    late = await client.post("/v1/erase", files={"image": picture()})

    assert (late.status_code, late.json()["type"]) == (504, "urn:text-eraser:problem:deadline-exceeded")
    assert late.json()["timeout_s"] == 0.1
    await until(lambda: eraser.stopped == 1 and app.state.backend.workers.in_flight == 0)
    eraser.let_go()
    assert (await client.post("/v1/erase", files={"image": picture()})).status_code == 200


async def test_a_client_may_lower_the_deadline_and_not_raise_it() -> None:
    """`X-Request-Timeout` counts where it is shorter than the server's own."""
    client = client_of(app_of(FakeEraser(hold=True), deadline_s=0.2))

    lowered, raised = await asyncio.gather(
        *[
            client.post("/v1/erase", files={"image": picture()}, headers={"X-Request-Timeout": timeout})
            for timeout in ("0.05", "999")
        ]
    )

    assert (lowered.json()["timeout_s"], raised.json()["timeout_s"]) == (0.05, 0.2)


async def test_a_client_that_leaves_the_queue_is_never_worked_on() -> None:
    """Of a hundred that left while queued, none reaches the eraser."""
    eraser = FakeEraser(hold=True)
    app = app_of(eraser, slots=1, queue_per_slot=100)
    first = Visitor(app)
    await until(lambda: len(eraser.calls) == 1)
    others = [Visitor(app) for _ in range(100)]
    await until(lambda: app.state.backend.workers.queue_depth == 100)

    for visitor in others:
        visitor.leave()
    await asyncio.gather(*[visitor.call for visitor in others])
    eraser.let_go()
    await first.call

    assert len(eraser.calls) == 1
    assert first.sent[0] == "200"
    assert app.state.backend.workers.queue_depth == 0


async def test_a_client_that_leaves_stops_its_running_graph() -> None:
    """One after another, each of twenty is stopped while it runs, and no slot is lost."""
    eraser = FakeEraser(hold=True)
    app = app_of(eraser, slots=1)
    for number in range(20):
        visitor = Visitor(app)
        await until(lambda number=number: len(eraser.calls) == number + 1)
        visitor.leave()
        await visitor.call
        await until(lambda: app.state.backend.workers.in_flight == 0)

    assert eraser.stopped == 20


async def test_a_client_that_left_is_told_of_as_499() -> None:
    """The log and the metrics know that nobody waited for the answer."""
    eraser = FakeEraser(hold=True)
    app = app_of(eraser)
    visitor = Visitor(app)
    await until(lambda: len(eraser.calls) == 1)
    visitor.leave()
    await visitor.call

    page = (await client_of(app).get("/metrics")).text

    assert 'text_eraser_requests_total{code="499",route="/erase"} 1.0' in page
    assert 'text_eraser_rejected_total{reason="client-gone"} 1.0' in page


async def test_an_image_too_large_for_the_memory_is_refused() -> None:
    """224 MiB and 16 bytes x pixels over the budget can never run: 503, with both numbers, and no `Retry-After`."""
    client = client_of(app_of(memory_bytes=224 * 2**20 + 16 * 90_000 - 1))

    response = await client.post("/v1/erase", files={"image": picture(300, 300)})

    assert (response.status_code, response.json()["type"]) == (503, "urn:text-eraser:problem:out-of-memory")
    assert response.json()["needed_bytes"] == 224 * 2**20 + 16 * 300 * 300
    assert "retry-after" not in response.headers


@pytest.mark.parametrize(
    ("layout", "bits", "format_", "a_pixel"),
    [
        ("RGB", 8, "same", 16),
        ("CMYK", 8, "same", 16),
        ("RGBA", 8, "same", 24),
        ("gray+alpha", 8, "same", 24),
        ("RGB", 16, "same", 40),
        ("RGBA", 16, "same", 48),
        ("RGBA", 8, "webp", 48),
        ("RGB", 8, "psd", 32),
        ("RGB", 16, "psd", 48),
    ],
)
def test_each_mode_weighs_what_it_takes(layout: Layout, bits: int, format_: OutputFormat, a_pixel: int) -> None:
    """224 MiB, and bytes for each pixel, as the runbook says."""
    header = Header("png", 200, 100, layout, bits)

    assert weight_bytes(header, format_) == NETWORK_BYTES + a_pixel * 200 * 100


async def test_an_answer_counts_until_its_client_has_read_it() -> None:
    """Fifty finished pictures that nobody fetches are memory, too: the next image waits for its share."""
    app = app_of(memory_bytes=224 * 2**20 + 16 * 300 * 300 + 1000)
    slow = Visitor(app, files={"image": picture(300, 300)})
    slow.reads.clear()
    await until(lambda: "http.response.body" in slow.sent)
    workers = app.state.backend.workers

    second = asyncio.ensure_future(client_of(app).post("/v1/erase", files={"image": picture(300, 300)}))
    await until(lambda: workers.queue_depth == 1)
    assert workers.in_flight == 0
    slow.reads.set()

    assert (await second).status_code == 200
    await slow.call


async def test_running_out_of_memory_is_503_and_the_next_request_is_served() -> None:
    """MemoryError on the worker thread is not a 500."""
    short = [True]

    def fail() -> None:
        if short.pop() if short else False:
            raise MemoryError

    client = client_of(app_of(FakeEraser(failure=fail)))

    first = await client.post("/v1/erase", files={"image": picture()})
    second = await client.post("/v1/erase", files={"image": picture()})

    assert (first.status_code, first.json()["type"]) == (503, "urn:text-eraser:problem:out-of-memory")
    assert first.headers["retry-after"] == "1"
    assert second.status_code == 200


async def test_concurrent_answers_are_each_ones_own() -> None:
    """Two hundred mixed requests on eight threads give the bytes that they give alone."""
    client = client_of(app_of(slots=8, queue_per_slot=1000))
    uploads = [
        picture(16 + number % 7, 9 + number % 5, ("PNG", "JPEG")[number % 2], seed=number) for number in range(200)
    ]

    responses = await asyncio.gather(*[client.post("/v1/erase", files={"image": upload}) for upload in uploads])

    assert [response.content for response in responses] == uploads
