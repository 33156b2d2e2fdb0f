"""The slots that compute and the bounded queue before them. Runs any function; knows nothing of images or HTTP."""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import cv2

from service.deadline import Deadline
from service.errors import ClientGone, NotReady, OutOfMemory, Overloaded

T = TypeVar("T")

FIRST_GUESS_S = 1.0
"""Service time before any was measured, for `Retry-After`."""
REST_S = 1.0
"""So long must nothing run before it counts as rest."""
PATIENT_NICENESS = 10
"""Of the threads of patient jobs: a tenth of another thread's share where both want the same core."""
SMOOTHING = 0.2
"""Weight of the newest service time in the moving mean."""


@dataclass(frozen=True)
class Done(Generic[T]):
    """A finished job."""

    value: T
    queue_s: float
    """Seconds that it waited for its slot."""


@dataclass(eq=False)
class _Ticket:
    """A place in the queue, then a slot."""

    weight_bytes: int
    patient: bool = False
    turn: asyncio.Future[OutOfMemory | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Done when a slot is there, or with the reason why there will be none."""


class Workers:
    """`slots` threads, a queue of at most `queue_size` jobs, and `memory_bytes` for those that run.

    What `held_bytes` says is held for longer than a job, and leaves that much less: where a job then fits beside
    nothing, it is refused, for nobody can say when there will be room again. For what is on its way out (`sending`)
    it waits.

    Belongs to one event loop: every method is called on it. Jobs start in the order of their coming; patient ones
    when no other waits, and never in the last free slot, so that whoever comes next finds it (unless there is but one).
    `at_rest` is called, on a thread, each time the last job has been done for a while: the moment to tidy up. The
    threads of the slots have ended then, and with them what libraries and the C library keep for each; the next job
    starts new ones.
    """

    def __init__(
        self,
        *,
        slots: int,
        queue_size: int,
        memory_bytes: int,
        held_bytes: Callable[[], int] = lambda: 0,
        at_rest: Callable[[], None] = lambda: None,
    ) -> None:
        self.slots = slots
        self.queue_size = queue_size
        self.memory_bytes = memory_bytes
        self._held_bytes = held_bytes
        self._pool, self._patient_pool = self._fresh_pools()
        self._waiting: deque[_Ticket] = deque()
        self._patient: deque[_Ticket] = deque()
        self._running: set[_Ticket] = set()
        self._sent_bytes = 0
        self._mean_s = FIRST_GUESS_S
        self._at_rest = at_rest
        self._rest_timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def queue_depth(self) -> int:
        """Jobs that wait for a slot."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """Slots that are held. One is held until its thread has really returned, whoever has stopped waiting."""
        return len(self._running)

    @property
    def retry_after_s(self) -> int:
        """Whole seconds after which a place should be free: queue depth x mean service time / slots, at least 1."""
        return max(1, math.ceil(self.queue_depth * self._mean_s / self.slots))

    @property
    def patient_slots(self) -> int:
        """Slots that patient jobs may hold at a time."""
        return max(1, self.slots - 1)

    async def run(
        self, work: Callable[[], T], deadline: Deadline, *, weight_bytes: int = 0, patient: bool = False
    ) -> Done[T]:
        """Run `work` on a thread when a slot and `weight_bytes` of memory are free; its result and its wait.

        A `patient` job lets all others pass, and takes no place in the queue: whoever brings many bounds them.
        Raises Overloaded if the queue is full, OutOfMemory if the weight fits beside nothing
        (without a time to come again where it never will), the deadline's reason
        as soon as it is stopped (a job still queued is then never started), and whatever `work` raises.
        """
        ticket = self._enter(weight_bytes, patient=patient)
        loop = asyncio.get_running_loop()
        stopped: asyncio.Future[None] = loop.create_future()
        timer = None if deadline.remaining_s is None else loop.call_later(deadline.remaining_s, deadline.stop)
        came_at = time.perf_counter()
        job: asyncio.Future[T] | None = None
        try:
            with deadline.stopping(lambda: _settle_soon(loop, stopped)):
                await asyncio.wait(_any_of(ticket.turn, stopped), return_when=asyncio.FIRST_COMPLETED)
                deadline.check()
                if (refusal := ticket.turn.result()) is not None:
                    raise refusal
                queue_s = time.perf_counter() - came_at
                pool = self._patient_pool if patient else self._pool
                job = loop.run_in_executor(pool, _guarded, work, deadline)
                job.add_done_callback(partial(self._finish, ticket, time.perf_counter()))
                await asyncio.wait(_any_of(job, stopped), return_when=asyncio.FIRST_COMPLETED)
                if not job.done():
                    deadline.check()
                return Done(job.result(), queue_s)
        except asyncio.CancelledError:
            deadline.stop(ClientGone("The server stopped before the request was done."))
            raise
        finally:
            if timer is not None:
                timer.cancel()
            if job is None:
                self._leave(ticket)
            del job  # a failed job holds its exception, that this frame: a ring that keeps an image's arrays

    @contextmanager
    def sending(self, answer_bytes: int) -> Iterator[None]:
        """While inside, an answer of so many bytes is being sent, and jobs have that much less memory."""
        self._sent_bytes += answer_bytes
        try:
            yield
        finally:
            self._sent_bytes -= answer_bytes
            self._advance()

    async def close(self) -> None:
        """Take no more jobs and wait for the threads that still run."""
        self._closed = True
        self._stay_awake()
        await asyncio.to_thread(self._pool.shutdown)
        await asyncio.to_thread(self._patient_pool.shutdown)

    def _fresh_pools(self) -> tuple[ThreadPoolExecutor, ThreadPoolExecutor]:
        """For hasty and for patient jobs; a thread starts when a job first needs it."""
        return (
            ThreadPoolExecutor(self.slots, thread_name_prefix="worker"),
            # Threads of their own: the system lets a thread step back, but not forward again.
            ThreadPoolExecutor(self.patient_slots, thread_name_prefix="patient", initializer=_step_back),
        )

    def _enter(self, weight_bytes: int, *, patient: bool) -> _Ticket:
        if self._closed:
            raise NotReady("The service is shutting down.")
        if weight_bytes > self.memory_bytes:
            raise OutOfMemory(
                f"The image needs {weight_bytes} bytes of working memory; this server has {self.memory_bytes}.",
                retry_after_s=None,
                needed_bytes=weight_bytes,
                allowed_bytes=self.memory_bytes,
            )
        ticket = _Ticket(weight_bytes, patient)
        self._stay_awake()
        (self._patient if patient else self._waiting).append(ticket)
        self._advance()
        if self.queue_depth > self.queue_size:
            self._waiting.pop()
            raise Overloaded(
                f"{self.in_flight} images are being worked on and {self.queue_depth} wait; the queue is full.",
                retry_after_s=self.retry_after_s,
            )
        return ticket

    def _advance(self) -> None:
        """Give free slots to those who wait; the first in line is never overtaken, so large images get their turn."""
        while len(self._running) < self.slots and (line := self._line()):
            used_bytes = sum(ticket.weight_bytes for ticket in self._running)
            held_bytes = self._held_bytes()
            needed_bytes = held_bytes + used_bytes + line[0].weight_bytes
            fits = needed_bytes + self._sent_bytes <= self.memory_bytes
            if not fits and (self._running or needed_bytes <= self.memory_bytes):
                return
            ticket = line.popleft()
            if fits:
                self._running.add(ticket)
            ticket.turn.set_result(None if fits else self._no_room(ticket.weight_bytes, held_bytes))

    def _no_room(self, weight_bytes: int, held_bytes: int) -> OutOfMemory:
        room_bytes = max(0, self.memory_bytes - held_bytes)
        return OutOfMemory(
            f"The image needs {weight_bytes} bytes of working memory; of {self.memory_bytes} this server has "
            f"{room_bytes} beside the archives that it holds.",
            needed_bytes=weight_bytes,
            allowed_bytes=room_bytes,
        )

    def _line(self) -> deque[_Ticket]:
        """Those of whom the first is next."""
        if self._waiting or sum(ticket.patient for ticket in self._running) >= self.patient_slots:
            return self._waiting
        return self._patient

    def _finish(self, ticket: _Ticket, started_at: float, job: asyncio.Future[T]) -> None:
        if not job.cancelled() and job.exception() is None:
            self._mean_s += SMOOTHING * (time.perf_counter() - started_at - self._mean_s)
        self._leave(ticket)

    def _leave(self, ticket: _Ticket) -> None:
        self._running.discard(ticket)
        for line in (self._waiting, self._patient):
            if ticket in line:
                line.remove(ticket)
        self._advance()
        if not self._running and not self._closed:
            self._stay_awake()
            self._rest_timer = asyncio.get_running_loop().call_later(REST_S, self._rest)

    def _rest(self) -> None:
        """End the threads, then tidy up on one that is none of theirs; whoever comes meanwhile finds new ones."""
        tired = (self._pool, self._patient_pool)
        self._pool, self._patient_pool = self._fresh_pools()

        def tidy() -> None:
            for pool in tired:
                pool.shutdown()
            self._at_rest()

        asyncio.get_running_loop().run_in_executor(None, tidy)

    def _stay_awake(self) -> None:
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None


def _step_back() -> None:
    """Let this thread have what processor time the others leave, where the system knows priorities of threads."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PATIENT_NICENESS)


def _guarded(work: Callable[[], T], deadline: Deadline) -> T:
    """On the worker thread: nothing starts that was stopped, and running out of memory has one name."""
    deadline.check()
    try:
        return work()
    except MemoryError as exc:
        raise OutOfMemory from exc
    except cv2.error as exc:
        # Where the allocation was a C++ container's, OpenCV passes on the bare words, without a code.
        if getattr(exc, "code", None) == cv2.Error.StsNoMem or "bad_alloc" in str(exc):
            raise OutOfMemory from exc
        raise


def _any_of(*futures: asyncio.Future[Any]) -> set[asyncio.Future[Any]]:
    return set(futures)


def _settle_soon(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
    """Wake the waiter from whatever thread stopped the work."""
    loop.call_soon_threadsafe(lambda: None if future.done() else future.set_result(None))
