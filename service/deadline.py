"""The instant at which a request gives up, and the flag that stops its work. Nothing here knows about HTTP."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.errors import DeadlineExceeded, TextEraserError


class Deadline:
    """Shared by the waiter (event loop) and the worker thread.

    The worker calls `check()` between steps and wraps native calls in `stopping(callback)`;
    the waiter calls `stop(reason)` when time is up or the client has gone, which runs the
    callbacks at once, so that a running graph ends too. The first reason wins.
    """

    def __init__(self, timeout_s: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._ends_at = None if timeout_s is None else clock() + timeout_s
        self._reason: TextEraserError | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @property
    def remaining_s(self) -> float | None:
        """Seconds left, never negative; None without a limit."""
        return None if self._ends_at is None else max(0.0, self._ends_at - self._clock())

    @property
    def stopped(self) -> TextEraserError | None:
        """Why the work was stopped, or None."""
        return self._reason

    def stop(self, reason: TextEraserError | None = None) -> None:
        """Stop the work for `reason` (default: the time is over). Safe from any thread, any number of times."""
        with self._lock:
            if self._reason is None:
                self._reason = reason or self._time_over()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def check(self) -> None:
        """Raise DeadlineExceeded, or the reason given to `stop`, if the work must end."""
        if self._reason is None and self.remaining_s == 0.0:
            self.stop()
        if self._reason is not None:
            # A copy: a raised exception holds the frames that it passed, those hold this deadline and images too;
            # were it the reason itself, such a ring would keep them until the garbage collector comes by.
            raise copy.copy(self._reason)

    @contextmanager
    def stopping(self, callback: Callable[[], None]) -> Iterator[None]:
        """While inside, `stop` also calls `callback`; raises as `check` does on the way in.

        Not on the way out: work that was done in spite of the stop is done.
        """
        with self._lock:
            self._callbacks.append(callback)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)

    def _time_over(self) -> DeadlineExceeded:
        limit = "its limit" if self._timeout_s is None else f"{self._timeout_s:g} s"
        return DeadlineExceeded(f"The request was not done within {limit}.", timeout_s=self._timeout_s)
