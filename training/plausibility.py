"""Fit what says whether a group of strokes looks like text (`service/plausibility.py`), and put it into the manifest.

`python -m training.plausibility --assets build/assets --first-page 70000000` shows drawn pages to the graph that is
served, as the service shows it pages, and learns which groups of what it calls ink lie on text. It belongs to the
weights: fit it anew once others are in the store, after `training.quantize`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.deadline import Deadline
from service.imaging.masks import dilate
from service.plausibility import FEATURES, describe_groups, group_strokes, log_odds
from service.segmenter import TextSegmenter
from service.session import Session
from service.store import MANIFEST_NAME, Model, ModelStore, Plausibility
from training.data.assets import AssetPack
from training.data.pages import VALIDATION_START, Page, make_page

NEAR_PX = 4
TEXT_SHARE, ART_SHARE = 0.4, 0.1
"""A group is text if this much of it lies within NEAR_PX of text, and art if no more than the second does. What lies
between is learnt from as neither."""
RIDGE = 10.0
STEPS, CLOSE = 60, 1e-6
MOST_LOST_PIXELS, MOST_LOST_GROUPS = 0.003, 0.045
"""Of the text that is found, what may be lost for the art that is spared: pixels, and groups, mostly small ones. Real
pages have fewer strange letters and more art than drawn ones: there six of seven groups that go for it are art."""


@dataclass(frozen=True)
class Groups:
    """Groups of strokes on drawn pages, `n` of them."""

    features: np.ndarray
    """`(n, f)`."""
    pixels: np.ndarray
    """`(n,)` pixels of strokes."""
    text_pixels: np.ndarray
    """`(n,)` those that are text."""
    near_share: np.ndarray
    """`(n,)` share of pixels that lie on text or near it."""

    @property
    def is_text(self) -> np.ndarray:
        """`(n,)`."""
        return self.near_share > TEXT_SHARE

    @property
    def is_art(self) -> np.ndarray:
        """`(n,)`."""
        return self.near_share < ART_SHARE


@dataclass(frozen=True)
class Gain:
    """What a limit does to groups that it was not fitted on: shares, 0 to 1."""

    lost_pixels: float
    lost_groups: float
    spared_pixels: float
    spared_groups: float


def find_groups(segmenter: TextSegmenter, pages: Iterable[Page]) -> Groups:
    """The groups that `segmenter` finds at its threshold on `pages`, judged by what was drawn."""
    threshold = segmenter.model.thresholds["text"]
    parts = [_groups_of(segmenter, page, threshold) for page in pages]
    return Groups(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _groups_of(segmenter: TextSegmenter, page: Page, threshold: float) -> tuple[np.ndarray, ...]:
    maps = segmenter.find(page.raw, Deadline())
    strokes = maps.strokes(threshold)
    count, labels = group_strokes(strokes)
    near = dilate(page.strokes, NEAR_PX) > 0
    pixels, text_pixels, near_pixels = (
        np.bincount(labels[(strokes > 0) & where], minlength=count + 1)[1:]
        for where in (np.True_, page.strokes > 0, near)
    )
    features = describe_groups(maps.text, maps.region, strokes, labels, count)
    return features, pixels, text_pixels, near_pixels / np.maximum(pixels, 1)


def fit(groups: Groups, held_back: Groups, *, threshold: float) -> tuple[Plausibility, Gain]:
    """Fit on `groups`, by Newton's method with a ridge (Hastie et al. 2009, eq. 4.26), and choose the limit on others.

    Each group weighs as much as the logarithm of its pixels: a large one does more harm, but is no hundred small ones.
    """
    means, scales = groups.features.mean(axis=0), groups.features.std(axis=0) + 1e-9
    is_clear = groups.is_text | groups.is_art
    weight = np.log1p(groups.pixels[is_clear])
    bias, weights = _regress(
        (groups.features[is_clear] - means) / scales, groups.is_text[is_clear].astype(float), weight / weight.mean()
    )
    weights = weights / scales
    named = dict(zip(FEATURES, (round(float(number), 6) for number in weights), strict=True))
    found = Plausibility(threshold=threshold, least=0.0, bias=round(float(bias - weights @ means), 6), weights=named)
    odds = log_odds(found, held_back.features)
    least = float(np.floor(find_limit(odds, held_back) * 1e4) / 1e4)
    return found.model_copy(update={"least": least}), gain_of(odds < least, held_back)


def _regress(features: np.ndarray, is_text: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Bias and weights `(f,)` of the log odds."""
    terms = np.concatenate([np.ones((len(features), 1)), features], axis=1)
    ridge = RIDGE * np.eye(terms.shape[1])
    ridge[0, 0] = CLOSE  # the bias may be anything
    found = np.zeros(terms.shape[1])
    for _ in range(STEPS):
        prob = 1 / (1 + np.exp(-np.clip(terms @ found, -30, 30)))
        slope = terms.T @ (weight * (prob - is_text)) + ridge @ found
        curvature = (terms * (weight * prob * (1 - prob))[:, None]).T @ terms + ridge
        step = np.linalg.solve(curvature, slope)
        found -= step
        if np.abs(step).max() < CLOSE:
            break
    return float(found[0]), found[1:]


def find_limit(scores: np.ndarray, groups: Groups) -> float:
    """The highest limit under which no more text is lost than MOST_LOST_PIXELS and MOST_LOST_GROUPS allow."""
    order = np.argsort(scores)
    lost_pixels = np.cumsum(groups.text_pixels[order]) / max(1, groups.text_pixels.sum())
    lost_groups = np.cumsum(groups.is_text[order]) / max(1, groups.is_text.sum())
    too_much = np.flatnonzero((lost_pixels > MOST_LOST_PIXELS) | (lost_groups > MOST_LOST_GROUPS))
    return float(scores[order][too_much[0]]) if len(too_much) else float(scores.max())


def gain_of(goes: np.ndarray, groups: Groups) -> Gain:
    """What it means that the groups in `goes` `(n,)` go."""

    def share(values: np.ndarray) -> float:
        return float(values[goes].sum() / max(1, values.sum()))

    art = groups.is_art
    return Gain(share(groups.text_pixels), share(groups.is_text), share(groups.pixels * art), share(art))


def write_plausibility(store: Path, name: str, plausibility: Plausibility) -> None:
    """Put it into the entry of `name` in the manifest."""
    path = store / MANIFEST_NAME
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for entry in manifest["models"]:
        if entry["name"] == name:
            entry["plausibility"] = plausibility.model_dump(mode="json")
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def open_segmenter(store: ModelStore, model: Model) -> TextSegmenter:
    """The segmenter of a store as if nothing had been fitted yet."""
    return TextSegmenter(Session(model.model_copy(update={"plausibility": None}), store.read(model)))


def main(argv: Sequence[str] | None = None) -> None:
    """Draw, fit, say what it gains, write."""
    parser = argparse.ArgumentParser(prog="python -m training.plausibility", description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("model_store"), help="store whose graph it is fitted on")
    parser.add_argument("--name", default="text-segmentation", help="the model's name")
    parser.add_argument("--assets", type=Path, help="asset pack; default: what the repository draws by itself")
    parser.add_argument("--first-page", type=int, required=True, help="a number past those that the weights have seen")
    parser.add_argument("--pages", type=int, default=900, help="pages to fit on")
    parser.add_argument("--held-back", type=int, default=900, help="validation pages to choose the limit on")
    arguments = parser.parse_args(argv)
    store = ModelStore.open(arguments.store)
    model = store.find(arguments.name, "segmentation")
    segmenter, pack = open_segmenter(store, model), AssetPack.open(arguments.assets)
    seen, unseen = (
        find_groups(segmenter, (make_page(pack, number) for number in range(first, first + count)))
        for first, count in (
            (arguments.first_page, arguments.pages),
            (VALIDATION_START + arguments.first_page, arguments.held_back),
        )
    )
    plausibility, gain = fit(seen, unseen, threshold=model.thresholds["text"])
    write_plausibility(arguments.store, arguments.name, plausibility)
    sys.stderr.write(
        f"{model.label}: fitted on {len(seen.pixels)} groups, {int(seen.is_art.sum())} of them art. On "
        f"{len(unseen.pixels)} others {gain.spared_groups:.1%} of the art's groups are spared, "
        f"{gain.spared_pixels:.1%} of its pixels; {gain.lost_groups:.2%} of the text's groups are lost, "
        f"{gain.lost_pixels:.3%} of its pixels\n"
    )


if __name__ == "__main__":
    main()
