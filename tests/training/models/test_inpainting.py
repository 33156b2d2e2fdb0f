from __future__ import annotations

import pytest
import torch

from training.models.discriminator import PatchDiscriminator
from training.models.features import EncoderFeatures, RandomFeatures
from training.models.inpainting import InpaintingUNet, composite
from training.models.pyramid import push_pull_fill
from training.models.residual import ResidualSegmenter

pytestmark = pytest.mark.training

NARROW = (8, 8, 12, 12, 16)
KINDS = ["plain", "partial", "partial_exact", "partial_naive", "gated"]


def make_net(**options) -> InpaintingUNet:
    """A narrow net whose head says something, so that a dependence would show."""
    torch.manual_seed(0)
    net = InpaintingUNet(widths=NARROW, **options).eval()
    torch.nn.init.normal_(net.head.weight, std=0.5)
    return net


def wake_residuals(net: InpaintingUNet) -> None:
    """Residuals begin as the identity; let them say something."""
    for residual in list(net.residuals)[2:]:
        torch.nn.init.normal_(residual.second.norm.weight, std=0.5)


@pytest.fixture
def hole() -> torch.Tensor:
    hole = torch.zeros(1, 1, 64, 128)
    hole[..., 10:50, 30:90] = 1
    hole[..., 5, :] = 1
    return hole


@pytest.mark.parametrize("options", [*({"kind": kind} for kind in KINDS), {"separable": True}])
def test_what_is_under_the_hole_cannot_matter(options, hole):
    """Two images that differ under the hole only give exactly the same prediction, whatever the kind of convolution."""
    net = make_net(**options)
    image = torch.rand(1, 3, 64, 128)
    other = torch.where(hole > 0.5, torch.rand_like(image), image)

    with torch.no_grad():
        prediction, again = net(image, hole), net(other, hole)

    assert prediction.shape == image.shape
    assert torch.equal(prediction, again)


def test_what_is_around_the_hole_does_matter(hole):
    """The net is not blind: another surrounding gives another fill."""
    net = make_net()
    with torch.no_grad():
        one, two = net(torch.rand(1, 3, 64, 128), hole), net(torch.rand(1, 3, 64, 128), hole)

    assert (one - two).abs().max() > 1e-3


def test_exact_and_naive_nets_agree():
    """Partial convolution with one mask plane and with C mask channels are the same net, residuals included."""
    exact, naive = make_net(kind="partial_exact"), make_net(kind="partial_naive")
    wake_residuals(exact)
    naive.load_state_dict(exact.state_dict())
    image = torch.rand(1, 3, 128, 128)
    wide = torch.zeros(1, 1, 128, 128)
    wide[..., 20:110, 20:110] = 1  # so that deep levels still know nothing of its middle

    with torch.no_grad():
        assert torch.allclose(exact(image, wide), naive(image, wide), atol=1e-3)


@pytest.mark.parametrize("kind", ["partial", "partial_exact"])
def test_deep_levels_stay_zero_where_nothing_is_known(kind):
    """Behind a residual, too, the next partial convolution finds 0 in the cells that it counts as unknown."""
    net = make_net(kind=kind)
    wake_residuals(net)
    seen = []
    for step in list(net.encoder)[3:]:
        step.register_forward_pre_hook(lambda _, given: seen.append(given))
    wide = torch.zeros(1, 1, 128, 128)
    wide[..., 8:120, 8:120] = 1

    with torch.no_grad():
        net(torch.rand(1, 3, 128, 128), wide)

    assert any((known == 0).any() for _, known in seen)
    assert all((x * (known == 0)).abs().max() == 0 for x, known in seen)


def test_a_fresh_net_starts_at_the_pyramid_fill(hole):
    """The correction begins near nothing, so training starts from a smooth fill and flat paper is exact."""
    torch.manual_seed(0)
    paper = torch.full((1, 3, 64, 128), 0.75)

    prediction = InpaintingUNet(widths=NARROW).eval()(paper, hole)

    assert (prediction - 0.75).abs().max() < 0.05


def test_composite_leaves_the_outside_untouched_and_clamps_the_inside():
    """Outside the hole not one value changes; inside, the prediction is cut to [0, 1]."""
    image, prediction = torch.rand(1, 3, 4, 4), torch.full((1, 3, 4, 4), 1.5)
    hole = torch.zeros(1, 1, 4, 4)
    hole[..., 1] = 1

    result = composite(image, prediction, hole)

    assert torch.equal(result[..., [0, 2, 3]], image[..., [0, 2, 3]])
    assert (result[..., 1] == 1).all()


def test_push_pull_is_exact_on_flat_paper():
    """A hole in a flat page is filled with the page's colour; what is known stays."""
    valid = torch.ones(1, 1, 64, 64)
    valid[..., 8:56, 8:56] = 0
    paper = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 64, 64)

    assert torch.allclose(push_pull_fill(paper, valid), paper, atol=1e-4)


def test_push_pull_continues_a_slope():
    """Brightness that rises from left to right goes on rising under a hole."""
    slope = torch.linspace(0, 1, 128).expand(1, 3, 128, 128)
    valid = torch.ones(1, 1, 128, 128)
    valid[..., 40:88, 40:88] = 0

    fill = push_pull_fill(slope, valid)

    assert (fill - slope).abs().max() < 0.08
    assert (fill[..., 64, 44:88] > fill[..., 64, 40:84]).all()


def test_push_pull_continues_an_edge():
    """A border between black and white stays one under a hole: nearly all pixels are on the right side of it."""
    page = torch.zeros(1, 3, 128, 128)
    page[..., 60:] = 1
    valid = torch.ones(1, 1, 128, 128)
    valid[..., 56:72, 30:98] = 0

    fill = push_pull_fill(page, valid)

    hole = (valid == 0).expand_as(page)
    assert ((fill - page).abs()[hole] < 0.25).float().mean() > 0.9


def test_push_pull_is_computed_in_float32_under_autocast():
    """bfloat16 has no 8 bits for a colour."""
    image, valid = torch.rand(1, 3, 64, 64), (torch.rand(1, 1, 64, 64) > 0.5).float()

    with torch.autocast("cpu", torch.bfloat16):
        fill = push_pull_fill(image, valid)

    assert torch.equal(fill, push_pull_fill(image, valid))


def test_push_pull_without_anything_known_is_grey():
    """A page that is all hole is filled with mid-grey, not with a number that is none."""
    fill = push_pull_fill(torch.rand(1, 3, 64, 128), torch.zeros(1, 1, 64, 128))

    assert torch.allclose(fill, torch.full_like(fill, 0.5), atol=1e-5)


def test_push_pull_of_a_checkerboard_worked_by_hand():
    """In 2 x 2 pixels with one unknown, that one starts at the mean of the others, 0.3, and is relaxed twice.

    Its neighbours are 0.3, 0.6 and, beyond the border, twice itself. Weights 1 / (difference + 0.02) are 50, 3.125, 50
    and 50, so 0.3 + 0.3 * 3.125 / 153.125 = 0.306122. Then 38.281, 3.1859, 50 and 50, which gives 0.311084, and with
    momentum 0.3 + 1.75 * 0.011084 = 0.319397.
    """
    image = torch.tensor([[0.0, 0.3], [0.6, 0.9]]).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    valid = torch.tensor([[1.0, 1.0], [1.0, 0.0]]).view(1, 1, 2, 2)

    fill = push_pull_fill(image, valid, levels=1)

    assert fill[0, 0].flatten().tolist() == pytest.approx([0.0, 0.3, 0.6, 0.319397], abs=1e-4)


def test_the_critic_scores_patches():
    """One score per 16 x 16 pixels, and four layers of features."""
    scores, features = PatchDiscriminator(channels=8)(torch.rand(2, 3, 64, 96), torch.zeros(2, 1, 64, 96))

    assert scores.shape == (2, 1, 4, 6)
    assert [f.shape[-1] for f in features] == [48, 24, 12, 6]


def test_random_features_are_the_same_for_the_same_seed_and_calibrated():
    """Anyone who trains again measures with the same filters.

    On the calibration crops they answer with variance about 1.
    """
    crops = torch.rand(4, 3, 32, 32)
    one, two = (RandomFeatures(widths=(8, 8)).calibrate(crops) for _ in range(2))

    assert all(torch.equal(a, b) for a, b in zip(one(crops), two(crops), strict=True))
    assert 0.05 < one(crops)[0].var() < 2


def test_encoder_features_do_not_move():
    """Our segmenter as a yardstick stays in eval mode and has no gradients of its own."""
    features = EncoderFeatures(ResidualSegmenter(channels=(8, 8, 8, 8), decoder_channels=8)).calibrate(
        torch.rand(2, 3, 64, 64)
    )
    features.train()

    assert not any(module.training for module in features.modules())
    assert not any(parameter.requires_grad for parameter in features.parameters())
    assert len(features(torch.rand(1, 3, 64, 64))) == 3
