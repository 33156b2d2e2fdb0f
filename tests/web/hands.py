"""What hands and eyes do on the page: press, drag, and look at the files that come."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.web.conftest import SIZE

if TYPE_CHECKING:
    from playwright.sync_api import Page

Visit = Callable[..., "Page"]
Upload = Callable[..., None]
Download = Callable[["Page", str], tuple[str, bytes]]


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    """The samples of an image file, as RGB, upright or not as they are stored."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def mask_of(data: bytes) -> npt.NDArray[np.bool_]:
    """Where a mask file erases."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("L")) > 127


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """The point of the window that shows a point of the picture."""
    box = page.locator("#sheet").bounding_box()
    assert box
    return box["x"] + box["width"] * x / SIZE[0], box["y"] + box["height"] * y / SIZE[1]


def choose_tool(page: Page, name: str) -> None:
    """As a click on its label does."""
    page.locator("#tools label", has_text=name).click()


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press, move in a few steps, let go."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()
