from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.server.conftest import ROOT, ServerProcess

README = (ROOT / "README.md").read_text(encoding="utf-8")
PRINTED = "http://127.0.0.1:8000"


def first_block(language: str, word: str) -> str:
    """The first code block of the README that holds `word`."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(block for block in blocks if word in block)


def assert_clean_page(path: Path) -> None:
    """The file is the example page, changed."""
    before, after = (Image.open(source) for source in (ROOT / "examples" / "page.png", io.BytesIO(path.read_bytes())))

    assert (after.size, after.mode, after.format) == (before.size, before.mode, "PNG")
    assert before.tobytes() != after.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds `examples/page.png`, as a clone does."""
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "page.png", tmp_path / "examples")
    return tmp_path


def test_the_python_client_of_the_readme_erases_a_page(server: ServerProcess, folder: Path) -> None:
    """The five lines do what they say, against a real server."""
    code = first_block("python", "httpx.post").replace(PRINTED, server.url)

    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, timeout=120)  # noqa: S603  our own document

    assert_clean_page(folder / "clean.png")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_command_of_the_readme_erases_a_page(server: ServerProcess, folder: Path) -> None:
    """The first command that a new user types works."""
    command = first_block("bash", "-o clean.png").strip().replace(PRINTED, server.url)

    subprocess.run(command, shell=True, cwd=folder, check=True, timeout=120)  # noqa: S602  our own document

    assert_clean_page(folder / "clean.png")
