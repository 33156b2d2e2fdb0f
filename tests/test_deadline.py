"""The instant at which a request gives up, and the flag that stops its work."""

from __future__ import annotations

import threading

import pytest

from service.deadline import Deadline
from service.errors import ClientGone, DeadlineExceeded


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Now, seconds."""
        return self.now_s


def test_time_runs_out() -> None:
    """Seconds left count down to 0 and no further; then check raises, naming the limit."""
    clock = Clock()
    deadline = Deadline(2.0, clock)
    clock.now_s += 1.5
    assert deadline.remaining_s == 0.5
    deadline.check()

    clock.now_s += 5

    assert deadline.remaining_s == 0.0
    with pytest.raises(DeadlineExceeded, match="2 s"):
        deadline.check()


def test_without_a_limit_time_never_runs_out() -> None:
    """None seconds left is no end."""
    deadline = Deadline()

    assert deadline.remaining_s is None
    deadline.check()


def test_the_first_reason_wins() -> None:
    """A client that left before the time was over left, whatever comes later."""
    deadline = Deadline(1.0)
    deadline.stop(ClientGone())
    deadline.stop()

    assert isinstance(deadline.stopped, ClientGone)
    with pytest.raises(ClientGone):
        deadline.check()


def test_stopping_calls_back_at_once_from_any_thread() -> None:
    """Whoever runs a graph hears of it while it runs."""
    deadline = Deadline()
    heard = threading.Event()
    with deadline.stopping(heard.set):
        thread = threading.Thread(target=deadline.stop)
        thread.start()
        assert heard.wait(5)
        thread.join()


def test_what_has_ended_is_not_called_back() -> None:
    """After the block the callback is forgotten, even where the block raised."""
    deadline = Deadline()
    calls: list[int] = []
    with pytest.raises(ValueError, match="inside"), deadline.stopping(lambda: calls.append(1)):
        raise ValueError("inside")
    with deadline.stopping(lambda: calls.append(2)):
        pass

    deadline.stop()

    assert not calls


def test_nothing_starts_after_the_stop() -> None:
    """Entering raises the reason before the block runs."""
    deadline = Deadline()
    deadline.stop(ClientGone())

    with pytest.raises(ClientGone), deadline.stopping(lambda: None):
        raise AssertionError("the block ran")


def test_work_that_was_done_in_spite_of_the_stop_is_done() -> None:
    """Leaving raises nothing; whoever goes on to the next step asks `check` first."""
    deadline = Deadline()

    with deadline.stopping(lambda: None):
        deadline.stop(ClientGone())

    with pytest.raises(ClientGone):
        deadline.check()


def test_many_threads_may_stop_at_once() -> None:
    """All of them return, and the work sees one reason."""
    deadline = Deadline()
    reasons = [ClientGone(str(number)) for number in range(16)]
    threads = [threading.Thread(target=deadline.stop, args=(reason,)) for reason in reasons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert deadline.stopped in reasons
    with pytest.raises(ClientGone) as raised:
        deadline.check()
    assert raised.value.detail == deadline.stopped.detail
