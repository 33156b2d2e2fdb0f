from __future__ import annotations

import math

import pytest
import torch

from training import losses

pytestmark = pytest.mark.training


def logit(prob: float) -> float:
    """The logit of a probability."""
    return math.log(prob / (1 - prob))


def plane(*values: float) -> torch.Tensor:
    """`(1, 1, 1, n)` of the given numbers."""
    return torch.tensor(values).view(1, 1, 1, -1)


def test_weighted_bce_at_worked_numbers():
    """P = 0.5 on text counts 2 ln 2, p = 0.25 off text counts -ln 0.75; mean of both: 0.8370."""
    found = losses.weighted_bce(plane(0.0, logit(0.25)), plane(1.0, 0.0), positive_weight=2.0)

    assert found.item() == pytest.approx((2 * math.log(2) - math.log(0.75)) / 2)
    assert found.item() == pytest.approx(0.8370, abs=1e-4)


def test_dice_at_worked_numbers():
    """P = (0.5, 0.5), G = (1, 0): 1 - (2 * 0.5 + 1) / (1 + 1 + 1) = 1/3."""
    assert losses.dice(plane(0.0, 0.0), plane(1.0, 0.0)).item() == pytest.approx(1 / 3)


def test_dice_leaves_images_without_text_out():
    """A page without text adds nothing and does not thin out the mean."""
    logits, target = torch.zeros(2, 1, 1, 2), torch.stack([plane(1.0, 0.0)[0], plane(0.0, 0.0)[0]])

    assert losses.dice(logits, target).item() == pytest.approx(1 / 3)
    assert losses.dice(logits[1:], target[1:]).item() == 0


def test_focal_at_worked_numbers():
    """Text at p = 0.8: 0.25 * 0.2^2 * -ln 0.8 = 0.002231; none at p = 0.8: 0.75 * 0.8^2 * -ln 0.2 = 0.772530."""
    found = [losses.focal(plane(logit(0.8)), plane(target)).item() for target in (1.0, 0.0)]

    assert found == pytest.approx([0.25 * 0.04 * -math.log(0.8), 0.75 * 0.64 * -math.log(0.2)], rel=1e-4)
    assert found == pytest.approx([0.002231, 0.772530], abs=1e-5)


def test_hard_negatives_are_the_three_worst_per_positive():
    """One positive at p = 0.5 and 80 negatives at 0.1 but 64 at 0.5: the floor of 64 takes the worst, all ln 2."""
    logits = torch.cat([plane(0.0), plane(*[logit(0.1)] * 80), plane(*[0.0] * 64)], dim=-1)
    target = torch.zeros_like(logits)
    target[..., 0] = 1

    assert losses.hard_negative_bce(logits, target).item() == pytest.approx(math.log(2), rel=1e-5)


def test_hard_negatives_of_a_batch_with_many_positives():
    """30 positives at p = 0.5 keep 90 of 100 negatives.

    45 at 0.5 and 45 of 55 at 0.1 -> (75 ln 2 - 45 ln 0.9) / 120.
    """
    logits = torch.cat([plane(*[0.0] * 30), plane(*[0.0] * 45), plane(*[logit(0.1)] * 55)], dim=-1)
    target = torch.zeros_like(logits)
    target[..., :30] = 1

    expected = (75 * math.log(2) - 45 * math.log(0.9)) / 120
    assert losses.hard_negative_bce(logits, target).item() == pytest.approx(expected, rel=1e-5)


def test_differentiable_binarization_at_worked_numbers():
    """P = T = 0.5 everywhere, 4 of 8 cells shrunk: L_s = ln 2, B = 0.5 gives L_b = 1 - 5/9, L_t = |0.5 - 0.7|.

    3.1376.
    """
    zeros = torch.zeros(1, 1, 2, 4)
    shrunk = zeros.clone()
    shrunk[..., :2] = 1  # 4 of 8 cells
    border, weight = torch.full_like(zeros, 0.7), zeros.clone()
    weight[..., 0, :] = 1  # |0.5 - 0.7| on 4 cells -> L_t = 0.2

    found = losses.differentiable_binarization(
        zeros, zeros, losses.RegionTargets(shrunk, border, weight, known=torch.ones_like(zeros))
    )

    shrink_loss, binary_loss, threshold_loss = math.log(2), 1 - (2 * 2 + 1) / (4 + 4 + 1), 0.2
    assert found.item() == pytest.approx(shrink_loss + 1 * binary_loss + 10 * threshold_loss, rel=1e-5)


def test_what_is_not_known_does_not_count():
    """A wrong answer where the layout is not known costs nothing; a page without any layout gives 0, not a NaN."""
    right, wrong = torch.full((1, 1, 2, 4), -20.0), torch.full((1, 1, 2, 4), -20.0)
    wrong[..., 3] = 20.0
    empty, known = torch.zeros(1, 1, 2, 4), torch.ones(1, 1, 2, 4)
    known[..., 3] = 0

    def loss(region: torch.Tensor, known: torch.Tensor) -> float:
        targets = losses.RegionTargets(empty, empty, empty, known)
        return losses.differentiable_binarization(region, torch.zeros_like(region), targets).item()

    assert loss(wrong, known) == pytest.approx(loss(right, known))
    assert loss(wrong, torch.ones_like(known)) > loss(right, torch.ones_like(known)) + 1
    assert loss(wrong, torch.zeros_like(known)) == 0


def test_masked_l1_is_divided_by_the_image_not_by_the_mask():
    """A difference of 0.5 in one of four pixels, all channels: 0.5 / 4."""
    prediction, target = torch.full((1, 3, 2, 2), 0.5), torch.zeros(1, 3, 2, 2)
    mask = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).view(1, 1, 2, 2)

    assert losses.masked_l1(prediction, target, mask).item() == pytest.approx(0.125)
    assert losses.masked_l1(prediction, target, 1 - mask).item() == pytest.approx(0.375)


def test_gram_and_style_at_worked_numbers():
    """Two channels (1, 1) and (2, 0) over two cells: [[2, 2], [2, 4]] / 4; against zeros the mean is 10 / 16."""
    features = torch.tensor([[1.0, 1.0], [2.0, 0.0]]).view(1, 2, 1, 2)

    assert losses.gram(features)[0].tolist() == [[0.5, 0.5], [0.5, 1.0]]
    assert losses.style([features], [torch.zeros_like(features)]).item() == pytest.approx(2.5 / 4)
    assert losses.perceptual([features], [torch.zeros_like(features)]).item() == pytest.approx(1.0)


def test_total_variation_counts_steps_inside_the_grown_hole_only():
    """A step of 1 between columns 1 and 2 of 4: inside the hole it counts 2 of 6 pairs (two rows).

    Far from it not at all.
    """
    image = torch.tensor([0.0, 0.0, 1.0, 1.0]).view(1, 1, 1, 4).expand(1, 3, 2, 4)
    inside, outside = torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 2, 4)
    inside[..., 1:3] = 1

    assert losses.total_variation(image, inside).item() == pytest.approx(2 / 6)
    assert losses.total_variation(image, outside).item() == 0


def test_focal_frequency_of_a_constant_difference():
    """A difference of 0.5 everywhere is one coefficient, 0.5 * 64 = 32 with the ortho norm, weight 1.

    32^2 / (64 * 33).
    """
    image = torch.full((1, 3, 64, 64), 0.5)

    assert losses.focal_frequency(image, torch.zeros_like(image)).item() == pytest.approx(1024 / (64 * 33), rel=1e-4)


def test_laplacian_at_worked_numbers():
    """One pixel of 2 x 2 differs by 1: the mean is 0.25, the band (0.75, -0.25, -0.25, -0.25) of sum 1.5.

    Up-sampling the one coarse cell gives 0.25 everywhere. The hole is all four pixels: 3 channels of 1.5 over 3 x 4.
    """
    image = torch.zeros(1, 3, 2, 2)
    image[..., 0, 0] = 1

    loss = losses.laplacian(image, torch.zeros_like(image), torch.ones(1, 1, 2, 2), levels=1)

    assert loss.item() == pytest.approx(1.5 / 4)


def test_laplacian_ignores_a_constant_difference_and_sees_an_edge():
    """Bands have no mean: a fill that is evenly too bright costs nothing here, a lost line does."""
    hole, paper = torch.ones(1, 1, 32, 32), torch.full((1, 3, 32, 32), 0.5)
    line = paper.clone()
    line[..., 16, :] = 0

    assert losses.laplacian(paper + 0.2, paper, hole).item() == pytest.approx(0, abs=1e-6)
    assert losses.laplacian(line, paper, hole).item() > 0.01


def test_hinge_at_worked_numbers():
    """Real (2, 0) and fake (-2, 0.5): mean(0, 1) + mean(0, 1.5) = 1.25; the generator wants -mean(fake) = 0.75."""
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([-2.0, 0.5])

    assert losses.critic_hinge(real, fake).item() == pytest.approx(1.25)
    assert losses.generator_hinge(fake).item() == pytest.approx(0.75)


def test_feature_matching_is_the_mean_over_layers():
    """Distances 1 and 3 of two layers: 2."""
    found, wanted = (
        [torch.ones(1, 2, 2, 2), torch.full((1, 1, 1, 1), 3.0)],
        [torch.zeros(1, 2, 2, 2), torch.zeros(1, 1, 1, 1)],
    )

    assert losses.feature_matching(found, wanted).item() == pytest.approx(2.0)
