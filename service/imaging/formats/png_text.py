"""Text chunks of PNG that hold pictures of the page: XMP packets, and EXIF and the like written out in hexadecimal."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from service.imaging.exif import without_preview
from service.imaging.photoshop import without_previews
from service.imaging.xmp import without_thumbnails

KINDS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_XMP = b"XML:com.adobe.xmp"
_RAW_PROFILE = b"Raw profile type "
"""ImageMagick's keyword, and that of others since; the profile's name follows."""
_EXIF = b"Exif\0\0"
_LINE = 72
"""Hexadecimal digits a line, as ImageMagick writes them."""
_MAX_BYTES = 8_000_000


@dataclass(frozen=True)
class _Text:
    """One text chunk, taken apart."""

    keyword: bytes
    head: bytes
    """The keyword and all else that stands before the text."""
    is_packed: bool
    text: bytes
    """As it stands there, packed or not."""


class Texts:
    """The text chunks of one file; together they unpack to at most `max_bytes`, whatever they are."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._bytes_left = max_bytes

    def xmp(self, kind: bytes, payload: bytes) -> bytes | None:
        """The packet in a chunk; None where it holds none, or it is damaged or too large."""
        found = _parsed(kind, payload)
        if found is None or kind != b"iTXt" or found.keyword != _XMP:
            return None
        return self._unpacked(found)

    def without_pictures(self, kind: bytes, payload: bytes) -> bytes | None:
        """The same payload, pictures in XMP and in raw profiles blanked: they would still show what was erased.

        Without one it is the same byte for byte. None where nobody can tell, as it is damaged or too large.
        """
        found = _parsed(kind, payload)
        if found is None or not (found.keyword == _XMP or found.keyword.startswith(_RAW_PROFILE)):
            return payload
        text = self._unpacked(found)
        if text is None:
            return None
        blank = without_thumbnails(text) if found.keyword == _XMP else _raw_profile_without_pictures(text)
        if blank is None:
            return None
        if blank == text:
            return payload
        return found.head + (zlib.compress(blank) if found.is_packed else blank)

    def _unpacked(self, found: _Text) -> bytes | None:
        if not found.is_packed:
            return found.text
        if self._bytes_left <= 0:
            return None
        inflate = zlib.decompressobj()
        try:
            text = inflate.decompress(found.text, self._bytes_left)
        except zlib.error:
            return None
        self._bytes_left -= len(text)
        return text if inflate.eof else None


def _parsed(kind: bytes, payload: bytes) -> _Text | None:
    """A chunk of one of the `KINDS` (PNG, 11.3.3); None where it ends before its text."""
    keyword, zero, rest = payload.partition(b"\0")
    is_packed = kind == b"zTXt"
    if kind == b"zTXt":
        rest = rest[1:]  # the method, of which there is one
    elif kind == b"iTXt":
        is_packed, rest = rest[:1] == b"\1", rest[2:]
        for _ in ("language", "keyword in it"):
            _, zero, rest = rest.partition(b"\0")
    if not zero:
        return None
    return _Text(keyword, payload[: len(payload) - len(rest)], is_packed, rest)


def _raw_profile_without_pictures(text: bytes) -> bytes | None:
    """A line with the profile's name, one with its length, then it in hexadecimal; None where that is not so."""
    parts = text.split(b"\n", 3)
    if len(parts) < 4:
        return None
    try:
        profile = bytes.fromhex(parts[3].decode("ascii"))
    except ValueError:
        return None
    blank = _without_pictures(profile)
    if blank == profile:
        return text
    digits = blank.hex().encode()
    lines = (digits[at : at + _LINE] for at in range(0, len(digits), _LINE))
    return b"\n".join([*parts[:3], *lines, b""])


def _without_pictures(profile: bytes) -> bytes:
    """By what it is, not by its name: EXIF and XMP are both called APP1, Photoshop's resources IPTC."""
    if profile.startswith(_EXIF):
        return _EXIF + without_preview(profile[len(_EXIF) :])
    if profile.startswith((b"II*\0", b"MM\0*")):
        return without_preview(profile)
    return without_thumbnails(without_previews(profile))
