"""Fixtures for every test."""

from __future__ import annotations

import os

import pytest
import structlog


@pytest.fixture
def anyio_backend() -> str:
    """Coroutines run on asyncio, as they do in the service."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine that runs the tests reaches them."""
    for name in [name for name in os.environ if name.startswith("TEXT_ERASER_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True, scope="session")
def _plain_log() -> None:
    """Plain lines; structlog's own default draws every stack with its variables, which takes seconds."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])
