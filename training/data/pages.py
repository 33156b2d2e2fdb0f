"""Page i: raw, the same without letters, stroke mask and regions, as a pure function of the version and i."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.data import comics, documents, manga, posters, streets
from training.data.assets import AssetPack
from training.data.canvas import Canvas, Region, visible
from training.data.dice import Dice
from training.data.studio import Studio
from training.data.wear import moved, wear

GENERATOR_VERSION = 20
"""Raise it whenever a page would come out differently; runs of different versions are not to be compared."""
VALIDATION_START = 1 << 40
"""Pages from here on are for validation: they use comic episodes that training pages never do."""

KINDS = {
    "page": 0.22,
    "close_up": 0.12,
    "loud": 0.12,
    "comic": 0.16,
    "strip": 0.08,
    "document": 0.05,
    "poster": 0.06,
    "street": 0.09,
    "textless": 0.1,
}
"""Share of each kind. 62 % manga and comics, where most text is still left; documents are solved and kept alive."""
_GREY_SHARE = {
    "page": 0.86,
    "close_up": 0.83,
    "loud": 0.6,
    "comic": 0.15,
    "strip": 0.4,
    "document": 0.25,
    "poster": 0.1,
    "street": 0.12,
    "textless": 0.55,
}


@dataclass(frozen=True)
class Page:
    """One training page, square."""

    index: int
    kind: str
    raw: np.ndarray
    """`(S, S, 3)` uint8 RGB with letters."""
    clean: np.ndarray
    """`(S, S, 3)` uint8 RGB, the same without letters."""
    strokes: np.ndarray
    """`(S, S)` uint8 mask, 255 = letters with outline, shadow and glow, as far as they can be seen."""
    regions: tuple[Region, ...]
    """Blocks of text as they were laid out, in px of this page."""
    layout_known: bool
    """False for real letter layers: then `regions` is empty, whatever the mask shows."""


def make_page(pack: AssetPack, index: int, *, size_px: int = 512, kind: str | None = None) -> Page:
    """Make page `index`; `kind` replaces the one that the index would have."""
    dice = Dice(GENERATOR_VERSION, index)
    drawn_kind = dice.weighted(KINDS)
    kind = kind or drawn_kind
    if kind == "comic" and not pack.comics:
        kind = "close_up"
    studio = Studio(
        pack,
        dice,
        page_index=index % VALIDATION_START,
        grey=dice.chance(_GREY_SHARE[kind]),
        zoom=dice.log_between(0.5, 1.6),
        validation=index >= VALIDATION_START,
    )
    canvas = _draw(studio, kind, size_px)
    worn = wear(dice, canvas.raw, canvas.clean, canvas.letters)
    regions = [replace(region, polygon=moved(region.polygon, worn.matrix)) for region in canvas.regions]
    seen = tuple(region for region in regions if visible(region, worn.strokes))
    return Page(index, kind, worn.raw, worn.clean, worn.strokes, seen, canvas.layout_known)


def _draw(studio: Studio, kind: str, size_px: int) -> Canvas:
    drawers = {
        "comic": comics.comic,
        "page": manga.page,
        "close_up": manga.close_up,
        "loud": manga.loud,
        "strip": manga.strip,
        "document": documents.document,
        "poster": posters.poster,
        "street": streets.street,
        "textless": manga.textless,
    }
    return drawers[kind](studio, size_px)
