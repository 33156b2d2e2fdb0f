"""How well text is found and filled, by kind of page and size of letters: `python -m benchmarks.quality --assets DIR`.

The comparison that decides which weights ship. On pages that training never sees (kept in `--pages DIR`, where they are
drawn once, or on `--pairs DIR`, DIR/raw and DIR/clean) it measures the whole pipeline as a caller gets it, the bare
segmenter, the filler on exact holes beside OpenCV's Telea and Navier-Stokes, and what the graphs cost. Prints Markdown;
every number is a mean over pixels of a group, PSNR and SSIM a mean over its pages. With `--scale 0.5 --scale 2` it asks
instead what is found of the same pages at other sizes, with `--lean 25` when they lean by so many degrees. How fills do
on each kind of ground is for `benchmarks.backgrounds`, whether an OCR still reads something for `benchmarks.reading`.
"""

from __future__ import annotations

import argparse
import io
import math
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image

from benchmarks.costs import count_parameters, measure_times
from benchmarks.figures import (
    FAR_PX,
    FOUND_HEADS,
    Tally,
    add,
    count_found,
    count_matches,
    found_cells,
    grow,
    measure_fill,
    spectrum_error,
)
from benchmarks.leans import lean_page
from benchmarks.lettered_pages import (
    LetteredPage,
    about_pages,
    draw_pages,
    keep_pages,
    open_pages,
    open_pairs,
    to_png,
)
from benchmarks.scales import find_at, report_scales
from benchmarks.tables import name_octave, shown, table
from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.detector import TextDetector
from service.eraser import Eraser
from service.options import EraseOptions, InpaintOptions
from service.segmenter import TextSegmenter
from service.session import Session
from service.settings import Settings
from service.store import ModelStore
from training.data.pages import GENERATOR_VERSION

EVERYTHING = "**all**"
Found: TypeAlias = tuple[Tally, dict[int, Tally]]
"""What `count_found` gives for a page: of all letters, and by octave."""
HOLE_PX = 4
COST_SIDE_PX = 1024
_SMALLEST_HOLE_PX = 16


def measure(
    page: LetteredPage, eraser: Eraser, segmenter: TextSegmenter, threshold: float
) -> tuple[Tally, dict[int, Tally]]:
    """One page: a tally of all of it, and one by octave of its letters."""
    upload = to_png(page.raw)
    outcome = eraser.erase(upload, None, EraseOptions(output="both", format="png"), Deadline())
    assert outcome.image is not None
    assert outcome.mask is not None
    result = np.asarray(Image.open(io.BytesIO(outcome.image.data)).convert("RGB"))
    erased = np.asarray(Image.open(io.BytesIO(outcome.mask.data))) > 0
    maps = segmenter.find(page.raw, Deadline())
    bare = cv2.resize(maps.strokes(threshold), page.text.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0

    whole, octaves = count_found({"bare": bare, "erased": erased}, page.text, page.octaves)
    if page.regions is not None:
        whole.sums["regions there"] = len(page.regions)
        for name, regions in (("regions", TextDetector().regions(maps, page.text.shape)), ("answers", outcome.regions)):
            polygons = [region.polygon for region in regions]
            whole.sums[f"{name} found"] = len(polygons)
            whole.sums[f"{name} matched"] = count_matches(polygons, page.regions, page.text.shape)
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
        distance = spectrum_error(page.clean, hole)
        if not math.isnan(distance):
            whole.means["clean spectrum"].append(distance)
    return whole, octaves


def report(kinds: dict[str, Tally], octaves: dict[str, dict[int, Tally]]) -> str:
    """Four tables: what is found, by kind, by size of letters and by both, and how holes are filled.

    `octaves` are those of each kind, or group of kinds, in `kinds`.
    """
    found_heads = [*FOUND_HEADS, "damage", "region precision", "region recall", "answer precision", "answer recall"]

    def found(tally: Tally) -> list[str]:
        return [
            *found_cells(tally),
            shown(tally.share("damage", "art"), 3),
            *(
                shown(tally.share(f"{name} matched", whole), 3)
                for name in ("regions", "answers")  # the DB head's alone; what callers are told
                for whole in (f"{name} found", "regions there")
            ),
        ]

    def filled(tally: Tally) -> list[str]:
        ways = ("erase", "auto", "net", "telea", "ns")
        figures = (("psnr", 2), ("ssim", 3), ("tone", 1), ("spectrum", 1))
        cells = [shown(tally.mean(f"{way} {what}"), digits) for what, digits in figures for way in ways]
        return [*cells, shown(tally.mean("clean spectrum"), 1)]

    whats = ("dB", "SSIM", "tone", "spectrum")
    fill_heads = [f"{way} {what}" for what in whats for way in ("erase", "auto", "net", "Telea", "NS")]
    fill_heads.append("clean spectrum")
    by_kind = table(
        ["kind", "pages", *found_heads],
        [[kind, f"{tally.sums['pages']:.0f}", *found(tally)] for kind, tally in kinds.items()],
    )
    by_octave = table(
        ["letters", "text px", "left %", "bare recall", "bare cover3"],
        [
            [name_octave(octave), f"{tally.sums['bare text']:.0f}", *found(tally)[:3]]
            for octave, tally in sorted(octaves[EVERYTHING].items())
        ],
    )
    sizes = sorted(octaves[EVERYTHING])
    by_both = table(
        ["left %", *map(name_octave, sizes)],
        [
            [kind, *(found(octaves[kind][octave])[0] if octave in octaves[kind] else "–" for octave in sizes)]
            for kind in kinds
        ],
    )
    by_fill = table(["kind", *fill_heads], [[kind, *filled(tally)] for kind, tally in kinds.items()])
    return f"{by_kind}\n\n{by_octave}\n\n{by_both}\n\n{by_fill}\n"


def report_costs(store: ModelStore, *, rounds: int) -> str:
    """A table: what each graph of the store costs for one look at COST_SIDE_PX x COST_SIDE_PX, one thread."""
    graphs = {model.label: store.read(model) for model in store.models}
    sessions = {model.label: Session(model, graphs[model.label]) for model in store.models}
    times = measure_times(sessions, side_px=COST_SIDE_PX, rounds=rounds)
    return table(
        ["graph", "looks", "parameters M", f"CPU ms at {COST_SIDE_PX} px, one look"],
        [
            [
                model.label,
                ", ".join(f"{look:g}x" for look in (*model.looks, *model.far_looks)),
                shown(count_parameters(graphs[model.label]) / 1e6, 2),
                f"{statistics.median(times[model.label].cpu_ms):.0f}",
            ]
            for model in store.models
        ],
    )


def measure_pages(pages: Iterator[LetteredPage], eraser: Eraser, segmenter: TextSegmenter) -> str:
    """The tables of `report`."""
    kinds: dict[str, Tally] = defaultdict(Tally)
    octaves: dict[str, dict[int, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for page in pages:
        whole, by_octave = measure(page, eraser, segmenter, segmenter.model.thresholds["text"])
        for group in (page.kind, EVERYTHING):
            add(kinds[group], whole)
            for octave, tally in by_octave.items():
                add(octaves[group][octave], tally)
    return report({kind: kinds[kind] for kind in sorted(kinds, key=lambda kind: (kind == EVERYTHING, kind))}, octaves)


def measure_scales(pages: Iterator[LetteredPage], scales: list[float], eraser: Eraser, segmenter: TextSegmenter) -> str:
    """The tables of `report_scales`."""

    def find(page: LetteredPage, scale: float) -> Found:
        return count_found(find_at(page.raw, scale, eraser, segmenter), page.text, page.octaves)

    return report_scales(*measure_each(pages, scales, find))


def measure_leans(pages: Iterator[LetteredPage], leans: list[float], eraser: Eraser, segmenter: TextSegmenter) -> str:
    """The same for pages that lean by so many degrees."""

    def find(page: LetteredPage, degrees: float) -> Found:
        leaning = lean_page(page, degrees)
        return count_found(find_at(leaning.raw, 1.0, eraser, segmenter), leaning.text, leaning.octaves)

    return report_scales(*measure_each(pages, leans, find), what="lean", unit=" degrees")


def measure_each(
    pages: Iterator[LetteredPage], values: list[float], find: Callable[[LetteredPage, float], Found]
) -> tuple[dict[float, Tally], dict[float, dict[int, Tally]]]:
    """Tallies of all pages by value, of all letters and by octave."""
    wholes: dict[float, Tally] = {value: Tally() for value in values}
    octaves: dict[float, dict[int, Tally]] = {value: defaultdict(Tally) for value in values}
    for page in pages:
        for value in values:
            whole, by_octave = find(page, value)
            add(wholes[value], whole)
            for octave, tally in by_octave.items():
                add(octaves[value][octave], tally)
    return wholes, octaves


def choose_pages(arguments: argparse.Namespace) -> tuple[Iterator[LetteredPage], str]:
    """The pages that the command line asks for, and what they are, in words."""
    if arguments.pairs:
        return open_pairs(arguments.pairs, arguments.count), "real pairs"
    drawn = f"generator version {GENERATOR_VERSION}, {arguments.size_px} px"
    if arguments.pages and (kept := about_pages(arguments.pages)) is not None:
        return open_pages(arguments.pages, arguments.count), kept
    pages = draw_pages(arguments.assets, arguments.count, size_px=arguments.size_px)
    if not arguments.pages:
        return pages, drawn
    keep_pages(told(pages), arguments.pages, drawn)
    return open_pages(arguments.pages, arguments.count), drawn


def told(pages: Iterator[LetteredPage]) -> Iterator[LetteredPage]:
    """The pages, each with a line about the progress."""
    started = time.monotonic()
    for number, page in enumerate(pages, 1):
        yield page
        sys.stderr.write(f"{number} {page.kind} {time.monotonic() - started:.0f} s\n")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assets", type=Path, help="asset pack for drawn pages; default: what training/ draws alone")
    parser.add_argument(
        "--pages", type=Path, help="fixed pages in this folder; if it has none, --count pages are drawn there first"
    )
    parser.add_argument("--pairs", type=Path, help="measure on real pairs instead, DIR/raw and DIR/clean")
    parser.add_argument("--count", type=int, default=64, help="number of pages")
    parser.add_argument("--size-px", type=int, default=512, help="side of a drawn page")
    parser.add_argument("--store", type=Path, help="model store; default: the one that is served")
    parser.add_argument(
        "--scale", type=float, action="append", help="only what is found of the pages at this scale; may be repeated"
    )
    parser.add_argument(
        "--lean", type=float, action="append", help="only what is found of the pages leaning so; may be repeated"
    )
    parser.add_argument("--cost-rounds", type=int, default=5, help="runs of each graph; the median counts")
    arguments = parser.parse_args()
    if arguments.pages and arguments.pairs:
        parser.error("--pages and --pairs are two kinds of pages; expected one of them")
    if arguments.scale and arguments.lean:
        parser.error("--scale and --lean are two questions; expected one of them")
    settings = Settings(model_store=arguments.store) if arguments.store else Settings()
    store = open_store(settings)
    eraser = build_eraser(settings, store)
    model = store.find("text-segmentation", "segmentation")
    segmenter = TextSegmenter(Session(model, store.read(model)))
    pages, about = choose_pages(arguments)
    print(f"{', '.join(known.label for known in store.models)}; at most {arguments.count} pages; {about}\n")
    print(f"{report_costs(store, rounds=arguments.cost_rounds)}\n", flush=True)
    if arguments.scale:
        print(measure_scales(told(pages), arguments.scale, eraser, segmenter))
    elif arguments.lean:
        print(measure_leans(told(pages), arguments.lean, eraser, segmenter))
    else:
        print(measure_pages(told(pages), eraser, segmenter))


if __name__ == "__main__":
    main()
