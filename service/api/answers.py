"""From an outcome to the response: bytes, JSON or ZIP, and the headers that tell what was done."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.schemas import Erased, Region, Regions
from service.batch.archives import Outlet
from service.eraser import Outcome
from service.imaging.codec import Encoded
from service.telemetry import RequestRecord

PIECE_BYTES = 4 * 1024 * 1024
"""So much of an answer is handed on at a time; a client that does not take it within `send_timeout_s` is cut."""
SUFFIXES = {
    "image/jpeg": "jpg",
    "image/tiff": "tif",
    "image/vnd.adobe.photoshop": "psd",
    "image/openraster": "ora",
}
"""File name endings that are not the media type's own word."""


@dataclass(frozen=True)
class _InBase64:
    """A file that becomes base64 text when it is sent."""

    data: bytes


_Part = bytes | _InBase64


class _Held(Response):
    """Counts against the memory for images while it is sent, and is sent in pieces, of which nobody makes copies."""

    def __init__(self, parts: Sequence[_Part], *, media_type: str) -> None:
        super().__init__(media_type=media_type)
        self._parts = parts
        self.headers["Content-Length"] = str(sum(_length(part) for part in parts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  nothing more comes in
        """Send it."""
        held_bytes = sum(len(part) if isinstance(part, bytes) else len(part.data) for part in self._parts)
        with scope["app"].state.backend.workers.sending(held_bytes):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for part in self._parts:
                for piece in _pieces(part):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})


def _length(part: _Part) -> int:
    return len(part) if isinstance(part, bytes) else -(-len(part.data) // 3) * 4


def _pieces(part: _Part) -> Iterator[bytes]:
    """The part as it is sent, at most PIECE_BYTES at a time: base64 makes four of three."""
    data, step = (part, PIECE_BYTES) if isinstance(part, bytes) else (part.data, PIECE_BYTES // 4 * 3)
    for start in range(0, len(data), step):
        piece = data[start : start + step]
        yield piece if isinstance(part, bytes) else base64.b64encode(piece)


def file_response(encoded: Encoded | None, outcome: Outcome, record: RequestRecord, *, media_type: str) -> Response:
    """The bytes of one file of the outcome, called `media_type`."""
    assert encoded is not None, "the route asked the Eraser for this file"
    return _response([encoded.data], outcome, record, media_type=media_type)


def regions_response(outcome: Outcome, record: RequestRecord) -> Response:
    """The regions as JSON."""
    answer = Regions(
        width=outcome.width, height=outcome.height, regions=[Region.of(region) for region in outcome.regions]
    )
    return _response([answer.model_dump_json().encode()], outcome, record, media_type="application/json")


def both_response(outcome: Outcome, record: RequestRecord) -> Response:
    """Image, mask and regions as JSON; the files take their places in it when they are sent."""
    assert outcome.image is not None
    assert outcome.mask is not None
    answer = Erased(
        image="",
        mask="",
        media_type=outcome.image.media_type,
        width=outcome.width,
        height=outcome.height,
        regions=[Region.of(region) for region in outcome.regions],
    )
    # These quotes stand nowhere else: inside of strings JSON escapes them.
    before, image_at, after_image = answer.model_dump_json().partition('"image":"')
    between, mask_at, after = after_image.partition('"mask":"')
    parts: list[_Part] = [
        (before + image_at).encode(),
        _InBase64(outcome.image.data),
        (between + mask_at).encode(),
        _InBase64(outcome.mask.data),
        after.encode(),
    ]
    return _response(parts, outcome, record, media_type="application/json")


def zip_response(outcome: Outcome, record: RequestRecord) -> Response:
    """Image and mask as two files, with the regions as a third."""
    assert outcome.image is not None
    assert outcome.mask is not None
    kind = outcome.image.media_type
    regions = Regions(
        width=outcome.width, height=outcome.height, regions=[Region.of(region) for region in outcome.regions]
    )
    file = Outlet()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed already
        archive.writestr("image." + SUFFIXES.get(kind, kind.removeprefix("image/")), outcome.image.data)
        archive.writestr("mask.png", outcome.mask.data)
        archive.writestr("regions.json", regions.model_dump_json())
    return _response(file.take(), outcome, record, media_type="application/zip")


def _response(parts: Sequence[_Part], outcome: Outcome, record: RequestRecord, *, media_type: str) -> Response:
    response = _Held(parts, media_type=media_type)
    response.headers["X-Regions"] = str(len(outcome.regions))
    response.headers["X-Mask-Share"] = f"{outcome.mask_share:.4f}"
    if outcome.residual is not None:
        response.headers["X-Residual"] = f"{outcome.residual:.4f}"
    response.headers["X-Model"] = ", ".join(outcome.models)
    response.headers["Server-Timing"] = ", ".join(
        f"{stage};dur={seconds * 1000:.1f}" for stage, seconds in record.stages_s.items()
    )
    if outcome.image is not None:
        response.headers["X-Fidelity"] = outcome.image.fidelity
        if outcome.image.untouched_sha256 is not None:
            response.headers["X-Untouched-SHA256"] = outcome.image.untouched_sha256
    return response
