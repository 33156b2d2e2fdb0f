"""A chapter to send to `/v1/batch`, and its answer opened."""

from __future__ import annotations

import io
import zipfile

import httpx

from tests.fakes import picture

PAGES = [(f"b/{9 - number}.png", picture(seed=number)) for number in range(6)]


async def send(client: httpx.AsyncClient, upload: bytes, accept: str = "*/*", **fields: str) -> httpx.Response:
    """Post an archive."""
    return await client.post("/v1/batch", files={"archive": upload}, data=fields, headers={"Accept": accept})


def opened(response: httpx.Response) -> zipfile.ZipFile:
    """The archive of an answer, checked."""
    assert response.status_code == 200, response.text
    reader = zipfile.ZipFile(io.BytesIO(response.content))
    assert reader.testzip() is None
    return reader
