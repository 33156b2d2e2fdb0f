"""Image files to arrays and back, losing nothing. The only place that decodes or encodes image files.

A picture is worked on as upright 8-bit RGB. What goes back into the file are its own stored samples, in stored order
and at native depth, changed inside the mask and nowhere else; the table in the README says what that means for each
mode, and a test runs each of its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from service.errors import (
    AnimatedImage,
    InvalidMask,
    MaskMismatch,
    NotEncodable,
    TextEraserError,
    UnsupportedFormat,
)
from service.imaging.arrays import Image, Mask
from service.imaging.colour import luma
from service.imaging.conversion import for_jpeg, for_ora, for_png, for_psd, for_webp, stand_upright, with_alpha_of
from service.imaging.formats import avif, bmp, gif, heic, jpeg, jxl, png, tiff, webp
from service.imaging.formats.jpeg_frame import unreached
from service.imaging.formats.rasters import ensure_memory, foreign_errors, memory_errors
from service.imaging.headers import TITLES, Format, Header, refuse_too_many_pixels, sniff
from service.imaging.layers import ora
from service.imaging.layers.stack import MAX_PIXELS, Cover, Stack
from service.imaging.orientation import stored_order, upright
from service.imaging.stored import Metadata, Stored, alpha_of, changed_pixels, put, untouched_sha256, view
from service.options import FlatFormat, LayeredFormat, OutputFormat

Fidelity = Literal["exact", "blocks", "reencoded"]
DEFAULT_QUALITY = 95


@dataclass(frozen=True)
class Encoded:
    """A finished image file."""

    data: bytes
    media_type: str
    fidelity: Fidelity
    """`exact`: outside the mask every stored sample is as in the upload; `blocks`: every JPEG block that the
    mask does not touch is; `reencoded`: the format or a request to convert changed values everywhere."""
    untouched_sha256: str | None = None
    """SHA-256 of the samples that did not change (see `untouched_sha256`); None where all were encoded anew."""


class FormatModule(Protocol):
    """What each module of `formats` answers."""

    def read_header(self, data: bytes) -> Header:
        """Read what the file says about itself; nothing is decoded."""

    def read(self, data: bytes, header: Header) -> Stored:
        """Decode the samples in stored order and at native depth."""

    def read_metadata(self, data: bytes) -> Metadata:
        """Collect what a conversion carries over."""


@dataclass(frozen=True)
class Picture:
    """A decoded file: what the networks see, and what goes back."""

    image: Image
    """`(H, W, 3)` uint8 RGB, upright, read-only. Alpha is not composited; pixels that are fully transparent are shown
    white, because what is stored under them is often noise, and nobody sees it."""
    alpha: npt.NDArray[np.uint8] | None
    """`(H, W)` uint8 opacity, upright; None where the file has no transparency."""
    header: Header
    stored: Stored
    """The file's own samples, in stored order."""
    data: bytes
    """The file itself."""


def read_header(data: bytes, *, max_pixels: int) -> Header:
    """Read what the file says about itself; nothing is decoded.

    Raises EmptyFile, NotAnImage, UnsupportedFormat, CorruptImage, AnimatedImage (more than one frame or page),
    TooManyPixels (width x height over `max_pixels`).
    """
    kind = sniff(data)
    with foreign_errors(TITLES[kind]):
        header = _MODULES[kind].read_header(data)
    refuse_too_many_pixels(header, max_pixels)
    if header.frames > 1:
        raise AnimatedImage(f"The file holds {header.frames} frames or pages; expected 1.", frames=header.frames)
    return header


def decode(data: bytes, *, max_pixels: int) -> Picture:
    """Decode an image file. Raises what `read_header` raises, and OutOfMemory."""
    header = read_header(data, max_pixels=max_pixels)
    with foreign_errors(TITLES[header.format]):
        ensure_memory(header)
        stored = _MODULES[header.format].read(data, header)
    with memory_errors():
        image = upright(view(stored), header.orientation)
        alpha = alpha_of(stored)
        if alpha is not None:
            alpha = upright(alpha, header.orientation)
            image = image.copy() if np.may_share_memory(image, stored.samples) else image
            image[alpha == 0] = 255
        image.flags.writeable = False  # it may be the stored samples themselves, which are never written to
    return Picture(image, alpha, header, stored, data)


def check_mask(data: bytes, part: str, *, size_hw: tuple[int, int], max_pixels: int) -> None:
    """Refuse from its header a mask file that cannot belong to an image of the upright `size_hw`; `part` names it.

    Raises what `read_header` raises, and MaskMismatch for another size.
    """
    with _named(part):
        header = read_header(data, max_pixels=max_pixels)
    if header.size_hw != size_hw:
        raise MaskMismatch(
            f"The file `{part}` is {header.width} x {header.height}; expected {size_hw[1]} x {size_hw[0]}, "
            "the size of the upright image.",
            found=[header.width, header.height],
            expected=[size_hw[1], size_hw[0]],
        )


def decode_mask(data: bytes, part: str, *, size_hw: tuple[int, int], max_pixels: int) -> Mask:
    """Decode a mask file: brighter than 127 = inside. `size_hw` and `part` are as in `check_mask`.

    Raises what `check_mask` and `decode` raise, InvalidMask where anything in it is transparent.
    """
    check_mask(data, part, size_hw=size_hw, max_pixels=max_pixels)
    with _named(part):
        picture = decode(data, max_pixels=max_pixels)
    if picture.alpha is not None and int(picture.alpha.min()) < 255:
        raise InvalidMask(
            f"The file `{part}` has transparent pixels, which could mean inside or outside; "
            "send gray, 1-bit or RGB without transparency, white inside and black outside."
        )
    return np.where(luma(picture.image) > 127, np.uint8(255), np.uint8(0))


@contextmanager
def _named(part: str) -> Iterator[None]:
    """Let every refusal say which file of a form it means."""
    try:
        yield
    except TextEraserError as exc:
        raise type(exc)(f"`{part}`: {exc.detail}", **exc.facts) from exc


def check_encodable(header: Header, format: OutputFormat) -> None:  # noqa: A002 - the option's own name
    """Raise NotEncodable where the output format cannot hold the picture's size; call it before the work.

    Raises UnsupportedFormat as `check_installed` does.
    """
    check_installed(format)
    target = header.format if format == "same" else format
    limit = _SIDE_LIMITS.get(target)
    if limit is not None and max(header.width, header.height) > limit:
        raise NotEncodable(
            f"The image is {header.width} x {header.height} px; {target} holds at most {limit} px a side.",
            limit=limit,
        )
    if format in get_args(LayeredFormat) and header.width * header.height > MAX_PIXELS:
        raise NotEncodable(
            f"The image has {header.width * header.height} pixels; layers are made of at most {MAX_PIXELS}.",
            limit=MAX_PIXELS,
        )


def check_installed(format: OutputFormat) -> None:  # noqa: A002 - the option's own name
    """Raise UnsupportedFormat, naming the extra, where the output format needs one that is not installed."""
    if format not in writable_formats():
        raise UnsupportedFormat("PSD needs the extra `layers` of Text Eraser. ORA holds the same layers.")


def writable_formats() -> list[OutputFormat]:
    """The output formats that can be had here: PSD is an optional extra."""
    known: tuple[OutputFormat, ...] = get_args(OutputFormat)
    return [name for name in known if name != "psd" or find_spec("psd_tools") is not None]


def media_type_of(header: Header, format: OutputFormat) -> str:  # noqa: A002 - the option's own name
    """The media type of the picture in an output format."""
    return header.media_type if format == "same" else MEDIA_TYPES[format]


def encode(
    picture: Picture,
    result: Image,
    *,
    mask: Mask,
    format: FlatFormat,  # noqa: A002 - the option's own name
    quality: int | None,
) -> Encoded:
    """Write `result` (upright RGB) into the picture's own samples where `mask` is 255, and those into a file.

    Outside the mask `result` is not even looked at. Raises NotEncodable (see `check_encodable`), OutOfMemory.
    """
    header = picture.header
    assert mask.shape == result.shape[:2] == header.size_hw
    check_encodable(header, format)
    with memory_errors():
        turned = stored_order(mask, header.orientation)
        if format in {"same", header.format} and quality is None and not turned.any():
            return Encoded(picture.data, header.media_type, "exact", untouched_sha256(picture.stored, turned))
        changed = put(picture.stored, stored_order(result, header.orientation), turned)
        if format in {"same", header.format}:
            encoded, in_stored_order = _write_back(picture, changed, turned, quality), True
        else:
            encoded, in_stored_order = _write_as(format, picture, changed, quality), header.orientation == 1
        if encoded.fidelity != "exact" or not in_stored_order:
            return encoded
        return replace(encoded, untouched_sha256=untouched_sha256(changed, turned))


def encode_layers(
    picture: Picture,
    result: Image,
    covers: Sequence[Cover],
    *,
    mask: Mask,
    format: LayeredFormat,  # noqa: A002 - the option's own name
    check: Callable[[], None] = lambda: None,
) -> Encoded:
    """Write the upright upload, a cover over each text, and the mask as layers; `check` is called before each.

    What all of them show is what `encode` writes as PNG, but that letters that were drawn on nothing are covered, not
    gone: covers can only hide. The covers' masks are together `mask`, `(H, W)`, and none
    shares a pixel with another. Raises NotEncodable (see `check_encodable`; too many texts), OutOfMemory.
    """
    header = picture.header
    assert mask.shape == result.shape[:2] == header.size_hw
    check_encodable(header, format)
    with memory_errors():
        turned = stored_order(mask, header.orientation)
        changed = put(picture.stored, stored_order(result, header.orientation), turned, keeps_alpha=True)
        metadata = _metadata_of(picture)
        fit = for_psd if format == "psd" else for_ora
        original, upright_metadata = stand_upright(picture.stored, metadata, header.orientation)
        cleaned, _ = stand_upright(changed, metadata, header.orientation)
        original, kept, same = fit(original, upright_metadata)
        covered = with_alpha_of(original, fit(cleaned, upright_metadata)[0])
        stack = Stack(original, covered, covers, mask)
        data = _write_psd(stack, kept, check) if format == "psd" else ora.write(stack, kept, check=check)
        encoded = Encoded(data, MEDIA_TYPES[format], "exact" if same else "reencoded")
        if not same or header.orientation != 1:
            return encoded
        return replace(encoded, untouched_sha256=untouched_sha256(changed, turned))


def _metadata_of(picture: Picture) -> Metadata:
    """What a conversion carries over; of some formats only the decoder could read the profile."""
    metadata = _MODULES[picture.header.format].read_metadata(picture.data)
    return metadata if metadata.icc else replace(metadata, icc=picture.stored.icc)


def _write_psd(stack: Stack, metadata: Metadata, check: Callable[[], None]) -> bytes:
    from service.imaging.layers import psd  # noqa: PLC0415  an optional extra

    return psd.write(stack, metadata, check=check)


def _write_back(picture: Picture, changed: Stored, turned: Mask, quality: int | None) -> Encoded:
    """Write the samples into a file of the upload's own format, with all that stood beside them."""
    header, data = picture.header, picture.data
    if header.format == "jpeg":
        kept = _keep_blocks(picture, changed, turned) if quality is None else None
        return kept or Encoded(jpeg.rewrite(data, changed, quality), header.media_type, "reencoded")
    if header.format in {"avif", "heic"}:
        if header.format == "avif":
            written = avif.rewrite(data, changed, quality=quality or DEFAULT_QUALITY)
        else:
            written = heic.rewrite(data, changed, quality=quality)
        return Encoded(written, header.media_type, "reencoded")
    if header.format == "jxl":
        rewritten = jxl.rewrite(data, changed, quality=quality)
        exact = header.lossless and quality is None
        return Encoded(rewritten, header.media_type, "exact" if exact else "reencoded")
    if header.format != "webp":
        rewrite = {"png": png.rewrite, "tiff": tiff.rewrite, "bmp": bmp.rewrite, "gif": gif.rewrite}[header.format]
        return Encoded(rewrite(data, changed), header.media_type, "exact")
    lossless = header.lossless and quality is None
    written = webp.write(changed, webp.read_metadata(data), quality=quality or DEFAULT_QUALITY, lossless=lossless)
    return Encoded(written, header.media_type, "exact" if lossless else "reencoded")


def _keep_blocks(picture: Picture, changed: Stored, turned: Mask) -> Encoded | None:
    """Encode only the touched blocks of a JPEG; None where that cannot be done, or does not prove itself.

    The proof is made each time: where no change can reach, the new file must decode to the very samples of the upload.
    """
    written = jpeg.replace_blocks(picture.data, picture.stored, changed)
    if written is None:
        return None
    kept = unreached(picture.data, turned)
    after = jpeg.read(written, picture.header)
    if (changed_pixels(picture.stored, after) & kept).any():
        return None
    digest = untouched_sha256(picture.stored, np.where(kept, np.uint8(0), np.uint8(255)))
    return Encoded(written, picture.header.media_type, "blocks", digest)


def _write_as(
    target: Literal["png", "jpeg", "webp"], picture: Picture, changed: Stored, quality: int | None
) -> Encoded:
    """Write the samples, upright, into a new file of another format."""
    metadata = _metadata_of(picture)
    stored, metadata = stand_upright(changed, metadata, picture.header.orientation)
    if target == "png":
        stored, metadata, same = for_png(stored, metadata)
        return Encoded(png.write(stored, metadata), "image/png", "exact" if same else "reencoded")
    if target == "webp":
        stored, metadata, same = for_webp(stored, metadata)
        lossless = picture.header.lossless and quality is None
        data = webp.write(stored, metadata, quality=quality or DEFAULT_QUALITY, lossless=lossless)
        return Encoded(data, "image/webp", "exact" if same and lossless else "reencoded")
    stored, metadata = for_jpeg(stored, metadata)
    return Encoded(jpeg.write(stored, metadata, quality or DEFAULT_QUALITY), "image/jpeg", "reencoded")


def encode_mask(mask: Mask) -> Encoded:
    """Write a mask as 8-bit gray PNG."""
    stored = Stored(mask, "gray", 8)
    return Encoded(png.write(stored, Metadata(), level=png.QUICK), "image/png", "exact")


_MODULES: dict[Format, FormatModule] = {
    "png": png,
    "jpeg": jpeg,
    "webp": webp,
    "avif": avif,
    "tiff": tiff,
    "bmp": bmp,
    "gif": gif,
    "heic": heic,
    "jxl": jxl,
}
_SIDE_LIMITS = {
    "jpeg": jpeg.SIDE_MAX,
    "webp": webp.SIDE_MAX,
    "avif": avif.SIDE_MAX,
    "heic": heic.SIDE_MAX,
    "psd": 30_000,
}
MEDIA_TYPES: dict[OutputFormat, str] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "psd": "image/vnd.adobe.photoshop",
    "ora": ora.MEDIA_TYPE,
}
LAYERED_TYPES = tuple(MEDIA_TYPES[name] for name in get_args(LayeredFormat))
