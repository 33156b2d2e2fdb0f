"""A headless Chromium in front of a real server, and pages drawn for it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageDraw

from tests.server.conftest import ServerProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MAX_BYTES = 400_000
MAX_PIXELS = 1_000_000
PATIENCE_MS = 60_000
SIZE = (480, 640)
DOT = (360, 520, 400, 560)
"""A black square that is no text: nobody erases it unless somebody paints over it."""


def comic(pillow_format: str = "PNG", **options: object) -> bytes:
    """A page with two bubbles of text, a frame and a black square."""
    image = Image.new("RGB", SIZE, (236, 230, 214))
    draw = ImageDraw.Draw(image)
    draw.rectangle((16, 16, SIZE[0] - 16, SIZE[1] - 16), outline=(20, 20, 20), width=3)
    for top, words in ((50, "Where have\nall the words\ngone today?"), (300, "They were\nhere only\na minute ago")):
        draw.ellipse((60, top, 400, top + 190), fill=(255, 255, 255), outline=(20, 20, 20), width=3)
        draw.multiline_text((230, top + 95), words, fill=(0, 0, 0), font_size=32, anchor="mm", align="center")
    draw.rectangle((DOT[0], DOT[1], DOT[2] - 1, DOT[3] - 1), fill=(0, 0, 0))
    buffer = io.BytesIO()
    image.save(buffer, pillow_format, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with small limits."""
    server = ServerProcess(tmp_path_factory.mktemp("web") / "log", max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; playwright's own is not needed.

    Closed with each module: while playwright's event loop stands, no test of another module can run one.
    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  the [browser] extra; other tests run without it

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "no Chromium found: apt-get install -y --no-install-recommends chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, server: ServerProcess) -> Iterator[Callable[..., Page]]:
    """Open the page; at the end no script may have failed, and no other host been asked for anything."""
    contexts, complaints, hosts = [], [], set()

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "warning" else None)
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]) if "//" in request.url[:8] else None)

    def go(url: str = server.url, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        listen(page)
        page.goto(url + "/")
        page.wait_for_selector("#accepts:not(:empty), #token:not([hidden])")
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []
    assert all(host.startswith("127.0.0.1:") for host in hosts), hosts


@pytest.fixture
def upload(tmp_path: Path) -> Callable[..., None]:
    """Choose files, as the file dialog does, and wait until all of them are done."""

    def choose(page: Page, *, wait: bool = True, **files: bytes) -> None:
        paths = []
        for name, data in files.items():
            path = tmp_path / name.replace("__", ".")
            path.write_bytes(data)
            paths.append(path)
        page.set_input_files("#files", paths)
        if wait:
            page.wait_for_selector(f"#pages li[data-status=done] >> nth={len(paths) - 1}", state="attached")
            page.wait_for_selector("#busy", state="hidden")

    return choose


@pytest.fixture
def download(tmp_path: Path) -> Callable[..., tuple[str, bytes]]:
    """Click, and give the name and bytes of the file that comes."""

    def click(page: Page, button: str) -> tuple[str, bytes]:
        with page.expect_download() as waiting:
            page.get_by_role("button", name=button, exact=True).click()
        path = tmp_path / "downloaded"
        waiting.value.save_as(path)
        return waiting.value.suggested_filename, path.read_bytes()

    return click
