"""Plain things with few marks on them: simple faces, painted pots, printed clothes, spotted fruit; goods in a shop.

Sparse dark marks on flat ground are what lettering looks like too; earlier weights erased the eyes and the mouth of a
face, the flowers of a pot, the spots of a potato, and a whole shoe, whose bands and soles look like outlined letters.
Everything here is of the page's kind, grey or RGB.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from training.data.dice import Dice
from training.data.strokes import Ink, Picture, bezier, corners, disc, polygon, polyline, ring_points, tapered
from training.data.studio import Studio

_SKINS = ((255, 240, 228), (255, 228, 206), (250, 214, 184), (226, 180, 140), (170, 120, 86), (110, 74, 54))
_GREY_SKINS = (255, 255, 255, 240, 215, 150)


def prop(studio: Studio, height_px: float) -> tuple[Picture, np.ndarray]:
    """One thing: `(h, w[, 3])` picture of the page's kind and `(h, w)` alpha."""
    dice = studio.dice
    draw: Callable[[Studio, float], tuple[Picture, np.ndarray]] = dice.weighted(
        {_face: 0.36, _goods: 0.24, _vessel: 0.2, _garment: 0.1, _fruit: 0.1}
    )
    return draw(studio, max(24.0, height_px))


def _sheet(studio: Studio, height: float, width: float, ink: Ink) -> tuple[Picture, np.ndarray]:
    size_hw = (max(12, round(height)), max(12, round(width)))
    return studio.blank(size_hw, ink), np.zeros(size_hw, np.uint8)


def _fill(studio: Studio, thing: Picture, alpha: np.ndarray, outline: np.ndarray, *, ink: Ink | None = None) -> None:
    """Give the thing its shape, and mostly an outline."""
    polygon(alpha, outline, 255)
    if ink is not None:
        polygon(thing, outline, ink)
    if studio.dice.chance(0.85):
        pen = studio.pen_px(1.0, 2.6)
        polyline(thing, outline, studio.black(), pen, closed=True)
        polyline(alpha, outline, 255, pen, closed=True)


def _skin(studio: Studio) -> Ink:
    number = studio.dice.whole(0, len(_SKINS) - 1)
    return _GREY_SKINS[number] if studio.grey else _SKINS[number]


def _stroke(picture: Picture, points: np.ndarray, width: float, ink: Ink) -> None:
    polygon(picture, tapered(points, width), ink)


def _arc(middle: np.ndarray, half_width: float, rise: float) -> np.ndarray:
    """A shallow curve through `middle`, its ends `rise` px higher (or lower, where negative)."""
    left, right = middle + [-half_width, -rise], middle + [half_width, -rise]
    pull = middle + [0, rise * 0.3]
    return bezier(left, pull - [half_width * 0.5, 0], pull + [half_width * 0.5, 0], right, 10)


def _eye(studio: Studio, face: Picture, middle: np.ndarray, *, size: float, kind: str, ink: Ink) -> None:
    dice = studio.dice
    if kind == "dot":
        disc(face, middle, max(1.0, size * 0.3), ink)
    elif kind == "oval":
        polygon(face, ring_points(middle, size * 0.32, size * 0.55, 16), ink)
        disc(face, middle - [size * 0.1, size * 0.2], max(0.7, size * 0.12), studio.plain(255))
    elif kind == "closed":
        _stroke(face, _arc(middle, size * 0.6, dice.pick([-1, 1]) * size * 0.3), size * 0.15 + 1, ink)
    elif kind == "lid":
        _stroke(face, _arc(middle - [0, size * 0.15], size * 0.6, -size * 0.1), size * 0.14 + 1, ink)
        disc(face, middle + [0, size * 0.1], max(1.0, size * 0.22), ink)
    else:
        polygon(face, ring_points(middle, size * 0.55, size * 0.5, 18), studio.plain(255))
        iris = studio.colour("dark") if dice.chance(0.7) else ink
        polygon(face, ring_points(middle, size * 0.34, size * 0.48, 16), iris)
        disc(face, middle, max(1.0, size * 0.18), ink)
        _stroke(face, _arc(middle - [0, size * 0.35], size * 0.62, -size * 0.22), size * 0.2 + 1, ink)


def _mouth(studio: Studio, face: Picture, middle: np.ndarray, size: float, ink: Ink) -> None:
    dice = studio.dice
    kind = dice.pick(["line", "line", "open", "cat", "small", "teeth"])
    if kind in {"line", "cat"}:
        halves = (
            [(middle, 1.0)] if kind == "line" else [(middle - [size * 0.4, 0], 0.5), (middle + [size * 0.4, 0], 0.5)]
        )
        for place, share in halves:
            _stroke(face, _arc(place, size * share, dice.between(-0.2, 0.35) * size), size * 0.1 + 1, ink)
        return
    width, height = (size * 0.3, size * 0.25) if kind == "small" else (size, size * dice.between(0.3, 0.8))
    outline = ring_points(middle, width, height, 18)
    if kind != "small" and dice.chance(0.6):
        outline[:, 1] = np.maximum(outline[:, 1], middle[1] - height * 0.2)  # flat above
    inside = studio.plain(255) if kind == "teeth" else dice.pick([ink, studio.colour("dark"), studio.colour("vivid")])
    polygon(face, outline, inside)
    polyline(face, outline, ink, max(1.0, size * 0.07), closed=True)
    if kind == "teeth":
        for share in np.linspace(-0.7, 0.7, dice.whole(0, 6)):
            polyline(face, [middle + [share * width, -height * 0.5], middle + [share * width, height * 0.5]], ink)


def _ear(studio: Studio, face: Picture, alpha: np.ndarray, middle: np.ndarray, *, size: float, skin: Ink) -> None:
    outline = ring_points(middle, size * 0.45, size * 0.7, 16)
    _fill(studio, face, alpha, outline, ink=skin)
    polyline(face, _arc(middle, size * 0.2, size * 0.25), studio.black())


def _face(studio: Studio, height_px: float) -> tuple[Picture, np.ndarray]:
    """A head: flat skin, two eyes, and what else a cartoonist draws in ten strokes."""
    dice = studio.dice
    radius = height_px / 2.6
    skin = _skin(studio)
    face, alpha = _sheet(studio, height_px, height_px * 1.1, skin)
    ink = studio.black() if studio.grey or dice.chance(0.6) else studio.colour("dark")
    middle = np.array([face.shape[1] / 2, height_px * 0.5])
    turned = dice.between(-0.35, 0.35) * radius
    if dice.chance(0.55):
        for side in (-1, 1) if dice.chance(0.6) else (dice.pick([-1, 1]),):
            _ear(studio, face, alpha, middle + [side * radius * 0.98, radius * 0.1], size=radius * 0.32, skin=skin)
    outline = ring_points(middle, radius, radius * dice.between(0.95, 1.2), 40)
    below = outline[:, 1] > middle[1]
    outline[below, 0] = middle[0] + (outline[below, 0] - middle[0]) * dice.between(0.75, 1.0)
    _fill(studio, face, alpha, outline, ink=skin)
    kind = dice.pick(["dot", "oval", "closed", "lid", "lid", "round"])
    size, apart, low = (
        radius * dice.between(0.16, 0.36),
        radius * dice.between(0.3, 0.5),
        radius * dice.between(0, 0.25),
    )
    brows, rise = dice.chance(0.75), dice.between(-0.35, 0.35)
    for side in (-1, 1):
        place = middle + [side * apart + turned, low]
        _eye(studio, face, place, size=size, kind=kind, ink=ink)
        if brows:
            lift = place - [0, size * dice.between(0.9, 1.6)]
            _stroke(face, _arc(lift, size * 0.7, rise * size), dice.between(1.0, 1.5 + size * 0.25), ink)
        if dice.chance(0.2):
            blush = place + [side * size * 0.4, size * 1.2]
            for step in range(dice.whole(2, 4)):
                polyline(face, [blush + [step * 3, 0], blush + [step * 3 - 2, size * 0.35]], studio.colour("pastel"))
    if dice.chance(0.6):
        nose = middle + [turned * 1.2, low + radius * 0.3]
        polyline(face, [nose, nose + [radius * 0.05, radius * 0.08]], ink, dice.pick([1, 1, 2]))
    _mouth(
        studio, face, middle + [turned, low + radius * dice.between(0.45, 0.62)], radius * dice.between(0.1, 0.32), ink
    )
    if dice.chance(0.7):
        _hair(studio, face, alpha, middle, radius)
    return face, alpha


def _hair(studio: Studio, face: Picture, alpha: np.ndarray, middle: np.ndarray, radius: float) -> None:
    """A cap of hair with a fringe in locks."""
    dice = studio.dice
    colour = studio.colour() if dice.chance(0.6) else studio.plain(dice.pick([0, 20, 60, 120, 255]))
    fringe = [
        middle + [share * radius * 1.05, (-0.15 - 0.25 * dice.unit() - 0.25 * (step % 2)) * radius]
        for step, share in enumerate(np.linspace(1, -1, 2 * dice.whole(2, 6) + 1))
    ]
    cap = [middle + [math.cos(t) * radius * 1.1, -0.1 * radius - math.sin(t) * radius * 1.15]
           for t in np.linspace(math.pi, 0, 14)]  # fmt: skip
    _fill(studio, face, alpha, np.array(cap + fringe), ink=colour)


def _motif(dice: Dice, thing: Picture, middle: np.ndarray, *, size: float, kind: str, inks: tuple[Ink, Ink]) -> None:
    """A small ornament as it is painted on pots and printed on cloth."""
    petals, heart = inks
    if kind == "flower":
        count, turn = dice.pick([4, 5, 5, 6]), dice.between(0, 6)
        for petal in range(count):
            way = np.array([math.cos(turn + petal * 2 * math.pi / count), math.sin(turn + petal * 2 * math.pi / count)])
            disc(thing, middle + way * size * 0.55, max(1.0, size * 0.36), petals)
        disc(thing, middle, max(1.0, size * 0.28), heart)
    elif kind == "leaf":
        way = dice.direction() * size
        _stroke(thing, np.linspace(middle - way, middle + way, 8), size * 0.7, petals)
    elif kind == "dot":
        disc(thing, middle, max(1.0, size * 0.4), petals)
    elif kind == "ring":
        disc(thing, middle, max(1.5, size * 0.5), petals, 1 + int(size > 12))
    elif kind == "cross":
        for way in ((1, 1), (1, -1)):
            step = np.array(way) * size * 0.4
            polyline(thing, [middle - step, middle + step], petals, max(1.0, size * 0.15))
    elif kind == "heart":
        for side in (-1, 1):
            disc(thing, middle + [side * size * 0.25, -size * 0.15], max(1.0, size * 0.3), petals)
        polygon(thing, middle + np.array([[-0.52, 0.0], [0.52, 0.0], [0, 0.65]]) * size, petals)
    else:  # a creature's head
        polygon(thing, ring_points(middle, size * 0.7, size * 0.5, 20), petals)
        for side in (-1, 1):
            disc(thing, middle + [side * size * 0.35, -size * 0.4], max(1.0, size * 0.25), petals)
            disc(thing, middle + [side * size * 0.35, -size * 0.4], max(0.8, size * 0.1), heart)
        polyline(thing, _arc(middle + [0, size * 0.15], size * 0.35, size * 0.15), heart, max(1.0, size * 0.08))


_MOTIFS = ("flower", "flower", "leaf", "dot", "ring", "cross", "heart", "creature")


def _band(studio: Studio, thing: Picture, *, y: float, size: float, x0: float, x1: float) -> None:
    """A row of ornaments, at even steps or not."""
    dice = studio.dice
    kinds = [dice.pick(_MOTIFS) for _ in range(dice.pick([1, 1, 2]))]
    inks = (studio.colour() if dice.chance(0.8) else studio.black(), studio.colour())
    step, loose = size * dice.between(1.3, 3.2), dice.pick([0, 0, 0.4])
    for number, x in enumerate(np.arange(x0 + size, x1 - size * 0.5, step)):
        place = np.array([x, y]) + dice.offset(loose * size + 0.1)
        _motif(dice, thing, place, size=size * dice.between(0.85, 1.15), kind=kinds[number % len(kinds)], inks=inks)


def _vessel(studio: Studio, height_px: float) -> tuple[Picture, np.ndarray]:
    """A pot, bowl, cup or jar with ornaments, handles and holes."""
    dice = studio.dice
    width = height_px * dice.between(0.7, 1.8)
    colour = studio.white() if dice.chance(0.4) else studio.colour()
    thing, alpha = _sheet(studio, height_px, width, colour)
    high, wide = thing.shape[0], thing.shape[1]
    top, foot = high * dice.between(0.05, 0.25), dice.between(0.25, 0.5)
    left, right = wide * 0.06, wide * 0.94
    wall = bezier(np.array([left, top]), np.array([left, high * 0.7]), np.array([wide * (0.5 - foot), high * 0.9]),
                  np.array([wide * (0.5 - foot), high * 0.97]))  # fmt: skip
    outline = np.concatenate([wall, (wall * [-1, 1] + [wide, 0])[::-1]])
    _fill(studio, thing, alpha, outline, ink=colour)
    for _ in range(dice.pick([1, 1, 2, 3])):
        y, size = dice.between(top + high * 0.12, high * 0.8), high * dice.log_between(0.04, 0.14)
        _band(studio, thing, y=y, size=size, x0=left, x1=right)
    if dice.chance(0.5):
        x, y = dice.between(0.15, 0.7) * wide, dice.between(top + high * 0.05, high * 0.5)
        hole = corners(x, y, x + wide * dice.between(0.08, 0.2), y + high * dice.between(0.05, 0.1))
        polygon(thing, hole, studio.black())
    if dice.chance(0.5):
        polyline(thing, [[left, top + high * 0.06], [right, top + high * 0.06]], studio.black(), studio.pen_px())
    return thing, alpha


def _garment(studio: Studio, height_px: float) -> tuple[Picture, np.ndarray]:
    """A shirt with a print, buttons or a pocket, and folds."""
    dice = studio.dice
    colour = studio.white() if dice.chance(0.4) else studio.colour()
    thing, alpha = _sheet(studio, height_px, height_px * dice.between(0.8, 1.2), colour)
    high, wide = thing.shape[:2]
    outline = np.array([[0.35, 0.05], [0.65, 0.05], [0.95, 0.25], [0.85, 0.45], [0.75, 0.38], [0.78, 0.97],
                        [0.22, 0.97], [0.25, 0.38], [0.15, 0.45], [0.05, 0.25]]) * [wide, high]  # fmt: skip
    _fill(studio, thing, alpha, outline, ink=colour)
    if dice.chance(0.6):
        inks = (studio.colour(), studio.white())
        middle, size = np.array([wide * 0.5, high * 0.45]), high * dice.between(0.08, 0.2)
        _motif(dice, thing, middle, size=size, kind=dice.pick(_MOTIFS), inks=inks)
    else:
        for y in np.arange(0.2, 0.95, dice.between(0.08, 0.16)):
            disc(thing, (wide * 0.5, high * y), max(1.0, high * 0.015), studio.black(), dice.pick([-1, 1]))
    for _ in range(dice.whole(2, 8)):
        start = dice.points(1, 0.25, 0.75)[0] * [wide, high]
        _stroke(thing, np.linspace(start, start + dice.offset(high * 0.12), 8), studio.pen_px(), studio.black())
    return thing, alpha


def _fruit(studio: Studio, height_px: float) -> tuple[Picture, np.ndarray]:
    """A potato, fruit, loaf or stone with spots, dents and drops."""
    dice = studio.dice
    colour = studio.colour()
    thing, alpha = _sheet(studio, height_px, height_px * dice.between(0.7, 1.6), colour)
    high, wide = thing.shape[:2]
    outline = ring_points((wide / 2, high / 2), wide * 0.45, high * 0.45, 14)
    outline += dice.generator.normal(0, high * 0.025, outline.shape)
    _fill(studio, thing, alpha, outline, ink=colour)
    dark = studio.colour("dark") if dice.chance(0.6) else studio.black()
    for _ in range(dice.whole(3, 16)):
        place = np.array([wide, high]) * (0.5 + dice.offset(0.3))
        size = high * dice.log_between(0.015, 0.08)
        kind = dice.whole(0, 3)
        if kind == 0:
            polygon(thing, ring_points(place, size, size * dice.between(0.4, 1), 10), dark)
        elif kind == 1:
            _stroke(thing, _arc(place, size * 1.5, size * dice.between(-1, 1)), size * 0.5 + 1, dark)
        elif kind == 2:
            polygon(thing, ring_points(place, size * 0.6, size * 0.8, 12), studio.white())
            polyline(thing, ring_points(place, size * 0.6, size * 0.8, 12), dark, closed=True)
        else:
            disc(thing, place, max(1.0, size * 0.4), dark)
    return thing, alpha


def _goods(studio: Studio, height_px: float) -> tuple[Picture, np.ndarray]:
    """A shoe, bag or gadget as shops show them: parts in strong colours, bands, soles, stitches, laces, shade."""
    dice = studio.dice
    thing, alpha = _sheet(studio, height_px, height_px * dice.between(0.8, 1.8), studio.white())
    high, wide = thing.shape[:2]
    palette = [studio.colour(dice.pick(["dark", "vivid", "vivid"])) for _ in range(dice.whole(2, 4))]
    palette += [studio.black(), studio.white()]
    for _ in range(dice.whole(3, 9)):
        middle = np.array([wide, high]) * (0.5 + np.clip(dice.offset(0.18), -0.3, 0.3))
        outline = ring_points(
            middle, wide * dice.between(0.12, 0.4), high * dice.between(0.12, 0.4), dice.pick([5, 8, 16])
        )
        outline += dice.generator.normal(0, high * 0.02, outline.shape)
        outline = np.clip(outline, 2, [wide - 3, high - 3])
        rim = dice.log_between(1, max(2.0, high * 0.06)) if dice.chance(0.5) else 0.0
        polygon(alpha, outline, 255)
        polygon(thing, outline, dice.pick(palette))
        if rim:
            polyline(alpha, outline, 255, rim, closed=True)
            polyline(thing, outline, dice.pick(palette), rim, closed=True)
        for step in range(dice.pick([0, 0, 3, 6, 12])):  # stitches, laces, vents
            start = middle + (outline[0] - middle) * 0.6 + [step * high * 0.04, dice.bell(0, high * 0.01)]
            polyline(
                thing, [start, start + dice.offset(high * 0.05)], dice.pick(palette), dice.log_between(1, high * 0.03)
            )
    for _ in range(dice.whole(0, 3)):
        band = dice.points(4, 0.15, 0.85) * [wide, high]
        stroke = tapered(bezier(*band), high * dice.between(0.03, 0.12))
        polygon(alpha, np.clip(stroke, 2, [wide - 3, high - 3]), 255)
        polygon(thing, stroke, dice.pick(palette))
    light = np.linspace(1.1, dice.between(0.6, 0.95), high)[:, None]
    thing[:] = np.clip(thing * (light if studio.grey else light[..., None]), 0, 255).astype(np.uint8)
    return thing, alpha
