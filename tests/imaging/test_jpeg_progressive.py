"""Progressive JPEG in and out: what its scans build up together is read, and untouched blocks keep it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from service.imaging import codec
from service.imaging.formats import jpeg_blocks, jpeg_entropy, jpeg_progressive, jpeg_scan_reader
from service.imaging.formats.jpeg_frame import frame_of
from service.imaging.formats.jpeg_scan_writer import dc_scan, write_scans
from service.imaging.formats.jpeg_segments import all_segments
from tests.imaging.damage import damaged_scans
from tests.imaging.test_jpeg_blocks import KINDS, MAX_PIXELS, erase, page, pixels, saved, with_fill_bytes

NOTHING = np.zeros((90, 131), bool)


def encoded_as(kind: str, **options: object) -> bytes:
    """What a file of that kind shows, encoded once more with the tables and the sampling of that file."""
    restarts = {"restart_marker_blocks": 3} if "restarts" in kind else {}
    return saved(PillowImage.open(io.BytesIO(KINDS[kind](page()))), quality="keep", **restarts, **options)


def progressive(kind: str) -> bytes:
    """A progressive file of that kind."""
    return encoded_as(kind, progressive=True)


def coefficients_of(data: bytes) -> list[np.ndarray]:
    """For each component its quantised coefficients, `(rows, columns, 64)`, as the scans build them up."""
    frame, _, scans = jpeg_progressive._taken_apart(data)
    return jpeg_progressive._read(frame, scans)


def coefficients_of_baseline(data: bytes) -> list[np.ndarray]:
    """The same of a baseline file, by the reader whose scans come back bit for bit."""
    file = jpeg_blocks._taken_apart(data)
    frame, total = file.frame, file.frame.mcus[0] * file.frame.mcus[1]
    entropy, starts = jpeg_entropy.unstuffed(file.scan)
    interval = file.restart_interval or total
    dc, ac = jpeg_entropy.read_tokens(
        entropy, starts, [min(interval, total - at) for at in range(0, total, interval)], file.tables
    )
    levels = np.zeros((len(dc.block), 64), np.int64)
    differences = jpeg_entropy.dc_differences(dc)
    place = 0
    before = -1
    for block, symbol, extra in zip(ac.block.tolist(), ac.symbol.tolist(), ac.extra.tolist(), strict=True):
        place = 0 if block != before else place
        before = block
        size = symbol & 15
        place += (symbol >> 4) + 1
        if size:
            levels[block, place] = extra if extra >= 1 << (size - 1) else extra - (1 << size) + 1
    found = []
    for numbers in frame.order(range(len(frame.components)))[1].values():
        order = np.sort(numbers, axis=None)
        own = levels[numbers]
        sums = np.zeros(len(dc.block), np.int64)
        sums[order] = jpeg_entropy.running_sums(
            differences[order], order // len(frame.blocks_in_mcu), file.restart_interval
        )
        own[..., 0] = sums[numbers]
        found.append(own)
    return found


def rewritten(data: bytes) -> bytes:
    """The file after a change of nothing."""
    count = len(frame_of(data).components)
    size = PillowImage.open(io.BytesIO(data)).size[::-1]
    written = jpeg_progressive.replace_blocks(data, [np.zeros(size, np.uint8)] * count, np.zeros(size, bool))
    assert written is not None
    return written


@pytest.mark.parametrize("kind", KINDS)
def test_scans_build_up_the_coefficients_of_the_baseline_file(kind):
    """The encoder has the same coefficients either way: read from ten scans they are the same as read from one."""
    data = progressive(kind)

    found, expected = coefficients_of(data), coefficients_of_baseline(encoded_as(kind))

    for index, (own, other) in enumerate(zip(found, expected, strict=True)):
        rows, columns = frame_of(data).own_grid(index)
        assert np.array_equal(own[:rows, :columns], other[:rows, :columns])
        assert np.array_equal(own[..., 0], other[..., 0])


@pytest.mark.parametrize("kind", KINDS)
def test_untouched_blocks_keep_their_coefficients_and_decode_to_the_same_values(kind):
    """Where no touched block reaches, libjpeg decodes the same samples; the file stays progressive."""
    data = progressive(kind)

    encoded, kept = erase(data, (70, 20, 110, 60), (252, 246, 232))

    assert encoded.fidelity == "blocks"
    assert 0.3 < kept.mean() < 0.95
    before, after = pixels(data), pixels(encoded.data)
    assert np.array_equal(before[kept], after[kept])
    assert not np.array_equal(before, after)
    assert PillowImage.open(io.BytesIO(encoded.data)).info["progressive"]
    frame, mask = frame_of(data), np.zeros((90, 131), bool)
    mask[20:60, 70:110] = True
    for index, (own, other) in enumerate(zip(coefficients_of(data), coefficients_of(encoded.data), strict=True)):
        rows, columns = frame.own_grid(index)
        untouched = ~frame.touched(index, mask)[:rows, :columns]
        assert np.array_equal(own[:rows, :columns][untouched], other[:rows, :columns][untouched])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "worst quality"])
def test_touched_blocks_show_the_result(kind):
    """Inside the mask stands what was asked for, as well as the file's own tables can say it."""
    encoded, _ = erase(progressive(kind), (70, 20, 110, 60), (40, 90, 200))

    inner = codec.decode(encoded.data, max_pixels=MAX_PIXELS).image[32:48, 80:96].astype(int)
    wanted = np.array((40, 90, 200)) if kind != "gray" else np.full(3, 88)
    assert np.abs(inner - wanted).max() <= 4


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 9), (8, 8), (16, 16), (17, 33), (200, 3)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_every_size_is_put_back_together(height, width, subsampling):
    """Sizes that fill no whole MCU: scans of one component have fewer blocks than those of all."""
    data = saved(page(height, width), subsampling=subsampling, progressive=True)

    encoded, kept = erase(data, (0, 0, 1, 1), (255, 0, 0))

    assert encoded.fidelity == "blocks"
    assert np.array_equal(pixels(data)[kept], pixels(encoded.data)[kept])
    assert np.array_equal(pixels(rewritten(data)), pixels(data))


def test_runs_of_empty_blocks_are_read_and_written():
    """A flat page of 65,536 blocks with one dot: one token ends at most 32,767 of them."""
    image = np.full((2048, 2048), 250, np.uint8)
    image[2040, 5] = 0
    data = saved(image, progressive=True)

    written = rewritten(data)

    assert np.array_equal(pixels(written), pixels(data))
    assert len(written) < 1.02 * len(data)


def test_side_segments_and_tables_stay():
    """EXIF, profile, comment and quantisation tables of the upload stand in the result."""
    exif = PillowImage.Exif()
    exif[0x013B] = "an artist"
    sides = {"exif": exif, "icc_profile": b"\0" * 200, "comment": b"a comment", "dpi": (300, 300)}
    data = saved(page(), qtables="web_low", progressive=True, **sides)

    encoded, _ = erase(data, (70, 20, 110, 60), (0, 0, 0))

    before, after = PillowImage.open(io.BytesIO(data)), PillowImage.open(io.BytesIO(encoded.data))
    assert after.quantization == before.quantization
    assert after.getexif()[0x013B] == "an artist"
    assert (after.info["icc_profile"], after.info["comment"]) == (b"\0" * 200, b"a comment")
    assert after.info["dpi"] == (300, 300)


@pytest.mark.parametrize("grouping", [([0], [1, 2]), ([0, 1], [2]), ([2], [0], [1])])
def test_components_may_share_their_first_scan_in_any_grouping(grouping):
    """Some encoders send the luma first and both chromas after it: a scan of two components of three."""
    data = rewritten(progressive("4:2:0"))
    frame, kept, _ = jpeg_progressive._taken_apart(data)
    coefficients = coefficients_of(data)
    _, *fine = write_scans(frame, coefficients)
    groups = [dc_scan(frame, coefficients, group) for group in grouping]

    grouped = b"".join([b"\xff\xd8", *kept, *groups, *fine, b"\xff\xd9"])

    assert np.array_equal(pixels(grouped), pixels(data))
    for index, (own, other) in enumerate(zip(coefficients_of(grouped), coefficients, strict=True)):
        rows, columns = frame.own_grid(index)
        assert np.array_equal(own[:rows, :columns], other[:rows, :columns])


def without_scan(data: bytes, number: int) -> bytes:
    """The file without one of its scans."""
    spans = [segment for segment in all_segments(data) if segment.marker == 0xDA]
    cut = spans[number].start
    end = spans[number + 1].start if number + 1 < len(spans) else data.rindex(b"\xff\xd9")
    return data[:cut] + data[end:]


def test_a_file_that_is_not_all_there_is_encoded_again():
    """A decoder smooths what the missing scans would tell: nothing of it can be kept."""
    data = progressive("4:2:0")
    count = sum(segment.marker == 0xDA for segment in all_segments(data))

    for number in range(1, count):
        cut = without_scan(data, number)
        assert jpeg_progressive.replace_blocks(cut, [np.zeros((90, 131), np.uint8)] * 3, NOTHING) is None


@pytest.mark.parametrize("kind", KINDS)
def test_fill_bytes_change_nothing(kind):
    """Before the markers between and within the scans, too: the file comes back as without them, bit for bit."""
    data = progressive(kind)
    filled = with_fill_bytes(data)

    (encoded, _), (bare, _) = (erase(file, (70, 20, 110, 60), (252, 246, 232)) for file in (filled, data))

    assert len(filled) > len(data) + 20
    assert np.array_equal(pixels(filled), pixels(data))
    assert encoded.fidelity == "blocks"
    assert encoded.data == bare.data


def test_windows_meet_without_a_seam(monkeypatch):
    """A file longer than one window of the reader gives the same file as in one piece."""
    data = saved(page(300, 300), quality=95, progressive=True)
    whole = rewritten(data)

    monkeypatch.setattr(jpeg_scan_reader, "_WINDOW_BITS", 4096)

    assert rewritten(data) == whole


@pytest.mark.parametrize("limit", ["_MAX_BLOCKS", "_MAX_SCAN_BYTES"])
def test_files_that_would_take_too_much_are_left_to_the_encoder(limit, monkeypatch):
    """Too many blocks or bytes: None, and the caller encodes all anew."""
    monkeypatch.setattr(jpeg_progressive, limit, 100)
    data = progressive("4:2:0")

    assert jpeg_progressive.replace_blocks(data, [np.zeros((90, 131), np.uint8)] * 3, NOTHING) is None
    assert erase(data, (70, 20, 110, 60), (0, 0, 0))[0].fidelity == "reencoded"


@pytest.mark.parametrize("kind", ["4:2:0", "4:4:4, restarts by row", "gray"])
def test_damaged_scans_are_left_to_the_encoder(kind):
    """Bits changed, bytes cut, doubled or swapped in any scan: None or a file, never an exception."""
    original = progressive(kind)
    planes = [np.zeros((90, 131), np.uint8)] * len(frame_of(original).components)
    changed = NOTHING.copy()
    changed[20:40, 20:90] = True
    answers = [jpeg_progressive.replace_blocks(data, planes, changed) for data in damaged_scans(original, 120)]

    assert sum(answer is None for answer in answers) > 60
