from __future__ import annotations

import pytest
import torch

from training.models.partial_conv import CheapPartialConv, NaivePartialConv, PartialConv, window_ratio

pytestmark = pytest.mark.training


def test_ratio_on_a_worked_example():
    """With the middle row of 3 x 3 known, the centre window knows 3 of 9, a corner's 2 (padding is unknown)."""
    valid = torch.zeros(1, 1, 3, 3)
    valid[..., 1, :] = 1

    ratio, known = window_ratio(valid, stride=1)

    assert ratio[0, 0].flatten().tolist() == pytest.approx([4.5, 3.0, 4.5] * 3)
    assert known.min() == 1


def test_ratio_is_zero_where_nothing_is_known():
    """A window that sees nothing gives 0 and stays unknown; its neighbours become known."""
    valid = torch.zeros(1, 1, 5, 5)
    valid[..., 0] = 1

    ratio, known = window_ratio(valid, stride=1)

    assert known[0, 0, 2].tolist() == [1, 1, 0, 0, 0]
    assert ratio[0, 0, 2].tolist() == pytest.approx([3.0, 3.0, 0, 0, 0])


@pytest.mark.parametrize("stride", [1, 2])
def test_one_mask_plane_equals_a_mask_of_all_channels(stride):
    """The exact form and the naive one (C mask channels, ones, where) give the same numbers and the same mask."""
    torch.manual_seed(0)
    exact, naive = PartialConv(5, 7, stride=stride).eval(), NaivePartialConv(5, 7, stride=stride).eval()
    exact.norm.running_mean.normal_()
    exact.norm.running_var.uniform_(0.5, 2)
    naive.load_state_dict(exact.state_dict())
    valid = (torch.rand(2, 1, 16, 20) > 0.9).float()
    valid[..., 4:12, 5:15] = 0
    x = torch.randn(2, 5, 16, 20) * valid

    with torch.no_grad():
        y, known = exact(x, valid)
        naive_y, naive_known = naive(x, valid.expand(-1, 5, -1, -1))

    assert torch.allclose(y, naive_y, atol=1e-5)
    assert torch.equal(known.expand(-1, 7, -1, -1), naive_known)


def test_space_to_depth_cells_may_be_known_in_part():
    """With channels known apart, the mean over a cell stands for the sum over its channels."""
    torch.manual_seed(0)
    exact, naive = PartialConv(12, 4).eval(), NaivePartialConv(12, 4).eval()
    naive.load_state_dict(exact.state_dict())
    pixels = (torch.rand(1, 1, 16, 16) > 0.7).float()
    x = torch.nn.functional.pixel_unshuffle(torch.randn(1, 3, 16, 16) * pixels, 2)

    with torch.no_grad():
        y, _ = exact(x, torch.nn.functional.avg_pool2d(pixels, 2))
        naive_y, _ = naive(x, torch.nn.functional.pixel_unshuffle(pixels.expand(-1, 3, -1, -1), 2))

    assert torch.allclose(y, naive_y, atol=1e-5)


def test_the_cheap_form_deviates_only_by_the_scaled_shift():
    """Without a norm shift the cheap form is the exact one: ReLU commutes with a positive factor."""
    torch.manual_seed(0)
    exact, cheap = PartialConv(5, 7).eval(), CheapPartialConv(5, 7).eval()
    cheap.load_state_dict(exact.state_dict())
    valid = (torch.rand(1, 1, 16, 20) > 0.5).float()
    x = torch.randn(1, 5, 16, 20) * valid

    with torch.no_grad():
        assert torch.allclose(exact(x, valid)[0], cheap(x, valid)[0], atol=1e-5)
        for form in (exact, cheap):
            form.norm.bias.fill_(0.5)
        assert not torch.allclose(exact(x, valid)[0], cheap(x, valid)[0], atol=1e-2)


@pytest.mark.parametrize("form", [PartialConv, CheapPartialConv])
def test_where_nothing_is_known_the_answer_is_zero(form):
    """Eq. 1's second case, in both forms, so that the next layer's input is masked already."""
    step = form(3, 4, stride=2).eval()
    step.norm.bias.data.fill_(1.0)

    y, known = step(torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8))

    assert y.abs().max() == 0
    assert known.max() == 0


def test_the_naive_form_is_dense_only():
    """A separable naive form is refused, not silently made dense."""
    with pytest.raises(ValueError, match="expected False"):
        NaivePartialConv(3, 4, separable=True)
