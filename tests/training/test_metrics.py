from __future__ import annotations

import math

import pytest
import torch

from training.metrics import HoleMeter, RegionMeter, StrokeMeter, ThresholdSweep, structural_similarity, wrong_share

pytestmark = pytest.mark.training


def test_stroke_metrics_at_worked_numbers():
    """Text on columns 10-13, predicted on 12-13, 15 and 30 of one row of 40: worked out pixel by pixel."""
    text, prob = torch.zeros(1, 1, 1, 40), torch.zeros(1, 1, 1, 40)
    text[..., 10:14] = 1
    prob[..., [12, 13, 15, 30]] = 0.9
    meter = StrokeMeter()
    meter.add(prob, text)

    found = meter.result()

    assert found["precision"] == pytest.approx(2 / 4)
    assert found["recall"] == pytest.approx(2 / 4)
    assert found["f1"] == pytest.approx(0.5)
    assert found["iou"] == pytest.approx(2 / 6)
    assert found["cover3"] == pytest.approx(1.0)  # column 10 is 2 px from 12
    assert found["far_fp"] == pytest.approx(1e4 / 40)  # column 30 only; 15 is near


def test_cover3_ends_after_three_pixels():
    """Text 4 px away from the nearest prediction is not covered."""
    text, prob = torch.zeros(1, 1, 1, 20), torch.zeros(1, 1, 1, 20)
    text[..., [3, 4]] = 1
    prob[..., 7] = 1
    meter = StrokeMeter()
    meter.add(prob, text)

    assert meter.result()["cover3"] == pytest.approx(0.5)


def test_an_empty_page_left_empty_is_perfect():
    """Nothing to find and nothing found is no failure."""
    meter = StrokeMeter()
    meter.add(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))

    assert meter.result() == {"precision": 1, "recall": 1, "f1": 1, "iou": 1, "cover3": 1, "far_fp": 0}


def test_the_sweep_takes_the_lowest_threshold_that_is_as_good_as_the_best():
    """Text at 0.43 and 0.93, a false pixel at 0.33: 0.35 and 0.4 make no mistake, and the lower of them is taken."""
    sweep = ThresholdSweep()
    sweep.add(torch.tensor([[[[0.43, 0.93, 0.33, 0.01]]]]), torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]]))

    assert sweep.result() == {"threshold": 0.35, "threshold_f1": 1.0}


def test_region_iou_pools_over_batches():
    """(2 of 3) and (0 of 1) pool to 2 of 4."""
    meter = RegionMeter()
    meter.add(torch.tensor([[[[1.0, 1.0, 0.0]]]]), torch.tensor([[[[1.0, 1.0, 1.0]]]]))
    meter.add(torch.tensor([[[[1.0]]]]), torch.tensor([[[[0.0]]]]))

    assert meter.result()["region_iou"] == pytest.approx(0.5)


def test_hole_psnr_counts_the_hole_only():
    """An error of 0.1 inside is 20 dB, whatever happens outside."""
    target, hole = torch.full((1, 3, 32, 32), 0.5), torch.zeros(1, 1, 32, 32)
    hole[..., 8:24, 8:24] = 1
    result = target + 0.1 * hole + 0.4 * (1 - hole)
    meter = HoleMeter()
    meter.add(result, target, hole)

    assert meter.result()["psnr"] == pytest.approx(20.0, abs=1e-3)
    assert meter.result()["l1"] == pytest.approx(0.1, abs=1e-6)


def test_a_perfect_fill_has_fifty_decibels_and_full_similarity():
    """PSNR is cut at 50 dB so that one flat page does not decide a mean."""
    picture, hole = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    meter = HoleMeter()
    meter.add(picture, picture, hole)

    assert meter.result()["psnr"] == pytest.approx(50.0)
    assert meter.result()["ssim"] == pytest.approx(1.0, abs=1e-5)


def test_tiny_holes_are_left_out():
    """A hole of 15 px says nothing; without any other the numbers are none."""
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., 0, :15] = 1
    meter = HoleMeter()
    meter.add(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32), hole)

    assert meter.result()["images"] == 0
    assert math.isnan(meter.result()["psnr"])


def test_similarity_of_two_flat_greys_worked_by_hand():
    """0.5 against 0.6 without any structure: (2 * 0.3 + 1e-4) / (0.25 + 0.36 + 1e-4) = 0.98361."""
    one, two = torch.full((1, 3, 16, 16), 0.5), torch.full((1, 3, 16, 16), 0.6)

    assert structural_similarity(one, two).mean().item() == pytest.approx(0.6001 / 0.6101, abs=1e-3)


def test_wrong_share_leaves_out_what_is_one_pixel_beside_an_edge():
    """A stroke found 1 px too wide on each side is right; a block of 6 x 6 left out counts with its inner 4 x 4."""
    text = torch.zeros(2, 1, 20, 20)
    text[0, 0, :, 8:11] = 1
    text[1, 0, 5:11, 5:11] = 1
    logits = torch.full((2, 1, 20, 20), -4.0)
    logits[0, 0, :, 7:12] = 4

    assert wrong_share(logits, text).tolist() == pytest.approx([0.0, 16 / 400])
