"""What a file says about itself before anything is decoded: its format by magic bytes, its size, its frames."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, get_args

from service.errors import CorruptImage, EmptyFile, NotAnImage, TooManyPixels, UnsupportedFormat
from service.imaging import vips

Format = Literal["png", "jpeg", "webp", "avif", "tiff", "bmp", "gif", "heic", "jxl"]
Layout = Literal["bilevel", "gray", "gray+alpha", "palette", "RGB", "RGBA", "CMYK"]

TITLES: dict[Format, str] = {
    "png": "PNG",
    "jpeg": "JPEG",
    "webp": "WebP",
    "avif": "AVIF",
    "tiff": "TIFF",
    "bmp": "BMP",
    "gif": "GIF",
    "heic": "HEIC",
    "jxl": "JPEG XL",
}
EXTRAS: dict[Format, str] = {"heic": "pillow_heif", "jxl": "pyvips"}
"""Formats that need an extra of their own name, with the library that it brings."""

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
# Known, and never given to a decoder: rarely fuzzed parsers (PNM, SunRaster, HDR), vector formats, containers.
_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"II+\0", "BigTIFF"),
    (b"MM\0+", "BigTIFF"),
    (b"8BPS", "Photoshop (PSD)"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\x59\xa6\x6a\x95", "Sun raster"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"v/1\x01", "OpenEXR"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"gimp xcf", "GIMP (XCF)"),
    (b"\0\0\x01\0", "Windows icon"),
    (b"\x8aMNG\r\n\x1a\n", "MNG"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"Rar!", "RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
)


@dataclass(frozen=True)
class Header:
    """What the first bytes of an image file say."""

    format: Format
    width: int
    """Upright width, px."""
    height: int
    """Upright height, px."""
    layout: Layout
    bits: int
    """Bits per sample in the file: 1, 2, 4, 8, 10, 12 or 16; 10 and 12 are stored widened to 16."""
    orientation: int = 1
    """EXIF orientation, 1 to 8: how the stored rows are turned to stand upright."""
    frames: int = 1
    lossless: bool = True
    """Whether the file's own compression keeps every sample."""

    @property
    def mode(self) -> str:
        """The stored mode in words: `RGB`, `gray 16-bit`, `palette 4-bit`, `1-bit`."""
        if self.layout == "bilevel":
            return "1-bit"
        return self.layout if self.bits == 8 else f"{self.layout} {self.bits}-bit"

    @property
    def media_type(self) -> str:
        """The media type of the file."""
        return f"image/{self.format}"

    @property
    def size_hw(self) -> tuple[int, int]:
        """Upright `(height, width)`, px."""
        return self.height, self.width


def readable_types() -> list[str]:
    """The media types of the formats that can be read here."""
    return [f"image/{name}" for name in get_args(Format) if is_installed(name)]


def readable_titles() -> str:
    """The same formats in words: `PNG, JPEG, WebP ...`."""
    return ", ".join(TITLES[name] for name in get_args(Format) if is_installed(name))


def is_installed(name: Format) -> bool:
    """Whether a format can be read here: always, or with its extra."""
    if name not in EXTRAS:
        return True
    return find_spec(EXTRAS[name]) is not None and (name != "jxl" or vips.library() is not None)


def sniff(data: bytes) -> Format:
    """Tell the format by the magic bytes alone, never by a name or a claimed type.

    Raises EmptyFile, UnsupportedFormat for an image format that is not read here, CorruptImage for a JPEG XL
    without its signature, NotAnImage for anything else.
    """
    if not data:
        raise EmptyFile(f"The file has 0 bytes; expected an image: {readable_titles()}.")
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return "bmp"
    if data[4:8] == b"ftyp":
        return _sniff_heif(data)
    if data.startswith(_JPEG_XL):
        if not is_installed("jxl"):
            raise UnsupportedFormat(
                "The file is JPEG XL, which needs the extra `jxl` of Text Eraser, and libvips with JPEG XL; "
                f"expected {readable_titles()}."
            )
        return "jxl"
    for magic, title in _REFUSED:
        if data.startswith(magic):
            raise UnsupportedFormat(f"The file is {title}; expected {readable_titles()}.")
    if data[:1] == b"P" and data[1:2] in b"1234567fF" and data[2:3].isspace():
        raise UnsupportedFormat(f"The file is PNM; expected {readable_titles()}.")
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<svg", b"<?xml")) and b"<svg" in data[:4096].lower():
        raise UnsupportedFormat(f"The file is SVG; expected {readable_titles()}.")
    raise NotAnImage(f"The first bytes are those of no image format known here; expected {readable_titles()}.")


def _sniff_heif(data: bytes) -> Format:
    """Tell AVIF from its HEIF relatives by the brands of the file type box (ISO 14496-12, 4.3)."""
    size = min(int.from_bytes(data[:4], "big"), len(data), 256)
    brands = {data[at : at + 4] for at in (8, *range(16, size - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return "avif"
    if brands & _HEIF_BRANDS:
        if not is_installed("heic"):
            raise UnsupportedFormat(
                f"The file is HEIC, which needs the extra `heic` of Text Eraser; expected {readable_titles()}."
            )
        return "heic"
    if b"jxl " in brands:
        raise CorruptImage("The file calls itself JPEG XL, but does not begin as one.")
    raise NotAnImage(f"The file is a media container without a picture known here; expected {readable_titles()}.")


def refuse_too_many_pixels(header: Header, max_pixels: int) -> None:
    """Raise TooManyPixels where width x height is over `max_pixels`."""
    pixels = header.width * header.height
    if pixels > max_pixels:
        raise TooManyPixels(
            f"The image is {header.width} x {header.height} = {pixels} pixels; at most {max_pixels} are accepted.",
            width=header.width,
            height=header.height,
            max_pixels=max_pixels,
        )
