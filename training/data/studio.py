"""The studio: what a drawing function has at hand while one page is made. Colours that fit a grey or an RGB page."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from training.data.assets import AssetPack
from training.data.dice import Dice
from training.data.strokes import Ink, Picture

_MOODS = {"pastel": ((15, 90), (215, 255)), "vivid": ((120, 255), (150, 255)), "dark": ((40, 200), (20, 110))}


class Studio:
    """Dice, assets and palette of one page. `grey` pages are `(H, W)` uint8 until the very end, others RGB."""

    def __init__(
        self, pack: AssetPack, dice: Dice, *, page_index: int, grey: bool, zoom: float, validation: bool = False
    ) -> None:
        self.pack, self.dice = pack, dice
        self.page_index = page_index
        self.grey = grey
        self.validation = validation
        """Whether comic pages come from the episodes held back."""
        self.zoom = zoom
        """Size of pen and letters against a page scanned 1200 px high."""

    def blank(self, size_hw: tuple[int, int], ink: Ink = 255) -> Picture:
        """A picture of one colour."""
        picture = np.empty(size_hw if self.grey else (*size_hw, 3), np.uint8)
        picture[:] = ink
        return picture

    def plain(self, level: int) -> Ink:
        """A grey of this level."""
        return level if self.grey else (level, level, level)

    def black(self) -> Ink:
        """The ink of lettering and outlines: mostly black."""
        dice = self.dice
        return self.plain(dice.whole(0, 40) if dice.chance(0.85) else dice.whole(40, 110))

    def white(self) -> Ink:
        """Paper white, or nearly."""
        return self.plain(255 if self.dice.chance(0.7) else self.dice.whole(225, 255))

    def colour(self, mood: str | None = None) -> Ink:
        """A random colour: pastel, vivid or dark; its grey on grey pages."""
        dice = self.dice
        mood = mood or dice.pick(list(_MOODS))
        (dull, rich), (dim, bright) = _MOODS[mood]
        hsv = np.array([[[dice.between(0, 180), dice.between(dull, rich), dice.between(dim, bright)]]]).astype(np.uint8)
        red, green, blue = (int(part) for part in cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0])
        return (red * 3 + green * 6 + blue) // 10 if self.grey else (red, green, blue)

    def against(self, ink: Ink, least: int = 110) -> Ink:
        """A colour that stands out from the ink: black, white or, on RGB pages, at times a vivid one.

        Outlines that resemble their letters would make shapeless training targets.
        """
        if not self.grey and self.dice.chance(0.3):
            for _ in range(4):
                other = self.colour()
                if int(np.abs(np.subtract(other, ink)).max()) > least:
                    return other
        return self.white() if brightness(ink) < 128 else self.black()

    def fitted(self, ink_drawing: np.ndarray) -> Picture:
        """A grey drawing as a picture of this page's kind: as it is, or in two colours."""
        if self.grey:
            return ink_drawing
        if self.dice.chance(0.3):
            return cv2.cvtColor(ink_drawing, cv2.COLOR_GRAY2RGB)
        dark = np.zeros(3) if self.dice.chance(0.6) else np.array(self.colour("dark"))
        return blended(ink_drawing, dark, np.array(self.colour()))

    def reduced(self, picture: Picture) -> Picture:
        """An RGB picture as one of this page's kind."""
        return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if self.grey and picture.ndim == 3 else picture

    def pen_px(self, low: float = 1.0, high: float = 3.6) -> int:
        """Width of an outline."""
        return max(1, round(self.dice.log_between(low, high) * self.zoom))


def brightness(ink: Ink | Sequence[int]) -> float:
    """Mean level of a colour."""
    return float(np.mean(ink))


def blended(share: np.ndarray, dark: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """`(h, w, 3)` uint8 between two colours, as a `(h, w)` uint8 share says."""
    way = np.arange(256)[:, None] / 255
    table = (np.asarray(dark) + (np.asarray(bright) - np.asarray(dark)) * way).astype(np.uint8)
    return table[share]
