"""Prepare what workers share: the pack opened, pictures decoded, tones and textures drawn, once for all."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from training.data.assets import AssetPack
from training.data.photos import cloud_noise_all
from training.data.samples import Sample, make_sample
from training.data.textures import draw_all
from training.data.tones import SCREENS, screen


def prepare_synthetic(folder: Path | None, *, size_px: int = 512, warm: bool = True) -> Callable[[int], Sample]:
    """The function that makes sample i from the pack in a folder (None: the built-in one).

    `warm` loads everything at once, about half a minute of one core, so that forked workers share it; without it each
    worker loads what it needs when it needs it.
    """
    pack = AssetPack.open(folder)
    if warm:
        pack.warm(threads=min(8, os.cpu_count() or 1))
        draw_all()
        cloud_noise_all()
        for number in range(SCREENS):
            screen(number)
    return partial(make_sample, pack, size_px=size_px)
