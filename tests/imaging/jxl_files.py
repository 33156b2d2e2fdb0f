"""JPEG XL files: those that pyvips makes, small ones of the reference encoder, and headers bit by bit."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from service.imaging import vips
from service.imaging.formats.jxl_header import codestream

NEEDS_LIBVIPS = "needs the extra `jxl`, and libvips with JPEG XL (apt-get install libvips42)"
needs_jxl = pytest.mark.skipif(vips.library() is None, reason=NEEDS_LIBVIPS)
_INTERPRETATIONS = {1: ("b-w", "grey16"), 2: ("b-w", "grey16"), 3: ("srgb", "rgb16"), 4: ("srgb", "rgb16")}


def jxl(samples: np.ndarray, *, icc: bytes | None = None, **options: object) -> bytes:
    """A bare file of `(H, W)` or `(H, W, C)` samples of 8 or 16 bits; skips the test where nothing can make one."""
    library = vips.library()
    if library is None:
        pytest.skip(NEEDS_LIBVIPS)
    deep = samples.dtype == np.uint16
    channels = samples.shape[2] if samples.ndim == 3 else 1
    image = library.Image.new_from_memory(
        np.ascontiguousarray(samples).data,
        samples.shape[1],
        samples.shape[0],
        channels,
        "ushort" if deep else "uchar",
    ).copy(interpretation=_INTERPRETATIONS[channels][deep])
    if icc:
        image.set_type(library.GValue.blob_type, "icc-profile-data", icc)
    return codestream(image.jxlsave_buffer(**({"lossless": True, "effort": 3} | options)))


def samples_of(data: bytes) -> np.ndarray:
    """`(H, W, C)` samples as libvips decodes the file, upright; what stands beside the picture is passed over."""
    image = vips.library().Image.jxlload_buffer(data)
    kind = {"uchar": np.uint8, "ushort": np.uint16}[image.format]
    return np.frombuffer(image.write_to_memory(), kind).reshape(image.height, image.width, image.bands)


def profile_of(data: bytes) -> bytes:
    """The profile that libvips finds in the file."""
    return vips.library().Image.jxlload_buffer(data).get("icc-profile-data")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text)


# cjxl 0.7.0 of nine by six pixels drawn in a loop; each says which options made it.
_TURNED = _decoded(  # -d 0 -e 3, of a PNG whose EXIF says orientation 2
    "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAACranhsY/8KKEADBBSXBAgCAQBQAksSxYIFUrjgABCRqACAJWHlzGQKOjQrtSvL"
    "/P4sdmh2T1CfGXmR2JQUqYMmmTKkBBaefHGyNl0lygqgjg0AHyvQhHbYcRBXpg6cA39I4+pojPQkwOw5PlggNXNDgyoHPAMFK5U3LZrovaVf"
    "oQgWc61I/hOFJTIALuylDN+WHqDs59VqNZ1eaMTHpC1kFNwlLGANRAQ="
)
LOSSY = _decoded(  # -d 1
    "/wooQJBQXAgAEogCAOQB1ZQcAAAVKqOMG7yc6/nyQ4fFtI3rDG21bWFJosg4NkkncEgSS7hdQD/sNzNj5u0DujpTHHST2E1YIQUSAbuuKEWR"
    "ZBTJGCNZJpINMNL0mSgvmoqItHdi8iJUeLWsUNVhRPXNb/Tn+q6JMnsLeIvESMRs4ktQKgAvAA=="
)
ANIMATED = _decoded("/wooQMEAAopLAggCkgkAACAASxLFgoUkHAAIApIFAEAASxLFggVSbIf5HwA5Gk4QHw==")  # -d 0 -e 3, two frames
TEN_BITS = _decoded("/wooQBQUFwIIAgEAUABLEsWChSSKDdGHEJfQDHGJzAiXCA==")  # -d 0 -e 3
HDR = _decoded("/wooQAE/AHl0iMMBAAAAIAgCAQDkBEsSxYIFUmA=")  # -d 0 -e 3 -x color_space=RGB_D65_202_Per_PeQ; the header
DISPLAY_P3 = _decoded(  # -d 0 -e 3 -x color_space=RGB_D65_DCI_Per_SRG, 16 bits
    "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAAFQanhsY/8KKED8AGRyIQgCAQDkBEsSxYIFUmB9YwxmKcZIRSrG"
    "kq1VGK4k21UZIw8AGpghhwMH32MOHDhwkH7swAFzHBRROHDgwAETgQMHDjR0DBfr5emJ3Z/v07A1v1as1JAF/6qx7S8swnSWnH0cqKChrvmv"
    "anQbx+JG5B0I1B22fDpwsEs+Qgf5HFjPmB3xcuMABzjAgS03DnCAAxzY0LzVn6Ywti5+7uJwJcMNiZ5ySvI/RSSH69el1MetatlwTW5LqIvI"
    "l5IfP388Bn5J8RICgC8IR38J0dXA/lIdBI5DkY6g8Noei0ulHEnDsgDU2oDH6tOE+9t0TrT8PrNEaJB1EB1piwYwWCLoIAOGAj7p7vkusfTd"
    "pWyJWtRzGQ0F5IQXC6CseWIgDckCBcX+3VCejTQ5SqoNaHxKLndBQeAB5jIbxBQeNI48YF4="
)


def turned(orientation: int) -> bytes:
    """The same stored samples, said to lie in one of eight ways."""
    at = _TURNED.index(b"\xff\x0a") + 4
    return _TURNED[:at] + bytes([(orientation - 1) << 1 | 1]) + _TURNED[at + 1 :]


def header(*fields: tuple[int, int]) -> bytes:
    """A codestream of 8 x 8 pixels that ends with its header: `fields` are (value, bits) after `all_default = 0`."""
    value = at = 0
    for number, count in ((0x0AFF, 16), (1, 1), (0, 5), (1, 3), (0, 1), *fields):
        value |= number << at
        at += count
    return value.to_bytes(-(-at // 8), "little") + b"\0" * 8
