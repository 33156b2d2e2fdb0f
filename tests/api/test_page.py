"""The web page's files, as a browser gets them. What the page does is tested in tests/web."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.api.pages import PAGE_PATHS, WEB
from tests.fakes import app_of, client_of

pytestmark = pytest.mark.anyio

FILES = sorted(path.name for path in WEB.iterdir())


async def test_the_page_stands_at_the_root() -> None:
    """`/` answers with the page, to GET and HEAD alike."""
    client = client_of(app_of())
    page = await client.get("/")

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "<title>Text Eraser</title>" in page.text
    assert (await client.head("/")).status_code == 200


@pytest.mark.parametrize("path", ["/", *(f"/web/{name}" for name in FILES)])
async def test_files_are_kept_by_the_browser_but_asked_about(path: str) -> None:
    """`no-cache` and an ETag: the second time the answer is 304, without a body."""
    client = client_of(app_of())
    first = await client.get(path)
    second = await client.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, second.status_code, second.content) == (200, 304, b"")
    assert first.headers["cache-control"] == second.headers["cache-control"] == "no-cache"
    assert first.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/web/app.js", "/docs/assets/swagger-ui.css"])
@pytest.mark.parametrize("part", ["bytes=0-9", "bytes=9999999-", "bytes=5-2", "lines=1"])
async def test_files_are_sent_whole_whatever_part_is_asked_for(path: str, part: str) -> None:
    """A range that could not be had was refused in plain text, which no other refusal is."""
    client = client_of(app_of())

    whole, asked = await client.get(path), await client.get(path, headers={"Range": part})

    assert (asked.status_code, asked.content) == (200, whole.content)
    assert asked.headers["accept-ranges"] == "none"


async def test_the_policy_allows_our_own_files_only() -> None:
    """No inline script or style, no other host, no frame around the page."""
    policy = (await client_of(app_of()).get("/")).headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_every_file_that_is_named_is_there() -> None:
    """Links of the page and imports of its modules lead to files of ours."""
    client = client_of(app_of())
    page = (await client.get("/")).text
    named = [f"/{address}" for address in re.findall(r'(?:src|href)="(web/[^"]+)"', page)]
    for script in WEB.glob("*.js"):
        named += [f"/web/{name}" for name in re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8"))]

    assert len(named) > 10
    assert {address: (await client.get(address)).status_code for address in named} == dict.fromkeys(named, 200)


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_another_host(name: str) -> None:
    """The page works with the network off; a namespace is a name, not an address."""
    text = (WEB / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")

    assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]", text)


async def test_no_path_leads_out_of_the_folder() -> None:
    """Neither dots nor their escapes reach another file."""
    client = client_of(app_of())
    for path in ("/web/../pyproject.toml", "/web/%2e%2e/pyproject.toml", "/web/..%2fpyproject.toml", "/web/", "/web"):
        answer = await client.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_page_itself_needs_no_token() -> None:
    """A browser cannot send one before it has the page; the API behind it still asks."""
    client = client_of(app_of(tokens="secret"))

    assert {(await client.get(path)).status_code for path in PAGE_PATHS} == {200}
    assert (await client.get("/v1/info")).status_code == 401
    assert (await client.get("/web/%2e%2e/pyproject.toml")).status_code == 401


def test_each_module_is_small() -> None:
    """A file that needs section headers wants to be two: fewer than 400 lines each."""
    assert {path.name: n for path in WEB.glob("*.js") if (n := len(Path(path).read_text().splitlines())) >= 400} == {}
