"""Real pairs: the same page with and without text. The mask is where they differ, closed and max-pooled.

A folder of pairs holds `raw/NAME` and `clean/NAME`, of the same size each; the ending may differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from training.data.assets import AssetPack
from training.data.dice import Dice
from training.data.holes import make_hole
from training.data.pages import VALIDATION_START
from training.data.samples import REGION_STRIDE, Sample
from training.data.strokes import round_kernel
from training.data.targets import region_maps

_PAIR_SEED = 7006
_ENDINGS = {".png", ".jpg", ".jpeg", ".webp"}
_MOST_OPEN = 4
"""Pages that a worker keeps open: at 300 dpi one is 61 MB."""
_TRIES = 6
_GROW_PX = 1
"""The soft edge of a letter differs by less than what counts as a difference; learnt so, a rim of it would stay."""
_HELD_BACK = 10
"""Of ten pages or more every tenth is for validation: crops of pages that were learnt show no overfitting."""


class PairError(ValueError):
    """A folder of pairs, or a pair in it, cannot be used."""


def mask_by_subtraction(raw: np.ndarray, clean: np.ndarray, *, least_levels: int = 24, close_px: int = 2,
                        grow_px: int = 0, least_area_px: int = 6) -> np.ndarray:  # fmt: skip
    """`(H, W)` uint8 mask of where two `(H, W, 3)` uint8 pictures differ by more than `least_levels` in any channel.

    Specks smaller than `least_area_px` are compression noise and dropped; gaps up to `2 * close_px` are closed; then
    the mask is max-pooled with k = 2 * grow_px + 1 and stride 1 (the older recipe had k = 7 at 512 px).
    Raises PairError if the sizes differ.
    """
    if raw.shape != clean.shape:
        raise PairError(
            f"raw is {raw.shape[1]} x {raw.shape[0]}, clean {clean.shape[1]} x {clean.shape[0]}; expected one size"
        )
    changed = (cv2.absdiff(raw, clean).max(2) > least_levels).astype(np.uint8)
    count, labels, about, _ = cv2.connectedComponentsWithStats(changed, connectivity=8)
    keep = np.zeros(count, np.uint8)
    keep[1:] = np.where(about[1:, cv2.CC_STAT_AREA] >= least_area_px, 255, 0)
    mask = keep[labels]
    if close_px:
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, round_kernel(close_px))
    return cv2.dilate(mask, np.ones((2 * grow_px + 1, 2 * grow_px + 1), np.uint8)) if grow_px else mask


@dataclass(frozen=True)
class PairFolder:
    """The pairs in a folder, in the order of their names."""

    files: tuple[tuple[Path, Path], ...]

    @classmethod
    def open(cls, folder: str | Path) -> PairFolder:
        """Find the pairs. Raises PairError if there are none, or a raw page lacks its clean one."""
        raws = _by_name(Path(folder) / "raw")
        cleans = _by_name(Path(folder) / "clean")
        missing = sorted(set(raws) ^ set(cleans))
        if missing:
            raise PairError(
                f"{len(missing)} pages have no partner, the first is {missing[0]}; expected raw/NAME and clean/NAME"
            )
        if not raws:
            raise PairError(f"no pages in {folder}; expected pictures in raw/ and clean/")
        return cls(tuple((raws[name], cleans[name]) for name in sorted(raws)))

    def __len__(self) -> int:
        return len(self.files)

    def files_for(self, *, validation: bool) -> tuple[tuple[Path, Path], ...]:
        """The pages to learn from, or those held back; all of them for both where there are few."""
        if len(self.files) < _HELD_BACK:
            return self.files
        held_back = self.files[_HELD_BACK - 1 :: _HELD_BACK]
        return held_back if validation else tuple(pair for pair in self.files if pair not in held_back)

    def sample(self, pack: AssetPack, index: int, *, size_px: int = 512) -> Sample:
        """Crop `index`, a pure function of the folder and the index: any page at any of a few scales, mostly with text.

        From `VALIDATION_START` on crops are of other pages than before, if there are ten or more. Regions are not known
        from a mask, so their targets are marked so.
        """
        dice = Dice(_PAIR_SEED, index)
        files = self.files_for(validation=index >= VALIDATION_START)
        raw, clean, strokes = _opened(*files[dice.whole(0, len(files) - 1)])
        side = min(int(size_px / (1.0 if dice.chance(0.5) else dice.log_between(0.6, 1.6))), *raw.shape[:2])
        x = y = 0
        for _ in range(_TRIES):
            x, y = dice.whole(0, raw.shape[1] - side), dice.whole(0, raw.shape[0] - side)
            if strokes[y : y + side, x : x + side].any():
                break
        cut = [picture[y : y + side, x : x + side] for picture in (raw, clean, strokes)]
        if side != size_px:
            ways = [cv2.INTER_AREA if side > size_px else cv2.INTER_CUBIC] * 2 + [cv2.INTER_LINEAR]
            cut = [cv2.resize(part, (size_px, size_px), interpolation=way) for part, way in zip(cut, ways, strict=True)]
        maps = region_maps([], (size_px, size_px), stride=REGION_STRIDE, layout_known=False)
        mask = np.where(cut[2] > 127, 255, 0).astype(np.uint8)
        hole = make_hole(pack, index, size_px=size_px)
        regions = np.stack([maps.shrunk, maps.threshold, maps.band, maps.known])
        return Sample(np.array(cut[0]), np.array(cut[1]), mask, hole, regions)


def _by_name(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*")) if path.suffix.lower() in _ENDINGS}


@lru_cache(maxsize=_MOST_OPEN)
def _opened(raw_path: Path, clean_path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both pictures and their mask."""
    raw, clean = (
        np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB")) for path in (raw_path, clean_path)
    )
    try:
        return raw, clean, mask_by_subtraction(raw, clean, grow_px=_GROW_PX)
    except PairError as error:
        raise PairError(f"{raw_path.name}: {error}") from error
