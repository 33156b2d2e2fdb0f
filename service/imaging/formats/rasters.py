"""Pillow and OpenCV, behind one door: only named formats are tried, and their exceptions become ours here."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import (  # noqa: F401 - named here, so that no plugin is first imported in the middle of a request
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as PillowImage

from service.errors import CorruptImage, NotEncodable, OutOfMemory, TextEraserError
from service.imaging.headers import Header

# Our own limit is checked on the header, before Pillow sees the file; its second, fixed limit would only warn.
PillowImage.MAX_IMAGE_PIXELS = None
# Damaged side information (EXIF, profiles) is no reason to refuse a picture, nor to write to the server's log.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # its decoders would print each damaged file to stderr
_BYTES_A_PIXEL = 12
"""Two canvases of a decoder at four bytes, and the array made of them."""
_ROWS_AT_ONCE = 256
_NO_MEMORY = "There is not enough memory for this image."


@contextmanager
def memory_errors() -> Iterator[None]:
    """Translate what NumPy and OpenCV raise when memory runs out; everything else would be our own mistake."""
    try:
        yield
    except MemoryError as exc:
        raise OutOfMemory(_NO_MEMORY) from exc
    except cv2.error as exc:
        if exc.code == cv2.Error.StsNoMem:
            raise OutOfMemory(_NO_MEMORY) from exc
        raise


@contextmanager
def foreign_errors(title: str) -> Iterator[None]:
    """Translate whatever a decoder or encoder raises: no memory is OutOfMemory, the rest is CorruptImage."""
    try:
        with memory_errors():
            yield
    except TextEraserError:
        raise
    except Exception as exc:  # plugins raise what they like on damaged bytes: OSError, SyntaxError, struct.error
        raise CorruptImage(f"The {title} file is damaged or cut off.") from exc


def ensure_memory(header: Header) -> None:
    """Raise MemoryError where there is not enough for decoding: libwebp and libavif would call the file damaged."""
    np.empty(header.width * header.height * _BYTES_A_PIXEL, np.uint8)


def open_with_pillow(data: bytes, pillow_format: str) -> PillowImage.Image:
    """Open with exactly one of Pillow's plugins; raises what the plugin raises: use inside `foreign_errors`."""
    return PillowImage.open(io.BytesIO(data), formats=[pillow_format])


def array_of(image: PillowImage.Image) -> npt.NDArray[Any]:
    """Decode fully and return the samples, contiguous; 1-bit as 0 and 1.

    Band by band: of a whole picture Pillow would hold two more copies.
    """
    image.load()
    width, height = image.size
    bands = ((start, min(start + _ROWS_AT_ONCE, height)) for start in range(0, height, _ROWS_AT_ONCE))
    samples: npt.NDArray[Any] | None = None
    for start, end in bands:
        band = np.asarray(image.crop((0, start, width, end)))
        if samples is None:
            samples = np.empty((height, *band.shape[1:]), np.uint8 if band.dtype == np.bool_ else band.dtype)
        samples[start:end] = band
    assert samples is not None, "no picture is empty"
    return samples


def encode_with_pillow(image: PillowImage.Image, pillow_format: str, **options: Any) -> bytes:
    """Encode to bytes. Raises NotEncodable where the encoder refuses, OutOfMemory."""
    buffer = io.BytesIO()
    try:
        image.save(buffer, pillow_format, **options)
    except MemoryError as exc:
        raise OutOfMemory(_NO_MEMORY) from exc
    except (OSError, ValueError, RuntimeError) as exc:
        if "memory" in str(exc).lower():  # libavif's way of saying it
            raise OutOfMemory(_NO_MEMORY) from exc
        raise NotEncodable(
            f"The {pillow_format} encoder cannot write this image of {image.size} {image.mode}."
        ) from exc
    return buffer.getvalue()


def decode_with_pillow(
    data: bytes, pillow_format: str, header: Header, modes: set[str]
) -> tuple[PillowImage.Image, npt.NDArray[Any]]:
    """Decode what `open_checked` opens; use inside `foreign_errors`."""
    image = open_checked(data, pillow_format, header, modes)
    return image, array_of(image)


def open_checked(data: bytes, pillow_format: str, header: Header, modes: set[str]) -> PillowImage.Image:
    """Open, and insist on the size of the header and on one of the modes before any pixel is decoded.

    Limits are checked on the header: a file must not be able to tell the decoder another size. Raises CorruptImage,
    and what the plugin raises: use inside `foreign_errors`.
    """
    image = open_with_pillow(data, pillow_format)
    if image.size != stored_size(header) or image.mode not in modes:
        raise CorruptImage(f"The {pillow_format} data are {image.size} {image.mode}, not what the header says.")
    return image


def stored_size(header: Header) -> tuple[int, int]:
    """`(width, height)` in stored order, px."""
    return (header.height, header.width) if header.orientation >= 5 else (header.width, header.height)


def decode_deep(data: bytes, header: Header) -> npt.NDArray[np.uint16]:
    """Decode 16-bit colour, which Pillow would cut to 8 bits: `(H, W, C)` uint16 in RGB(A) order, stored order."""
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16 or decoded.shape[1::-1] != stored_size(header):
        raise CorruptImage("The 16-bit image is damaged or cut off.")
    if decoded.ndim == 2:
        return np.ascontiguousarray(decoded)
    order = [2, 1, 0, 3][: decoded.shape[2]]
    return np.ascontiguousarray(decoded[..., order])


def encode_deep_tiff(samples: npt.NDArray[np.uint16], compression: int) -> bytes:
    """Write `(H, W, 3 or 4)` uint16 RGB(A) as TIFF; `compression` is TIFF's number for it."""
    order = [2, 1, 0, 3][: samples.shape[2]]
    swapped = np.ascontiguousarray(samples[..., order])
    done, data = cv2.imencode(".tiff", swapped, [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    if not done:
        raise NotEncodable("The TIFF encoder cannot write this image.")
    return data.tobytes()


def scaled(
    samples: npt.NDArray[np.uint16], bits: int, wanted: int, order: Sequence[int] | None = None
) -> npt.NDArray[np.uint16]:
    """Samples of `bits` bits as samples of `wanted` bits, channels in another `order`; there and back is the same."""
    top, wanted_top = 2**bits - 1, 2**wanted - 1
    levels = np.minimum(np.arange(65536, dtype=np.uint32), top)
    table = ((levels * wanted_top + top // 2) // top).astype(np.uint16)
    scaled = np.empty_like(samples)
    for start in range(0, len(samples), _ROWS_AT_ONCE):
        some = table[samples[start : start + _ROWS_AT_ONCE]]
        scaled[start : start + _ROWS_AT_ONCE] = some if order is None else some[..., order]
    return scaled
