"""Setting type: columns, lines and sound effects as coverage, with the outline of the block they were laid out in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.data.assets import Face
from training.data.canvas import Block
from training.data.dice import Dice
from training.data.strokes import corners, padded
from training.data.words import HIRAGANA

_TURNED = frozenset("ー～〜―—…‥（）「」『』〝〟：；＝－-~()[]{}–“”‘’→←")
"""Characters that lie on their side in vertical text."""
_SHIFTED = frozenset("、。，．")
_SMALL_KANA = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ")
_HANGING = frozenset("、。！？…ー」っ")
_EAST_ASIAN = "\u2e80"
_SPACELESS = frozenset({"ja", "zh"})


def block_of(picture: Image.Image, glyph_px: float) -> Block:
    """A block around everything that is drawn in a picture of coverage."""
    box = picture.getbbox()
    if box is None:
        return Block(np.zeros((2, 2), np.uint8), corners(0, 0, 2, 2), glyph_px)
    return Block(np.asarray(picture.crop(box)), corners(0, 0, box[2] - box[0], box[3] - box[1]), glyph_px)


def with_margin(block: Block, margin_px: int) -> Block:
    """The block with room around it for outlines and shadows."""
    return Block(padded(block.alpha, margin_px), block.outline + margin_px, block.glyph_px)


def _is_kana(character: str) -> bool:
    return "\u3041" <= character <= "\u30ff"


def columns_of(text: str, rows: int) -> list[list[str]]:
    """The text in columns of at most `rows` characters; marks that must not begin a column hang below the last."""
    columns: list[list[str]] = [[]]
    for character in text:
        full = len(columns[-1]) >= rows
        if character == "\n" or (full and not (character in _HANGING and len(columns[-1]) < rows + 2)):
            columns.append([])
        if character not in " \n":
            columns[-1].append(character)
    return [column for column in columns if column] or [["…"]]


def vertical(dice: Dice, face: Face, size_px: float, text: str, *, rows: int, pitch: float = 1.2, furigana: float = 0.0,
             bold_px: int = 0, lead: float = 1.04, kana_face: Face | None = None) -> Block:  # fmt: skip
    """Text in columns from right to left.

    `pitch` and `lead` are the distances of columns and characters in em; `furigana` is the share of kanji read out.
    """
    font = face.sized(size_px)
    kana_font = (kana_face or face).sized(size_px)
    em = font.size
    small_px = max(4, int(em * 0.47)) if furigana else 0
    small = face.sized(small_px) if furigana else None
    columns = columns_of(text, rows)
    longest = max(len(column) for column in columns)
    margin = int(em * 0.8) + 2 + bold_px
    width = int(em * pitch * (len(columns) - 1) + em + small_px + 2 * margin)
    picture = Image.new("L", (width, int(em * lead * longest + 2 * margin)))
    draw = ImageDraw.Draw(picture)
    top_aligned = dice.chance(0.85)
    for number, column in enumerate(columns):
        x = width - margin - small_px - em / 2 - number * em * pitch
        y = margin + (0 if top_aligned else (longest - len(column)) * em * lead / 2)
        skip = False
        for place, character in enumerate(column):
            if skip:
                skip = False
                continue
            middle = y + em * lead / 2
            following = column[place + 1] if place + 1 < len(column) else ""
            if character in _TURNED:
                _draw_turned(picture, font, character, (x, middle), bold_px=bold_px)
            elif character in _SHIFTED:
                draw.text((x + em * 0.6, middle - em * 0.55), character, 255, font, anchor="mm", stroke_width=bold_px)
            elif character in "！？!?" and following and following in "！？!?":
                pair = (character + following).translate({0xFF01: "!", 0xFF1F: "?"})
                draw.text((x, middle), pair, 255, font, anchor="mm", stroke_width=bold_px)
                skip = True
            elif character > _EAST_ASIAN:
                shift = em * 0.1 if character in _SMALL_KANA else 0.0
                drawn = kana_font if _is_kana(character) and character in (kana_face or face).known else font
                place_xy = (x + shift - em / 2, middle - shift + em * 0.38)
                draw.text(place_xy, character, 255, drawn, anchor="ls", stroke_width=bold_px)
            else:
                draw.text((x, middle), character, 255, font, anchor="mm", stroke_width=bold_px)
            if small is not None and "\u4e00" <= character <= "\u9fff" and dice.chance(furigana):
                reading = dice.whole(1, 3)
                for step in range(reading):
                    place_xy = (x + em / 2 + small_px * 0.55, middle + (step - (reading - 1) / 2) * small_px * 0.95)
                    draw.text(place_xy, dice.pick(HIRAGANA), 255, small, anchor="mm")
            y += em * lead
    return block_of(picture, float(em))


def _draw_turned(
    picture: Image.Image, font: ImageFont.FreeTypeFont, character: str, centre: tuple[float, float], *, bold_px: int
) -> None:
    """One character on its side."""
    side = int(font.size * 1.6) | 1
    tile = Image.new("L", (side, side))
    ImageDraw.Draw(tile).text((side / 2, side / 2), character, 255, font, anchor="mm", stroke_width=bold_px)
    box = tile.getbbox()
    if character in "…‥" and box:  # many fonts set the dots on the baseline; in columns they stand in the middle
        centred = Image.new("L", (side, side))
        centred.paste(tile.crop(box), ((side - box[2] + box[0]) // 2, (side - box[3] + box[1]) // 2))
        tile = centred
    tile = tile.transpose(Image.Transpose.ROTATE_270)
    picture.paste(255, (int(centre[0] - side / 2), int(centre[1] - side / 2)), tile)


def wrapped(face: Face, size_px: float, text: str, width_px: float) -> list[str]:
    """The text in lines of at most this width, broken at spaces where the language has them."""
    font = face.sized(size_px)
    if face.language in _SPACELESS:
        count = max(1, int(width_px / font.size))
        return [text[start : start + count] for start in range(0, len(text), count)]
    lines: list[list[str]] = [[]]
    used, space = 0.0, word_px(face, font.size, " ")
    for word in text.split():
        width = word_px(face, font.size, word)
        if lines[-1] and used + space + width > width_px:
            lines.append([])
            used = 0.0
        used += width + (space if lines[-1] else 0.0)
        lines[-1].append(word)
    return [" ".join(line) for line in lines if line] or ["..."]


@lru_cache(maxsize=20_000)
def word_px(face: Face, size_px: int, word: str) -> float:
    """Width of a word."""
    return float(face.sized(size_px).getlength(word))


def horizontal(
    dice: Dice,
    face: Face,
    size_px: float,
    lines: Sequence[str],
    *,
    lead: float = 1.2,
    align: str = "centre",
    bold_px: int = 0,
    furigana: float = 0.0,
    tracking_px: float = 0.0,
) -> Block:
    """Lines of text below each other; align is left, centre or right."""
    font = face.sized(size_px)
    em = font.size
    small_px = max(4, int(em * 0.47)) if furigana else 0
    small = face.sized(small_px) if furigana else None
    widths = [font.getlength(line) + tracking_px * len(line) for line in lines]
    step, margin = em * lead + small_px * 0.9, int(em * 0.5) + 2 + bold_px
    widest = max(widths)
    picture = Image.new("L", (int(widest) + 2 * margin, int(step * len(lines) + em * 0.3) + 2 * margin))
    draw = ImageDraw.Draw(picture)
    share = {"left": 0.0, "centre": 0.5, "right": 1.0}[align]
    for number, (line, width) in enumerate(zip(lines, widths, strict=True)):
        x, base = margin + (widest - width) * share, margin + number * step + small_px * 0.9 + em * 0.9
        if tracking_px:
            at = x
            for character in line:
                draw.text((at, base), character, 255, font, anchor="ls", stroke_width=bold_px)
                at += font.getlength(character) + tracking_px
        else:
            draw.text((x, base), line, 255, font, anchor="ls", stroke_width=bold_px)
        if small is not None:
            for place, character in enumerate(line):
                if "\u4e00" <= character <= "\u9fff" and dice.chance(furigana):
                    reading = dice.pick(HIRAGANA) + dice.pick(HIRAGANA)
                    draw.text(
                        (x + em * (place + 0.5), base - em * 0.95 - small_px * 0.3), reading, 255, small, anchor="mm"
                    )
    return block_of(picture, float(em))


def sound_effect(dice: Dice, face: Face, size_px: float, text: str, *, upright: bool) -> Block:
    """Big letters that jump: sizes, angles and places vary, letters lean, stretch and overlap."""
    jitter, grow = dice.pick([0, 0.05, 0.12]), dice.pick([0, 0, dice.between(-0.12, 0.18)])
    bow, tight = dice.pick([0, 0, dice.between(-0.3, 0.3)]), dice.between(0.72, 1.05)
    wobble, lean, stretch = (
        dice.pick([0, 6, 16]),
        dice.pick([0, 0, dice.between(-0.6, 0.6)]),
        dice.log_between(0.6, 1.6),
    )
    glyphs, way = [], 0.0
    for number, character in enumerate(text):
        if character == " ":
            way += size_px * 0.4
            continue
        size = float(np.clip(size_px * (1 + grow * number) * (1 + dice.bell(0, jitter)), 6, 400))
        font = face.sized(size)
        side = int(size * 1.7)
        tile = Image.new("L", (side, side))
        ImageDraw.Draw(tile).text((side / 2, side / 2), character, 255, font, anchor="mm")
        glyph = np.asarray(tile)
        if upright and character in _TURNED:
            glyph = np.ascontiguousarray(np.rot90(glyph, -1))
        angle = math.radians(dice.bell(0, wobble)) if wobble else 0.0
        scale_x, scale_y = (1.0, stretch) if stretch >= 1 else (1 / stretch**0.5, 1.0)
        glyph = _bent(glyph, angle, lean, scale_x, scale_y)
        wide = upright or character > _EAST_ASIAN
        step = (
            size * scale_y * tight
            if upright
            else (size if wide else font.getlength(character) * 1.12) * scale_x * tight
        )
        off = bow * size_px * math.sin(number * 1.1) + dice.bell(0, jitter) * size_px
        glyphs.append((glyph, (off, way + step / 2) if upright else (way + step / 2, off)))
        way += step
    return block_of(Image.fromarray(_assembled(glyphs)), size_px)


def _bent(glyph: np.ndarray, angle: float, lean: float, scale_x: float, scale_y: float) -> np.ndarray:
    """One glyph turned, sheared and stretched about its middle."""
    if not angle and not lean and scale_x == scale_y == 1:
        return glyph
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[scale_x, lean], [0, scale_y]])
    side = glyph.shape[0]
    width, height = int(side * (scale_x + abs(lean))), int(side * scale_y)
    shift = np.array([width / 2, height / 2]) - matrix @ np.array([side / 2, side / 2])
    return cv2.warpAffine(glyph, np.column_stack([matrix, shift]), (width, height))


def _assembled(glyphs: list[tuple[np.ndarray, tuple[float, float]]]) -> np.ndarray:
    """Glyphs centred at their places, on one picture."""
    if not glyphs:
        return np.zeros((2, 2), np.uint8)
    lefts = [x - glyph.shape[1] / 2 for glyph, (x, _) in glyphs]
    tops = [y - glyph.shape[0] / 2 for glyph, (_, y) in glyphs]
    right = max(left + glyph.shape[1] for left, (glyph, _) in zip(lefts, glyphs, strict=True))
    bottom = max(top + glyph.shape[0] for top, (glyph, _) in zip(tops, glyphs, strict=True))
    picture = np.zeros((int(bottom - min(tops)) + 2, int(right - min(lefts)) + 2), np.uint8)
    for left, top, (glyph, _) in zip(lefts, tops, glyphs, strict=True):
        x, y = int(left - min(lefts)), int(top - min(tops))
        part = picture[y : y + glyph.shape[0], x : x + glyph.shape[1]]
        np.maximum(part, glyph[: part.shape[0], : part.shape[1]], out=part)
    return picture


def scaled(block: Block, factor: float) -> Block:
    """The block at another size."""
    height, width = block.alpha.shape
    size_wh = (max(1, round(width * factor)), max(1, round(height * factor)))
    alpha = cv2.resize(block.alpha, size_wh, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    return Block(alpha, block.outline * [size_wh[0] / width, size_wh[1] / height], block.glyph_px * factor)


def squeezed(block: Block, share: float) -> Block:
    """The block at this share of its width, as tall as it was: letters of a shout, narrow and heavy."""
    height, width = block.alpha.shape
    narrow = max(1, round(width * share))
    alpha = cv2.resize(block.alpha, (narrow, height), interpolation=cv2.INTER_AREA)
    return Block(alpha, block.outline * [narrow / width, 1], block.glyph_px)


def fanned(dice: Dice, block: Block) -> Block:
    """The block with its letters growing from one side to the other, as they fill a slanted panel or come nearer."""
    height, width = block.alpha.shape
    quad = corners(0, 0, width, height)
    small, place = dice.between(0.25, 0.8), dice.between(0, 1)
    ends = ((0, 3), (1, 2)) if width >= height else ((0, 1), (3, 2))
    first, last = dice.pick(ends)
    cut = (quad[last] - quad[first]) * (1 - small)
    quad[first], quad[last] = quad[first] + cut * place, quad[last] - cut * (1 - place)
    return in_perspective(block, quad - quad.min(0))


def fitted(block: Block, most_px: float) -> Block:
    """The block, made smaller if its longer side exceeds `most_px`."""
    longest = max(block.alpha.shape)
    return scaled(block, most_px / longest) if longest > most_px else block


def turned(block: Block, degrees: float) -> Block:
    """The block turned counter-clockwise."""
    height, width = block.alpha.shape
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    new_width, new_height = int(width * cos + height * sin) + 4, int(height * cos + width * sin) + 4
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    matrix[:, 2] += [(new_width - width) / 2, (new_height - height) / 2]
    alpha = cv2.warpAffine(block.alpha, matrix, (new_width, new_height))
    return Block(alpha, block.outline @ matrix[:, :2].T + matrix[:, 2], block.glyph_px)


def in_perspective(block: Block, quad: np.ndarray) -> Block:
    """The block drawn into a `(4, 2)` quad in px, whose least coordinates are 0."""
    height, width = block.alpha.shape
    transform = cv2.getPerspectiveTransform(np.float32(corners(0, 0, width, height)), np.float32(quad))
    new_width, new_height = (int(v) for v in np.ceil(quad.max(0)) + 2)
    alpha = cv2.warpPerspective(block.alpha, transform, (new_width, new_height), flags=cv2.INTER_AREA)
    outline = cv2.perspectiveTransform(np.float32(block.outline)[None], transform)[0]
    size_ratio = math.sqrt(max(1.0, cv2.contourArea(np.float32(quad))) / (width * height))
    return Block(alpha, outline.astype(np.float64), block.glyph_px * size_ratio)


def skewed(dice: Dice, block: Block, strength: float = 0.12) -> Block:
    """The block seen from an angle."""
    height, width = block.alpha.shape
    quad = corners(0, 0, width, height) + dice.generator.uniform(-strength, strength, (4, 2)) * [width, height]
    return in_perspective(block, quad - quad.min(0))


def waved(dice: Dice, block: Block) -> Block:
    """The block with its letters along a wave or around a barrel; its outline bends with it."""
    block = with_margin(block, int(0.1 * max(block.alpha.shape)) + 2)
    height, width = block.alpha.shape
    length = max(height, width)
    swing, pitch = dice.between(0.02, 0.08) * length, dice.between(0.5, 2.2) * 2 * math.pi / length
    phase, sideways = dice.between(0, 6), dice.chance(0.4)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    from_x = columns + np.float32(swing) * np.sin(rows * np.float32(pitch) + np.float32(phase)) * np.float32(sideways)
    from_y = rows + np.float32(swing) * np.sin(columns * np.float32(pitch) + np.float32(phase)) * np.float32(
        not sideways
    )
    alpha = cv2.remap(block.alpha, from_x, from_y, cv2.INTER_LINEAR)
    edge = np.concatenate(
        [
            np.linspace(start, end, 7)[:-1]
            for start, end in zip(block.outline, np.roll(block.outline, -1, 0), strict=True)
        ]
    )
    axis = 0 if sideways else 1
    edge[:, axis] -= swing * np.sin(edge[:, 1 - axis] * pitch + phase)
    return Block(alpha, edge, block.glyph_px)
