"""What is finished already: a file that only grows, so that being killed at any moment loses one page at most."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from service.batch.report import Row
from service.errors import InvalidOption
from service.files import write_atomically

try:
    import fcntl
except ImportError:  # Windows: two batches that write to one place are not kept apart there
    fcntl = None  # type: ignore[assignment]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True)

    work: str
    key: str
    files: Mapping[str, str]
    rows: tuple[Row, ...]


class Ledger:
    """Finished work by name and key, kept in a folder of its own. Safe to use from several threads of one run."""

    def __init__(self, folder: Path) -> None:
        """Nothing is known before it is `held`; the results lie below the folder that `folder` stands in."""
        self.folder = folder
        self._file = folder / "ledger.jsonl"
        self._lock = threading.Lock()
        self._is_held = False
        self._entries: dict[str, _Entry] = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out of the folder, which is made; held already, it stays so until the outer one ends.

        Raises InvalidOption where another run is at work, OSError where the folder cannot be made.
        """
        if self._is_held:
            yield
            return
        with _alone_in(self.folder):
            self._is_held = True
            try:
                self._entries = dict(_entries_of(self._file))
                shutil.rmtree(self._unfinished, ignore_errors=True)  # of a run that was killed: none is at work now
                yield
            finally:
                self._is_held = False

    @property
    def _unfinished(self) -> Path:
        return self.folder / "unfinished"

    def __contains__(self, work: str) -> bool:
        """Whether `work` was ever finished, under whatever key."""
        return work in self._entries

    def find(self, work: str, key: str) -> tuple[Row, ...] | None:
        """The rows of `work` if it was finished under the same `key` and its files are still what they were."""
        entry = self._entries.get(work)
        if entry is None or entry.key != key:
            return None
        same = all(_is_same(self.folder.parent / path, digest) for path, digest in entry.files.items())
        return entry.rows if same else None

    def files_of(self, work: str) -> dict[Path, str]:
        """The files of finished `work`, with their digests."""
        return {self.folder.parent / path: digest for path, digest in self._entries[work].files.items()}

    def write(self, path: Path, data: bytes) -> str:
        """Write a result whole or not at all; its digest, for `note`."""
        self._unfinished.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data, by=self._unfinished)
        return hashlib.sha256(data).hexdigest()

    def place(self, unfinished: Path, path: Path) -> str:
        """Move a result that was written into `new_file()` to its place; its digest, for `note`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = _digest(unfinished)
        unfinished.replace(path)
        return digest

    def new_file(self, name: str) -> Path:
        """A place for a result that is written in pieces; thrown away by the next run if it is never finished."""
        self._unfinished.mkdir(parents=True, exist_ok=True)
        return self._unfinished / name

    def note(self, work: str, key: str, files: Mapping[Path, str], rows: Sequence[Row]) -> None:
        """Remember that `work` is finished: its files with their digests, and what to report."""
        base = self.folder.parent
        placed = {str(path.relative_to(base)): digest for path, digest in files.items()}
        entry = _Entry(work=work, key=key, files=placed, rows=(*rows,))
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock:
            # A line begins anew even where the last one was cut off by the end of a process.
            with self._file.open("ab") as file:
                file.write(b"\n" + entry.model_dump_json().encode("utf-8") + b"\n")
            self._entries[work] = entry


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Lock the folder by a file in it, which stays: the lock ends with its process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "lock"
    with lock.open("ab") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise InvalidOption(f"{lock} is held; wait until the other run ends, or stop it") from exc
            except OSError:
                pass  # a file system that knows no locks: as on Windows
        yield


def _entries_of(file: Path) -> Iterator[tuple[str, _Entry]]:
    if not file.exists():
        return
    for line in file.read_bytes().splitlines():
        try:
            entry = _Entry.model_validate_json(line)
        except ValidationError:  # the line that was being written when the process was killed
            continue
        yield entry.work, entry


def _is_same(path: Path, digest: str) -> bool:
    return path.is_file() and _digest(path) == digest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
