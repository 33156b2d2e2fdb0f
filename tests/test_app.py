"""Where the parts meet: what the settings mean for the libraries below."""

from __future__ import annotations

import cv2
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from service.app import build_eraser, open_store
from service.settings import Settings


@pytest.mark.parametrize("threads", [1, 2])
def test_libraries_take_as_many_threads_as_the_settings_say(threads: int) -> None:
    """Numpy's BLAS and OpenCV, which would else take a thread of every core of the host."""
    settings = Settings(intra_threads=threads)
    before = cv2.getNumThreads()
    with threadpool_limits(3, user_api="blas"):
        try:
            build_eraser(settings, open_store(settings))

            assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {threads}
            assert cv2.getNumThreads() == threads
        finally:
            cv2.setNumThreads(before)
