"""What two model stores find on the same pictures, and how long each takes: for new weights, or the same in integers.

`python -m benchmarks.stores FOLDER --before training/weights --after model_store --out DIR`. Where masks differ by more
than a few pixels, DIR gets the picture with what only the first found in blue, only the second in red, both in gray.
"""

from __future__ import annotations

import argparse
import io
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.sheets import upright
from benchmarks.tables import table
from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.eraser import Eraser
from service.errors import TextEraserError
from service.options import SegmentOptions
from service.settings import Settings

BEFORE, AFTER, BOTH = (np.array(ink, np.float32) for ink in ((0, 0, 255), (255, 0, 0), (128, 128, 128)))
FEW_PIXELS = 200


@dataclass(frozen=True)
class Found:
    """What one store found on a picture."""

    mask: np.ndarray
    """`(H, W)` bool."""
    seconds: float
    """Processor seconds, with decoding and refining."""


def find(eraser: Eraser, upload: bytes) -> Found:
    """The mask of a file. Raises TextEraserError for one that the service refuses."""
    start = time.process_time()
    outcome = eraser.segment(upload, SegmentOptions(), Deadline())
    seconds = time.process_time() - start
    assert outcome.mask is not None
    return Found(np.asarray(Image.open(io.BytesIO(outcome.mask.data))) > 0, seconds)


def overlay(picture: np.ndarray, before: np.ndarray, after: np.ndarray) -> Image.Image:
    """The picture, pale, with both masks on it."""
    shown = picture * np.float32(0.6) + 100
    for where, ink in ((before & after, BOTH), (before & ~after, BEFORE), (after & ~before, AFTER)):
        shown[where] = 0.35 * picture[where] + 0.65 * ink
    return Image.fromarray(np.clip(shown, 0, 255).astype(np.uint8))


def main() -> None:
    """Print a row for each picture, write pictures of what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--after", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    erasers = []
    for store in (arguments.before, arguments.after):
        settings = Settings(model_store=store)
        erasers.append(build_eraser(settings, open_store(settings)))
    rows, times = [], []
    for path in sorted(path for path in arguments.folder.iterdir() if path.is_file()):
        upload = path.read_bytes()
        try:
            before, after = (find(eraser, upload) for eraser in erasers)
        except TextEraserError as exc:
            print(f"{path.name}: {exc.detail}")
            continue
        gone, new = before.mask & ~after.mask, after.mask & ~before.mask
        counts = [int(np.count_nonzero(part)) for part in (before.mask, gone, new)]
        times.append((before.seconds, after.seconds))
        rows.append([path.name, *map(str, counts), f"{before.seconds:.2f}", f"{after.seconds:.2f}"])
        if arguments.out and sum(counts[1:]) > FEW_PIXELS:
            arguments.out.mkdir(parents=True, exist_ok=True)
            overlay(upright(upload), before.mask, after.mask).save(arguments.out / f"{path.stem}.png")
    print(table(["picture", "px before", "gone", "new", "s before", "s after"], rows))
    first, second = np.array(times).sum(axis=0)
    print(f"\n{len(times)} pictures, processor seconds {first:.1f} -> {second:.1f}: {second / first:.2f} of it")


if __name__ == "__main__":
    main()
