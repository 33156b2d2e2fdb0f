"""Make an asset pack from public packages by name: `python -m training.data.build_assets --out DIR`.

Fetched with apt, npm and pip, and held against the checksums of `public_fonts.toml` and `public_art.toml`: all fonts,
clip art, icons, emoji, drawn characters and backgrounds, photographs. The sums of apt's files are those of Debian 12;
where another release has another file, `--without PACKAGE` leaves it out.

Not to be had so, and only ever copied from another pack with `--base`:
* comic pages: Pepper&Carrot is in no registry; without them no page is drawn on lettered comics,
* avatars: DiceBear's packages are programs that draw them, not pictures,
* the sample photographs `moon` and `immunohistochemistry`, whose licence is "no known restrictions".

With `--base` only the Russian fonts and the pictures of makers that the base does not know are fetched; the rest is the
base's. Nothing fetched is part of this repository.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from training.data.public_art import ART, add_art, missing_art
from training.data.public_fonts import OTHERS, RUSSIAN, add_cut_fonts, add_loose_fonts
from training.data.public_packages import BuildError, Fetch, fetch_package


def copy_base(base: Path, pack: Path) -> None:
    """Copy an existing pack. Raises BuildError if its art is shorter than its index, or a comic layer is missing."""
    shutil.copytree(base, pack, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for folder in (pack, *(path for path in pack.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    art = pack / "art" / "art.json"
    if art.exists():
        needed = max(entry["offset"] + entry["length"] for entry in json.loads(art.read_text("utf-8")))
        found = (pack / "art" / "art.bin").stat().st_size
        if found < needed:
            raise BuildError(f"art.bin is {found} bytes; expected {needed}")
    pairs = pack / "comic_pairs" / "pairs.json"
    if pairs.exists():
        for page in json.loads(pairs.read_text("utf-8")):
            layers = [layer for v in page["variants"] for layer in (v["letters"], v["bubbles"]) if layer]
            for name in (page["art"], *layers):
                if not (pairs.parent / name).is_file():
                    raise BuildError(f"comic_pairs/{name} is missing; expected it, as pairs.json names it")


def build(pack: Path, *, base: Path | None = None, without: Sequence[str] = (), fetch: Fetch = fetch_package) -> None:
    """Fill the empty folder `pack` with all that public packages give, or with a copy of `base` and what it lacks.

    Nothing is fetched of the packages in `without`. Raises BuildError if one of them is in no list, if a package cannot
    be fetched, or if it holds something else than it should.
    """
    kinds = (RUSSIAN, OTHERS, ART)
    unknown = set(without) - {entry.package for entries in kinds for entry in entries}
    if unknown:
        raise BuildError(f"--without {' '.join(sorted(unknown))}; expected a package of public_fonts or public_art")
    russian, others, art = ([entry for entry in entries if entry.package not in without] for entries in kinds)
    if base:
        copy_base(base, pack)
    add_loose_fonts(pack, russian, fetch=fetch)
    if not base:
        add_cut_fonts(pack, others, fetch=fetch)
    add_art(pack, missing_art(pack, art), fetch=fetch)


def _fetch_aloud(package: str, folder: Path) -> Path:
    sys.stderr.write(f"{package}\n")
    return fetch_package(package, folder)


def main(argv: Sequence[str] | None = None) -> None:
    """Build the pack and say how large it is."""
    parser = argparse.ArgumentParser(prog="python -m training.data.build_assets", description=__doc__)
    parser.add_argument("--base", type=Path, help="an existing pack to start from")
    parser.add_argument("--without", action="append", default=[], metavar="PACKAGE", help="leave this package out")
    parser.add_argument("--out", type=Path, default=Path("build/assets"))
    arguments = parser.parse_args(argv)
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it tells of every old timestamp
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    try:
        build(arguments.out, base=arguments.base, without=arguments.without, fetch=_fetch_aloud)
    except BuildError as exc:
        parser.exit(1, f"{exc}\n")
    size = sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file())
    sys.stderr.write(f"{arguments.out}: {size / 2**20:.1f} MiB\n")


if __name__ == "__main__":
    main()
