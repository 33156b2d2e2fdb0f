"""What is written on comics: dialogue, captions, narration and asides, sound effects, signs, credits, watermarks."""

from __future__ import annotations

import cv2
import numpy as np

from training.data import effects, words
from training.data.assets import Face
from training.data.bubbles import CAPTION_FILLS, draw_bubble
from training.data.canvas import Block, Canvas, Lettering, Region
from training.data.lettering import (
    fanned,
    fitted,
    horizontal,
    in_perspective,
    skewed,
    sound_effect,
    squeezed,
    turned,
    vertical,
    waved,
    with_margin,
    wrapped,
)
from training.data.strokes import corners, polygon, polyline, ring_points
from training.data.studio import Studio, brightness

LANGUAGES = {"ja": 0.5, "en": 0.27, "ko": 0.08, "zh": 0.09, "ru": 0.06}
_DIALOGUE = {"dlg": 0.6, "hand": 0.18, "pop": 0.08, "sans": 0.08, "serif": 0.06}
_LOUD = {"sfx": 0.6, "pop": 0.15, "deco": 0.1, "sfxo": 0.07, "hand": 0.08}
_SIGN = {"sans": 0.35, "serif": 0.15, "deco": 0.15, "dlg": 0.15, "pop": 0.1, "sfx": 0.1}
_SMALLEST_PX = 5.0
_GIANT_SHARE = 0.2
"""Share of sound effects that reach beyond the page: else letters above 130 px would hardly ever be seen."""
_VERTICAL_SHARE = {"ja": 0.86, "zh": 0.4, "ko": 0.08}


class Writer:
    """Someone who letters one page: keeps to a language and a hand."""

    def __init__(self, studio: Studio, canvas: Canvas) -> None:
        self.studio, self.canvas, self.dice = studio, canvas, studio.dice
        self._spoken = {k: v for k, v in LANGUAGES.items() if k in studio.pack.languages}
        self.usual_language = self.dice.weighted(self._spoken)
        self._dialogue_faces: dict[str, tuple[Face, Face | None]] = {}

    @property
    def most_px(self) -> float:
        """Longest side that a block of dialogue may take."""
        return 0.8 * max(self.canvas.size_wh)

    def language(self) -> str:
        """Mostly the page's own."""
        return self.usual_language if self.dice.chance(0.93) else self.dice.weighted(self._spoken)

    def face(self, language: str, styles: dict[str, float]) -> Face:
        """A font of that language in one of these styles."""
        return self.dice.pick(self.studio.pack.faces_for(language, self.dice.weighted(styles)))

    def dialogue_face(self, language: str) -> tuple[Face, Face | None]:
        """The page's dialogue font; in Japanese at times kanji in one and kana in another, as printed manga has it."""
        if language not in self._dialogue_faces or self.dice.chance(0.12):
            face = self.face(language, _DIALOGUE)
            kana = (
                self.dice.pick(self.studio.pack.faces_for("ja", "dlg"))
                if language == "ja" and self.dice.chance(0.4)
                else None
            )
            self._dialogue_faces[language] = (face, kana)
        return self._dialogue_faces[language]

    def dialogue_px(self) -> float:
        """Size of letters in bubbles."""
        return float(np.clip(self.dice.log_between(10, 38) * self.studio.zoom, _SMALLEST_PX, 64))

    def block(self, face: Face, size_px: float, length: int, *, kana_face: Face | None = None) -> Block:
        """A remark, set as the language sets it."""
        dice = self.dice
        text = words.phrase(dice, face, length)
        bold = 1 if dice.chance(0.1) and size_px > 16 else 0
        if dice.chance(_VERTICAL_SHARE.get(face.language, 0.0)):
            rows = int(np.clip(round(len(text) ** 0.5 * dice.between(1, 2.3)), 2, 14))
            read = dice.between(0.3, 1) if face.language == "ja" and size_px >= 10 and dice.chance(0.35) else 0.0
            pitch = dice.between(1.4, 1.65) if read else dice.between(1.08, 1.35)
            return vertical(dice, face, size_px, text, rows=rows, pitch=pitch, furigana=read, bold_px=bold,
                            lead=dice.between(0.98, 1.1), kana_face=kana_face)  # fmt: skip
        whole = face.sized(size_px).getlength(text)
        lines = wrapped(face, size_px, text, max(size_px * 3, (whole * size_px * dice.between(1.2, 3.2)) ** 0.5))
        read = dice.between(0.4, 1) if face.language == "ja" and size_px >= 12 and dice.chance(0.15) else 0.0
        track = size_px * 0.12 if dice.chance(0.1) else 0.0
        align = "centre" if dice.chance(0.85) else "left"
        return horizontal(
            dice,
            face,
            size_px,
            lines,
            lead=dice.between(1, 1.35),
            align=align,
            bold_px=bold,
            furigana=read,
            tracking_px=track,
        )

    def dialogue(self, within: tuple[float, float, float, float] | None = None) -> None:
        """A bubble with a remark in it; a few stay empty."""
        dice, studio, canvas = self.dice, self.studio, self.canvas
        face, kana = self.dialogue_face(self.language())
        block = fitted(self.block(face, self.dialogue_px(), int(dice.log_between(2, 46)), kana_face=kana), self.most_px)
        height, width = block.alpha.shape
        spot = canvas.spot(dice, (width * 1.5 + 10, height * 1.4 + 10), within=within)
        if spot is None:
            return
        dark = draw_bubble(studio, canvas, spot, (width, height))
        if dice.chance(0.07):
            return
        if dice.chance(0.05):
            block = turned(block, dice.between(-14, 14))
        if dice.chance(0.04):
            block = effects.dry_brushed(studio, block)
        style = effects.plain if dice.chance(0.93) else effects.outlined
        canvas.write_at(style(studio, block, on_dark=dark), spot, "dialogue")

    def shout(self) -> None:
        """A remark in tall, narrow, heavy letters, some of them larger towards its end, in a bubble that they fill."""
        dice, canvas = self.dice, self.canvas
        face = self.face(self.language(), {"sfx": 0.45, "pop": 0.25, "dlg": 0.2, "hand": 0.1})
        size = self.dialogue_px() * dice.between(1.2, 3.2)
        text = words.phrase(dice, face, dice.whole(3, 22)).upper() + dice.pick(["", "!", "!!", "!!!", "!?"])
        lines = wrapped(face, size, text, size * dice.between(2, 6))
        block = horizontal(dice, face, size, lines, lead=dice.between(0.9, 1.15), bold_px=dice.whole(0, int(size / 20)))
        block = fitted(squeezed(block, dice.log_between(0.4, 1)), self.most_px)
        if dice.chance(0.25):
            block = fanned(dice, block)
        if dice.chance(0.4):
            block = turned(block, dice.between(-18, 18))
        height, width = block.alpha.shape
        spot = canvas.spot(dice, (width * 1.3 + 10, height * 1.3 + 10))
        if spot is not None:
            shape = dice.pick(["burst", "burst", "angular", None])
            dark = draw_bubble(self.studio, canvas, spot, (width, height), shape=shape)
            canvas.write_at(effects.plain(self.studio, block, on_dark=dark), spot, "dialogue")

    def exclamation(self) -> None:
        """A mark alone in its bubble, or two or three, heavy and aslant."""
        dice, canvas = self.dice, self.canvas
        language = self.language()
        face = self.face(language, _DIALOGUE if dice.chance(0.5) else _LOUD)
        size = self.dialogue_px() * dice.between(1.2, 2.6)
        mark = dice.pick(["!", "!", "!", "!!", "!?", "?!", "?!", "?!?", "?", "??", "!!!"])
        block = fitted(horizontal(dice, face, size, [mark], bold_px=dice.whole(0, int(size / 16))), self.most_px)
        block = turned(block, dice.between(-32, 32))
        height, width = block.alpha.shape
        spot = canvas.spot(dice, (width * 1.5 + 10, height * 1.4 + 10))
        if spot is not None:
            dark = draw_bubble(self.studio, canvas, spot, (width * dice.between(1, 2), height))
            canvas.write_at(effects.plain(self.studio, block, on_dark=dark), spot, "dialogue")

    def beads(self) -> None:
        """A word of which each letter stands on a disc or a tile of its own: readings over titles, logos, levels."""
        dice, studio, canvas = self.dice, self.studio, self.canvas
        face = self.face(self.language(), {"sans": 0.4, "dlg": 0.3, "pop": 0.3})
        letters = words.name(dice, face).replace(" ", "")[: dice.whole(2, 7)]
        size = dice.log_between(8, 40) * max(0.7, studio.zoom)
        step, reach = size * dice.between(1.35, 2), size * dice.between(0.62, 0.75)
        way = np.array([0.0, step]) if dice.chance(0.25) else np.array([step, 0.0])
        spot = canvas.spot(dice, tuple(np.abs(way) * (len(letters) - 1) + 2 * reach))
        if spot is None or not letters:
            return
        dark, sides = dice.chance(0.65), dice.pick([40, 40, 4])
        board = (
            studio.plain(dice.whole(0, 50) if dark else dice.whole(205, 255)) if dice.chance(0.6) else studio.colour()
        )
        begun = len(canvas.regions)
        for place, letter in enumerate(letters):
            centre = np.array(spot) + way * (place - (len(letters) - 1) / 2)
            disc = np.zeros((int(2 * reach) + 2,) * 2, np.uint8)
            middle = np.array(disc.shape[::-1]) / 2
            polygon(
                disc,
                ring_points(middle, reach, reach, sides) if sides > 4 else corners(1, 1, *(2 * reach, 2 * reach)),
                255,
            )
            canvas.draw(disc, board, *(centre - middle))
            block = horizontal(dice, face, size, [letter])
            canvas.write_at(effects.plain(studio, block, on_dark=brightness(board) < 128), tuple(centre), "title")
        outline = cv2.convexHull(np.concatenate([region.polygon for region in canvas.regions[begun:]])).reshape(-1, 2)
        canvas.regions[begun:] = [Region(outline, size, "title")]

    def caption(self) -> None:
        """A box with narration."""
        dice = self.dice
        face, kana = self.dialogue_face(self.language())
        block = fitted(
            self.block(face, self.dialogue_px() * 0.9, int(dice.log_between(4, 50)), kana_face=kana), self.most_px
        )
        if dice.chance(0.15):
            self._slanted_caption(block)
            return
        height, width = block.alpha.shape
        spot = self.canvas.spot(dice, (width * 1.2 + 8, height * 1.2 + 8))
        if spot is None:
            return
        dark = draw_bubble(
            self.studio, self.canvas, spot, (width, height), shape="box", fill=dice.weighted(CAPTION_FILLS)
        )
        self.canvas.write_at(effects.plain(self.studio, block, on_dark=dark), spot, "caption")

    def _slanted_caption(self, block: Block) -> None:
        """A box with narration that leans, or a strip with it across the panel."""
        dice = self.dice
        margin = int(block.glyph_px * dice.between(0.3, 1)) + 2
        board = with_margin(block, margin)
        height, width = board.alpha.shape
        angle = dice.pick([-1, 1]) * dice.between(4, 40)
        tilted = turned(Block(board.alpha, corners(0, 0, width, height), block.glyph_px), angle)
        spot = self.canvas.spot(dice, (tilted.alpha.shape[1], tilted.alpha.shape[0]), beyond=0.1)
        if spot is None:
            return
        dark = dice.chance(0.25)
        place = (spot[0] - tilted.alpha.shape[1] / 2, spot[1] - tilted.alpha.shape[0] / 2)
        self._board(tilted.alpha.shape[:2], tilted.outline, place, dark=dark)
        self.canvas.write_at(effects.plain(self.studio, turned(board, angle), on_dark=dark), spot, "caption")

    def aside(self) -> None:
        """Narration, a thought or a small hand-written remark on bare art."""
        dice, studio, canvas = self.dice, self.studio, self.canvas
        small = dice.chance(0.5)
        face = self.face(self.language(), {"hand": 0.75, "dlg": 0.25} if small else {**_DIALOGUE, "deco": 0.1})
        size = max(_SMALLEST_PX, (dice.log_between(7, 17) if small else dice.log_between(12, 44)) * studio.zoom)
        block = fitted(self.block(face, size, int(dice.log_between(2, 14 if small else 22))), self.most_px)
        if dice.chance(0.15):
            block = squeezed(block, dice.log_between(0.45, 0.9))
        if dice.chance(0.35):
            block = turned(block, dice.between(-25, 25))
        height, width = block.alpha.shape
        spot = canvas.spot(dice, (width, height), beyond=0.3)
        if spot is None:
            return
        dark = canvas.is_dark(spot, (width, height))
        style = effects.plain if dice.chance(0.55) else effects.outlined
        canvas.write_at(style(studio, block, on_dark=dark), spot, "aside")

    def sound(self) -> None:
        """A sound effect across the art, in any size and decoration."""
        dice, studio, canvas = self.dice, self.studio, self.canvas
        language = self.language()
        face = self.face(language, _LOUD)
        giant = dice.chance(_GIANT_SHARE)
        size = dice.log_between(130, 400) if giant else dice.log_between(18, 260) * max(0.7, studio.zoom)
        size = float(np.clip(size, 10, 400))
        upright = language in _VERTICAL_SHARE and dice.chance(0.45)
        block = sound_effect(dice, face, size, words.sound(dice, face), upright=upright)
        if dice.chance(0.3):
            block = squeezed(block, dice.log_between(0.35, 0.85))
        if dice.chance(0.25):
            block = fanned(dice, block)
        block = fitted(block, (3.0 if giant else dice.between(0.5, 1.5)) * max(canvas.size_wh))
        if dice.chance(0.3):
            block = skewed(dice, block, dice.between(0.05, 0.25))
        elif dice.chance(0.2):
            block = waved(dice, block)
        if dice.chance(0.5):
            block = turned(block, dice.between(-40, 40))
        if dice.chance(0.12):
            block = effects.dry_brushed(studio, block)
        height, width = block.alpha.shape
        spot = canvas.spot(dice, (width * 0.8, height * 0.8), tries=6, beyond=0.5)
        if spot is None and dice.chance(0.3):
            spot = (dice.between(0, canvas.size_wh[0]), dice.between(0, canvas.size_wh[1]))
        if spot is None:
            return
        dark = canvas.is_dark(spot, (width, height))
        dark = dark if dice.chance(0.8) else not dark
        bare = 0.45 if studio.grey else 0.2  # black and white pages mostly have their sounds in bare black
        style = dice.weighted({effects.outlined: 0.27, effects.decorated: 0.5, effects.plain: bare})
        canvas.write_at(style(studio, block, on_dark=dark), spot, "sfx")

    def sign(self, *, board_share: float = 0.8) -> None:
        """A board with text on it, seen from an angle."""
        dice, studio, canvas = self.dice, self.studio, self.canvas
        face = self.face(self.language(), _SIGN)
        size = max(_SMALLEST_PX, dice.log_between(8, 70) * studio.zoom)
        block = self.block(face, size, dice.whole(2, 14))
        block = with_margin(block, int(size * dice.between(0.2, 0.8)) + 2)
        block = fitted(block, 0.8 * max(canvas.size_wh))
        height, width = block.alpha.shape
        quad = corners(0, 0, width, height) + dice.generator.uniform(-0.18, 0.18, (4, 2)) * [width, height]
        quad -= quad.min(0)
        spot = canvas.spot(dice, tuple(quad.max(0)))
        if spot is None:
            return
        block = in_perspective(block, quad)
        x, y = spot[0] - block.alpha.shape[1] / 2, spot[1] - block.alpha.shape[0] / 2
        dark = dice.chance(0.4)
        if dice.chance(board_share):
            self._board(block.alpha.shape, quad, (x, y), dark=dark)
        else:
            dark = canvas.is_dark(spot, tuple(quad.max(0)))
        style = effects.plain if dice.chance(0.7) else effects.outlined
        canvas.write_at(style(studio, block, on_dark=dark), spot, "sign")

    def _board(self, size_hw: tuple[int, int], quad: np.ndarray, place: tuple[float, float], *, dark: bool) -> None:
        """Paint the board that a sign stands on."""
        studio, dice = self.studio, self.dice
        alpha = np.zeros(size_hw, np.uint8)
        polyline(alpha, quad, 255, dice.pick([2, 4, 7]), closed=True)
        frame = alpha.copy()
        polygon(alpha, quad, 255)
        self.canvas.draw(
            alpha, studio.colour("dark") if dark else studio.colour(dice.pick(["pastel", "vivid", "pastel"])), *place
        )
        if dice.chance(0.6):
            self.canvas.draw(frame, studio.black() if not dark else studio.white(), *place)

    def subtitle(self) -> None:
        """A line at the lower edge, as in films."""
        dice, studio, canvas = self.dice, self.studio, self.canvas
        face = self.face(self.language(), {"sans": 0.6, "dlg": 0.4})
        width, height = canvas.size_wh
        text = words.phrase(dice, face, dice.whole(6, 18))
        size = max(_SMALLEST_PX, dice.log_between(10, 38) * studio.zoom)
        block = horizontal(dice, face, size, wrapped(face, size, text, width * 0.9))
        spot = (width / 2, height - block.alpha.shape[0] * 0.7 - dice.between(0, 0.1) * height)
        ink = studio.plain(255) if studio.grey or dice.chance(0.7) else (255, 255, 80)
        canvas.write_at(effects.outlined(studio, block, ink=ink), spot, "subtitle")

    def credit(self) -> None:
        """An address, handle, page number or chapter mark, mostly at an edge."""
        dice, studio, canvas = self.dice, self.studio, self.canvas
        face = self.face("en", {"sans": 0.4, "serif": 0.2, "hand": 0.15, "dlg": 0.15, "pixel": 0.1})
        size = max(_SMALLEST_PX, dice.log_between(6, 24) * studio.zoom)
        block = horizontal(dice, face, size, [words.credit(dice, face)])
        width, height = canvas.size_wh
        spot = (
            dice.between(0.05, 0.95) * width,
            dice.pick([size, height - size, height - size, dice.between(0, height)]),
        )
        if dice.chance(0.15):
            block = turned(block, dice.pick([90, -90, -90, 30, -30]))
        dark = canvas.is_dark(spot, (block.alpha.shape[1], block.alpha.shape[0]))
        if dice.chance(0.4):
            canvas.write_at(effects.see_through(studio, block), spot, "credit")
        else:
            style = effects.plain if dice.chance(0.6) else effects.outlined
            canvas.write_at(style(studio, block, on_dark=dark), spot, "credit")

    def watermark(self) -> None:
        """A see-through mark, one large or many in a grid."""
        dice, studio, canvas = self.dice, self.studio, self.canvas
        face = self.face("en", {"sans": 0.5, "deco": 0.2, "serif": 0.3})
        size = dice.log_between(12, 70) * studio.zoom
        block = turned(horizontal(dice, face, size, [words.credit(dice, face)]), dice.between(-45, 45))
        lettering = effects.see_through(studio, fitted(block, 0.9 * max(canvas.size_wh)), dice.between(0.12, 0.6))
        if dice.chance(0.5):
            spot = (dice.between(0.2, 0.8) * canvas.size_wh[0], dice.between(0.2, 0.8) * canvas.size_wh[1])
            canvas.write_at(lettering, spot, "watermark")
            return
        step = max(lettering.size_wh) * dice.between(1.0, 1.8) + 20
        for y in np.arange(dice.between(-step, 0), canvas.size_wh[1], step):
            for x in np.arange(dice.between(-step, 0), canvas.size_wh[0], step):
                canvas.write(lettering, x, y, "watermark")

    def title(self) -> None:
        """A large decorated line."""
        dice, studio, canvas = self.dice, self.studio, self.canvas
        language = self.language()
        face = self.face(language, {"sfx": 0.4, "deco": 0.25, "pop": 0.2, "serif": 0.15})
        size = float(np.clip(dice.log_between(36, 130) * studio.zoom, 20, 300))
        lines = wrapped(face, size, words.phrase(dice, face, dice.whole(2, 7)), canvas.size_wh[0] * 0.9)[:3]
        block = fitted(horizontal(dice, face, size, lines, lead=dice.between(0.95, 1.2)), 0.95 * max(canvas.size_wh))
        if dice.chance(0.3):
            block = skewed(dice, block, 0.08) if dice.chance(0.6) else waved(dice, block)
        spot = canvas.spot(dice, (block.alpha.shape[1], block.alpha.shape[0] * 1.1), beyond=0.1)
        if spot is not None:
            lettering: Lettering = effects.decorated(
                studio, block, on_dark=canvas.is_dark(spot, (block.alpha.shape[1], block.alpha.shape[0]))
            )
            canvas.write_at(lettering, spot, "title")
