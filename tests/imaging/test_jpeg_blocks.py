"""JPEG in, JPEG out: blocks that are not touched keep their coefficients, whatever the file's sampling and tables."""

from __future__ import annotations

import io
import itertools
import re
import time

import numpy as np
import pytest
from PIL import Image as PillowImage

from service.imaging import codec
from service.imaging.formats import jpeg_blocks, jpeg_entropy, jpeg_frame
from service.imaging.formats.jpeg_entropy import HuffmanTable
from service.imaging.formats.jpeg_segments import all_segments
from service.imaging.orientation import stored_order
from tests.imaging.damage import damaged_scans

MAX_PIXELS = 10_000_000


def page(height: int = 90, width: int = 131) -> np.ndarray:
    """Grain, hard edges and flat paper: `(H, W, 3)` uint8."""
    image = np.random.default_rng(2).integers(0, 256, (height, width, 3)).astype(np.uint8)
    image[:, width // 2 :] = (252, 246, 232)
    image[height // 3 : height // 2, ::5] = 0
    return image


def saved(image: np.ndarray | PillowImage.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, PillowImage.Image) else PillowImage.fromarray(image)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(PillowImage.open(io.BytesIO(data)))


def erase(
    data: bytes, box: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> tuple[codec.Encoded, np.ndarray]:
    """Fill a box of the upright picture; returns the file and the pixels that no change can reach, in stored order."""
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    mask = np.zeros(picture.image.shape[:2], np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    result = np.where(mask[..., None] == 255, np.array(colour, np.uint8), picture.image)
    encoded = codec.encode(picture, result, mask=mask, format="same", quality=None)
    if encoded.fidelity != "blocks":
        return encoded, np.zeros(mask.shape, bool)
    return encoded, jpeg_frame.unreached(data, stored_order(mask, picture.header.orientation))


KINDS = {
    "4:4:4": lambda image: saved(image, quality=88, subsampling=0),
    "4:2:2": lambda image: saved(image, quality=88, subsampling=1),
    "4:2:0": lambda image: saved(image, quality=88, subsampling=2),
    "4:2:0, tables of its own": lambda image: saved(image, quality=70, subsampling=2, optimize=True),
    "4:2:0, restarts by block": lambda image: saved(image, quality=88, subsampling=2, restart_marker_blocks=3),
    "4:4:4, restarts by row": lambda image: saved(image, quality=88, subsampling=0, restart_marker_rows=1),
    "RGB": lambda image: saved(image, quality=88, keep_rgb=True),
    "gray": lambda image: saved(image[..., 1].copy(), quality=88),
    "CMYK": lambda image: saved(PillowImage.fromarray(image).convert("CMYK"), quality=88),
    "best quality": lambda image: saved(image, quality=100, subsampling=0),
    "worst quality": lambda image: saved(image, quality=1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_untouched_blocks_decode_to_the_same_values(kind):
    """Where no touched block reaches, the file decodes to exactly what the upload decodes to."""
    data = KINDS[kind](page())

    encoded, kept = erase(data, (70, 20, 110, 60), (252, 246, 232))

    assert encoded.fidelity == "blocks"
    assert 0.3 < kept.mean() < 0.95
    before, after = pixels(data), pixels(encoded.data)
    assert np.array_equal(before[kept], after[kept])
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "worst quality"])
def test_touched_blocks_show_the_result(kind):
    """Inside the mask stands what was asked for, as well as the file's own tables can say it."""
    encoded, _ = erase(KINDS[kind](page()), (70, 20, 110, 60), (40, 90, 200))

    inner = codec.decode(encoded.data, max_pixels=MAX_PIXELS).image[32:48, 80:96].astype(int)
    wanted = np.array((40, 90, 200)) if kind != "gray" else np.full(3, 88)
    assert np.abs(inner - wanted).max() <= 4


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 9), (8, 8), (16, 16), (17, 33), (200, 3)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_every_size_is_put_back_together(height, width, subsampling):
    """Sizes that fill no whole MCU: one pixel changes, and the file still decodes to its own size."""
    data = saved(page(height, width), subsampling=subsampling)

    encoded, kept = erase(data, (0, 0, 1, 1), (255, 0, 0))

    assert encoded.fidelity == "blocks"
    assert pixels(encoded.data).shape == (height, width, 3)
    assert np.array_equal(pixels(data)[kept], pixels(encoded.data)[kept])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_blocks_are_found_in_stored_order(orientation):
    """The mask stands upright, the blocks as stored: turned files keep their blocks, too."""
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    data = saved(page(), exif=exif)

    encoded, kept = erase(data, (5, 8, 30, 30), (0, 0, 0))

    assert encoded.fidelity == "blocks"
    assert np.array_equal(pixels(data)[kept], pixels(encoded.data)[kept])
    assert codec.decode(encoded.data, max_pixels=MAX_PIXELS).image[12:26, 9:26].mean() < 12


def test_a_scan_that_changes_nothing_is_written_bit_for_bit():
    """Reading all tokens and writing them again gives the same scan: nothing is lost on the way."""
    data = saved(page(), quality=80)
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    planes = [picture.stored.samples[..., channel].copy() for channel in range(3)]

    written = jpeg_blocks.replace_blocks(data, planes, np.zeros((90, 131), bool))

    assert written is not None
    scan = data[data.index(b"\xff\xda") :]
    assert written.endswith(scan)


def with_fill_bytes(data: bytes) -> bytes:
    """The same file with three more FF before each marker, those of restarts and of the end too."""
    starts = [segment.start for segment in all_segments(data)]
    coded = data.index(b"\xff\xda")
    starts += [coded + marker.start() for marker in re.finditer(rb"\xff[\xd0-\xd9]", data[coded:])]
    edges = [0, *sorted(starts), len(data)]
    return b"\xff\xff\xff".join(data[start:end] for start, end in itertools.pairwise(edges))


@pytest.mark.parametrize("kind", KINDS)
def test_fill_bytes_change_nothing(kind):
    """Any number may stand before a marker (T.81, B.1.1.2): the file comes back as without them, bit for bit."""
    data = KINDS[kind](page())
    filled = with_fill_bytes(data)

    (encoded, _), (bare, _) = (erase(file, (70, 20, 110, 60), (252, 246, 232)) for file in (filled, data))

    assert len(filled) > len(data) + 20
    assert np.array_equal(pixels(filled), pixels(data))
    assert encoded.fidelity == "blocks"
    assert encoded.data == bare.data


def test_a_million_fill_bytes_are_passed_over_at_once():
    """Within a scan as after it: the time grows with their number, not with its square."""
    started = time.process_time()

    for stretch in (b"\xff" * 1_000_000, b"\xff" * 1_000_000 + b"\0", b"\xff" * 1_000_000 + b"\xd0"):
        jpeg_entropy.unstuffed(b"\1\2" + stretch + b"\3\4")

    assert time.process_time() - started < 1


def test_windows_meet_without_a_seam(monkeypatch):
    """A file longer than one window of the reader gives the same tokens as in one piece."""
    data = saved(page(300, 300), quality=95)
    whole = jpeg_blocks.replace_blocks(data, [np.zeros((300, 300), np.uint8)] * 3, np.zeros((300, 300), bool))

    monkeypatch.setattr(jpeg_entropy, "_WINDOW_BITS", 4096)
    pieces = jpeg_blocks.replace_blocks(data, [np.zeros((300, 300), np.uint8)] * 3, np.zeros((300, 300), bool))

    assert whole == pieces
    assert whole is not None


def test_side_segments_and_tables_stay():
    """EXIF, profile, comment and quantisation tables of the upload stand in the result."""
    exif = PillowImage.Exif()
    exif[0x013B] = "an artist"
    data = saved(page(), exif=exif, icc_profile=b"\0" * 200, comment=b"a comment", dpi=(300, 300), qtables="web_low")

    encoded, _ = erase(data, (70, 20, 110, 60), (0, 0, 0))

    before, after = PillowImage.open(io.BytesIO(data)), PillowImage.open(io.BytesIO(encoded.data))
    assert after.quantization == before.quantization
    assert after.getexif()[0x013B] == "an artist"
    assert (after.info["icc_profile"], after.info["comment"]) == (b"\0" * 200, b"a comment")
    assert after.info["dpi"] == (300, 300)


def test_files_that_cannot_be_read_here_are_encoded_again_with_their_own_tables():
    """A progressive file that lacks its last scan says `reencoded`, stays progressive, and keeps its tables."""
    data = saved(page(), quality=77, progressive=True)
    data = data[: data.rindex(b"\xff\xda")] + b"\xff\xd9"

    encoded, _ = erase(data, (70, 20, 110, 60), (0, 0, 0))

    before, after = PillowImage.open(io.BytesIO(data)), PillowImage.open(io.BytesIO(encoded.data))
    assert encoded.fidelity == "reencoded"
    assert encoded.untouched_sha256 is None
    assert after.quantization == before.quantization
    assert after.info["progressive"]


def test_damaged_scans_are_left_to_the_encoder():
    """Bits changed, cut or swapped in the scan: None or a file, never an exception."""
    original = saved(page(), quality=85, subsampling=2, optimize=True)
    planes, changed = [np.zeros((90, 131), np.uint8)] * 3, np.zeros((90, 131), bool)
    changed[20:40, 20:90] = True
    answers = [jpeg_blocks.replace_blocks(data, planes, changed) for data in damaged_scans(original, 150)]

    assert sum(answer is None for answer in answers) > 75


def test_best_table_is_never_longer_than_16_bits_and_beats_equal_lengths():
    """Frequencies that grow like Fibonacci's would need codes of 40 bits; the standard's rule keeps them at 16."""
    frequency = np.zeros(256, np.int64)
    frequency[:40] = [round(1.6**power) for power in range(40)]

    table = jpeg_entropy.best_table(frequency)

    _, lengths = table.codes()
    used = lengths[:40]
    assert used.min() >= 1
    assert used.max() <= 16
    assert sum(2.0**-length for length in used) < 1  # prefix-free, and the code of all ones is left out
    assert (frequency[:40] * used).sum() < frequency.sum() * 3


def test_codes_follow_the_standard():
    """The DC table of annex K.3 (luminance): category 0 is 00, 5 is 110, 11 is 111111110."""
    table = HuffmanTable((0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0), bytes(range(12)))

    codes, lengths = table.codes()

    assert [(int(codes[symbol]), int(lengths[symbol])) for symbol in (0, 5, 11)] == [
        (0b00, 2),
        (0b110, 3),
        (0b111111110, 9),
    ]
