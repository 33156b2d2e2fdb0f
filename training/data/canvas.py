"""The canvas: a page with and without letters, drawn at the same time, so that the difference is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from training.data.dice import Dice
from training.data.strokes import Ink, Picture, cover, overlap, paint


@dataclass(frozen=True)
class Region:
    """One block of text as it was laid out."""

    polygon: np.ndarray
    """`(N, 2)` float32 points in px, x first, clockwise; may reach beyond the page."""
    glyph_px: float
    """Size of the letters: height of the em square."""
    kind: str
    """dialogue, caption, aside, sfx, sign, subtitle, watermark, credit, title, print, poster or comic."""


@dataclass
class Block:
    """Letters laid out, not yet inked: `(h, w)` uint8 coverage and the `(N, 2)` outline of the area they take."""

    alpha: np.ndarray
    outline: np.ndarray
    glyph_px: float


@dataclass
class Layer:
    """Ink for part of a lettering: `(h, w)` uint8 alpha, a colour or a patch, and its displacement in px."""

    alpha: np.ndarray
    ink: Ink | np.ndarray
    dx: int = 0
    dy: int = 0


@dataclass
class Lettering:
    """A block with its inks, from the lowest layer to the topmost."""

    block: Block
    layers: Sequence[Layer]

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the patch in px."""
        height, width = self.block.alpha.shape
        return width, height


@dataclass
class Canvas:
    """Raw and clean picture, the coverage of all letters, the regions, and the boxes that are taken."""

    clean: Picture
    raw: Picture = field(init=False)
    letters: np.ndarray = field(init=False)
    """`(H, W)` uint8 coverage of letters, outlines, shadows and glows."""
    regions: list[Region] = field(default_factory=list)
    taken: list[tuple[float, float, float, float]] = field(default_factory=list)
    layout_known: bool = True
    """False where letters came as a picture, without the boxes that they were set in."""
    panels: np.ndarray | None = None
    """`(H, W)` uint8 number of the panel that each pixel is in, 0 in none. Sounds end where theirs does; None: nowhere.
    """

    def __post_init__(self) -> None:
        self.clean = np.array(self.clean, order="C")
        self.raw = self.clean.copy()
        self.letters = np.zeros(self.clean.shape[:2], np.uint8)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.clean.shape[1], self.clean.shape[0]

    def draw(self, alpha: np.ndarray, ink: Ink | np.ndarray, x: float, y: float) -> None:
        """Add art to both pictures; letters below it disappear as far as it covers them."""
        x, y = int(x), int(y)
        found = overlap(self.letters.shape, alpha.shape, x, y)
        if found is None:
            return
        rows, columns = found[:2]
        below = self.letters[rows, columns]
        if below.any():
            paint(self.raw, alpha, ink, x, y)
            paint(self.clean, alpha, ink, x, y)
            below[:] = (below.astype(np.uint16) * (255 - alpha[found[2], found[3]]) // 255).astype(np.uint8)
        else:  # nothing lettered here yet: both pictures are alike
            paint(self.clean, alpha, ink, x, y)
            self.raw[rows, columns] = self.clean[rows, columns]

    def write(self, lettering: Lettering, x: float, y: float, kind: str) -> None:
        """Add letters to the raw picture only, their upper left corner at (x, y)."""
        x, y = int(x), int(y)
        for layer in lettering.layers:
            left, top = x + layer.dx, y + layer.dy
            alpha = self._within_panel(layer.alpha, left, top) if kind == "sfx" else layer.alpha
            paint(self.raw, alpha, layer.ink, left, top)
            cover(self.letters, alpha, left, top)
        outline = (lettering.block.outline + [x, y]).astype(np.float32)
        self.regions.append(Region(outline, lettering.block.glyph_px, kind))

    def write_at(self, lettering: Lettering, centre: tuple[float, float], kind: str) -> None:
        """Add letters with their patch centred."""
        width, height = lettering.size_wh
        self.write(lettering, centre[0] - width / 2, centre[1] - height / 2, kind)

    def _within_panel(self, alpha: np.ndarray, x: int, y: int) -> np.ndarray:
        """What the border of the panel around a patch's middle leaves of it; all where it is in no panel."""
        found = None if self.panels is None else overlap(self.letters.shape, alpha.shape, x, y)
        if self.panels is None or found is None:
            return alpha
        rows, columns, patch_rows, patch_columns = found
        height, width = self.panels.shape
        middle = min(max(y + alpha.shape[0] // 2, 0), height - 1), min(max(x + alpha.shape[1] // 2, 0), width - 1)
        number = self.panels[middle]
        if not number:
            return alpha
        kept = alpha.copy()
        kept[patch_rows, patch_columns][self.panels[rows, columns] != number] = 0
        return kept

    def is_dark(self, centre: tuple[float, float], size_wh: tuple[float, float]) -> bool:
        """Whether the art around a place is rather dark."""
        x, y, half_w, half_h = centre[0], centre[1], size_wh[0] / 2, size_wh[1] / 2
        width, height = self.size_wh
        rows = slice(int(max(0, y - half_h)), int(min(height, y + half_h)), 4)
        columns = slice(int(max(0, x - half_w)), int(min(width, x + half_w)), 4)
        part = self.clean[rows, columns]
        return bool(part.size and part.mean() < 110)

    def spot(self, dice: Dice, size_wh: tuple[float, float], *, tries: int = 12, beyond: float = 0.15,
             within: tuple[float, float, float, float] | None = None) -> tuple[float, float] | None:  # fmt: skip
        """Centre of a free box of this size, now taken, or None. `beyond`: share that may leave the page."""
        width, height = size_wh
        x0, y0, x1, y1 = within or (0, 0, *self.size_wh)
        inset = 0.5 - beyond
        for _ in range(tries):
            x = dice.between(min(x0 + width * inset, (x0 + x1) / 2), max(x1 - width * inset, (x0 + x1) / 2))
            y = dice.between(min(y0 + height * inset, (y0 + y1) / 2), max(y1 - height * inset, (y0 + y1) / 2))
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            if not any(box[0] < b[2] and box[2] > b[0] and box[1] < b[3] and box[3] > b[1] for b in self.taken):
                self.taken.append(box)
                return x, y
        return None


def visible(region: Region, strokes: np.ndarray) -> bool:
    """Whether a region shows strokes: not if it lies off the page, under art, or in a colour like its ground."""
    x, y, width, height = cv2.boundingRect(region.polygon)
    part = strokes[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
    return np.count_nonzero(part) >= max(6, 0.02 * part.size)
