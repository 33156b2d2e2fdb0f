"""Fixtures for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import structlog

from service.eraser import Eraser
from service.session import Session
from service.store import ModelStore
from tests.erasers import PAINT, eraser_of
from tests.fakes import dark_is_text, paints


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


@pytest.fixture
def eraser() -> Eraser:
    """On fakes: dark is text, and what the network draws is green."""
    return eraser_of(dark_is_text(), paints(*PAINT))


@pytest.fixture(scope="session")
def real_eraser() -> Eraser:
    """On the graphs that are shipped."""
    store = ModelStore.open(Path(__file__).parents[1] / "model_store")
    models = (store.find("text-segmentation", "segmentation"), store.find("inpainting", "inpainting"))
    return eraser_of(*(Session(model, store.read(model)) for model in models))
