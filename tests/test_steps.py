"""Steps on a job of their own, where the pipeline as a whole would hide what one of them does."""

from __future__ import annotations

import numpy as np

from service import steps
from service.deadline import Deadline
from service.groups import gather
from service.imaging import codec
from service.inpainter import Inpainter
from service.plan import Entry, Hole, Plan
from service.segmenter import TextMaps
from tests import pages
from tests.fakes import Floats, Tensors, paints


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


def test_the_network_does_not_see_what_lies_beyond_a_panel() -> None:
    """A hole at the foot of a painted panel: the white gutter below came back as white teeth above its edge."""
    image = pages.noise(160, 240) // 2
    image[110:] = 255
    mask = np.zeros((160, 240), np.uint8)
    mask[80:109, 60:180] = 255
    holes: list[np.ndarray] = []
    graph = paints(10, 20, 30)
    run = graph.run

    def watched(feeds: Tensors, deadline: Deadline) -> dict[str, Floats]:
        holes.append(feeds["hole"][0, 0])
        return run(feeds, deadline)

    graph.run = watched  # type: ignore[method-assign]
    job = steps.Job(codec.decode(pages.png(image), max_pixels=10**6), Deadline())
    job.mask = mask
    (group,) = gather(mask)
    beyond = np.zeros((160, 240), np.bool_)
    beyond[110:] = True
    hole = Hole((0, 0, 240, 160), mask, "inpaint", "it is drawn", beyond=beyond)
    job.plan = Plan((Entry(group, (hole,), inside_bubble=False),))

    steps.fill_plain(job)
    steps.inpaint(job, Inpainter(graph))

    assert job.result is not None
    (seen,) = holes
    assert seen[110:150, 20:220].min() == 1
    np.testing.assert_array_equal(job.result[mask == 0], image[mask == 0])
