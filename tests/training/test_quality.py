from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.figures import Tally, count_matches, measure_fill, measure_found, spectrum_error, tone_error
from benchmarks.lettered_pages import about_pages, draw_pages, keep_pages, open_pages

pytestmark = pytest.mark.training


def test_found_text_is_counted_pixel_by_pixel():
    """Text on columns 10-13, found on 12-13, 15 and 30 of one row of 40: worked out by hand."""
    text, found = np.zeros((1, 40), bool), np.zeros((1, 40), bool)
    text[0, 10:14] = True
    found[0, [12, 13, 15, 30]] = True
    tally = Tally()

    measure_found(tally, "bare", found, text)

    assert (tally.sums["bare text"], tally.sums["bare hit"], tally.sums["bare near"]) == (4, 2, 4)
    assert (tally.sums["bare found"], tally.sums["bare far"]) == (4, 1)


def test_a_fill_is_judged_inside_the_hole_only():
    """An error of 25.5 levels inside is 20 dB, whatever happens outside."""
    clean = np.full((64, 64, 3), 100, np.uint8)
    hole = np.zeros((64, 64), bool)
    hole[20:40, 20:40] = True
    result = np.full_like(clean, 255)
    result[hole] = 100
    result[hole, :] = np.where(np.arange(hole.sum())[:, None] % 2, 125, 126)
    tally = Tally()

    measure_fill(tally, "net", result, clean, hole)

    assert tally.mean("net psnr") == pytest.approx(20.0, abs=0.02)
    assert math.isnan(tally.mean("telea psnr"))


def test_screentone_that_turned_grey_is_a_tone_error():
    """Its mean is right, its spread is gone; the same tone shifted by a dot is no error."""
    rows, columns = np.mgrid[:64, :64]
    tone = np.where((rows // 2 + columns // 2) % 2, 255, 0).astype(np.uint8)[..., None].repeat(3, 2)
    hole = np.zeros((64, 64), bool)
    hole[16:48, 16:48] = True

    assert tone_error(np.full_like(tone, 127), tone, hole) > 60
    assert tone_error(np.roll(tone, 2, axis=1), tone, hole) < 2


def test_noise_in_the_place_of_a_screentone_is_a_spectrum_error():
    """Noise of the same spread passes for the tone by its spread, not by its spectrum; the tone itself is near 0 dB."""
    rows, columns = np.mgrid[:96, :96]
    tone = np.where((rows // 2 + columns // 2) % 2, 200, 50).astype(np.uint8)[..., None].repeat(3, 2)
    hole = np.zeros((96, 96), bool)
    hole[30:66, 30:66] = True
    noisy = tone.copy()
    noise = np.random.default_rng(0).choice([50, 200], size=int(hole.sum()))
    noisy[hole] = noise[:, None]

    assert tone_error(noisy, tone, hole) < 5
    assert spectrum_error(tone, hole) < 0.5
    assert spectrum_error(noisy, hole) > 5
    assert spectrum_error(np.full_like(tone, 255), hole) == 0
    assert math.isnan(spectrum_error(tone, np.ones_like(hole)))


def test_regions_match_from_half_their_union_on_and_each_only_once() -> None:
    """A square shifted by a third of its side keeps half of the union; by half of it, a third."""
    square = np.array([[10, 10], [39, 10], [39, 39], [10, 39]], np.int32)
    third, half = np.add(square, [10, 0]), np.add(square, [15, 0])

    assert count_matches([third], [square], (80, 80)) == 1
    assert count_matches([half], [square], (80, 80)) == 0
    assert count_matches([square, third], [square], (80, 80)) == 1
    assert count_matches([], [square], (80, 80)) == 0


def test_kept_pages_are_the_pages_that_were_drawn(tmp_path) -> None:
    """Pictures, text, sizes and regions come back bit by bit, layouts that are not known as not known."""
    drawn = list(draw_pages(None, 4, size_px=96))
    keep_pages(drawn, tmp_path, "version 0")

    kept = list(open_pages(tmp_path, 10))

    assert about_pages(tmp_path) == "version 0"
    assert [(page.name, page.kind) for page in kept] == [(page.name, page.kind) for page in drawn]
    for page, twin in zip(drawn, kept, strict=True):
        for field in ("raw", "clean", "text", "octaves"):
            assert np.array_equal(getattr(page, field), getattr(twin, field)), field
        assert (page.regions is None) == (twin.regions is None)
        assert [r.tolist() for r in page.regions or ()] == [r.tolist() for r in twin.regions or ()]


def test_a_folder_whose_pages_were_not_finished_has_none(tmp_path) -> None:
    """What was interrupted is drawn again."""

    def broken():
        yield from draw_pages(None, 1, size_px=96)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_pages(broken(), tmp_path, "version 0")

    assert about_pages(tmp_path) is None
