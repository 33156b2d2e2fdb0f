"""The Ray Serve deployment: real graphs on one replica; it comes back when it is killed, and overload is 503 only."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.server.conftest import page

ray = pytest.importorskip("ray", reason="needs the extra `ray`: make test-ray")
serve = pytest.importorskip("ray.serve", reason="needs the extra `ray`: make test-ray")

pytestmark = [pytest.mark.anyio, pytest.mark.ray, pytest.mark.filterwarnings("default")]  # Ray's own warnings

MAX_PIXELS = 12_345_678
HANG_S = 120.0
"""Bound of a recovery on a machine that is busy otherwise; how long it takes stands in benchmarks/results."""
AT_ONCE = 60
"""More than one replica with two slots, eight places and ten requests in the proxy takes."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A running deployment."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, object_store_memory=100 * 1024 * 1024, log_to_driver=False)
    os.environ["TEXT_ERASER_MAX_PIXELS"] = str(MAX_PIXELS)  # after the cluster was made: it has not inherited it
    from service.ray_serve import deployment  # noqa: PLC0415  only where the extra is

    one = deployment.options(autoscaling_config=None, num_replicas=1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve.start(http_options={"port": port})
    serve.run(one.bind())
    yield f"http://127.0.0.1:{port}"
    del os.environ["TEXT_ERASER_MAX_PIXELS"]
    serve.shutdown()
    ray.shutdown()


def replica() -> Any:
    """The actor that serves."""
    names = [named for named in ray.util.list_named_actors(all_namespaces=True) if "REPLICA" in named["name"]]
    return ray.get_actor(names[0]["name"], namespace=names[0]["namespace"])


async def test_a_page_is_erased_as_by_the_server(url: str) -> None:
    """Routes, headers, problems and settings are the application's own."""
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        ready = await client.get("/readyz")
        info = await client.get("/v1/info")
        done = await client.post("/v1/erase", files={"image": page(300, 330)})
        refused = await client.post("/v1/erase", files={"image": b"hello"})

    assert ready.json()["status"] == "ready"
    assert info.json()["limits"]["max_pixels"] == MAX_PIXELS
    assert Image.open(io.BytesIO(done.content)).size == (300, 330)
    assert {"x-regions", "x-fidelity", "x-request-id"} <= done.headers.keys()
    assert (refused.status_code, refused.headers["content-type"]) == (415, "application/problem+json")


async def test_overload_is_answered_503_only(url: str) -> None:
    """More pages at once than replica and proxy take: the rest is done, nothing fails otherwise."""
    upload = page(300, 330)
    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as client:
        sent = [client.post("/v1/erase", files={"image": upload}) for _ in range(AT_ONCE)]
        statuses = [answer.status_code for answer in await asyncio.gather(*sent)]

    assert set(statuses) == {200, 503}, statuses


async def test_a_replica_that_is_killed_is_replaced(url: str) -> None:
    """A page is erased again, by another one that has loaded its models."""
    killed = replica()
    ray.kill(killed, no_restart=True)
    began = time.monotonic()

    upload, status = page(300, 330), 0
    async with httpx.AsyncClient(base_url=url, timeout=5, trust_env=False) as client:
        while status != 200:
            assert time.monotonic() - began < HANG_S
            await asyncio.sleep(0.1)
            try:
                status = (await client.post("/v1/erase", files={"image": upload})).status_code
            except httpx.TransportError:
                continue

    print(f"recovered after {time.monotonic() - began:.1f} s")  # noqa: T201
    assert replica() != killed
