"""Find ink that the mask leaves inside letters: a fill would take it for the ground and go on with it.

A network sees the edges of a large letter and may miss its body. What is left of it lies in a pocket of the mask; so do
counters, and art between letters, which stay. The picture tells them apart: what is left of a letter has the colour
of ink that was found beside it, and little of the ground around the text has.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image, Mask
from service.imaging.colour import colour_distance
from service.imaging.geometry import grow_box
from service.imaging.masks import chosen, components, dilate_disc, from_bool

MIN_AREA_PX, MAX_AREA_PX = 12, 20_000
"""Of a pocket: fewer pixels fill in any way, more are seldom ink."""
MOST_POCKETS = 200
"""The largest of a crop that are looked at, so that time does not grow with dots of a tone."""
BESIDE_PX = 20
"""How far around a pocket the found ink is looked at."""
GROUND_PX = 15
"""How far around the mask the ground is looked at."""
SAME_LEVELS = 24
"""Colours are the same where no channel differs by more than this from the pocket's median."""
MIN_INK_SHARE, MIN_RATIO, MOST_GROUND_SHARE = 0.05, 3.0, 0.2
"""Share of the ink beside a pocket that must have its colour, how many times the ground's share that must be, and the
most that the ground's may be."""
MOST_SAMPLES = 20_000
"""Pixels of the ground that a pocket is compared with, evenly taken."""
EDGE_PX = 2
"""What a pocket of ink takes up of its soft edge, so that nothing of it stays."""


def complete_pockets(image: Image, strokes: Mask, erased: Mask) -> Mask:
    """What `erased` leaves, and has all around it, of the ink that `strokes` show a part of; 0 where nothing.

    `image` `(H, W, 3)` uint8 is the crop around a text with some of its ground; the masks and the answer are `(H, W)`,
    nonzero where set. What touches the crop's border is not enclosed, so it is no pocket.
    """
    pieces = components(from_bool(erased == 0), connectivity=4)
    height, width = erased.shape
    is_pocket = (pieces.left > 0) & (pieces.top > 0) & (pieces.right < width) & (pieces.bottom < height)
    is_pocket &= (pieces.area >= MIN_AREA_PX) & (pieces.area <= MAX_AREA_PX)
    is_pocket[0] = False
    numbers = np.flatnonzero(is_pocket)
    if not len(numbers):
        return np.zeros_like(erased)
    is_ground = (dilate_disc(erased, GROUND_PX) > 0) & (erased == 0) & ~chosen(pieces.labels, is_pocket)
    ground = image[is_ground]
    ground = ground[:: 1 + len(ground) // MOST_SAMPLES]
    is_ink = np.zeros_like(is_pocket)
    for number in numbers[np.argsort(pieces.area[numbers])[::-1][:MOST_POCKETS]]:
        x0, y0, x1, y1 = grow_box(pieces.box(number), BESIDE_PX, erased.shape)
        cut = (slice(y0, y1), slice(x0, x1))
        colour = np.median(image[cut][pieces.labels[cut] == number], axis=0)
        of_ink = _share(image[cut][strokes[cut] > 0], colour)
        of_ground = _share(ground, colour)
        is_ink[number] = of_ground <= MOST_GROUND_SHARE and of_ink >= max(MIN_INK_SHARE, MIN_RATIO * of_ground)
    left = from_bool(chosen(pieces.labels, is_ink))
    return from_bool((dilate_disc(left, EDGE_PX) > 0) & (erased == 0))


def _share(colours: npt.NDArray[np.uint8], colour: npt.NDArray[np.float64]) -> float:
    """Share of `(N, 3)` colours that are the same as `colour`; 0 of none."""
    return float((colour_distance(colours[:, None], colour) <= SAME_LEVELS).mean()) if len(colours) else 0.0
