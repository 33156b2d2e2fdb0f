"""Decide what will be done to each region, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from service.fills.gate import Background, look_at_ring
from service.fills.tone import Texture, find_texture
from service.imaging.arrays import Box, Image, Mask
from service.imaging.geometry import grow_box, label_boxes
from service.imaging.masks import Labels, from_bool, label_groups
from service.options import Fill
from service.regions import Method

GROUP_GAP_PX = 10
CONTEXT_PX = 48
PARTS_LIMIT = 64
"""Parts of one group that are looked at on their own before the whole group goes to the network."""


@dataclass(frozen=True)
class Hole:
    """A connected piece of the mask, or a group of pieces, that is filled in one way."""

    group: int
    """Number of the group (1..n in `Plan.labels`) that the hole belongs to."""
    box: Box
    """Box of the hole and its context; `mask` has its size."""
    mask: Mask
    """`(h, w)` the hole itself, in crop coordinates of `box`."""
    method: Method
    reason: str
    background: Background | None = None
    """What the gate saw, for `flat` and `gradient`."""
    texture: Texture | None = None
    """How the surroundings repeat, for `tone`."""


@dataclass(frozen=True)
class Plan:
    """All holes of one image. Together they are exactly the mask."""

    labels: Labels
    """`(H, W)` group number of each erased pixel, 0 elsewhere."""
    boxes: tuple[Box, ...]
    """Box of each group, without context; index 0 is group 1."""
    holes: tuple[Hole, ...]

    def by_method(self, *methods: Method) -> list[Hole]:
        """The holes that are filled by one of `methods`."""
        return [hole for hole in self.holes if hole.method in methods]


def make_plan(image: Image, mask: Mask, fill: Fill) -> Plan:
    """Group the erased pixels of `mask` and choose a fill for each group, by `fill` or by what surrounds it."""
    count, labels = label_groups(mask, GROUP_GAP_PX)
    boxes = label_boxes(labels, count)
    holes: list[Hole] = []
    for group, box in enumerate(boxes, start=1):
        context = grow_box(box, CONTEXT_PX, mask.shape)
        x0, y0, x1, y1 = context
        own = from_bool(labels[y0:y1, x0:x1] == group)
        if fill == "auto":
            holes.extend(_choose(image[y0:y1, x0:x1], mask[y0:y1, x0:x1], own, group, context))
        else:
            holes.append(Hole(group, context, own, fill, f"asked for: fill={fill}"))
    return Plan(labels, tuple(boxes), tuple(holes))


def _choose(image: Image, mask: Mask, own: Mask, group: int, context: Box) -> list[Hole]:
    whole = look_at_ring(image, own, mask)
    if whole is not None:
        return [_plain(group, context, own, whole)]
    count, labels = label_groups(own, 0)
    holes: list[Hole] = []
    rest = own.copy()
    for part in range(1, count + 1) if 1 < count <= PARTS_LIMIT else ():
        piece = from_bool(labels == part)
        background = look_at_ring(image, piece, mask)
        if background is not None:
            holes.append(_plain(group, context, piece, background))
            rest[piece > 0] = 0
    if np.any(rest):
        holes.append(_not_plain(image, mask, rest, group, context))
    return holes


def _not_plain(image: Image, mask: Mask, own: Mask, group: int, context: Box) -> Hole:
    texture = find_texture(image, own, mask)
    if texture is None:
        return Hole(group, context, own, "inpaint", "the surroundings are neither plain nor do they repeat")
    period_px = float(np.hypot(*texture.shifts[0]))
    return Hole(group, context, own, "tone", f"the surroundings repeat every {period_px:.1f} px", texture=texture)


def _plain(group: int, context: Box, own: Mask, background: Background) -> Hole:
    share = f"{background.plain_share:.0%} of the ring is one"
    if background.is_flat:
        return Hole(group, context, own, "flat", f"{share} colour", background)
    return Hole(group, context, own, "gradient", f"{share} smooth gradient", background)
