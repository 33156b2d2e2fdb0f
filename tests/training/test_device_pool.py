from __future__ import annotations

import numpy as np
import pytest
import torch

from training.device_pool import DevicePool

pytestmark = pytest.mark.training

CPU = torch.device("cpu")


def count_up(lots: int, *, size: int = 2):
    """Lots of samples that carry their own number."""
    for lot in range(lots):
        yield {"image": np.full((size, 4, 4, 3), lot, np.uint8), "unused": np.zeros((size, 1), np.uint8)}


def test_the_oldest_samples_are_overwritten():
    """A pool of four that has seen four lots of two keeps the last two lots."""
    pool = DevicePool(count_up(4), fields=("image",), capacity=4, device=CPU)
    while pool.received < 8:
        pool.refill(timeout_s=5)

    drawn = pool.draw(200)["image"]

    assert len(pool) == 4
    assert set(drawn[:, 0, 0, 0].tolist()) == {2, 3}
    pool.stop()


def test_only_the_fields_asked_for_are_kept():
    """What no task needs takes no memory on the device."""
    pool = DevicePool(count_up(1), fields=("image",), capacity=2, device=CPU)
    pool.wait_for(2, timeout_s=5)

    assert set(pool.draw(1)) == {"image"}
    pool.stop()


def test_a_source_that_ends_leaves_its_samples():
    """Asking for more than there will ever be gives what there is."""
    pool = DevicePool(count_up(2), fields=("image",), capacity=10, device=CPU)
    pool.wait_for(10, timeout_s=1)

    assert len(pool) == 4
    pool.stop()


def test_an_error_in_the_source_reaches_the_trainer():
    """A worker's exception is raised where samples are taken in, not swallowed by a thread."""

    def failing():
        yield from count_up(1)
        raise RuntimeError("a page could not be drawn")

    pool = DevicePool(failing(), fields=("image",), capacity=10, device=CPU)
    with pytest.raises(RuntimeError, match="could not be drawn"):
        pool.wait_for(10, timeout_s=5)
    pool.stop()


def test_a_capacity_of_none_is_refused():
    """The message says what was seen and what is expected."""
    with pytest.raises(ValueError, match="capacity is 0; expected 1 or more"):
        DevicePool(count_up(1), fields=("image",), capacity=0, device=CPU)


def test_samples_graded_as_hard_are_drawn_more_often():
    """Of ten samples one is wrong in half of its pixels: with `hard_first` it comes more than twice as often."""
    torch.manual_seed(0)
    pool = DevicePool(count_up(10, size=1), fields=("image",), capacity=10, device=CPU)
    pool.wait_for(10, timeout_s=5)
    for _ in range(30):
        numbers = pool.draw(20)["image"][:, 0, 0, 0]
        pool.grade(torch.where(numbers == 3, 0.5, 0.0))

    hard = pool.draw(2000, hard_first=True)["image"][:, 0, 0, 0]
    even = pool.draw(2000)["image"][:, 0, 0, 0]

    assert (hard == 3).sum() > 2 * (even == 3).sum()
    assert set(hard.tolist()) == set(range(10))
    pool.stop()


def test_a_new_sample_is_tried_soon():
    """What takes the place of a sample that is known by heart counts as hard until it is graded."""
    torch.manual_seed(0)
    lots = count_up(3, size=4)
    pool = DevicePool(lots, fields=("image",), capacity=8, device=CPU)
    while pool.received < 8:
        pool.refill(most=1, timeout_s=5)
    for _ in range(30):
        pool.draw(20)
        pool.grade(torch.zeros(20))
    while pool.received < 12:
        pool.refill(timeout_s=5)

    drawn = pool.draw(1000, hard_first=True)["image"][:, 0, 0, 0]

    assert (drawn == 2).sum() > 800
    pool.stop()
