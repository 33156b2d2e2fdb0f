from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from PIL import Image

from training.data.pages import VALIDATION_START
from training.data.samples import make_sample
from training.data.synthetic import prepare_synthetic
from training.feed import Feed, prepare_pages, prepare_pairs

pytestmark = pytest.mark.training

SIDE_PX = 64


def prepare(first_page: int = 0, validation_samples: int = 2):
    return partial(
        prepare_pages, None, sample_px=SIDE_PX, validation_samples=validation_samples, first_page=first_page, warm=False
    )


def make_expected(index: int):
    return prepare_synthetic(None, size_px=SIDE_PX, warm=False)(index)


def test_validation_pages_come_first_and_are_fixed():
    """The first samples are pages from the validation range; training starts at the page asked for."""
    with Feed(prepare(first_page=5), workers=0, sample_px=SIDE_PX, validation_samples=2) as feed:
        validation = feed.collect_validation()
        lot = next(feed.lots())

    assert np.array_equal(validation["raw"][1], make_expected(VALIDATION_START + 1).raw)
    assert np.array_equal(lot["raw"][0], make_expected(5).raw)
    assert {field: array.shape[1:] for field, array in lot.items()} == {
        "raw": (64, 64, 3),
        "clean": (64, 64, 3),
        "strokes": (64, 64),
        "hole": (64, 64),
        "regions": (4, 32, 32),
    }


@pytest.mark.parametrize("workers", [0, 1])
def test_a_feed_that_may_give_so_many_gives_the_first_ones_and_ends(workers):
    """Runs that are compared see the same pages, however fast they are."""
    with Feed(prepare(validation_samples=1), workers=workers, sample_px=SIDE_PX, validation_samples=1) as feed:
        feed.collect_validation()
        given = [raw for lot in feed.lots(most=3) for raw in lot["raw"]]

    assert len(given) == 3
    assert all(np.array_equal(raw, make_expected(index).raw) for index, raw in enumerate(given))


def test_workers_lose_no_sample():
    """Workers finish out of order, one far ahead of the other; what is fed on leaves no training page out."""
    missing = {index: make_expected(index).raw for index in range(8)}
    fed = 0
    with Feed(prepare(), workers=2, sample_px=SIDE_PX, validation_samples=2) as feed:
        validation = feed.collect_validation()
        lots = feed.lots()
        while missing and fed < 500:
            for raw in next(lots)["raw"]:
                fed += 1
                missing = {index: page for index, page in missing.items() if not np.array_equal(page, raw)}

    assert np.array_equal(validation["raw"][0], make_expected(VALIDATION_START).raw)
    assert sorted(missing) == []


def test_pairs_are_cut_into_samples(tmp_path):
    """A folder of real pairs feeds the same fields; where its text is was found by subtraction."""
    rng = np.random.default_rng(0)
    clean = np.full((100, 120, 3), 230, np.uint8)
    raw = clean.copy()
    raw[40:60, 30:90] = rng.integers(0, 60, (20, 60, 3))
    for name, picture in (("raw", raw), ("clean", clean)):
        (tmp_path / name).mkdir()
        Image.fromarray(picture).save(tmp_path / name / "page.png")

    source = partial(prepare_pairs, tmp_path, None, sample_px=SIDE_PX, validation_samples=1, first_page=0)
    with Feed(source, workers=0, sample_px=SIDE_PX, validation_samples=1) as feed:
        validation = feed.collect_validation()

    assert validation["strokes"].any()
    assert not validation["regions"][:, [0, 3]].any(), "no region is claimed, and none is known to be absent"


def test_a_sample_is_what_the_page_says():
    """The feed adds nothing: sample i is the data package's sample i."""
    pack = prepare_synthetic(None, size_px=SIDE_PX, warm=False).args[0]

    assert np.array_equal(make_expected(3).raw, make_sample(pack, 3, size_px=SIDE_PX).raw)
