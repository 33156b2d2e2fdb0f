"""Directories of TIFF structures: read, patched, written."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from service.imaging.exif import (
    Field,
    count_directories,
    count_value_bytes,
    exif_block,
    fields_of,
    first_directory,
    orientation_of,
    resolution_block,
    with_orientation,
)


def block(order: str, orientation: int) -> bytes:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return head + struct.pack(f"{order}HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_read_and_set_in_both_byte_orders(order, orientation):
    """Intel or Motorola: the tag is read, and set to 1 without moving a byte."""
    data = block(order, orientation)

    assert orientation_of(data) == orientation
    assert with_orientation(data, 1) == block(order, 1)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "letter"), [(1, "B"), (3, "H"), (4, "I"), (13, "I")])
@pytest.mark.parametrize("count", [1, 3])
def test_orientation_is_set_in_whichever_integer_it_is_stored(order, kind, letter, count):
    """What is obeyed is also reset: one stored as LONG turned the picture and went along, to turn it again."""
    values = struct.pack(f"{order}{count}{letter}", *[6] * count)
    field = values.ljust(4, b"\0") if len(values) <= 4 else struct.pack(f"{order}I", 26)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IHHHI", 8, 1, 0x0112, kind, count)
    data = head + field + bytes(4) + values
    assert orientation_of(data) == 6

    upright = with_orientation(data, 1)

    assert orientation_of(upright) == 1
    assert len(upright) == len(data)


@pytest.mark.parametrize("nonsense", [0, 9, 65535])
def test_nonsense_orientation_is_upright(nonsense):
    """Only 1 to 8 mean a turn."""
    assert orientation_of(block("<", nonsense)) == 1


@given(st.binary(max_size=200))
def test_random_bytes_have_no_orientation_and_raise_nothing(data):
    """Whatever stands in an EXIF block, reading it raises nothing."""
    assert 1 <= orientation_of(b"II*\0" + data) <= 8
    assert len(with_orientation(b"MM\0*" + data, 3)) == len(data) + 4


def test_fields_survive_being_written_again():
    """Text, rationals and the directory below them are the same after reading and writing."""
    exif = PillowImage.Exif()
    exif[0x013B], exif[0x011A] = "an artist", 300.0
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0a comment"
    data = exif.tobytes()[6:]
    fields = fields_of(data, first_directory(data))

    again = exif_block(fields)

    assert fields_of(again, first_directory(again)) == fields
    read = PillowImage.Exif()
    read.load(again)
    assert (read[0x013B], read[0x011A]) == ("an artist", 300)
    assert read.get_ifd(0x8769)[0x9286].startswith(b"ASCII\0\0\0a comment")


@pytest.mark.parametrize(
    ("kind", "letter", "of_each"),
    [
        (1, "B", 1),
        (2, "c", 1),
        (3, "H", 1),
        (4, "I", 1),
        (5, "I", 2),
        (8, "h", 1),
        (10, "i", 2),
        (11, "f", 1),
        (12, "d", 1),
    ],
)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_fields_are_the_same_in_both_byte_orders(kind, letter, of_each, count):
    """Whoever writes them, Intel or Motorola: each value is turned by itself, and the field says the same."""
    values = [b"a"] * count if letter == "c" else list(range(3, 3 + count * of_each))
    found = []
    for order, sign in (("<", b"II*\0"), (">", b"MM\0*")):
        raw = struct.pack(f"{order}{len(values)}{letter}", *values)
        field = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(f"{order}I", 26)
        data = sign + struct.pack(f"{order}IHHHI", 8, 1, 40000, kind, count) + field + bytes(4) + raw
        found.append(fields_of(data, first_directory(data)))

    assert found[0] == found[1]
    assert found[0][40000].value == struct.pack(f"<{len(values)}{letter}", *values)


def chained(*following: int) -> bytes:
    """A TIFF structure of directories of one entry each, at 8, 26, 44 ...; `following` are the next of each."""
    return b"II*\0" + struct.pack("<I", 8) + b"".join(struct.pack("<HHHIII", 1, 270, 3, 1, 0, at) for at in following)


@pytest.mark.parametrize(
    ("following", "count"),
    [((0,), 1), ((26, 44, 0), 3), ((8,), 1), ((26, 8), 2), ((26, 44, 26), 3), ((26, 9999), 2), ((7,), 1)],
    ids=["one", "three", "names itself", "names the first", "names the second", "leads out", "leads into the head"],
)
def test_each_directory_is_counted_once(following, count):
    """Also where one leads back to another: a file of 16 kB was read 4096 times over, for eight seconds."""
    assert count_directories(chained(*following), at_most=100) == count


def test_directories_are_counted_no_further_than_asked():
    """Nobody needs to know how many more there are."""
    assert count_directories(chained(26, 44, 62, 0), at_most=2) == 2


def test_values_are_weighed_as_they_are_copied():
    """Those of the directories below, too, and the same bytes as often as they are named; what is cut off has none."""
    one, two = b"ab" * 20, b"c" * 30
    inner = {0x9286: Field(7, len(two), two)}
    data = exif_block({0x010E: Field(2, len(one), one), 0x8769: Field(4, 1, b"", inner)})
    shared = struct.pack("<HHIIHHII", 40000, 7, 60, 0, 40001, 7, 60, 0)
    twice = b"II*\0" + struct.pack("<IH", 8, 2) + shared + bytes(4) + bytes(22)

    assert count_value_bytes(data, first_directory(data)) == len(one) + len(two)
    assert count_value_bytes(twice, first_directory(twice)) == 120
    assert count_value_bytes(twice[:-1], first_directory(twice[:-1])) == 0


def test_resolution_block_says_dots_an_inch():
    """299.5 dpi across, 600 down, unit inch."""
    read = PillowImage.Exif()
    read.load(resolution_block((299.5, 600)))

    assert (float(read[282]), float(read[283]), read[296]) == (299.5, 600, 2)
