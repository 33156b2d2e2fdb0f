"""Paired augmentation in NumPy: the same crop, scale, turn and colours for every array of a sample."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from training.data.dice import Dice
from training.data.samples import REGION_STRIDE, Sample

EXACT_SHARE = 0.55
"""Share of crops that are not resampled: resampling blurs screentone and edges, and sharp ones must stay familiar."""
_SCALES = (0.6, 1.4)


def augmented(dice: Dice, sample: Sample, crop_px: int) -> Sample:
    """A crop of `crop_px` (even), perhaps scaled and turned, its colours perhaps changed."""
    return jittered(dice, dihedral(dice, cropped(dice, sample, crop_px)))


def cropped(dice: Dice, sample: Sample, crop_px: int) -> Sample:
    """Any square of the sample: as it is, or scaled. Raises ValueError if the sample is smaller or the size odd."""
    side = sample.raw.shape[0]
    if crop_px > side or crop_px % REGION_STRIDE:
        raise ValueError(f"crop_px is {crop_px}; expected an even number up to {side}")
    scale = 1.0 if dice.chance(EXACT_SHARE) else dice.log_between(*_SCALES)
    take = min(side, round(crop_px / scale / REGION_STRIDE) * REGION_STRIDE)
    # even offsets keep the region targets, at half resolution, aligned
    x, y = (dice.whole(0, (side - take) // REGION_STRIDE) * REGION_STRIDE for _ in range(2))
    half_x, half_y, half = x // REGION_STRIDE, y // REGION_STRIDE, take // REGION_STRIDE
    parts = {name: array[y : y + take, x : x + take] for name, array in sample.items() if name != "regions"}
    regions = sample.regions[:, half_y : half_y + half, half_x : half_x + half]
    if take != crop_px:
        smooth = cv2.INTER_AREA if take > crop_px else cv2.INTER_LINEAR
        parts = {name: cv2.resize(part, (crop_px, crop_px), interpolation=smooth) for name, part in parts.items()}
        for name in ("strokes", "hole"):
            parts[name] = cv2.threshold(parts[name], 127, 255, cv2.THRESH_BINARY)[1]
        cells = (crop_px // REGION_STRIDE, crop_px // REGION_STRIDE)
        shrunk, threshold, band, known = (
            cv2.resize(np.ascontiguousarray(plane), cells, interpolation=cv2.INTER_LINEAR) for plane in regions
        )
        hard = [cv2.threshold(plane, 127, 255, cv2.THRESH_BINARY)[1] for plane in (shrunk, band, known)]
        regions = np.stack([hard[0], threshold, hard[1], hard[2]])
    return Sample(**{name: np.array(part, order="C") for name, part in {**parts, "regions": regions}.items()})


def dihedral(dice: Dice, sample: Sample) -> Sample:
    """Mirrored or turned by right angles, at times: scans lie on their side, and shapes matter more than reading."""
    mirror, turns = dice.chance(0.25), dice.pick([0, 0, 0, 0, 1, 2, 3])

    def moved(array: np.ndarray, axes: tuple[int, int]) -> np.ndarray:
        array = np.flip(array, axes[1]) if mirror else array
        return np.ascontiguousarray(np.rot90(array, turns, axes))

    return Sample(**{name: moved(array, (1, 2) if name == "regions" else (0, 1)) for name, array in sample.items()})


def jittered(dice: Dice, sample: Sample) -> Sample:
    """Brightness, contrast, gamma and tint of both pictures changed alike; now and then grey or inverted."""
    if dice.chance(0.4):
        return sample
    levels = np.arange(256)[:, None] / 255
    curve = np.clip((levels - 0.5) * dice.between(0.8, 1.2) + 0.5 + dice.between(-0.1, 0.1), 0, 1) ** dice.log_between(
        0.7, 1.4
    )
    tint = 1 - dice.generator.random(3) * 0.12 * dice.chance(0.3)
    table = curve * tint
    if dice.chance(0.04):
        table = 1 - table
    table = np.round(table * 255).astype(np.uint8)
    to_grey = dice.chance(0.15)

    def coloured(picture: np.ndarray) -> np.ndarray:
        if to_grey:
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        return cv2.LUT(picture, table[None])

    return replace(sample, raw=coloured(sample.raw), clean=coloured(sample.clean))
