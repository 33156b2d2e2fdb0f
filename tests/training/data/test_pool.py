import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from training.data.pool import Pool, PoolFailed, Ring
from training.data.samples import Sample, make_sample, sample_shapes
from training.data.synthetic import prepare_synthetic

_SIZE_PX = 64


def flat_sample(index, *, size_px=_SIZE_PX):
    return Sample(**{name: np.full(shape, index % 256, np.uint8) for name, shape in sample_shapes(size_px).items()})


def slow_sample(index):
    time.sleep(0.01)
    return flat_sample(index)


def prepare_slow():
    return slow_sample


def prepare_flat():
    return flat_sample


def fail(index):
    raise RuntimeError(f"cannot draw {index}")


def prepare_failing():
    return fail


@pytest.fixture
def importable(monkeypatch):
    """Workers import what they run: this file must be found under its name."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())]))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return __import__("test_pool")


def test_a_ring_never_hands_out_a_sample_in_the_making(tmp_path):
    """A place is empty until its count is written, and holds the latest sample of its number."""
    ring = Ring(tmp_path, places=2, size_px=_SIZE_PX, create=True)
    assert ring.get(0) is None
    for number in range(3):
        ring.put(number, flat_sample(number))
    assert ring.get(0)[0] == 2
    assert (ring.get(1)[1].raw == 1).all()
    ring.counts[1] = 0

    assert ring.get(1) is None


def test_one_worker_fills_the_ring_and_stops_cleanly(importable):
    """A pool of one worker hands out samples, whole ones only, and leaves no process and no file behind."""
    with Pool(importable.prepare_flat, workers=1, places=8, size_px=_SIZE_PX) as pool:
        pool.wait(8, timeout_s=30)
        drawn = pool.draw(np.random.default_rng(0), 20)
        folder, foreman = pool._folder, pool._foreman

    for sample in drawn:
        assert (
            len({int(array.flat[0]) for _, array in sample.items()} | {int(array.max()) for _, array in sample.items()})
            == 1
        )
    assert not folder.exists()
    assert not foreman.is_alive()


def test_news_come_in_order_and_once(importable):
    """`since` gives samples above a number only, the oldest first."""
    with Pool(importable.prepare_slow, workers=2, places=16, size_px=_SIZE_PX, first_index=100) as pool:
        pool.wait(16, timeout_s=30)
        news = pool.since(-1)
        later = pool.since(news[-1][0])

    numbers = [number for number, _ in news]
    assert numbers == sorted(numbers)
    assert all(int(sample.raw.flat[0]) == (100 + number) % 256 for number, sample in news)
    assert all(number > numbers[-1] for number, _ in later)


def test_a_failing_worker_is_heard_of(importable):
    """An error in a worker reaches the trainer with its cause, instead of an endless wait."""
    pool = Pool(importable.prepare_failing, workers=1, places=4, size_px=_SIZE_PX)
    with pool, pytest.raises(PoolFailed, match="cannot draw 0"):
        pool.wait(1, timeout_s=30)


def test_nothing_outlives_a_killed_trainer(importable):
    """If the trainer is killed outright, workers end by themselves, and after them the foreman frees the memory."""
    program = (
        "import test_pool, sys\nfrom training.data.pool import Pool\n"
        "if __name__ == '__main__':\n"
        "    pool = Pool(test_pool.prepare_slow, workers=2, places=4, size_px=64)\n"
        "    pool.wait(1, timeout_s=30)\n"
        "    print(pool._folder, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    trainer = subprocess.Popen(  # noqa: S603  our own code
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    folder = trainer.stdout.readline().strip()
    trainer.kill()
    trainer.communicate()
    until = time.monotonic() + 10
    while Path(folder).exists() and time.monotonic() < until:
        time.sleep(0.05)

    assert not Path(folder).exists()


def test_a_pool_of_no_workers_is_refused():
    """The message tells what was asked."""
    with pytest.raises(ValueError, match="workers is 0"):
        Pool(prepare_flat, workers=0, places=4, size_px=_SIZE_PX)


def test_pooled_samples_are_those_made_alone(pack):
    """Sample i out of a worker is, byte for byte, sample i made here."""
    with Pool(
        partial(prepare_synthetic, None, size_px=96, warm=False), workers=1, places=4, size_px=96, first_index=40
    ) as pool:
        pool.wait(2, timeout_s=60)
        time.sleep(0.1)
        number, pooled = pool.since(-1)[0]
    alone = make_sample(pack, 40 + number, size_px=96)

    for (name, array), (_, twin) in zip(pooled.items(), alone.items(), strict=True):
        assert np.array_equal(array, twin), name


def test_a_pool_whose_crew_was_killed_closes_without_waiting_for_it(importable):
    """However the foreman ended, nothing is locked, and the memory is freed."""
    with Pool(importable.prepare_slow, workers=2, places=4, size_px=_SIZE_PX) as pool:
        pool.wait(4, timeout_s=60)
        os.kill(pool._foreman.pid, signal.SIGKILL)
        pool._foreman.join(10)
        started = time.monotonic()

    assert time.monotonic() - started < 5
    assert not pool._folder.exists()


def test_a_time_limit_that_ends_the_process_group_leaves_the_crew_to_the_trainer(importable):
    """SIGTERM to the foreman and its workers changes nothing: samples go on coming until the pool is closed."""
    with Pool(importable.prepare_slow, workers=2, places=4, size_px=_SIZE_PX) as pool:
        pool.wait(1, timeout_s=60)
        os.kill(pool._foreman.pid, signal.SIGTERM)
        made = pool.made()
        time.sleep(0.5)
        assert pool.made() > made
