"""Answers are the right bytes, and are put together while they are sent: large files are held once."""

from __future__ import annotations

import base64
import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from starlette.responses import Response

from service.api.answers import both_response, zip_response
from service.eraser import Outcome
from service.imaging.codec import Encoded
from service.telemetry import RequestRecord
from tests.fakes import app_of

pytestmark = pytest.mark.anyio

IMAGE, MASK = (np.random.default_rng(size).bytes(size) for size in (20_000_001, 9_000_002))


async def sent(response: Response, keep: Callable[[bytes], object]) -> None:
    """Send the response, each piece of its body to `keep`."""

    async def send(message: dict[str, object]) -> None:
        keep(message.get("body", b""))

    await response({"type": "http", "app": app_of()}, None, send)


def answer(respond: Callable[[Outcome, RequestRecord], Response]) -> Response:
    """Of an image and a mask of many pieces, the last not full."""
    outcome = Outcome(
        7, 5, Encoded(IMAGE, "image/png", "exact"), Encoded(MASK, "image/png", "exact"), (), 0.1, ("a@1",)
    )
    return respond(outcome, RequestRecord(request_id="id", method="POST"))


async def test_json_holds_both_files_whole() -> None:
    """As base64, in the order of the schema, as long as the header says."""
    response, body = answer(both_response), bytearray()

    await sent(response, body.extend)

    assert len(body) == int(response.headers["content-length"])
    answered = json.loads(body)
    assert list(answered) == ["image", "mask", "media_type", "width", "height", "regions"]
    assert base64.b64decode(answered["image"], validate=True) == IMAGE
    assert base64.b64decode(answered["mask"], validate=True) == MASK


async def test_zip_holds_both_files_whole_and_says_how_long_they_are() -> None:
    """Sizes and checksums stand before the files too, for readers that go from front to back."""
    response, body = answer(zip_response), bytearray()

    await sent(response, body.extend)

    assert len(body) == int(response.headers["content-length"])
    assert int.from_bytes(body[22:26], "little") == len(IMAGE)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["image.png", "mask.png", "regions.json"]
        assert (archive.read("image.png"), archive.read("mask.png")) == (IMAGE, MASK)


@pytest.mark.parametrize("respond", [both_response, zip_response])
async def test_an_answer_of_both_copies_neither(respond: Callable[[Outcome, RequestRecord], Response]) -> None:
    """Beside 29 MB of files it takes a few pieces, and not what admission counted for the next image."""
    tracemalloc.start()
    try:
        await sent(answer(respond), len)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak_bytes < 16_000_000
