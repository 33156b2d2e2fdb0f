"""Drawn by hand on comics: brush sound effects in rims, thin ones in a pen, and scrawled asides next to heads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from training.data import effects, glyphs, words
from training.data.brush import Hand, brush_hand, pen_hand, slab_hand, written
from training.data.canvas import Block, Lettering
from training.data.dice import Dice
from training.data.lettering import fanned, fitted, sound_effect, squeezed, turned, with_margin
from training.data.writing import Writer

_UPRIGHT_SHARE = {"ja": 0.5, "zh": 0.3, "ko": 0.1}
_BEYOND_PAGE_SHARE = 0.3
_LONE_SHARE = 0.1
"""Share of sounds of one letter."""
_DRY_SHARE = 0.25
"""Share of rimmed sounds whose brush ran dry."""
_SLAB_SHARE = 0.3
"""Share of loud sounds whose letters are cut out of bars."""
_NARROW_RIM_SHARE = 0.3
"""Share of rimmed sounds whose rim is a few px wide, however large the letters are."""


def brush_sound(writer: Writer) -> None:
    """A loud sound effect in brush strokes, mostly in a rim that parts it from the art; some larger than the page."""
    dice, canvas = writer.dice, writer.canvas
    language = writer.language()
    giant = dice.chance(_BEYOND_PAGE_SHARE)
    size = dice.log_between(180, 480) if giant else dice.log_between(40, 260) * max(0.7, writer.studio.zoom)
    upright = dice.chance(_UPRIGHT_SHARE.get(language, 0.0))
    block = written(dice, _loud_hand(dice), _sound(writer, language), size_px=size, upright=upright)
    if dice.chance(0.25):
        block = squeezed(block, dice.log_between(0.4, 0.9))
    if dice.chance(0.2):
        block = fanned(dice, block)
    block = fitted(block, (2.6 if giant else dice.between(0.5, 1.3)) * max(canvas.size_wh))
    if dice.chance(0.5):
        block = turned(block, dice.between(-35, 35))
    _place(writer, block, _rimmed)


def scattered_sound(writer: Writer) -> None:
    """The letters of one loud sound strewn over the art, each by itself, all by one hand and in one rim."""
    dice = writer.dice
    language = "ja" if dice.chance(0.5) else writer.language()
    hand, kind, lean = _loud_hand(dice), _rim_kind(writer), dice.between(-35, 35)
    size = dice.log_between(45, 230) * max(0.7, writer.studio.zoom)
    for character in _sound(writer, language):
        block = written(dice, hand, character, size_px=size * dice.log_between(0.6, 1.3), upright=False)
        _place(writer, turned(block, lean + dice.bell(0, 10)), partial(_rimmed, kind=kind))


def pen_sound(writer: Writer) -> None:
    """A small sound in thin wobbly lines, bare or in a narrow rim."""
    dice = writer.dice
    language = writer.language()
    size = dice.log_between(24, 150)
    hand = pen_hand(dice, dice.log_between(1.0, 4.0) / size)
    upright = dice.chance(_UPRIGHT_SHARE.get(language, 0.0))
    block = written(dice, hand, _sound(writer, language), size_px=size, upright=upright)
    if dice.chance(0.6):
        block = turned(block, dice.between(-30, 30))
    _place(writer, block, _thin)


def bare_sound(writer: Writer) -> None:
    """A sound of a few small letters in one ink, set in a font, with nothing around them that would set them off."""
    dice = writer.dice
    language = writer.language()
    face = writer.face(language, {"sfx": 0.3, "hand": 0.25, "dlg": 0.2, "sans": 0.15, "pop": 0.1})
    text = words.sound(dice, face)[: dice.whole(1, 5)]
    size = dice.log_between(14, 60) * max(0.7, writer.studio.zoom)
    upright = dice.chance(_UPRIGHT_SHARE.get(language, 0.0))
    block = sound_effect(dice, face, size, text, upright=upright)
    if dice.chance(0.5):
        block = turned(block, dice.bell(0, 18))
    _place(writer, block, _bare)


def scrawl(writer: Writer) -> None:
    """A remark of small loose letters, in a hand-written font or stroke by stroke."""
    dice = writer.dice
    language = writer.language()
    size = dice.log_between(9, 24)
    upright = dice.chance(_UPRIGHT_SHARE.get(language, 0.0))
    if dice.chance(0.4):
        hand = pen_hand(dice, dice.log_between(1.0, 1.8) / size)
        text = "".join(dice.pick(_characters(language)) for _ in range(dice.whole(2, 9)))
        block = written(dice, hand, text, size_px=size, upright=upright)
    else:
        face = writer.face(language, {"hand": 0.9, "dlg": 0.1})
        text = words.phrase(dice, face, dice.whole(2, 9)).replace("\n", "")
        block = sound_effect(dice, face, size, text, upright=upright)
    block = turned(block, dice.bell(0, 14))
    _place(writer, block, _thin)


def _loud_hand(dice: Dice) -> Hand:
    return slab_hand(dice) if dice.chance(_SLAB_SHARE) else brush_hand(dice)


def _sound(writer: Writer, language: str) -> str:
    """A sound that has strokes in `glyphs`; a made-up one where the usual ones have none."""
    dice = writer.dice
    characters = _characters(language)
    text = glyphs.known(words.usual_sound(dice, language))
    if not text or dice.chance(0.3):
        text = "".join(dice.pick(characters) for _ in range(dice.whole(2, 4)))
        text += dice.pick(["", "", "!", "ッ"] if language == "ja" else ["", "!"])
    if dice.chance(0.3):
        text = text[0] * dice.whole(1, 3) + text[1:]
    return text[0] if dice.chance(_LONE_SHARE) else text[:7]


def _characters(language: str) -> str:
    return glyphs.CHARACTERS.get(language, glyphs.CHARACTERS["ja" if language == "zh" else "en"])


def _place(writer: Writer, block: Block, style: Callable[..., Lettering]) -> None:
    """Put it anywhere, over panel borders too; over other letters only if nothing is free."""
    dice, canvas = writer.dice, writer.canvas
    height, width = block.alpha.shape
    spot = canvas.spot(dice, (width * 0.85, height * 0.85), tries=6, beyond=0.45)
    if spot is None:
        return
    lettering = style(writer, block, on_dark=canvas.is_dark(spot, (width, height)))
    canvas.write_at(lettering, spot, "sfx" if block.glyph_px > 24 else "aside")


def _rim_kind(writer: Writer) -> str:
    """Ink and rim of a sound; where there is colour it is mostly used, for a body in a dark or a light line."""
    decorated = 0.2 if writer.studio.grey else 0.8
    return writer.dice.weighted({"black": 0.4, "white": 0.27, "bare": 0.13, "decorated": decorated})


def _rimmed(writer: Writer, block: Block, *, on_dark: bool, kind: str = "") -> Lettering:
    """Black in a white rim or white in a black one, whatever the ground; at times bare, at times decorated."""
    dice, studio = writer.dice, writer.studio
    kind = kind or _rim_kind(writer)
    if kind == "decorated":
        return effects.decorated(studio, block, on_dark=on_dark)
    if kind == "bare":
        return effects.plain(studio, block, on_dark=on_dark)
    if dice.chance(_DRY_SHARE):
        block = effects.dry_brushed(studio, with_margin(block, 2))
    if dice.chance(_NARROW_RIM_SHARE):
        ink = studio.black() if kind == "black" else studio.white()
        return effects.haloed(studio, block, ink=ink, width_px=dice.log_between(1.5, 6))
    return effects.outlined(studio, block, ink=studio.black() if kind == "black" else studio.white())


def _bare(writer: Writer, block: Block, *, on_dark: bool) -> Lettering:
    """One ink and nothing else."""
    return effects.plain(writer.studio, block, on_dark=on_dark)


def _thin(writer: Writer, block: Block, *, on_dark: bool) -> Lettering:
    """One ink; a narrow rim for some, as outlines in proportion to letters this thin would drown them."""
    dice, studio = writer.dice, writer.studio
    lettering = effects.plain(studio, block, on_dark=on_dark)
    if dice.chance(0.6):
        return lettering
    return effects.haloed(studio, block, ink=lettering.layers[0].ink, width_px=float(np.round(dice.between(1, 3))))
