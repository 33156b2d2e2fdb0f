"""XMP packets: XML that stands beside a picture (ISO 16684-1). Nothing here parses it, or raises on damaged input."""

from __future__ import annotations

import re

_PICTURE = re.compile(rb"""(?<=[>"'])\s*+(?:/9j/|iVBORw0KGgo)[^<"']*""")
"""A value that is a JPEG or PNG file in base64: told by its first bytes, as each program has a name of its own for it
(`xmpGImg:image`, `GImage:Data`), as an element or as an attribute."""


def without_thumbnails(xmp: bytes) -> bytes:
    """The same packet, of the same length, its pictures blanked: they would still show what was erased.

    The packet may be cut off, or be the part of one that JPEG files carry apart.
    """
    return _PICTURE.sub(lambda found: b" " * len(found[0]), xmp)
