"""PSD and ORA: all layers over each other are the cleaned picture, and one left out gives the original back there."""

from __future__ import annotations

import hashlib
import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from service.api.jobs import LAYERS_BYTES_PER_PIXEL
from service.errors import DeadlineExceeded, NotEncodable, UnsupportedFormat
from service.imaging import codec
from service.imaging.headers import Header
from service.imaging.layers import ora, psd
from service.imaging.layers.stack import MAX_LAYERS, MAX_OVERLAP, Cover, Stack
from service.imaging.stored import Metadata, Stored
from tests import pages
from tests.imaging.layer_uploads import (
    HEIGHT,
    KEPT,
    MAX_PIXELS,
    READ,
    SRGB,
    UPLOADS,
    WIDTH,
    boxes,
    covers_of,
    flat,
    layers_of,
    painted,
    rgb,
    same_picture,
    saved,
    spots,
)
from tests.imaging.test_fidelity import verify

EVERY = [(kind, name) for kind in READ for name in UPLOADS]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_all_layers_over_each_other_are_the_cleaned_picture(kind, name):
    """Bit for bit what comes back without layers, in each mode; and the file says whether samples were kept."""
    data = UPLOADS[name]()

    encoded, layered, mask = layers_of(data, kind)

    assert same_picture(layered.compose(), flat(data, mask, kind))
    assert encoded.fidelity == ("exact" if name in KEPT[kind] else "reencoded")
    assert (encoded.untouched_sha256 is not None) == (name in KEPT[kind])
    assert layered.size_hw == (HEIGHT, WIDTH)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_layer_left_out_gives_the_original_back_there_and_nowhere_else(kind, name):
    """For each text; and with all of them left out, the original is there untouched."""
    data = UPLOADS[name]()

    _, layered, mask = layers_of(data, kind)

    nothing = np.zeros_like(mask)
    original, cleaned = flat(data, nothing, kind), layered.compose()
    texts = layered.names[1:-1]
    assert len(texts) == 5
    assert same_picture(layered.compose(without=texts), original)
    for name_of_text, (box, own) in zip(texts, boxes(mask), strict=True):
        there = np.zeros(mask.shape, np.bool_)
        there[box[1] : box[3], box[0] : box[2]] = own > 0
        page = layered.compose(without=[name_of_text])
        assert np.array_equal(page[there], layered.compose(without=texts)[there])
        assert np.array_equal(page[~there], cleaned[~there])


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_each_text_is_a_layer_cut_to_its_box_and_opaque_where_it_hides_something(kind, name):
    """Original, texts in reading order, hidden mask; a cover is opaque in its own mask, less what is quite clear."""
    data = UPLOADS[name]()

    _, layered, mask = layers_of(data, kind)

    lowest, *texts, highest = layered.sheets
    assert layered.names == ["original", *(f"text {number:03} (flat)" for number in range(1, 6)), "mask"]
    assert [sheet.visible for sheet in layered.sheets] == [True] * 6 + [False]
    assert lowest.box == highest.box == (0, 0, WIDTH, HEIGHT)
    seen = codec.decode(data, max_pixels=MAX_PIXELS).alpha
    for sheet, (box, own) in zip(texts, boxes(mask), strict=True):
        assert sheet.box == box
        hidden = own > 0 if seen is None else (own > 0) & (seen[box[1] : box[3], box[0] : box[2]] > 0)
        assert np.array_equal(sheet.alpha > 0, hidden)
        assert not sheet.colours[~hidden].any() or highest.colours.shape[2] == 4
    white = np.iinfo(highest.colours.dtype).max
    shown = 255 - highest.colours[..., 3] if highest.colours.shape[2] == 4 else highest.colours[..., 0]
    assert np.array_equal(shown == white, mask > 0)
    assert np.array_equal(shown == 0, mask == 0)


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize("name", ["gray+alpha", "RGBA", "RGBA 16-bit", "RGB"])
def test_covers_keep_to_the_opacity_below_where_a_text_lies_on_half_transparent_ground(kind, name):
    """Otherwise they are plain layers, which every editor knows."""
    data = UPLOADS[name]()
    opaque_place = np.zeros((HEIGHT, WIDTH), np.uint8)
    opaque_place[55:62, 50:70] = 255

    clipped = [sheet.clipped for sheet in layers_of(data, kind)[1].sheets]
    plain = [sheet.clipped for sheet in layers_of(data, kind, opaque_place)[1].sheets]

    assert clipped == [False] + [name != "RGB"] * 5 + [False]
    assert plain == [False] * 3


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.integers(0, 2**14 - 1), min_size=13, max_size=13),
    kind=st.sampled_from(sorted(READ)),
    name=st.sampled_from(["gray", "RGBA", "RGB 16-bit", "palette with tRNS"]),
    seed=st.integers(0, 5),
)
def test_any_mask_can_be_taken_apart_and_put_together_again(rows, kind, name, seed):
    """Whatever the mask: composed it is the cleaned picture, and each text taken off is the original there."""
    bits = np.array([[row >> place & 1 for place in range(14)] for row in rows], np.uint8)
    mask = (np.kron(bits, np.ones((5, 6), np.uint8)) * 255)[:HEIGHT, :WIDTH]
    mask = np.pad(mask, ((0, HEIGHT - mask.shape[0]), (0, WIDTH - mask.shape[1])))
    mask[np.random.default_rng(seed).random(mask.shape) < 0.1] = 0
    data = UPLOADS[name]()

    _, layered, _ = layers_of(data, kind, mask)

    texts = layered.names[1:-1]
    assert same_picture(layered.compose(), flat(data, mask, kind))
    bare = layered.compose(without=texts)
    assert same_picture(bare, flat(data, np.zeros_like(mask), kind))
    for name_of_text, (box, own) in zip(texts, boxes(mask), strict=True):
        cut = np.s_[box[1] : box[3], box[0] : box[2]]
        page = layered.compose(without=[name_of_text])[cut]
        assert np.array_equal(page[own > 0], bare[cut][own > 0])


@pytest.mark.parametrize("name", ["RGB", "RGB, JPEG"])
def test_pillow_composes_a_psd_to_the_cleaned_picture(name):
    """A library of others, layer by layer, with its own arithmetic."""
    data = UPLOADS[name]()
    encoded, _, mask = layers_of(data, "psd")
    image = PillowImage.open(io.BytesIO(encoded.data))
    expected = flat(data, mask, "psd")

    page = PillowImage.new("RGBA", image.size)
    for number, (layer, _, _, _) in enumerate(image.layers, start=1):
        image.seek(number)
        sheet = PillowImage.new("RGBA", image.size)
        box = image.layers[number - 1][2]
        sheet.paste(image.copy().crop(box), box[:2])
        if layer != "mask":
            page.alpha_composite(sheet)

    assert [layer for layer, *_ in image.layers] == ["original", *(f"text {n:03} (flat)" for n in range(1, 6)), "mask"]
    assert np.array_equal(np.asarray(page.convert("RGB")), expected)


@pytest.mark.parametrize("name", ["gray", "RGB", "RGB, JPEG", "CMYK"])
def test_pillow_shows_a_psd_as_the_cleaned_picture(name):
    """Viewers that know no layers take the merged one."""
    data = UPLOADS[name]()
    encoded, layered, mask = layers_of(data, "psd")

    shown = np.asarray(PillowImage.open(io.BytesIO(encoded.data)))

    expected = flat(data, mask, "psd")
    assert np.array_equal(shown.reshape(expected.shape), expected)
    assert np.array_equal(layered.merged, expected)


@pytest.mark.parametrize("name", ["gray+alpha", "RGBA", "RGBA 16-bit"])
def test_the_merged_picture_of_a_psd_lies_on_white(name):
    """Where it is opaque it is the cleaned one, where clear white, and in between in proportion; its alpha stands."""
    data = UPLOADS[name]()
    _, layered, mask = layers_of(data, "psd")

    expected = flat(data, mask, "psd").astype(np.float64)
    top = np.iinfo(layered.merged.dtype).max
    share = expected[..., -1:] / top
    assert np.array_equal(layered.merged[..., -1], expected[..., -1])
    assert np.abs(layered.merged[..., :-1] - (expected[..., :-1] * share + top * (1 - share))).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("name", [name for name in UPLOADS if name != "CMYK"])
def test_the_merged_picture_of_an_ora_is_the_cleaned_one(name):
    """`mergedimage.png` has alpha where the page has it."""
    data = UPLOADS[name]()

    _, layered, mask = layers_of(data, "ora")

    assert np.array_equal(layered.merged, flat(data, mask, "ora"))


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_layers_stand_upright(kind, orientation):
    """Layered files know no orientation: the layers are turned as a viewer turns the page."""
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    data = saved(rgb(), exif=exif)
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    mask = np.zeros(picture.header.size_hw, np.uint8)
    mask[3:9, 2:30], mask[40:60, 40:50] = 255, 255

    encoded, layered, _ = layers_of(data, kind, mask)

    result = np.where(mask[..., None] > 0, painted(picture), picture.image)
    assert np.array_equal(layered.compose()[..., :3], result)
    assert np.array_equal(layered.compose(without=layered.names[1:-1])[..., :3], picture.image)
    assert encoded.fidelity == "exact"
    assert (encoded.untouched_sha256 is not None) == (orientation == 1)


@pytest.mark.parametrize("kind", READ)
def test_profile_and_resolution_go_along(kind):
    """The ICC profile and the dots an inch of the upload stand in the file; in a PSD its EXIF and XMP, too."""
    exif = PillowImage.Exif()
    exif[0x013B] = "an artist"
    data = saved(rgb(), "TIFF", icc_profile=SRGB, dpi=(300, 150), exif=exif)

    facts = layers_of(data, kind)[1].facts

    if kind == "psd":
        assert facts[1039] == SRGB
        assert struct.unpack(">IHHIHH", facts[1005]) == (300 << 16, 1, 1, 150 << 16, 1, 1)
        again = PillowImage.Exif()
        again.load(facts[1058])
        assert again[0x013B] == "an artist"
    else:
        assert facts["icc_profile"] == SRGB
        assert (facts["xres"], facts["yres"]) == ("300", "150")


@pytest.mark.parametrize("name", sorted(KEPT["ora"]))
def test_the_original_in_an_ora_is_what_the_hash_was_made_of(name):
    """The README's own check, on the lowest layer."""
    encoded, _, mask = layers_of(UPLOADS[name](), "ora")

    original = zipfile.ZipFile(io.BytesIO(encoded.data)).read("data/original.png")

    assert encoded.untouched_sha256 == verify(original, codec.encode_mask(mask).data)


@pytest.mark.parametrize("name", sorted(KEPT["psd"]))
def test_the_original_in_a_psd_is_what_the_hash_was_made_of(name):
    """Its samples where the mask is 0, row by row, two bytes little-endian above 8 bits."""
    encoded, layered, mask = layers_of(UPLOADS[name](), "psd")

    lowest = layered.sheets[0]
    samples = (
        lowest.colours if "alpha" not in name and "RGBA" not in name else np.dstack([lowest.colours, lowest.alpha])
    )
    kept = samples[mask == 0]

    assert encoded.untouched_sha256 == hashlib.sha256(kept.astype(kept.dtype.newbyteorder("<")).tobytes()).hexdigest()


@pytest.mark.parametrize("kind", READ)
def test_a_cover_on_the_transparent_paper_of_a_1_bit_page_is_opaque(kind):
    """Without layers the text becomes transparent as its paper; a cover of that would leave the text shown."""
    page = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask = spots()
    page[mask == 255] = page[60:] = 0
    data = saved(PillowImage.fromarray(page > 0), transparency=1)
    picture = codec.decode(data, max_pixels=MAX_PIXELS)

    encoded = codec.encode_layers(picture, np.full_like(picture.image, 255), covers_of(mask), mask=mask, format=kind)

    layered = READ[kind](encoded.data)
    for shown in (layered.compose(), layered.merged):
        assert (shown[mask == 255] == 255).all()
        assert (shown[60:, :, 0] == 0).all()


@pytest.mark.parametrize("kind", READ)
def test_a_page_without_text_has_two_layers(kind):
    """The original and an empty mask: a layered file was asked for, so that is what comes back."""
    nothing = np.zeros((HEIGHT, WIDTH), np.uint8)

    encoded, layered, _ = layers_of(UPLOADS["RGB"](), kind, nothing)

    assert layered.names == ["original", "mask"]
    assert np.array_equal(layered.compose()[..., :3], rgb())
    assert not layered.sheets[1].colours.any()
    assert encoded.media_type == {"psd": "image/vnd.adobe.photoshop", "ora": "image/openraster"}[kind]


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize("size_hw", [(1, 1), (1, 300), (300, 1), (2, 3)])
def test_the_smallest_pages_have_layers_too(kind, size_hw):
    """A mask over the whole of a tiny page."""
    image = pages.noise(*size_hw)

    _, layered, mask = layers_of(saved(image), kind, np.full(size_hw, 255, np.uint8))

    assert same_picture(layered.compose(), flat(saved(image), mask, kind))
    assert np.array_equal(layered.compose(without=layered.names[1:-1])[..., :3], image)


@pytest.mark.parametrize("kind", READ)
def test_the_same_page_gives_the_same_bytes(kind):
    """No chance in the file, and no date."""
    encoded = layers_of(UPLOADS["RGBA"](), kind)[0]

    assert encoded == layers_of(UPLOADS["RGBA"](), kind)[0]
    if kind == "ora":
        members = zipfile.ZipFile(io.BytesIO(encoded.data)).infolist()
        assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("kind", READ)
def test_a_deadline_ends_the_writing_between_two_layers(kind):
    """Whoever left is not written for."""
    picture = codec.decode(UPLOADS["RGB"](), max_pixels=MAX_PIXELS)
    mask, calls = spots(), 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise DeadlineExceeded

    with pytest.raises(DeadlineExceeded):
        codec.encode_layers(picture, painted(picture), covers_of(mask), mask=mask, format=kind, check=check)
    assert calls == 3


@pytest.mark.parametrize(
    ("layout", "bits", "channels", "write"),
    [
        ("gray", 8, 1, psd.write),
        ("RGB", 8, 3, psd.write),
        ("RGBA", 8, 4, psd.write),
        ("CMYK", 8, 4, psd.write),
        ("RGB", 16, 3, psd.write),
        ("gray", 8, 1, ora.write),
        ("RGB", 8, 3, ora.write),
        ("RGBA", 8, 4, ora.write),
    ],
)
def test_writing_layers_takes_no_more_than_admission_counts_for_it(layout, bits, channels, write):
    """16 bytes a pixel, and 32 above 8 bits, the file among them: of noise, which does not pack, half of it text."""
    height, width = 2400, 1800
    dtype = np.uint8 if bits == 8 else np.uint16
    samples = np.frombuffer(np.random.default_rng(1).bytes(height * width * channels * bits // 8), dtype)
    page = Stored(samples.reshape((height, width, channels) if channels > 1 else (height, width)), layout, bits)
    mask = np.zeros((height, width), np.uint8)
    mask[:1200] = 255
    stack = Stack(page, page, [Cover("text 001 (inpaint)", (0, 0, width, 1200), mask[:1200])], mask)

    tracemalloc.start()
    try:
        write(stack, Metadata())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak <= LAYERS_BYTES_PER_PIXEL * (bits // 8) * height * width


def test_too_many_texts_for_an_editor_are_refused():
    """8,000 layers are Photoshop's own limit."""
    page = Stored(np.zeros((90, 100, 3), np.uint8), "RGB", 8)
    dot = np.full((1, 1), 255, np.uint8)
    covers = [Cover("text", (n % 100, n // 100, n % 100 + 1, n // 100 + 1), dot) for n in range(MAX_LAYERS - 1)]
    mask = np.zeros((90, 100), np.uint8)

    Stack(page, page, covers[:-1], mask)
    with pytest.raises(NotEncodable, match="There are 7999 texts; a layered file holds at most 7998"):
        Stack(page, page, covers, mask)


def test_boxes_over_boxes_are_refused():
    """Hundreds of frames in each other would be hundreds of pages."""
    page = Stored(np.zeros((40, 50), np.uint8), "gray", 8)
    mask = np.zeros((40, 50), np.uint8)
    frames = [Cover("text", (0, 0, 50, 40), mask)] * (MAX_OVERLAP + 1)

    Stack(page, page, frames[1:], mask)
    with pytest.raises(NotEncodable, match="17 times the page"):
        Stack(page, page, frames, mask)


def test_a_large_profile_under_many_texts_is_refused_as_ora():
    """Each layer carries it; a PSD holds it once."""
    page = Stored(np.zeros((40, 50), np.uint8), "gray", 8)
    covers = [Cover("text", (n, 0, n + 1, 1), np.full((1, 1), 255, np.uint8)) for n in range(50)]

    with pytest.raises(NotEncodable, match="format=psd holds it once"):
        ora.write(Stack(page, page, covers, np.zeros((40, 50), np.uint8)), Metadata(icc=bytes(2_000_000)))


@pytest.mark.parametrize(
    ("kind", "width", "height", "limit"),
    [("psd", 30_001, 10, 30_000), ("psd", 8_001, 8_000, 64_000_000), ("ora", 8_001, 8_000, 64_000_000)],
)
def test_a_page_too_large_for_layers_is_refused_before_the_work(kind, width, height, limit):
    """From the header alone."""
    with pytest.raises(NotEncodable) as refusal:
        codec.check_encodable(Header("png", width, height, "RGB", 8), kind)

    assert refusal.value.facts["limit"] == limit


def test_without_the_extra_psd_is_refused_by_its_name(monkeypatch):
    """ORA needs none."""
    monkeypatch.setattr(codec, "find_spec", lambda name: None)
    header = Header("png", 10, 10, "RGB", 8)

    codec.check_encodable(header, "ora")
    with pytest.raises(UnsupportedFormat, match="needs the extra `layers`"):
        codec.check_encodable(header, "psd")
    assert codec.writable_formats() == ["same", "png", "jpeg", "webp", "ora"]
