"""Files that are small and ask for much: refused from their headers by a real process, in no time and no memory."""

from __future__ import annotations

import io
import socket
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.server.conftest import ServerProcess

HANG_S = 0.5
"""Ten times the figure."""
GROWTH_MB = 20


def chunk(kind: bytes, payload: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A 1-bit PNG whose picture is nothing but zeros, as far as two megabytes of them go."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(2_000_000)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose header says another size."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(buffer, "JPEG")
    data = bytearray(buffer.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def gif(frames: int) -> bytes:
    """A GIF of so many frames of one pixel."""
    frame = b"\x21\xf9\x04\0\0\0\0\0" + b",\0\0\0\0\1\0\1\0\0" + b"\x02\x02D\x01\0"
    return b"GIF89a\1\0\1\0\x80\0\0" + b"\0\0\0\xff\xff\xff" + frame * frames + b";"


def apng(frames: int) -> bytes:
    """A PNG that says it is an animation, with its frames."""
    control = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 8, 8, 0, 0, 1, 10, 0, 0))
    frame = control + chunk(b"fdAT", b"\0\0\0\1" + zlib.compress(bytes(16)))
    return png(8, 8, chunk(b"acTL", struct.pack(">II", frames, 0)), frame * frames)


BOMBS: dict[str, tuple[Callable[[], bytes], int]] = {
    "20,000 x 20,000 of 1 bit": (lambda: png(20_000, 20_000), 413),
    "65,535 x 65,535 PNG": (lambda: png(65_535, 65_535), 413),
    "65,535 x 65,535 JPEG": (lambda: jpeg(65_535, 65_535), 413),
    "1 x 65,535": (lambda: jpeg(1, 65_535), 422),
    "GIF of 10,000 frames": (lambda: gif(10_000), 422),
    "APNG of 10,000 frames": (lambda: apng(10_000), 422),
    "100 MB of side information": (lambda: b"x" * 100_000_000, 413),
    "text that unpacks to 100 MB": (
        lambda: png(8, 20_000_000, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000)))),
        413,
    ),
}


def peak_mb(server: ServerProcess) -> float:
    """The largest that the process ever was."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 / 1e6 for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_from_its_header(server: ServerProcess, name: str) -> None:
    """4xx at once, and the process does not grow by more than the upload itself and 20 MB."""
    make, status = BOMBS[name]
    upload = make()
    request = httpx.Request("POST", f"{server.url}/v1/erase", files={"image": upload})
    request.read()
    before_mb = peak_mb(server)
    with httpx.Client(timeout=60, trust_env=False) as client:
        client.get(f"{server.url}/healthz")  # the connection is there
        started = time.perf_counter()
        answer = client.send(request)
        took_s = time.perf_counter() - started

    assert 400 <= answer.status_code < 500
    assert answer.status_code == status, answer.json()
    assert took_s < HANG_S + len(upload) / 20e6, "a hundred megabytes take a while to be thrown away"
    assert peak_mb(server) - before_mb < GROWTH_MB + len(upload) / 1e6


def test_a_length_over_the_limit_is_refused_before_the_body(server: ServerProcess) -> None:
    """The answer to the headers comes while not a byte of the file was sent."""
    head = (
        b"POST /v1/erase HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=cut\r\n"
        b"Content-Length: 100000500\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        started = time.perf_counter()
        client.sendall(head)
        answer = client.recv(4096)
        took_s = time.perf_counter() - started

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert took_s < HANG_S
