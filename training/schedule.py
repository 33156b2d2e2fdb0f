"""How the learning rate moves, as a function of progress from 0 to 1, and the wall clock that progress comes from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

RAMP_S = 8.0
"""A resumed run has lost its optimiser's moments; it warms up again for this long."""


def one_cycle(progress: float, *, warm_up: float = 0.06, start: float = 0.05, end: float = 0.002) -> float:
    """Factor on the learning rate: cosine up to 1 over `warm_up`, cosine down to `end` (Smith & Topin 2019, fig. 1)."""
    progress = min(max(progress, 0.0), 1.0)
    if progress < warm_up:
        return start + (1 - start) * 0.5 * (1 - math.cos(math.pi * progress / warm_up))
    fall = (progress - warm_up) / (1 - warm_up)
    return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * fall))


def cyclical(progress: float, *, cycles: int = 4, low: float = 0.1, end: float = 0.002) -> float:
    """Factor on the learning rate.

    `cycles` triangles between `low` and 1 (Smith 2017, sec. 3.1), the last falling to `end`.
    """
    position = min(max(progress, 0.0), 1.0) * cycles
    within = min(position - min(int(position), cycles - 1), 1.0)
    floor = end if position >= cycles - 0.5 else low
    return floor + (1 - floor) * (1 - abs(2 * within - 1))


class WallClock:
    """Progress of a schedule that may span several calls, in seconds of their wall clocks, start-up included.

    `minutes` is what this call may take in all, of which `started_s` seconds went by before the first step; the
    schedule covers `total_minutes` over all calls, of which `done_s` seconds are behind us; without `total_minutes` it
    ends with this call. A run that starts late or on a slow machine takes fewer steps, but its learning rate still
    comes to rest on time, and a machine that is lent by the minute is given back in time.
    """

    def __init__(
        self,
        minutes: float,
        *,
        started_s: float = 0.0,
        done_s: float = 0.0,
        total_minutes: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        if minutes <= 0:
            raise ValueError(f"minutes is {minutes}; expected more than 0")
        self._now = now
        self._started_at = now() - started_s
        self._first_step_at = now()
        self._stopped = False
        self._call_s = minutes * 60
        self._done_s = done_s
        # A resumed call without a total is a cycle of its own; what was done before then does not count.
        self._cycle_s = self._call_s if total_minutes is None else total_minutes * 60
        self._before_s = 0.0 if total_minutes is None else done_s

    @property
    def elapsed_s(self) -> float:
        """Seconds of this call, from its start."""
        return self._now() - self._started_at

    @property
    def trained_s(self) -> float:
        """Seconds of all calls."""
        return self._done_s + self.elapsed_s

    @property
    def left_s(self) -> float:
        """Seconds left to this call; none once it was told to stop."""
        return 0.0 if self._stopped else max(0.0, self._call_s - self.elapsed_s)

    def stop(self) -> None:
        """End this call now, as if its minutes were spent."""
        self._stopped = True

    @property
    def is_over(self) -> bool:
        """Whether this call's minutes are spent."""
        return self.left_s <= 0

    @property
    def progress(self) -> float:
        """0 at the start of the schedule, 1 at its end."""
        return min(1.0, (self._before_s + self.elapsed_s) / self._cycle_s)

    @property
    def ramp(self) -> float:
        """Factor that re-warms a resumed run: 0.05 to 1 within its first seconds, always 1 for a fresh one."""
        if self._done_s <= 0:
            return 1.0
        return min(1.0, 0.05 + (self._now() - self._first_step_at) / RAMP_S)
