from __future__ import annotations

import pytest
import torch

from training.crops import ColourChange, dilate_randomly, draw_grid, halve_grid, sample_crops, wear_a_little
from training.holes_on_device import mix_holes, occlude_text

pytestmark = pytest.mark.training

CPU = torch.device("cpu")


def test_exact_crops_are_not_resampled():
    """A crop on whole pixels holds values of the sample only, whatever flip or turn it took."""
    torch.manual_seed(0)
    sample = (torch.rand(16, 64, 64) > 0.5).byte() * 255

    crops = sample_crops(sample, draw_grid(16, 32, 64, device=CPU, exact_share=1.0))

    assert ((crops < 0.01) | (crops > 0.99)).all()


def test_all_fields_of_a_sample_are_cropped_alike():
    """Image and mask of the same grid show the same place, also when scaled and rotated."""
    torch.manual_seed(0)
    mask = torch.zeros(8, 64, 64, dtype=torch.uint8)
    mask[:, 20:40, 10:50] = 255
    grid = draw_grid(8, 32, 64, device=CPU, exact_share=0.0, rotated_share=1.0)

    image = sample_crops(mask.unsqueeze(-1).expand(-1, -1, -1, 3), grid)

    assert torch.allclose(image[:, :1], sample_crops(mask, grid))


def test_crops_lean_as_far_as_asked():
    """As many as asked, either way, up to the angle asked; an exact crop never does."""
    torch.manual_seed(0)
    grid = draw_grid(400, 8, 64, device=CPU, exact_share=0.5, rotated_share=0.5, max_rotation=0.6, upright_share=1.0)

    along = grid[:, 0, 1] - grid[:, 0, 0]
    lean = torch.atan2(along[:, 1], along[:, 0])

    assert 0.15 < (lean.abs() > 0.01).float().mean() < 0.35
    assert lean.max() > 0.5
    assert lean.min() < -0.5
    assert lean.abs().max() <= 0.6


def test_half_resolution_maps_stay_aligned():
    """An exact crop of a map at half size equals the pooled crop of the full one, because offsets are even."""
    torch.manual_seed(0)
    full = torch.rand(8, 1, 64, 64)
    half = torch.nn.functional.avg_pool2d(full, 2)
    grid = draw_grid(8, 32, 64, device=CPU, exact_share=1.0)

    def to_levels(x: torch.Tensor) -> torch.Tensor:
        return (x * 255).byte()

    crops = sample_crops(to_levels(half), halve_grid(grid))
    pooled = torch.nn.functional.avg_pool2d(sample_crops(to_levels(full), grid), 2)

    assert (crops - pooled).abs().max() < 2 / 255


def test_a_sample_as_small_as_the_crop_is_taken_whole():
    """There is then no room to move, and nothing is read from outside."""
    sample = torch.full((4, 32, 32), 255, dtype=torch.uint8)

    assert (sample_crops(sample, draw_grid(4, 32, 32, device=CPU)) > 0.99).all()


def test_a_colour_change_can_be_repeated():
    """Raw and clean of one crop get the same light; another draw gives another."""
    torch.manual_seed(0)
    image = torch.rand(16, 3, 8, 8)
    change = ColourChange(16, device=CPU)

    assert torch.equal(change.apply(image), change.apply(image))
    assert not torch.equal(change.apply(image), ColourChange(16, device=CPU).apply(image))
    assert 0 <= change.apply(image).min() <= change.apply(image).max() <= 1


def test_what_is_drawn_for_some_crops_leaves_the_others_as_they_are():
    """A fifth is blurred and three in ten get noise: about half of many crops keep every value."""
    torch.manual_seed(0)
    image = torch.rand(200, 3, 8, 8)

    untouched = (wear_a_little(image) == image).flatten(1).all(1).float().mean()

    assert 0.45 < untouched < 0.67


def test_wear_stays_in_range():
    """Blur and noise never leave [0, 1]."""
    worn = wear_a_little(torch.rand(16, 3, 16, 16))

    assert 0 <= worn.min() <= worn.max() <= 1


def test_dilation_grows_by_the_radius_asked_for():
    """With equal bounds a dot grows to that radius along the axes."""
    dot = torch.zeros(3, 1, 21, 21)
    dot[..., 10, 10] = 1

    grown = dilate_randomly(dot, min_px=4, max_px=4)

    assert (grown[:, 0, 10].sum(-1) == 9).all()


def test_holes_that_cover_all_lettering_say_so():
    """Where the flag is set, not one stroke pixel is left outside the hole."""
    torch.manual_seed(0)
    strokes, drawn = torch.zeros(64, 1, 32, 32), torch.zeros(64, 1, 32, 32)
    strokes[..., 10:14, 8:24] = 1
    drawn[..., 20:22, :] = 1

    hole, covered = mix_holes(strokes, drawn)

    assert 0 < covered.sum() < 64
    assert ((strokes * (1 - hole)).sum((1, 2, 3), keepdim=True)[covered] == 0).all()
    assert set(hole.unique().tolist()) == {0.0, 1.0}


def test_a_crop_without_text_still_gets_a_hole():
    """There the drawn holes stand in."""
    drawn = torch.zeros(8, 1, 32, 32)
    drawn[..., 20:22, :] = 1

    hole, _ = mix_holes(torch.zeros_like(drawn), drawn)

    assert (hole.sum((1, 2, 3)) > 0).all()


def test_occluding_shapes_lie_on_the_lettering():
    """Every crop with text has some of it covered, and not all of every crop's."""
    torch.manual_seed(0)
    strokes = torch.zeros(16, 1, 96, 96)
    strokes[..., 8:88:8, 8:88] = 1

    hole = occlude_text(strokes)

    covered = (hole * strokes).sum((1, 2, 3)) / strokes.sum((1, 2, 3))
    assert (covered > 0).all()
    assert covered.mean() < 0.9


def test_upright_crops_are_neither_mirrored_nor_turned():
    """With `upright_share` 1 a picture that grows brighter to the right and below does so in every crop."""
    torch.manual_seed(0)
    ramp = (torch.arange(64)[:, None] * 2 + torch.arange(64)[None, :]).byte().expand(32, 64, 64)

    upright = sample_crops(ramp, draw_grid(32, 32, 64, device=CPU, rotated_share=0.0, upright_share=1.0))
    any_way = sample_crops(ramp, draw_grid(32, 32, 64, device=CPU, rotated_share=0.0))

    def rises(crops):
        return (crops[..., -1, :] > crops[..., 0, :]).all((1, 2)) & (crops[..., :, -1] > crops[..., :, 0]).all((1, 2))

    assert rises(upright).all()
    assert not rises(any_way).all()
