"""How much an independent OCR still reads on real pages after erasing: `python -m benchmarks.reading FOLDER`.

Tesseract (a program, from the system's packages, with the languages' data) reads each page before and after. It reads
some art as letters too, the same before and after, and no brush lettering: the figure compares two sets of weights on
the same pages, it is not the share of text left.
"""

from __future__ import annotations

import argparse
import csv
import io
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.sheets import upright
from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.errors import TextEraserError
from service.options import EraseOptions
from service.settings import Settings

LANGUAGES = {"ja": "jpn+jpn_vert", "ko": "kor", "zh": "chi_sim", "fr": "fra", "en": "eng", "ru": "rus"}
"""The end of a file's name -> Tesseract's languages."""
ANY_LANGUAGE = "jpn+jpn_vert+eng"
PACKAGES = "apt-get install tesseract-ocr tesseract-ocr-jpn tesseract-ocr-jpn-vert, and so on for each language"
SURE = 60.0
"""Words that Tesseract is less sure of, of 100, do not count."""
PATH = "/usr/bin:/bin:/usr/local/bin"
SCALE = 2
"""Tesseract wants letters of 30 px; a page's have 15."""


def read_words(picture: np.ndarray, languages: str) -> Iterator[str]:
    """The words that Tesseract is sure of in an RGB picture, wherever they stand."""
    large = cv2.resize(picture, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    buffer = io.BytesIO()
    Image.fromarray(large).save(buffer, "PNG", compress_level=1)
    told = subprocess.run(
        ["tesseract", "-", "-", "-l", languages, "--psm", "11", "tsv"],  # noqa: S607  the one on the path
        input=buffer.getvalue(),
        capture_output=True,
        check=True,
        env={"OMP_THREAD_LIMIT": "1", "PATH": PATH},
    ).stdout.decode()
    for row in csv.DictReader(io.StringIO(told), delimiter="\t", quoting=csv.QUOTE_NONE):
        if float(row["conf"]) >= SURE:
            yield row["text"]


def missing_languages(files: Iterable[Path]) -> set[str]:
    """What Tesseract has no data for of what the files' names ask for."""
    told = subprocess.run(
        ["tesseract", "--list-langs"],  # noqa: S607  the one on the path
        capture_output=True,
        check=True,
        env={"PATH": PATH},
    ).stdout.decode()
    wanted = {language for path in files for language in languages_of(path).split("+")}
    return wanted - set(told.split("\n")[1:])  # the first line says where they lie


def languages_of(path: Path) -> str:
    """Tesseract's languages for a file, by the end of its name."""
    return LANGUAGES.get(path.stem.rsplit("_", 1)[-1], ANY_LANGUAGE)


def count_letters(picture: np.ndarray, languages: str) -> int:
    """Letters and digits in the words that Tesseract is sure of."""
    return sum(character.isalnum() for word in read_words(picture, languages) for character in word)


def main() -> None:
    """Print a table: letters read before and after, by page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--store", type=Path, help="model store; default: the one that is served")
    arguments = parser.parse_args()
    if shutil.which("tesseract", path=PATH) is None:
        sys.exit(f"There is no program `tesseract` in {PATH}; install it from the system's packages: {PACKAGES}")
    files = sorted(path for path in arguments.folder.iterdir() if path.is_file())
    missing = missing_languages(files)
    if missing:
        sys.exit(
            f"Tesseract has no data for {', '.join(sorted(missing))}; install it from the system's packages: {PACKAGES}"
        )
    settings = Settings(model_store=arguments.store) if arguments.store else Settings()
    store = open_store(settings)
    eraser = build_eraser(settings, store)
    print(f"{', '.join(model.label for model in store.models)}\n")
    print("| page | letters read | after erasing |\n|---|--:|--:|")
    read = left = 0
    for path in files:
        try:
            outcome = eraser.erase(path.read_bytes(), None, EraseOptions(format="png"), Deadline())
        except TextEraserError as refusal:
            sys.stderr.write(f"{path.name}: {refusal.detail}\n")
            continue
        assert outcome.image is not None
        languages = languages_of(path)
        try:
            before = upright(path.read_bytes())
        except OSError:  # a format that only the service reads
            continue
        counts = [count_letters(picture, languages) for picture in (before, upright(outcome.image.data))]
        read, left = read + counts[0], left + counts[1]
        print(f"| {path.name} | {counts[0]} | {counts[1]} |", flush=True)
    print(f"| **all** | {read} | {left} |")


if __name__ == "__main__":
    main()
