"""Make an asset pack from public packages by name: `python -m training.data.build_assets --base PACK --out DIR`.

What it builds: the fonts listed here, which write Russian (and DejaVu Latin too), fetched with apt and npm and held
against their checksums. What it does not build: the art, the cut-down fonts and the comic pages of a base pack, whose
makers are listed there; they are copied from `--base` and their sizes held against the pack's own indices. Without
`--base` the pack has the fonts alone: enough to train a weaker net, with pictures drawn by procedure. Fonts are never
part of this repository.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PublicFont:
    """One file of a public package."""

    package: str
    """`apt:NAME` or `npm:NAME@VERSION`."""
    file: str
    """Its path inside the package."""
    sha256: str
    family: str
    licence: str
    styles: tuple[str, ...]
    """What it may play in Russian: dlg, hand, sans, serif, sfx."""

    @property
    def name(self) -> str:
        """The file's own name."""
        return Path(self.file).name


_DEJAVU = "usr/share/fonts/truetype/dejavu"
_DEJAVU_LICENCE = "Bitstream Vera, changes public domain"
FONTS = (
    PublicFont("apt:fonts-dejavu-core", f"{_DEJAVU}/DejaVuSerif.ttf",
               "13e61509f5c81d7c3132810f4f903e3523df89c802bf6e0674621e8f659cdfe1", "DejaVu Serif", _DEJAVU_LICENCE,
               ("serif",)),
    PublicFont("apt:fonts-dejavu-core", f"{_DEJAVU}/DejaVuSansMono.ttf",
               "0f5db4f1749979d961019838b160bec74abdf7f9eca69553fe1aa856bbff49a4", "DejaVu Sans Mono",
               _DEJAVU_LICENCE, ("sans",)),
    PublicFont("npm:@fontsource/balsamiq-sans@5.3.0", "package/files/balsamiq-sans-cyrillic-400-normal.woff",
               "353063b4345e3211589d5cb2e160514288ee9a43ea3b4d3590cb9c5236071955", "Balsamiq Sans", "OFL-1.1",
               ("dlg", "sans")),
    PublicFont("npm:@fontsource/balsamiq-sans@5.3.0", "package/files/balsamiq-sans-cyrillic-700-normal.woff",
               "ef4d3e859fa26910b37f7aaba093b9edc35175b6052fe80c93fda723456b9055", "Balsamiq Sans", "OFL-1.1",
               ("dlg", "sfx")),
    PublicFont("npm:@fontsource/neucha@5.3.0", "package/files/neucha-cyrillic-400-normal.woff",
               "97fcb08abd2858b5d4c35cce4240c4dea19b9f31cb5f229d50ae2b27df7ed1ae", "Neucha", "OFL-1.1",
               ("dlg", "hand")),
    PublicFont("npm:@fontsource/pangolin@5.3.0", "package/files/pangolin-cyrillic-400-normal.woff",
               "6d1bb3e7eb25fd72d5451ca9becf1242ef75e47f1f805138c0f3336418403e98", "Pangolin", "OFL-1.1",
               ("dlg", "hand")),
    PublicFont("npm:@fontsource/russo-one@5.3.0", "package/files/russo-one-cyrillic-400-normal.woff",
               "9569a3afd5cc2ac1fd3d62c582dd8324702bef4799791b081860c22ad35628fb", "Russo One", "OFL-1.1",
               ("sfx", "sans")),
)  # fmt: skip
"""npm's files hold one script each: letters, no digits or marks."""

Fetch = Callable[[str, Path], Path]


class BuildError(RuntimeError):
    """A package could not be fetched, or holds something else than it should."""


def fetch_package(package: str, folder: Path) -> Path:
    """Download `apt:NAME` or `npm:NAME@VERSION` into the empty `folder` and unpack it; returns where to."""
    kind, name = package.split(":", 1)
    unpacked = folder / "unpacked"
    unpacked.mkdir()
    try:
        if kind == "apt":
            subprocess.run(["apt-get", "download", "-q", name], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607
            archive = next(folder.glob("*.deb"))
            subprocess.run(["dpkg-deb", "-x", str(archive), str(unpacked)], check=True, capture_output=True)  # noqa: S603, S607
        else:
            subprocess.run(["npm", "pack", "--silent", name], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607
            shutil.unpack_archive(next(folder.glob("*.tgz")), unpacked, filter="data")
    except (OSError, subprocess.CalledProcessError) as exc:
        raise BuildError(f"{package} could not be fetched: {exc}") from exc
    return unpacked


def add_fonts(pack: Path, fonts: Sequence[PublicFont] = FONTS, *, fetch: Fetch = fetch_package) -> None:
    """Put the fonts into `pack/fonts/extra`, with an index of families, licences and styles.

    Raises BuildError, naming the file and both checksums, if one is not what it was when it was chosen.
    """
    extra = pack / "fonts" / "extra"
    extra.mkdir(parents=True, exist_ok=True)
    index = []
    for package in dict.fromkeys(font.package for font in fonts):
        with tempfile.TemporaryDirectory() as folder:
            unpacked = fetch(package, Path(folder))
            for font in (font for font in fonts if font.package == package):
                data = (unpacked / font.file).read_bytes()
                found = hashlib.sha256(data).hexdigest()
                if found != font.sha256:
                    raise BuildError(f"{package}, {font.name}: sha256 is {found}; expected {font.sha256}")
                (extra / font.name).write_bytes(data)
                index.append({"file": font.name, "family": font.family, "licence": font.licence,
                              "source": font.package, "styles": font.styles})  # fmt: skip
    (extra / "fonts.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


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


def main(argv: Sequence[str] | None = None) -> None:
    """Build the pack and say how large it is."""
    parser = argparse.ArgumentParser(prog="python -m training.data.build_assets", description=__doc__)
    parser.add_argument("--base", type=Path, help="an existing pack to start from")
    parser.add_argument("--out", type=Path, default=Path("build/assets"))
    arguments = parser.parse_args(argv)
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    if arguments.base:
        copy_base(arguments.base, arguments.out)
    add_fonts(arguments.out)
    size = sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file())
    sys.stderr.write(f"{arguments.out}: {size / 2**20:.1f} MiB\n")


if __name__ == "__main__":
    main()
