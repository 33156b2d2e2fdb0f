"""Colour: luma, CMYK inks and ICC profiles. Nothing here knows about files."""

from __future__ import annotations

import io
from functools import cached_property
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageCms

from service.imaging.arrays import Image

Inks = npt.NDArray[np.uint8]
"""`(H, W, 4)` uint8 CMYK, 255 = full ink."""

_ROWS_AT_ONCE = 256


def luma(image: Image) -> npt.NDArray[np.uint8]:
    """`(H, W)` uint8 brightness (Rec. 601); a gray pixel keeps its value exactly."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


class Press:
    """How inks look and which inks show a colour: through a profile where it is usable, else plainly.

    Made for each picture, and once: a profile takes a tenth of a second to read. Nothing is shared between threads.
    """

    def __init__(self, icc: bytes | None) -> None:
        self._icc = icc

    @cached_property
    def _to_rgb(self) -> ImageCms.ImageCmsTransform | None:
        return _transform(self._icc, "to-rgb") if self._icc else None

    @cached_property
    def _to_cmyk(self) -> ImageCms.ImageCmsTransform | None:
        return _transform(self._icc, "to-cmyk") if self._icc else None

    def show(self, inks: Inks) -> Image:
        """Show CMYK inks as RGB; without a profile as (1 - ink) * (1 - black)."""
        shown = np.empty((*inks.shape[:2], 3), np.uint8)
        for start in range(0, len(inks), _ROWS_AT_ONCE):  # of a whole page the wide numbers would be seven pages
            some = np.ascontiguousarray(inks[start : start + _ROWS_AT_ONCE])
            if self._to_rgb is None:
                light = 255 - some.astype(np.uint16)
                shown[start : start + _ROWS_AT_ONCE] = (light[..., :3] * light[..., 3:] + 127) // 255
            else:
                seen = ImageCms.applyTransform(PillowImage.fromarray(some, "CMYK"), self._to_rgb)
                shown[start : start + _ROWS_AT_ONCE] = np.asarray(seen)
        return shown

    def find_inks(self, image: Image) -> Inks:
        """Find inks for RGB colours; without a profile with as much black as possible."""
        if self._to_cmyk is not None:
            inks = ImageCms.applyTransform(PillowImage.fromarray(np.ascontiguousarray(image)), self._to_cmyk)
            return np.ascontiguousarray(np.asarray(inks))
        brightest = image.max(axis=2, keepdims=True).astype(np.uint16)
        light = (image.astype(np.uint16) * 255 + brightest // 2) // np.maximum(brightest, 1)
        colour = np.where(brightest == 0, 0, 255 - light)
        return np.concatenate([colour, 255 - brightest], axis=2).astype(np.uint8)


def colour_space(icc: bytes) -> str | None:
    """The colour space a profile describes (`RGB`, `GRAY`, `CMYK`...); None where the profile is damaged."""
    if len(icc) < 128 or icc[36:40] != b"acsp":  # ICC.1:2022, 7.2: the header's space and signature
        return None
    return icc[16:20].decode("ascii", "replace").strip()


def _transform(icc: bytes, direction: Literal["to-rgb", "to-cmyk"]) -> ImageCms.ImageCmsTransform | None:
    """A transform between the profile's inks and sRGB, or None where the profile is not a usable CMYK profile.

    Relative colorimetric with black point compensation: bare paper is shown as pure white, and white as bare paper.
    """
    if colour_space(icc) != "CMYK":
        return None
    try:
        inks, screen = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
        source, target = (inks, screen) if direction == "to-rgb" else (screen, inks)
        modes = ("CMYK", "RGB") if direction == "to-rgb" else ("RGB", "CMYK")
        return ImageCms.buildTransform(
            source,
            target,
            *modes,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def gray_to_srgb(gray: npt.NDArray[np.uint8], icc: bytes) -> Image:
    """Show gray samples of a gray profile as sRGB; as equal channels where the profile is not usable."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "L", "RGB")
        shown = ImageCms.applyTransform(PillowImage.fromarray(np.ascontiguousarray(gray)), transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB), np.uint8)
    return np.ascontiguousarray(np.asarray(shown))


def apart(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """`(...)` the largest difference in a channel, in levels, between `(..., 3)` and `(..., 3)` or `(3,)` floats.

    Channel by channel: NumPy's `max` over so short an axis takes several times as long.
    """
    difference = np.abs(np.asarray(one - other, np.float32))
    return np.asarray(np.maximum(np.maximum(difference[..., 0], difference[..., 1]), difference[..., 2]))


def colour_distance(image: Image, colour: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """`(H, W)` uint8: the largest channel difference, in levels, between each pixel and `colour` `(3,)`."""
    rounded = np.clip(np.rint(np.asarray(colour, np.float32)), 0, 255).astype(np.uint8)
    # Not by cv2.absdiff: a plane of 4 x 1 pixels is a scalar to it, and refused.
    red, green, blue = (
        np.maximum(image[:, :, channel], rounded[channel]) - np.minimum(image[:, :, channel], rounded[channel])
        for channel in range(3)
    )
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)
