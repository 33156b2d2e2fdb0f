"""Luma, inks and profiles."""

from __future__ import annotations

import io
import itertools
import struct

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms

from service.imaging import codec
from service.imaging.colour import Press, colour_space, gray_to_srgb, luma


def lut8(clut: np.ndarray, inputs: int, outputs: int, grid: int) -> bytes:
    """A `mft1` tag of ICC.1:2022, 10.11, with straight curves: `clut` has one row a grid point."""
    straight = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    head = b"mft1\0\0\0\0" + bytes([inputs, outputs, grid, 0]) + matrix
    return head + straight * inputs + np.rint(clut).clip(0, 255).astype(np.uint8).tobytes() + straight * outputs


def as_lab(rgb: np.ndarray) -> np.ndarray:
    """`(N, 3)` colours, 0..1, in the 8-bit Lab encoding of ICC."""
    lab = cv2.cvtColor(rgb.astype(np.float32)[None], cv2.COLOR_RGB2LAB)[0]
    return np.asarray(lab * (2.55, 1, 1) + (0, 128, 128))


def press_profile() -> bytes:
    """A made-up press with dull inks: each takes 80 % of its light, not all of it, as the plain formula says."""
    inks = np.array(list(itertools.product(range(9), repeat=4)), np.float64) / 8
    light = 1 - inks[:, :3] * 0.8
    seen = as_lab(light * (1 - 0.9 * inks[:, 3:]))
    grid = np.array(list(itertools.product(range(9), repeat=3)), np.float64) * 255 / 8
    lab = ((grid - (0, 128, 128)) / (2.55, 1, 1)).astype(np.float32)
    rgb = cv2.cvtColor(lab[None], cv2.COLOR_LAB2RGB)[0].clip(0, 1)
    back = np.concatenate([((1 - rgb) / 0.8).clip(0, 1) * 255, np.zeros((len(rgb), 1))], axis=1)
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 6) + b"press\0" + b"\0" * 79,
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
        b"A2B0": lut8(seen, 4, 3, 9),
        b"B2A0": lut8(back, 3, 4, 9),
    }
    place, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        padded = value + b"\0" * (-len(value) % 4)
        table += name + struct.pack(">II", place + len(body), len(value))
        body += padded
    head = bytearray(128)
    struct.pack_into(">I4sI4s4s4s", head, 0, place + len(body), b"\0\0\0\0", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head[36:40] = b"acsp"
    struct.pack_into(">3i", head, 68, 63190, 65536, 54061)
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def test_luma_of_gray_is_the_gray_itself():
    """A gray pixel keeps its level exactly, all 256 of them."""
    levels = np.arange(256, dtype=np.uint8)

    assert np.array_equal(luma(np.repeat(levels[None, :, None], 3, axis=2))[0], levels)


def test_plain_inks_show_every_colour_that_they_were_made_for():
    """Without a profile, RGB to inks and back is within 2 levels for any colour; white is paper, black is black."""
    colours = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    colours[0, 0], colours[0, 1] = 255, 0

    inks = Press(None).find_inks(colours)

    assert np.abs(Press(None).show(inks).astype(int) - colours).max() <= 2
    assert inks[0, 0].tolist() == [0, 0, 0, 0]
    assert inks[0, 1].tolist() == [0, 0, 0, 255]


def test_inks_are_seen_through_their_profile():
    """With a profile full cyan looks as the press prints it, not as the plain formula says."""
    cyan = np.zeros((1, 1, 4), np.uint8)
    cyan[..., 0] = 255

    plain = Press(None).show(cyan)[0, 0].astype(int)
    printed = Press(press_profile()).show(cyan)[0, 0].astype(int)

    assert plain.tolist() == [0, 255, 255]
    assert printed[0] > 30


def test_paper_is_white_through_a_profile():
    """Bare paper is shown pure white, and white is printed as bare paper."""
    paper = np.zeros((2, 2, 4), np.uint8)

    assert (Press(press_profile()).show(paper) == 255).all()
    assert Press(press_profile()).find_inks(np.full((2, 2, 3), 255, np.uint8)).max() <= 1


def test_a_damaged_profile_is_as_good_as_none():
    """A profile that cannot be used leaves the plain formula."""
    inks = np.full((2, 2, 4), 60, np.uint8)
    broken = press_profile()[:200] + b"\xff" * 300

    assert np.array_equal(Press(broken).show(inks), Press(None).show(inks))
    assert np.array_equal(Press(b"junk").show(inks), Press(None).show(inks))


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk_file_with_a_profile_is_filled_through_it(kind):
    """A colour asked for inside the mask is what the profile shows there afterwards; the profile stays in the file."""
    inks = np.full((40, 48, 4), (40, 30, 20, 0), np.uint8)
    inks[10:20, 10:30] = (0, 0, 0, 255)
    buffer = io.BytesIO()
    PillowImage.fromarray(inks, mode="CMYK").save(buffer, kind, icc_profile=press_profile())
    picture = codec.decode(buffer.getvalue(), max_pixels=10_000)
    mask = np.zeros((40, 48), np.uint8)
    mask[8:24, 8:32] = 255

    encoded = codec.encode(
        picture, np.full_like(picture.image, (150, 160, 170)), mask=mask, format="same", quality=None
    )

    after = codec.decode(encoded.data, max_pixels=10_000)
    assert np.abs(after.image[12:20, 12:28].astype(int) - (150, 160, 170)).max() <= 12  # the profile's coarse grid
    assert PillowImage.open(io.BytesIO(encoded.data)).info["icc_profile"] == press_profile()


def test_colour_space_is_read_from_the_header():
    """RGB, CMYK, or None for what is no profile."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert (colour_space(srgb), colour_space(press_profile()), colour_space(b"x" * 300)) == ("RGB", "CMYK", None)


def test_gray_with_an_unusable_profile_becomes_equal_channels():
    """Where the profile cannot be used, gray is gray."""
    gray = np.array([[0, 99, 255]], np.uint8)

    assert gray_to_srgb(gray, b"junk").tolist() == [[[0] * 3, [99] * 3, [255] * 3]]
