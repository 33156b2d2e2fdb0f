import pytest

from training.data.dice import Dice


def test_the_same_seed_gives_the_same_draws():
    """Two dice of one seed agree, of another seed they do not."""
    first, twin, other = Dice(1, 2), Dice(1, 2), Dice(1, 3)

    assert [first.unit() for _ in range(5)] == [twin.unit() for _ in range(5)]
    assert other.unit() != Dice(1, 2).unit()


def test_weighted_draws_follow_their_weights():
    """A key of three quarters of the weight is drawn three quarters of the time, one of no weight never."""
    dice = Dice(7)
    drawn = [dice.weighted({"often": 3, "seldom": 1, "never": 0}) for _ in range(4000)]

    assert drawn.count("often") / len(drawn) == pytest.approx(0.75, abs=0.03)
    assert "never" not in drawn


def test_whole_numbers_include_both_ends():
    """whole(2, 4) is 2, 3 or 4."""
    dice = Dice(1)

    assert {dice.whole(2, 4) for _ in range(200)} == {2, 3, 4}
    assert dice.whole(3, 1) == 3
