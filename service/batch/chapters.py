"""Chapters: the pages of a folder or of an archive, where each one's result goes, and how a chapter is finished."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import Literal, Protocol

from service.batch import report
from service.batch.archives import ARCHIVES, Archive, ArchiveWriter, Member
from service.batch.ledger import Ledger
from service.batch.pdf import PDF, PdfPages, SizePt, check_writable, write_pdf
from service.batch.report import Row
from service.errors import CorruptImage, InvalidOption, TextEraserError
from service.files import SUFFIXES, result_name
from service.options import OutputFormat

STATE = ".text-eraser"
"""Folder in which a batch remembers what is finished."""

PdfResult = Literal["cbz", "pdf"]
"""What a PDF file becomes."""


@dataclass(frozen=True)
class Page:
    """One image and where what is made of it goes."""

    name: str
    """Its path below what was given, for the report."""
    image: Path
    mask: Path
    regions: Path
    read: Callable[[], bytes]
    """Its bytes. Raises OSError, CorruptImage."""


@dataclass(frozen=True)
class Finished:
    """What came of a chapter, beside what came of each page."""

    files: Mapping[Path, str] = field(default_factory=dict)
    """Those that were made, with their digests."""
    lost: Sequence[Row] = ()
    """A row for each file that is no page and could not be taken over."""


class Chapter(Protocol):
    """Pages that belong together."""

    @property
    def name(self) -> str:
        """Its path below what was given."""

    @property
    def source(self) -> Path:
        """The folder or the archive."""

    @property
    def output(self) -> Path | None:
        """The one file that the pages end up in; None where each is a file of its own."""

    @property
    def places(self) -> Sequence[Path]:
        """The files that it will write, as far as they are known beforehand."""

    def count(self) -> int:
        """Number of pages; 1 where that cannot be known."""

    def open(self) -> Sequence[Page]:
        """The pages, in order. Raises TextEraserError, OSError."""

    def finish(self, rows: Sequence[Row], ledger: Ledger) -> Finished:
        """Put the results together. Raises OSError."""

    def close(self) -> None:
        """Let go of what is open."""

    def clean(self) -> None:
        """Remove what was kept only until the chapter was finished."""


def find_chapters(
    source: Path, out: Path, format_: OutputFormat, ledger: Ledger, *, pdf_as: PdfResult = "cbz"
) -> list[Chapter]:
    """The chapters at `source`: an archive, or a folder of any depth with images and archives, in order of their names.

    `pdf_as` says what becomes of PDF files where `out` is a folder; a file says it by its ending.
    Raises InvalidOption, before any work, where there is nothing to do, or a result would overwrite a source or
    another result.
    """
    if not source.exists():
        raise InvalidOption(f"{source}: there is no such file")
    _check_ending(source, out)
    if source.is_dir():
        chapters = [*_below(source, out, format_, ledger, pdf_as)]
    elif source.suffix.lower() == PDF:
        place = archive_place(source, out, pdf_as=pdf_as)
        chapters = [PdfChapter(source, place, source.name, format_, ledger.folder)]
    elif source.suffix.lower() in ARCHIVES:
        chapters = [ArchiveChapter(source, archive_place(source, out), source.name, format_, ledger.folder)]
    else:
        raise InvalidOption(f"{source} is neither a folder nor an archive; expected one of {', '.join(_endings())}")
    if not chapters:
        raise InvalidOption(f"there is no image and no archive in {source}")
    _check_places(source, out, chapters)
    places = (place for chapter in chapters for place in chapter.places)
    if format_ in {"webp", "psd", "ora"} and any(place.suffix.lower() == PDF for place in places):
        raise InvalidOption(f"format is '{format_}': a PDF holds PNG and JPEG; expected same, png or jpeg")
    return chapters


def archive_place(source: Path, out: Path, *, pdf_as: PdfResult = "cbz") -> Path:
    """Where the file made of `source` goes: to `out` itself if that is named like such a file, else into it."""
    is_pdf = source.suffix.lower() == PDF
    endings = ARCHIVES | {PDF} if is_pdf else ARCHIVES
    if out.suffix.lower() in endings and not out.is_dir():
        return out
    return out / (f"{source.stem}.{pdf_as}" if is_pdf else source.name)


def state_folder(source: Path, out: Path) -> Path:
    """Where the batch from `source` to `out` remembers what is finished."""
    if not source.is_dir() and archive_place(source, out) == out:
        return out.parent / f"{STATE}-{out.name}"
    return out / STATE


def _below(source: Path, out: Path, format_: OutputFormat, ledger: Ledger, pdf_as: PdfResult) -> Iterator[Chapter]:
    files = sorted(
        path.relative_to(source)
        for path in source.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(source).parts)
    )
    folders: dict[PurePath, list[Path]] = {}
    for path in files:
        if path.suffix.lower() in SUFFIXES:
            folders.setdefault(path.parent, []).append(path)
    for folder, names in folders.items():
        yield FolderChapter(source, out, str(folder), names, format_)
    for path in files:
        if path.suffix.lower() in ARCHIVES:
            yield ArchiveChapter(source / path, out / path, path.as_posix(), format_, ledger.folder)
        elif path.suffix.lower() == PDF:
            place = out / path.with_suffix(f".{pdf_as}")
            yield PdfChapter(source / path, place, path.as_posix(), format_, ledger.folder)


class FolderChapter:
    """The images of one folder; each result is a file of its own."""

    output: Path | None = None

    def __init__(self, source: Path, out: Path, name: str, names: Sequence[Path], format_: OutputFormat) -> None:
        self.source = source
        self.name = name
        self.pages = [
            Page(
                name=path.as_posix(),
                image=out / result_name(path, format_),
                read=(source / path).read_bytes,
                **_sidecars(out / path),
            )
            for path in names
        ]

    @property
    def places(self) -> Sequence[Path]:
        """The results; masks and regions have names that no result has, unless somebody looks for trouble."""
        return [page.image for page in self.pages]

    def count(self) -> int:
        """Number of pages."""
        return len(self.pages)

    def open(self) -> Sequence[Page]:
        """The pages, in order."""
        return self.pages

    def finish(self, rows: Sequence[Row], ledger: Ledger) -> Finished:  # noqa: ARG002  as every chapter has it
        """Nothing is left to do: each page was finished on its own."""
        return Finished()

    def close(self) -> None:
        """Nothing is open."""

    def clean(self) -> None:
        """Nothing is kept."""


class ArchiveChapter:
    """The pages of an archive; the results become an archive with the same names in the same order.

    What is no page, and what cannot be erased, goes over as it is; what cannot be unpacked is left out. Until the
    archive is whole its pages lie among the ledger's files; masks and regions go into a folder beside it.
    """

    def __init__(self, source: Path, output: Path, name: str, format_: OutputFormat, state: Path) -> None:
        self.source = source
        self.output = output
        self.name = name
        self._format = format_
        self._parts = _parts_folder(state, name)
        self._stack = ExitStack()
        self._archive: Archive | None = None

    @property
    def places(self) -> Sequence[Path]:
        """The archive."""
        return [self.output]

    def count(self) -> int:
        """Number of pages; 1 where the archive cannot be read."""
        try:
            with self.source.open("rb") as file, Archive(file) as archive:
                return sum(member.is_image for member in archive.members) or 1
        except (TextEraserError, OSError):
            return 1

    def open(self) -> Sequence[Page]:
        """The pages, in order. Raises NotAnArchive, ArchiveRefused, InvalidOption, OSError."""
        with ExitStack() as stack:
            archive = stack.enter_context(Archive(stack.enter_context(self.source.open("rb"))))
            pages = self._pages(archive)
            self._archive, self._stack = archive, stack.pop_all()
        return pages

    def _pages(self, archive: Archive) -> Sequence[Page]:
        beside = self.output.with_name(f"{self.output.name}.sidecars")
        pages = [
            Page(
                name=f"{self.name}/{member.name}",
                image=self._parts / f"{number:06}",
                read=partial(archive.read, member),
                **_sidecars(beside / member.name),
            )
            for number, member in enumerate(archive.members)
            if member.is_image
        ]
        # As a file system sees them that knows no case: so are archives refused.
        taken = Counter(self._result_name(member).casefold() for member in archive.members)
        twice = [name for name, times in taken.items() if times > 1]
        if twice:
            raise InvalidOption(f"{self.name}: two results would be called {twice[0]}")
        if not pages:
            raise InvalidOption(f"{self.name}: there is no image in it")
        return pages

    def finish(self, rows: Sequence[Row], ledger: Ledger) -> Finished:
        """Write the archive; `clean` removes what it was made of."""
        assert self._archive is not None
        results = iter(rows)
        lost: list[Row] = []
        unfinished = ledger.new_file(self._parts.name)
        with unfinished.open("wb") as file:
            writer = ArchiveWriter(file)
            for number, member in enumerate(self._archive.members):
                if member.is_image and next(results).status != "failed":
                    writer.add(self._result_name(member), (self._parts / f"{number:06}").read_bytes(), member)
                else:
                    try:
                        writer.add(member.name, self._archive.read(member), member)
                    except CorruptImage as exc:
                        if not member.is_image:  # a page has its row
                            lost.append(report.lost(f"{self.name}/{member.name}", exc))
            writer.close()
        return Finished({self.output: ledger.place(unfinished, self.output)}, lost)

    def close(self) -> None:
        """Close the archive."""
        self._stack.close()

    def clean(self) -> None:
        """Remove the pages that the archive was made of."""
        shutil.rmtree(self._parts, ignore_errors=True)

    def _result_name(self, member: Member) -> str:
        return str(result_name(member.path, self._format)) if member.is_image else member.name


class PdfChapter:
    """The pages of a PDF file, rendered; the results become a PDF file or a CBZ archive, as `output` is called."""

    def __init__(self, source: Path, output: Path, name: str, format_: OutputFormat, state: Path) -> None:
        self.source = source
        self.output = output
        self.name = name
        self._format = format_
        self._parts = _parts_folder(state, name)
        self._pages: PdfPages | None = None

    @property
    def places(self) -> Sequence[Path]:
        """The file."""
        return [self.output]

    def count(self) -> int:
        """Number of pages; 1 where the file cannot be read."""
        try:
            with closing(PdfPages(self.source)) as pages:
                return pages.count
        except (TextEraserError, OSError):
            return 1

    def open(self) -> Sequence[Page]:
        """The pages, in order. Raises InvalidOption, CorruptImage, OSError."""
        if self._makes_pdf:
            check_writable(self.output)
        pages = self._pages = PdfPages(self.source)
        beside = self.output.with_name(f"{self.output.name}.sidecars")
        return [
            Page(
                name=f"{self.name}/{pages.name(number)}",
                image=self._parts / f"{number:06}",
                read=partial(pages.read, number),
                **_sidecars(beside / pages.name(number)),
            )
            for number in range(pages.count)
        ]

    def finish(self, rows: Sequence[Row], ledger: Ledger) -> Finished:
        """Write the file; a page that failed goes in as it was, if it can be drawn at all."""
        assert self._pages is not None
        unfinished = ledger.new_file(self._parts.name)
        if self._makes_pdf:
            sized = ((data, size_pt) for _, data, size_pt in self._results(rows))
            write_pdf(unfinished, sized, title=self._pages.title)
        else:
            with unfinished.open("wb") as file, closing(ArchiveWriter(file)) as writer:
                for name, data, _ in self._results(rows):
                    writer.add(name, data)
        return Finished({self.output: ledger.place(unfinished, self.output)})

    @property
    def _makes_pdf(self) -> bool:
        return self.output.suffix.lower() == PDF

    def _results(self, rows: Sequence[Row]) -> Iterator[tuple[str, bytes, SizePt]]:
        """Name, file and size of each page that there is."""
        assert self._pages is not None
        for number, row in enumerate(rows):
            name = PurePosixPath(self._pages.name(number))
            with suppress(CorruptImage):
                if row.status != "failed":
                    data = (self._parts / f"{number:06}").read_bytes()
                    yield str(result_name(name, self._format)), data, self._pages.size_pt(number)
                else:
                    yield str(name), self._pages.read(number), self._pages.size_pt(number)

    def close(self) -> None:
        """Close the file."""
        if self._pages is not None:
            self._pages.close()

    def clean(self) -> None:
        """Remove the pages that the file was made of."""
        shutil.rmtree(self._parts, ignore_errors=True)


def _parts_folder(state: Path, name: str) -> Path:
    return state / "parts" / hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _sidecars(path: Path) -> dict[str, Path]:
    # The whole name, ending too: 1.png and 1.jpg may stand side by side.
    return {name: path.with_name(f"{path.name}.{name}.{kind}") for name, kind in (("mask", "png"), ("regions", "json"))}


def _endings() -> list[str]:
    return sorted({*ARCHIVES, PDF})


def _check_ending(source: Path, out: Path) -> None:
    """Refuse a name for `out` that promises a file of another kind than it would become; a folder may have any name."""
    ending = out.suffix.lower()
    if out.is_dir() or ending not in {*ARCHIVES, PDF}:
        return
    if source.is_dir():
        raise InvalidOption(f"{out}: a folder becomes a folder, not a {ending} file; expected the name of a folder")
    if ending == PDF and source.suffix.lower() != PDF:
        raise InvalidOption(
            f"{out}: only a PDF becomes a PDF; expected a folder, or one of {', '.join(sorted(ARCHIVES))}"
        )


def _check_places(source: Path, out: Path, chapters: Sequence[Chapter]) -> None:
    """Refuse what would lose something."""
    below, above = out.resolve(), source.resolve()
    if source.is_dir() and below.is_relative_to(above):
        raise InvalidOption(f"{out} lies in {source}; expected a place outside, or the results would be read as pages")
    sources = {path.resolve() for path in source.rglob("*")} if source.is_dir() else {above}
    places = [place for chapter in chapters for place in chapter.places]
    for place, times in Counter(path.resolve() for path in places).items():
        if place in sources:
            raise InvalidOption(f"{place} is an input; expected another place")
        if times > 1:
            raise InvalidOption(f"{times} results would be written to {place}; give the folders in turn")
