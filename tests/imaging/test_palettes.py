"""Painting on palette pictures."""

from __future__ import annotations

import numpy as np
import pytest

from service.imaging.palettes import Palette, put_colours

HOLE = np.zeros((6, 8), bool)
HOLE[1:4, 2:6] = True


def gray_ramp(entries: int) -> np.ndarray:
    return np.repeat(np.linspace(0, 255, entries).astype(np.uint8)[:, None], 3, axis=1)


def test_a_known_colour_takes_its_entry_and_adds_none():
    """Paper that the palette already knows is painted with that entry."""
    palette = Palette(gray_ramp(16))
    result = np.full((6, 8, 3), 255, np.uint8)

    indexes, after = put_colours(np.zeros((6, 8), np.uint8), palette, 8, result, HOLE)

    assert np.array_equal(after.colours, palette.colours)
    assert (indexes[HOLE] == 15).all()
    assert (indexes[~HOLE] == 0).all()


def test_new_colours_are_added_behind_the_old_ones():
    """While there is room, a new colour gets an entry of its own; the old entries stay where they are."""
    palette = Palette(gray_ramp(16))
    result = np.full((6, 8, 3), (200, 10, 20), np.uint8)

    indexes, after = put_colours(np.zeros((6, 8), np.uint8), palette, 8, result, HOLE)

    assert np.array_equal(after.colours[:16], palette.colours)
    assert after.colours[indexes[2, 3]].tolist() == [200, 10, 20]


def test_entries_that_no_pixel_uses_are_taken_when_the_palette_is_full():
    """A full palette has room where its entries are unused; those in use keep their colours."""
    palette = Palette(gray_ramp(256))
    before = np.full((6, 8), 7, np.uint8)
    result = np.full((6, 8, 3), (200, 10, 20), np.uint8)

    indexes, after = put_colours(before, palette, 8, result, HOLE)

    assert after.colours[indexes[2, 3]].tolist() == [200, 10, 20]
    assert np.array_equal(after.colours[7], palette.colours[7])
    assert len(after.colours) == 256


def test_a_full_palette_in_full_use_takes_the_nearest_entry():
    """With no room at all, the nearest colour is used and no entry changes."""
    palette = Palette(gray_ramp(4))
    before = (np.arange(48).reshape(6, 8) % 4).astype(np.uint8)
    result = np.full((6, 8, 3), 180, np.uint8)

    indexes, after = put_colours(before, palette, 2, result, HOLE)

    assert np.array_equal(after.colours, palette.colours)
    assert (indexes[HOLE] == 2).all()


def test_more_new_colours_than_room_are_summed_up():
    """A hundred new colours and three free entries: those three are chosen to fit."""
    palette = Palette(gray_ramp(13))
    before = (np.arange(48).reshape(6, 8) % 13).astype(np.uint8)
    result = np.random.default_rng(1).integers(0, 256, (6, 8, 3)).astype(np.uint8)

    indexes, after = put_colours(before, palette, 4, result, HOLE)

    assert len(after.colours) <= 16
    assert np.array_equal(after.colours[:13][np.unique(before[~HOLE])], palette.colours[np.unique(before[~HOLE])])
    nearest_old = np.abs(palette.colours[before[HOLE]].astype(int) - result[HOLE]).mean()
    assert np.abs(after.colours[indexes[HOLE]].astype(int) - result[HOLE]).mean() < nearest_old


def test_each_pixel_keeps_its_opacity():
    """Pixels of a transparent entry keep it; half transparent ones only change among entries as transparent."""
    alpha = np.array([0, 128, 128, 255], np.uint8)
    palette = Palette(np.array([[9, 9, 9], [0, 0, 0], [250, 250, 250], [10, 200, 10]], np.uint8), alpha)
    before = (np.arange(48).reshape(6, 8) % 4).astype(np.uint8)
    result = np.full((6, 8, 3), 255, np.uint8)

    indexes, after = put_colours(before, palette, 8, result, HOLE)

    assert np.array_equal(after.opacity()[indexes], alpha[before])
    assert (indexes[HOLE & (before == 0)] == 0).all()
    assert (indexes[HOLE & (before == 1)] == 2).all()


def test_entries_that_the_file_names_stay():
    """The colour of the background is no free entry, though no pixel has it."""
    palette = Palette(gray_ramp(4), named=frozenset({1}))
    before = np.where(HOLE, np.uint8(0), np.uint8(3))
    result = np.full((6, 8, 3), (200, 10, 20), np.uint8)

    indexes, after = put_colours(before, palette, 2, result, HOLE)

    assert np.array_equal(after.colours[[1, 3]], palette.colours[[1, 3]])
    assert after.colours[indexes[2, 3]].tolist() == [200, 10, 20]
    assert after.named == {1}


@pytest.mark.parametrize(("fill", "entry"), [(255, 0), (240, 0), (12, 1)])
def test_black_on_transparent_paper_is_erased_where_there_is_no_other_opaque_entry(fill, entry):
    """Its white is the transparent entry: nothing else could show it, and the text came back."""
    palette = Palette(np.array([[90, 90, 90], [0, 0, 0]], np.uint8), np.array([0, 255], np.uint8))
    before = np.where(HOLE, np.uint8(1), np.uint8(0))
    before[5, 5] = 1

    indexes, after = put_colours(before, palette, 1, np.full((6, 8, 3), fill, np.uint8), HOLE)

    assert (indexes[HOLE] == entry).all()
    assert np.array_equal(indexes[~HOLE], before[~HOLE])
    assert np.array_equal(after.colours, palette.colours)


def test_opaque_paper_stays_opaque_where_an_entry_comes_near_it():
    """Paper of 245 is filled with its own entry, not with the transparent one, though white is nearer to 252."""
    palette = Palette(
        np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0], [245, 245, 245]], np.uint8), np.array([0, 255, 255, 255], np.uint8)
    )
    before = np.where(HOLE, np.uint8(1), np.uint8(3))
    before[0] = [0, 1, 2, 3, 0, 1, 2, 3]

    indexes, _ = put_colours(before, palette, 2, np.full((6, 8, 3), 252, np.uint8), HOLE)

    assert (indexes[HOLE] == 3).all()
