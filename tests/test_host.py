"""What affinity and cgroups grant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.host import usable_cores, usable_memory_bytes

AFFINITY = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", AFFINITY),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("99900000 100000", AFFINITY),
        ("", AFFINITY),
    ],
)
def test_cores_are_the_affinity_cut_by_the_quota(tmp_path: Path, quota: str, cores: int) -> None:
    """Half a core counts as one; a quota beyond the affinity changes nothing."""
    (tmp_path / "cpu.max").write_text(quota)

    assert usable_cores(tmp_path) == cores


def test_an_old_cgroup_is_read_too(tmp_path: Path) -> None:
    """Version 1 keeps quota and period in two files, -1 meaning none, and memory in bytes."""
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("100000")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory/memory.limit_in_bytes").write_text("123456789")

    assert usable_cores(tmp_path) == 1
    assert usable_memory_bytes(tmp_path) == 123_456_789


def test_without_a_limit_memory_is_the_machines(tmp_path: Path) -> None:
    """`max`, or no cgroup at all."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert usable_memory_bytes(tmp_path) == physical

    (tmp_path / "memory.max").write_text("max\n")
    assert usable_memory_bytes(tmp_path) == physical


HEAP_WORK = """
import threading
import numpy as np
from service import host

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

def fill():
    blocks = [np.ones(60_000, np.uint8) for _ in range(2000)]
    kept.append(blocks[-1])

kept = []
host.use_one_heap()
before = resident_mb()
for _ in range(4):
    thread = threading.Thread(target=fill)
    thread.start()
    thread.join()
held = resident_mb() - before
host.give_back_memory()
print(held, resident_mb() - before)
"""


def held_and_left_mb(program: str) -> tuple[float, float]:
    """What a process of its own held before it gave memory back, and after: the two numbers that it prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    held, left = done.stdout.split()
    return float(held), float(left)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_free_heap_memory_goes_back_to_the_system() -> None:
    """120 MB that a heap holds below one block in use are returned; without asking it would keep them."""
    held_mb, left_mb = held_and_left_mb(HEAP_WORK)

    assert held_mb > 100, "the heap has kept them, or this test shows nothing"
    assert left_mb < 20


END_OF_HEAP = """
import threading
import numpy as np
from service import host

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

def fill():
    blocks = [np.ones(60_000, np.uint8) for _ in range(500)]

host.use_one_heap()
np.ones(25_000_000, np.uint8)  # once so much was freed, glibc keeps 50 MB at the end of a heap
before = resident_mb()
thread = threading.Thread(target=fill)
thread.start()
thread.join()
held = resident_mb() - before
host.give_back_memory()
print(held, resident_mb() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_end_of_the_heap_goes_back_whichever_thread_has_grown_it() -> None:
    """Of 30 MB that a thread had freed in a heap of its own, 11 stayed: the trim shrinks the main heap alone."""
    held_mb, left_mb = held_and_left_mb(END_OF_HEAP)

    assert held_mb > 25, "the heap has kept them, or this test shows nothing"
    assert left_mb < 5
