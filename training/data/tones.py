"""Screentones and gradients: the printed greys of manga.

A screen is a tile of thresholds; ink stands where the wanted darkness exceeds the threshold, as in a halftone print.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from training.data.dice import Dice
from training.data.strokes import Picture

SCREENS = 96
SCREEN_PX = 640
_SCREEN_SEED = 7001
_LEVELS = np.arange(256, dtype=np.float32)
_HATCHED_SHARE = 0.4
"""Share of pictures in ink that are drawn with a fine pen and hatched, not with a brush."""


@lru_cache(maxsize=SCREENS)
def screen(number: int) -> tuple[np.ndarray, float]:
    """Threshold tile `(640, 640)` uint8 with an even histogram, and its period in px. Depends on the number only."""
    dice = Dice(_SCREEN_SEED, number)
    period_px = dice.log_between(2.4, 12.0)
    angle = math.radians(dice.pick([0, 15, 30, 45, 45, 45, 45, 60, 75, dice.between(0, 90)]))
    rows, columns = np.mgrid[0:SCREEN_PX, 0:SCREEN_PX].astype(np.float32)
    u = (columns * math.cos(angle) + rows * math.sin(angle)) * (2 * math.pi / period_px)
    v = (rows * math.cos(angle) - columns * math.sin(angle)) * (2 * math.pi / period_px)
    kind = dice.weighted({"dots": 0.72, "lines": 0.13, "sand": 0.08, "grid": 0.07})
    if kind == "dots":
        height = np.cos(u) + np.cos(v)
    elif kind == "lines":
        height = np.cos(u)
    elif kind == "grid":
        height = np.maximum(np.cos(u), np.cos(v)) + 0.1 * np.cos(u)
    else:
        grain = dice.generator.standard_normal((SCREEN_PX, SCREEN_PX), np.float32)
        height = cv2.GaussianBlur(grain, (0, 0), dice.between(0.7, 1.5))
    ranked = np.sort(height[::7, ::7].ravel())
    evened = np.interp(height.ravel(), ranked, np.linspace(0, 255, len(ranked)))
    return evened.reshape(SCREEN_PX, SCREEN_PX).astype(np.uint8), period_px


def tone(dice: Dice, size_hw: tuple[int, int], darkness: float | np.ndarray) -> np.ndarray:
    """Ink on white, `(h, w)` uint8.

    `darkness` is a share of ink in [0, 1], or a `(h, w)` uint8 picture whose brightness the tone is to follow.
    """
    tile, period_px = screen(dice.whole(0, SCREENS - 1))
    height, width = size_hw
    y, x = dice.whole(0, max(0, SCREEN_PX - height)), dice.whole(0, max(0, SCREEN_PX - width))
    tile = tile[y : y + height, x : x + width]
    if tile.shape != size_hw:
        tile = np.tile(tile, (height // tile.shape[0] + 1, width // tile.shape[1] + 1))[:height, :width]
    steepness = max(1.5, 9 / period_px)  # fine tones are printed and scanned softer than coarse ones
    if isinstance(darkness, float):
        table = np.clip((_LEVELS - darkness * 255) * steepness + 128, 0, 255).astype(np.uint8)
        return cv2.LUT(np.ascontiguousarray(tile), table)
    above = darkness.astype(np.int16) - (255 - tile).astype(np.int16)
    return np.clip(above * steepness + 128, 0, 255).astype(np.uint8)


def gradient(dice: Dice, size_hw: tuple[int, int], start: float | None = None, end: float | None = None) -> np.ndarray:
    """`(h, w)` uint8 running from one grey to another: straight, banded or round."""
    height, width = size_hw
    start = dice.between(0, 255) if start is None else start
    end = dice.between(0, 255) if end is None else end
    rows, columns = np.ogrid[0:height, 0:width]
    if dice.chance(0.25):
        centre_x, centre_y = dice.between(0, width), dice.between(0, height)
        squash, reach = dice.between(0.6, 1.6), max(height, width) * dice.between(0.4, 1)
        way = np.sqrt((columns - centre_x) ** 2 + ((rows - centre_y) * squash) ** 2) / reach
        way = np.clip(way, 0, 1)
    else:
        angle = dice.pick([0, math.pi / 2, math.pi / 2, dice.between(0, 6.28)])
        way = columns * math.cos(angle) + rows * math.sin(angle) + np.zeros((height, width))
        way = (way - way.min()) / (np.ptp(way) + 1e-6)
        if dice.chance(0.4):
            way = np.clip((way - 0.5) * dice.between(1, 3) + 0.5, 0, 1)
    return (start + (end - start) * way).astype(np.uint8)


def toned(dice: Dice, grey: np.ndarray) -> np.ndarray:
    """A grey picture printed in black and white as manga artists do: outlines, then tones, flats or both."""
    height, width = grey.shape
    sigma = dice.log_between(0.6, 1.8)
    smooth = cv2.GaussianBlur(grey, (0, 0), sigma).astype(np.float32)
    smoother = cv2.GaussianBlur(grey, (0, 0), sigma * 1.6).astype(np.float32)
    ridge = smooth - 0.98 * smoother  # difference of Gaussians: dark on the shaded side of an edge
    outlines = np.clip(255 + (ridge - dice.between(0.5, 3)) * dice.between(20, 60), 0, 255).astype(np.uint8)
    flat = cv2.GaussianBlur(grey, (0, 0), dice.between(1, 4)).astype(np.float32)
    flat = np.clip((flat - dice.between(0, 70)) * dice.between(1.1, 2.2), 0, 255).astype(np.uint8)
    style = dice.weighted({"tone": 0.4, "flats": 0.35, "steps": 0.25})
    if style == "tone":
        shade = tone(dice, (height, width), flat)
    elif style == "flats":
        middle = tone(dice, (height, width), dice.between(0.2, 0.5)) if dice.chance(0.6) else dice.whole(120, 200)
        shade = np.where(flat > 170, 255, np.where(flat > 80, middle, 0)).astype(np.uint8)
    else:
        shade = np.clip(flat // dice.whole(40, 90) * 85, 0, 255).astype(np.uint8)
    return cv2.min(outlines, shade)


def line_art(dice: Dice, grey: np.ndarray) -> np.ndarray:
    """A grey picture as pen and brush draw it: lines of changing width, black where it is dark, paper elsewhere.

    Extended difference of Gaussians, `(1 + p) G_s - p G_ks` under a soft threshold (Winnemoeller et al. 2012, eq. 7 and
    5), of a picture whose paint was smoothed away first; `(h, w)` uint8.
    """
    smooth = cv2.bilateralFilter(cv2.medianBlur(grey, 5), 7, 45, 5).astype(np.float32)
    sigma = dice.log_between(0.8, 2.6)
    fine, coarse = cv2.GaussianBlur(smooth, (0, 0), sigma), cv2.GaussianBlur(smooth, (0, 0), sigma * 1.6)
    sharp = fine + dice.log_between(12, 40) * (fine - coarse)
    paper_from = dice.between(0.4, 1.0) * float(np.median(smooth))
    ink = 255 * (1 + np.tanh(np.minimum(0, dice.log_between(0.02, 0.2) * (sharp - paper_from))))
    round_ended = cv2.GaussianBlur(ink.astype(np.uint8), (0, 0), max(0.6, sigma * 0.6)).astype(np.float32)
    return np.clip((round_ended - 128) * dice.between(3, 6) + 128, 0, 255).astype(np.uint8)


def hatched(dice: Dice, grey: np.ndarray) -> np.ndarray:
    """A grey picture as a fine pen draws it: thin outlines, the darker the more layers of parallel strokes.

    Each area has the direction of its own strokes, as cloth, bark and cushions are shaded; `(h, w)` uint8.
    """
    height, width = grey.shape
    smooth = cv2.GaussianBlur(grey, (0, 0), dice.log_between(0.6, 1.2)).astype(np.float32)
    ridge = smooth - cv2.GaussianBlur(smooth, (0, 0), dice.between(1.0, 2.0))
    drawing = np.clip(255 + (ridge + dice.between(1.5, 5)) * dice.between(25, 70), 0, 255)
    shade = cv2.GaussianBlur(grey, (0, 0), dice.between(1.5, 4)).astype(np.float32)
    steps = np.percentile(shade, sorted(dice.between(*ends) for ends in ((3, 15), (20, 45), (40, 70))))
    coarse = dice.generator.standard_normal((3, 5, 5)).astype(np.float32)
    area = np.stack([cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) for field in coarse]).argmax(0)
    gap, turn, cross = dice.log_between(3, 9), dice.between(0, math.pi), dice.between(0.5, 1.5)
    pen, length = gap * dice.between(0.18, 0.45), dice.log_between(12, 90)
    for number in range(3):
        angle = turn + number * dice.between(0.4, 1.4)
        for limit, more in ((steps[2], 0.0), (steps[1], cross)):  # a second layer crosses the first where it is darker
            lines = _pen_strokes(dice, (height, width), angle + more, gap=gap, pen=pen, length=length)
            drawing = np.where((area == number) & (shade < limit), np.minimum(drawing, lines), drawing)
    return np.where(shade < steps[0], 0, drawing).astype(np.uint8)


def _pen_strokes(
    dice: Dice, size_hw: tuple[int, int], angle: float, *, gap: float, pen: float, length: float
) -> np.ndarray:
    """`(h, w)` float64, 0 on strokes of a pen so many px wide, `gap` px apart and about `length` long, 255 between."""
    rows, columns = np.mgrid[0 : size_hw[0], 0 : size_hw[1]]
    along = columns * math.cos(angle) + rows * math.sin(angle)
    across = rows * math.cos(angle) - columns * math.sin(angle) + dice.between(0, 1.5) * np.sin(along / (2 * length))
    line = np.round(across / gap).astype(np.int64)
    part = np.floor(along / length + dice.generator.random(997)[line % 997]).astype(np.int64)
    drawn = dice.generator.random(9973)[(line * 31 + part * 17) % 9973] < 0.9
    return np.where(drawn, np.clip((np.abs(across - line * gap) - pen / 2 + 0.5) * 255, 0, 255), 255)


def inked(dice: Dice, grey: np.ndarray) -> np.ndarray:
    """Ink on paper of a grey picture: line art, bare or with a tone or a flat grey in its shade; some hatched.

    `(h, w)` uint8.
    """
    if dice.chance(_HATCHED_SHARE):
        return hatched(dice, grey)
    drawing = line_art(dice, grey)
    if dice.chance(0.5):
        return drawing
    shade = cv2.GaussianBlur(grey, (0, 0), dice.between(2, 6)) < dice.between(60, 170)
    middle = tone(dice, grey.shape, dice.between(0.1, 0.45)) if dice.chance(0.65) else dice.whole(130, 220)
    return cv2.min(drawing, np.where(shade, middle, 255).astype(np.uint8))


def inked_flats(dice: Dice, picture: np.ndarray) -> np.ndarray:
    """An RGB picture as comics are printed: line art over flat colours, at times in dots. `(h, w, 3)` uint8."""
    drawing = line_art(dice, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    step = dice.whole(24, 90)
    flats = cv2.medianBlur(picture, dice.pick([5, 9, 13])) // step * step + step // 2
    flats = np.clip((flats - 128.0) * dice.between(0.5, 1.3) + dice.between(128, 190), 0, 255).astype(np.uint8)
    if dice.chance(0.25):
        dots = tone(dice, drawing.shape, dice.between(0.1, 0.4))[..., None]
        flats = np.maximum(flats, 255 - dots)
    return cv2.min(flats, cv2.cvtColor(drawing, cv2.COLOR_GRAY2RGB))


def levels(picture: Picture, low: float, high: float) -> Picture:
    """The picture with `low` pulled to black and `high` to white."""
    return cv2.LUT(picture, np.clip((_LEVELS - low) * (255 / max(1.0, high - low)), 0, 255).astype(np.uint8))
