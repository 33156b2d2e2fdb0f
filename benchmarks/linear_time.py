"""Whether time is linear in pixels: long strips and long chapters. `make linear`.

Processor time of the process, all threads, so that a busy neighbour does not count; sizes take turns, and the median of
the rounds is shown. A strip repeats what a short one shows, so that each pixel has the same share of text. Strips whose
second look would be larger than the segmenter allows get one look only, and stand in a table of their own.
"""

from __future__ import annotations

import argparse
import io
import resource
import statistics
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from benchmarks.uploads import EXAMPLE
from service.app import build_eraser, open_store
from service.batch.chapters import find_chapters, state_folder
from service.batch.ledger import Ledger
from service.batch.runner import Batch, Wish
from service.deadline import Deadline
from service.eraser import Eraser
from service.options import EraseOptions
from service.segmenter import MAX_LOOK_PIXELS
from service.settings import Settings

WIDTH = 800
TWO_LOOKS = (1_250, 2_500, 5_000, 8_800)
ONE_LOOK = (10_000, 20_000, 40_000)
UNIT_HEIGHT = 1_250
PAGE_COUNTS = (15, 30, 60)
PAGE_SIZE = (800, 1_200)
LETTERING = "What did it say?\nNobody can read\nit any more."


def pages_strip(height: int) -> Image.Image:
    """The example page, at this width, again and again."""
    page = Image.open(EXAMPLE).convert("RGB")
    page = page.resize((WIDTH, round(page.height * WIDTH / page.width)), Image.Resampling.LANCZOS)
    return repeated(repeated(page, UNIT_HEIGHT), height)


def scroll_strip(height: int) -> Image.Image:
    """One gradient from top to bottom with grain, bubbles on it and words between them, as webtoons are drawn."""
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    ground = (1 - ramp) * [214, 226, 240] + ramp * [120, 90, 130]
    grain = np.random.default_rng(1).normal(0, 2, (height, WIDTH, 1))
    strip = Image.fromarray(np.clip(ground + grain, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(strip)
    for number, top in enumerate(range(100, height - 500, 500)):
        left = 60 + 180 * (number % 3)
        draw.ellipse((left, top, left + 320, top + 210), fill=(255, 255, 255), outline=(20, 20, 20), width=4)
        draw.multiline_text((left + 160, top + 105), LETTERING, (0, 0, 0), font_size=30, anchor="mm", align="center")
        draw.text((left + 160, top + 330), "Meanwhile", (20, 20, 20), font_size=44, anchor="mm")
    return strip


def repeated(unit: Image.Image, height: int) -> Image.Image:
    """The unit below itself until this height."""
    strip = Image.new("RGB", (unit.width, height))
    for top in range(0, height, unit.height):
        strip.paste(unit, (0, top))
    return strip


def chapter(pages: int) -> bytes:
    """A CBZ of so many pages, alike but for their number."""
    drawn = Image.open(EXAMPLE).convert("RGB").resize(PAGE_SIZE, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(pages):
            page = drawn.copy()
            ImageDraw.Draw(page).text((10, 10), str(number), (0, 0, 0), font_size=12)
            archive.writestr(f"{number:03}.png", png(page))
    return file.getvalue()


def png(image: Image.Image) -> bytes:
    """Its file."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def processor_s(work: Callable[[], object]) -> float:
    """Seconds of processor time that `work` takes, on all threads."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def erase_chapter(eraser: Eraser, archive: bytes) -> None:
    """One archive through the batch, into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "chapter.cbz", Path(folder) / "clean.cbz"
        source.write_bytes(archive)
        ledger = Ledger(state_folder(source, out))
        batch = Batch(eraser, Wish(EraseOptions()), ledger, slots=1)
        rows = list(batch.run(find_chapters(source, out, "same", ledger)))
        assert {row.status for row in rows} == {"done"}


def measure(works: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Median seconds of each of `works`, which take turns; a first turn of the first warms up."""
    works[0]()
    turns = [[processor_s(work) for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*turns, strict=True)]


def show(title: str, names: Sequence[str], megapixels: Sequence[float], seconds: Sequence[float]) -> None:
    """A Markdown table, and the exponent of the power law that fits best: 1 is linear."""
    print(
        f"\n{title}\n\n| size | megapixels | seconds | seconds a megapixel | over the smallest |\n|---|--:|--:|--:|--:|"
    )
    for name, size, took in zip(names, megapixels, seconds, strict=True):
        ratio = took / size / (seconds[0] / megapixels[0])
        print(f"| {name} | {size:.1f} | {took:.2f} | {took / size:.3f} | {ratio:.2f} |", flush=True)
    exponent = np.polyfit(np.log(megapixels), np.log(seconds), 1)[0]
    print(f"\nseconds ~ megapixels ^ {exponent:.3f}")


def main() -> None:
    """Print a table for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    settings = Settings(slots=1, intra_threads=1)
    eraser = build_eraser(settings, open_store(settings))
    cv2.setNumThreads(1)
    looks = open_store(settings).find("text-segmentation", "segmentation").looks
    for heights, count in ((TWO_LOOKS, 2), (ONE_LOOK, 1)):
        for height in heights:
            within = [look for look in looks if look * look * WIDTH * height <= MAX_LOOK_PIXELS or look == looks[0]]
            assert len(within) == count, f"{WIDTH} x {height} gets {len(within)} looks, not {count}"
    for title, draw in (("Strips of pages", pages_strip), ("Strips of one gradient", scroll_strip)):
        for looks, heights in (("two looks", TWO_LOOKS), ("one look", ONE_LOOK)):
            uploads = [png(draw(height)) for height in heights]
            works = [lambda data=data: eraser.erase(data, None, EraseOptions(), Deadline()) for data in uploads]
            names = [f"{WIDTH} x {height:,}" for height in heights]
            sizes = [WIDTH * height / 1e6 for height in heights]
            show(f"{title}, {looks}", names, sizes, measure(works, arguments.rounds))
    archives = [chapter(count) for count in PAGE_COUNTS]
    chapters = [lambda archive=archive: erase_chapter(eraser, archive) for archive in archives]
    pixels = [count * PAGE_SIZE[0] * PAGE_SIZE[1] / 1e6 for count in PAGE_COUNTS]
    show("Chapters (CBZ)", [f"{count} pages" for count in PAGE_COUNTS], pixels, measure(chapters, arguments.rounds))


if __name__ == "__main__":
    main()
