"""A pool of samples: worker processes fill a ring in shared memory, a trainer draws from it as often as it likes.

Workers number their samples 0, 1, 2 ... between them, and sample i is the same whoever makes it; the order in which
they arrive is not. When the ring is full, the oldest sample gives way. Each place has a count that is 0 while it is
written, so that a reader notices when it read a sample in the making.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from training.data.samples import Sample, sample_shapes

MakeSample = Callable[[int], Sample]
_POLL_S = 0.02
_STOP_S = 10.0
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 -- a folder in memory where there is one


class PoolFailed(RuntimeError):
    """A worker stopped with an error, or nothing arrived in time."""


class Ring:
    """Places for samples in memory-mapped files, and the count of what stands in each."""

    def __init__(self, folder: Path, *, places: int, size_px: int, create: bool) -> None:
        mode = "w+" if create else "r+"
        self.fields = {
            name: np.memmap(folder / f"{name}.u8", np.uint8, mode, shape=(places, *shape))
            for name, shape in sample_shapes(size_px).items()
        }
        self.counts = np.memmap(folder / "counts.i64", np.int64, mode, shape=(places,))
        self.places = places

    def snapshot(self) -> np.ndarray:
        """A copy of the counts: workers go on changing the counts themselves, even while NumPy looks at them."""
        return np.array(self.counts)

    def put(self, number: int, sample: Sample) -> None:
        """Store sample `number` in its place."""
        place = number % self.places
        self.counts[place] = 0
        for name, array in sample.items():
            self.fields[name][place] = array
        self.counts[place] = number + 1

    def get(self, place: int) -> tuple[int, Sample] | None:
        """Number and copy of the sample in a place; None if it is empty or was being written."""
        before = int(self.counts[place])
        sample = Sample(**{name: np.array(field[place]) for name, field in self.fields.items()})
        return (before - 1, sample) if before and int(self.counts[place]) == before else None


class Pool:
    """Samples in the making. Use it as a context: leaving it stops the workers and frees the memory.

    `prepare` is called once in a process of its own, from which the workers are forked: what it loads is shared by all
    and the caller, with its threads and its GPU, is never forked. It returns the function that makes sample i, and must
    be importable (a function of a module, or a `functools.partial` of one).
    """

    def __init__(
        self, prepare: Callable[[], MakeSample], *, workers: int, places: int, size_px: int, first_index: int = 0
    ) -> None:
        if workers < 1 or places < 1:
            raise ValueError(f"workers is {workers}, places is {places}; expected at least 1 of each")
        base = _SHARED_MEMORY if _has_room(places, size_px) else None
        self._folder = Path(tempfile.mkdtemp(prefix="text-eraser-pool-", dir=base))
        self.ring = Ring(self._folder, places=places, size_px=size_px, create=True)
        context = multiprocessing.get_context("spawn")
        # A bare byte: an Event's lock stays locked for ever if its holder is killed.
        self._stop, self._errors = context.RawValue("b", 0), context.SimpleQueue()
        about = {"prepare": prepare, "workers": workers, "first_index": first_index, "owner": os.getpid()}
        about |= {
            "folder": self._folder,
            "places": places,
            "size_px": size_px,
            "stop": self._stop,
            "errors": self._errors,
        }
        self._foreman = context.Process(target=_foreman, kwargs=about, name="pool foreman")
        self._foreman.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers and free the memory; safe to call twice."""
        self._stop.value = 1
        self._foreman.join(_STOP_S)
        if self._foreman.is_alive():
            self._foreman.kill()
            self._foreman.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def made(self) -> int:
        """How many samples have been finished so far, those that gave way included."""
        return int(self.ring.snapshot().max(initial=0))

    def ready(self) -> np.ndarray:
        """Places that hold a sample."""
        return np.flatnonzero(self.ring.snapshot())

    def wait(self, count: int, *, timeout_s: float) -> None:
        """Wait until that many samples are in the ring (at most all its places). Raises PoolFailed."""
        until = time.monotonic() + timeout_s
        while len(self.ready()) < min(count, self.ring.places):
            self._check()
            if time.monotonic() > until:
                raise PoolFailed(f"{len(self.ready())} samples after {timeout_s:.0f} s; expected {count}")
            time.sleep(_POLL_S)

    def draw(self, generator: np.random.Generator, count: int, *, timeout_s: float = 300.0) -> list[Sample]:
        """Copies of any `count` samples in the ring, the same one perhaps more than once. Raises PoolFailed."""
        self.wait(1, timeout_s=timeout_s)
        drawn: list[Sample] = []
        while len(drawn) < count:
            found = self.ring.get(int(generator.choice(self.ready())))
            if found is not None:
                drawn.append(found[1])
            elif not self._foreman.is_alive():
                self._check()
        return drawn

    def since(self, number: int, *, most: int = 64) -> list[tuple[int, Sample]]:
        """Samples with a number above `number` (-1: all), the oldest first: to copy news to a GPU."""
        self._check()
        counts = self.ring.snapshot()
        news = [place for place in np.argsort(counts) if counts[place] > number + 1][:most]
        found = [self.ring.get(int(place)) for place in news]
        # a sample that was replaced meanwhile would break the order: it is news next time
        return [pair for pair, place in zip(found, news, strict=True) if pair and pair[0] + 1 == counts[place]]

    def _check(self) -> None:
        """Raise PoolFailed if a worker said why it stopped, or the foreman is gone."""
        if not self._errors.empty():
            raise PoolFailed(self._errors.get())
        if not self._foreman.is_alive() and not self._stop.value:
            raise PoolFailed(f"the pool's foreman ended with code {self._foreman.exitcode}")


def _has_room(places: int, size_px: int) -> bool:
    """Whether shared memory can take the ring and leave as much again."""
    needed = places * sum(int(np.prod(shape)) for shape in sample_shapes(size_px).values())
    return (
        _SHARED_MEMORY.is_dir()
        and os.access(_SHARED_MEMORY, os.W_OK)
        and shutil.disk_usage(_SHARED_MEMORY).free > 2 * needed
    )


def _foreman(*, prepare, folder, workers, places, size_px, first_index, stop, errors, owner) -> None:
    """Load what all workers share, fork them, and see to it that none outlives the owner."""
    # Ctrl-C, or a time limit that ends the whole process group, is the trainer's to handle; it closes the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        make_sample = prepare()
    except Exception:  # noqa: BLE001 -- whatever it was, the owner is to know
        errors.put(traceback.format_exc())
        return
    context = multiprocessing.get_context("fork")
    ticket = context.Value("q", 0)
    about = {"make_sample": make_sample, "folder": folder, "places": places, "size_px": size_px}
    about |= {"first_index": first_index, "ticket": ticket, "stop": stop, "errors": errors}
    crew = [context.Process(target=_work, kwargs=about, daemon=True) for _ in range(workers)]
    for worker in crew:
        worker.start()
    while not stop.value and os.getppid() == owner and any(worker.is_alive() for worker in crew):
        time.sleep(0.1)
    for worker in crew:
        worker.join(0.5)
        if worker.is_alive():
            worker.kill()
            worker.join()
    if os.getppid() != owner:  # killed, so that it could not free the memory itself
        shutil.rmtree(folder, ignore_errors=True)


def _work(*, make_sample, folder, places, size_px, first_index, ticket, stop, errors) -> None:
    """Make samples until told to stop."""
    with suppress(OSError):
        os.nice(5)  # the trainer goes first
    ring = Ring(folder, places=places, size_px=size_px, create=False)
    foreman = os.getppid()
    try:
        while not stop.value and os.getppid() == foreman:
            with ticket.get_lock():
                number = ticket.value
                ticket.value += 1
            ring.put(number, make_sample(first_index + number))
    except Exception:  # noqa: BLE001 -- whatever it was, the owner is to know
        errors.put(traceback.format_exc())
