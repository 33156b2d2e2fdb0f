"""From an outcome to the response: bytes, JSON or ZIP, and the headers that tell what was done."""

from __future__ import annotations

import base64
import io
import zipfile

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.schemas import Answer, Erased, Region, Regions
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


class _Held(Response):
    """Counts against the memory for images while it is sent, and is sent in pieces, of which nobody makes copies."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  nothing more comes in
        """Send it."""
        body = memoryview(self.body)
        with scope["app"].state.backend.workers.sending(len(body)):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for start in range(0, len(body), PIECE_BYTES):
                piece = bytes(body[start : start + PIECE_BYTES])
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})


def file_response(encoded: Encoded | None, outcome: Outcome, record: RequestRecord, *, media_type: str) -> Response:
    """The bytes of one file of the outcome, called `media_type`."""
    assert encoded is not None, "the route asked the Eraser for this file"
    response = _Held(encoded.data, media_type=media_type)
    _describe(response, outcome, record)
    return response


def regions_response(outcome: Outcome, record: RequestRecord) -> Response:
    """The regions as JSON."""
    answer = Regions(
        width=outcome.width, height=outcome.height, regions=[Region.of(region) for region in outcome.regions]
    )
    return _json(answer, outcome, record)


def both_response(outcome: Outcome, record: RequestRecord) -> Response:
    """Image, mask and regions as JSON."""
    assert outcome.image is not None
    assert outcome.mask is not None
    answer = Erased(
        image=base64.b64encode(outcome.image.data).decode("ascii"),
        mask=base64.b64encode(outcome.mask.data).decode("ascii"),
        media_type=outcome.image.media_type,
        width=outcome.width,
        height=outcome.height,
        regions=[Region.of(region) for region in outcome.regions],
    )
    return _json(answer, outcome, record)


def zip_response(outcome: Outcome, record: RequestRecord) -> Response:
    """Image and mask as two files, with the regions as a third."""
    assert outcome.image is not None
    assert outcome.mask is not None
    kind = outcome.image.media_type
    regions = Regions(
        width=outcome.width, height=outcome.height, regions=[Region.of(region) for region in outcome.regions]
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed already
        archive.writestr("image." + SUFFIXES.get(kind, kind.removeprefix("image/")), outcome.image.data)
        archive.writestr("mask.png", outcome.mask.data)
        archive.writestr("regions.json", regions.model_dump_json())
    response = _Held(buffer.getvalue(), media_type="application/zip")
    _describe(response, outcome, record)
    return response


def _json(answer: Answer, outcome: Outcome, record: RequestRecord) -> Response:
    response = _Held(answer.model_dump_json(), media_type="application/json")
    _describe(response, outcome, record)
    return response


def _describe(response: Response, outcome: Outcome, record: RequestRecord) -> None:
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
