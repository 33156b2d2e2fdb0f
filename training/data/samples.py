"""One training sample: a page, a hole of another shape, and the region targets, as arrays of fixed shape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from training.data.assets import AssetPack
from training.data.holes import make_hole
from training.data.pages import make_page
from training.data.targets import region_maps

REGION_STRIDE = 2
"""Region targets have half the page's resolution."""


@dataclass(frozen=True)
class Sample:
    """All uint8. Everything a trainer of either network draws its crops from."""

    raw: np.ndarray
    """`(S, S, 3)` RGB with letters."""
    clean: np.ndarray
    """`(S, S, 3)` RGB without."""
    strokes: np.ndarray
    """`(S, S)` mask of letters, 255 or 0."""
    hole: np.ndarray
    """`(S, S)` mask of pixels to leave out, 255 or 0; has nothing to do with the letters."""
    regions: np.ndarray
    """`(4, S/2, S/2)` shrunk, threshold, band, known: see `targets.RegionMaps`."""

    def items(self) -> Iterable[tuple[str, np.ndarray]]:
        """Name and array of each field."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


def sample_shapes(size_px: int) -> dict[str, tuple[int, ...]]:
    """Shape of each field of a sample, by name."""
    half = size_px // REGION_STRIDE
    square = (size_px, size_px)
    return {"raw": (*square, 3), "clean": (*square, 3), "strokes": square, "hole": square, "regions": (4, half, half)}


def make_sample(pack: AssetPack, index: int, *, size_px: int = 512, kind: str | None = None) -> Sample:
    """Sample `index`: page, hole and targets, a pure function of the generator's version and the index."""
    page = make_page(pack, index, size_px=size_px, kind=kind)
    polygons = [region.polygon for region in page.regions]
    maps = region_maps(polygons, (size_px, size_px), stride=REGION_STRIDE, layout_known=page.layout_known)
    hole = make_hole(pack, index, size_px=size_px)
    return Sample(
        page.raw, page.clean, page.strokes, hole, np.stack([maps.shrunk, maps.threshold, maps.band, maps.known])
    )
