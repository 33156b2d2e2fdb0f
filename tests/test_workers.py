"""Slots, queue, deadline: who runs, who waits, who is refused."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable

import cv2
import numpy as np
import pytest

from service import workers as workers_module
from service.deadline import Deadline
from service.errors import ClientGone, DeadlineExceeded, NotReady, OutOfMemory, Overloaded
from service.workers import PATIENT_NICENESS, Workers

pytestmark = pytest.mark.anyio


class Gate:
    """Work that ends when it is told to, or when its deadline is stopped."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.running = 0

    def work(self, deadline: Deadline) -> Callable[[], str]:
        """A function for `Workers.run`."""

        def run() -> str:
            self.running += 1
            with deadline.stopping(self.open.set):
                self.open.wait(10)
            deadline.check()
            return "done"

        return run


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, 5 s at most."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    """One slot, one waiting place."""
    workers = Workers(slots=1, queue_size=1, memory_bytes=1000)
    yield workers
    await workers.close()


async def test_a_job_returns_its_value_and_its_wait(workers: Workers) -> None:
    """What the function returns comes back, with the seconds in the queue."""
    done = await workers.run(lambda: 42, Deadline())

    assert done.value == 42
    assert 0 <= done.queue_s < 1


async def test_a_full_queue_refuses_with_retry_after(workers: Workers) -> None:
    """One runs, one waits, the third is Overloaded and told when to come again."""
    gate = Gate()
    deadline = Deadline()
    jobs = [asyncio.create_task(workers.run(gate.work(deadline), deadline)) for _ in range(2)]
    await until(lambda: workers.in_flight == 1 and workers.queue_depth == 1)

    with pytest.raises(Overloaded) as refused:
        await workers.run(lambda: None, Deadline())

    assert refused.value.retry_after_s >= 1
    gate.open.set()
    assert [done.value for done in await asyncio.gather(*jobs)] == ["done", "done"]


async def test_retry_after_grows_with_the_queue_and_the_service_time() -> None:
    """ceil(queue depth x mean service time / slots): four waiting, 3 s each on 2 slots make 6 s."""
    workers = Workers(slots=2, queue_size=4, memory_bytes=1000)
    workers._mean_s = 3.0
    gate = Gate()
    deadline = Deadline()
    jobs = [asyncio.create_task(workers.run(gate.work(deadline), deadline)) for _ in range(6)]
    await until(lambda: workers.queue_depth == 4)

    assert workers.retry_after_s == 6

    gate.open.set()
    await asyncio.gather(*jobs)
    await workers.close()


async def test_time_over_while_running_stops_the_work_and_frees_the_slot(workers: Workers) -> None:
    """The waiter gets DeadlineExceeded at once; the work is told to stop, and the slot is free when it has."""
    gate = Gate()
    deadline = Deadline(0.05)
    started = time.perf_counter()

    with pytest.raises(DeadlineExceeded):
        await workers.run(gate.work(deadline), deadline)

    assert time.perf_counter() - started < 1
    await until(lambda: workers.in_flight == 0)


async def test_a_slot_is_held_until_the_thread_has_returned(workers: Workers) -> None:
    """Native code that cannot be stopped keeps its slot, however long ago its waiter left."""
    stubborn = threading.Event()

    with pytest.raises(DeadlineExceeded):
        await workers.run(lambda: stubborn.wait(5), Deadline(0.02))

    assert workers.in_flight == 1
    stubborn.set()
    await until(lambda: workers.in_flight == 0)


async def test_time_over_while_queued_never_starts_the_work(workers: Workers) -> None:
    """A job whose time ends in the queue leaves it, and its function is not called."""
    gate = Gate()
    first = Deadline()
    running = asyncio.create_task(workers.run(gate.work(first), first))
    await until(lambda: gate.running == 1)
    called: list[int] = []

    with pytest.raises(DeadlineExceeded):
        await workers.run(lambda: called.append(1), Deadline(0.03))

    assert workers.queue_depth == 0
    gate.open.set()
    await running
    assert not called


async def test_a_client_that_leaves_the_queue_never_starts_the_work(workers: Workers) -> None:
    """Stopped by another reason, the waiter gets that reason."""
    gate = Gate()
    first, second = Deadline(), Deadline()
    running = asyncio.create_task(workers.run(gate.work(first), first))
    await until(lambda: gate.running == 1)
    called: list[int] = []
    waiting = asyncio.create_task(workers.run(lambda: called.append(1), second))
    await until(lambda: workers.queue_depth == 1)

    second.stop(ClientGone())

    with pytest.raises(ClientGone):
        await waiting
    gate.open.set()
    await running
    assert not called


async def test_jobs_start_in_the_order_of_their_coming() -> None:
    """The queue is a line: first in, first out."""
    workers = Workers(slots=1, queue_size=10, memory_bytes=1000)
    order: list[int] = []

    await asyncio.gather(*[workers.run(lambda number=number: order.append(number), Deadline()) for number in range(8)])

    assert order == list(range(8))
    await workers.close()


async def test_large_jobs_do_not_run_beside_each_other() -> None:
    """With two slots, a job waits while its weight does not fit beside the running one's."""
    workers = Workers(slots=2, queue_size=4, memory_bytes=1000)
    gate = Gate()
    deadline = Deadline()
    jobs = [asyncio.create_task(workers.run(gate.work(deadline), deadline, weight_bytes=600)) for _ in range(2)]
    await until(lambda: gate.running == 1)
    await asyncio.sleep(0.02)

    assert (workers.in_flight, workers.queue_depth) == (1, 1)

    gate.open.set()
    await asyncio.gather(*jobs)
    await workers.close()


async def test_a_job_that_can_never_fit_is_refused(workers: Workers) -> None:
    """More weight than all the memory there is: OutOfMemory at once, naming both, with no time to come again."""
    with pytest.raises(OutOfMemory) as refused:
        await workers.run(lambda: None, Deadline(), weight_bytes=1001)

    assert refused.value.facts == {"needed_bytes": 1001, "allowed_bytes": 1000}
    assert refused.value.headers == {}


async def test_what_is_held_leaves_less_for_jobs() -> None:
    """A job waits for the others; where it would not fit with none beside it, it is refused, naming what is left."""
    held = [0]
    workers = Workers(slots=2, queue_size=4, memory_bytes=1000, held_bytes=lambda: held[0])
    gate = Gate()
    deadline = Deadline()
    first = asyncio.create_task(workers.run(gate.work(deadline), deadline, weight_bytes=400))
    await until(lambda: gate.running == 1)
    held[0] = 500
    second = asyncio.create_task(workers.run(lambda: "in time", deadline, weight_bytes=500))
    third = asyncio.create_task(workers.run(lambda: None, deadline, weight_bytes=501))
    fourth = asyncio.create_task(workers.run(lambda: "still served", deadline, weight_bytes=1))
    await asyncio.sleep(0.02)
    assert (workers.in_flight, workers.queue_depth) == (1, 3)

    gate.open.set()

    assert (await second).value == "in time"
    with pytest.raises(OutOfMemory) as refused:
        await third
    assert refused.value.facts == {"needed_bytes": 501, "allowed_bytes": 500}
    assert refused.value.headers == {"Retry-After": "1"}
    assert (await fourth).value == "still served"
    await first
    await workers.close()


async def test_an_answer_that_is_being_sent_leaves_less_for_jobs() -> None:
    """A finished picture takes memory until its last byte is out; who does not fit beside it waits for that."""
    workers = Workers(slots=2, queue_size=4, memory_bytes=1000)
    with workers.sending(600):
        small = await workers.run(lambda: "beside it", Deadline(), weight_bytes=400)
        large = asyncio.create_task(workers.run(lambda: "after it", Deadline(), weight_bytes=401))
        await asyncio.sleep(0.02)
        assert (small.value, large.done(), workers.queue_depth) == ("beside it", False, 1)

    assert (await large).value == "after it"
    await workers.close()


def _cv2_out_of_memory() -> None:
    error = cv2.error("no memory")
    error.code = cv2.Error.StsNoMem
    raise error


def _opencv_container_out_of_memory() -> None:
    raise cv2.error("std::bad_alloc")  # as connectedComponentsWithStats does: no code


def _numpy_out_of_memory() -> None:
    raise MemoryError


@pytest.mark.parametrize("work", [_numpy_out_of_memory, _cv2_out_of_memory, _opencv_container_out_of_memory])
async def test_running_out_of_memory_has_one_name(workers: Workers, work: Callable[[], None]) -> None:
    """MemoryError and OpenCV's allocation failure are OutOfMemory; the next job runs."""
    with pytest.raises(OutOfMemory):
        await workers.run(work, Deadline())

    assert (await workers.run(lambda: 1, Deadline())).value == 1


async def test_an_error_of_the_work_comes_back_as_it_is(workers: Workers) -> None:
    """Whatever the function raises, the waiter gets, and the slot is free."""

    def fail() -> None:
        raise ZeroDivisionError("ours")

    with pytest.raises(ZeroDivisionError, match="ours"):
        await workers.run(fail, Deadline())

    assert workers.in_flight == 0


async def test_cancelling_the_waiter_stops_the_work(workers: Workers) -> None:
    """A server that stops for good cancels its requests; their threads must end too."""
    gate = Gate()
    deadline = Deadline()
    job = asyncio.create_task(workers.run(gate.work(deadline), deadline))
    await until(lambda: gate.running == 1)

    job.cancel()

    with pytest.raises(asyncio.CancelledError):
        await job
    assert isinstance(deadline.stopped, ClientGone)
    await until(lambda: workers.in_flight == 0)


async def test_rest_comes_once_after_the_last_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while anything runs, not between two jobs that follow each other: a second after the last of them."""
    monkeypatch.setattr(workers_module, "REST_S", 0.05)
    gate, rests = Gate(), []
    workers = Workers(slots=2, queue_size=2, memory_bytes=1000, at_rest=lambda: rests.append(gate.running))
    long = Deadline()
    job = asyncio.create_task(workers.run(gate.work(long), long))
    for _ in range(3):
        await workers.run(lambda: None, Deadline())
    await asyncio.sleep(0.15)
    assert rests == []

    gate.open.set()
    await job
    await until(lambda: rests == [1])
    await asyncio.sleep(0.15)
    assert rests == [1]
    await workers.close()


async def test_at_rest_the_threads_have_ended_and_the_next_job_starts_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of both kinds; what a library keeps for each thread is freed before `at_rest` tidies up."""
    monkeypatch.setattr(workers_module, "REST_S", 0.01)
    used: list[threading.Thread] = []
    alive_at_rest: list[list[bool]] = []

    def job() -> str:
        used.append(threading.current_thread())
        return "done"

    workers = Workers(
        slots=2,
        queue_size=2,
        memory_bytes=1000,
        at_rest=lambda: alive_at_rest.append([thread.is_alive() for thread in used]),
    )
    await workers.run(job, Deadline())
    await workers.run(job, Deadline(), patient=True)
    await until(lambda: bool(alive_at_rest))

    assert alive_at_rest[-1] == [False] * len(used)
    assert (await workers.run(job, Deadline())).value == "done"
    assert (await workers.run(job, Deadline(), patient=True)).value == "done"
    await workers.close()


async def test_closing_cancels_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called on threads that have ended."""
    monkeypatch.setattr(workers_module, "REST_S", 0.02)
    rests: list[int] = []
    workers = Workers(slots=1, queue_size=1, memory_bytes=1000, at_rest=lambda: rests.append(1))
    await workers.run(lambda: None, Deadline())
    await workers.close()
    await asyncio.sleep(0.05)

    assert rests == []


async def test_closed_workers_take_no_more_jobs() -> None:
    """After close there is no slot any more."""
    workers = Workers(slots=1, queue_size=1, memory_bytes=1000)
    await workers.close()

    with pytest.raises(NotReady):
        await workers.run(lambda: None, Deadline())


async def test_no_slot_leaks_over_many_mixed_ends(workers: Workers) -> None:
    """Done, failed, timed out, refused and left, a hundred times over: in the end every slot is free."""

    async def one(number: int) -> None:
        deadline = Deadline(0.001 if number % 3 == 0 else 5)
        if number % 5 == 0:
            asyncio.get_running_loop().call_later(0.001, deadline.stop, ClientGone())
        await workers.run(lambda: time.sleep(0.002 if number % 2 else 0), deadline)

    await asyncio.gather(*[one(number) for number in range(100)], return_exceptions=True)
    for number in range(20):
        await asyncio.gather(one(number), return_exceptions=True)

    await until(lambda: workers.in_flight == 0 and workers.queue_depth == 0)
    assert (await workers.run(lambda: "free", Deadline())).value == "free"


@pytest.mark.parametrize("failure", [None, MemoryError, ValueError], ids=["deadline", "memory", "bug"])
async def test_work_that_fails_holds_no_image_afterwards(workers: Workers, failure: type[Exception] | None) -> None:
    """Arrays of a job that was stopped or failed are freed at once, without the garbage collector.

    They were not: each answer 504 or 503 kept its image's working memory, until the container's limit was reached.
    """
    deadline = Deadline()
    held: list[weakref.ref[np.ndarray]] = []

    def work() -> None:
        image = np.zeros((64, 64), np.uint8)
        held.append(weakref.ref(image))
        if failure is not None:
            raise failure
        deadline.stop()
        deadline.check()

    gc.disable()
    try:
        with pytest.raises((DeadlineExceeded, OutOfMemory, ValueError)):
            await workers.run(work, deadline)
        await until(lambda: workers.in_flight == 0)

        await until(lambda: held[0]() is None)  # the thread may still be on its way out
    finally:
        gc.enable()


async def test_patient_jobs_let_all_others_pass_and_leave_a_slot_free() -> None:
    """Of two slots they hold one; whoever comes later without patience is served before the next of them."""
    workers = Workers(slots=2, queue_size=4, memory_bytes=1000)
    gates = [Gate() for _ in range(4)]
    patient = [asyncio.create_task(workers.run(gate.work(d := Deadline()), d, patient=True)) for gate in gates[:2]]
    await until(lambda: workers.in_flight == 1)
    others = [asyncio.create_task(workers.run(gate.work(d := Deadline()), d)) for gate in gates[2:]]
    await until(lambda: workers.in_flight == 2)
    assert [gate.running for gate in gates] == [1, 0, 1, 0]

    gates[0].open.set()
    await patient[0]
    await until(lambda: gates[3].running == 1)
    assert gates[1].running == 0
    for gate in gates:
        gate.open.set()

    assert [(await task).value for task in (*patient, *others)] == ["done"] * 4
    await workers.close()


async def test_a_patient_job_that_is_stopped_is_never_started(workers: Workers) -> None:
    """It waits in no queue that could fill up, and leaves it like any other."""
    gate = Gate()
    running = asyncio.create_task(workers.run(gate.work(first := Deadline()), first))
    await until(lambda: workers.in_flight == 1)
    deadlines = [Deadline() for _ in range(20)]
    waiting = [asyncio.create_task(workers.run(lambda: "never", deadline, patient=True)) for deadline in deadlines]
    await asyncio.sleep(0)
    assert workers.queue_depth == 0

    for deadline in deadlines:
        deadline.stop(ClientGone())
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    gate.open.set()
    await running

    assert {type(answer) for answer in answers} == {ClientGone}


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="the system knows no priorities")
async def test_patient_jobs_step_back_on_the_processor_too(workers: Workers) -> None:
    """On threads of their own: those of all others keep their priority."""

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    usual = niceness()

    assert (await workers.run(niceness, Deadline(), patient=True)).value == PATIENT_NICENESS
    assert (await workers.run(niceness, Deadline())).value == usual
