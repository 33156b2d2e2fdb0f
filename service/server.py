"""One process that serves: its socket, its signals, its exit code."""

from __future__ import annotations

import math
import signal
import socket
import sys
from importlib.util import find_spec
from types import FrameType

import uvicorn

from service.api.jobs import Backend
from service.app import create_app
from service.errors import TextEraserError
from service.host import (
    give_back_memory,
    limit_data_segment,
    raise_open_files_limit,
    usable_memory_bytes,
    use_one_heap,
)
from service.http.protocol import PatientProtocol
from service.settings import Settings
from service.telemetry import configure_logging

START_FAILED = 3
"""Exit code where the service cannot start: a damaged model store, a port that is taken."""
GRACE_S = 5
"""Seconds beyond the deadline that a stopping server waits for its last answers to be read."""


class Server(uvicorn.Server):
    """uvicorn's server; asked to stop, it tells the application first, so that chapters end soon."""

    def __init__(self, config: uvicorn.Config, backend: Backend) -> None:
        super().__init__(config)
        self._backend = backend

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Not ready any more; within a tenth of a second nobody can connect, and what was admitted is finished."""
        self._backend.state = "draining"
        super().handle_exit(sig, frame)


def serve(settings: Settings) -> int:
    """Serve until a signal says stop; the exit code of the process."""
    configure_logging(settings.log_level)
    if settings.telemetry and find_spec("opentelemetry.sdk") is None:
        return _start_failed(
            "TEXT_ERASER_TELEMETRY is set; it needs the extra `telemetry`: pip install '.[telemetry]' "
            "in a copy of Text Eraser's repository"
        )
    try:
        listener = _listen(settings.host, settings.port)
    except OSError as exc:
        return _start_failed(f"cannot listen on {settings.host} port {settings.port}: {exc.strerror}")
    raise_open_files_limit()
    use_one_heap()
    if settings.limit_memory:
        limit_data_segment(usable_memory_bytes() * 9 // 10)

    def stop() -> None:
        server.should_exit = True

    app = create_app(settings, on_failure=stop, at_rest=give_back_memory)
    backend: Backend = app.state.backend
    server = Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=PatientProtocol.with_timeouts(
                receive_timeout_s=settings.receive_timeout_s, send_timeout_s=settings.send_timeout_s
            ),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=math.ceil(settings.keep_alive_s),
            timeout_graceful_shutdown=math.ceil(settings.deadline_s) + GRACE_S,
        ),
        backend,
    )
    # uvicorn raises the signal again after a clean stop; a clean stop exits 0 all the same.
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, lambda *_: None)
    address, port = listener.getsockname()[:2]
    _say(f"serving on http://{f'[{address}]' if ':' in address else address}:{port}")
    server.run(sockets=[listener])
    if backend.failure is not None:
        return _start_failed(_reason(backend.failure))
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address[:2], family=family, backlog=2048)


def _reason(failure: BaseException) -> str:
    return str(failure) if isinstance(failure, TextEraserError) else f"{type(failure).__name__}: {failure}"


def _start_failed(reason: str) -> int:
    _say(f"cannot start: {reason}")
    return START_FAILED


def _say(text: str) -> None:
    print(f"text-eraser: {text}", file=sys.stderr, flush=True)  # noqa: T201  before and after the log's life
