"""Real comic pages with exact letter layers: as they were published, or their letters on other art."""

from __future__ import annotations

import cv2
import numpy as np

from training.data import art
from training.data.canvas import Canvas
from training.data.strokes import paint
from training.data.studio import Studio
from training.data.writing import Writer


def comic(studio: Studio, size_px: int) -> Canvas:
    """A crop of a lettered page at any scale. Its layout is not known: what it tells of regions does not count."""
    dice, pack = studio.dice, studio.pack
    numbers = [n for n in pack.comic_numbers(validation=studio.validation) if pack.comics[n].variants]
    number = dice.pick(numbers)
    variant = dice.whole(0, len(pack.comics[number].variants) - 1)
    bubbles, letters = pack.comic_layers(number, variant)
    painted = pack.comic_art(number)
    box = _crop_box(studio, letters, size_px)
    rows, columns = slice(box[1], box[3]), slice(box[0], box[2])
    letters = letters[rows, columns]
    clean = np.array(painted[rows, columns])
    if dice.chance(0.2):  # the letters on other art; bubbles of the page stay where they are
        clean = _other_art(studio, clean.shape[:2])
    if bubbles is not None:
        paint(clean, np.ascontiguousarray(bubbles[rows, columns, 3]), bubbles[rows, columns, :3], 0, 0)
    raw = clean.copy()
    paint(raw, np.ascontiguousarray(letters[..., 3]), letters[..., :3], 0, 0)
    canvas = _on_canvas(studio, raw, clean, letters[..., 3], size_px)
    for _ in range(dice.weighted({0: 0.55, 1: 0.3, 2: 0.15})):  # sounds in our letters among the page's own
        Writer(studio, canvas).sound()
    canvas.regions.clear()
    return canvas


def _crop_box(studio: Studio, letters: np.ndarray, size_px: int) -> tuple[int, int, int, int]:
    """A square of the page that mostly holds some letters."""
    dice = studio.dice
    height, width = letters.shape[:2]
    side = int(min(height, width, size_px / dice.log_between(0.6, 1.8)))
    x, y = dice.whole(0, width - side), dice.whole(0, height - side)
    rows, columns = np.nonzero(letters[::4, ::4, 3])
    if len(rows) and dice.chance(0.85):  # around some letter
        mark = dice.whole(0, len(rows) - 1)
        x = int(np.clip(columns[mark] * 4 - dice.unit() * side, 0, width - side))
        y = int(np.clip(rows[mark] * 4 - dice.unit() * side, 0, height - side))
    return x, y, x + side, y + side


def _other_art(studio: Studio, size_hw: tuple[int, int]) -> np.ndarray:
    picture = art.panel(studio, size_hw)
    return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) if picture.ndim == 2 else picture


def _on_canvas(studio: Studio, raw: np.ndarray, clean: np.ndarray, letters: np.ndarray, size_px: int) -> Canvas:
    """Bring a crop to the page's size and kind."""
    side = letters.shape[0]
    if side != size_px:
        way = cv2.INTER_AREA if side > size_px else studio.dice.pick([cv2.INTER_LINEAR, cv2.INTER_CUBIC])
        raw, clean = (cv2.resize(picture, (size_px, size_px), interpolation=way) for picture in (raw, clean))
        letters = cv2.resize(letters, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    canvas = Canvas(studio.reduced(clean))
    canvas.raw = np.ascontiguousarray(studio.reduced(raw))
    canvas.letters = np.ascontiguousarray(letters)
    canvas.layout_known = False
    return canvas
