"""How much of occluded text can be read again: `python -m benchmarks.reconstruction --assets DIR`.

Lines of text are set in the pack's fonts, shapes are laid over them as in training, and a filler draws what they hide.
Tesseract (a program, from the system's packages) reads each line as it was, occluded, and redrawn; the figure is its
character accuracy, 1 - edit distance / length (Rice, Jenkins and Nartker 1996, "The Fifth Annual Test of OCR
Accuracy"), over all lines. Needs the `training` extra.
"""

from __future__ import annotations

import argparse
import io
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw
from rapidfuzz.distance import Levenshtein

from benchmarks.tables import table
from service.app import open_store
from service.deadline import Deadline
from service.imaging.masks import from_bool
from service.inpainter import Inpainter
from service.session import Session
from service.settings import Settings
from training.data.assets import AssetPack, Face
from training.data.dice import Dice
from training.data.words import prose
from training.holes_on_device import occlude_text

STYLES = ("dlg", "sans", "serif", "hand")
HEIGHT_PX, MARGIN_PX = 96, 28
SHAPES_PER_LETTERS = 6
"""One shape to so many letters: four of five words are touched."""
OCR_SCALE = 2
GREY = 128
"""The colour of the shapes, for the reader of the occluded line."""


@dataclass(frozen=True)
class Line:
    """One line of text and what hides parts of it."""

    text: str
    picture: np.ndarray
    """`(H, W, 3)` uint8 RGB."""
    hole: np.ndarray
    """`(H, W)` uint8, 255 = hidden."""


def draw_lines(pack: AssetPack, count: int) -> Iterator[Line]:
    """The same `count` lines for the same pack: dark on light or light on dark, letters of 20 to 44 px."""
    faces = [face for face in pack.faces if face.language == "en" and face.style in STYLES]
    for number in range(count):
        dice = Dice(number)
        face = dice.pick(faces)
        text = " ".join(prose(dice, face, dice.whole(18, 36)).split())
        picture, ink = _set_line(dice, face, text)
        torch.manual_seed(number)
        strokes = torch.from_numpy(ink.astype(np.float32) / 255).round()[None, None]
        hidden = occlude_text(strokes, shapes=max(1, len(text) // SHAPES_PER_LETTERS))
        yield Line(text, picture, from_bool(hidden[0, 0].numpy() > 0))


def _set_line(dice: Dice, face: Face, text: str) -> tuple[np.ndarray, np.ndarray]:
    font = face.sized(dice.log_between(20, 44))
    left, top, right, bottom = font.getbbox(text)
    width = int(right - left) + 2 * MARGIN_PX
    ink = Image.new("L", (width, HEIGHT_PX), 0)
    ImageDraw.Draw(ink).text((MARGIN_PX - left, (HEIGHT_PX - bottom - top) / 2), text, font=font, fill=255)
    light, dark = dice.whole(200, 255), dice.whole(0, 60)
    paper, pen = (light, dark) if dice.chance(0.8) else (dark, light)
    coverage = np.asarray(ink, np.float32)[..., None] / 255
    picture = np.rint(paper + coverage * (pen - paper)).astype(np.uint8)
    return np.repeat(picture, 3, axis=2), np.asarray(ink)


def read_line(picture: np.ndarray) -> str:
    """What Tesseract reads in a picture of one line of Latin text."""
    large = cv2.resize(picture, None, fx=OCR_SCALE, fy=OCR_SCALE, interpolation=cv2.INTER_CUBIC)
    buffer = io.BytesIO()
    Image.fromarray(large).save(buffer, "PNG", compress_level=1)
    told = subprocess.run(
        ["tesseract", "-", "-", "-l", "eng", "--psm", "7"],  # noqa: S607  the one on the path
        input=buffer.getvalue(),
        capture_output=True,
        check=True,
        env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    return " ".join(told.stdout.decode().split())


class Accuracy:
    """Tesseract's character accuracy over all lines it was shown."""

    def __init__(self) -> None:
        self._letters = self._wrong = 0

    def add(self, text: str, picture: np.ndarray) -> None:
        """Read `picture`, which says `text`; no line counts as worse than wrong from end to end."""
        self._letters += len(text)
        self._wrong += min(len(text), Levenshtein.distance(text, read_line(picture)))

    @property
    def share(self) -> float:
        """1 - errors / letters, 0 to 1."""
        return 1 - self._wrong / max(1, self._letters)


def main() -> None:
    """Print a table: accuracy of the original, of the occluded line, and of what each filler makes of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assets", type=Path, help="asset pack with fonts; default: the font inside Pillow")
    parser.add_argument("--count", type=int, default=200, help="number of lines")
    parser.add_argument("--store", type=Path, help="model store; default: the one that is served")
    arguments = parser.parse_args()
    store = open_store(Settings(model_store=arguments.store) if arguments.store else Settings())
    fillers = {
        model.label: Inpainter(Session(model, store.read(model)))
        for model in store.models
        if model.task != "segmentation"
    }
    found = {name: Accuracy() for name in ("original", "occluded", *fillers)}
    for line in draw_lines(AssetPack.open(arguments.assets), arguments.count):
        found["original"].add(line.text, line.picture)
        occluded = line.picture.copy()
        occluded[line.hole > 0] = GREY
        found["occluded"].add(line.text, occluded)
        for name, filler in fillers.items():
            redrawn = occluded.copy()
            filler.fill(redrawn, line.hole, [(0, 0, redrawn.shape[1], redrawn.shape[0])], Deadline())
            found[name].add(line.text, redrawn)
    print(f"{arguments.count} lines\n")
    print(table(["line", "character accuracy"], [[name, f"{each.share:.3f}"] for name, each in found.items()]))


if __name__ == "__main__":
    main()
