"""Layers around the routes, in pure ASGI so that a client's leaving is seen: sight, and admission by bytes held."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Overloaded, TooManyBytes
from service.telemetry import RequestRecord, Telemetry

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
RECORD_KEY = "text_eraser.record"
METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def record_of(scope: Scope) -> RequestRecord:
    """What is known of this request so far."""
    record: RequestRecord = scope[RECORD_KEY]
    return record


class Sight:
    """Gives each request an id and a record, sets the headers that every answer has, tells the record at the end."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, watching what comes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        trace = TRACE_PARENT.fullmatch(headers.get("traceparent", ""))
        record = RequestRecord(
            request_id=_request_id(headers.get("x-request-id", "")),
            method=scope["method"],
            trace_id=trace.group(1) if trace else None,
        )
        scope[RECORD_KEY] = record

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = record.status or message["status"]
                answer = MutableHeaders(scope=message)
                answer["X-Request-ID"] = record.request_id
                answer["X-Content-Type-Options"] = "nosniff"
                answer.setdefault("Cache-Control", "no-store")
                answer.add_vary_header("Accept")
            elif message["type"] == "http.response.body":
                record.bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            record.route = _route(scope)
            self._telemetry.tell(record)


@dataclass
class Held:
    """Bodies that are in memory now."""

    bytes: int = 0


class Admission:
    """Bounds what uploads may hold before anything is parsed: requests at a time, bytes of one, bytes of all.

    Requests without a body (health, readiness, metrics, pages) and those whose path it does not count pass by.
    `held` lets others see what they hold at the moment.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_requests: int,
        max_bytes: int,
        max_held_bytes: int,
        retry_after_s: Callable[[], int],
        counts: Callable[[str], bool] = lambda _: True,
        held: Held | None = None,
    ) -> None:
        self._app = app
        self._counts = counts
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._max_held_bytes = max_held_bytes
        self._retry_after_s = retry_after_s
        self._requests = 0
        self._held = held or Held()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in and count what it holds. Raises TooManyBytes or Overloaded, now or on the way."""
        has_body = scope["type"] == "http" and scope["method"] in METHODS_WITH_BODY
        if not has_body or not self._counts(scope["path"]):
            await self._app(scope, receive, send)
            return
        self._check_length(Headers(scope=scope).get("content-length"))
        if self._requests >= self._max_requests:
            raise Overloaded(
                f"{self._requests} uploads are open; no more are taken at a time.", retry_after_s=self._retry_after_s()
            )
        record = record_of(scope)

        async def counted() -> Message:
            message = await receive()
            size = len(message.get("body", b""))
            record.bytes_in += size
            self._held.bytes += size
            if record.bytes_in > self._max_bytes:
                raise self._too_many(record.bytes_in)
            if self._held.bytes > self._max_held_bytes:
                raise Overloaded(
                    f"Uploads hold {self._held.bytes} bytes; at most {self._max_held_bytes} are held at a time.",
                    retry_after_s=self._retry_after_s(),
                )
            return message

        self._requests += 1
        try:
            await self._app(scope, counted, send)
        finally:
            self._requests -= 1
            self._held.bytes -= record.bytes_in

    def _check_length(self, declared: str | None) -> None:
        if declared is not None and declared.isdecimal() and int(declared) > self._max_bytes:
            raise self._too_many(int(declared))

    def _too_many(self, found: int) -> TooManyBytes:
        return TooManyBytes(
            f"The body has {found} bytes or more; at most {self._max_bytes} are accepted.",
            found_bytes=found,
            allowed_bytes=self._max_bytes,
        )


def _request_id(given: str) -> str:
    """The client's own id where it is a plain word, else a new one."""
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """The route's pattern, the same for a path and its `/v1` alias; never the path itself, which has no bound."""
    path: str = getattr(scope.get("route"), "path", "unmatched")
    return path.removeprefix("/v1")
