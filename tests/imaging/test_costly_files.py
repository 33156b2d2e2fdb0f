"""Small files that would cost much, and files that say two things of their picture: refused, or read at once."""

from __future__ import annotations

import resource
import struct
import time
import zlib

import numpy as np
import pytest

from service.errors import (
    CorruptImage,
)
from service.imaging import codec
from service.imaging.formats import png
from tests.imaging.hostile import MAX_PIXELS, chunk, page, png_header, saved, try_whole_way


def test_side_information_that_unpacks_to_gigabytes_is_not_unpacked():
    """A profile and a text that each unpack to 100 MB cost neither time nor memory."""
    bomb = zlib.compress(b"\0" * 100_000_000)
    data = saved(page(), "PNG")
    data = data[:33] + chunk(b"iCCP", b"x\0\0" + bomb) + chunk(b"zTXt", b"y\0\0" + bomb) + data[33:]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    picture = codec.decode(data, max_pixels=MAX_PIXELS)

    assert np.array_equal(picture.image, page())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # kB


def test_gif_chopped_into_a_million_blocks_is_refused_quickly():
    """A GIF of one-byte blocks would keep a reader busy; it is refused within 100 ms."""
    data = b"GIF89a\x08\0\x08\0\0\0\0!\xfe" + b"\x01a" * 2_000_000 + b"\0;"
    started = time.process_time()

    with pytest.raises(CorruptImage):
        codec.read_header(data, max_pixels=MAX_PIXELS)

    assert time.process_time() - started < 0.1


def test_jpeg_of_countless_scans_is_refused():
    """Each scan is a pass over all blocks: a small file of a thousand would keep the decoder busy for seconds."""
    data = saved(page(), "JPEG", progressive=True)
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    scans, scan = data.count(b"\xff\xda"), data[last:end]

    codec.decode(data[:end] + scan * (100 - scans) + data[end:], max_pixels=MAX_PIXELS)
    with pytest.raises(CorruptImage, match="101 scans; at most 100"):
        codec.read_header(data[:end] + scan * (101 - scans) + data[end:], max_pixels=MAX_PIXELS)
    hiding = b"\xff\x01" + b"\xff\xfe\0\x04\xff\xd9"  # a marker without a length, a comment that looks like the end
    with pytest.raises(CorruptImage, match="101 scans"):
        codec.read_header(data[:end] + hiding + scan * (101 - scans) + data[end:], max_pixels=MAX_PIXELS)
    codec.read_header(data + scan * 200, max_pixels=MAX_PIXELS)  # what follows the picture is not part of it


@pytest.mark.parametrize("after", [b"", b"\0", b"\xff\xd0", b"\xff\xd9"], ids=["end", "zero", "restart", "marker"])
@pytest.mark.parametrize("before", [b"\xff\xd9", b"\xff\xda", b"\xff\xdb"], ids=["EOI", "scan", "tables"])
def test_a_jpeg_of_a_million_fill_bytes_is_read_quickly(before, after):
    """Any number of FF may stand before a marker; each was tried as the first one: 16 kB took two seconds."""
    data = saved(page(), "JPEG")
    at = data.rindex(before) + (12 if before == b"\xff\xda" else 0)
    data = data[:at] + b"\xff" * 1_000_000 + after + data[at:]
    started = time.process_time()

    try_whole_way(data)

    assert time.process_time() - started < 1


def tiff_with(*tags: tuple[int, int, int, int], values: bytes = b"", following: int = 0) -> bytes:
    """A gray TIFF of 8 x 8 pixels with more `tags` (number, type, count, value or offset); `values` stand at 72."""
    raster = [(256, 8), (257, 8), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 8), (279, 64)]
    entries = sorted([*((tag, 4, 1, value) for tag, value in raster), *tags])
    start = 72 + len(values)
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II*\0" + struct.pack("<I", start) + bytes([200]) * 64 + values
    return head + struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)


def test_a_tiff_whose_directory_names_itself_is_one_page():
    """It was read again for each of 4096 pages, which it has not; the picture in it is sound, and comes back."""
    fill = [(40_000 + number, 3, 1, 0) for number in range(991)]
    data = tiff_with(*fill, following=72)
    started = time.process_time()

    assert codec.read_header(data, max_pixels=MAX_PIXELS).frames == 1
    assert time.process_time() - started < 1
    assert np.array_equal(try_whole_way(data), np.full((8, 8, 3), 200, np.uint8))


@pytest.mark.parametrize("below", [False, True], ids=["in the file's directory", "in the one below it"])
def test_a_tiff_whose_tags_share_their_bytes_is_refused(below):
    """80 kB were 900 tags of the same 64 kB, and an answer of 59 MB."""
    shared = [(40_000 + number, 7, 3000, 72) for number in range(3)]
    inner = struct.pack("<H", 3) + b"".join(struct.pack("<HHII", *tag) for tag in shared) + bytes(4)
    values = bytes(3000) + inner
    data = tiff_with((34665, 4, 1, 3072), values=values) if below else tiff_with(*shared, values=values)

    with pytest.raises(CorruptImage, match=f"values of 90.. bytes; the whole file has {len(data)}"):
        codec.read_header(data, max_pixels=MAX_PIXELS)


def test_a_tiff_whose_resolutions_share_their_bytes_is_read():
    """Some writers save eight bytes; no more is written than was sent."""
    data = tiff_with((282, 5, 1, 72), (283, 5, 1, 72), values=struct.pack("<II", 300, 1))

    assert try_whole_way(data) is not None


@pytest.mark.parametrize("tag", [257, 274, 40_000], ids=["height", "orientation", "any other"])
@pytest.mark.parametrize("kind", [0, 4], ids=["of no known type first", "of the same type"])
def test_a_tiff_with_a_tag_that_stands_twice_is_refused(tag, kind):
    """Libtiff takes the first, Pillow the last: 616 kB passed as 8 x 8 pixels, and decoded to 64 million."""
    others = [] if tag == 257 else [(tag, 4, 1, 1)]

    with pytest.raises(CorruptImage, match=f"tag {tag} more than once"):
        codec.read_header(tiff_with(*others, (tag, kind, 1, 3)), max_pixels=MAX_PIXELS)


def riff(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def webp_of(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def canvas(width: int, height: int) -> bytes:
    """The chunk that says how large a WebP is, whatever its picture says."""
    return riff(b"VP8X", bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("size", [(8, 8), (640, 480)], ids=["smaller", "larger"])
def test_a_webp_that_says_two_sizes_is_refused_from_its_header(size, lossless):
    """56 bytes passed as 8 x 8 pixels, and took 1.3 GB; a larger size was an error of the server's."""
    picture = saved(page(), "WEBP", lossless=lossless)[12:]

    for data in (webp_of(picture, canvas(*size)), webp_of(canvas(*size), picture)):
        with pytest.raises(CorruptImage):
            codec.read_header(data, max_pixels=MAX_PIXELS)
    assert np.array_equal(try_whole_way(webp_of(canvas(64, 48), picture)), try_whole_way(webp_of(picture)))


def test_a_webp_whose_canvas_chunk_is_cut_off_is_refused():
    """It would be passed over, and the picture's own size taken instead."""
    data = webp_of(riff(b"VP8X", bytes(6)), saved(page(), "WEBP")[12:])

    with pytest.raises(CorruptImage, match="VP8X"):
        codec.read_header(data, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("place", ["second", "last"])
@pytest.mark.parametrize("bits", [1, 16])
def test_a_png_with_a_second_header_is_refused_from_its_chunks(place, bits):
    """Decoders obey the last one: 10 kB passed as 8 x 8 pixels, and decoded to 81 million."""
    first, second = png_header(8, 8, bits), png_header(9000, 9000, bits)[8:]
    rows = chunk(b"IDAT", zlib.compress(bytes(9 * bits * 8)))
    data = first + (second + rows if place == "second" else rows + second) + chunk(b"IEND", b"")

    with pytest.raises(CorruptImage, match="second header"):
        codec.read_header(data, max_pixels=MAX_PIXELS)


def test_a_jpeg_with_a_second_frame_header_is_refused_before_it_is_decoded():
    """Pillow obeys the last one, and makes room for it."""
    data = saved(page(), "JPEG")
    at = data.index(b"\xff\xc0")
    frame = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]
    larger = frame[:5] + struct.pack(">HH", 9000, 9000) + frame[9:]
    data = data[:at] + frame + larger + data[at + len(frame) :]

    with pytest.raises(CorruptImage, match=r"\(9000, 9000\) RGB, not what the header says"):
        codec.decode(data, max_pixels=MAX_PIXELS)


def exif_of_a_thousand_tags(orientation: int) -> bytes:
    entries = [(274, 3, 1, orientation), *((40_000 + number, 3, 1, 1) for number in range(999))]
    return (
        b"II*\0" + struct.pack("<IH", 8, 1000) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    )


def with_exif(kind: str, *blocks: bytes) -> bytes:
    """A small file of the kind with several EXIF blocks, of which it may have one."""
    if kind == "WEBP":
        return webp_of(canvas(64, 48), saved(page(), "WEBP")[12:], *(riff(b"EXIF", block) for block in blocks))
    if kind == "PNG":
        data, at = saved(page(), "PNG"), 33
        return data[:at] + b"".join(chunk(b"eXIf", block) for block in blocks) + data[at:]
    segments = (b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block for block in blocks)
    return b"\xff\xd8" + b"".join(segments) + saved(page(), "JPEG")[2:]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_of_many_exif_blocks_only_the_first_is_read(kind):
    """Each was parsed, while every other request waited: 33 MB of them took five seconds."""
    first, more = exif_of_a_thousand_tags(6), exif_of_a_thousand_tags(3)
    data = with_exif(kind, first, *[more] * 1000)
    started = time.process_time()

    header = codec.read_header(data, max_pixels=MAX_PIXELS)

    assert time.process_time() - started < 0.3
    assert header.orientation == 6
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    assert codec._metadata_of(picture).exif == first


def test_of_many_profiles_in_a_png_only_the_first_is_unpacked():
    """64 profiles of 8 kB were unpacked to 8 MB each."""
    packed = [chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes([number]) * 4_000_000)) for number in range(64)]
    data = saved(page(), "PNG")
    started = time.process_time()

    icc = png.read_metadata(data[:33] + b"".join(packed) + data[33:]).icc

    assert icc == bytes(4_000_000)
    assert time.process_time() - started < 0.3


def test_png_of_a_million_empty_chunks_is_refused_quickly():
    """So is a PNG of countless empty chunks."""
    data = png_header(8, 8) + chunk(b"aaAa", b"") * 1_000_000
    started = time.process_time()

    with pytest.raises(CorruptImage, match="chunks"):
        codec.read_header(data, max_pixels=MAX_PIXELS)

    assert time.process_time() - started < 0.2
