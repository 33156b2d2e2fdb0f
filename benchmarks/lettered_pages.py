"""Pages whose text is known: drawn, kept in a folder, or real ones whose text was found by subtraction."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from training.data.assets import AssetPack
from training.data.pages import KINDS, VALIDATION_START, make_page

FIRST_PAGE = VALIDATION_START + 100_000
"""Past the pages that a training run evaluates on."""


@dataclass(frozen=True)
class LetteredPage:
    """A page whose text is known."""

    name: str
    kind: str
    raw: np.ndarray
    """`(H, W, 3)` uint8 RGB with letters."""
    clean: np.ndarray
    text: np.ndarray
    """`(H, W)` bool, stroke pixels."""
    octaves: np.ndarray
    """`(H, W)` uint8: k where letters are 2^k to 2^(k+1) px high, 0 where their size is not known."""
    regions: Sequence[np.ndarray] | None
    """`(N, 2)` outlines of the blocks of text; None where the layout is not known."""


def draw_pages(assets: Path | None, count: int, *, size_px: int) -> Iterator[LetteredPage]:
    """Validation pages, each kind in turn."""
    pack = AssetPack.open(assets)
    kinds = list(KINDS)
    for number in range(count):
        page = make_page(pack, FIRST_PAGE + number, size_px=size_px, kind=kinds[number % len(kinds)])
        octaves = np.zeros(page.strokes.shape, np.uint8)
        for region in sorted(page.regions, key=lambda region: -region.glyph_px):  # small letters over large ones
            octave = int(math.log2(max(2.0, region.glyph_px)))
            cv2.fillPoly(octaves, [np.round(region.polygon).astype(np.int32)], octave)
        regions = [np.round(region.polygon).astype(np.int32) for region in page.regions] if page.layout_known else None
        yield LetteredPage(str(page.index), page.kind, page.raw, page.clean, page.strokes > 0, octaves, regions)


def open_pairs(folder: Path, count: int) -> Iterator[LetteredPage]:
    """Real pages; where their text is was found by subtraction. The kind is the name up to the first `_` or `-`."""
    # Here, because it needs pyclipper, which drawn pages do without.
    from training.data.pairs import PairFolder, mask_by_subtraction  # noqa: PLC0415

    for raw_path, clean_path in PairFolder.open(folder).files[:count]:
        raw, clean = (
            np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB")) for path in (raw_path, clean_path)
        )
        text = mask_by_subtraction(raw, clean) > 0
        kind = raw_path.stem.replace("-", "_").split("_")[0]
        yield LetteredPage(raw_path.name, kind, raw, clean, text, np.zeros(text.shape, np.uint8), None)


_PICTURES = ("raw", "clean", "text", "octaves")
_LIST_NAME = "pages.json"


def keep_pages(pages: Iterable[LetteredPage], folder: Path, about: str) -> None:
    """Write pages to `folder`, which `open_pages` reads again; `about` says what they are.

    DIR/raw, DIR/clean, DIR/text (0 or 255) and DIR/octaves hold NAME.png; pages.json, written last, the words about
    them, their names, kinds and regions. DIR/raw and DIR/clean are a folder of pairs as well.
    """
    for picture in _PICTURES:
        (folder / picture).mkdir(parents=True, exist_ok=True)
    entries = []
    for page in pages:
        pictures = (page.raw, page.clean, page.text.astype(np.uint8) * 255, page.octaves)
        for picture, array in zip(_PICTURES, pictures, strict=True):
            (folder / picture / f"{page.name}.png").write_bytes(to_png(array))
        regions = None if page.regions is None else [region.tolist() for region in page.regions]
        entries.append({"name": page.name, "kind": page.kind, "regions": regions})
    (folder / _LIST_NAME).write_text(json.dumps({"about": about, "pages": entries}), "utf-8")


def about_pages(folder: Path) -> str | None:
    """What the pages that `keep_pages` wrote to `folder` are; None where it has not finished."""
    path = folder / _LIST_NAME
    return str(json.loads(path.read_text("utf-8"))["about"]) if path.is_file() else None


def open_pages(folder: Path, count: int) -> Iterator[LetteredPage]:
    """The first `count` pages that `keep_pages` wrote to `folder`."""
    for entry in json.loads((folder / _LIST_NAME).read_text("utf-8"))["pages"][:count]:
        raw, clean, text, octaves = (
            np.asarray(Image.open(folder / picture / f"{entry['name']}.png")) for picture in _PICTURES
        )
        outlines = entry["regions"]
        regions = None if outlines is None else [np.array(outline, np.int32) for outline in outlines]
        yield LetteredPage(entry["name"], entry["kind"], raw, clean, text > 0, octaves, regions)


def to_png(picture: np.ndarray) -> bytes:
    """RGB or gray as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
