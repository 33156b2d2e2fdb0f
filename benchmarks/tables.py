"""Numbers as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is words, the others are numbers."""
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def shown(number: float, digits: int) -> str:
    """A number for a table; a dash for one that is none."""
    return "–" if math.isnan(number) else f"{number:.{digits}f}"


def name_octave(octave: int) -> str:
    """The letters of an octave as `LetteredPage` numbers them."""
    return f"{2**octave} to {2 ** (octave + 1)} px" if octave else "size not known"
