"""Steps on a job of their own, where the pipeline as a whole would hide what one of them does."""

from __future__ import annotations

import numpy as np

from service import steps
from service.deadline import Deadline
from service.imaging import codec
from service.segmenter import TextMaps
from tests import pages


def test_exclamation_marks_after_a_dash_are_erased_with_the_column() -> None:
    """The network saw the letters surely, the marks faintly and the dash between not at all."""
    image, text = pages.blank(300, 200), np.zeros((300, 200), np.uint8)
    for top in (40, 80):
        image[top : top + 30, 85:115] = 0
        text[top : top + 30, 85:115] = 250
    image[120:180, 98:102] = 0
    for left in (91, 103):
        image[190:220, left : left + 5] = 0
        text[190:220, left : left + 5] = 140
    job = steps.Job(codec.decode(pages.png(image), max_pixels=10**6), Deadline())
    job.maps = TextMaps(text, text, 1.0)

    steps.refine_strokes(job, 0.45, 4)

    assert job.mask is not None
    assert job.mask[image[..., 0] == 0].min() == 255
