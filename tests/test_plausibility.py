"""Groups of strokes are judged by what they look like, and what hardly looks like text is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.errors import ModelStoreError
from service.imaging.arrays import Mask
from service.plausibility import FEATURES, LARGE_PX, describe_groups, group_strokes, judge, log_odds
from service.segmenter import TextMaps, TextSegmenter
from service.store import Plausibility
from tests.fakes import FakeGraph, fake_store


def asking_for(feature: str, *, least: float) -> Plausibility:
    """One that looks at a single feature: its value is the log odds."""
    weights = {name: 1.0 if name == feature else 0.0 for name in FEATURES}
    return Plausibility(threshold=0.4, least=least, bias=0.0, weights=weights)


def described(strokes: Mask, text: Mask, region: Mask) -> list[dict[str, float]]:
    """The features of each group, by name."""
    count, labels = group_strokes(strokes)
    features = describe_groups(text, region, strokes, labels, count)
    assert features.shape == (count, len(FEATURES))
    return [dict(zip(FEATURES, row, strict=True)) for row in features]


def test_the_features_are_what_their_names_say() -> None:
    """A bar of 40 x 10 and, 5 px beside it, a dot of 10 x 10 are one group of two pieces; another bar is nearby."""
    strokes, text, region = (np.zeros((200, 300), np.uint8) for _ in range(3))
    strokes[100:110, 100:140], strokes[100:110, 145:155] = 255, 255
    strokes[60:80, 96:160] = 255
    text[100:110, 100:140], text[100:110, 145:155] = 255, 210
    region[100:110, 100:140] = 200

    group = next(row for row in described(strokes, text, region) if row["log of the number of pieces"] > 0)

    assert group["log of the number of pieces"] == pytest.approx(np.log(2))
    assert group["log of the number of pixels"] == pytest.approx(np.log(500))
    assert group["mean probability"] == pytest.approx((400 * 255 + 100 * 210) / 500)
    assert group["share of pixels above 0.8"] == 1
    assert group["share of pixels above 0.95"] == pytest.approx(0.8)
    assert group["mean region probability"] == pytest.approx(160)
    assert group["share of pixels above a region probability of 0.5"] == pytest.approx(0.8)
    assert group["log of the thickness"] == pytest.approx(np.log(2 * 500 / (96 + 36)))
    assert group["share of the box"] == pytest.approx(500 / 550)
    assert group["log of the longer side"] == pytest.approx(np.log(55))
    assert group["log of the number of other strokes' pixels nearby"] == pytest.approx(np.log1p(20 * 64), abs=0.05)


def test_a_stroke_at_the_border_is_as_thick_as_elsewhere() -> None:
    """The border of the page is an edge of the ink."""
    strokes = np.zeros((40, 40), np.uint8)
    strokes[:, :6] = 255
    moved = np.zeros((60, 60), np.uint8)
    moved[10:50, 10:16] = 255

    (at_border,), (inside,) = (described(mask, mask, mask) for mask in (strokes, moved))

    assert at_border["log of the thickness"] == pytest.approx(inside["log of the thickness"])


def test_nothing_has_no_groups() -> None:
    """A blank page is judged too."""
    blank = np.zeros((8, 8), np.uint8)

    assert described(blank, blank, blank) == []
    assert not replace(maps_of_two(), text=blank, region=blank).strokes(0.4).any()


def maps_of_two(least: float = 250.0) -> TextMaps:
    """A sure word at the left, a doubtful mark at the right; only groups of at least this mean level look like text."""
    text = np.zeros((60, 200), np.uint8)
    text[20:40, 10:50], text[20:40, 120:140] = 255, 230
    return TextMaps(text, text, 1.0, asking_for("mean probability", least=least))


def test_what_hardly_looks_like_text_goes_and_the_rest_stays() -> None:
    """To the pixel; and without a judge all stays."""
    maps = maps_of_two()
    alone = replace(maps, plausibility=None).strokes(0.4)

    judged = maps.strokes(0.4)

    assert alone[20:40, 120:140].all()
    assert not judged[:, 60:].any()
    assert np.array_equal(judged[:, :60], alone[:, :60])


def test_what_does_not_look_like_text_does_not_come_back_beside_a_text() -> None:
    """A mark that is surely seen and unlikely is no faint letter, whatever stands beside it."""
    maps = maps_of_two()
    dash = np.zeros_like(maps.text)
    dash[28:32, 50:110] = 255

    assert not maps.faint(0.4, maps.strokes(0.4), dash).any()


def unsure_maps(highest_region: int, *, bias: float) -> TextMaps:
    """A word that the looks agree on too little to be sure of; how likely it is text, and the highest region seen."""
    text = np.zeros((60, 200), np.uint8)
    text[20:30, 10:40] = 160
    likely = Plausibility(threshold=0.4, least=-1.0, bias=bias, weights=dict.fromkeys(FEATURES, 0.0))
    return TextMaps(text, text // 4, 1.0, likely, np.full_like(text, highest_region))


def test_what_is_unsure_stays_where_it_is_likely_text_and_a_look_saw_a_region() -> None:
    """A bubble in small print that one look reads and the other does not; both are asked for."""
    assert unsure_maps(200, bias=0.3).strokes(0.4)[20:30, 10:40].all()
    assert not unsure_maps(200, bias=0.2).strokes(0.4).any()
    assert not unsure_maps(60, bias=0.3).strokes(0.4).any()


def test_less_is_asked_at_a_lower_threshold() -> None:
    """In the same odds: log(0.4 / 0.6) - log(0.1 / 0.9) less."""
    features = np.zeros((2, len(FEATURES)))
    features[:, FEATURES.index("share of the box")] = (-1.5, -2.0)
    judge_of_shape = asking_for("share of the box", least=0.0)

    assert judge(judge_of_shape, features, 0.4).tolist() == [False, False]
    assert judge(judge_of_shape, features, 0.1).tolist() == [True, False]


def test_less_is_asked_of_large_groups() -> None:
    """A group of e^4 times LARGE_PX has two log odds to the good; one of LARGE_PX has none."""
    features = np.zeros((3, len(FEATURES)))
    features[:, FEATURES.index("share of the box")] = (-1.9, -2.1, -0.1)
    features[:, FEATURES.index("log of the number of pixels")] = np.log(LARGE_PX) + np.array([4, 4, 0])

    assert judge(asking_for("share of the box", least=0.0), features, 0.4).tolist() == [True, False, False]


def test_the_odds_are_the_bias_and_the_weighted_features() -> None:
    """By hand: 0.5 - 2 x 0.75 + 3 x 0.25 = -0.25."""
    weights = dict.fromkeys(FEATURES, 0.0) | {"share of the box": -2.0, "share of pixels above 0.8": 3.0}
    features = np.zeros((1, len(FEATURES)))
    features[0, FEATURES.index("share of the box")] = 0.75
    features[0, FEATURES.index("share of pixels above 0.8")] = 0.25

    odds = log_odds(Plausibility(threshold=0.4, least=0, bias=0.5, weights=weights), features)

    assert odds == pytest.approx([-0.25])


def test_a_judge_of_other_features_is_refused_at_the_start() -> None:
    """It says in which the two differ."""
    weights = {**dict.fromkeys(FEATURES[1:], 0.0), "taste": 1.0}
    stranger = Plausibility(threshold=0.4, least=0, bias=0, weights=weights)
    model = fake_store().models[0].model_copy(update={"plausibility": stranger})

    with pytest.raises(ModelStoreError, match=r"differ in features: mean probability, taste"):
        TextSegmenter(FakeGraph(model, lambda feeds: {}))
