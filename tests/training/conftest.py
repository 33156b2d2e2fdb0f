"""What the training tests share. Without torch installed they are not collected: `make test-training` has it."""

from __future__ import annotations

from importlib.util import find_spec

import cv2
import numpy as np
import pytest

collect_ignore_glob = [] if find_spec("torch") else ["models/*", "test_*.py"]


def draw_toy_samples(count: int, side_px: int, seed: int) -> dict[str, np.ndarray]:
    """Striped gradients with a few letters: the fields that a pool of pages has, uint8."""
    rng = np.random.default_rng(seed)
    samples = {
        "raw": np.empty((count, side_px, side_px, 3), np.uint8),
        "clean": np.empty((count, side_px, side_px, 3), np.uint8),
        "strokes": np.zeros((count, side_px, side_px), np.uint8),
        "hole": np.zeros((count, side_px, side_px), np.uint8),
        "regions": np.zeros((count, 4, side_px // 2, side_px // 2), np.uint8),
    }
    for index in range(count):
        ramp = np.linspace(rng.integers(150, 255), rng.integers(150, 255), side_px)
        ramp[np.arange(side_px) % 8 < 4] -= 60
        clean = np.broadcast_to(ramp[:, None, None], (side_px, side_px, 3)).astype(np.uint8)
        strokes = np.zeros((side_px, side_px), np.uint8)
        left, base = int(rng.integers(0, side_px // 3)), int(rng.integers(side_px // 2, side_px))
        cv2.putText(strokes, "AB", (left, base), cv2.FONT_HERSHEY_SIMPLEX, side_px / 64, 255, 2)
        hole = np.zeros_like(strokes)
        start, end = (tuple(map(int, rng.integers(0, side_px, 2))) for _ in range(2))
        cv2.line(hole, start, end, 255, 5)
        shrunk = cv2.dilate(strokes, np.ones((5, 5), np.uint8))[::2, ::2]
        raw = clean.copy()
        raw[strokes > 0] = 20
        samples["raw"][index], samples["clean"][index] = raw, clean
        samples["strokes"][index], samples["hole"][index] = strokes, hole
        samples["regions"][index] = np.stack([shrunk, np.where(shrunk > 0, 178, 77), *[np.full_like(shrunk, 255)] * 2])
    return samples


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tiny tensors gain nothing from threads, and threads that wait for a busy core make tests ten times slower."""
    if find_spec("torch"):
        import torch  # noqa: PLC0415  only where it is installed

        torch.set_num_threads(1)


@pytest.fixture
def toy_samples():
    """The function that draws toy samples: (count, side_px, seed) -> fields."""
    return draw_toy_samples
