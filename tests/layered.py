"""Layered files as others read them: PSD by Adobe's specification alone, ORA by its own and Pillow. Never by us."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

Samples = npt.NDArray[Any]
DEEP_LAYERS = b"8BIMLr16"


@dataclass(frozen=True)
class Sheet:
    """One layer."""

    name: str
    box: tuple[int, int, int, int]
    visible: bool
    clipped: bool
    """Whether it keeps to the opacity of what is below."""
    colours: Samples
    """`(h, w, C)`."""
    alpha: Samples
    """`(h, w)`; opaque where the layer has none."""


@dataclass(frozen=True)
class Layered:
    """A layered file."""

    size_hw: tuple[int, int]
    sheets: list[Sheet]
    """From the lowest to the highest."""
    merged: Samples
    """`(H, W, C)` what viewers show that know no layers, with its alpha, if there is one."""
    facts: dict[Any, Any] = field(default_factory=dict)
    """What stands beside: image resources by number; attributes of the list of layers."""

    @property
    def names(self) -> list[str]:
        """Of all layers, from the lowest."""
        return [sheet.name for sheet in self.sheets]

    def compose(self, *, without: Container[str] = ()) -> Samples:
        """`(H, W, C + 1)` samples of all visible layers over each other, some left out."""
        lowest = self.sheets[0]
        top = np.iinfo(lowest.colours.dtype).max
        page = np.dstack([lowest.colours, lowest.alpha])
        assert page.shape[:2] == self.size_hw
        for sheet in self.sheets[1:]:
            if not sheet.visible or sheet.name in without:
                continue
            assert set(np.unique(sheet.alpha)) <= {0, top}, "nothing to blend, nothing to round"
            x0, y0, x1, y1 = sheet.box
            below, covered = page[y0:y1, x0:x1], sheet.alpha == top
            below[..., :-1][covered] = sheet.colours[covered]
            if not sheet.clipped:
                below[..., -1][covered] = top
        return page


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        assert self.at + count <= len(self.data), "the file is shorter than it says"
        self.at += count
        return self.data[self.at - count : self.at]

    def numbers(self, code: str) -> tuple[Any, ...]:
        return struct.unpack(">" + code, self.take(struct.calcsize(">" + code)))

    def block(self) -> _Reader:
        """What stands behind its own length."""
        return _Reader(self.take(*self.numbers("I")))

    @property
    def left(self) -> int:
        return len(self.data) - self.at


def read_psd(data: bytes) -> Layered:
    """Read a PSD of gray, RGB or CMYK; inks come back from 0 = none to 255 = full."""
    file = _Reader(data)
    signature, version, channels, height, width, depth, mode = file.numbers("4sH6xHIIHH")
    assert (signature, version) == (b"8BPS", 1)
    colours = {1: 1, 3: 3, 4: 4}[mode]
    assert file.block().left == 0
    resources = _resources(file.block())
    section = file.block()
    info = section.block()
    if section.left > 4:
        assert info.left == section.block().left == 0
        assert section.take(8) == DEEP_LAYERS
        info = section.block()
    count, sheets = _sheets(info, depth, colours)
    assert (count < 0) == (channels > colours), "a negative number of layers says that the merged picture has alpha"
    assert file.numbers("H") == (1,)
    lengths = file.numbers(f"{channels * height}H")
    rows = [_unpacked(file.take(length), width * depth // 8) for length in lengths]
    assert file.left == 0
    merged = _numbers(b"".join(rows), depth).reshape(channels, height, width).transpose(1, 2, 0)
    return Layered((height, width), sheets, _light(merged, colours), resources)


def _resources(block: _Reader) -> dict[int, bytes]:
    found = {}
    while block.left:
        signature, number, name_length = block.numbers("4sHB")
        assert signature == b"8BIM"
        block.take(name_length + (name_length + 1) % 2)
        found[number] = block.block().data
        block.take(len(found[number]) % 2)
    return found


def _sheets(info: _Reader, depth: int, colours: int) -> tuple[int, list[Sheet]]:
    (count,) = info.numbers("h")
    records = [_record(info) for _ in range(abs(count))]
    sheets = []
    for record in records:
        x0, y0, x1, y1 = record["box"]
        planes = {number: _plane(info.take(length), (y1 - y0, x1 - x0), depth) for number, length in record["channels"]}
        assert sorted(planes) == [-1, *range(colours)]
        light = _light(np.dstack([planes[number] for number in range(colours)]), colours)
        sheets.append(Sheet(record["name"], record["box"], record["visible"], record["clipped"], light, planes[-1]))
    assert info.left < 4
    return count, sheets


def _record(info: _Reader) -> dict[str, Any]:
    y0, x0, y1, x1, count = info.numbers("4iH")
    channels = [info.numbers("hI") for _ in range(count)]
    signature, blend, opacity, clipping, flags, _ = info.numbers("4s4sBBBB")
    assert (signature, blend, opacity) == (b"8BIM", b"norm", 255)
    extra = info.block()
    assert extra.block().left == 0, "no layer masks"
    extra.block()
    (length,) = extra.numbers("B")
    name = extra.take(length).decode("ascii")
    extra.take(-(length + 1) % 4)
    assert extra.take(8) == b"8BIMluni"
    unicode_name = extra.block()
    (letters,) = unicode_name.numbers("I")
    assert unicode_name.take(2 * letters).decode("utf-16-be").rstrip("\0") == name
    box = (x0, y0, x1, y1)
    return {"name": name, "box": box, "channels": channels, "visible": not flags & 2, "clipped": clipping == 1}


def _plane(data: bytes, size_hw: tuple[int, int], depth: int) -> Samples:
    """One channel of a layer: runs, or deflated."""
    (compression,), packed = struct.unpack(">H", data[:2]), data[2:]
    height, width = size_hw
    if compression == 2:
        return _numbers(zlib.decompress(packed), depth).reshape(size_hw)
    assert compression == 1
    reader = _Reader(packed)
    rows = [_unpacked(reader.take(length), width * depth // 8) for length in reader.numbers(f"{height}H")]
    assert reader.left == 0
    return _numbers(b"".join(rows), depth).reshape(size_hw)


def _unpacked(packed: bytes, size: int) -> bytes:
    """PackBits, as TIFF 6.0 has it in section 9."""
    row, at = bytearray(), 0
    while at < len(packed):
        head = packed[at]
        if head < 128:
            row += packed[at + 1 : at + 2 + head]
            at += 2 + head
        elif head == 128:
            at += 1
        else:
            row += packed[at + 1 : at + 2] * (257 - head)
            at += 2
    assert len(row) == size
    return bytes(row)


def _numbers(data: bytes, depth: int) -> Samples:
    return np.frombuffer(data, ">u2" if depth == 16 else np.uint8).astype(np.uint16 if depth == 16 else np.uint8)


def _light(samples: Samples, colours: int) -> Samples:
    return ~samples if colours == 4 else samples


def read_ora(data: bytes) -> Layered:
    """Read an OpenRaster file, its pictures with Pillow."""
    assert data[30:54] == b"mimetypeimage/openraster", "the first file, stored as it is"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        image = ET.fromstring(archive.read("stack.xml"))  # noqa: S314  our own file
        layers = image.findall("stack/layer")
        sheets = [_sheet(archive, layer) for layer in reversed(layers)]
        thumbnail = PillowImage.open(io.BytesIO(archive.read("Thumbnails/thumbnail.png")))
        merged = PillowImage.open(io.BytesIO(archive.read("mergedimage.png")))
        places = {layer.attrib["src"] for layer in layers}
        expected = {"mimetype", "stack.xml", "mergedimage.png", "Thumbnails/thumbnail.png", *places}
        assert set(archive.namelist()) == expected
    size_hw = int(image.attrib["h"]), int(image.attrib["w"])
    assert max(thumbnail.size) == min(256, max(size_hw))
    shown = np.asarray(merged)
    return Layered(size_hw, sheets, shown if shown.ndim == 3 else shown[..., None], {**image.attrib, **merged.info})


def _sheet(archive: zipfile.ZipFile, layer: ET.Element) -> Sheet:
    picture = PillowImage.open(io.BytesIO(archive.read(layer.attrib["src"])))
    samples = np.asarray(picture)
    samples = samples[..., None] if samples.ndim == 2 else samples
    has_alpha = picture.mode in {"LA", "RGBA"}
    colours = samples[..., :-1] if has_alpha else samples
    x, y = int(layer.get("x", "0")), int(layer.get("y", "0"))
    return Sheet(
        layer.attrib["name"],
        (x, y, x + picture.width, y + picture.height),
        layer.get("visibility", "visible") == "visible",
        layer.get("composite-op", "svg:src-over") == "svg:src-atop",
        colours,
        samples[..., -1] if has_alpha else np.full(samples.shape[:2], 255, np.uint8),
    )
