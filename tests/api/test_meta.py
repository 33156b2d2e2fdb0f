"""Models, info, health, readiness, docs."""

from __future__ import annotations

import re

import pytest

import service
from service.app import create_app
from tests.fakes import app_of, client_of, fake_store, picture, settings_of

pytestmark = pytest.mark.anyio


async def test_models_are_listed_as_the_manifest_has_them() -> None:
    """Names, versions, checksums, licences, tensors, thresholds; the file's place is nobody's business."""
    answer = (await client_of(app_of()).get("/v1/models")).json()

    assert [model["name"] for model in answer["models"]] == ["text-segmentation", "inpainting"]
    first = answer["models"][0]
    assert first["sha256"] == fake_store().models[0].sha256
    assert first["licence"] == "Apache-2.0"
    assert first["inputs"] == [{"name": "image", "dtype": "float32", "shape": [1, 3, "H", "W"]}]
    assert first["thresholds"] == {"text": 0.4}
    assert "file" not in first


async def test_info_tells_limits_formats_and_defaults() -> None:
    """Enough for a frontend to refuse before it uploads."""
    answer = (await client_of(app_of(max_bytes=5000, slots=3, queue_per_slot=2)).get("/v1/info")).json()

    assert answer["version"] == service.__version__
    assert answer["limits"] == {
        "max_bytes": 5000,
        "max_batch_bytes": 268_435_456,
        "max_pixels": 40_000_000,
        "deadline_s": 30.0,
        "slots": 3,
        "queue_size": 6,
    }
    assert "image/png" in answer["formats"]["input"]
    assert answer["formats"]["output"] == ["same", "png", "jpeg", "webp", "psd", "ora"]
    assert answer["defaults"]["erase"]["dilate_px"] == 3
    assert answer["defaults"]["detect"]["unclip_ratio"] == 1.0


async def test_before_it_is_ready_it_lives_and_says_so() -> None:
    """`/healthz` answers 200, `/readyz` and the image routes 503 with `Retry-After`."""
    client = client_of(create_app(settings_of()))

    assert (await client.get("/healthz")).json() == {"status": "ok", "version": service.__version__}
    for response in (
        await client.get("/readyz"),
        await client.get("/v1/models"),
        await client.post("/v1/erase", files={"image": picture()}),
    ):
        assert (response.status_code, response.json()["type"]) == (503, "urn:text-eraser:problem:not-ready")
        assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_asked_by_head_too(path: str) -> None:
    """Some balancers ask so: the same status and headers as GET, while it starts and when it is ready."""
    for app in (create_app(settings_of()), app_of()):
        client = client_of(app)
        get, head = await client.get(path), await client.head(path)

        assert head.status_code == get.status_code
        assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/metrics", "/info", "/v1/info", "/models", "/v1/models"])
async def test_whatever_is_read_is_asked_by_head_too(path: str) -> None:
    """`curl -I` tells what GET would (RFC 9110, 9.1: every server has both)."""
    client = client_of(app_of())

    get, head = await client.get(path), await client.head(path)

    assert (head.status_code, head.headers["content-type"]) == (200, get.headers["content-type"])


async def test_the_docs_need_no_network() -> None:
    """The page names only our own files, they are there, and its policy allows nothing else."""
    client = client_of(app_of())
    page = await client.get("/docs")

    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 3
    assert not [address for address in addresses if "//" in address]
    assert {(await client.get("/" + address)).status_code for address in addresses} == {200}
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert (await client.get("/openapi.json")).json()["info"]["title"] == "Text Eraser"


async def test_the_docs_can_be_turned_off() -> None:
    """`TEXT_ERASER_DOCS=false` leaves neither page nor document."""
    client = client_of(app_of(docs=False))
    answers = [await client.get(path) for path in ("/docs", "/openapi.json")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert not [answer for answer in answers if "lists them" in answer.text]
