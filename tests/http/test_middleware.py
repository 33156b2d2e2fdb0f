"""Request ids, the log line, the metrics, and admission by bytes held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from tests.fakes import app_of, client_of, picture

pytestmark = pytest.mark.anyio

FORM = {"Content-Type": "multipart/form-data; boundary=cut"}
PART = b'--cut\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


async def test_a_request_id_comes_back() -> None:
    """The client's own id is in the answer; without one there is a new one each time."""
    client = client_of(app_of())

    assert (await client.get("/healthz", headers={"X-Request-ID": "page-17"})).headers["x-request-id"] == "page-17"
    made = {(await client.get("/healthz")).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3


@pytest.mark.parametrize("bad", ["a b", "x" * 129, "<script>", "é"])
async def test_a_request_id_that_is_no_plain_word_is_replaced(bad: str) -> None:
    """Nothing that could bend a log or a page is echoed."""
    response = await client_of(app_of()).get("/healthz", headers={"X-Request-ID": bad.encode("latin-1")})

    assert response.headers["x-request-id"] != bad


async def test_each_request_is_one_log_line() -> None:
    """With its id, trace, route, size, stages and code; without its file name or content."""
    client = client_of(app_of())
    headers = {"X-Request-ID": "page-17", "traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
    with structlog.testing.capture_logs() as lines:
        await client.post("/v1/erase", files={"image": ("secret-name.png", picture())}, headers=headers)

    (line,) = lines
    assert line["event"] == "request"
    assert {
        name: line[name] for name in ("request_id", "trace_id", "method", "route", "status", "width", "height")
    } == {
        "request_id": "page-17",
        "trace_id": TRACE_ID,
        "method": "POST",
        "route": "/erase",
        "status": 200,
        "width": 32,
        "height": 24,
    }
    assert {"queue_ms", "segment_ms", "took_ms", "mask_share", "bytes_in", "bytes_out"} <= line.keys()
    assert "secret" not in str(line)


async def test_metrics_count_what_happened() -> None:
    """Requests by route and code, stages, refusals by reason, sizes, models: by their documented names."""
    client = client_of(app_of())
    await client.post("/v1/erase", files={"image": picture()})
    await client.post("/erase", files={"image": b"hello"})
    await client.get("/v1/nothing/at/all")

    page = (await client.get("/metrics")).text

    for line in (
        'text_eraser_requests_total{code="200",route="/erase"} 1.0',
        'text_eraser_requests_total{code="415",route="/erase"} 1.0',
        'text_eraser_requests_total{code="404",route="unmatched"} 1.0',
        'text_eraser_rejected_total{reason="not-an-image"} 1.0',
        'text_eraser_stage_seconds_count{stage="queue"} 1.0',
        'text_eraser_stage_seconds_count{stage="segment"} 1.0',
        'text_eraser_regions_total{method="flat"} 1.0',
        "text_eraser_megapixels_count 1.0",
        "text_eraser_mask_share_count 1.0",
        "text_eraser_queue_depth 0.0",
        "text_eraser_inflight 0.0",
        "text_eraser_slots 2.0",
    ):
        assert line in page.splitlines(), line
    assert 'text_eraser_model_info{name="inpainting"' in page
    assert "\ntext_eraser_memory_limit_bytes " in page


async def test_uploads_hold_no_more_bytes_than_allowed() -> None:
    """A body that would push the sum over the limit is refused with Retry-After; what was held is given back."""
    client = client_of(app_of(max_held_bytes=50_000, max_bytes=40_000))
    full = asyncio.Event()
    end = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield PART + b"x" * 30_000
        full.set()
        await end.wait()
        yield b"y"

    async def quick() -> AsyncIterator[bytes]:
        yield PART
        yield b"z" * 30_000

    first = asyncio.create_task(client.post("/v1/erase", content=slow(), headers=FORM))
    await full.wait()
    refused = await client.post("/v1/erase", content=quick(), headers=FORM)
    end.set()
    await first
    served = await client.post("/v1/erase", files={"image": picture()})

    assert (refused.status_code, refused.json()["type"]) == (503, "urn:text-eraser:problem:overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert served.status_code == 200


async def test_no_more_uploads_are_open_than_allowed() -> None:
    """The one too many is refused before its body is read."""
    client = client_of(app_of(max_requests=1))
    begun, end = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield PART
        begun.set()
        await end.wait()
        yield b"--"

    first = asyncio.create_task(client.post("/v1/erase", content=slow(), headers=FORM))
    await begun.wait()

    assert (await client.post("/v1/erase", files={"image": picture()})).status_code == 503

    end.set()
    await first
    assert (await client.post("/v1/erase", files={"image": picture()})).status_code == 200
