"""Letters that were drawn on nothing become nothing; what only looks like them stays. Through the codec, as files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as PillowImage

from service.imaging import codec
from tests.imaging.modes import HEIGHT, MAX_PIXELS, WIDTH, png, rgb, saved


def _on_nothing(mode: str) -> tuple[bytes, np.ndarray]:
    """A file with a black word on nothing, a soft edge around it, and an opaque panel with another word."""
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[11:19, 16:34] = 90
    alpha[12:18, 17:33] = 255
    alpha[24:] = 255
    colours = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    colours[24:] = (200, 220, 240)
    colours[28:31, 10:30] = 0
    if mode == "palette":
        alpha = np.where(alpha > 0, np.uint8(255), alpha)
        page = np.where(alpha == 0, 3, np.where(colours[..., 0] == 200, 1, 0)).astype(np.uint8)
        palette = bytes([0, 0, 0, 200, 220, 240, 9, 9, 9, 255, 255, 255])
        return png(3, 8, page, (b"PLTE", palette), (b"tRNS", b"\xff\xff\xff\x00")), alpha
    picture = PillowImage.fromarray(np.dstack([colours, alpha])).convert(mode)
    return saved(np.asarray(picture), "PNG"), alpha


@pytest.mark.parametrize("mode", ["RGBA", "LA", "palette"])
def test_letters_that_were_drawn_on_nothing_become_nothing(mode):
    """They stayed as white letters on a layer that is laid over art; a word on an opaque panel leaves it opaque."""
    data, alpha = _on_nothing(mode)
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[9:21, 14:36] = mask[26:33, 8:32] = 255
    result = picture.image.copy()
    result[mask > 0] = 255
    result[24:][mask[24:] > 0] = (200, 220, 240)

    encoded = codec.encode(picture, result, mask=mask, format="same", quality=None)

    after = codec.decode(encoded.data, max_pixels=MAX_PIXELS)
    assert encoded.fidelity == "exact"
    assert np.array_equal(after.alpha, np.where(np.arange(HEIGHT)[:, None] < 24, 0, alpha))
    assert np.array_equal(after.stored.samples[mask == 0], picture.stored.samples[mask == 0])
    assert (after.image[24:] == picture.image[25, 1]).all()


def cleared(colours: np.ndarray, alpha: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The alpha of a PNG of these after its mask was filled with white."""
    picture = codec.decode(saved(np.dstack([colours, alpha]), "PNG"), max_pixels=MAX_PIXELS)
    encoded = codec.encode(picture, np.full_like(picture.image, 255), mask=mask, format="same", quality=None)
    after = codec.decode(encoded.data, max_pixels=MAX_PIXELS)
    assert np.array_equal(after.stored.samples[mask == 0], picture.stored.samples[mask == 0])
    return after.alpha


def test_what_goes_on_past_the_mask_is_filled_and_not_cut_off():
    """A letter that hangs over the edge of a panel, and a plate that the mask covers half of, stay as opaque."""
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:12] = 0
    alpha[10:12, 20:24] = 255
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[9:20, 19:25] = 255
    assert np.array_equal(cleared(rgb(), alpha, mask), alpha)

    plate = np.zeros((HEIGHT, WIDTH), np.uint8)
    plate[10:20, 10:40] = 255
    mask[:] = 0
    mask[8:22, 8:30] = 255
    assert np.array_equal(cleared(rgb(), plate, mask), plate)


def test_a_plate_with_letters_on_it_is_filled_and_not_taken_away():
    """It has two colours and fills its box; the same plate without letters is as good as a letter."""
    alpha, mask = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    alpha[10:20, 10:40], mask[8:22, 8:42] = 255, 255
    colours = np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
    assert not cleared(colours, alpha, mask).any()

    colours[13:17, 14:36:4] = colours[13:17, 15:36:4] = 0
    assert np.array_equal(cleared(colours, alpha, mask), alpha)


@pytest.mark.parametrize("place", [(0, 0), (20, 20)])
def test_a_mask_over_a_whole_picture_leaves_it_opaque(place):
    """One transparent pixel makes no layer of letters of it; what lies past the border is not known."""
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[place] = 0

    assert np.array_equal(cleared(rgb(), alpha, np.full_like(alpha, 255)), alpha)


def test_a_letter_that_the_border_cuts_becomes_nothing():
    """Little of its outline lies there; and a mask far away from it costs nothing."""
    alpha, mask = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    alpha[12:20, :14] = 255
    alpha[:2, 40:] = 255
    mask[10:22, :16] = 255

    after = cleared(np.zeros((HEIGHT, WIDTH, 3), np.uint8), alpha, mask)

    assert not after[:, :30].any()
    assert (after[:2, 40:] == 255).all()
