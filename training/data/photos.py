"""Procedural pictures that pass for photographs: light, blur and clutter without any text. RGB."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from training.data.dice import Dice
from training.data.strokes import corners, disc, polygon, ring_points
from training.data.townscape import foliage, townscape

_NOISE_SEED = 7003
_NOISES, _NOISE_PX = 24, 640


@lru_cache(maxsize=_NOISES)
def cloud_noise(number: int) -> np.ndarray:
    """`(640, 640)` float32 noise with detail at all scales, mean 0, spread 1. Depends on the number only."""
    dice = Dice(_NOISE_SEED, number)
    falloff = dice.between(0.45, 0.8)
    field = np.zeros((_NOISE_PX, _NOISE_PX), np.float32)
    for octave in range(2, 9):
        cells = dice.generator.standard_normal((2**octave, 2**octave), np.float32)
        field += cv2.resize(cells, (_NOISE_PX, _NOISE_PX), interpolation=cv2.INTER_CUBIC) * np.float32(falloff**octave)
    return (field - field.mean()) / field.std()


def cloud_noise_all() -> None:
    """Draw all noises now, so that processes forked later share them."""
    for number in range(_NOISES):
        cloud_noise(number)


def noise(dice: Dice, size_hw: tuple[int, int]) -> np.ndarray:
    """A part of some cloud noise, stretched to `(h, w)` float32."""
    field = cloud_noise(dice.whole(0, _NOISES - 1))
    side = dice.whole(160, _NOISE_PX)
    y, x = dice.whole(0, _NOISE_PX - side), dice.whole(0, _NOISE_PX - side)
    return cv2.resize(field[y : y + side, x : x + side], size_hw[::-1], interpolation=cv2.INTER_LINEAR)


def photo(dice: Dice, size_hw: tuple[int, int]) -> np.ndarray:
    """`(h, w, 3)` uint8: a landscape, a street, a town, leaves, a wall, a blurred interior or a table top."""
    draw = dice.weighted(
        {_landscape: 0.12, _street: 0.2, townscape: 0.3, foliage: 0.08, _wall: 0.12, _bokeh: 0.08, _table: 0.1}
    )
    picture = draw(dice, size_hw)
    light = 1 + 0.12 * noise(dice, size_hw)  # uneven light
    if dice.chance(0.5):
        light *= np.linspace(dice.between(0.6, 1.1), dice.between(0.6, 1.1), size_hw[1], dtype=np.float32)[None]
    lit = picture.astype(np.float32) * light[..., None]
    return np.clip(lit + dice.between(-10, 20), 0, 255).astype(np.uint8)


def muted(dice: Dice) -> np.ndarray:
    """`(3,)` float: a colour as the world has them, less saturated than print."""
    grey = dice.between(30, 235)
    return np.clip(grey + dice.generator.normal(0, 24, 3), 0, 255)


def _speckled(dice: Dice, size_hw: tuple[int, int], colour: np.ndarray, strength: float) -> np.ndarray:
    field = noise(dice, size_hw)[..., None] * strength
    return np.clip(colour + field * np.array([1.0, dice.between(0.8, 1.2), dice.between(0.8, 1.2)]), 0, 255).astype(
        np.uint8
    )


def _landscape(dice: Dice, size_hw: tuple[int, int]) -> np.ndarray:
    height, width = size_hw
    way = np.linspace(0, 1, height)[:, None, None]
    sky = np.array([dice.between(90, 200), dice.between(140, 215), dice.between(190, 250)])
    picture = np.clip(sky + (250 - sky) * way + np.zeros((height, width, 3)), 0, 255).astype(np.uint8)
    cloudy = np.clip(noise(dice, size_hw) * 60, 0, 90)[..., None].astype(np.uint8)
    picture = cv2.add(picture, np.repeat(cloudy, 3, 2))
    for layer in range(dice.whole(1, 4)):
        ridge = height * (0.35 + 0.18 * layer) + noise(dice, (1, width))[0] * height * 0.06
        hill = _speckled(dice, size_hw, muted(dice) * 0.7, dice.between(10, 34))
        below = np.arange(height)[:, None] > ridge[None]
        picture[below] = hill[below]
    return picture


def _street(dice: Dice, size_hw: tuple[int, int]) -> np.ndarray:
    height, width = size_hw
    picture = _speckled(dice, size_hw, muted(dice), 12)
    for _ in range(dice.whole(6, 22)):
        x, y = dice.between(-0.2, 1) * width, dice.between(-0.2, 1) * height
        box = corners(x, y, x + dice.log_between(0.06, 0.6) * width, y + dice.log_between(0.08, 0.7) * height)
        box += dice.generator.normal(0, 0.02 * width, (4, 2))
        colour = muted(dice)
        polygon(picture, box, tuple(int(part) for part in colour))
        for step in range(dice.whole(-4, 9)):  # panes, boards or rails
            share = (step + 0.5) / 9
            start, end = box[0] + (box[3] - box[0]) * share, box[1] + (box[2] - box[1]) * share
            band = np.array([start, end, end + [0, height * 0.012], start + [0, height * 0.012]])
            polygon(picture, band, tuple(int(part) for part in np.clip(colour + dice.bell(0, 45), 0, 255)))
    for _ in range(dice.whole(0, 4)):
        x = dice.between(0, width)
        pole = corners(x, -5, x + dice.log_between(2, 14), height + 5)
        polygon(picture, pole, tuple(int(part) for part in muted(dice) * 0.6))
    texture = noise(dice, size_hw)[..., None] * dice.between(4, 12)
    picture = np.clip(picture + texture, 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(picture, (0, 0), dice.log_between(0.5, 3)) if dice.chance(0.7) else picture


def _wall(dice: Dice, size_hw: tuple[int, int]) -> np.ndarray:
    height, width = size_hw
    picture = _speckled(dice, size_hw, muted(dice), dice.between(6, 30))
    if dice.chance(0.5):  # boards, tiles or panels
        horizontal = dice.chance(0.5)
        step = dice.log_between(18, 140)
        shade = tuple(int(part) for part in muted(dice) * 0.5)
        for place in np.arange(dice.between(0, step), max(height, width), step):
            line = corners(0, place, width, place + 2) if horizontal else corners(place, 0, place + 2, height)
            polygon(picture, line, shade)
    grain = cv2.resize(dice.generator.standard_normal((height, max(2, width // 8)), np.float32), (width, height))
    grain += dice.generator.standard_normal((height, width), np.float32) * 0.5
    return np.clip(picture + grain[..., None] * dice.between(2, 10), 0, 255).astype(np.uint8)


def _bokeh(dice: Dice, size_hw: tuple[int, int]) -> np.ndarray:
    height, width = size_hw
    picture = _speckled(dice, size_hw, muted(dice) * 0.5, 22)
    for _ in range(dice.whole(10, 70)):
        spot, alpha = np.zeros_like(picture), dice.between(0.2, 0.8)
        centre = (dice.between(0, width), dice.between(0, height))
        radius = dice.log_between(4, 60)
        x0, y0, x1, y1 = (
            int(v) for v in (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        )
        rows, columns = slice(max(0, y0), max(0, y1)), slice(max(0, x0), max(0, x1))
        part = spot[rows, columns]
        if part.size:
            part = np.ascontiguousarray(part)
            disc(part, (centre[0] - columns.start, centre[1] - rows.start), radius, tuple(int(v) for v in muted(dice)))
            picture[rows, columns] = cv2.addWeighted(picture[rows, columns], 1.0, part, alpha, 0)
    return cv2.GaussianBlur(picture, (0, 0), dice.log_between(1, 8))


def _table(dice: Dice, size_hw: tuple[int, int]) -> np.ndarray:
    """Things on a surface, with soft shadows."""
    height, width = size_hw
    picture = _speckled(dice, size_hw, muted(dice), 10)
    for _ in range(dice.whole(2, 9)):
        centre, reach = (
            np.array([dice.between(0, width), dice.between(0, height)]),
            dice.log_between(16, 0.35 * width + 17),
        )
        outline = ring_points(centre, reach, reach * dice.between(0.4, 1), dice.pick([4, 5, 6, 24, 24]))
        angle = dice.between(0, math.pi)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        outline = (outline - centre) @ turn.T + centre
        shadow = np.zeros(size_hw, np.uint8)
        polygon(shadow, outline + reach * 0.12, 255)
        shadow = cv2.blur(shadow, (int(reach * 0.3) | 1, int(reach * 0.3) | 1))
        picture = (picture * (1 - 0.4 / 255 * shadow[..., None].astype(np.float32))).astype(np.uint8)
        colour = muted(dice)
        polygon(picture, outline, tuple(int(part) for part in colour))
        polygon(
            picture,
            centre + (outline - centre) * 0.75 - reach * 0.06,
            tuple(int(part) for part in np.clip(colour * 1.15, 0, 255)),
        )
    return cv2.GaussianBlur(picture, (0, 0), dice.log_between(0.5, 2))
