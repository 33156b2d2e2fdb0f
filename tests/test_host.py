"""What affinity and cgroups grant."""

from __future__ import annotations

import os
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
