"""Who made the material that pages are drawn with: lines for the model card, read off a pack's own lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

_FOR_THE_CARD = "Text for a model card:"
_BUILTIN = "Lettering in the font that comes with the Pillow library; pictures drawn by `training/data/`."


def list_attributions(folder: Path | None) -> list[str]:
    """A line for each source of the pack in `folder`, or for the built-in one: art, fonts by licence, comic pages.

    Raises FileNotFoundError where a pack has material but not the list that says whose it is.
    """
    if folder is None:
        return [_BUILTIN]
    return [*_art(folder / "art"), *_fonts(folder / "fonts"), *_comics(folder / "comic_pairs")]


def _art(folder: Path) -> Iterator[str]:
    """One line per source that the index names, with the attribution that LICENCES.md asks for."""
    if not (folder / "art.json").exists():
        return
    used: dict[str, set[str]] = {}
    for entry in json.loads((folder / "art.json").read_text("utf-8")):
        used.setdefault(entry["source"], set()).add(entry["kind"])
    for line in (folder / "LICENCES.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 4 or cells[0] in {"source in art.json", "---"}:
            continue
        # A source in capitals stands for any: `game-icons/AUTHOR`.
        stem = cells[0].rsplit("/", 1)[0] if cells[0].rsplit("/", 1)[-1].isupper() else cells[0]
        kinds = {kind for source in used for kind in used[source] if source == stem or source.startswith(f"{stem}/")}
        if kinds:
            licence, asked = cells[2].removesuffix(", see below"), cells[3].removeprefix("none asked").strip(" ()")
            yield f"Art, {', '.join(sorted(kinds))} from {cells[0]}: {licence}" + (f". {asked}" if asked else "")


def _fonts(folder: Path) -> Iterator[str]:
    """One line per licence, with the families under it; weights hold no font."""
    families: dict[str, set[str]] = {}
    for index in (folder / "fonts.json", folder / "extra" / "fonts.json"):
        if index.exists():
            for font in json.loads(index.read_text("utf-8")):
                families.setdefault(font["licence"], set()).add(font["family"])
    for licence in sorted(families):
        yield f"Fonts under {licence}: {', '.join(sorted(families[licence]))}"


def _comics(folder: Path) -> Iterator[str]:
    """What ATTRIBUTION.md says a model card should say."""
    if (folder / "pairs.json").exists():
        text = (folder / "ATTRIBUTION.md").read_text("utf-8")
        yield text.split(_FOR_THE_CARD, 1)[1].strip().splitlines()[0].strip().strip('"')
