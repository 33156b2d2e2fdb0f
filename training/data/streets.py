"""Photographs with text in them: signs in perspective, lettering on surfaces, subtitles, labels."""

from __future__ import annotations

import cv2
import numpy as np

from training.data import art, effects, numerals, words
from training.data.canvas import Block, Canvas, Region
from training.data.lettering import fitted, horizontal, turned, vertical, waved, wrapped
from training.data.photos import noise
from training.data.strokes import corners, cover, paint, polygon, polyline
from training.data.studio import Studio, brightness
from training.data.writing import Writer

_FRAMED_SHARE = 0.1
_SIGN = {"sans": 0.5, "serif": 0.12, "dlg": 0.15, "deco": 0.1, "sfx": 0.13}


def street(studio: Studio, size_px: int) -> Canvas:
    """A photograph or painted scene with signs, lettering on surfaces and text laid over it."""
    dice = studio.dice
    canvas = Canvas(art.scene(studio, (size_px, size_px), photographic=True))
    writer = Writer(studio, canvas)
    for _ in range(dice.weighted({0: 0.15, 1: 0.4, 2: 0.3, 3: 0.15})):
        board(studio, canvas, writer)
    for _ in range(dice.weighted({0: 0.45, 1: 0.15, 2: 0.15, 4: 0.15, 6: 0.1})):
        distant_board(studio, canvas, writer)
    for _ in range(dice.weighted({0: 0.5, 1: 0.35, 2: 0.15})):
        painted_on(studio, canvas, writer)
    for share, write in (
        (0.15, lambda: numerals.number(writer)),
        (0.3, writer.subtitle),
        (0.25, writer.credit),
        (0.12, writer.watermark),
        (0.15, writer.title),
        (0.1, writer.dialogue),
        (0.1, writer.sound),
    ):
        if dice.chance(share):
            write()
    if dice.chance(0.1):
        drawn, alpha, x, y = art.occlude(studio, (size_px, size_px))
        canvas.draw(alpha, drawn, x, y)
    if not canvas.regions:
        painted_on(studio, canvas, writer)
    if dice.chance(_FRAMED_SHARE):
        frame_words(studio, canvas)
    return canvas


def frame_words(studio: Studio, canvas: Canvas) -> None:
    """Draw a thin line around each block of letters, as labels, keys and annotations have; over letters it touches."""
    dice = studio.dice
    ink = studio.plain(dice.whole(0, 255)) if studio.grey else studio.colour("vivid")
    width, height = canvas.size_wh
    pen, gap = dice.pick([1, 1, 2, 3]), dice.between(-0.05, 0.35)
    for region in canvas.regions:
        middle = region.polygon.mean(0)
        reach = np.abs(region.polygon - middle).max(0)
        outline = middle + (region.polygon - middle) * (1 + gap * region.glyph_px / np.maximum(reach, 1))
        frame = np.zeros((height, width), np.uint8)
        polyline(frame, outline, 255, pen, closed=True)
        canvas.draw(frame, ink, 0, 0)


def board(studio: Studio, canvas: Canvas, writer: Writer) -> None:
    """A sign of several lines, flat at first, then turned in space as one: board, picture, letters and outlines."""
    dice = studio.dice
    width, height = int(dice.log_between(60, 420)), int(dice.log_between(40, 360))
    flat = _flat_sign(studio, writer, width, height)
    quad = corners(0, 0, width, height) * dice.between(0.5, 1.15)
    quad += dice.generator.uniform(-0.16, 0.16, (4, 2)) * quad.max(0)
    quad -= quad.min(0)
    spot = canvas.spot(dice, tuple(quad.max(0)), beyond=0.25)
    if spot is None:
        return
    place_in_perspective(canvas, flat, quad, (int(spot[0] - quad[:, 0].max() / 2), int(spot[1] - quad[:, 1].max() / 2)))


def distant_board(studio: Studio, canvas: Canvas, writer: Writer) -> None:
    """A small sign seen from afar: letters of 8 to 30 px, steep, pale and out of focus."""
    dice = studio.dice
    size = dice.log_between(8, 30)
    face = writer.face(writer.language(), _SIGN)
    text = words.amount(dice) if dice.chance(0.25) else words.name(dice, face)
    block = horizontal(
        dice, face, size, wrapped(face, size, face.without_unknown(text) or "1", 200)[: dice.pick([1, 1, 2])]
    )
    width, height = (int(side + size * dice.between(0.3, 1.6)) for side in block.alpha.shape[::-1])
    colour = studio.colour() if dice.chance(0.7) else studio.plain(dice.whole(0, 255))
    flat = Canvas(studio.blank((height, width), colour))
    place = ((width - block.alpha.shape[1]) / 2, (height - block.alpha.shape[0]) / 2)
    flat.write(effects.plain(studio, block, ink=studio.against(colour)), *place, "sign")
    _dim(flat, contrast=dice.between(0.35, 1), blur_px=dice.between(0, 0.06) * size)
    quad = corners(0, 0, width * dice.between(0.55, 1), height)
    quad += dice.generator.uniform(-0.2, 0.2, (4, 2)) * min(width, height)
    quad -= quad.min(0)
    spot = canvas.spot(dice, tuple(quad.max(0)), beyond=0.2)
    if spot is not None:
        place_in_perspective(
            canvas, flat, quad, (int(spot[0] - quad[:, 0].max() / 2), int(spot[1] - quad[:, 1].max() / 2))
        )


def _dim(flat: Canvas, *, contrast: float, blur_px: float) -> None:
    """Fade letters into their board and blur both pictures alike."""
    flat.raw[:] = cv2.addWeighted(flat.raw, contrast, flat.clean, 1 - contrast, 0)
    if blur_px > 0.3:
        for picture in (flat.raw, flat.clean, flat.letters):
            picture[:] = cv2.GaussianBlur(picture, (0, 0), blur_px)


def _flat_sign(studio: Studio, writer: Writer, width: int, height: int) -> Canvas:
    """A sign seen from the front."""
    dice = studio.dice
    colour = studio.colour() if dice.chance(0.7) else studio.plain(dice.whole(200, 255))
    flat = Canvas(studio.blank((height, width), colour))
    if dice.chance(0.25) and min(width, height) > 40:
        drawn = art.scene(studio, (height // 2, width), photographic=True)
        flat.draw(np.full(drawn.shape[:2], 255, np.uint8), drawn, 0, dice.pick([0, height - height // 2]))
    if dice.chance(0.5):
        frame = np.zeros((height, width), np.uint8)
        polyline(frame, corners(2, 2, width - 3, height - 3), 255, dice.pick([1, 2, 4]), closed=True)
        flat.draw(frame, studio.against(colour), 0, 0)
    language = writer.language()
    y = height * dice.between(0.04, 0.2)
    while y < height * 0.9:
        face = writer.face(language, _SIGN)
        size = float(np.clip(height * dice.log_between(0.05, 0.5), 7, height * 0.7))
        text = words.name(dice, face) if dice.chance(0.5) else words.phrase(dice, face, dice.whole(2, 12))
        block = fitted(horizontal(dice, face, size, wrapped(face, size, text, width * 0.9)[:3]), width * 0.9)
        if y + block.alpha.shape[0] > height * 0.97:
            break
        if dice.chance(0.3):
            mark = art.icon(studio, min(block.alpha.shape[0] * 1.2, width * 0.3))
            flat.draw(mark, studio.against(colour), width * 0.03, y)
        local = flat.clean[min(height - 1, int(y + block.alpha.shape[0] / 2)), width // 2]
        ink = studio.against(tuple(int(v) for v in np.atleast_1d(local)) if not studio.grey else int(local))
        flat.write(
            effects.plain(studio, block, ink=ink), (width - block.alpha.shape[1]) * dice.between(0.1, 0.9), y, "sign"
        )
        y += block.alpha.shape[0] + height * dice.between(0.03, 0.15)
    return flat


def place_in_perspective(canvas: Canvas, flat: Canvas, quad: np.ndarray, place: tuple[int, int]) -> None:
    """Draw a flat canvas with its letters and regions into a quad of another."""
    width, height = flat.size_wh
    size_wh = (int(quad[:, 0].max()) + 2, int(quad[:, 1].max()) + 2)
    transform = cv2.getPerspectiveTransform(np.float32(corners(0, 0, width, height)), np.float32(quad))

    def seen(picture: np.ndarray) -> np.ndarray:
        return cv2.warpPerspective(picture, transform, size_wh, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)

    alpha = np.zeros(size_wh[::-1], np.uint8)
    polygon(alpha, quad, 255)
    canvas.draw(alpha, seen(flat.clean), *place)
    letters = cv2.warpPerspective(flat.letters, transform, size_wh, flags=cv2.INTER_LINEAR)
    near = cv2.min(cv2.threshold(cv2.dilate(letters, np.ones((5, 5), np.uint8)), 0, 255, cv2.THRESH_BINARY)[1], alpha)
    paint(canvas.raw, near, seen(flat.raw), *place)  # only near letters: the board's own edge must stay equal in both
    cover(canvas.letters, cv2.min(letters, alpha), *place)
    for region in flat.regions:
        outline = cv2.perspectiveTransform(region.polygon[None], transform)[0] + np.float32(place)
        shrink = float(np.sqrt(cv2.contourArea(np.float32(quad)) / (width * height)))
        canvas.regions.append(Region(outline.astype(np.float32), region.glyph_px * shrink, region.kind))


def painted_on(studio: Studio, canvas: Canvas, writer: Writer) -> None:
    """Letters straight on a surface: shop fronts, shirts, walls, packages; worn, turned, at times bent."""
    dice = studio.dice
    face = writer.face(writer.language(), _SIGN)
    size = dice.log_between(7, 90)
    if face.language in {"ja", "zh"} and dice.chance(0.3):
        block = vertical(dice, face, size, words.name(dice, face), rows=8)
    else:
        block = horizontal(dice, face, size, wrapped(face, size, words.name(dice, face), canvas.size_wh[0])[:2])
    block = fitted(block, 0.9 * canvas.size_wh[0])
    if dice.chance(0.35):
        block = waved(dice, block)
    if dice.chance(0.5):
        block = turned(block, dice.bell(0, 14))
    height, width = block.alpha.shape
    spot = canvas.spot(dice, (width, height), beyond=0.2)
    if spot is None:
        return
    if dice.chance(0.4):  # worn paint
        worn = np.clip(0.85 + 0.25 * noise(dice, (height, width)), 0, 1)
        block = Block((block.alpha * worn).astype(np.uint8), block.outline, block.glyph_px)
    dark = canvas.is_dark(spot, (width, height))
    ink = studio.colour("pastel" if dark else "dark")
    if abs(brightness(ink) - (60 if dark else 200)) < 40:
        ink = studio.white() if dark else studio.black()
    style = effects.plain if dice.chance(0.75) else effects.outlined
    canvas.write_at(style(studio, block, on_dark=dark, ink=ink), spot, "sign")
