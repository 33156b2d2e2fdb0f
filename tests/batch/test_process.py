"""The real command on real graphs: run twice, killed in the middle, and watched for its memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.batch.drawn import contents, draw_folder, is_whole

ROOT = Path(__file__).parents[2]
PAGES = 300
KILLS = 4

pytestmark = pytest.mark.slow


def start(source: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    words = [sys.executable, "-m", "service", "batch", str(source), str(out), "--slots", "2"]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def finish(process: subprocess.Popen[bytes]) -> int:
    """Wait for it; its peak of resident memory, MiB."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss // 1024


def statuses(out: Path) -> list[str]:
    """What the report says of each page."""
    pages = json.loads((out / "report.json").read_bytes())["pages"]
    assert len({page["page"] for page in pages}) == len(pages)
    return [page["status"] for page in pages]


def test_three_hundred_pages_twice_and_killed_in_between(tmp_path: Path) -> None:
    """However often it is killed: in the end every page is there once, whole, as if nothing had happened."""
    source, straight, killed = tmp_path / "in", tmp_path / "straight", tmp_path / "killed"
    draw_folder(source, PAGES)
    finish(start(source, straight))
    assert statuses(straight) == ["done"] * PAGES
    began = time.monotonic()
    finish(start(source, straight))
    assert statuses(straight) == ["skipped"] * PAGES
    again_s = time.monotonic() - began

    begun = 0
    for _ in range(KILLS):
        process = start(source, killed)
        begun += 45
        while process.poll() is None and len(list(killed.rglob("*"))) < begun:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path in killed.rglob("*"):
            if path.is_file() and path.suffix in {".png", ".jpg", ".webp", ".bmp"}:
                assert is_whole(path.read_bytes()), path
    finish(start(source, killed))

    assert statuses(killed).count("skipped") > 0
    assert sorted(contents(killed)) == sorted(contents(source))
    assert contents(killed) == contents(straight)
    assert again_s < 10
    assert not list(killed.rglob(".[0-9]*")), "no unfinished file is left"


def test_memory_is_flat_in_the_number_of_pages(tmp_path: Path) -> None:
    """Five times the pages take no more memory than a tenth more."""
    peaks_mib = []
    for count in (PAGES // 5, PAGES):
        draw_folder(tmp_path / f"in{count}", count)
        peaks_mib.append(finish(start(tmp_path / f"in{count}", tmp_path / f"out{count}")))

    assert peaks_mib[1] < 1.1 * peaks_mib[0], peaks_mib
