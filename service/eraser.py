"""Decode, segment, refine, fill, inpaint, composite, encode: the pipeline as a list of named steps."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.deadline import Deadline
from service.imaging.codec import Encoded
from service.options import DetectOptions, EraseOptions, InpaintOptions, SegmentOptions
from service.regions import Region


@dataclass(frozen=True)
class Outcome:
    """What came out of one run."""

    width: int
    """Upright width, px."""
    height: int
    """Upright height, px."""
    image: Encoded | None
    """The cleaned image file; None where it was not asked for."""
    mask: Encoded | None
    """The final mask as an 8-bit gray PNG, upright; None where it was not asked for."""
    regions: tuple[Region, ...]
    """Groups of the final mask (of the detected regions, for `detect`)."""
    mask_share: float
    """Share of the upright image that the final mask covers, 0 to 1."""
    models: tuple[str, ...]
    """`name@version` of each model that the options name, in order of use."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds by step, in order: decode, segment, refine, plan, fill, inpaint, composite, encode (those that ran)."""


class Eraser:
    """The pipeline. One instance serves all threads; it keeps no state between runs."""

    def erase(self, data: bytes, mask_data: bytes | None, options: EraseOptions, deadline: Deadline) -> Outcome:
        """Remove text from the image file `data`; `mask_data` is a mask file of the same upright size."""
        raise NotImplementedError

    def segment(self, data: bytes, options: SegmentOptions, deadline: Deadline) -> Outcome:
        """Find text: the mask and its regions."""
        raise NotImplementedError

    def detect(self, data: bytes, options: DetectOptions, deadline: Deadline) -> Outcome:
        """Find text regions only."""
        raise NotImplementedError

    def inpaint(self, data: bytes, mask_data: bytes, options: InpaintOptions, deadline: Deadline) -> Outcome:
        """Fill the given mask; nothing is looked for."""
        raise NotImplementedError
