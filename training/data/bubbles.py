"""Speech bubbles and caption boxes: oval, double, burst, cloud, angular, boxed; white, black, toned, see-through."""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.data.canvas import Canvas
from training.data.strokes import bezier, corners, grown, polygon, polylines, ring_points
from training.data.studio import Studio, blended
from training.data.tones import gradient, tone

_SHAPES = {
    "oval": 0.34,
    "double": 0.12,
    "burst": 0.1,
    "cloud": 0.1,
    "wavy": 0.05,
    "angular": 0.12,
    "rounded": 0.08,
    "box": 0.05,
    "flash": 0.04,
}
_FILLS = {"white": 0.72, "black": 0.09, "tint": 0.05, "gradient": 0.04, "see_through": 0.04, "none": 0.03, "tone": 0.03}
CAPTION_FILLS = {"white": 0.5, "black": 0.2, "tint": 0.12, "gradient": 0.06, "see_through": 0.08, "tone": 0.04}
_SLIMMEST = 2.6
_HEAVY_SHARE = 0.25
"""Share of bursts and angular bubbles in a line as heavy as the strokes of a sound."""


def outline_points(studio: Studio, shape: str, centre: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """`(N, 2)` outline of a bubble around its centre, half as large as `reach` says in x and y."""
    dice = studio.dice
    if shape == "angular":  # a hexagon or an irregular cut shape, drawn with a brush
        count = dice.whole(6, 9)
        angles = (np.arange(count) + dice.generator.uniform(-0.2, 0.2, count)) * 2 * math.pi / count
        radius = 1.12 + dice.generator.uniform(-0.06, 0.06, count)
    elif shape == "burst":
        count = 2 * dice.whole(9, 26)
        angles = np.linspace(0, 2 * math.pi, count, endpoint=False) + dice.generator.normal(0, 0.03, count)
        radius = np.where(np.arange(count) % 2 == 0, 1.0, dice.between(1.15, 1.5)) * (
            1 + dice.generator.normal(0, 0.06, count)
        )
    elif shape == "cloud":
        angles = np.linspace(0, 2 * math.pi, 160, endpoint=False)
        radius = 1 + dice.between(0.06, 0.16) * np.abs(np.sin(angles * dice.whole(7, 16) / 2 + dice.between(0, 3)))
    elif shape == "wavy":
        angles = np.linspace(0, 2 * math.pi, 160, endpoint=False)
        radius = 1 + dice.between(0.015, 0.05) * np.sin(angles * dice.whole(9, 28))
    elif shape in {"rounded", "box"}:
        return _rounded_box(centre, reach, 0.0 if shape == "box" else min(reach) * dice.between(0.2, 0.95))
    else:  # between an ellipse and a rounded rectangle, slightly dented by hand
        angles = np.linspace(0, 2 * math.pi, 72, endpoint=False)
        power = 2 / dice.between(2, 3.2)
        cos, sin = np.cos(angles), np.sin(angles)
        dents = sum(dice.between(0, 0.03) * np.sin(k * angles + dice.between(0, 6)) for k in (2, 3, 5))
        unit = np.stack([np.sign(cos) * np.abs(cos) ** power, np.sign(sin) * np.abs(sin) ** power], 1)
        return centre + unit * (1 + dents)[:, None] * reach
    return centre + np.stack([np.cos(angles), np.sin(angles)], 1) * np.asarray(radius)[:, None] * reach


def _rounded_box(centre: np.ndarray, reach: np.ndarray, radius: float) -> np.ndarray:
    if radius <= 0:
        return corners(*(centre - reach), *(centre + reach))
    arcs = []
    for sign_x, sign_y, start in ((1, -1, -0.5), (1, 1, 0.0), (-1, 1, 0.5), (-1, -1, 1.0)):
        angles = np.linspace(start, start + 0.5, 9) * math.pi
        middle = centre + np.array([sign_x, sign_y]) * (reach - radius)
        arcs.append(middle + radius * np.stack([np.cos(angles), np.sin(angles)], 1))
    return np.concatenate(arcs)


def _tail(studio: Studio, shape: str, centre: np.ndarray, reach: np.ndarray) -> list[np.ndarray]:
    """The pointer to who speaks; small discs for thoughts."""
    dice = studio.dice
    angle = dice.between(0, 2 * math.pi)

    def rim(turn: float, factor: float) -> np.ndarray:
        return centre + np.array([math.cos(angle + turn), math.sin(angle + turn)]) * reach * factor

    if shape == "cloud" and dice.chance(0.7):
        return [
            ring_points(rim(0, far), size * reach.min(), size * reach.min(), 20)
            for far, size in ((1.2, 0.13), (1.38, 0.08))
        ]
    spread = dice.between(0.08, 0.22)
    tip, left, right = rim(0, dice.between(1.15, 1.6)), rim(-spread, 0.93), rim(spread, 0.93)
    bend = (left + right) / 2 + (tip - (left + right) / 2) * 0.5 + dice.offset(5)
    return [
        np.concatenate(
            [
                bezier(left, left + (bend - left) * 0.7, bend, tip, 8),
                bezier(tip, bend, right + (bend - right) * 0.7, right, 8),
            ]
        )
    ]


def draw_bubble(studio: Studio, canvas: Canvas, centre: tuple[float, float], text_wh: tuple[float, float], *,
                shape: str | None = None, fill: str | None = None) -> bool:  # fmt: skip
    """Draw a bubble around a place for text; returns whether letters in it must be light."""
    dice = studio.dice
    shape, fill = shape or dice.weighted(_SHAPES), fill or dice.weighted(_FILLS)
    boxy = shape in {"rounded", "box"}
    room = dice.between(1.05, 1.25) if boxy else dice.between(1.2, 1.55)
    reach = np.array(text_wh, np.float64) / 2 * room + dice.between(2, 10) * studio.zoom
    if not boxy:
        reach = np.maximum(reach, reach.max() / _SLIMMEST)
    margin = int(0.6 * reach.max()) + 8
    x0, y0 = (np.array(centre) - reach - margin).astype(int)
    width, height = (2 * (reach + margin)).astype(int) + 1
    # only the part on the page is drawn
    left, top = max(0, x0), max(0, y0)
    size_hw = (min(canvas.size_wh[1], y0 + height) - top, min(canvas.size_wh[0], x0 + width) - left)
    if min(size_hw) < 4:
        return False
    middle = np.array(centre) - [left, top]
    inside, line = np.zeros(size_hw, np.uint8), np.zeros(size_hw, np.uint8)
    shapes = _shapes(studio, shape, middle, reach)
    for points in shapes:
        polygon(inside, points, 255)
    pen = studio.pen_px() * (2 if shape == "angular" and dice.chance(0.6) else 1)
    if shape in {"burst", "angular"} and dice.chance(_HEAVY_SHARE):
        pen = studio.pen_px(6, 22)
    if shape == "flash":
        _flash(studio, line, middle, reach)
        inside = cv2.GaussianBlur(inside, (0, 0), 3) if dice.chance(0.6) else inside
    elif fill != "none":
        line = cv2.subtract(grown(inside, pen), inside)
        if dice.chance(0.05):
            line = cv2.min(line, tone(dice, size_hw, 0.5))  # dashed
    dark = fill == "black"
    ink, alpha = _fill(studio, fill, inside)
    canvas.draw(alpha, ink, left, top)
    edge = studio.plain(255) if dark else studio.plain(0) if dice.chance(0.85) else studio.colour("dark")
    canvas.draw(line, edge, left, top)
    if dice.chance(0.06) and shape != "flash":
        canvas.draw(cv2.subtract(grown(inside, pen * 3), grown(inside, pen * 2)), edge, left, top)
    return dark


def _shapes(studio: Studio, shape: str, centre: np.ndarray, reach: np.ndarray) -> list[np.ndarray]:
    dice = studio.dice
    if shape == "double":
        shift = np.array([dice.between(-0.6, 0.6), dice.between(-0.7, 0.7)]) * reach
        part = reach * 0.86 + np.abs(shift) * 0.1
        shapes = [outline_points(studio, "oval", centre + side * shift / 2, part) for side in (-1, 1)]
    else:
        shapes = [outline_points(studio, shape, centre, reach)]
    if shape != "flash" and dice.chance(0.45):
        shapes += _tail(studio, shape, centre, reach)
    return shapes


def _flash(studio: Studio, line: np.ndarray, centre: np.ndarray, reach: np.ndarray) -> None:
    """Rays around the text instead of a line."""
    dice = studio.dice
    rays = []
    for angle in np.linspace(0, 2 * math.pi, dice.whole(70, 220)):
        way = np.array([math.cos(angle), math.sin(angle)]) * reach
        start = dice.between(0.92, 1.08)
        rays.append([centre + way * start, centre + way * (start + abs(dice.bell(0.15, 0.15)) + 0.05)])
    polylines(line, rays, 255)


def _fill(studio: Studio, fill: str, inside: np.ndarray) -> tuple[int | tuple[int, int, int] | np.ndarray, np.ndarray]:
    """Ink of the inner side, and its alpha."""
    dice = studio.dice
    ink = studio.plain(255 if fill != "white" or dice.chance(0.88) else dice.whole(238, 254))
    alpha = inside
    if fill == "black":
        ink = studio.plain(dice.whole(0, 25))
        alpha = (inside * (dice.between(0.65, 0.95) if dice.chance(0.25) else 1.0)).astype(np.uint8)
    elif fill == "see_through":
        alpha = (inside * dice.between(0.5, 0.9)).astype(np.uint8)
    elif fill == "none" and dice.chance(0.5):
        alpha = cv2.GaussianBlur(inside, (0, 0), dice.log_between(1, 8))
    elif fill == "tone":
        ink = tone(dice, inside.shape, dice.between(0.05, 0.22))
    elif fill == "tint":
        ink = studio.plain(dice.whole(200, 250)) if studio.grey else studio.colour("pastel")
    elif fill == "gradient":
        share = gradient(dice, inside.shape, dice.between(170, 255), dice.between(205, 255))
        ink = share if studio.grey else blended(share, np.array(studio.colour("pastel")), np.full(3, 255))
    return ink, alpha
