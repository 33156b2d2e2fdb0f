"""Image files to arrays and back, losing nothing. The only place that decodes or encodes image files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.imaging.arrays import Image, Mask

Fidelity = Literal["exact", "blocks", "reencoded"]


@dataclass(frozen=True)
class Encoded:
    """A finished image file."""

    data: bytes
    media_type: str
    fidelity: Fidelity
    """`exact`: outside the mask every stored sample is as in the upload; `blocks`: every JPEG block that the
    mask does not touch is; `reencoded`: the format or a request to convert changed values everywhere."""
    untouched_sha256: str | None = None
