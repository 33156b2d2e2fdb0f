"""Directories of TIFF structures: read, patched, written."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from service.imaging.exif import (
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


def test_resolution_block_says_dots_an_inch():
    """299.5 dpi across, 600 down, unit inch."""
    read = PillowImage.Exif()
    read.load(resolution_block((299.5, 600)))

    assert (float(read[282]), float(read[283]), read[296]) == (299.5, 600, 2)
