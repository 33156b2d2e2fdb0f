"""What happens to a page before we see it, alike for raw and clean: scanning, scaling, paper, noise, compression."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

from training.data.dice import Dice
from training.data.photos import noise as cloud_noise
from training.data.strokes import Picture, round_kernel

VISIBLE_LEVELS = 8
"""A difference of more grey levels than this is a stroke."""
_GAP_RADIUS_PX = 6
_NOISE_SEED = 7004
_NOISE_FIELDS, _NOISE_PX = 12, 1100
_LEVELS = np.arange(256, dtype=np.float32) / 255
_SQUARE = np.ones((3, 3), np.uint8)
Step = Callable[[Picture], Picture]


@dataclass
class Worn:
    """A page after wear: RGB pictures, the stroke mask, the `(2, 3)` matrix that moved its points (None: not moved)."""

    raw: np.ndarray
    clean: np.ndarray
    strokes: np.ndarray
    matrix: np.ndarray | None


def wear(dice: Dice, raw: Picture, clean: Picture, letters: np.ndarray) -> Worn:
    """Wear both pictures alike. The mask is taken after scanning and before noise and compression.

    So ringing around letters is no stroke, while everything that scanning smears is.
    """
    grey = raw.ndim == 2
    matrix, moves = _geometry(dice, raw.shape[0])
    for move in moves:
        raw, clean, letters = move(raw), move(clean), move(letters)
    for step in _printing(dice, raw.shape[:2], grey=grey):
        raw, clean = step(raw), step(clean)
    strokes = visible_strokes(raw, clean, letters)
    for step in [*_paper(dice, raw.shape[:2], grey=grey), *_grain(dice, raw.shape), *_compression(dice)]:
        raw, clean = step(raw), step(clean)
    return Worn(*(np.ascontiguousarray(_rgb(picture)) for picture in (raw, clean)), strokes, matrix)


def visible_strokes(raw: Picture, clean: Picture, letters: np.ndarray) -> np.ndarray:
    """`(H, W)` mask of what letters change visibly; white outlines on white are not in it.

    Gaps of one pixel are closed. Within the letters' own coverage wider gaps are closed too: white letters on a
    screentone change only its dots, yet all of the letter is to be erased.
    """
    difference = cv2.absdiff(raw, clean)
    if difference.ndim == 3:
        difference = difference.max(2)
    changed = cv2.threshold(difference, VISIBLE_LEVELS, 255, cv2.THRESH_BINARY)[1]
    own = cv2.threshold(letters, 40, 255, cv2.THRESH_BINARY)[1]
    filled = cv2.bitwise_and(cv2.morphologyEx(changed, cv2.MORPH_CLOSE, round_kernel(_GAP_RADIUS_PX)), own)
    return cv2.bitwise_or(cv2.morphologyEx(changed, cv2.MORPH_CLOSE, _SQUARE), filled)


def _rgb(picture: Picture) -> Picture:
    return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) if picture.ndim == 2 else picture


def _geometry(dice: Dice, size_px: int) -> tuple[np.ndarray | None, list[Step]]:
    """Turning a little, and scaling down and up again."""
    moves: list[Step] = []
    matrix = None
    size_wh = (size_px, size_px)
    if dice.chance(0.14):
        matrix = cv2.getRotationMatrix2D((size_px / 2, size_px / 2), dice.bell(0, 1.8), 1 + dice.between(0, 0.05))
        turn, how = matrix, dice.pick([cv2.INTER_LINEAR, cv2.INTER_CUBIC])
        moves.append(lambda picture: cv2.warpAffine(picture, turn, size_wh, flags=how, borderMode=cv2.BORDER_REPLICATE))
    scale = dice.weighted({1.0: 0.66, 0.0: 0.34})
    if scale == 0.0:
        small = max(64, int(size_px * (dice.between(0.5, 0.95) if dice.chance(0.8) else dice.between(0.33, 0.5))))
        ways = [
            cv2.INTER_AREA,
            cv2.INTER_AREA,
            cv2.INTER_LINEAR,
            cv2.INTER_CUBIC,
            cv2.INTER_NEAREST if small > 0.7 * size_px else cv2.INTER_AREA,
        ]
        down, up = dice.pick(ways), dice.pick([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4])
        moves.append(lambda picture: cv2.resize(picture, (small, small), interpolation=down))
        moves.append(lambda picture: cv2.resize(picture, size_wh, interpolation=up))
    return matrix, moves


def _printing(dice: Dice, size_hw: tuple[int, int], *, grey: bool) -> list[Step]:
    """Blur, sharpening, gamma, contrast, black-and-white scans, few levels, inversion."""
    steps: list[Step] = []
    if dice.chance(0.22):
        sigma = dice.log_between(0.35, 1.4)
        steps.append(lambda picture: cv2.GaussianBlur(picture, (0, 0), sigma))
    if dice.chance(0.12):
        radius, amount = dice.between(0.6, 1.6), dice.between(0.3, 1.2)
        steps.append(
            lambda picture: cv2.addWeighted(picture, 1 + amount, cv2.GaussianBlur(picture, (0, 0), radius), -amount, 0)
        )
    curve = _LEVELS
    if dice.chance(0.25):
        curve = curve ** dice.log_between(0.6, 1.6)
    if dice.chance(0.3):
        low, high = dice.between(-0.12, 0.15), dice.between(0.82, 1.15)
        curve = low + curve * (high - low)
    if dice.chance(0.02):
        curve = 1 - curve
    if dice.chance(0.02):
        count = dice.whole(3, 16)
        curve = np.round(np.clip(curve, 0, 1) * count) / count
    if grey and dice.chance(0.11):
        steps.append(_one_bit(dice, size_hw))
    if curve is not _LEVELS:
        table = np.clip(curve * 255, 0, 255).astype(np.uint8)
        steps.append(lambda picture: cv2.LUT(picture, table))
    return steps


def _one_bit(dice: Dice, size_hw: tuple[int, int]) -> Step:
    """Scanned in black and white: a hard limit, a nearly hard one, or dithered against a pattern."""
    limit = dice.between(0.35, 0.65)
    if dice.chance(0.3):
        pattern = noise_field(dice, size_hw) * dice.between(0.6, 2)
        return lambda picture: np.where(picture + pattern > limit * 255, 255, 0).astype(np.uint8)
    steepness = dice.log_between(6, 200)
    table = (np.clip((_LEVELS - limit) * steepness + 0.5, 0, 1) * 255).astype(np.uint8)
    return lambda picture: cv2.LUT(picture, table)


def _paper(dice: Dice, size_hw: tuple[int, int], *, grey: bool) -> list[Step]:
    """Yellowed or coloured paper and ink, stains, the shadow of the fold."""
    steps: list[Step] = []
    if dice.chance(0.07):
        stains = 1 + cloud_noise(dice, size_hw) * dice.between(0.01, 0.06)
        if dice.chance(0.4):
            fold = np.abs(np.arange(size_hw[1]) / size_hw[1] - dice.pick([0.0, 1.0]))
            stains *= 1 - dice.between(0.1, 0.5) * np.exp(-((fold / dice.between(0.04, 0.2)) ** 2))[None]
        steps.append(lambda picture: _scaled_by(picture, stains.astype(np.float32)))
    if grey and dice.chance(0.13):
        paper = np.array([255, dice.between(238, 254), dice.between(200, 246)])
        if dice.chance(0.2):
            paper = dice.generator.uniform(170, 255, 3)
        ink = dice.generator.uniform(0, 70, 3) if dice.chance(0.3) else np.zeros(3)
        table = (ink + (paper - ink) * _LEVELS[:, None]).astype(np.uint8)
        steps.append(lambda picture: table[picture])
    return steps


def _scaled_by(picture: Picture, factor: np.ndarray) -> Picture:
    factor = factor if picture.ndim == 2 else factor[..., None]
    return np.clip(picture * factor, 0, 255).astype(np.uint8)


@lru_cache(maxsize=_NOISE_FIELDS)
def _noise_tile(number: int) -> np.ndarray:
    """`(1100, 1100)` int16 noise of spread 16, white or blurred. Depends on the number only."""
    dice = Dice(_NOISE_SEED, number)
    field = dice.generator.standard_normal((_NOISE_PX, _NOISE_PX), np.float32)
    sigma = [0, 0, 0.8, 1.6, 3][number % 5]
    if sigma:
        field = cv2.GaussianBlur(field, (0, 0), sigma)
    return (field / field.std() * 16).astype(np.int16)


def noise_field(dice: Dice, size_hw: tuple[int, int]) -> np.ndarray:
    """`(h, w)` int16 noise of spread 16."""
    tile = _noise_tile(dice.whole(0, _NOISE_FIELDS - 1))
    y, x = dice.whole(0, max(0, _NOISE_PX - size_hw[0])), dice.whole(0, max(0, _NOISE_PX - size_hw[1]))
    part = tile[y : y + size_hw[0], x : x + size_hw[1]]
    return part if part.shape == size_hw else np.tile(part, (2, 2))[: size_hw[0], : size_hw[1]]


def _grain(dice: Dice, shape: tuple[int, ...]) -> list[Step]:
    """Sensor noise or paper grain."""
    if not dice.chance(0.35):
        return []
    strength = dice.log_between(1, 11) / 16
    first = (noise_field(dice, shape[:2]) * np.float32(strength)).astype(np.int16)
    coloured = (
        np.stack([first, np.roll(first, 37, 0), np.roll(first, 91, 1)], 2)
        if dice.chance(0.5)
        else np.stack([first] * 3, 2)
    )

    def grained(picture: Picture) -> Picture:
        return cv2.add(picture, first if picture.ndim == 2 else coloured, dtype=cv2.CV_8U)

    return [grained]


def _compression(dice: Dice) -> list[Step]:
    """JPEG or WebP, never to twice; the block grid starts anywhere, as on a picture that was cropped in between."""
    kind = dice.weighted({"none": 0.27, "jpeg": 0.57, "webp": 0.09, "jpeg twice": 0.07})
    if kind == "none":
        return []
    if kind == "webp":
        return [_recoded(dice, "WEBP", int(np.clip(dice.bell(72, 18), 15, 97)))]
    quality = int(np.clip(dice.bell(78, 15), 22, 97))
    steps = [_recoded(dice, "JPEG", quality)]
    return [*steps, _recoded(dice, "JPEG", dice.whole(60, 95))] if kind == "jpeg twice" else steps


def _recoded(dice: Dice, form: str, quality: int) -> Step:
    """Encode and decode, with the block grid shifted half of the time."""
    above, left = (dice.whole(0, 15), dice.whole(0, 15)) if dice.chance(0.5) else (0, 0)
    options = (
        {"quality": quality, "method": 0}
        if form == "WEBP"
        else {"quality": quality, "subsampling": dice.pick([2, 2, 2, 0])}
    )

    def recoded(picture: Picture) -> Picture:
        height, width = picture.shape[:2]
        shifted = cv2.copyMakeBorder(picture, above, 0, left, 0, cv2.BORDER_REPLICATE) if above or left else picture
        coded = io.BytesIO()
        Image.fromarray(shifted).save(coded, form, **options)
        decoded = np.asarray(Image.open(coded).convert("L" if picture.ndim == 2 else "RGB"))
        return decoded[above : above + height, left : left + width]

    return recoded


def moved(points: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """`(N, 2)` points after the geometry of wear."""
    if matrix is None:
        return points
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
