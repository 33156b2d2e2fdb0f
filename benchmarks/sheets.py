"""Contact sheets at 1:1: before, mask, after. `python -m benchmarks.sheets FOLDER --out DIR` (`make sheets`)."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.eraser import Outcome
from service.errors import TextEraserError
from service.options import EraseOptions
from service.settings import Settings

MARK = np.array([255, 0, 60], np.float32)
GUTTER_PX = 8


def make_sheet(upload: bytes, outcome: Outcome) -> Image.Image:
    """Before, before with the mask in colour, after: one picture, 1:1."""
    assert outcome.image is not None
    assert outcome.mask is not None
    after = upright(outcome.image.data)
    try:
        before = upright(upload)
    except OSError:  # a format that only the service reads
        before = after
    mask = np.asarray(Image.open(io.BytesIO(outcome.mask.data))) > 0
    marked = before.copy()
    marked[mask] = (0.4 * marked[mask] + 0.6 * MARK).astype(np.uint8)
    gutter = np.full((before.shape[0], GUTTER_PX, 3), 128, np.uint8)
    return Image.fromarray(np.hstack([before, gutter, marked, gutter, after]))


def upright(data: bytes) -> np.ndarray:
    """A file as RGB of 8 bits `(H, W, 3)`, turned as its EXIF says. Raises OSError for one that Pillow cannot read."""
    picture = Image.open(io.BytesIO(data))
    orientation = picture.getexif().get(0x0112, 1)
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation)
    if picture.mode.startswith("I"):  # 16 bit: shown at 8
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    return np.asarray((picture.transpose(turn) if turn is not None else picture).convert("RGB"))


def main() -> None:
    """Write one sheet for each image of a folder, and a line about it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("sheets"))
    arguments = parser.parse_args()
    settings = Settings()
    eraser = build_eraser(settings, open_store(settings))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(path for path in arguments.folder.iterdir() if path.is_file()):
        upload = path.read_bytes()
        try:
            outcome = eraser.erase(upload, None, EraseOptions(output="both"), Deadline())
        except TextEraserError as exc:
            print(f"{path.name}: {exc.detail}")
            continue
        make_sheet(upload, outcome).save(arguments.out / f"{path.stem}.png")
        methods = ", ".join(f"{region.method} {region.box}" for region in outcome.regions)
        print(f"{path.name}: {outcome.width} x {outcome.height}, mask {outcome.mask_share:.4f}; {methods}")


if __name__ == "__main__":
    main()
