from __future__ import annotations

import pytest
import torch

from training.models.blocks import count_costs, fold_batch_norms
from training.models.residual import ResidualSegmenter

pytestmark = pytest.mark.training

NARROW = {"channels": (8, 8, 8, 8), "decoder_channels": 8}
# Rounded up from the sum over the layers' reach: what lies further away than this cannot matter.
RECEPTIVE_RADIUS_PX = 1024


def randomise_norms(module: torch.nn.Module) -> torch.nn.Module:
    """Give a fresh net running statistics and scales, so that nothing is hidden by zeros."""
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(std=0.2)
            part.running_var.uniform_(0.5, 2)
            part.weight.data.uniform_(0.5, 1.5)
    return module.eval()


def test_logits_have_full_and_half_size():
    """Text comes at the page's size, region and threshold at half of it."""
    logits = ResidualSegmenter(**NARROW)(torch.rand(2, 3, 64, 96))

    assert logits.text.shape == (2, 1, 64, 96)
    assert logits.region.shape == logits.threshold.shape == (2, 1, 32, 48)


def test_without_regions_only_text_is_answered():
    """The DB head can be left out."""
    logits = ResidualSegmenter(**NARROW, with_regions=False).eval()(torch.rand(1, 3, 32, 32))

    assert logits.region is None
    assert logits.threshold is None


def test_default_size_is_the_documented_one():
    """The default net has 3.45 M parameters and 24.7 G multiply-accumulates at 1024 x 1024."""
    parameters, macs = count_costs(ResidualSegmenter(), torch.zeros(1, 3, 256, 256))

    assert parameters == 3_449_272
    assert macs * 16 / 1e9 == pytest.approx(24.7, abs=0.05)


def test_a_result_does_not_depend_on_where_the_tile_was_cut():
    """Changing everything further away than the receptive radius leaves the middle untouched.

    Nothing pools globally.
    """
    torch.manual_seed(0)
    net = randomise_norms(ResidualSegmenter(**NARROW))
    page = torch.rand(1, 3, 32, 2 * RECEPTIVE_RADIUS_PX + 64)
    other = page.clone()
    other[..., :32] = torch.rand(1, 3, 32, 32)
    other[..., -32:] = 1.0

    with torch.no_grad():
        logits, others = net(page), net(other)

    middle = slice(RECEPTIVE_RADIUS_PX, RECEPTIVE_RADIUS_PX + 64)
    assert torch.equal(logits.text[..., middle], others.text[..., middle])
    assert not torch.equal(logits.text[..., :64], others.text[..., :64])


def test_folding_norms_changes_nothing():
    """The folded net computes the same logits up to rounding."""
    torch.manual_seed(0)
    net = randomise_norms(ResidualSegmenter(**NARROW))
    page = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = net(page).text
        after = fold_batch_norms(net)(page).text

    assert torch.allclose(before, after, atol=1e-4)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in net.modules())
