"""OpenRaster files (openraster.org, version 0.0.3): a ZIP archive of PNG files and a list of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import cv2
import numpy as np

from service.errors import NotEncodable
from service.imaging.formats import png
from service.imaging.headers import Layout
from service.imaging.layers.stack import MASK, ORIGINAL, Stack
from service.imaging.stored import Metadata, Stored, alpha_of, view

MEDIA_TYPE = "image/openraster"
_THUMBNAIL_PX = 256
_MAX_PROFILES_BYTES = 64 * 1024 * 1024
"""Each layer carries the profile: a large one under many texts would make a file of nothing else."""
_COVER_LAYOUTS: dict[int, Layout] = {2: "gray+alpha", 4: "RGBA"}
_CLIPPED = "svg:src-atop"
"""Drawn with the opacity of what is below."""


def write(stack: Stack, metadata: Metadata, *, check: Callable[[], None] = lambda: None) -> bytes:
    """Write the file, with every sample of the stack as it is; `check` is called before each layer.

    Raises NotEncodable where a large profile would stand in many layers.
    """
    profile = Metadata(icc=metadata.icc)
    _refuse_many_profiles(stack, metadata.icc)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # PNG is compressed already
        # The first file, so that the first bytes tell the type. None has a date: the same page gives the same bytes.
        archive.writestr(zipfile.ZipInfo("mimetype"), MEDIA_TYPE)
        archive.writestr(zipfile.ZipInfo("stack.xml"), _list_of_layers(stack, metadata.dpi))
        check()
        _add(archive, _place(ORIGINAL), stack.original, metadata)
        for number, cover in enumerate(stack.covers, start=1):
            check()
            samples = stack.samples_of(cover)
            sheet = Stored(samples, _COVER_LAYOUTS[samples.shape[2]], stack.cleaned.bits)
            _add(archive, _cover_place(number), sheet, profile)
        check()
        _add(archive, _place(MASK), Stored(stack.mask, "gray", 8), Metadata())
        check()
        _add(archive, "mergedimage.png", stack.cleaned, metadata)
        _add(archive, "Thumbnails/thumbnail.png", _thumbnail(stack.cleaned), profile)
    return file.getvalue()


def _add(archive: zipfile.ZipFile, place: str, picture: Stored, metadata: Metadata) -> None:
    with archive.open(zipfile.ZipInfo(place), "w") as member:
        for piece in png.pieces(picture, metadata):
            member.write(piece)


def _refuse_many_profiles(stack: Stack, icc: bytes | None) -> None:
    total = len(icc or b"") * len(stack.covers)
    if total > _MAX_PROFILES_BYTES:
        raise NotEncodable(
            f"The profile of {len(icc or b'')} bytes would stand in each of {len(stack.covers)} layers: {total} bytes, "
            f"of at most {_MAX_PROFILES_BYTES}; format=psd holds it once.",
            limit=_MAX_PROFILES_BYTES,
        )


def _list_of_layers(stack: Stack, dpi: tuple[float, float] | None) -> bytes:
    """`stack.xml`: the layers from the highest to the lowest."""
    height, width = stack.size_hw
    image = ET.Element("image", version="0.0.3", w=str(width), h=str(height))
    if dpi is not None:
        image.attrib |= {"xres": str(max(1, round(dpi[0]))), "yres": str(max(1, round(dpi[1])))}
    layers = ET.SubElement(image, "stack")
    ET.SubElement(layers, "layer", name=MASK, src=_place(MASK), visibility="hidden")
    clips = stack.clips
    for number, cover in reversed([*enumerate(stack.covers, start=1)]):
        x, y = (str(side) for side in cover.box[:2])
        layer = ET.SubElement(layers, "layer", name=cover.name, src=_cover_place(number), x=x, y=y)
        if clips:
            layer.set("composite-op", _CLIPPED)
    ET.SubElement(layers, "layer", name=ORIGINAL, src=_place(ORIGINAL))
    return bytes(ET.tostring(image, encoding="UTF-8", xml_declaration=True))


def _place(name: str) -> str:
    return f"data/{name}.png"


def _cover_place(number: int) -> str:
    return _place(f"text-{number:03}")


def _thumbnail(cleaned: Stored) -> Stored:
    """As large as the format wants it: within 256 x 256 px, never enlarged, 8 bits."""
    height, width = cleaned.samples.shape[:2]
    scale = min(1.0, _THUMBNAIL_PX / max(height, width))
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    step = max(1, max(height, width) // (4 * _THUMBNAIL_PX))  # enough of a large page, and no copy of it
    coarse = replace(cleaned, samples=cleaned.samples[::step, ::step])
    shown = cv2.resize(view(coarse), size_wh, interpolation=cv2.INTER_AREA)
    alpha = alpha_of(coarse)
    if alpha is None:
        return Stored(shown, "RGB", 8)
    return Stored(np.dstack([shown, cv2.resize(alpha, size_wh, interpolation=cv2.INTER_AREA)]), "RGBA", 8)
