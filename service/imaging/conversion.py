"""Carry a picture over to another file format: what the target can hold stays, the rest changes by a stated rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from service.imaging.arrays import Image
from service.imaging.colour import colour_space, gray_to_srgb
from service.imaging.exif import resolution_block, with_orientation
from service.imaging.orientation import upright
from service.imaging.stored import Metadata, Stored, alpha_of, to_8_bits, view

_GRAYS = {"bilevel", "gray", "gray+alpha"}


def stand_upright(stored: Stored, metadata: Metadata, orientation: int) -> tuple[Stored, Metadata]:
    """Turn the samples upright and say so in the EXIF: not every viewer turns every format."""
    exif = metadata.exif and with_orientation(metadata.exif, 1)
    turned = replace(stored, samples=upright(stored.samples, orientation))
    return turned, replace(metadata, exif=exif).without_previews()


def for_png(stored: Stored, metadata: Metadata) -> tuple[Stored, Metadata, bool]:
    """PNG holds every mode but CMYK, which becomes sRGB. The last value: whether every sample is as it was."""
    if stored.layout == "CMYK":
        return Stored(view(stored), "RGB", 8), replace(metadata, icc=None), False
    return stored, _with_fitting_profile(stored, metadata), True


def for_webp(stored: Stored, metadata: Metadata) -> tuple[Stored, Metadata, bool]:
    """WebP holds 8-bit RGB and RGBA. The last value: whether every sample is as it was, and means what it meant."""
    same = stored.layout in {"RGB", "RGBA"} and stored.bits == 8 and stored.colour_key is None
    same = same and not metadata.needs_png
    shown = view(stored)
    icc = metadata.icc
    if icc and stored.layout in _GRAYS and colour_space(icc) == "GRAY":
        shown, icc = gray_to_srgb(shown[..., 0], icc), None
    if stored.layout == "CMYK":
        icc = None
    alpha = alpha_of(stored)
    written = Stored(shown, "RGB", 8) if alpha is None else Stored(np.dstack([shown, alpha]), "RGBA", 8)
    exif = metadata.exif
    if exif is None and metadata.dpi is not None:
        exif = resolution_block(metadata.dpi)  # WebP itself has no field for it
    return written, _with_fitting_profile(written, replace(metadata, icc=icc, exif=exif)), same


def for_jpeg(stored: Stored, metadata: Metadata) -> tuple[Stored, Metadata]:
    """JPEG holds 8-bit gray, RGB and CMYK; what is transparent is laid on white, as JPEG knows no transparency."""
    if stored.layout == "CMYK":
        return stored, metadata
    shown = _on_white(stored)
    written = Stored(shown[..., 0].copy(), "gray", 8) if stored.layout in _GRAYS else Stored(shown, "RGB", 8)
    return written, _with_fitting_profile(written, metadata)


def for_psd(stored: Stored, metadata: Metadata) -> tuple[Stored, Metadata, bool]:
    """Layers of a PSD are gray, RGB or CMYK at 8 or 16 bits. The last value: whether each sample is and means the same.

    The rest keeps what it shows: narrow gray is scaled to 8 bits, a palette becomes RGB, and what a palette or one
    colour says of transparency becomes an alpha channel.
    """
    widened = stored.layout in {"bilevel", "palette"} or stored.bits < 8 or stored.colour_key is not None
    if widened:
        stored = _with_alpha_channel(stored)
    return stored, _with_fitting_profile(stored, metadata), not widened and not metadata.needs_png


def for_ora(stored: Stored, metadata: Metadata) -> tuple[Stored, Metadata, bool]:
    """As for PSD, but at 8 bits, as editors read these files, and CMYK becomes sRGB."""
    if stored.layout == "CMYK":
        return Stored(view(stored), "RGB", 8), replace(metadata, icc=None), False
    written, metadata, same = for_psd(stored, metadata)
    if written.bits == 8:
        return written, metadata, same
    return replace(written, samples=to_8_bits(written.samples, written.bits), bits=8), metadata, False


def with_alpha_of(original: Stored, changed: Stored) -> Stored:
    """`changed` as opaque as the `original`: what became the colour of transparent paper would not cover anything."""
    if original.layout not in {"gray+alpha", "RGBA"} or np.array_equal(
        original.samples[..., -1], changed.samples[..., -1]
    ):
        return changed
    samples = changed.samples.copy()
    samples[..., -1] = original.samples[..., -1]
    return replace(changed, samples=samples)


def _with_alpha_channel(stored: Stored) -> Stored:
    """The same picture without a palette, a transparent colour or narrow samples."""
    bits = max(stored.bits, 8)
    colours = stored.samples if bits == 16 else view(stored)
    if stored.layout in _GRAYS and colours.ndim == 3:
        colours = colours[..., 0]
    alpha = alpha_of(stored)
    if alpha is None:
        return Stored(np.ascontiguousarray(colours), "gray" if colours.ndim == 2 else "RGB", bits)
    opacity = alpha.astype(colours.dtype) * (257 if bits == 16 else 1)
    return Stored(np.dstack([colours, opacity]), "gray+alpha" if colours.ndim == 2 else "RGBA", bits)


def _on_white(stored: Stored) -> Image:
    shown, alpha = view(stored), alpha_of(stored)
    if alpha is None:
        return shown
    opacity = alpha[..., None].astype(np.uint16)
    return np.asarray((shown * opacity + 255 * (255 - opacity) + 127) // 255, np.uint8)


def _with_fitting_profile(stored: Stored, metadata: Metadata) -> Metadata:
    """Leave out a profile of another colour space: a reader would refuse it or misread the picture."""
    space = colour_space(metadata.icc) if metadata.icc else None
    wanted = "GRAY" if stored.layout in _GRAYS else "CMYK" if stored.layout == "CMYK" else "RGB"
    return metadata if space == wanted else replace(metadata, icc=None)
