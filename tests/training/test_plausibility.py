import json
from pathlib import Path

import numpy as np

from service.plausibility import FEATURES, log_odds
from service.store import ModelStore
from training.data.assets import AssetPack
from training.data.pages import make_page
from training.plausibility import (
    MOST_LOST_GROUPS,
    MOST_LOST_PIXELS,
    Groups,
    find_groups,
    find_limit,
    fit,
    gain_of,
    open_segmenter,
    write_plausibility,
)

STORE = Path(__file__).parents[2] / "model_store"
_RNG = np.random.default_rng(4)


def drawn_groups(count):
    """Groups of which three in four are text: those have a higher first feature, and all else is noise."""
    is_text = _RNG.random(count) < 0.75
    features = _RNG.normal(0, 1, (count, len(FEATURES)))
    features[:, 0] += np.where(is_text, 2.0, -2.0)
    pixels = _RNG.integers(50, 300, count)
    return Groups(features, pixels, pixels * is_text, is_text.astype(float))


def test_what_separates_text_from_art_is_found():
    """On others most art is spared, and of the text no more is lost than allowed."""
    others = drawn_groups(1500)
    plausibility, gain = fit(drawn_groups(3000), others, threshold=0.4)
    scores = log_odds(plausibility, others.features)

    assert gain.spared_groups > 0.5
    assert gain.lost_groups <= MOST_LOST_GROUPS
    assert gain.lost_pixels <= MOST_LOST_PIXELS
    assert np.median(scores[others.is_text]) > 2 > -1 > np.median(scores[others.is_art])
    assert plausibility.threshold == 0.4


def test_the_limit_is_the_first_score_that_would_lose_too_much():
    """Groups with scores 0 to 999, all text but the first ten; one text in a hundred thousand pixels may go."""
    pixels = np.full(1000, 1000)
    is_text = np.arange(1000) >= 10
    groups = Groups(np.zeros((1000, 1)), pixels, pixels * is_text, is_text.astype(float))
    scores = np.arange(1000.0)

    assert find_limit(scores, groups) == 10
    assert gain_of(scores < 10, groups).spared_groups == 1
    assert gain_of(scores < 10, groups).lost_pixels == 0


def test_where_nothing_can_be_lost_nothing_limits():
    """Art alone: the highest score."""
    groups = Groups(np.zeros((3, 1)), np.full(3, 9), np.zeros(3), np.zeros(3))

    assert find_limit(np.array([1.0, 3.0, 2.0]), groups) == 3


def test_groups_of_drawn_pages_are_judged_by_what_was_drawn():
    """With the graph that is served: most of what it finds lies on text, and every group has its features."""
    store, pack = ModelStore.open(STORE), AssetPack.builtin()
    segmenter = open_segmenter(store, store.find("text-segmentation", "segmentation"))
    groups = find_groups(segmenter, (make_page(pack, number, kind="document") for number in range(3)))

    assert segmenter.model.plausibility is None
    assert groups.features.shape == (len(groups.pixels), len(FEATURES))
    assert len(groups.pixels) > 3
    assert groups.text_pixels.sum() > 0.5 * groups.pixels.sum()
    assert groups.is_text.mean() > 0.5


def test_only_the_models_own_entry_gets_it(tmp_path):
    """All else in the manifest stays as it was, and the store still opens."""
    manifest = json.loads((STORE / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    plausibility, _ = fit(drawn_groups(300), drawn_groups(300), threshold=0.4)

    write_plausibility(tmp_path, "text-segmentation", plausibility)

    written = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert ModelStore.open(tmp_path).find("text-segmentation", "segmentation").plausibility == plausibility
    for before, after in zip(manifest["models"], written["models"], strict=True):
        assert {**after, "plausibility": None} == {**before, "plausibility": None}
