"""How well text is found and filled, by kind of page and size of letters: `python -m benchmarks.quality --assets DIR`.

The comparison that decides which weights ship. On pages that training never sees (or on `--pairs DIR`, DIR/raw and
DIR/clean) it measures the whole pipeline as a caller gets it, the bare segmenter, and the filler on exact holes beside
OpenCV's Telea and Navier-Stokes. Prints Markdown; every number is a mean over pixels of a group, PSNR and SSIM a mean
over its pages.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.detector import TextDetector
from service.eraser import Eraser
from service.options import EraseOptions, InpaintOptions
from service.segmenter import TextSegmenter
from service.session import Session
from service.settings import Settings
from training.data.assets import AssetPack
from training.data.pages import GENERATOR_VERSION, KINDS, VALIDATION_START, make_page

FIRST_PAGE = VALIDATION_START + 100_000
"""Past the pages that a training run evaluates on."""
COVER_PX, FAR_PX, HOLE_PX = 3, 8, 4
MATCH_IOU = 0.5
_SMALLEST_HOLE_PX = 16


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


@dataclass
class Tally:
    """Sums over the pages of a group."""

    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    means: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def share(self, part: str, whole: str, scale: float = 1.0) -> float:
        """One sum over another; nan where there is nothing to divide by."""
        return scale * self.sums[part] / self.sums[whole] if self.sums[whole] else math.nan

    def mean(self, name: str) -> float:
        """Mean over pages; nan without any."""
        return float(np.mean(self.means[name])) if self.means[name] else math.nan


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
        raw, clean = (np.asarray(Image.open(path).convert("RGB")) for path in (raw_path, clean_path))
        text = mask_by_subtraction(raw, clean) > 0
        kind = raw_path.stem.replace("-", "_").split("_")[0]
        yield LetteredPage(raw_path.name, kind, raw, clean, text, np.zeros(text.shape, np.uint8), None)


def to_png(picture: np.ndarray) -> bytes:
    """RGB or gray as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def grow(mask: np.ndarray, radius_px: int) -> np.ndarray:
    """A bool mask, grown by a square of that radius."""
    side = 2 * radius_px + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def similarity(picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    """SSIM map of the luma (Wang et al. 2004, eq. 13, Gaussian window of sigma 1.5). `(H, W)` float."""
    a, b = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float32) for p in (picture, other))

    def blur(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (11, 11), 1.5, borderType=cv2.BORDER_REPLICATE)

    mean_a, mean_b = blur(a), blur(b)
    variance_a, variance_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )


def tone_error(result: np.ndarray, clean: np.ndarray, hole: np.ndarray) -> float:
    """How much fine texture inside the hole is missing or invented, in levels.

    The difference of what is left of both after a blur of 3 px is taken off: a screentone that turned grey keeps its
    mean, and PSNR forgives it, but its spread is gone.
    """

    def spread(picture: np.ndarray) -> float:
        luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        return float((luma - cv2.GaussianBlur(luma, (0, 0), 3.0))[hole].std())

    return abs(spread(result) - spread(clean))


def measure_fill(tally: Tally, name: str, result: np.ndarray, clean: np.ndarray, hole: np.ndarray) -> None:
    """Add PSNR, SSIM and tone error inside a hole."""
    squared = float(np.mean((result[hole].astype(np.float32) - clean[hole]) ** 2)) / 255**2
    tally.means[f"{name} psnr"].append(-10 * math.log10(max(squared, 1e-5)))
    tally.means[f"{name} ssim"].append(float(similarity(result, clean)[hole].mean()))
    tally.means[f"{name} tone"].append(tone_error(result, clean, hole))


def measure_found(tally: Tally, name: str, found: np.ndarray, text: np.ndarray, area: np.ndarray | None = None) -> None:
    """Add what a mask covers of the text (inside `area`), and how much lies far from any."""
    within = text if area is None else text & area
    tally.sums[f"{name} text"] += int(within.sum())
    tally.sums[f"{name} hit"] += int((within & found).sum())
    tally.sums[f"{name} near"] += int((within & grow(found, COVER_PX)).sum())
    if area is None:
        tally.sums[f"{name} found"] += int(found.sum())
        tally.sums[f"{name} far"] += int((found & ~grow(text, FAR_PX)).sum())


def count_matches(found: Sequence[np.ndarray], truth: Sequence[np.ndarray], size_hw: tuple[int, int]) -> int:
    """How many of `found` cover one of `truth` each, and none twice, with an intersection of half their union."""

    def fill(polygon: np.ndarray) -> np.ndarray:
        return cv2.fillPoly(np.zeros(size_hw, np.uint8), [polygon], 1) > 0

    free = [fill(polygon) for polygon in truth]
    matches = 0
    for polygon in found:
        area = fill(polygon)
        overlaps = [float((area & other).sum() / max(1, (area | other).sum())) for other in free]
        if overlaps and max(overlaps) >= MATCH_IOU:
            free.pop(int(np.argmax(overlaps)))
            matches += 1
    return matches


def measure(
    page: LetteredPage, eraser: Eraser, segmenter: TextSegmenter, threshold: float
) -> tuple[Tally, dict[int, Tally]]:
    """One page: a tally of all of it, and one by octave of its letters."""
    whole, octaves = Tally(), defaultdict(Tally)
    whole.sums["pages"], whole.sums["pixels"] = 1, page.text.size
    upload = to_png(page.raw)
    outcome = eraser.erase(upload, None, EraseOptions(output="both", format="png"), Deadline())
    assert outcome.image is not None
    assert outcome.mask is not None
    result = np.asarray(Image.open(io.BytesIO(outcome.image.data)).convert("RGB"))
    erased = np.asarray(Image.open(io.BytesIO(outcome.mask.data))) > 0
    maps = segmenter.find(page.raw, Deadline())
    bare = cv2.resize(maps.strokes(threshold), page.text.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0

    for name, found in (("bare", bare), ("erased", erased)):
        measure_found(whole, name, found, page.text)
        for octave in np.unique(page.octaves[page.text]):
            measure_found(octaves[int(octave)], name, found, page.text, page.octaves == octave)
    if page.regions is not None:
        regions = [region.polygon for region in TextDetector().regions(maps, page.text.shape)]
        whole.sums["regions found"], whole.sums["regions there"] = len(regions), len(page.regions)
        whole.sums["regions matched"] = count_matches(regions, page.regions, page.text.shape)
    art = ~grow(page.text, FAR_PX)
    whole.sums["art"] += int(art.sum())
    whole.sums["damage"] += float(np.abs(result[art].astype(np.int16) - page.raw[art]).mean(1).sum())

    hole = grow(page.text, HOLE_PX)
    if page.text.sum() >= _SMALLEST_HOLE_PX:
        mask = hole.astype(np.uint8) * 255
        measure_fill(whole, "erase", result, page.clean, hole)
        for name, fill in (("auto", "auto"), ("net", "inpaint")):
            options = InpaintOptions(fill=fill, format="png")
            filled = eraser.inpaint(upload, to_png(mask), options, Deadline()).image
            assert filled is not None
            picture = np.asarray(Image.open(io.BytesIO(filled.data)).convert("RGB"))
            measure_fill(whole, name, picture, page.clean, hole)
        for name, method in (("telea", cv2.INPAINT_TELEA), ("ns", cv2.INPAINT_NS)):
            measure_fill(whole, name, cv2.inpaint(page.raw, mask, 3, method), page.clean, hole)
    return whole, dict(octaves)


def add(total: Tally, part: Tally) -> None:
    """Put one tally into another."""
    for name, value in part.sums.items():
        total.sums[name] += value
    for name, values in part.means.items():
        total.means[name] += values


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is words, the others are numbers."""
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def shown(number: float, digits: int) -> str:
    """A number for a table; a dash for one that is none."""
    return "–" if math.isnan(number) else f"{number:.{digits}f}"


def report(kinds: dict[str, Tally], octaves: dict[int, Tally]) -> str:
    """Three tables: what is found, by kind and by size of letters, and how holes are filled."""
    found_heads = [
        "left %",
        "bare recall",
        "bare cover3",
        "bare precision",
        "bare far",
        "erased far",
        "damage",
        "region precision",
        "region recall",
    ]

    def found(tally: Tally) -> list[str]:
        left = 100 - tally.share("erased hit", "erased text", 100)
        return [
            shown(left, 1),
            *(shown(tally.share(f"bare {part}", "bare text"), 3) for part in ("hit", "near")),
            shown(tally.share("bare hit", "bare found"), 3),
            shown(tally.share("bare far", "pixels", 1e4), 1),
            shown(tally.share("erased far", "pixels", 1e4), 1),
            shown(tally.share("damage", "art"), 3),
            *(shown(tally.share("regions matched", f"regions {side}"), 3) for side in ("found", "there")),
        ]

    def filled(tally: Tally) -> list[str]:
        ways = ("erase", "auto", "net", "telea", "ns")
        figures = (("psnr", 2), ("ssim", 3), ("tone", 1))
        return [shown(tally.mean(f"{way} {what}"), digits) for what, digits in figures for way in ways]

    fill_heads = [f"{way} {what}" for what in ("dB", "SSIM", "tone") for way in ("erase", "auto", "net", "Telea", "NS")]
    names = {
        octave: f"{2**octave} to {2 ** (octave + 1)} px" if octave else "size not known" for octave in sorted(octaves)
    }
    by_kind = table(
        ["kind", "pages", *found_heads],
        [[kind, f"{tally.sums['pages']:.0f}", *found(tally)] for kind, tally in kinds.items()],
    )
    by_octave = table(
        ["letters", "text px", "left %", "bare recall", "bare cover3"],
        [
            [name, f"{octaves[octave].sums['bare text']:.0f}", *found(octaves[octave])[:3]]
            for octave, name in names.items()
        ],
    )
    by_fill = table(["kind", *fill_heads], [[kind, *filled(tally)] for kind, tally in kinds.items()])
    return f"{by_kind}\n\n{by_octave}\n\n{by_fill}\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assets", type=Path, help="asset pack for drawn pages; default: what training/ draws alone")
    parser.add_argument("--pairs", type=Path, help="measure on real pairs instead, DIR/raw and DIR/clean")
    parser.add_argument("--count", type=int, default=64, help="number of pages")
    parser.add_argument("--size-px", type=int, default=512, help="side of a drawn page")
    parser.add_argument("--store", type=Path, help="model store; default: the one that is served")
    arguments = parser.parse_args()
    settings = Settings(model_store=arguments.store) if arguments.store else Settings()
    store = open_store(settings)
    eraser = build_eraser(settings, store)
    model = store.find("text-segmentation", "segmentation")
    segmenter = TextSegmenter(Session(model, store.read(model)))
    kinds: dict[str, Tally] = defaultdict(Tally)
    octaves: dict[int, Tally] = defaultdict(Tally)
    started = time.monotonic()
    pages = (
        open_pairs(arguments.pairs, arguments.count)
        if arguments.pairs
        else draw_pages(arguments.assets, arguments.count, size_px=arguments.size_px)
    )
    everything = Tally()
    for number, page in enumerate(pages, 1):
        whole, by_octave = measure(page, eraser, segmenter, model.thresholds["text"])
        add(kinds[page.kind], whole)
        add(everything, whole)
        for octave, tally in by_octave.items():
            add(octaves[octave], tally)
        sys.stderr.write(f"{number} {page.kind} {time.monotonic() - started:.0f} s\n")
    drawn = "real pairs" if arguments.pairs else f"generator version {GENERATOR_VERSION}, {arguments.size_px} px"
    print(f"{', '.join(known.label for known in store.models)}; {everything.sums['pages']:.0f} pages; {drawn}\n")
    print(report({**{kind: kinds[kind] for kind in sorted(kinds)}, "**all**": everything}, octaves))


if __name__ == "__main__":
    main()
