"""Memory: what an image takes is what admission counts, and running out is an answer, not an end."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import cv2
import httpx
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from service.api.jobs import BYTES_PER_PIXEL, NETWORK_BYTES, weight_bytes
from service.imaging import codec
from service.imaging.headers import Header
from tests.imaging.jxl_files import jxl, needs_jxl
from tests.pages import png
from tests.server.conftest import ROOT, ServerProcess, page

SHORT_OF_MEMORY = """
import asyncio, json, resource, sys
import httpx
from service.app import create_app, build_eraser, open_store
from service.host import give_back_memory
from service.imaging import codec
from service.settings import Settings
from service.telemetry import configure_logging
from service import steps
from tests.server.conftest import page

configure_logging("error")
settings = Settings(slots=1)
store = open_store(settings)
app = create_app(settings, eraser=build_eraser(settings, store), store=store)
small, large = page(300, 200), page(3400, 4700)
hard = resource.getrlimit(resource.RLIMIT_DATA)[1]


def data_bytes():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))


def free_of_heap():
    '''All blocks of 4 MB that the heap holds free: neighbours that were freed may have grown together to any size.'''
    taken = []
    try:
        while True:
            taken.append(bytearray(4_000_000))
    except MemoryError:
        return taken


def short(module, name):
    '''While this function works, the process may grow by 4 MB, and its heap has no more than that free in one piece.'''
    whole = getattr(module, name)

    def starved(*args, **options):
        give_back_memory()
        resource.setrlimit(resource.RLIMIT_DATA, (data_bytes(), hard))
        taken = free_of_heap()
        resource.setrlimit(resource.RLIMIT_DATA, (data_bytes() + 4_000_000, hard))
        try:
            return whole(*args, **options)
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
            taken.clear()

    setattr(module, name, starved)
    return lambda: setattr(module, name, whole)


async def main():
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test", timeout=120)

    async def erase(upload):
        return await client.post("/v1/erase", files={"image": upload})

    right = (await erase(small)).content
    answers = {}
    for module, name in ((codec, "decode"), (steps, "segment"), (steps, "refine_strokes"), (steps, "fill_plain")):
        restore = short(module, name)
        answer = await erase(large)
        restore()
        after = await erase(small)
        problem = answer.json()["type"] if answer.status_code >= 400 else "none"
        answers[name] = [answer.status_code, problem, after.status_code, after.content == right]
    print(json.dumps(answers))
    sys.stdout.flush()


asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_DATA bounds mappings on Linux alone")
def test_running_out_at_any_stage_is_503_and_the_next_answer_is_right() -> None:
    """The decoder, ONNX Runtime, OpenCV and NumPy each meet RLIMIT_DATA on 16 megapixels; nothing is left broken."""
    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-c", SHORT_OF_MEMORY], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers == {
        stage: [503, "urn:text-eraser:problem:out-of-memory", 200, True]
        for stage in ("decode", "segment", "refine_strokes", "fill_plain")
    }


def in_format(page: bytes, kind: str, bits: int) -> bytes:
    """The page in another format and at another depth."""
    image = np.asarray(Image.open(io.BytesIO(page)).convert("RGB"))
    samples = image if bits == 8 else image.astype(np.uint16) << (bits - 8)
    if kind == "heic":
        mode = "RGB" if bits == 8 else f"RGB;{bits}"
        buffer = io.BytesIO()
        file = pillow_heif.from_bytes(mode=mode, size=image.shape[1::-1], data=samples.tobytes())
        file.save(buffer, quality=80, enc_params={"preset": "ultrafast"})
        return buffer.getvalue()
    if kind == "jxl":
        return jxl(samples)
    wish = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_SPEED, 10] if kind == "avif" else []
    done, data = cv2.imencode(f".{kind}", samples, wish)
    assert done
    return data.tobytes()


def grown_by_mb(
    server: ServerProcess, upload: bytes, *, mask: bytes | None = None, slack_mb: float = 30, **fields: str
) -> float:
    """By how much the server grows at most while it works on the upload; it gives back all but `slack_mb`."""
    status = f"/proc/{server.process.pid}/"
    files = {"image": upload} if mask is None else {"image": upload, "mask": mask}

    def megabytes(field: str) -> float:
        with open(status + "status", encoding="ascii") as stream:  # noqa: PTH123  a path of /proc
            return next(int(line.split()[1]) * 1024 / 1e6 for line in stream if line.startswith(field))

    idle = megabytes("VmRSS")
    with open(status + "clear_refs", "w", encoding="ascii") as stream:  # noqa: PTH123
        stream.write("5")
    answer = httpx.post(f"{server.url}/v1/erase", files=files, data=fields, timeout=300, trust_env=False)
    answer.raise_for_status()
    peak = megabytes("VmHWM")
    until = time.monotonic() + 20
    while megabytes("VmRSS") > idle + slack_mb:
        assert time.monotonic() < until, f"{idle:.0f} MB before, {megabytes('VmRSS'):.0f} MB long after"
        time.sleep(0.2)
    return peak - idle


@pytest.mark.parametrize(
    ("width", "height"),
    [(300, 330), (1700, 2350), pytest.param(5300, 7500, marks=pytest.mark.slow)],
    ids=["0.1 MP", "4 MP", "40 MP"],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_an_image_takes_no_more_than_it_weighs(tmp_path: Path, width: int, height: int) -> None:
    """Beyond the idle process: 224 MiB and 16 bytes a pixel; and soon after it is idle again, as small as before."""
    server = ServerProcess(tmp_path / "log", slots=1, deadline_s=300)
    try:
        server.wait_until_ready()
        grown_by_mb(server, page(300, 330))

        grown_mb = grown_by_mb(server, page(width, height))

        assert grown_mb <= (NETWORK_BYTES + BYTES_PER_PIXEL * width * height) / 1e6
        assert server.stop() == 0
    finally:
        server.process.kill()
        server.process.wait()


@pytest.mark.parametrize("format_", ["psd", "ora"])
@pytest.mark.parametrize(
    ("width", "height"),
    [(1700, 2350), pytest.param(5300, 7500, marks=pytest.mark.slow)],
    ids=["4 MP", "40 MP"],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_layers_take_no_more_than_they_weigh(tmp_path: Path, format_: str, width: int, height: int) -> None:
    """With the answer, which holds the page twice and what covers it; of noise, which packs badly, half of it text."""
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    done, upload = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 40])
    half = np.zeros((height, width), np.uint8)
    half[:, : width // 2] = 255
    assert done
    server = ServerProcess(tmp_path / "log", slots=1, deadline_s=300)
    try:
        server.wait_until_ready()
        grown_by_mb(server, page(300, 330), format=format_)

        grown_mb = grown_by_mb(server, upload.tobytes(), mask=png(half), fill="white", format=format_)

        assert grown_mb <= weight_bytes(Header("jpeg", width, height, "RGB", 8), format_) / 1e6
        assert server.stop() == 0
    finally:
        server.process.kill()
        server.process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        ("png", 16),
        ("webp", 8),
        ("avif", 8),
        ("avif", 10),
        ("heic", 8),
        ("heic", 10),
        pytest.param("jxl", 8, marks=needs_jxl),
        pytest.param("jxl", 16, marks=needs_jxl),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_encoders_and_deep_samples_take_no_more_than_they_weigh(tmp_path: Path, kind: str, bits: int) -> None:
    """8 megapixels of each format that weighs more than a plain picture."""
    upload = in_format(page(2400, 3400), kind, bits)
    header = codec.read_header(upload, max_pixels=10**7)
    server = ServerProcess(tmp_path / "log", slots=1, deadline_s=300)
    try:
        server.wait_until_ready()
        small = in_format(page(300, 330), kind, bits)
        grown_by_mb(server, small, slack_mb=100)  # libraries that are loaded when they are needed stay

        grown_mb = grown_by_mb(server, upload)

        assert grown_mb <= weight_bytes(header) / 1e6
        assert server.stop() == 0
    finally:
        server.process.kill()
        server.process.wait()
