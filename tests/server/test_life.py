"""Start and stop of a real process: exit codes, words on standard error, nobody left behind."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from tests.server.conftest import ROOT, ServerProcess, page

pytestmark = pytest.mark.anyio

STORE = ROOT / "model_store"


async def test_sigterm_finishes_what_was_admitted_and_exits_0(tmp_path: Path) -> None:
    """With slot and queue full and half-open sockets about: all answer 200, new connections are refused, exit 0."""
    server = ServerProcess(tmp_path / "log", slots=1, queue_per_slot=4, receive_timeout_s=2)
    try:
        server.wait_until_ready()
        half_open = socket.create_connection(("127.0.0.1", server.port))
        half_open.sendall(b"POST /v1/erase HTTP/1.1\r\nHost: x\r\n")
        async with server.client() as client:
            admitted = [
                asyncio.create_task(client.post("/v1/erase", files={"image": page(500, 400, seed)}))
                for seed in range(5)
            ]
            await asyncio.to_thread(server.wait_for_metric, "text_eraser_queue_depth", 4, within_s=10)
            server.process.terminate()
            await asyncio.sleep(0.3)
            with pytest.raises(httpx.ConnectError):
                await client.get("/healthz")
            responses = await asyncio.gather(*admitted)

        assert [response.status_code for response in responses] == [200] * 5
        assert server.process.wait(timeout=35) == 0, server.said
        half_open.close()
    finally:
        server.process.kill()
        server.process.wait()


def test_a_killed_server_starts_again_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL amid work; the next one on the same port is ready, and the folder for temporary files is empty."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    server = ServerProcess(tmp_path / "log", slots=1)
    server.wait_until_ready()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        request = httpx.Request("POST", f"{server.url}/v1/erase", files={"image": page(1500, 2000)})
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        client.sendall(f"POST /v1/erase HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        server.wait_for_metric("text_eraser_inflight", 1, within_s=10)
        server.process.kill()
        server.process.wait(timeout=10)

    again = ServerProcess(tmp_path / "log again", "--port", str(server.port))
    try:
        again.wait_until_ready()
        answer = httpx.post(f"{again.url}/v1/erase", files={"image": page(64, 64)}, timeout=60, trust_env=False)
        assert answer.status_code == 200
        assert again.stop() == 0
        assert list(scratch.iterdir()) == []
    finally:
        again.process.kill()
        again.process.wait()


def damaged(store: Path, how: str) -> list[str]:
    """Damage the copied store; the words that the message must hold."""
    manifest = json.loads((store / "manifest.json").read_text())
    graph = store / manifest["models"][0]["file"]
    named = [manifest["models"][0]["file"], manifest["models"][0]["sha256"]]
    if how == "missing":
        graph.unlink()
        return named
    if how == "truncated":
        graph.write_bytes(graph.read_bytes()[:1000])
    elif how == "empty":
        graph.write_bytes(b"")
    elif how == "bit-flipped":
        content = bytearray(graph.read_bytes())
        content[len(content) // 2] ^= 1
        graph.write_bytes(content)
    elif how == "wrong tensor":
        manifest["models"][0]["inputs"][0]["name"] = "picture"
        (store / "manifest.json").write_text(json.dumps(manifest))
        return ["picture"]
    elif how == "no manifest":
        (store / "manifest.json").unlink()
        return ["manifest.json"]
    return [*named, hashlib.sha256(graph.read_bytes()).hexdigest()]


@pytest.mark.parametrize("how", ["missing", "truncated", "empty", "bit-flipped", "wrong tensor", "no manifest"])
def test_a_damaged_model_store_stops_the_start(tmp_path: Path, how: str) -> None:
    """Exit code 3 with the file and both checksums on standard error, in seconds; it never says that it is ready."""
    shutil.copytree(STORE, tmp_path / "store")
    words = damaged(tmp_path / "store", how)
    started = time.monotonic()
    server = ServerProcess(tmp_path / "log", model_store=tmp_path / "store")

    assert server.process.wait(timeout=50) == 3, server.said
    assert time.monotonic() - started < 50
    assert "cannot start" in server.said
    assert [word for word in words if word not in server.said] == []


def test_a_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    """Exit code 3, and the message names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = ServerProcess(tmp_path / "log", "--port", str(port))

        assert server.process.wait(timeout=50) == 3
        assert f"port {port}" in server.said


def test_tracing_without_its_extra_stops_the_start(tmp_path: Path) -> None:
    """What was asked for is not left out in silence; the message names the extra."""
    if find_spec("opentelemetry.sdk") is not None:
        pytest.skip("the extra is installed here")
    server = ServerProcess(tmp_path / "log", telemetry=True)

    assert server.process.wait(timeout=50) == 3
    assert "pip install '.[telemetry]'" in server.said


def test_the_command_line_gives_the_servers_bytes(server: ServerProcess, tmp_path: Path) -> None:
    """One pipeline behind both; and `health` finds the server well."""
    upload = page(300, 200)
    (tmp_path / "page.png").write_bytes(upload)
    answer = httpx.post(f"{server.url}/v1/erase", files={"image": upload}, timeout=60, trust_env=False)

    erase = cli("erase", str(tmp_path / "page.png"), "-o", str(tmp_path / "out.png"))
    health = cli("health", "--port", str(server.port))

    assert (erase.returncode, health.returncode) == (0, 0), erase.stderr + health.stderr
    assert (tmp_path / "out.png").read_bytes() == answer.content
    assert '"ready"' in health.stdout


def cli(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `text-eraser`."""
    return subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "service", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
