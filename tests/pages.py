"""Small pages drawn for the tests, with the truth about them. No font, no file, no chance."""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from service.imaging.arrays import Image, Mask


@dataclass(frozen=True)
class Page:
    """A page and what is on it."""

    image: Image
    clean: Image
    """The same page without its lettering."""
    art: Mask
    """What is drawn and must stay: outlines, borders."""

    @property
    def ink(self) -> Mask:
        """Every pixel that the lettering changed, soft edges too."""
        return np.where((self.image != self.clean).any(axis=2), np.uint8(255), np.uint8(0))

    @property
    def core(self) -> Mask:
        """The dark middle of the lettering: what a network would find."""
        changed = np.abs(self.image.astype(int) - self.clean).max(axis=2)
        return np.where(changed > 120, np.uint8(255), np.uint8(0))


def lettered(clean: Image, *words: tuple[str, int, int], art: Mask | None = None, scale: float = 0.8) -> Page:
    """`clean` with black words at their `(x, y)` baselines."""
    image = clean.copy()
    for word, x, y in words:
        cv2.putText(image, word, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 2, cv2.LINE_AA)
    return Page(image, clean, np.zeros(clean.shape[:2], np.uint8) if art is None else art)


def blank(height: int, width: int, level: int = 255) -> Image:
    """A plain sheet."""
    return np.full((height, width, 3), level, np.uint8)


def gradient(height: int, width: int) -> Image:
    """A panel that changes linearly along both sides, from dark to light, and not alike in each channel."""
    ramp = np.linspace(0, 1, width)[None, :] * 0.6 + np.linspace(0, 1, height)[:, None] * 0.4
    return np.rint(ramp[..., None] * [90, 60, 30] + [140, 150, 160]).astype(np.uint8)


def tone(height: int, width: int, period_px: int = 6) -> Image:
    """A panel of screentone: dark dots on white, at right angles."""
    wave = np.cos(2 * np.pi * np.arange(height) / period_px)[:, None] + np.cos(2 * np.pi * np.arange(width) / period_px)
    return np.repeat(np.where(wave > 0.8, np.uint8(40), np.uint8(255))[..., None], 3, axis=2)


def noise(height: int, width: int, seed: int = 1) -> Image:
    """Art that nothing plain can replace."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def bubble_page() -> Page:
    """A white page with a bubble whose outline comes close to the words in it."""
    clean = blank(240, 320)
    cv2.ellipse(clean, (160, 120), (104, 60), 0, 0, 360, (0, 0, 0), 3, cv2.LINE_AA)
    art = np.where((clean < 255).any(axis=2), np.uint8(255), np.uint8(0))
    return lettered(clean, ("HELLO", 112, 110), ("THERE", 112, 145), art=art)


def mixed_page() -> Page:
    """A bubble page over a gradient panel, a tone panel and a panel of noise, with a word in each."""
    bubble = bubble_page()
    clean = np.vstack([bubble.clean, gradient(120, 320), tone(120, 320), noise(120, 320)])
    art = np.zeros(clean.shape[:2], np.uint8)
    art[:240] = bubble.art
    words = [("HELLO", 112, 110), ("THERE", 112, 145), ("SOFT", 120, 310), ("DOTS", 120, 430), ("ART", 120, 550)]
    return lettered(clean, *words, art=art)


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """The PNG file of an image or a mask."""
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def pixels_of(data: bytes) -> npt.NDArray[np.uint8]:
    """What another decoder than ours sees in an image file."""
    return np.asarray(PillowImage.open(io.BytesIO(data)))
