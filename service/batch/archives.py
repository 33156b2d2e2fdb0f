"""ZIP and CBZ files: those of strangers are checked before anything in them is read; nothing is ever extracted."""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import TracebackType
from typing import IO, TYPE_CHECKING, BinaryIO, Self

from service.errors import ArchiveRefused, CorruptImage, NotAnArchive
from service.files import SUFFIXES

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ARCHIVES = frozenset({".zip", ".cbz"})
"""Endings of the archives that are read."""
OTHERS = {
    b"Rar!\x1a\x07": "a RAR archive (CBR)",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive (CB7)",
    b"\x1f\x8b": "packed by gzip",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ\x00": "packed by xz",
}
"""First bytes of archives and packed files that are not read."""
NESTED = (b"PK\x03\x04", b"PK\x05\x06", *OTHERS)
PACKINGS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
DRIVE = re.compile(r"[A-Za-z]:")
UTF8_NAME = 0x800
"""Flag of a member whose name says that it is UTF-8."""
BETWEEN_LETTERS = re.compile(r"[A-Za-z][^\x00-\x7f]+[A-Za-z]")
HALF_WIDTH = re.compile(r"[\uff61-\uff9f\ue000-\uf8ff]")
"""Half-width katakana, and what is nobody's: what other alphabets look like, read as Shift-JIS."""
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    UnicodeError,  # a member's own header, whose name is not the encoding that it says
)
"""What zipfile raises while it reads a member."""
MAX_NAME_CHARACTERS = 1000
MAX_PART_BYTES = 255
DIRECTORY_BYTES = 8 * 1024 * 1024
"""So much of a file is read to find its members; a directory of 100,000 is larger."""
SMALL_BYTES = 1024 * 1024
"""Members up to this size may be packed as well as they like: plain pages are."""
PIECE_BYTES = 256 * 1024
"""Members that are too large to be held are copied so many bytes at a time."""
MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may be."""

    max_members: int = 10_000
    max_member_bytes: int = 512 * MIB
    """Unpacked size of one member."""
    max_total_bytes: int = 16 * GIB
    """Unpacked size of all members."""
    max_ratio: int = 200
    """Unpacked over packed size of a member larger than 1 MiB, and of the whole."""


@dataclass(frozen=True)
class Member:
    """One file in an archive."""

    name: str
    """With `/` between folders; relative, and below the archive."""
    info: zipfile.ZipInfo

    @property
    def path(self) -> PurePosixPath:
        """The name, by its parts."""
        return PurePosixPath(self.name)

    @property
    def is_image(self) -> bool:
        """Whether it is a page, by its name; what a Mac leaves beside a page is none."""
        hidden = self.path.name.startswith(".") or "__MACOSX" in self.path.parts
        return self.path.suffix.lower() in SUFFIXES and not hidden


class Archive:
    """A checked archive. Members may be read from several threads."""

    def __init__(self, file: BinaryIO, limits: ArchiveLimits | None = None) -> None:
        """Check everything that can be checked before unpacking.

        Raises NotAnArchive if `file` is no ZIP file, ArchiveRefused, with the reason, if it is a hostile one.
        """
        frugal = _Frugal(file)
        try:
            self._zip = zipfile.ZipFile(frugal)
            encoding = _encoding_of(self._zip.infolist())
            if encoding is not None:
                self._zip = zipfile.ZipFile(frugal, metadata_encoding=encoding)
        except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, UnicodeError) as exc:
            file.seek(0)
            start = file.read(8)
            for magic, title in OTHERS.items():
                if start.startswith(magic):
                    raise NotAnArchive(f"The file is {title}; expected ZIP or CBZ.") from exc
            raise NotAnArchive(f"The file is not a ZIP or CBZ archive: {exc}.") from exc
        except OSError as exc:  # a directory that points before the file's begin
            raise NotAnArchive("The file is not a ZIP or CBZ archive: its directory cannot be read.") from exc
        frugal.opened = True
        infos = self._zip.infolist()
        _check_sizes(infos, limits or ArchiveLimits())
        _check_places(infos)
        self.members: tuple[Member, ...] = tuple(Member(_checked_name(info), info) for info in infos if _is_file(info))
        """The files, in the archive's own order."""
        _check_unique(self.members)
        for member in self.members:
            if not member.is_image:
                self._check_not_nested(member)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the archive; the file that it was made on stays open."""
        self._zip.close()

    def read(self, member: Member) -> bytes:
        """The member's bytes: as many as the directory says. Raises CorruptImage if it holds something else."""
        size = member.info.file_size
        try:
            with self._zip.open(member.info) as stream:
                # One byte more than it may have: a `read` without a number would unpack the whole bomb first.
                data = stream.read(size + 1)
        except UNREADABLE as exc:
            raise CorruptImage(f"{member.name} is not what the archive's directory says: {exc}.") from exc
        _check_length(member, len(data))
        return data

    def pieces(self, member: Member) -> Iterator[bytes]:
        """The member's bytes, PIECE_BYTES at a time. Raises CorruptImage as `read` does, perhaps after the last one."""
        length = 0
        try:
            with self._zip.open(member.info) as stream:
                while length <= member.info.file_size and (piece := stream.read(PIECE_BYTES)):
                    length += len(piece)
                    yield piece
        except UNREADABLE as exc:
            raise CorruptImage(f"{member.name} is not what the archive's directory says: {exc}.") from exc
        _check_length(member, length)

    def packed_pieces(self, member: Member) -> Iterator[bytes]:
        """The member's bytes as they are packed, PIECE_BYTES at a time. Raises CorruptImage as `pieces` does."""
        info = copy(member.info)
        info.compress_type, info.file_size = zipfile.ZIP_STORED, info.compress_size
        del info.CRC  # that of the unpacked bytes
        yield from self.pieces(Member(member.name, info))

    def check(self, member: Member) -> None:
        """Read the member through, and keep nothing of it. Raises CorruptImage as `read` does."""
        for _ in self.pieces(member):
            pass

    def _check_not_nested(self, member: Member) -> None:
        try:
            with self._zip.open(member.info) as stream:
                start = stream.read(8)
        except UNREADABLE as exc:
            raise ArchiveRefused(f"{member.name} is not what the archive's directory says: {exc}.") from exc
        if start.startswith(NESTED):
            raise ArchiveRefused(f"{member.name} is an archive itself; unpack it first.")


class ArchiveWriter:
    """Writes an archive member by member, into a file or into pieces that are sent as they come."""

    def __init__(self, file: BinaryIO | Outlet) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)

    def add(self, name: str, data: bytes, like: Member | None = None) -> None:
        """Add a file: with the date of `like`, packed as that was unless it is a picture, which is packed already."""
        packed = like is not None and not like.is_image and like.info.compress_type == zipfile.ZIP_DEFLATED
        self._zip.writestr(_info(name, like), data, zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)

    def open(self, info: zipfile.ZipInfo) -> IO[bytes]:
        """Where to write a file that `info` tells of."""
        return self._zip.open(info, "w")

    def close(self) -> None:
        """Write the directory; without it nobody can read the archive."""
        self._zip.close()


def _info(name: str, like: Member | None) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0) if like is None else like.info.date_time)
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


def _describe(info: zipfile.ZipInfo, member: Member) -> None:
    """Say how `member` is packed, as its own directory does."""
    info.compress_type, info.CRC = member.info.compress_type, member.info.CRC
    info.compress_size, info.file_size = member.info.compress_size, member.info.file_size


class Outlet(io.RawIOBase):
    """What a ZipFile writes to when there is no file: whole writes are kept, uncopied, by where they stand.

    Until they are taken a write at the same place replaces them. So sizes stand before the files, where every reader
    of archives looks for them, and those find them who read from front to back.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pieces: dict[int, bytes] = {}
        self._at = 0
        self._taken_bytes = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, to where a write began or ended."""
        return True

    def tell(self) -> int:
        """Where the next write goes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to where a write began, or to the end of the last one."""
        assert whence == io.SEEK_SET
        self._at = offset
        return offset

    def write(self, data: ReadableBuffer) -> int:
        """Keep `data`, unless what stands there was taken already, and with it the right to change it."""
        written = bytes(data)  # of bytes this is no copy
        if self._at >= self._taken_bytes:
            self._pieces[self._at] = written
        self._at += len(written)
        return len(written)

    def take(self) -> list[bytes]:
        """Everything written since the last time, in order."""
        pieces = [piece for _, piece in sorted(self._pieces.items())]
        self._taken_bytes += sum(map(len, pieces))
        self._pieces = {}
        return pieces


class ArchiveStream:
    """An archive that is sent while it is written, and can be read while it is sent."""

    def __init__(self) -> None:
        self._outlet = Outlet()
        self._writer = ArchiveWriter(self._outlet)

    def add(self, name: str, data: bytes, like: Member | None = None) -> bytes:
        """Add a file; the bytes to send."""
        self._writer.add(name, data, like)
        return self._take()

    def copy(self, archive: Archive, member: Member) -> Generator[bytes, None, None]:
        """Copy a sound member of another archive, as it is packed there; the bytes to send, piece by piece.

        It is not held, so that its header goes out first: it says what the other archive's directory says.
        Raises CorruptImage where the bytes cannot be read; whether they are sound is for `check` to say.
        """
        info = _info(member.name, member)
        info.file_size = member.info.compress_size  # to zipfile it is a stored file, as it is packed already
        with self._writer.open(info) as file:
            _describe(info, member)
            self._outlet.seek(info.header_offset)
            self._outlet.write(info.FileHeader(zip64=False))
            yield self._take()
            for piece in archive.packed_pieces(member):
                file.write(piece)
                yield self._take()
        _describe(info, member)  # for the directory: closed, the file was described as a stored one

    def close(self) -> bytes:
        """The last bytes to send; nothing the second time."""
        self._writer.close()
        return self._take()

    def _take(self) -> bytes:
        return b"".join(self._outlet.take())


class _Frugal:
    """A file that ZipFile reads a bounded part of to find its members, and as it likes from then on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.opened = False
        self.seekable = file.seekable
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        if not self.opened and size > DIRECTORY_BYTES:
            raise ArchiveRefused(f"The archive's directory has {size} bytes; at most {DIRECTORY_BYTES} are read.")
        return self._file.read(size)


def _encoding_of(infos: Sequence[zipfile.ZipInfo]) -> str | None:
    """The encoding of names that do not say theirs: UTF-8 or Shift-JIS where all of them are; None is cp437, the rule.

    The last byte of a Shift-JIS letter may be a backslash, so that read by the rule such a name would be another path.
    """
    silent = [info.orig_filename for info in infos if not info.flag_bits & UTF8_NAME]
    raw = b"\n".join(name.encode("cp437") for name in silent if not name.isascii())
    for encoding, is_likely in (("utf-8", bool), ("cp932", _looks_japanese)):
        with suppress(UnicodeDecodeError):
            if is_likely(raw.decode(encoding)):
                return encoding
    return None


def _looks_japanese(names: str) -> bool:
    """Whether names that can be read as Shift-JIS are likely to be that.

    Accents of western names come one at a time, between letters, and swallow the letter after them.
    """
    pairs = [letter.encode("cp932") for letter in names if not letter.isascii()]
    return (
        any(len(pair) == 2 and pair[1] >= 0x80 for pair in pairs)
        and not HALF_WIDTH.search(names)
        and not BETWEEN_LETTERS.search(names)
    )


def _check_sizes(infos: Sequence[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    if len(infos) > limits.max_members:
        raise ArchiveRefused(f"The archive has {len(infos)} members; at most {limits.max_members} are accepted.")
    for info in infos:
        name = info.filename[:100]
        if info.file_size > limits.max_member_bytes:
            raise ArchiveRefused(
                f"{name} has {info.file_size} bytes unpacked; at most {limits.max_member_bytes} are accepted."
            )
        if info.file_size > SMALL_BYTES and info.file_size > limits.max_ratio * info.compress_size:
            raise ArchiveRefused(
                f"{name} is packed {info.file_size // max(1, info.compress_size)}:1; "
                f"at most {limits.max_ratio}:1 is accepted."
            )
        if info.compress_size > info.file_size + info.file_size // 8 + 1024:
            raise ArchiveRefused(f"{name} has {info.compress_size} packed bytes for {info.file_size}: a forged size.")
    total = sum(info.file_size for info in infos)
    if total > limits.max_total_bytes:
        raise ArchiveRefused(f"The archive has {total} bytes unpacked; at most {limits.max_total_bytes} are accepted.")


def _check_length(member: Member, length: int) -> None:
    if length != member.info.file_size:
        raise CorruptImage(f"{member.name} has {length} bytes; the archive's directory says {member.info.file_size}.")


def _check_places(infos: Sequence[zipfile.ZipInfo]) -> None:
    """Members that share bytes are the trick of a bomb without a ratio."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise ArchiveRefused(f"{info.filename[:100]} shares its bytes with another member.")
        end = info.header_offset + 30 + len(info.filename) + info.compress_size


def _is_file(info: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)
    name = info.filename[:100]
    if kind == stat.S_IFLNK:
        raise ArchiveRefused(f"{name} is a link.")
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise ArchiveRefused(f"{name} is neither a file nor a folder.")
    if info.is_dir():
        _checked_name(info)
        return False
    if info.flag_bits & 1:
        raise ArchiveRefused(f"{name} is encrypted.")
    if info.compress_type not in PACKINGS:
        raise ArchiveRefused(f"{name} is packed by method {info.compress_type}; expected stored or deflated.")
    return True


def _checked_name(info: zipfile.ZipInfo) -> str:
    """The member's name with `/` between folders. Raises ArchiveRefused where it could lead out of a folder."""
    if "\0" in info.orig_filename or any(ord(letter) < 32 for letter in info.filename):
        raise ArchiveRefused(f"{info.filename[:100]!r} has control characters in its name.")
    name = info.filename.replace("\\", "/")
    parts = name.rstrip("/").split("/")
    if name.startswith("/") or DRIVE.match(name):
        raise ArchiveRefused(f"{name[:100]} is an absolute path.")
    if ".." in parts:
        raise ArchiveRefused(f"{name[:100]} leads out of its folder.")
    if not name or "" in parts or "." in parts:
        raise ArchiveRefused(f"{name[:100]!r} is not a plain path.")
    if len(name) > MAX_NAME_CHARACTERS or any(len(part.encode("utf-8", "replace")) > MAX_PART_BYTES for part in parts):
        raise ArchiveRefused(f"{name[:100]}... is too long a name.")
    return name


def _check_unique(members: Sequence[Member]) -> None:
    seen: set[str] = set()
    for member in members:
        name = member.name.casefold()  # as a file system sees it that knows no case
        if name in seen:
            raise ArchiveRefused(f"{member.name[:100]} stands in the archive twice.")
        seen.add(name)
