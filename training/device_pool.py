"""Samples kept on the device: workers add fresh ones when they can, the trainer draws as many crops as it likes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Arrays = Mapping[str, npt.NDArray[np.uint8]]
"""Field name -> uint8 `(n, ...)`, the same n for all."""
_LEAST_CHANCE = 0.05
"""Of a sample without any error, where one that is wrong in 1 px of 100 has 0.15: nothing is forgotten."""


class DevicePool:
    """A ring of samples on the device, filled from `source` in the background.

    The GPU is faster than the workers, so each sample is drawn several times, always as another crop; slow workers mean
    more reuse, never a wait. The oldest samples are overwritten. Samples that were graded as hard can be drawn more
    often (Loshchilov & Hutter 2015, "Online Batch Selection for Faster Training of Neural Networks").
    """

    def __init__(
        self, source: Iterator[Arrays], *, fields: tuple[str, ...], capacity: int, device: torch.device
    ) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; expected 1 or more samples")
        self.capacity = capacity
        self.device = device
        self.fields = fields
        self.received = 0
        self._buffers: dict[str, Tensor] = {}
        self._difficulty = torch.ones(capacity, device=device)
        self._drawn = torch.zeros(0, dtype=torch.long, device=device)
        self._source = source
        self._staged: queue.Queue[dict[str, Tensor] | BaseException] = queue.Queue(maxsize=4)
        self._stopped = threading.Event()
        self._feeder = threading.Thread(target=self._stage, name="pool-feeder", daemon=True)
        self._feeder.start()

    def __len__(self) -> int:
        return min(self.received, self.capacity)

    def _stage(self) -> None:
        """Bring samples into pinned memory, so that the copy to the device does not make the trainer wait."""
        try:
            for arrays in self._source:
                staged = {field: torch.from_numpy(np.ascontiguousarray(arrays[field])) for field in self.fields}
                if self.device.type == "cuda":
                    staged = {field: tensor.pin_memory() for field, tensor in staged.items()}
                self._put(staged)
                if self._stopped.is_set():
                    return
            self._put(EOFError("the source of samples has ended"))
        except BaseException as exc:  # noqa: BLE001  the trainer's thread raises it again
            self._put(exc)

    def _put(self, item: dict[str, Tensor] | BaseException) -> None:
        while not self._stopped.is_set():
            try:
                self._staged.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def _add(self, staged: dict[str, Tensor]) -> None:
        count = len(staged[self.fields[0]])
        start = self.received % self.capacity
        places = torch.arange(start, start + count, device=self.device) % self.capacity
        for field, tensor in staged.items():
            if field not in self._buffers:
                shape = (self.capacity, *tensor.shape[1:])
                self._buffers[field] = torch.zeros(shape, dtype=torch.uint8, device=self.device)
            self._buffers[field].index_copy_(0, places, tensor.to(self.device, non_blocking=True))
        self._difficulty[places] = 1.0  # what nobody has graded yet is taken for hard: it is tried soon
        self.received += count

    def refill(self, *, most: int = 2, timeout_s: float | None = None) -> int:
        """Take in what is ready, at most `most` lots; with `timeout_s`, wait that long for the first.

        Returns the lots taken.

        An exception of the source is raised here.
        """
        for taken in range(most):
            try:
                item = self._staged.get(timeout=timeout_s) if timeout_s and not taken else self._staged.get_nowait()
            except queue.Empty:
                return taken
            if isinstance(item, EOFError) and self.received:
                return taken  # a finite source: go on with what is here
            if isinstance(item, BaseException):
                raise item
            self._add(item)
        return most

    def wait_for(self, count: int, *, timeout_s: float = 180.0) -> None:
        """Fill the pool with `count` samples before training starts. Raises TimeoutError if they do not come."""
        while len(self) < min(count, self.capacity):
            before = self.received
            if not self.refill(most=8, timeout_s=timeout_s) and self.received == before:
                if len(self) and not self._feeder.is_alive():
                    return
                raise TimeoutError(f"{len(self)} of {count} samples after waiting {timeout_s:.0f} s for the next")

    def draw(self, count: int, *, hard_first: bool = False) -> dict[str, Tensor]:
        """`count` random samples, uint8 on the device, with repetition; hard ones more often if `hard_first`."""
        assert self.received, "wait_for() must be called before samples are drawn"
        if hard_first:
            chances = _LEAST_CHANCE + self._difficulty[: len(self)].sqrt()
            self._drawn = torch.multinomial(chances, count, replacement=True)
        else:
            self._drawn = torch.randint(0, len(self), (count,), device=self.device)
        return {field: buffer[self._drawn] for field, buffer in self._buffers.items()}

    def grade(self, difficulty: Tensor) -> None:
        """Say how hard the samples drawn last were: `(count,)` in [0, 1]; half of what was said before stays."""
        self._difficulty[self._drawn] = 0.5 * (self._difficulty[self._drawn] + difficulty)

    def stop(self) -> None:
        """Let the feeder end; the samples stay."""
        self._stopped.set()
