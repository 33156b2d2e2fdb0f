"""Archives of strangers: the hostile ones are refused with their reason, before anything in them is unpacked."""

from __future__ import annotations

import io
import random
import re
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest

from service.batch.archives import OTHERS, PIECE_BYTES, Archive, ArchiveLimits, ArchiveStream
from service.errors import ArchiveRefused, CorruptImage, NotAnArchive
from tests.batch.drawn import streamed
from tests.fakes import picture

MIB = 1024 * 1024


def archive_of(*members: tuple[str | zipfile.ZipInfo, bytes], packing: int = zipfile.ZIP_STORED) -> io.BytesIO:
    """A ZIP file of these members, whatever their names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, data in members:
            archive.writestr(name, data, compress_type=packing)
    return file


def of_kind(name: str, kind: int) -> zipfile.ZipInfo:
    """A member that says it is a link, a pipe, a device."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info


def with_null(name: str) -> zipfile.ZipInfo:
    """A name that ends earlier for those who write C."""
    info = zipfile.ZipInfo("x")
    info.filename = name
    return info


def encrypted() -> io.BytesIO:
    """Says that its page is encrypted."""
    data = bytearray(archive_of(("1.png", b"x")).getvalue())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    return io.BytesIO(bytes(data))


def forged(data: bytes, declared: int, packing: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    """One page whose directory entry, and local header, give another size than it has."""
    file = bytearray(archive_of(("1.png", data), packing=packing).getvalue())
    struct.pack_into("<I", file, file.rfind(b"PK\x01\x02") + 24, declared)
    struct.pack_into("<I", file, 22, declared)
    return io.BytesIO(bytes(file))


def sharing() -> io.BytesIO:
    """Two directory entries for the same bytes."""
    file = archive_of(("1.png", b"x" * 100), ("2.png", b"y" * 100)).getvalue()
    entry = file.rfind(b"PK\x01\x02")
    data = bytearray(file)
    struct.pack_into("<I", data, entry + 42, 0)
    return io.BytesIO(bytes(data))


def crowded(count: int) -> io.BytesIO:
    """An archive of so many empty members, made by hand: it takes zipfile seconds."""
    names = [f"{number:06}.png".encode() for number in range(count)]
    local = b"PK\x03\x04" + struct.pack("<5H3I2H", 20, 0, 0, 0, 33, 0, 0, 0, 10, 0)
    entry = struct.Struct("<4s6H3I5H2I")
    size = len(local) + 10
    body = b"".join(local + name for name in names)
    directory = b"".join(
        entry.pack(b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 10, 0, 0, 0, 0, 0, number * size) + name
        for number, name in enumerate(names)
    )
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count % 65536, count % 65536, len(directory), len(body), 0)
    return io.BytesIO(body + directory + end)


HOSTILE: dict[str, tuple[Callable[[], io.BytesIO], str]] = {
    "traversal": (lambda: archive_of(("../evil.png", b"x")), "leads out of its folder"),
    "traversal inside": (lambda: archive_of(("a/../../evil.png", b"x")), "leads out of its folder"),
    "traversal by backslash": (lambda: archive_of(("..\\evil.png", b"x")), "leads out of its folder"),
    "a folder that leads out": (lambda: archive_of(("../evil/", b"")), "leads out of its folder"),
    "absolute": (lambda: archive_of(("/etc/evil.png", b"x")), "absolute path"),
    "absolute by drive": (lambda: archive_of(("C:\\evil.png", b"x")), "absolute path"),
    "absolute by share": (lambda: archive_of(("\\\\host\\evil.png", b"x")), "absolute path"),
    "control characters": (lambda: archive_of((with_null("a\nb.png"), b"x")), "control characters"),
    "empty part": (lambda: archive_of(("a//b.png", b"x")), "not a plain path"),
    "long name": (lambda: archive_of(("a" * 300 + ".png", b"x")), "too long"),
    "link": (lambda: archive_of((of_kind("1.png", stat.S_IFLNK), b"/etc/passwd")), "is a link"),
    "pipe": (lambda: archive_of((of_kind("1.png", stat.S_IFIFO), b"")), "neither a file nor a folder"),
    "encrypted": (encrypted, "is encrypted"),
    "bomb by ratio": (lambda: archive_of(("1.bmp", bytes(30 * MIB)), packing=zipfile.ZIP_DEFLATED), ":1"),
    "forged size": (lambda: forged(bytes(range(256)) * 40, 100, zipfile.ZIP_STORED), "forged size"),
    "shared bytes": (sharing, "shares its bytes"),
    "nested": (lambda: archive_of(("b.zip", archive_of(("1.png", b"x")).getvalue())), "an archive itself"),
    "nested in disguise": (lambda: archive_of(("b.txt", b"Rar!\x1a\x07\x00")), "an archive itself"),
    "twice": (lambda: archive_of(("1.png", b"x"), ("1.PNG", b"y")), "twice"),
    "another packing": (lambda: archive_of(("1.png", b"x" * 99), packing=zipfile.ZIP_LZMA), "stored or deflated"),
    "100,000 members": (lambda: crowded(100_000), "100000 members"),
    "a directory without end": (lambda: crowded(160_000), "directory has"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_with_its_reason(kind: str) -> None:
    """Traversal, absolute paths, links, bombs, forgeries, crowds, archives in archives: each by its own words."""
    make, reason = HOSTILE[kind]

    with pytest.raises(ArchiveRefused, match=reason):
        Archive(make())


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (ArchiveLimits(max_members=1), "2 members"),
        (ArchiveLimits(max_member_bytes=99), "at most 99"),
        (ArchiveLimits(max_total_bytes=199), "200 bytes unpacked"),
    ],
)
def test_an_archive_over_a_limit_is_refused(limits: ArchiveLimits, reason: str) -> None:
    """By members, by the size of one, by the size of all: what was seen and what is allowed."""
    with pytest.raises(ArchiveRefused, match=reason):
        Archive(archive_of(("1.png", b"x" * 100), ("2.png", b"y" * 100)), limits)


@pytest.mark.parametrize(("start", "title"), OTHERS.items(), ids=OTHERS.values())
def test_archives_of_another_kind_are_called_by_their_name(start: bytes, title: str) -> None:
    """Who has a CBR reads that it is one, and what to make of it."""
    with pytest.raises(NotAnArchive, match=re.escape(f"The file is {title}; expected ZIP or CBZ.")):
        Archive(io.BytesIO(start + bytes(100)))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"PK\x05\x06" + bytes(17), archive_of(("1.png", b"x")).getvalue()[:-9]]
)
def test_what_is_no_archive_is_called_that(data: bytes) -> None:
    """Empty, text, cut off."""
    with pytest.raises(NotAnArchive):
        Archive(io.BytesIO(data))


@pytest.mark.parametrize(("data", "declared"), [(bytes(100 * MIB), 900_000), (b"ab" * 400, 1000)])
def test_a_page_of_another_size_than_declared_is_never_unpacked_whole(data: bytes, declared: int) -> None:
    """The bomb behind a small number: reading it takes the memory that it declares, and says that it is damaged."""
    with Archive(forged(data, declared)) as archive:
        tracemalloc.start()
        with pytest.raises(CorruptImage, match=r"1\.png"):
            archive.read(archive.members[0])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peak < 8 * MIB


def test_members_are_read_in_their_order_under_their_names() -> None:
    """Not sorted; folders of their own are left out, backslashes read as slashes; what is no page is told apart."""
    members = [("b/2.png", picture()), ("b/", b""), ("a\\1.JPG", b"x"), ("ComicInfo.xml", b"<a/>"), ("._b.png", b"m")]

    with Archive(archive_of(*members)) as archive:
        assert [(member.name, member.is_image) for member in archive.members] == [
            ("b/2.png", True),
            ("a/1.JPG", True),
            ("ComicInfo.xml", False),
            ("._b.png", False),
        ]
        assert archive.read(archive.members[0]) == picture()


def silent(*names: bytes) -> io.BytesIO:
    """An archive of members whose names do not say their encoding, as old Windows programs write them."""
    stand_ins = [f"{number:0{len(name)}}" for number, name in enumerate(names)]
    data = archive_of(*[(stand_in, b"x") for stand_in in stand_ins]).getvalue()
    for stand_in, name in zip(stand_ins, names, strict=True):
        data = data.replace(stand_in.encode(), name)
    return io.BytesIO(data)


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["第01話/表紙.png", "第01話/ソ.png", "第01話/001.png"], "cp932"),
        (["カラー.png"], "cp932"),
        (["Глава 1/001.png", "été.png", "第1話.png"], "utf-8"),
        (["España/Müller.png", "Françoise.png", "Ünder.png", "größe.png", "été.png"], "cp437"),
        (["1.png"], "cp437"),
    ],
)
def test_names_that_do_not_say_their_encoding_are_read_as_they_were_meant(names: list[str], encoding: str) -> None:
    """Shift-JIS of Japanese archives, backslashes inside letters too; UTF-8 without its flag; western names by rule."""
    with Archive(silent(*[name.encode(encoding) for name in names])) as archive:
        assert [member.name for member in archive.members] == names
        assert [archive.read(member) for member in archive.members] == [b"x"] * len(names)


def test_a_traversal_in_shift_jis_is_refused() -> None:
    """Names are checked as they are used, whatever their encoding."""
    with pytest.raises(ArchiveRefused, match="leads out of its folder"):
        Archive(silent("表紙/../../悪.png".encode("cp932")))


def test_a_member_whose_own_header_cannot_be_read_is_damaged() -> None:
    """Its name is UTF-8 in the directory and something else in front of its bytes: no page, and no crash."""
    data = bytearray(archive_of(("頁.png", b"x"), ("頁.txt", b"x")).getvalue())
    for name in ("頁.png", "頁.txt"):
        place = data.index(name.encode())
        data[place] = 0xFF

    with pytest.raises(ArchiveRefused, match="not what the archive's directory says"):
        Archive(io.BytesIO(bytes(data)))
    with Archive(io.BytesIO(bytes(data).replace(b".txt", b".gif"))) as archive, pytest.raises(CorruptImage):
        archive.read(archive.members[0])


def test_an_archive_that_is_sent_can_be_read_as_it_comes() -> None:
    """Java's ZipInputStream refused it: sizes stood behind the bytes of stored members, and in the directory."""
    text, page = b"<a/>" * PIECE_BYTES, random.Random(7).randbytes(2 * PIECE_BYTES)
    with Archive(archive_of(("1.png", page), ("a.txt", text), packing=zipfile.ZIP_DEFLATED)) as source:
        stream = ArchiveStream()
        sent = [stream.add("new.webp", page, source.members[0]), stream.add("new.txt", text, source.members[1])]
        for member in source.members:
            pieces = [*stream.copy(source, member)]
            assert max(map(len, pieces)) <= PIECE_BYTES
            sent += pieces
        sent += [stream.add("empty", b""), stream.close()]

    members = streamed(b"".join(sent))

    assert members == {"new.webp": page, "new.txt": text, "1.png": page, "a.txt": text, "empty": b""}
    with zipfile.ZipFile(io.BytesIO(b"".join(sent))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == members
        assert archive.getinfo("a.txt").compress_size < 10_000


def test_an_archive_is_sent_while_it_is_written() -> None:
    """Each file's bytes come at once; together they are an archive with names, order and dates kept."""
    dated = zipfile.ZipInfo("2.png", (2001, 2, 3, 4, 5, 6))
    with Archive(archive_of((dated, b"old"), ("1.png", b"older"))) as source:
        stream = ArchiveStream()
        pieces = [stream.add(member.name, b"new " + source.read(member), member) for member in source.members]
        pieces.append(stream.close())

    assert all(b"new " in piece for piece in pieces[:2])
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["2.png", "1.png"]
        assert archive.read("2.png") == b"new old"
        assert archive.getinfo("2.png").date_time == (2001, 2, 3, 4, 5, 6)
