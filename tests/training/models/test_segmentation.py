from __future__ import annotations

import pytest
import torch

from training.models.blocks import AtrousPyramid, ReceptiveFieldBlock, ScSE, make_activation
from training.models.detection import binarize_softly
from training.models.mobilenet import MobileNetV2Encoder, scale_channels
from training.models.segmentation import MobileNetSegmenter

pytestmark = pytest.mark.training


@pytest.mark.parametrize("options", [{}, {"context": "aspp", "activation": "selu"}, {"output_stride": 8}])
def test_logits_have_full_and_half_size(options):
    """Every variant answers text at full size, region and threshold at half."""
    logits = MobileNetSegmenter(**options).eval()(torch.rand(1, 3, 64, 96))

    assert logits.text.shape == (1, 1, 64, 96)
    assert logits.region.shape == logits.threshold.shape == (1, 1, 32, 48)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_output_stride_is_kept_by_dilation(stride):
    """Stages past the output stride keep their size; the number of weights does not change."""
    encoder = MobileNetV2Encoder(output_stride=stride).eval()

    half, quarter, deep = encoder(torch.rand(1, 3, 64, 64))

    assert (half.shape[-1], quarter.shape[-1], deep.shape[-1]) == (32, 16, 64 // stride)
    assert sum(p.numel() for p in encoder.parameters()) == sum(p.numel() for p in MobileNetV2Encoder().parameters())


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(32, 1.0, 32), (24, 2.0, 48), (24, 0.75, 24), (16, 0.25, 8)]
)
def test_channels_are_multiples_of_eight_and_never_a_tenth_too_few(channels, width, expected):
    """18 is rounded to 24, not to 16, which would be more than a tenth below."""
    assert scale_channels(channels, width) == expected


def test_frozen_blocks_neither_learn_nor_move_their_statistics():
    """The first k blocks stay as they are through a training step; the others do not."""
    net = MobileNetSegmenter(frozen_blocks=3).train()
    frozen = net.encoder.blocks[2].body[0][1]
    free = net.encoder.blocks[3].body[0][1]
    before = frozen.running_mean.clone(), free.running_mean.clone()

    net(torch.rand(2, 3, 64, 64)).text.mean().backward()

    assert all(p.grad is None for p in net.encoder.blocks[2].parameters())
    assert any(p.grad is not None for p in net.encoder.blocks[3].parameters())
    assert torch.equal(frozen.running_mean, before[0])
    assert not torch.equal(free.running_mean, before[1])


def test_more_frozen_blocks_than_there_are_is_refused():
    """The message names the count and what is allowed."""
    with pytest.raises(ValueError, match=r"count is 99; expected 0 to 16"):
        MobileNetV2Encoder().freeze_first_blocks(99)


def test_a_fresh_scse_gate_is_nearly_the_identity():
    """Both hard sigmoids start at 0.5, so their sum starts at 1."""
    gate = ScSE(16)
    for conv in (gate.excite, gate.spatial):
        torch.nn.init.zeros_(conv.weight)
        torch.nn.init.zeros_(conv.bias)
    x = torch.randn(2, 16, 5, 7)

    assert torch.allclose(gate(x), x)


@pytest.mark.parametrize("block", [ReceptiveFieldBlock(16, 24, image_pooling=True), AtrousPyramid(16, 24)])
def test_context_blocks_keep_the_size(block):
    """RFB and ASPP change channels only, also for a single image in training mode."""
    assert block.train()(torch.randn(1, 16, 6, 9)).shape == (1, 24, 6, 9)


def test_soft_binarization_at_worked_numbers():
    """1 / (1 + exp(-50 (P - T))): one half where P = T, 0.924 a twentieth above."""
    region, threshold = torch.tensor([0.5, 0.55, 0.0]), torch.tensor([0.5, 0.5, 1.0])

    assert binarize_softly(region, threshold).tolist() == pytest.approx([0.5, 0.92414, 0.0], abs=1e-5)


def test_an_unknown_activation_is_refused():
    """The message lists those there are."""
    with pytest.raises(ValueError, match="'swish'; expected relu"):
        make_activation("swish")
