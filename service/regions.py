"""What one piece of text is: its place, how sure we are, and what will be done to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.imaging.arrays import Box, Polygon

Method = Literal["flat", "gradient", "tone", "copy", "inpaint", "white", "skip"]


@dataclass(frozen=True)
class Region:
    """One group of text, in upright image coordinates."""

    id: int
    """1, 2, 3 ... in reading order of the page (top to bottom, then left to right)."""
    box: Box
    """`(x0, y0, x1, y1)` px, half-open; holds the whole polygon."""
    polygon: Polygon
    """`(N, 2)` int32 points, x first, clockwise."""
    score: float
    """How sure the network is, 0 to 1: mean text probability of the ink; 1 where only a given mask says so."""
    area: int
    """Erased pixels."""
    method: Method | None = None
    """How it is filled; None while nothing was planned."""
    reason: str | None = None
    """Why that method, in words; None while nothing was planned."""
    inside_bubble: bool | None = None
    """Whether the text stands in a speech bubble; None if that was not looked at."""
    residual: float | None = None
    """Share of its ink that is left, 0 to 1; None if nobody looked (see `verify`)."""
