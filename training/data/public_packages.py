"""Fetch public packages by name and hold what lies in them against checksums. Unpacks them, never installs them."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

Fetch = Callable[[str, Path], Path]
_PACKAGE = re.compile(r"apt:\w[\w.+-]*|npm:(@\w[\w-]*/)?\w[\w-]*@\d[\w.-]*|pypi:\w[\w-]*==\d[\w.]*")
_NOTICES = ("usr/share/doc/*/copyright", "package/LICENSE*", "*.dist-info/LICENSE*", "*.dist-info/licenses/*")
# Pictures inside a wheel are the same for every platform, so any one will do, whatever runs here.
_ANY_WHEEL = ("--no-deps", "--only-binary=:all:", "--python-version=3.11", "--platform=manylinux_2_28_x86_64")


class BuildError(RuntimeError):
    """A package could not be fetched, or holds something else than it should."""


class Packaged(Protocol):
    """Something that lies in a package."""

    @property
    def package(self) -> str:
        """`apt:NAME`, `npm:NAME@VERSION` or `pypi:NAME==VERSION`."""


Item = TypeVar("Item", bound=Packaged)


def check_source(package: str, sha256: str) -> None:
    """Raise BuildError unless the package has a kind and, but for apt's, a version, and the checksum is one."""
    if not _PACKAGE.fullmatch(package):
        raise BuildError(f"package is {package!r}; expected apt:NAME, npm:NAME@VERSION or pypi:NAME==VERSION")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise BuildError(f"{package}: sha256 is {sha256!r}; expected 64 hexadecimal digits")


def fetch_package(package: str, folder: Path) -> Path:
    """Download a package into the empty `folder` and unpack it; returns where to. Raises BuildError if it cannot."""
    kind, name = package.split(":", 1)
    unpacked = folder / "unpacked"
    unpacked.mkdir()
    try:
        if kind == "apt":
            _run(["apt-get", "download", "-q", name], folder)
            _run(["dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(unpacked)], folder)
        elif kind == "npm":
            _run(["npm", "pack", "--silent", name], folder)
            shutil.unpack_archive(next(folder.glob("*.tgz")), unpacked, filter="data")
        else:
            _run([sys.executable, "-m", "pip", "download", "--quiet", *_ANY_WHEEL, name], folder)
            shutil.unpack_archive(next(folder.glob("*.whl")), unpacked, format="zip")
    except subprocess.CalledProcessError as exc:
        raise BuildError(f"{package} could not be fetched: {exc}: {exc.stderr.strip()}") from exc
    except OSError as exc:
        raise BuildError(f"{package} could not be fetched: {exc}") from exc
    return unpacked


def _run(command: Sequence[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603  names from our tables


def fetched(items: Sequence[Item], fetch: Fetch) -> Iterator[tuple[Item, Path]]:
    """Each item with the folder that its package is unpacked in, which lasts until the next package's turn."""
    for package in dict.fromkeys(item.package for item in items):
        with tempfile.TemporaryDirectory() as folder:
            unpacked = fetch(package, Path(folder))
            for item in items:
                if item.package == package:
                    yield item, unpacked


def read_checked(package: str, paths: Sequence[Path], sha256: str) -> list[bytes]:
    """The files' bytes. Raises BuildError, naming both checksums, if all in a row have not the one they had."""
    try:
        contents = [path.read_bytes() for path in paths]
    except FileNotFoundError as exc:
        raise BuildError(f"{package} has no {Path(exc.filename).name} where it had one") from exc
    digest = hashlib.sha256()
    for data in contents:
        digest.update(data)
    if digest.hexdigest() != sha256:
        names = paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"
        raise BuildError(f"{package}, {names}: sha256 is {digest.hexdigest()}; expected {sha256}")
    return contents


def notice_of(unpacked: Path) -> bytes | None:
    """The licence text that came with a package, or None if it brought none."""
    found = [path for pattern in _NOTICES for path in sorted(unpacked.glob(pattern)) if path.is_file()]
    return found[0].read_bytes() if found else None


def write_archive(path: Path, members: Mapping[str, bytes]) -> None:
    """A `.tar.xz` of these files: the same bytes whenever and wherever it is written."""
    with tarfile.open(path, "w:xz") as archive:
        for name in sorted(members):
            about = tarfile.TarInfo(name)
            about.size = len(members[name])
            archive.addfile(about, io.BytesIO(members[name]))


def read_archive(path: Path) -> dict[str, bytes]:
    """The files of a `.tar.xz` by name; none if it is not there."""
    if not path.exists():
        return {}
    with tarfile.open(path, "r:xz") as archive:
        opened = ((about.name, archive.extractfile(about)) for about in archive.getmembers())
        return {name: file.read() for name, file in opened if file is not None}


def notice_name(package: str) -> str:
    """The file name of a package's licence text: `npm:@fontsource/anton@5.3.0` is `npm-fontsource-anton.txt`."""
    bare = re.sub(r"(?<=\w)(@|==).*", "", package)
    return re.sub(r"[:@/]+", "-", bare) + ".txt"
