"""Holes to learn filling from: text-shaped ones, brush strokes, boxes and blobs. Hole i depends on i only."""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.data import words
from training.data.assets import AssetPack
from training.data.canvas import Block
from training.data.dice import Dice
from training.data.lettering import fitted, horizontal, sound_effect, turned, vertical, wrapped
from training.data.strokes import cover, grown, padded
from training.data.writing import LANGUAGES

_HOLE_SEED = 7005
_MOST_SHAPES = 40
LARGEST_SHARE = 0.45
"""No more of a picture than this is ever missing."""


def make_hole(pack: AssetPack, index: int, *, size_px: int = 512) -> np.ndarray:
    """`(S, S)` uint8 mask, 255 = hole; between about 1 % and 45 % of the picture."""
    dice = Dice(_HOLE_SEED, index)
    goal = dice.log_between(0.01, 0.4)
    usual = dice.weighted({"text": 0.35, "stroke": 0.25, "mixed": 0.4})
    hole = np.zeros((size_px, size_px), np.uint8)
    for _ in range(_MOST_SHAPES):
        kind = dice.weighted({"text": 0.4, "stroke": 0.4, "box": 0.12, "blob": 0.08}) if usual == "mixed" else usual
        {"text": _text, "stroke": _stroke, "box": _box, "blob": _blob}[kind](dice, pack, hole)
        if _share(hole) >= goal:
            break
    if _share(hole) > LARGEST_SHARE:
        kept, side = np.zeros_like(hole), int(size_px * 0.6)
        y, x = dice.whole(0, size_px - side), dice.whole(0, size_px - side)
        kept[y : y + side, x : x + side] = hole[y : y + side, x : x + side]
        hole = kept
    return cv2.threshold(hole, 127, 255, cv2.THRESH_BINARY)[1]


def _share(hole: np.ndarray) -> float:
    return np.count_nonzero(hole) / hole.size


def _text(dice: Dice, pack: AssetPack, hole: np.ndarray) -> None:
    """Letters, grown as masks are grown before filling."""
    size_px = hole.shape[0]
    language = dice.weighted({name: share for name, share in LANGUAGES.items() if name in pack.languages})
    if dice.chance(0.6):
        face = dice.pick(pack.faces_for(language, dice.pick(["dlg", "hand", "pop"])))
        block = _remark(dice, face, dice.log_between(9, 50))
    else:
        face = dice.pick(pack.faces_for(language, "sfx"))
        upright = dice.chance(0.4) and language != "en"
        block = sound_effect(dice, face, dice.log_between(24, 200), words.sound(dice, face), upright=upright)
        block = turned(block, dice.between(-40, 40))
    alpha = cv2.threshold(fitted(block, 1.1 * size_px).alpha, 20, 255, cv2.THRESH_BINARY)[1]
    radius = dice.whole(0, 6)
    if radius:
        alpha = grown(padded(alpha, radius), radius)
    height, width = alpha.shape
    cover(hole, alpha, dice.whole(-width // 3, size_px - width // 2), dice.whole(-height // 3, size_px - height // 2))


def _remark(dice: Dice, face, size_px: float) -> Block:
    text = words.phrase(dice, face, int(dice.log_between(3, 40)))
    if face.language in {"ja", "zh"} and dice.chance(0.7):
        return vertical(dice, face, size_px, text, rows=dice.whole(3, 11))
    return horizontal(dice, face, size_px, wrapped(face, size_px, text, size_px * dice.between(4, 12)))


def _stroke(dice: Dice, _pack: AssetPack, hole: np.ndarray) -> None:
    """A wandering brush stroke of one width."""
    place, angle = dice.points(1, 0, hole.shape[0])[0], dice.between(0, 2 * math.pi)
    width, step = max(2, int(dice.log_between(2, 60))), dice.log_between(15, 140)
    path = [place]
    for _ in range(dice.whole(2, 12)):
        angle += dice.bell(0, 0.8)
        path.append(path[-1] + step * dice.between(0.4, 1.4) * np.array([math.cos(angle), math.sin(angle)]))
    whole = np.round(np.array(path)).astype(np.int32)
    cv2.polylines(hole, [whole.reshape(-1, 1, 2)], isClosed=False, color=255, thickness=width)
    for point in whole:
        cv2.circle(hole, (int(point[0]), int(point[1])), width // 2, 255, -1)


def _box(dice: Dice, _pack: AssetPack, hole: np.ndarray) -> None:
    """A rectangle or an ellipse."""
    size_px = hole.shape[0]
    width, height = int(dice.log_between(10, size_px / 2)), int(dice.log_between(10, size_px / 2))
    x, y = dice.whole(-width // 2, size_px - width // 2), dice.whole(-height // 2, size_px - height // 2)
    if dice.chance(0.6):
        cv2.rectangle(hole, (x, y), (x + width, y + height), 255, -1)
    else:
        cv2.ellipse(hole, (x + width // 2, y + height // 2), (width // 2, height // 2), 0, 0, 360, 255, -1)


def _blob(dice: Dice, _pack: AssetPack, hole: np.ndarray) -> None:
    """Soft islands."""
    cells = dice.whole(4, 24)
    field = dice.generator.standard_normal((cells, cells), np.float32)
    hole[cv2.resize(field, hole.shape[::-1], interpolation=cv2.INTER_CUBIC) > dice.between(1.3, 2.2)] = 255
