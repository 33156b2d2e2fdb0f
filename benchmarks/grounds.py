"""Grounds that lettering stands on, each drawn by itself: paper, gradients, screentone, hatching, art.

Arrays in, arrays out; the numbers come from a passed generator, so a page is the same wherever it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image

Floats = npt.NDArray[np.float32]
Ground = Callable[[np.random.Generator, tuple[int, int]], Image]
SUPERSAMPLING = 4
INK_LEVEL = 30


def white(_: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """A sheet, exactly 255."""
    return np.full((*size_hw, 3), 255, np.uint8)


def tinted(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """One light colour, as in a caption or a tinted bubble."""
    return np.full((*size_hw, 3), rng.integers(120, 250, 3), np.uint8)


def grainy_paper(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """Scanned paper: a warm white with 1 to 3 levels of grain, a little softer than single pixels."""
    grain = cv2.GaussianBlur(rng.normal(0, 1, size_hw).astype(np.float32), (0, 0), float(rng.uniform(0.4, 0.8)))
    grain *= rng.uniform(1, 3) / grain.std()
    return _levels(rng.integers([225, 220, 200], [245, 240, 232]) + grain[..., None])


def linear_gradient(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """A panel that changes linearly in some direction, dithered to whole levels."""
    x, y = _unit_grid(size_hw)
    angle = rng.uniform(0, 2 * np.pi)
    way = x * np.cos(angle) + y * np.sin(angle)
    start, end = rng.integers(90, 245, 3), rng.integers(90, 245, 3)
    return _dithered(rng, start + way[..., None] * (end - start).astype(np.float32))


def curved_gradient(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """A glow or a vignette: brightness falls with the distance from a point, dithered to whole levels."""
    x, y = _unit_grid(size_hw)
    distance = np.hypot(x - rng.uniform(0, 1), (y - rng.uniform(0, 1)) * rng.uniform(0.6, 1.6))
    fall = np.exp(-((distance / rng.uniform(0.5, 1.1)) ** 2))
    inner, outer = rng.integers(170, 250, 3), rng.integers(60, 160, 3)
    return _dithered(rng, outer + fall[..., None] * (inner - outer).astype(np.float32))


def screentone(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """Dots at an angle, 15 to 45 % ink."""
    return _dots(rng, size_hw, np.full(size_hw, rng.uniform(0.15, 0.45), np.float32))


def light_screentone(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """Small dots far apart, 5 to 15 % ink: what is easily taken for dirty paper."""
    return _dots(rng, size_hw, np.full(size_hw, rng.uniform(0.05, 0.15), np.float32))


def gradient_screentone(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """Dots that grow in one direction, from 8 to 45 % ink."""
    x, y = _unit_grid(size_hw)
    angle = rng.uniform(0, 2 * np.pi)
    way = x * np.cos(angle) + y * np.sin(angle)
    way = (way - way.min()) / (way.max() - way.min())
    return _dots(rng, size_hw, (0.08 + 0.37 * way).astype(np.float32))


def hatching(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """Thin parallel lines, sometimes crossed."""
    ink = _lines(rng, size_hw, rng.uniform(4, 9), rng.uniform(0.2, 0.35))
    if rng.random() < 0.5:
        ink = np.maximum(ink, _lines(rng, size_hw, rng.uniform(4, 9), rng.uniform(0.2, 0.35)))
    return _inked(ink)


def stripes(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """Broad stripes of two colours: cloth, walls, posters."""
    ink = _lines(rng, size_hw, rng.uniform(10, 22), 0.5)[..., None]
    first, second = rng.integers(60, 250, 3), rng.integers(60, 250, 3)
    return _levels(first + ink * (second - first).astype(np.float32))


def bricks(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """A wall in stretcher bond, each brick of a colour of its own, dirty all over."""
    height_px, length_px, joint_px = int(rng.integers(14, 26)), int(rng.integers(36, 64)), int(rng.integers(2, 4))
    image = np.full((*size_hw, 3), 205, np.float32)
    brick = rng.integers([120, 60, 50], [190, 110, 90])
    for row, top in enumerate(range(0, size_hw[0], height_px)):
        for left in range(-(row % 2) * length_px // 2, size_hw[1], length_px):
            colour = brick + rng.uniform(-22, 22)
            image[top : top + height_px - joint_px, max(0, left) : max(0, left + length_px - joint_px)] = colour
    return _levels(image + cv2.GaussianBlur(rng.normal(0, 9, (*size_hw, 1)).astype(np.float32), (0, 0), 0.8)[..., None])


def speed_lines(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """Ink lines of many widths that run to one point, which may lie outside."""
    image = np.full((*size_hw, 3), 255, np.uint8)
    centre = rng.uniform([-0.3, 0.0], [1.3, 1.0]) * size_hw[::-1]
    for angle in np.arange(0, 2 * np.pi, 0.05) + rng.uniform(-0.02, 0.02, 126):
        way = np.array([np.cos(angle), np.sin(angle)])
        start, end = centre + way * rng.uniform(30, 120), centre + way * 2 * sum(size_hw)
        points = [tuple(np.rint(point).astype(int).tolist()) for point in (start, end)]
        cv2.line(image, *points, (INK_LEVEL,) * 3, int(rng.integers(1, 5)), cv2.LINE_AA)
    return image


def line_art(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """Drawn curves on white, some areas filled."""
    image = np.full((*size_hw, 3), 255, np.uint8)
    for _ in range(14):
        centre, axes = rng.integers([0, 0], size_hw[::-1]), rng.integers(20, 160, 2)
        grey = int(rng.choice([0, 0, 0, 90, 180]))
        angles = float(rng.uniform(0, 360)), float(rng.uniform(0, 180)), float(rng.uniform(200, 360))
        thickness = -1 if grey and rng.random() < 0.5 else int(rng.integers(1, 5))
        cv2.ellipse(image, centre.tolist(), axes.tolist(), *angles, (grey,) * 3, thickness, cv2.LINE_AA)
    return image


def photo_like(rng: np.random.Generator, size_hw: tuple[int, int]) -> Image:
    """Noise at every scale, coarse strongest, as in a photograph."""
    total = np.zeros((*size_hw, 3), np.float32)
    for scale_px in (64, 32, 16, 8, 4, 2):
        small = rng.normal(0, 1, (size_hw[0] // scale_px + 2, size_hw[1] // scale_px + 2, 3)).astype(np.float32)
        total += scale_px**0.7 * cv2.resize(small, size_hw[::-1], interpolation=cv2.INTER_CUBIC)
    return _levels(128 + 45 * total / total.std())


GROUNDS: dict[str, Ground] = {
    "flat white": white,
    "flat tinted": tinted,
    "paper with grain": grainy_paper,
    "linear gradient": linear_gradient,
    "curved gradient": curved_gradient,
    "screentone, 15-45 % ink": screentone,
    "light screentone, 5-15 %": light_screentone,
    "gradient screentone": gradient_screentone,
    "hatching": hatching,
    "stripes": stripes,
    "bricks": bricks,
    "speed lines": speed_lines,
    "line art": line_art,
    "photo-like": photo_like,
}

CLASSES: dict[str, tuple[str, ...]] = {
    "flat": ("flat white", "flat tinted", "paper with grain"),
    "gradient": ("linear gradient", "curved gradient"),
    "tone": (
        "screentone, 15-45 % ink",
        "light screentone, 5-15 %",
        "gradient screentone",
        "hatching",
        "stripes",
    ),
    "line art": ("speed lines", "line art"),
    "photo": ("bricks", "photo-like"),
}
"""Every ground, by what it is to a letterer."""


def _dots(rng: np.random.Generator, size_hw: tuple[int, int], ink: Floats) -> Image:
    pitch_px = rng.uniform(4, 11)
    across, along = _turned_grid(size_hw, float(rng.choice([0, 45, 45, rng.uniform(0, 90)])))
    distance = np.hypot(_to_nearest(across, pitch_px), _to_nearest(along, pitch_px))
    radius = pitch_px * np.sqrt(cv2.resize(ink, distance.shape[::-1]) / np.pi)
    return _inked(_reduced(distance < radius, size_hw))


def _lines(rng: np.random.Generator, size_hw: tuple[int, int], pitch_px: float, share: float) -> Floats:
    across, _ = _turned_grid(size_hw, float(rng.uniform(0, 180)))
    return _reduced(np.abs(_to_nearest(across, pitch_px)) < share * pitch_px / 2, size_hw)


def _turned_grid(size_hw: tuple[int, int], degrees: float) -> tuple[Floats, Floats]:
    """Coordinates in px along two axes turned by `degrees`, SUPERSAMPLING times as fine as the image."""
    step = np.float32(1 / SUPERSAMPLING)
    y, x = (np.arange(side * SUPERSAMPLING, dtype=np.float32) * step for side in size_hw)
    turn = np.deg2rad(np.float32(degrees))
    return (
        x[None] * np.cos(turn) + y[:, None] * np.sin(turn),
        y[:, None] * np.cos(turn) - x[None] * np.sin(turn),
    )


def _to_nearest(coordinate: Floats, pitch_px: float) -> Floats:
    return coordinate - pitch_px * np.rint(coordinate / pitch_px)


def _reduced(fine: npt.NDArray[np.bool_], size_hw: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(fine.astype(np.float32), size_hw[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _inked(ink: Floats) -> Image:
    return _levels(255 - ink[..., None].repeat(3, axis=2) * (255 - INK_LEVEL))


def _unit_grid(size_hw: tuple[int, int]) -> tuple[Floats, Floats]:
    y, x = (np.linspace(0, 1, side, dtype=np.float32) for side in size_hw)
    return np.broadcast_to(x[None], size_hw), np.broadcast_to(y[:, None], size_hw)


def _dithered(rng: np.random.Generator, levels: npt.NDArray[np.floating]) -> Image:
    return _levels(levels + rng.uniform(-0.5, 0.5, levels.shape))


def _levels(values: npt.NDArray[np.floating]) -> Image:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
