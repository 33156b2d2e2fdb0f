from __future__ import annotations

import pytest

from training.schedule import WallClock, cyclical, one_cycle

pytestmark = pytest.mark.training


class FakeTime:
    """A clock that stands still until told."""

    seconds = 1000.0

    def __call__(self) -> float:
        """Seconds, as `time.monotonic` gives them."""
        return self.seconds


def test_one_cycle_starts_low_peaks_after_the_warm_up_and_ends_lower():
    """0.05 at the start, 1 at 6 %, 0.002 at the end, and half-way down in the middle of the fall."""
    assert [one_cycle(p) for p in (0, 0.06, 0.53, 1.0, 7.0)] == pytest.approx([0.05, 1.0, 0.501, 0.002, 0.002])


def test_cyclical_rate_is_a_row_of_triangles():
    """Four cycles: low at their ends, 1 in their middles; the last falls further."""
    assert [cyclical(p) for p in (0, 0.125, 0.25, 0.375, 0.875, 1.0)] == pytest.approx([0.1, 1, 0.1, 1, 1, 0.002])


def test_progress_follows_the_wall_clock():
    """After half of the minutes the schedule is half through, however many steps were taken."""
    now = FakeTime()
    clock = WallClock(8, now=now)
    now.seconds += 240

    assert clock.progress == pytest.approx(0.5)
    assert not clock.is_over
    now.seconds += 241
    assert clock.is_over
    assert clock.progress == 1


def test_one_schedule_spans_several_calls():
    """The second of three 8-minute calls starts at a third and ends at two thirds, with a short re-warming."""
    now = FakeTime()
    clock = WallClock(8, done_s=480, total_minutes=24, now=now)

    assert clock.progress == pytest.approx(1 / 3)
    assert clock.ramp == pytest.approx(0.05)
    now.seconds += 480
    assert clock.progress == pytest.approx(2 / 3)
    assert clock.ramp == 1
    assert clock.trained_s == pytest.approx(960)


def test_a_fresh_run_is_not_re_warmed():
    """The warm-up of the schedule itself is enough."""
    assert WallClock(1, now=FakeTime()).ramp == 1


def test_no_minutes_are_refused():
    """The message says what was seen and what is expected."""
    with pytest.raises(ValueError, match="minutes is 0; expected more than 0"):
        WallClock(0)


def test_start_up_counts_as_the_calls_time():
    """Of an 8-minute call that began a minute ago seven are left, and an eighth of the schedule is gone."""
    clock = WallClock(8, started_s=60, now=FakeTime())

    assert clock.left_s == pytest.approx(420)
    assert clock.progress == pytest.approx(1 / 8)


def test_a_call_told_to_stop_has_no_time_left():
    """What was trained until then counts, and the schedule is where it was."""
    now = FakeTime()
    clock = WallClock(8, now=now)
    now.seconds += 120

    clock.stop()

    assert clock.is_over
    assert (clock.trained_s, clock.progress) == (pytest.approx(120), pytest.approx(0.25))
