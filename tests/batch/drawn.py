"""Chapters drawn for the tests: pages of several kinds, sizes and formats, each unlike any other."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from tests import pages
from tests.fakes import saved

FORMATS = (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"), ("bmp", "BMP"))


def drawn_page(number: int) -> tuple[str, bytes]:
    """Name and bytes of a small page: paper, gradient, tone or noise, with its number on it."""
    height, width = 96 + 16 * (number % 3), 112 + 16 * (number % 4)
    ground = (
        pages.blank(height, width),
        pages.gradient(height, width),
        pages.tone(height, width),
        pages.noise(height, width, seed=number) // 4 + 190,
    )[number // 4 % 4]
    page = pages.lettered(ground, (f"No{number}", 14, 40), ("text", 14, 80))
    ending, pillow_format = FORMATS[number % 4]
    return f"{number:04}.{ending}", saved(PillowImage.fromarray(page.image), pillow_format)


def draw_folder(folder: Path, count: int) -> None:
    """`count` pages, spread over folders of three depths and two archives."""
    groups: dict[str, list[tuple[str, bytes]]] = {}
    for number in range(count):
        place = ("", "one", "one/two", "chapter.cbz", "deep/er.zip")[number % 5]
        groups.setdefault(place, []).append(drawn_page(number))
    for place, drawn in groups.items():
        path = folder / place
        if path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive(*drawn))
            continue
        path.mkdir(parents=True, exist_ok=True)
        for name, data in drawn:
            (path / name).write_bytes(data)


def archive(*members: tuple[str, bytes]) -> bytes:
    """A ZIP file of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as writer:
        for name, data in members:
            writer.writestr(name, data)
    return file.getvalue()


def damaged(data: bytes, words: bytes) -> bytes:
    """The archive with one bit of the first `words` in it turned over, so that their file's checksum is wrong."""
    at = data.index(words)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def streamed(data: bytes) -> dict[str, bytes]:
    """The members of an archive, as one reads them who goes from front to back and knows nothing of the directory."""
    members: dict[str, bytes] = {}
    at = 0
    while data.startswith(b"PK\x03\x04", at):
        header = struct.unpack_from("<5H3I2H", data, at + 4)
        _, flags, packing, _, _, crc, packed_bytes, size, name_bytes, extra_bytes = header
        assert not flags & 8, "sizes come after the bytes"
        start = at + 30 + name_bytes + extra_bytes
        name = data[at + 30 : at + 30 + name_bytes].decode()
        at = start + packed_bytes
        content = data[start:at] if packing == zipfile.ZIP_STORED else zlib.decompress(data[start:at], -zlib.MAX_WBITS)
        assert (len(content), zlib.crc32(content)) == (size, crc), name
        members[name] = content
    assert data.startswith(b"PK\x01\x02", at), "the directory follows"
    return members


def contents(folder: Path) -> dict[str, bytes]:
    """Every result below `folder` by its path, those in archives too; the batch's own files left out."""
    return dict(_contents(folder))


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or name.startswith(".") or name == "report.json":
            continue
        if path.suffix in {".cbz", ".zip"}:
            with zipfile.ZipFile(path) as reader:
                for member in reader.namelist():
                    yield f"{name}/{member}", reader.read(member)
        else:
            yield name, path.read_bytes()


def is_whole(data: bytes) -> bool:
    """Whether another decoder than ours reads the picture to its end."""
    with PillowImage.open(io.BytesIO(data)) as image:
        return bool(np.asarray(image.convert("RGB")).size)
