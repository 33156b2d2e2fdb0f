"""Error of the fills by kind of ground, against the network alone and cv2's fills; outlines that refining bites.

`python -m benchmarks.backgrounds [--pages N] [--out FILE] [--sheets DIR]` (`make backgrounds`).
"""

from __future__ import annotations

import argparse
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from benchmarks.figures import Tally, add, measure_fill
from benchmarks.grounds import CLASSES, GROUNDS, screentone
from benchmarks.tables import shown, table
from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.eraser import Eraser
from service.imaging.arrays import Image, Mask
from service.imaging.masks import dilate
from service.options import InpaintOptions
from service.refine import refine
from service.settings import Settings

SIZE_HW = (360, 520)
DILATE_PX = 3
TONE_BLUR_PX = 8
CV2_RADIUS_PX = 3
WORDS = (("HELLO THERE", 0.9, 2), ("What is it?", 1.2, 3), ("no", 2.6, 9), ("small print here", 0.6, 1))
CV2_FILLERS = {"Telea": cv2.INPAINT_TELEA, "NS": cv2.INPAINT_NS}
"""Telea 2004, and Bertalmio et al. 2001 after Navier-Stokes."""
FILLERS = ("ours", "network", *CV2_FILLERS)
GAPS_PX = (2, 3, 4, 6, 10)
"""Between lettering and the outline beside it."""


@dataclass
class Errors:
    """Inside the holes of one kind of ground, by filler: one number a page."""

    level: list[float] = field(default_factory=list)
    mean: list[float] = field(default_factory=list)
    deviation: list[float] = field(default_factory=list)

    def add(self, result: Image, clean: Image, hole: Mask) -> None:
        """Measure one page."""
        inside = hole > 0
        self.level.append(float(np.abs(result.astype(np.float32) - clean)[inside].mean()))
        (mean, deviation), (true_mean, true_deviation) = _tone(result), _tone(clean)
        self.mean.append(float(np.abs(mean - true_mean)[inside].mean()))
        self.deviation.append(float(np.abs(deviation - true_deviation)[inside].mean()))

    def told(self) -> str:
        """Three means: level, local mean, local deviation."""
        return " / ".join(f"{np.mean(numbers):.2f}" for numbers in (self.level, self.mean, self.deviation))


def _tone(image: Image) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation around each pixel, levels."""
    light = image.mean(axis=2).astype(np.float32)
    mean = cv2.GaussianBlur(light, (0, 0), TONE_BLUR_PX)
    square = cv2.GaussianBlur(light * light, (0, 0), TONE_BLUR_PX)
    return mean, np.sqrt(np.maximum(square - mean * mean, 0))


def letter(clean: Image, rng: np.random.Generator) -> tuple[Image, Mask]:
    """`clean` with four lines of black words, and the mask of every pixel that they changed."""
    image, y = clean.copy(), 0
    for words, scale, thickness in WORDS:
        y += round(48 * scale) + 14
        x = int(rng.integers(20, 120))
        cv2.putText(image, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), thickness, cv2.LINE_AA)
    return image, np.where((image != clean).any(axis=2), np.uint8(255), np.uint8(0))


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def measure(eraser: Eraser, pages: int, sheets: Path | None, tallies: dict[str, Tally]) -> Iterator[str]:
    """The rows of the table of grounds; PSNR and SSIM are added to the tally of each ground."""
    for name, draw in GROUNDS.items():
        errors = {filler: Errors() for filler in FILLERS}
        methods: Counter[str] = Counter()
        for number in range(pages):
            rng = np.random.default_rng([number, zlib.crc32(name.encode())])
            clean = draw(rng, SIZE_HW)
            image, ink = letter(clean, rng)
            hole = dilate(ink, DILATE_PX)
            data, mask = _png(image), _png(hole)
            results = {
                filler: np.asarray(cv2.inpaint(image, hole, CV2_RADIUS_PX, method))
                for filler, method in CV2_FILLERS.items()
            }
            for filler, fill in (("ours", "auto"), ("network", "inpaint")):
                outcome = eraser.inpaint(data, mask, InpaintOptions(fill=fill), Deadline())
                assert outcome.image is not None
                results[filler] = np.asarray(PillowImage.open(io.BytesIO(outcome.image.data)))
                if filler == "ours":
                    methods.update(region.method or "none" for region in outcome.regions)
            for filler in FILLERS:
                errors[filler].add(results[filler], clean, hole)
                measure_fill(tallies[name], filler, results[filler], clean, hole > 0)
            if sheets is not None:
                row = np.hstack([image, *(results[filler] for filler in FILLERS), clean])
                PillowImage.fromarray(row).save(sheets / f"{name.split(',')[0].replace(' ', '_')}_{number}.png")
        said = ", ".join(f"{method} {count}" for method, count in methods.most_common())
        yield f"| {name} | {' | '.join(errors[filler].told() for filler in FILLERS)} | {said} |"


def report_classes(tallies: dict[str, Tally]) -> str:
    """The table of PSNR (of a page, at most 50 dB) and SSIM inside the holes, by class of ground."""
    classes = {name: Tally() for name in CLASSES}
    for name, grounds in CLASSES.items():
        for ground in grounds:
            add(classes[name], tallies[ground])
    figures = (("dB", "psnr", 2), ("SSIM", "ssim", 3))
    return table(
        ["class", *(f"{filler} {unit}" for unit, _, _ in figures for filler in FILLERS)],
        [
            [name, *(shown(tally.mean(f"{way} {what}"), digits) for _, what, digits in figures for way in FILLERS)]
            for name, tally in classes.items()
        ],
    )


def measure_outlines() -> Iterator[str]:
    """The rows of the table of outlines: drawn pixels that the mask covers, and lettering that it misses."""
    for name, inside, outside in (
        ("white bubble, white page", (255, 255, 255), False),
        ("white bubble, screentone", (255, 255, 255), True),
        ("tinted bubble, screentone", (250, 236, 190), True),
        ("dark caption, white page", (60, 60, 80), False),
    ):
        bitten: list[str] = []
        missed = 0.0
        for gap_px in GAPS_PX:
            clean, art, word_at = _bubble(gap_px, inside, on_tone=outside)
            image = clean.copy()
            ink_colour = (255, 255, 255) if sum(inside) < 300 else (0, 0, 0)
            cv2.putText(image, "HELLO", word_at, cv2.FONT_HERSHEY_SIMPLEX, 1.4, ink_colour, 4, cv2.LINE_AA)
            changed = np.abs(image.astype(int) - clean).max(axis=2)
            strokes = np.where(changed > 120, np.uint8(255), np.uint8(0))
            mask = refine(image, strokes, dilate_px=DILATE_PX)
            bitten.append(f"{np.count_nonzero(mask & art)}")
            missed = max(missed, float((mask[changed > 24] == 0).mean()))
        yield f"| {name} | {' / '.join(bitten)} | {missed:.2%} |"


def _bubble(gap_px: int, inside: tuple[int, int, int], *, on_tone: bool) -> tuple[Image, Mask, tuple[int, int]]:
    """A box of `inside` colour with a black outline whose top and left are `gap_px` from a word of 1.4 HERSHEY."""
    size_hw = (200, 320)
    clean = screentone(np.random.default_rng(3), size_hw) if on_tone else np.full((*size_hw, 3), 255, np.uint8)
    probe = np.zeros(size_hw, np.uint8)
    cv2.putText(probe, "HELLO", (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 255, 4, cv2.LINE_AA)
    x, y, width, height = cv2.boundingRect(probe)
    corners = (x - gap_px - 2, y - gap_px - 2), (x + width + 24, y + height + 24)
    cv2.rectangle(clean, *corners, inside, -1)
    outline = np.zeros(size_hw, np.uint8)
    cv2.rectangle(outline, *corners, 255, 3)
    clean[outline > 0] = 0
    return clean, outline, (60, 120)


def main() -> None:
    """Print the three tables, and write them down where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=8, help="pages of each ground")
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    parser.add_argument("--sheets", type=Path, help="folder for pictures: page, ours, network, Telea, NS, truth")
    arguments = parser.parse_args()
    if arguments.sheets is not None:
        arguments.sheets.mkdir(parents=True, exist_ok=True)
    settings = Settings()
    eraser = build_eraser(settings, open_store(settings))
    lines = [
        "| ground | " + " | ".join(FILLERS) + " | methods |",
        "|---|" + "---|" * (len(FILLERS) + 1),
    ]
    print(*lines, sep="\n", flush=True)
    tallies = {name: Tally() for name in GROUNDS}
    for row in measure(eraser, arguments.pages, arguments.sheets, tallies):
        print(row, flush=True)
        lines.append(row)
    classes = report_classes(tallies)
    print("", classes, sep="\n", flush=True)
    outlines = [
        f"| lettering {' / '.join(map(str, GAPS_PX))} px from the outline | outline px in the mask | ink missed |",
        "|---|---|---|",
        *measure_outlines(),
    ]
    print("", *outlines, sep="\n")
    if arguments.out is not None:
        arguments.out.write_text("\n".join([*lines, "", classes, "", *outlines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
