"""Add a comic's pages to an asset pack, from its sources: `python -m training.data.build_comics SOURCES --pack DIR`.

SOURCES holds checkouts of Pepper&Carrot's translations (`Deevad/peppercarrot_epNN_translation`, CC BY 4.0): a painted
picture for each page, and for each language a drawing (SVG) with the picture, bubbles and letters as layers. Inkscape
draws each layer by itself, in the pack's own fonts, so that the mask is exact. Nothing of it is in this repository.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from PIL import Image

HELD_OUT = frozenset({"11", "16"})
"""Episodes that measure the result: never trained on."""
WIDTH_PX = 992
LATIN, EASTERN = ("en", "fr", "de", "es", "it", "pt"), ("ja", "kr", "cn")
VARIANTS = 3
"""Letterings of a page, the last in an Eastern script."""
HANDS = (
    "Patrick Hand", "Comic Neue", "Gochi Hand", "Bangers", "Carter One", "Luckiest Guy", "Permanent Marker", "Anton",
)  # fmt: skip
"""Fonts of the pack that stand in for the comic's own, in turns."""
CREDITS_PX = 1402
"""A page of more height is credits, whose letters are partly painted."""

_SVG, _INKSCAPE = "{http://www.w3.org/2000/svg}", "{http://www.inkscape.org/namespaces/inkscape}"
_LETTERS = frozenset({f"{_SVG}text", f"{_SVG}flowRoot"})
_SHAPES = frozenset({f"{_SVG}{name}" for name in ("path", "rect", "ellipse", "circle")})
_LANGUAGES = {"kr": "ko", "cn": "zh"}
_PAGE = re.compile(r"_E(\d\d)P(\d\d)\.svg$")


class ComicError(Exception):
    """A source cannot be used."""


@dataclass(frozen=True)
class ComicSource:
    """A page and its drawings, one for each language that is taken."""

    episode: str
    page: str
    checkout: str
    drawings: tuple[Path, ...]

    @property
    def id(self) -> str:
        """As the pack's index names it."""
        return f"e{self.episode}p{self.page}"


class Parts(NamedTuple):
    """A page parted: three drawings of the same size."""

    art: ET.Element
    bubbles: ET.Element
    letters: ET.Element


def parts_of(drawing: ET.Element) -> Parts:
    """A drawing without bubbles and letters, its bubbles, and its letters.

    Shapes among the letters are bubbles too: what is lettered is text.
    """
    art, bubbles, letters = (copy.deepcopy(drawing) for _ in range(3))
    _keep(art, bubbles=False, letters=False, rest=True)
    _keep(bubbles, bubbles=True, letters=False, rest=False)
    _keep(letters, bubbles=False, letters=True, rest=False)
    return Parts(art, bubbles, letters)


def _keep(node: ET.Element, *, bubbles: bool, letters: bool, rest: bool, layer: str = "") -> None:
    for child in list(node):
        if child.tag == f"{_SVG}defs":
            continue
        label = child.get(f"{_INKSCAPE}label", "") if child.tag == f"{_SVG}g" else ""
        inside = layer or _kind(label)
        kind = "letters" if child.tag in _LETTERS else "bubbles" if inside and child.tag in _SHAPES else ""
        if child.tag == f"{_SVG}g":
            _keep(child, bubbles=bubbles, letters=letters, rest=rest, layer=inside)
        elif not {"bubbles": bubbles, "letters": letters}.get(kind, rest):
            node.remove(child)


def _kind(label: str) -> str:
    if "bubble" in label:
        return "bubbles"
    return "letters" if label.startswith(("txt", "text", "transl")) else ""


def with_font(text: str, family: str) -> str:
    """The SVG with every named font replaced."""
    return re.sub(r"font-family:[^;\"]*", f"font-family:'{family}'", text)


def pages_in(sources: Path) -> Iterator[ComicSource]:
    """Every page in a folder of checkouts but those of episodes that are held out."""
    for first in sorted(sources.glob("*/en/*.svg")):
        named = _PAGE.search(first.name)
        if not named or named[1] in HELD_OUT or named[2] == "00":
            continue
        root, number = first.parent.parent, int(named[1]) + int(named[2])
        wanted = [LATIN[(number + turn) % len(LATIN)] for turn in range(VARIANTS - 1)]
        wanted.append(EASTERN[number % len(EASTERN)])
        drawings = [root / language / first.name for language in wanted]
        yield ComicSource(named[1], named[2], root.name, tuple(drawing for drawing in drawings if drawing.is_file()))


def draw_with_inkscape(drawing: ET.Element, beside: Path, png: Path, *, fonts: Path, clear: bool) -> None:
    """Have Inkscape draw an SVG that may name files beside `beside`, on nothing or on white. Raises ComicError."""
    with tempfile.NamedTemporaryFile(suffix=".svg", dir=beside.parent) as source:
        Path(source.name).write_bytes(ET.tostring(drawing))
        command = ["inkscape", source.name, "--export-type=png", f"--export-filename={png}", "--export-area-page"]
        command += ["-w", str(WIDTH_PX), "-b", "white", f"--export-background-opacity={0 if clear else 1}"]
        try:
            done = subprocess.run(  # noqa: S603  no shell, and nothing of the drawing is in the command
                command, capture_output=True, env=os.environ | {"FONTCONFIG_FILE": str(fonts)}, check=False
            )
        except FileNotFoundError as error:
            raise ComicError("there is no inkscape; expected the system's package of that name") from error
    if not png.is_file() or not png.stat().st_size:
        raise ComicError(f"{beside}: Inkscape drew nothing: {done.stderr.decode(errors='replace')[-300:]}")


def add_comics(sources: Path, pack: Path, *, draw: Callable[..., None] = draw_with_inkscape, threads: int = 2) -> int:
    """Draw every page in `sources` that the pack lacks and add it. Returns how many.

    Raises ComicError if a page cannot be drawn; the pack's index is as it was then.
    """
    folder = pack / "comic_pairs"
    index = folder / "pairs.json"
    entries = json.loads(index.read_text("utf-8"))
    known = {entry["id"] for entry in entries}
    pages = [page for page in pages_in(sources) if page.id not in known]
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(threads) as pool:
        fonts = _font_settings(pack, Path(work))
        bench = _Bench(folder, Path(work), partial(draw, fonts=fonts))
        drawn = pool.map(bench.add, pages)
        added = [entry for entry in drawn if entry]
    index.write_text(json.dumps(entries + added, ensure_ascii=False, indent=1), "utf-8")
    return len(added)


@dataclass(frozen=True)
class _Bench:
    """Where pages are drawn."""

    folder: Path
    work: Path
    draw: Callable[..., None]

    def add(self, page: ComicSource) -> dict | None:
        """Write the layers of a page; its entry in the index, or None for credits."""
        name = page.id
        variants = []
        art: Image.Image | None = None
        for turn, file in enumerate(page.drawings):
            language = _LANGUAGES.get(file.parent.name, file.parent.name)
            text = file.read_text("utf-8")
            if language in LATIN:
                text = with_font(text, HANDS[(int(page.episode) + int(page.page) + turn) % len(HANDS)])
            parts = parts_of(ET.fromstring(text))  # noqa: S314  a checkout that the user chose
            if art is None:
                art = self._drawn(parts.art, file, clear=False)
                if art.height > CREDITS_PX:
                    return None
                art.save(self.folder / "art" / f"{name}.webp", quality=80)
            layers = {
                layer: self._saved(self._drawn(drawing, file, clear=True), f"layers/{name}_{language}_{layer}.webp")
                for layer, drawing in (("bubbles", parts.bubbles), ("letters", parts.letters))
            }
            if layers["letters"]:
                variants.append({"lang": language, **layers})
        if art is None:
            return None
        about = {"id": name, "episode": page.episode, "title": page.checkout, "w": art.width, "h": art.height}
        return about | {"art": f"art/{name}.webp", "source": page.checkout, "licence": "CC-BY-4.0", "cover": False,
                        "variants": variants}  # fmt: skip

    def _drawn(self, drawing: ET.Element, beside: Path, *, clear: bool) -> Image.Image:
        with tempfile.NamedTemporaryFile(suffix=".png", dir=self.work) as png:
            self.draw(drawing, beside, Path(png.name), clear=clear)
            with Image.open(png.name) as picture:
                return picture.convert("RGBA" if clear else "RGB")

    def _saved(self, layer: Image.Image, name: str) -> str | None:
        if not layer.getchannel("A").getbbox():
            return None
        layer.save(self.folder / name, lossless=True)
        return name


def _font_settings(pack: Path, work: Path) -> Path:
    with tarfile.open(pack / "fonts" / "fonts.tar.xz") as archive:
        archive.extractall(work / "fonts", filter="data")
    settings = work / "fonts.conf"
    folders = f"<dir>{work / 'fonts'}</dir><cachedir>{work / 'cache'}</cachedir>"
    settings.write_text(f"<fontconfig>{folders}</fontconfig>", "utf-8")
    return settings


def main(argv: Sequence[str] | None = None) -> None:
    """Add the pages and say how many."""
    parser = argparse.ArgumentParser(prog="python -m training.data.build_comics", description=__doc__)
    parser.add_argument("sources", type=Path, help="a folder of checkouts")
    parser.add_argument("--pack", type=Path, default=Path("build/assets"))
    arguments = parser.parse_args(argv)
    try:
        count = add_comics(arguments.sources, arguments.pack)
    except ComicError as exc:
        sys.exit(str(exc))
    sys.stderr.write(f"{count} pages added\n")


if __name__ == "__main__":
    main()
