"""Files on disk, for the command line: which goes where, and writing them whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from service.errors import InvalidOption
from service.options import EraseOptions, OutputFormat

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif", ".jxl"}
)
"""What counts as an image where a folder is given, whether its extra is installed or not."""
_FORMATS: Mapping[str, OutputFormat] = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".psd": "psd",
    ".ora": "ora",
}
_ALIASES = {".jpeg": ".jpg", ".tif": ".tiff", ".heif": ".heic"}
STANDARD = "-"
"""Standard input or output."""
_UMASK = os.umask(0)  # read once, while there is one thread: it can only be read by being set
os.umask(_UMASK)


@dataclass(frozen=True)
class Target:
    """One image to work on; every path may be `-`."""

    source: str
    image: str | None
    """Where the image goes; None where none was asked for."""
    mask: str | None
    """Where the mask goes; None where none was asked for."""


def plan_targets(sources: Sequence[str], out: str, options: EraseOptions) -> list[Target]:
    """Say where the result of each source goes: into the file `out` if there is one source, else into the folder.

    Folders are searched, and their tree is kept. Raises InvalidOption, before any work, where a source is missing,
    two results would have one name, or a result would overwrite its own source.
    """
    found = [pair for source in sources for pair in _expand(source)]
    if not found:
        raise InvalidOption(f"there is no image in {', '.join(sources)}; expected {', '.join(sorted(SUFFIXES))}")
    into_folder = out != STANDARD and (
        len(found) > 1 or Path(out).is_dir() or out.endswith(os.sep) or any(Path(source).is_dir() for source in sources)
    )
    if out == STANDARD and (len(found) > 1 or options.output == "both"):
        raise InvalidOption("standard output takes one file; expected a folder after -o")
    if into_folder and any(source == STANDARD for source, _ in found):
        raise InvalidOption("standard input has no name; expected a file or - after -o")
    targets = [
        _target(source, Path(out) / name if into_folder else out, options, named=into_folder) for source, name in found
    ]
    _refuse_clashes(targets)
    return targets


def format_for(source: str, out: str) -> OutputFormat:
    """The format that `out` asks for by its ending; `same` where it says nothing else than the source's.

    Raises InvalidOption for the ending of a format that only an image of that format becomes, and that the source's
    name does not say: it may have none.
    """
    own, asked = (_ALIASES.get(ending, ending) for ending in (PurePath(path).suffix.lower() for path in (source, out)))
    if own in SUFFIXES and asked in SUFFIXES - {own, *_FORMATS}:
        raise InvalidOption(f"{out}: {own} does not become {asked}; expected {own} or one of {', '.join(_FORMATS)}")
    if own not in SUFFIXES and asked in SUFFIXES - {*_FORMATS}:
        raise InvalidOption(
            f"{out}: the name {source} does not say whether it is {asked} already, and nothing else becomes that; "
            f"expected one of {', '.join(_FORMATS)}, or --format same where it is"
        )
    return _FORMATS.get(asked, "same") if asked != own else "same"


def result_name(name: PurePath, format_: OutputFormat) -> PurePath:
    """The name of the result of the image `name`: its own, with another ending where another format is asked for."""
    if format_ == "same" or _says(name, format_):
        return name
    return name.with_suffix({"jpeg": ".jpg"}.get(format_, f".{format_}"))


def write_atomically(path: Path, data: bytes, *, by: Path | None = None) -> None:
    """Write a file whole or not at all: in the folder `by` first (default: its own), then renamed. Makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=f".{path.name[:64]}.", dir=by or path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(0o666 & ~_UMASK)  # mkstemp's 0600 is for secrets
        Path(beside).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(beside).unlink()
        raise


def _expand(source: str) -> Iterator[tuple[str, PurePath]]:
    """Sources with the name that each has in an output folder."""
    path = Path(source)
    if source == STANDARD:
        yield source, PurePath(STANDARD)
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path)
            is_hidden = any(part.startswith(".") for part in name.parts)
            if name.suffix.lower() in SUFFIXES and not is_hidden and file.is_file():
                yield str(file), name
    elif path.exists():
        yield source, PurePath(path.name)
    else:
        raise InvalidOption(f"{source}: there is no such file")


def _target(source: str, out: Path | str, options: EraseOptions, *, named: bool) -> Target:
    """`named`: `out` lies in an output folder and still bears the source's own name."""
    if out == STANDARD:
        return Target(source, *((None, STANDARD) if options.output == "mask" else (STANDARD, None)))
    path = Path(out)
    if options.output == "mask" and not named:
        return Target(source, None, str(path))
    image = Path(result_name(path, options.format)) if named else path
    mask = path.with_name(f"{path.stem}.mask.png")
    return Target(
        source,
        str(image) if options.output != "mask" else None,
        str(mask) if options.output != "image" else None,
    )


def _says(path: PurePath, format_: str) -> bool:
    return path.suffix.lower().lstrip(".").replace("jpg", "jpeg") == format_


def _refuse_clashes(targets: Sequence[Target]) -> None:
    sources = {Path(target.source).resolve() for target in targets if target.source != STANDARD}
    written = [path for target in targets for path in (target.image, target.mask) if path not in {None, STANDARD}]
    for path, times in Counter(Path(str(path)).resolve() for path in written).items():
        if path in sources:
            raise InvalidOption(f"{path} is an input; expected another place after -o")
        if times > 1:
            raise InvalidOption(f"{times} results would be written to {path}; give the sources in turn")
