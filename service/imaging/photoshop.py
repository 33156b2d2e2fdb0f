"""Photoshop's image resources, which stand in JPEG files (APP13) and in TIFF (tag 34377).

Layout: Adobe Photoshop File Formats Specification, *Image Resources Section*. Nothing here raises on damaged input.
"""

from __future__ import annotations

_SIGNATURES = {b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"}
_PREVIEWS = {1033, 1036}
"""Numbers of the thumbnail, before Photoshop 5 and since."""


def without_previews(resources: bytes) -> bytes:
    """The same block, of the same length, its thumbnails zeroed: they would still show what was erased."""
    patched = bytearray(resources)
    at = 0
    while resources[at : at + 4] in _SIGNATURES and at + 12 <= len(resources):
        number = int.from_bytes(resources[at + 4 : at + 6], "big")
        size_at = (
            at + 6 + (resources[at + 6] + 2) // 2 * 2
        )  # a name behind its length, together an even number of bytes
        start = size_at + 4
        size = int.from_bytes(resources[size_at:start], "big")
        if number in _PREVIEWS:
            end = min(start + size, len(resources))
            patched[start:end] = bytes(max(0, end - start))
        at = start + size + size % 2
    return bytes(patched)
