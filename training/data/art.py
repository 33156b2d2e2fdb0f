"""Textless art that fills a panel: textures, tones, figures and scenes, in grey or RGB as the page is."""

from __future__ import annotations

import cv2
import numpy as np

from training.data.photos import photo
from training.data.props import prop
from training.data.strokes import Ink, Picture, grown, overlap, paint, polygon, ring_points
from training.data.studio import Studio
from training.data.textures import OVERLAYS, ink_texture, random_crop
from training.data.tones import gradient, inked, inked_flats, levels, tone, toned

_GROUNDS = {
    "white": 0.17,
    "tone": 0.1,
    "gradient": 0.06,
    "black": 0.05,
    "texture": 0.26,
    "scene": 0.28,
    "grey": 0.04,
    "gradient_tone": 0.08,
}
_FIGURES = {"av": 3.2, "clip": 2.6, "chara": 1.5, "emoji": 0.7}
_FIGURE_SHARES = {1: (0.35, 1.5), 7: (0.12, 0.45), 20: (0.04, 0.15)}
"""Heights of figures, in heights of their panel, by how many stand there: many are seen from afar."""
_SILHOUETTE_SHARE = 0.08
"""Share of figures that stand before a light: black, as the letters of a sound are."""
_PROP_SHARE = 0.3
_INKED_SHARE = 0.55
"""Share of painted pictures that are drawn again in ink: faces, hands and folds in the very lines of letters."""
_LARGEST_FIGURE_PX = 760
_TURNED_PHOTO_SHARE = 0.3
"""Photographs are few, and gravel, leaves and reeds have no side that is up."""


def panel(studio: Studio, size_hw: tuple[int, int]) -> Picture:
    """The content of one panel: a ground, figures on it, textures over it."""
    dice = studio.dice
    picture = ground(studio, size_hw)
    crowd = dice.weighted({0: 0.25, 1: 0.36, 2: 0.18, 3: 0.07, 7: 0.07, 20: 0.07})
    low, high = _FIGURE_SHARES.get(crowd, _FIGURE_SHARES[1])
    for _ in range(crowd):
        height = size_hw[0] * dice.between(low, high)
        stand_figure(studio, picture, float(np.clip(height, 20, _LARGEST_FIGURE_PX)))
    for _ in range(dice.weighted({0: 0.58, 1: 0.32, 2: 0.1})):
        lay_texture(studio, picture)
    return picture


def ground(studio: Studio, size_hw: tuple[int, int]) -> Picture:
    """The back of a panel: paper, black, tone, texture or a scene."""
    dice = studio.dice
    kind = dice.weighted(_GROUNDS)
    if kind == "scene":
        return scene(studio, size_hw)
    if kind in {"white", "black", "grey"}:
        return studio.blank(size_hw, _flat_colour(studio, kind))
    if kind == "tone":
        drawing = tone(dice, size_hw, dice.between(0.04, 0.6))
    elif kind == "gradient":
        drawing = gradient(dice, size_hw)
    elif kind == "gradient_tone":
        drawing = tone(dice, size_hw, gradient(dice, size_hw, dice.between(0, 160), 255))
    else:
        drawing = ink_texture(studio, size_hw)
        if dice.chance(0.3):
            drawing = cv2.min(drawing, tone(dice, size_hw, dice.between(0.05, 0.4)))
        elif dice.chance(0.15):
            drawing = np.maximum(drawing, np.uint8(dice.whole(30, 150)))
    return studio.fitted(drawing)


def _flat_colour(studio: Studio, kind: str) -> Ink:
    """Paper, black or a colour."""
    dice = studio.dice
    if not studio.grey and (kind == "grey" or (kind == "white" and dice.chance(0.5))):
        return studio.colour()
    low, high = {"white": (225, 255), "black": (0, 25), "grey": (90, 235)}[kind]
    return studio.plain(255 if kind == "white" and dice.chance(0.8) else dice.whole(low, high))


def scene(studio: Studio, size_hw: tuple[int, int], *, photographic: bool = False) -> Picture:
    """A painted or photographed scene; on grey pages mostly in ink and tones, unless it shall be photographic."""
    dice, pack = studio.dice, studio.pack
    sources = {"photo": (0.6 if photographic else 0.35) * bool(pack.count("photo")),
               "scene": 0.3 * bool(pack.count("scene")),
               "comic": 0.55 * bool(pack.comics) * (not photographic),
               "drawn": 0.35 if photographic else 0.25}  # fmt: skip
    source = dice.weighted(sources)
    if source == "drawn":
        picture = photo(dice, size_hw)
    elif source == "comic":
        picture = _painted(studio, size_hw)
    else:
        picture = pack.art(source, dice.whole(0, pack.count(source) - 1))
        if source == "photo" and dice.chance(_TURNED_PHOTO_SHARE):
            picture = np.rot90(picture, dice.whole(1, 3))
        picture = random_crop(dice, picture, size_hw, scale=(0.45, 2.0))
    if not studio.grey:
        if not photographic and dice.chance(_INKED_SHARE):
            return inked_flats(dice, picture)
        return np.ascontiguousarray(picture[..., dice.generator.permutation(3)]) if dice.chance(0.06) else picture
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    style = dice.unit()
    if photographic or style > 0.8:
        return grey
    if style < _INKED_SHARE:
        return inked(dice, grey)
    return toned(dice, grey) if style < 0.68 else tone(dice, size_hw, grey)


def _painted(studio: Studio, size_hw: tuple[int, int]) -> Picture:
    """`(h, w, 3)` of a comic page's art, without letters: hands, leaves, faces, sparks as a painter draws them."""
    dice, pack = studio.dice, studio.pack
    number = dice.pick(pack.comic_numbers(validation=studio.validation))
    return random_crop(dice, pack.comic_art(number), size_hw, scale=(0.5, 2.2))


def painted(studio: Studio, size_hw: tuple[int, int]) -> Picture:
    """A comic page's art as it is or in ink, in colour or in grey; some other scene if the pack has no comics."""
    if not studio.pack.comics:
        return scene(studio, size_hw)
    picture = _painted(studio, size_hw)
    if not studio.dice.chance(_INKED_SHARE):
        return studio.reduced(picture)
    if studio.grey:
        return inked(studio.dice, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    return inked_flats(studio.dice, picture)


def figure(studio: Studio, height_px: float) -> tuple[Picture, np.ndarray]:
    """A character or an object: `(h, w[, 3])` picture of the page's kind and `(h, w)` alpha."""
    dice, pack = studio.dice, studio.pack
    if dice.chance(_PROP_SHARE):
        return prop(studio, height_px)
    kinds = {kind: weight for kind, weight in _FIGURES.items() if pack.count(kind)}
    if not kinds or dice.chance(0.15):
        return _drawn_figure(studio, height_px)
    kind = dice.weighted(kinds)
    source = pack.art(kind, dice.whole(0, pack.count(kind) - 1))
    factor = max(min(height_px / source.shape[0], 900 / max(source.shape[:2])), 6 / min(source.shape[:2]))
    shrinks = factor < 1
    source = cv2.resize(
        source, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    if dice.chance(0.5):
        source = source[:, ::-1]
    if dice.chance(0.15):
        height, width = source.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), dice.between(-40, 40), 0.85)
        source = cv2.warpAffine(np.ascontiguousarray(source), turn, (width, height))
    alpha, colour = np.ascontiguousarray(source[..., 3]), np.ascontiguousarray(source[..., :3])
    if studio.grey:
        return _printed(studio, cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)), alpha
    return (np.ascontiguousarray(colour[..., dice.generator.permutation(3)]) if dice.chance(0.2) else colour), alpha


def _printed(studio: Studio, grey: np.ndarray) -> np.ndarray:
    """A grey figure as it is printed: black parts, toned parts, white parts; some in lines alone."""
    dice, style = studio.dice, studio.dice.unit()
    if dice.chance(0.25):
        return inked(dice, grey)
    if style < 0.4:
        low, high = dice.between(40, 110), dice.between(170, 245)
        shade = (
            tone(dice, grey.shape, dice.between(0.12, 0.45))
            if dice.chance(0.7)
            else np.full_like(grey, dice.whole(130, 220))
        )
        middle = cv2.max(shade, np.where(grey > high, 255, 0).astype(np.uint8))
        return cv2.min(middle, levels(grey, low - 20, low + 20))
    if style < 0.56:
        return tone(dice, grey.shape, grey)
    if style < 0.7:
        return toned(dice, grey)
    if style < 0.85:
        return levels(grey, dice.between(0, 80), dice.between(170, 255))
    return grey


def _drawn_figure(studio: Studio, height_px: float) -> tuple[Picture, np.ndarray]:
    """A texture or part of a picture, cut out in a soft-cornered shape: hair and hands close by, goods in a shop."""
    dice = studio.dice
    height, width = int(height_px), int(max(12, height_px * dice.between(0.4, 1.2)))
    drawn = dice.chance(0.5)
    picture = studio.fitted(ink_texture(studio, (height, width))) if drawn else scene(studio, (height, width))
    alpha = np.zeros((height, width), np.uint8)
    outline = ring_points((width / 2, height / 2), width * 0.48, height * 0.48, 12)
    outline += dice.generator.normal(0, min(width, height) * 0.06, outline.shape)
    polygon(alpha, outline, 255)
    edge = cv2.subtract(alpha, cv2.erode(alpha, np.ones((3, 3), np.uint8), iterations=studio.pen_px()))
    if drawn or dice.chance(0.3):
        paint(picture, edge, studio.plain(0), 0, 0)
    return picture, alpha


def stand_figure(studio: Studio, picture: Picture, height_px: float) -> None:
    """Put a figure into the picture, feet or waist at the lower edge, some with a white halo."""
    dice = studio.dice
    drawn, alpha = figure(studio, height_px)
    if dice.chance(_SILHOUETTE_SHARE):
        drawn = studio.blank(alpha.shape, studio.black())
    height, width = picture.shape[:2]
    x = int(dice.between(-0.3, 1.0) * width - 0.2 * alpha.shape[1])
    y = (
        int(height - alpha.shape[0] * dice.between(0.45, 1.05))
        if height_px > 0.45 * height
        else int(dice.between(-0.1, 0.9) * height)
    )
    if dice.chance(0.2):
        paint(picture, grown(alpha, dice.pick([1, 2, 3])), studio.plain(255), x, y)
    paint(picture, alpha, drawn, x, y)


def lay_texture(studio: Studio, picture: Picture) -> None:
    """Draw an ink texture over the picture, all of it or an oval part."""
    dice = studio.dice
    size_hw = picture.shape[:2]
    drawing = ink_texture(studio, size_hw, OVERLAYS if dice.chance(0.75) else None)
    if drawing.mean() < 110:
        drawing = 255 - drawing
    if dice.chance(0.35):
        part = np.zeros(size_hw, np.uint8)
        centre = (dice.whole(0, size_hw[1]), dice.whole(0, size_hw[0]))
        axes = (max(8, int(size_hw[1] * dice.between(0.15, 0.6))), max(8, int(size_hw[0] * dice.between(0.15, 0.6))))
        cv2.ellipse(part, centre, axes, dice.between(0, 180), 0, 360, 255, -1)
        drawing = cv2.max(drawing, 255 - part)
    if studio.grey:
        picture[:] = cv2.min(picture, drawing) if dice.chance(0.8) else cv2.max(picture, 255 - drawing)
    else:
        paint(picture, 255 - drawing, studio.plain(0) if dice.chance(0.6) else studio.colour(), 0, 0)


def icon(studio: Studio, size_px: float) -> np.ndarray:
    """`(h, w)` alpha of a symbol: from the pack, or a procedural ring and bars."""
    dice, pack = studio.dice, studio.pack
    side = max(5, int(size_px))
    if pack.count("icon"):
        source = pack.art("icon", dice.whole(0, pack.count("icon") - 1))
        factor = side / max(source.shape)
        return cv2.resize(source, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    alpha = np.zeros((side, side), np.uint8)
    for reach in (0.48, 0.3, 0.12)[: dice.whole(1, 3)]:
        outline = ring_points((side / 2, side / 2), side * reach, side * reach, dice.pick([4, 6, 18]))
        polygon(alpha, outline, 0 if alpha[side // 2, side // 2] else 255)
    return alpha


def scatter_icons(studio: Studio, picture: Picture, count: int, size_px: tuple[float, float]) -> None:
    """Stamp symbols over the picture: signs that are no letters."""
    dice = studio.dice
    height, width = picture.shape[:2]
    for _ in range(count):
        alpha = icon(studio, dice.log_between(*size_px))
        ink = studio.black() if dice.chance(0.5) else studio.colour()
        paint(picture, alpha, ink, dice.whole(-10, width), dice.whole(-10, height))


def occlude(studio: Studio, picture_hw: tuple[int, int]) -> tuple[Picture, np.ndarray, int, int]:
    """A figure somewhere on the page, to be drawn over letters: picture, alpha and its place."""
    dice = studio.dice
    drawn, alpha = figure(studio, dice.between(0.2, 0.6) * picture_hw[0])
    x, y = dice.whole(-40, picture_hw[1] - 60), dice.whole(-40, picture_hw[0] - 60)
    assert overlap(picture_hw, alpha.shape, x, y) is None or alpha.shape == drawn.shape[:2]
    return drawn, alpha, x, y
