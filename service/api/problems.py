"""Every error as RFC 9457 `application/problem+json`: one place, whatever layer raised it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import errors
from service.errors import (
    BadRequest,
    ClientGone,
    InvalidOption,
    MalformedForm,
    MethodNotAllowed,
    NotFound,
    OutOfMemory,
    TextEraserError,
    TooManyBytes,
)
from service.http.middleware import record_of
from service.telemetry import RequestRecord, Telemetry

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:text-eraser:problem:"


class Problems:
    """Answers whatever is raised below it. An error that is not ours is logged with its stack and told without it."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer with a problem if it fails before its answer began."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noticed(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        record = record_of(scope)
        try:
            await self._app(scope, receive, noticed)
        except TextEraserError as exc:
            if started:
                raise
            if exc.status >= 500 and type(exc).status == TextEraserError.status:
                self._telemetry.failed(record, exc)
            await problem(exc, record)(scope, receive, send)
        except MemoryError:
            if started:
                raise
            await problem(OutOfMemory(), record)(scope, receive, send)
        except Exception as exc:
            if started:
                raise
            self._telemetry.failed(record, exc)
            await problem(TextEraserError(), record)(scope, receive, send)


def problem(error: TextEraserError, record: RequestRecord) -> Response:
    """The answer to `error`; notes it in the record."""
    record.problem = error.code
    if isinstance(error, ClientGone):
        record.status = error.status
    content = {
        "type": TYPE_PREFIX + error.code,
        "title": error.public,
        "status": error.status,
        "detail": error.detail,
        "instance": record.request_id,
        **{name: fact for name, fact in error.facts.items() if fact is not None},
    }
    body = json.dumps(content, default=str, ensure_ascii=False).encode("utf-8", errors="replace")
    return Response(body, status_code=error.status, media_type=MEDIA_TYPE, headers=error.headers)


async def http_exception(request: Request, exc: Exception) -> Response:
    """What the framework refuses by itself: no route, wrong method, a body or form over its limits."""
    assert isinstance(exc, HTTPException)
    response = problem(_translated(request, exc), record_of(request.scope))
    for name, value in (exc.headers or {}).items():
        response.headers[name] = value
    return response


async def validation_error(request: Request, exc: Exception) -> Response:
    """A parameter that the framework itself could not read."""
    assert isinstance(exc, RequestValidationError)
    names = ", ".join(str(error["loc"][-1]) for error in exc.errors())
    return problem(InvalidOption(f"Not readable: {names}."), record_of(request.scope))


def _translated(request: Request, exc: HTTPException) -> TextEraserError:
    path = request.scope["path"][:200]
    known: Mapping[int, TextEraserError] = {
        400: MalformedForm(exc.detail),
        404: NotFound(f"There is no route {path}" + ("; `/docs` lists them." if request.app.openapi_url else ".")),
        405: MethodNotAllowed(
            f"{request.method} is not allowed on {path}; allowed: {(exc.headers or {}).get('Allow', 'no method')}."
        ),
        413: TooManyBytes(exc.detail),
    }
    return known.get(exc.status_code, BadRequest(exc.detail) if exc.status_code < 500 else TextEraserError())


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for these statuses, each with an example of every problem that has it."""
    return {status: _document(status, _errors_of(status)) for status in statuses}


def _errors_of(status: int) -> list[type[TextEraserError]]:
    found = [kind for kind in _tree(TextEraserError) if kind.status == status]
    leaves = [kind for kind in found if not kind.__subclasses__()]
    return [kind for kind in leaves or found if kind is not errors.ModelStoreError]


def _tree(kind: type[TextEraserError]) -> Iterable[type[TextEraserError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _tree(below)


def _document(status: int, kinds: list[type[TextEraserError]]) -> dict[str, Any]:
    examples = {
        kind.code: {
            "summary": kind.public,
            "value": {
                "type": TYPE_PREFIX + kind.code,
                "title": kind.public,
                "status": status,
                "detail": kind.public,
                "instance": "3f2c1a",
            },
        }
        for kind in kinds
    }
    entry: dict[str, Any] = {
        "description": " ".join(f"`{kind.code}`: {kind.public}" for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    }
    if status == 503:
        entry["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait; absent where no waiting helps.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return entry
