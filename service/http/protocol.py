"""The connection: cuts clients that send or read too slowly, and answers unreadable requests with a problem.

uvicorn has neither timeout (encode/uvicorn#157, #1192), and httptools has no bound on headers.
"""

from __future__ import annotations

import json
import re
from asyncio import TimerHandle
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

UPGRADE = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)
BODY_STEP_BYTES = 256 * 1024
"""So much of a body must come in each receive timeout."""
MAX_HEADER_BYTES = 64 * 1024
MAX_DRAIN_BYTES = 64 * 1024 * 1024
"""So much of a refused body is read and thrown away, so that the client can read its answer; then it is cut."""


class PatientProtocol(HttpToolsProtocol):
    """HttpToolsProtocol with a receive timeout, a send timeout and bounds on what is read."""

    receive_timeout_s: ClassVar[float] = 10.0
    send_timeout_s: ClassVar[float] = 30.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._receive_timer: TimerHandle | None = None
        self._send_timer: TimerHandle | None = None
        self._in_headers = True
        self._header_bytes = 0
        self._body_bytes = 0
        self._drained_bytes = 0

    @classmethod
    def with_timeouts(cls, *, receive_timeout_s: float, send_timeout_s: float) -> type[PatientProtocol]:
        """The same protocol with these limits, seconds; uvicorn makes one instance for each connection."""
        return type(cls.__name__, (cls,), {"receive_timeout_s": receive_timeout_s, "send_timeout_s": send_timeout_s})

    def connection_made(self, transport: Any) -> None:
        """A client is there: it has `receive_timeout_s` for its headers."""
        super().connection_made(transport)
        self._await_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: no timer may outlive it."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came: parse them, but never keep headers without bound."""
        if self._in_headers:
            self._header_bytes += len(data)
            if self.cycle is None or self.cycle.response_complete:
                self._await_more()  # a blank line begins no message, but ends uvicorn's wait for the next one
            data = _without_upgrade(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The headers have more than {MAX_HEADER_BYTES} bytes.")

    def on_message_begin(self) -> None:
        """The first line of a request came."""
        self._await_more()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers are whole; a body may follow."""
        self._in_headers = False
        self._header_bytes = self._body_bytes = self._drained_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body came: enough of them buy more time."""
        self._body_bytes += len(body)
        if self._body_bytes >= BODY_STEP_BYTES:
            self._body_bytes = 0
            self._stop_waiting()
            self._await_more()
        if self.cycle.response_complete:
            self._drained_bytes += len(body)
            if self._drained_bytes > MAX_DRAIN_BYTES:
                self.transport.abort()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: from now on the time is ours."""
        self._in_headers = True
        self._stop_waiting()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not read: give it `send_timeout_s`."""
        super().pause_writing()
        self._send_timer = self.loop.call_later(self.send_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP as problem+json, then close."""
        body = json.dumps(
            {
                "type": "urn:text-eraser:problem:bad-request",
                "title": "The request cannot be read.",
                "status": 400,
                "detail": msg,
            }
        ).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    def _await_more(self) -> None:
        if self._receive_timer is None:
            self._receive_timer = self.loop.call_later(self.receive_timeout_s, self._cut)

    def _stop_waiting(self) -> None:
        if self._receive_timer is not None:
            self._receive_timer.cancel()
            self._receive_timer = None

    def _cut(self) -> None:
        self._receive_timer = None
        busy = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        if busy or self.pipeline:
            # A pipelined request waits behind one that we still work on: that is not the client's fault.
            self._await_more()
        elif not self.transport.is_closing():
            self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """Headers without the wish for another protocol, which a server may ignore (RFC 9110, 7.8).

    The parser takes what follows such headers for that protocol, and drops the body: of every upload of Java's own
    client, which asks for HTTP/2 so. A line that comes in two pieces is not seen, and costs its request.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    return UPGRADE.sub(b"", head) + end + rest if UPGRADE.search(head) else data
