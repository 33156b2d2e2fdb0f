"""What this machine lets us use: processor cores and bytes of memory, as affinity and cgroups grant them."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import resource
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
_M_ARENA_MAX = -8
"""glibc's number for it, from malloc.h."""


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Cores that this process may keep busy: its affinity, cut by the cgroup's quota; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota(cgroup)
    return max(1, cores if quota is None else min(cores, math.ceil(quota)))


def usable_memory_bytes(cgroup: Path = CGROUP) -> int:
    """Memory that this process may fill: the machine's, cut by the cgroup's limit."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _memory_limit_bytes(cgroup)
    return physical if limit is None else min(physical, limit)


def limit_data_segment(limit_bytes: int) -> None:
    """Make running out of memory an exception (and so a clean 503) instead of a kill: RLIMIT_DATA."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def use_one_heap() -> None:
    """Let all threads share the main heap (glibc's M_ARENA_MAX).

    The others keep the free space at their end, up to 64 MB of it: `malloc_trim` shrinks the main heap alone, and
    returns of the others only what lies free between blocks in use.
    """
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Return what the heaps hold free to the system (glibc's malloc_trim); takes some 30 ms after a large image.

    A lower threshold for returning memory would do it all the time, and cost a quarter of the throughput when the
    networks' buffers lay in the heap: every one was mapped and zeroed anew.
    """
    gc.collect()  # a request that failed may have left its image in a ring of frames
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def raise_open_files_limit() -> None:
    """Allow as many open sockets as the hard limit does; the soft one is often 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _glibc(name: str) -> ctypes._NamedFuncPointer | None:
    """The function `name` of the process's C library; None where that is another one, such as musl."""
    return getattr(ctypes.CDLL(None), name, None)


def _cpu_quota(cgroup: Path) -> float | None:
    """Cores' worth of processor time per period (cgroup v2, else v1); None without a limit."""
    fields = _words(cgroup / "cpu.max")
    if len(fields) == 2 and fields[0] != "max":
        return int(fields[0]) / int(fields[1])
    quota, period = _words(cgroup / "cpu/cpu.cfs_quota_us"), _words(cgroup / "cpu/cpu.cfs_period_us")
    if quota and period and int(quota[0]) > 0:
        return int(quota[0]) / int(period[0])
    return None


def _memory_limit_bytes(cgroup: Path) -> int | None:
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        fields = _words(cgroup / name)
        if fields and fields[0] != "max":
            return int(fields[0])
    return None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []
