"""What happens to each mode: the README's table, row by row. Files are read back by Pillow and OpenCV, never by us."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image as PillowImage

from service.errors import NotEncodable
from service.imaging import codec
from service.imaging.formats import heic as heic_format
from service.imaging.orientation import stored_order
from tests.imaging.modes import (
    FILL,
    HEIGHT,
    MAX_PIXELS,
    ROWS,
    SRGB,
    WIDE_COLOURS,
    WIDTH,
    avif_deep,
    box_mask,
    deep,
    erase_box,
    erase_box_in,
    for_verifier,
    heic,
    indexed,
    png,
    rgb,
    saved,
    stored_samples,
    with_wide_colours,
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_outside_the_mask_each_mode_keeps_its_stored_samples(row):
    """Format, mode and depth stay; where the mask is 0, every stored sample of a lossless file is identical."""
    data = row.make()

    picture, encoded = erase_box(data)

    assert (picture.header.mode, encoded.fidelity) == (row.mode, row.fidelity)
    header = codec.read_header(encoded.data, max_pixels=MAX_PIXELS)
    assert (header.format, header.mode) == (picture.header.format, row.mode)
    before, after = stored_samples(data), stored_samples(encoded.data)
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    if row.fidelity == "exact":
        outside = box_mask() == 0
        assert np.array_equal(before[outside], after[outside])
        assert not np.array_equal(before, after)


@pytest.mark.parametrize("row", [row for row in ROWS if row.inside_within is not None], ids=lambda row: row.name)
def test_inside_the_mask_each_mode_shows_the_wanted_colour(row):
    """A filled pixel shows the wanted colour as closely as the mode can say it."""
    _, encoded = erase_box(row.make())

    shown = codec.decode(encoded.data, max_pixels=MAX_PIXELS)
    inner = shown.image[12:18, 18:34].astype(int)
    wanted = np.array(FILL)
    if shown.header.layout in {"gray", "gray+alpha"}:
        wanted = np.full(3, round(np.dot(FILL, (0.299, 0.587, 0.114))))
    visible = slice(None) if shown.alpha is None else shown.alpha[12:18, 18:34] > 0
    assert np.abs(inner - wanted)[visible].max() <= row.inside_within


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_alpha_is_kept_everywhere_also_inside_the_mask(row):
    """What was transparent stays as transparent as it was, in every mode that knows transparency."""
    before, encoded = erase_box(row.make())

    after = codec.decode(encoded.data, max_pixels=MAX_PIXELS)

    if before.alpha is None:
        assert after.alpha is None
    elif row.fidelity == "exact":
        assert np.array_equal(before.alpha, after.alpha)
    else:
        assert np.abs(before.alpha.astype(int) - after.alpha).max() <= 2


def _readme_verifier() -> Callable[[bytes, bytes], str]:
    """The function `verify` as the README prints it."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "def verify(" in block]
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102  our own document
    return names["verify"]


README = Path(__file__).parents[2] / "README.md"
verify = _readme_verifier()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_verifier_finds_the_same_untouched_samples_in_upload_and_result(row):
    """The hash that is returned is what a stranger's decoder computes from the upload, and from the result."""
    data = row.make()

    _, encoded = erase_box(data)

    mask = codec.encode_mask(box_mask()).data
    if row.fidelity != "reencoded":
        before, after = for_verifier(data), for_verifier(encoded.data)
        assert encoded.untouched_sha256 == verify(before, mask) == verify(after, mask)
    else:
        assert encoded.untouched_sha256 is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_verifier_turns_the_upright_mask_into_stored_order(orientation):
    """The mask stands upright, the samples as stored; the verifier brings them together."""
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    data = saved(rgb(), "PNG", exif=exif)
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    mask = np.zeros(picture.image.shape[:2], np.uint8)
    mask[3:9, 2:30] = 255

    encoded = codec.encode(picture, np.full_like(picture.image, FILL), mask=mask, format="same", quality=None)

    returned = codec.encode_mask(mask).data
    assert encoded.untouched_sha256 == verify(data, returned) == verify(encoded.data, returned)


def test_verifier_notices_a_single_changed_value():
    """One level in one channel of one pixel outside the mask, and the hash is another."""
    changed = rgb()
    changed[30, 5, 2] ^= 1
    mask = codec.encode_mask(box_mask()).data

    assert verify(saved(rgb(), "PNG"), mask) != verify(saved(changed, "PNG"), mask)


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_deep_avif_keeps_its_levels_and_what_they_mean(bits, channels):
    """Of a smooth ramp more than 256 levels are left, near where they were; primaries, transfer and profile stay."""
    data = avif_deep(bits, channels)

    _, encoded = erase_box(data)

    before, after = (cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED) for file in (data, encoded.data))
    below = np.abs(before[26:].astype(int) - after[26:])
    assert below.mean() < 2 ** (bits - 8)
    assert len(np.unique(after[26:])) > len(np.unique(after[26:] >> (bits - 8)))
    assert WIDE_COLOURS in encoded.data
    assert PillowImage.open(io.BytesIO(encoded.data)).info["icc_profile"] == SRGB


def test_an_8_bit_avif_keeps_what_its_samples_mean():
    """An HDR picture of 8 bits does not come back as sRGB."""
    data = with_wide_colours(saved(rgb(), "AVIF", quality=80))

    _, encoded = erase_box(data)

    assert WIDE_COLOURS in encoded.data


def test_deep_avif_becomes_a_16_bit_png():
    """`format=png` holds all its levels."""
    picture, encoded = erase_box(avif_deep(10, 3), format="png")

    shown = cv2.imdecode(np.frombuffer(encoded.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert (shown.dtype, encoded.fidelity) == (np.uint16, "exact")
    assert np.array_equal(shown[26:, :, ::-1], picture.stored.samples[26:])


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_heic_keeps_its_levels_and_what_stands_beside_them(bits):
    """Near the levels that were there, at the same depth; profile, EXIF and XMP stay, and the picture upright."""
    exif = PillowImage.Exif()
    exif[0x013B], exif[0x0112] = "an artist", 6
    data = heic(bits, 3, exif=exif.tobytes(), icc_profile=SRGB, xmp=b"<x:xmpmeta/>")

    picture, encoded = erase_box_in(data, np.pad(np.full((20, 12), 255, np.uint8), ((0, WIDTH - 20), (0, HEIGHT - 12))))

    assert picture.image.shape == (WIDTH, HEIGHT, 3)
    before, after = stored_samples(data), stored_samples(encoded.data)
    assert np.abs(before[24:].astype(int) - after[24:]).mean() < (257 if bits > 8 else 1)
    info = pillow_heif.open_heif(encoded.data).info
    assert (info["bit_depth"], info["icc_profile"], info["xmp"]) == (bits, SRGB, b"<x:xmpmeta/>")
    told = PillowImage.Exif()
    told.load(info["exif"])
    assert (told[0x013B], told[0x0112]) == ("an artist", 1)


def test_a_heic_too_large_for_its_decoder_is_written_at_a_lower_quality(monkeypatch):
    """Nobody asked for a quality: what can be read is better. Who did ask is told."""
    asked = []
    write = heic_format._write

    def refuse_the_first(data: bytes, stored: object, quality: int) -> bytes:
        asked.append(quality)
        if quality > 60:
            raise NotEncodable
        return write(data, stored, quality)

    monkeypatch.setattr(heic_format, "_write", refuse_the_first)

    assert erase_box(heic(8, 3))[1].fidelity == "reencoded"
    with pytest.raises(NotEncodable):
        erase_box(heic(8, 3), quality=95)
    assert asked == [80, 60, 95]


def test_heic_keeps_what_its_samples_mean():
    """Without a profile, the primaries and the transfer of an HDR picture stay."""
    file = pillow_heif.from_bytes(mode="RGB;10", size=(64, 64), data=bytes(64 * 64 * 6))
    file[0].info["nclx_profile"] = {
        "color_primaries": 9,
        "transfer_characteristics": 16,
        "matrix_coefficients": 9,
        "full_range_flag": 1,
    }
    buffer = io.BytesIO()
    file.save(buffer, quality=95)

    _, encoded = erase_box_in(buffer.getvalue(), np.pad(np.full((20, 20), 255, np.uint8), 22))

    profile = pillow_heif.open_heif(encoded.data).info["nclx_profile"]
    assert (profile["color_primaries"], profile["transfer_characteristics"]) == (9, 16)


def test_flat_16_bit_paper_comes_back_at_its_own_value():
    """Paper of 64111 of 65535 is no multiple of 257; the filled area still gets exactly 64111."""
    paper = np.full((HEIGHT, WIDTH), 64111, np.uint16)
    text = paper.copy()
    text[10:20, 15:35] = 300
    picture = codec.decode(png(0, 16, text), max_pixels=MAX_PIXELS)
    result = np.full_like(picture.image, picture.image[0, 0])

    encoded = codec.encode(picture, result, mask=box_mask(), format="same", quality=None)

    assert np.array_equal(stored_samples(encoded.data), paper)


def test_flat_16_bit_paper_comes_back_under_a_mask_of_any_size():
    """A page is filled in pieces: one in the middle of a mask looks as far as it must for paper that goes on."""
    paper = np.full((700, 1900), 64111, np.uint16)
    text = paper.copy()
    text[10:690:7, 10:1890:3] = 300
    picture = codec.decode(png(0, 16, text), max_pixels=2_000_000)
    mask = np.zeros(paper.shape, np.uint8)
    mask[4:696, 4:1896] = 255

    result = np.full_like(picture.image, picture.image[0, 0])
    encoded = codec.encode(picture, result, mask=mask, format="same", quality=None)

    assert np.array_equal(stored_samples(encoded.data), paper)


def test_a_pixel_that_already_shows_the_result_keeps_its_16_bits():
    """Inside the mask, too: where nothing was to be changed, the low byte is not lost."""
    samples = deep(3)
    picture = codec.decode(png(2, 16, samples), max_pixels=MAX_PIXELS)
    result = picture.image.copy()
    result[10:12, 15:17] = FILL

    encoded = codec.encode(picture, result, mask=box_mask(), format="same", quality=None)

    changed = (stored_samples(encoded.data)[..., ::-1] != samples).any(axis=2)
    assert changed.sum() == 4


def test_what_is_stored_under_full_transparency_is_left_alone():
    """Nobody sees it, so nobody erases it: the samples under alpha 0 stay, also inside the mask."""
    clear = np.dstack([rgb(), np.zeros((HEIGHT, WIDTH), np.uint8)])

    picture, encoded = erase_box(saved(clear, "PNG"))

    assert (picture.image == 255).all()
    assert np.array_equal(stored_samples(encoded.data), clear)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_text_on_paper_of_the_transparent_level_becomes_that_paper(bits):
    """The next level to white is black at 1 bit: the text came back."""
    white = 2**bits - 1
    page = np.full((HEIGHT, WIDTH), white, np.uint16)
    page[10:20, 15:35] = page[30:, :] = 0
    picture = codec.decode(png(0, bits, page, (b"tRNS", struct.pack(">H", white))), max_pixels=MAX_PIXELS)

    encoded = codec.encode(picture, np.full_like(picture.image, 255), mask=box_mask(), format="same", quality=None)

    after = codec.decode(encoded.data, max_pixels=MAX_PIXELS)
    assert (after.image[:28] == 255).all()
    assert np.array_equal(after.stored.samples[box_mask() == 0], page[box_mask() == 0])
    assert (after.alpha[10:20, 15:35] == 0).all()


@pytest.mark.parametrize("interlace", [0, 1])
def test_the_rows_of_a_gif_stay_interlaced_or_not(interlace):
    """One that appears little by little in a browser still does."""
    data = saved(indexed(200), "GIF", optimize=False, interlace=interlace)

    _, encoded = erase_box(data)

    assert [PillowImage.open(io.BytesIO(file)).tile[0].args[1] for file in (data, encoded.data)] == [interlace] * 2
    assert encoded.fidelity == "exact"


def test_the_background_of_a_palette_picture_keeps_its_colour():
    """PNG and GIF name an entry for it, which no pixel need have; a new colour took its place."""
    page = indexed(200)
    page.putpalette(np.random.default_rng(10).integers(0, 256, (256, 3)).astype(np.uint8).tobytes())
    for data in (
        png(3, 8, np.asarray(page), (b"PLTE", page.palette.palette), (b"bKGD", b"\xc8")),
        saved(page, "GIF", optimize=False, background=200),
    ):
        _, encoded = erase_box(data)

        before, after = (np.array(PillowImage.open(io.BytesIO(file)).getpalette()) for file in (data, encoded.data))
        assert np.array_equal(after[600:603], before[600:603])
        assert not np.array_equal(after, before)


def test_flat_cmyk_paper_comes_back_in_its_own_inks():
    """A gray printed from three inks is filled with those inks, not with black that only looks the same."""
    paper = np.full((HEIGHT, WIDTH, 4), (90, 80, 70, 0), np.uint8)
    text = paper.copy()
    text[10:20, 15:35] = (0, 0, 0, 255)
    data = saved(PillowImage.fromarray(text, mode="CMYK"), "TIFF")
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    result = np.full_like(picture.image, picture.image[0, 0])

    encoded = codec.encode(picture, result, mask=box_mask(), format="same", quality=None)

    assert np.array_equal(stored_samples(encoded.data), paper)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_worked_on_upright_and_written_as_stored(kind, orientation):
    """The view stands upright; the file keeps its stored order and its orientation tag."""
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    stored = rgb()
    data = saved(stored, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    mask = np.zeros(picture.image.shape[:2], np.uint8)
    mask[3:9, 2:30] = 255

    encoded = codec.encode(picture, np.full_like(picture.image, FILL), mask=mask, format="same", quality=None)

    again = codec.decode(encoded.data, max_pixels=MAX_PIXELS)
    assert picture.header.orientation == again.header.orientation == orientation
    assert picture.image.shape == ((HEIGHT, WIDTH, 3) if orientation < 5 else (WIDTH, HEIGHT, 3))
    changed = np.abs(again.stored.samples.astype(int) - stored).max(axis=2) > 0
    if kind in {"PNG", "WEBP", "TIFF"}:
        assert not (changed & (stored_order(mask, orientation) == 0)).any()
    inner = again.image[5:7, 6:26].astype(int)
    assert np.abs(inner - FILL).mean() < 12
