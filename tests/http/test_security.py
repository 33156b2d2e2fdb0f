"""Bearer tokens and CORS."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from service.http.security import EXPOSED_HEADERS
from tests.fakes import app_of, client_of, picture

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
OURS, OTHER = "https://reader.example", "https://elsewhere.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,x-request-timeout",
}


async def erase(client: httpx.AsyncClient, headers: dict[str, str] | None = None) -> httpx.Response:
    """Post a picture."""
    return await client.post("/v1/erase", files={"image": picture()}, headers=headers or {})


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        ("Bearer ", 401),
        ("Basic first", 401),
        ("first", 401),
        ("Bearer first,second", 401),
        ("Bearer first", 200),
        ("bearer second", 200),
    ],
)
async def test_with_tokens_set_only_a_known_one_opens_the_api(authorization: str | None, status: int) -> None:
    """401 as a problem, with the challenge that RFC 6750 asks for."""
    client = client_of(app_of(tokens="first, second"))

    response = await erase(client, {"Authorization": authorization} if authorization else {})

    assert response.status_code == status
    if status == 401:
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["type"] == "urn:text-eraser:problem:unauthorized"


async def test_a_token_may_have_letters_beyond_ascii() -> None:
    """It is compared by its bytes, as UTF-8; such a token opened nothing at all."""
    client = client_of(app_of(tokens="schlüssel"))

    answers = [
        await client.get("/v1/info", headers={"Authorization": f"Bearer {token}".encode()})
        for token in ("schlüssel", "schlussel")
    ]

    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize(("public", "status"), [(True, 200), (False, 401)])
async def test_health_stays_open_and_metrics_by_setting(public: bool, status: int) -> None:  # noqa: FBT001  a case
    """Orchestrators bear no token; monitoring may."""
    client = client_of(app_of(tokens="first", metrics_public=public))

    paths = ("/healthz", "/readyz", "/docs", "/docs/assets/swagger-ui.css", "/metrics", "/v1/info")
    assert [(await client.get(path)).status_code for path in paths] == [200, 200, 200, 200, status, 401]


async def test_a_host_header_opens_nothing() -> None:
    """The path that is checked is the request's own, not one that the Host header can bend."""
    client = client_of(app_of(tokens="first"))

    assert (await client.get("/v1/models", headers={"Host": "x/healthz?"})).status_code == 401


async def test_cors_is_off_by_default() -> None:
    """Without an allow-list no origin is told anything."""
    response = await erase(client_of(app_of()), {"Origin": OURS})

    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_an_allowed_origin_may_read_the_answer_and_our_headers() -> None:
    """Its exact name comes back, never `*`, never with credentials; caches keep origins apart."""
    response = await erase(client_of(app_of(cors_origins=f"{OURS}, https://x.example")), {"Origin": OURS})

    assert response.headers["access-control-allow-origin"] == OURS
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers["access-control-expose-headers"] == ", ".join(EXPOSED_HEADERS)
    assert {word.strip() for word in response.headers["vary"].split(",")} == {"Origin", "Accept"}


def test_every_header_that_is_documented_may_be_read() -> None:
    """`X-Residual` and `X-Pages` could not: a page of another origin never saw them."""
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text(encoding="utf-8"))
    documented = {
        name
        for methods in document["paths"].values()
        for operation in methods.values()
        for response in operation["responses"].values()
        for name in response.get("headers", {})
    }

    assert documented <= set(EXPOSED_HEADERS)


async def test_another_origin_is_told_nothing() -> None:
    """The answer bears no permission."""
    response = await erase(client_of(app_of(cors_origins=OURS)), {"Origin": OTHER})

    assert "access-control-allow-origin" not in response.headers


async def test_a_problem_can_be_read_by_an_allowed_origin_too() -> None:
    """Errors bear the same permission, those of the token gate included."""
    client = client_of(app_of(cors_origins=OURS, tokens="first"))

    response = await erase(client, {"Origin": OURS})

    assert (response.status_code, response.headers["access-control-allow-origin"]) == (401, OURS)


async def test_without_an_allow_list_a_preflight_is_a_problem_as_any_other() -> None:
    """`OPTIONS` is a method that the route does not have."""
    response = await client_of(app_of()).options("/v1/erase", headers={"Origin": OURS, **PREFLIGHT})

    assert (response.status_code, response.headers["content-type"]) == (405, "application/problem+json")


@pytest.mark.parametrize(("origin", "status"), [(OURS, 200), (OTHER, 400)])
async def test_a_preflight_is_answered_without_a_token(origin: str, status: int) -> None:
    """Browsers send none with it; only allowed origins hear yes."""
    client = client_of(app_of(cors_origins=OURS, tokens="first"))

    response = await client.options("/v1/erase", headers={"Origin": origin, **PREFLIGHT})

    assert response.status_code == status
    assert ("access-control-allow-origin" in response.headers) == (origin == OURS)
