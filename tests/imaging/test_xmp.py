"""Pictures of the page in XMP: they show what was erased, in whichever format the packet stands."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable

import pytest
from PIL import Image as PillowImage
from PIL import PngImagePlugin, TiffImagePlugin

from service.imaging import codec
from service.imaging.xmp import without_thumbnails
from tests.imaging.jxl_files import jxl
from tests.imaging.modes import erase_box, heic, rgb, saved
from tests.imaging.test_jxl import contained
from tests.imaging.test_photoshop import jpeg_with, segment

TITLE = b"<dc:title>a page</dc:title>"
PREVIEW = base64.b64encode(saved(rgb()[:16, :16].copy(), "JPEG"))
TOLD = PREVIEW[200:260]
"""Enough of it to be sure that it is there."""


def packet(image: bytes = b"<xmpGImg:image>" + PREVIEW + b"</xmpGImg:image>") -> bytes:
    """An XMP packet as Photoshop writes it, with a thumbnail."""
    thumbnails = b'<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource">' + image + b"</rdf:li></rdf:Alt>"
    return b"<x:xmpmeta>" + TITLE + thumbnails + b"</xmp:Thumbnails></x:xmpmeta>"


def png() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", packet().decode())
    return saved(rgb(), "PNG", pnginfo=text)


def tiff() -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[700] = packet()
    tags.tagtype[700] = 1
    return saved(rgb(), "TIFF", tiffinfo=tags)


def jpeg_in_parts(*order: int) -> bytes:
    """A JPEG whose packet is too long for a segment: its parts are named, and need not stand in their order."""
    whole, places = packet(), (0, 300, 500)
    parts = [
        b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", len(whole), start) + whole[start:end]
        for start, end in zip(places, (*places[1:], len(whole)), strict=True)
    ]
    return jpeg_with(*(segment(0xE1, parts[number]) for number in order))


FILES: dict[str, Callable[[], bytes]] = {
    "PNG": png,
    "TIFF": tiff,
    "JPEG": lambda: saved(rgb(), "JPEG", xmp=packet()),
    "JPEG progressive": lambda: saved(rgb(), "JPEG", xmp=packet(), progressive=True),
    "WebP": lambda: saved(rgb(), "WEBP", xmp=packet(), lossless=True),
    "AVIF": lambda: saved(rgb(), "AVIF", xmp=packet()),
    "HEIC": lambda: heic(8, 3, xmp=packet()),
    "JPEG XL": lambda: contained(jxl(rgb()), (b"xml ", packet())),
}


@pytest.mark.parametrize("target", ["same", "png", "jpeg", "webp"])
@pytest.mark.parametrize("kind", FILES)
def test_a_picture_comes_back_without_the_thumbnail_in_its_xmp(kind: str, target: str) -> None:
    """It is a JPEG file in base64; what else the packet says stays."""
    data = FILES[kind]()

    _, encoded = erase_box(data, format=target)

    assert TOLD in data
    assert TOLD not in encoded.data
    assert TITLE in encoded.data


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_a_thumbnail_goes_however_its_packet_is_cut(order: tuple[int, ...]) -> None:
    """Of long packets JPEG files carry the rest in segments of their own, and thumbnails are moved there first."""
    data = jpeg_in_parts(*order)

    _, encoded = erase_box(data)

    for at in range(0, len(PREVIEW) - 60, 60):
        assert PREVIEW[at + 20 : at + 60] not in encoded.data
    assert TITLE in encoded.data
    assert PillowImage.open(io.BytesIO(encoded.data)).size == PillowImage.open(io.BytesIO(data)).size


def test_where_nothing_is_erased_the_thumbnail_stays() -> None:
    """An empty mask gives the upload back, byte for byte."""
    data = png()
    picture = codec.decode(data, max_pixels=10_000)
    mask = picture.image[..., 0] * 0

    assert codec.encode(picture, picture.image, mask=mask, format="same", quality=None).data == data


@pytest.mark.parametrize(
    ("before", "picture", "after"),
    [
        (b"<xmpGImg:image>", b"\n" + PREVIEW[:76] + b"&#xA;" + PREVIEW[76:] + b"\n", b"</xmpGImg:image>"),
        (b'<li xapGImg:image="', PREVIEW, b'"/>'),
        (b"<li GImage:Data='", PREVIEW, b"'/>"),
        (b"<t:preview>", base64.b64encode(saved(rgb(), "PNG")), b"</t:preview>"),
    ],
    ids=["in lines", "an attribute", "another name", "PNG"],
)
def test_a_thumbnail_is_blanked_however_it_is_written(before: bytes, picture: bytes, after: bytes) -> None:
    """In lines or in one, as an element or an attribute of any name: the packet has its length, and all the rest."""
    blank = without_thumbnails(packet(before + picture + after))

    assert blank == packet(before + b" " * len(picture) + after)
    assert without_thumbnails(blank) == blank


@pytest.mark.parametrize("text", [b"<a>/9j is no picture</a>", b"<a>see /9j/4AAQ</a>", b'<a b="iVBORw0KG">c</a>', b""])
def test_what_is_no_picture_stays(text: bytes) -> None:
    """Only a value that begins as a JPEG or PNG file does is one."""
    assert without_thumbnails(text) == text


@pytest.mark.parametrize("end", range(0, len(packet()), 41))
def test_a_packet_that_is_cut_off_keeps_its_length(end: int) -> None:
    """What is there of a thumbnail goes."""
    after = without_thumbnails(packet()[:end])

    assert len(after) == end
    assert PREVIEW[4:30] not in after
