"""A real server process to measure: started, waited for, asked, stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

READY_S = 60
CLOCK_TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class RunningServer:
    """A server that is ready."""

    address: str
    pid: int

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def metric(self, series: str) -> float:
        """The value of one series of `/metrics`; 0 where it does not stand there."""
        text = httpx.get(f"{self.address}/metrics", timeout=30, trust_env=False).text
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(series + " ")]
        return float(values[0]) if values else 0.0

    def wait_for(self, series: str, value: float, *, within_s: float) -> float:
        """Seconds until the series has this value; raises TimeoutError."""
        start = time.perf_counter()
        while self.metric(series) != value:
            if time.perf_counter() - start > within_s:
                raise TimeoutError(f"{series} is {self.metric(series)} after {within_s} s, not {value}")
            time.sleep(0.02)
        return time.perf_counter() - start

    @property
    def cpu_s(self) -> float:
        """Processor seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS_S

    def memory_mb(self, field: str = "VmRSS") -> float:
        """A field of its status: `VmRSS`, or the largest that it ever was, `VmHWM`; MB of 10^6 bytes."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(rf"{field}:\s+(\d+)", text)[0]) * 1024 / 1e6

    def forget_peak(self) -> None:
        """Let `VmHWM` begin anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextmanager
def running_server(**settings: object) -> Iterator[RunningServer]:
    """A real server process on a free port, ready, with these settings; stopped at the end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped then, too
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TEXT_ERASER_")}
    environment |= {f"TEXT_ERASER_{name.upper()}": str(value) for name, value in settings.items()}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", "0"], stdout=log, stderr=log, env=environment
        )
        try:
            yield RunningServer(_wait_until_ready(process, log), process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=60)
            finally:
                process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], log: IO[str]) -> str:
    for _ in range(10 * READY_S):
        time.sleep(0.1)
        log.seek(0)
        said = log.read()
        found = re.search(r"serving on (http://\S+)", said)
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}:\n{said}")
        if found and _is_ready(found[1]):
            return found[1]
    raise SystemExit(f"the server was not ready within {READY_S} s:\n{said}")


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=10, trust_env=False).is_success
    except httpx.TransportError:
        return False
