"""Pages to send: the example page at any size, in the formats that clients use."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from PIL import Image

EXAMPLE = Path(__file__).parent.parent / "examples" / "page.png"


@cache
def page_file(megapixels: float, kind: str = "JPEG", page: Path = EXAMPLE) -> bytes:
    """The page at `page`, resized to `megapixels`, as a file of the Pillow format `kind`."""
    picture = Image.open(page).convert("RGB")
    scale = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    size = (round(picture.width * scale), round(picture.height * scale))
    options = {"compress_level": 1} if kind == "PNG" else {"quality": 92}
    buffer = io.BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(buffer, kind, **options)
    return buffer.getvalue()
