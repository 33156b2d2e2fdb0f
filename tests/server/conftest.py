"""A real server in a process of its own, and pages for it."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[2]
START_S = 30.0
"""Hang bound of a start; on an idle machine it takes two seconds."""


def page(width: int, height: int, seed: int = 0) -> bytes:
    """A PNG with lines of text on white."""
    image = Image.new("RGB", (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    words = np.random.default_rng(seed).integers(97, 123, (height // 40 + 1, 8), np.uint8)
    for line, y in zip(words, range(10, height - 20, 40), strict=False):
        draw.text((10 + seed % 7, y), line.tobytes().decode("ascii"), fill=(0, 0, 0), font_size=22)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


class ServerProcess:
    """`python -m service serve` on a free port."""

    def __init__(self, log: Path, *words: str, **settings: object) -> None:
        self.log = log
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TEXT_ERASER_")}
        environment |= {f"TEXT_ERASER_{name.upper()}": str(value) for name, value in settings.items()}
        with log.open("wb") as stream:
            self.process = subprocess.Popen(  # noqa: S603  our own command
                [sys.executable, "-m", "service", "serve", "--port", "0", *words],
                cwd=ROOT,
                env=environment,
                stdout=stream,
                stderr=stream,
            )

    @property
    def said(self) -> str:
        """Everything on standard error so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until_ready(self) -> None:
        """Until `/readyz` answers 200."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self.process.poll() is None, self.said
            address = re.search(r"serving on (http://\S+)", self.said)
            if address:
                self.url = address.group(1)
                self.port = int(self.url.rpartition(":")[2])
                try:
                    if httpx.get(f"{self.url}/readyz", trust_env=False).is_success:
                        return
                except httpx.TransportError:
                    pass
            time.sleep(0.05)
        raise AssertionError(f"not ready within {START_S} s: {self.said}")

    def client(self) -> httpx.AsyncClient:
        """A client with room for many connections, and patience."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        return httpx.AsyncClient(base_url=self.url, timeout=60, limits=limits, trust_env=False)

    def metric(self, name: str) -> float:
        """The value of one series of `/metrics`; 0 where it does not stand there."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False).text
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name + " ")]
        return float(values[0]) if values else 0.0

    def wait_for_metric(self, name: str, value: float, *, within_s: float) -> None:
        """Until the series has this value."""
        until = time.monotonic() + within_s
        while (found := self.metric(name)) != value:
            assert time.monotonic() < until, f"{name} is {found} after {within_s} s; expected {value}"
            time.sleep(0.02)

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests that leave it as it was: two slots, eight places, half a second to send in."""
    server = ServerProcess(
        tmp_path_factory.mktemp("server") / "log", slots=2, queue_per_slot=4, receive_timeout_s=0.5, max_bytes=4_000_000
    )
    try:
        server.wait_until_ready()
        yield server
        assert server.stop() == 0, server.said
    finally:
        server.process.kill()
        server.process.wait()
