import numpy as np
import pytest
from PIL import Image

from training.data.pages import VALIDATION_START
from training.data.pairs import PairError, PairFolder, mask_by_subtraction


def two_pages(text=0):
    clean = np.full((120, 160, 3), 200, np.uint8)
    raw = clean.copy()
    raw[40:50, 60:90] = text
    return raw, clean


@pytest.fixture
def folder(tmp_path):
    for name in ("one", "two"):
        raw, clean = two_pages()
        for part, picture in (("raw", raw), ("clean", clean)):
            (tmp_path / part).mkdir(exist_ok=True)
            Image.fromarray(picture).save(tmp_path / part / f"{name}.png")
    return tmp_path


def test_the_mask_is_where_the_pages_differ():
    """Subtraction finds the text and nothing else."""
    raw, clean = two_pages()
    mask = mask_by_subtraction(raw, clean)

    assert np.array_equal(mask == 255, (raw != clean).any(2))


def test_max_pooling_grows_the_mask_by_its_radius():
    """A kernel of 7 with stride 1 grows each side by 3 px."""
    raw, clean = two_pages()
    mask = mask_by_subtraction(raw, clean, grow_px=3)
    rows, columns = np.nonzero(mask)

    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (37, 52, 57, 92)


def test_gaps_are_closed_and_specks_dropped():
    """A gap of 2 px within text is closed; a single changed pixel is compression noise."""
    raw, clean = two_pages()
    raw[44:46] = clean[44:46]
    raw[5, 5] = 0
    mask = mask_by_subtraction(raw, clean)

    assert mask[44:46, 65:85].all()
    assert not mask[:20].any()


def test_faint_differences_are_not_text():
    """Differences within the limit are compression."""
    raw, clean = two_pages(text=180)

    assert not mask_by_subtraction(raw, clean, least_levels=24).any()


def test_pages_of_two_sizes_are_refused():
    """A pair must have one size; the message tells both."""
    raw, clean = two_pages()

    with pytest.raises(PairError, match="160 x 119"):
        mask_by_subtraction(raw, clean[:-1])


def test_a_folder_gives_samples_that_depend_on_the_index(folder, pack):
    """Sample i of a folder is the same each time; crops show the text."""
    pairs = PairFolder.open(folder)
    sample, again = (pairs.sample(pack, 3, size_px=64) for _ in range(2))

    assert len(pairs) == 2
    assert all(np.array_equal(array, twin) for (_, array), (_, twin) in zip(sample.items(), again.items(), strict=True))
    assert sample.strokes.any()
    assert not sample.regions[3].any()


def test_of_ten_pages_one_is_held_back_for_validation(tmp_path, pack):
    """Training crops never show it, validation crops show nothing else; where pages are few both see all."""
    for number in range(10):
        for part in ("raw", "clean"):
            (tmp_path / part).mkdir(exist_ok=True)
            Image.fromarray(np.full((70, 70, 3), 20 * number, np.uint8)).save(tmp_path / part / f"{number}.png")
    pairs = PairFolder.open(tmp_path)

    def seen(start):
        return {int(pairs.sample(pack, start + index, size_px=64).raw[0, 0, 0]) // 20 for index in range(60)}

    assert seen(VALIDATION_START) == {9}
    assert seen(0) == set(range(9))
    assert len(PairFolder(pairs.files[:4]).files_for(validation=True)) == 4


def test_learnt_masks_reach_over_the_soft_edge_of_letters(folder, pack):
    """An edge that differs by too little to count is learnt all the same: masks are grown by a pixel."""
    raw, _ = two_pages()
    raw[39, 60:90] = 185
    for name in ("one", "two"):
        Image.fromarray(raw).save(folder / "raw" / f"{name}.png")
    samples = [PairFolder.open(folder).sample(pack, index, size_px=64) for index in range(20)]

    assert all((sample.strokes[sample.raw[..., 0] == 185] == 255).all() for sample in samples)
    assert any((sample.raw[..., 0] == 185).any() for sample in samples)


def test_a_page_without_partner_is_refused(folder):
    """A raw page that lacks its clean one is named."""
    (folder / "clean" / "two.png").unlink()

    with pytest.raises(PairError, match="two"):
        PairFolder.open(folder)


def test_an_empty_folder_is_refused(tmp_path):
    """Nothing to learn from is an error, not an endless wait."""
    with pytest.raises(PairError, match="no pages"):
        PairFolder.open(tmp_path)
