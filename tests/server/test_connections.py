"""Sockets that do not behave, against a real process."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest

from tests.server.conftest import ServerProcess, page

pytestmark = pytest.mark.anyio

HEAD = (
    b"POST /v1/erase HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=cut\r\nContent-Length: 1000\r\n"
)


async def idle(writer: asyncio.StreamWriter) -> None:
    """Connect and say nothing."""


async def half_a_header(writer: asyncio.StreamWriter) -> None:
    """Never end the headers."""
    writer.write(HEAD)


async def half_a_body(writer: asyncio.StreamWriter) -> None:
    """Never end the body."""
    writer.write(HEAD + b"\r\n--cut\r\n")


async def one_byte_at_a_time(writer: asyncio.StreamWriter) -> None:
    """Always send a little, so that no idle timer helps."""
    writer.write(HEAD + b"\r\n")
    while not writer.is_closing():
        writer.write(b"-")
        await asyncio.sleep(0.1)


async def blank_line_after_an_answer(writer: asyncio.StreamWriter) -> None:
    """Ask once, then send what begins no request and ends none."""
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.1)
    writer.write(b"\r\n")


async def test_slow_clients_are_cut_and_good_ones_are_served(server: ServerProcess) -> None:
    """Forty of each kind are gone within their time; a page posted meanwhile is erased."""

    async def slow(behaviour: object) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        sending = asyncio.create_task(behaviour(writer))  # type: ignore[operator]
        try:
            async with asyncio.timeout(10):  # the server's own limit is half a second
                await reader.read()
        except ConnectionError:
            pass
        finally:
            sending.cancel()
            writer.close()

    crowd = [
        asyncio.create_task(slow(behaviour))
        for behaviour in (idle, half_a_header, half_a_body, one_byte_at_a_time, blank_line_after_an_answer)
        for _ in range(40)
    ]
    await asyncio.sleep(0.2)
    async with server.client() as client:
        served = await client.post("/v1/erase", files={"image": page(64, 64)})

    assert served.status_code == 200
    await asyncio.gather(*crowd)


async def test_a_wish_for_another_protocol_is_ignored(server: ServerProcess) -> None:
    """Java's client asks for HTTP/2 with its first request: its upload came without a body, and was 400."""
    upload = page(64, 64)
    body = b'--cut\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + upload + b"\r\n--cut--\r\n"
    head = HEAD.replace(b"Content-Length: 1000", b"Content-Length: %d" % len(body))
    wish = (
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQB\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    statuses = []
    async with asyncio.timeout(60):
        for pieces in ((head + wish, body[:40], body[40:]), (head + wish + body,)):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.05)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"content-length: (\d+)", answer)
            assert length, answer
            await reader.readexactly(int(length[1]))
            statuses.append(answer.split(maxsplit=2)[1])
    writer.close()

    assert statuses == ["200", "200"]


async def test_a_request_that_is_worked_on_is_not_cut(server: ServerProcess) -> None:
    """The receive timeout counts what the client sends, not what we take: a long page lives longer than it."""
    async with server.client() as client:
        response = await client.post("/v1/erase", files={"image": page(1000, 1200)})

    timing = response.headers["server-timing"]
    total_ms = sum(float(step.rpartition("=")[2]) for step in timing.split(", "))
    assert response.status_code == 200
    assert total_ms > 500, f"the page was too quick to tell: {timing}"


@pytest.mark.parametrize("rest", [b"POST /v1/erase HT", HEAD + b"\r\n--cut"], ids=["line", "body"])
async def test_a_request_that_waits_behind_another_is_not_cut_with_it(server: ServerProcess, rest: bytes) -> None:
    """Half a second request on the same connection does not cost the first one its answer."""
    request = httpx.Request("POST", f"{server.url}/v1/erase", files={"image": page(1000, 1200)})
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"POST /v1/erase HTTP/1.1\r\n{head}\r\n".encode() + request.read() + rest)

    async with asyncio.timeout(60):
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split()[1]) for line in answer.split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(length)
        assert answer.startswith(b"HTTP/1.1 200 ")
        await reader.read()  # and then the half request is cut
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 100_000,
        HEAD + b"Content-Length: 5\r\n\r\n",
    ],
    ids=["no HTTP", "endless headers", "two lengths"],
)
async def test_what_is_not_http_is_answered_with_a_problem(server: ServerProcess, sent: bytes) -> None:
    """400 as problem+json, then the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] == "urn:text-eraser:problem:bad-request"
