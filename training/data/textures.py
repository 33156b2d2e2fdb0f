"""The bank of ink textures. Texture k of a name depends on (name, k) only; pages draw from a window of k that moves on.

Drawing a texture costs about ten crops of one, so each worker keeps those it has drawn. What a page looks like does not
depend on what is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from training.data import inks, lookalikes, scenery
from training.data.dice import Dice
from training.data.strokes import resized
from training.data.studio import Studio

_TEXTURE_SEED = 7002
_WINDOW = 14
"""Textures of one name that a page may choose from."""
_PAGES_PER_STEP = 3000
"""After so many pages the window moves on by one."""
_MOST_KEPT = 700

DRAWERS = {
    inks.speed_lines: 1.4, inks.focus_lines: 1.4, inks.hatching: 1.4, inks.hair: 1.6, inks.cloth_folds: 1.2,
    inks.grass: 0.5, inks.rain: 0.5, inks.waves: 0.5, inks.dark_scratches: 1.1, inks.flames: 0.8,
    inks.soft_shadow: 0.9, inks.scribbles: 0.4, inks.paper_noise: 0.7,
    scenery.brick_wall: 0.5, scenery.city: 1.0, scenery.facade: 0.9, scenery.lattice: 0.6, scenery.floor: 0.7,
    scenery.clouds: 0.6, scenery.foliage: 1.2, scenery.branches: 0.6, scenery.rocks: 0.6, scenery.bookshelf: 0.5,
    scenery.machinery: 0.8, scenery.kitchen_shelf: 0.6,
    lookalikes.tick_rows: 0.7, lookalikes.faces: 1.5, lookalikes.eyes: 0.7, lookalikes.hands: 1.5,
    lookalikes.scattered_shapes: 0.8, lookalikes.patterns: 0.6, lookalikes.keys_and_dials: 0.5,
}  # fmt: skip
"""Each texture and how often it is wanted."""
_BY_NAME = {drawer.__name__: drawer for drawer in DRAWERS}
_WEIGHTS = {drawer.__name__: weight for drawer, weight in DRAWERS.items()}
_ORDER = {name: number for number, name in enumerate(_BY_NAME)}
OVERLAYS = ("speed_lines", "focus_lines", "hatching", "hair", "cloth_folds", "scattered_shapes", "rain", "scribbles",
            "tick_rows", "grass", "foliage", "soft_shadow", "hands")  # fmt: skip
"""Textures that make sense over other art."""
LOOKALIKES = ("hands", "faces", "foliage", "hatching", "tick_rows", "city", "facade", "kitchen_shelf", "keys_and_dials",
              "scattered_shapes", "bookshelf", "machinery", "branches", "scribbles")  # fmt: skip
"""Textures that earlier weights took for text."""


@lru_cache(maxsize=_MOST_KEPT)
def texture(name: str, number: int) -> np.ndarray:
    """`(640, 640)` uint8 texture, the same for the same name and number; do not write to it."""
    drawing = _BY_NAME[name](Dice(_TEXTURE_SEED, _ORDER[name], number))
    drawing.setflags(write=False)
    return drawing


def draw_all() -> None:
    """Draw the whole first window now, so that processes forked later share it."""
    for name in _BY_NAME:
        for number in range(_WINDOW):
            texture(name, number)


def ink_texture(studio: Studio, size_hw: tuple[int, int], names: Sequence[str] | None = None) -> np.ndarray:
    """A crop of some texture at a random scale, `(h, w)` uint8, ink on white."""
    dice = studio.dice
    name = dice.pick(names) if names else dice.weighted(_WEIGHTS)
    number = studio.page_index // _PAGES_PER_STEP + dice.whole(0, _WINDOW - 1)
    return random_crop(dice, texture(name, number), size_hw, scale=(0.55, 1.5))


def random_crop(dice: Dice, picture: np.ndarray, size_hw: tuple[int, int], *, scale: tuple[float, float]) -> np.ndarray:
    """Any part of a picture at any of these scales, mirrored half the time, as a new array of that size."""
    height, width = size_hw
    factor = dice.log_between(*scale)
    wanted_height, wanted_width = height / factor, width / factor
    fit = min(picture.shape[0] / wanted_height, picture.shape[1] / wanted_width, 1.0)
    crop_height, crop_width = max(4, int(wanted_height * fit)), max(4, int(wanted_width * fit))
    y, x = dice.whole(0, picture.shape[0] - crop_height), dice.whole(0, picture.shape[1] - crop_width)
    crop = picture[y : y + crop_height, x : x + crop_width]
    if dice.chance(0.5):
        crop = crop[:, ::-1]
    if (crop_height, crop_width) != (height, width):
        crop = resized(np.ascontiguousarray(crop), (width, height))
    return np.array(crop, order="C")
