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
from tests.fakes import FakeGraph, Floats, Tensors, paints


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


def watched_graph() -> tuple[FakeGraph, list[Floats]]:
    """One that paints in one colour, and the holes that it was given."""
    graph, holes = paints(10, 20, 30), list[Floats]()
    run = graph.run

    def watched(feeds: Tensors, deadline: Deadline) -> dict[str, Floats]:
        holes.append(feeds["hole"][0, 0])
        return run(feeds, deadline)

    graph.run = watched  # type: ignore[method-assign]
    return graph, holes


def test_the_network_does_not_see_what_lies_beyond_a_panel() -> None:
    """A hole at the foot of a painted panel: the white gutter below came back as white teeth above its edge."""
    image = pages.noise(160, 240) // 2
    image[110:] = 255
    mask = np.zeros((160, 240), np.uint8)
    mask[80:109, 60:180] = 255
    graph, holes = watched_graph()
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


def test_texts_on_both_sides_of_a_gutter_are_drawn_each_from_its_own_panel() -> None:
    """Neither hides the other's panel from it, and what is hidden costs the network nothing."""
    image = pages.noise(200, 240) // 2
    image[94:106] = 255
    graph, holes = watched_graph()
    job = steps.Job(codec.decode(pages.png(image), max_pixels=10**6), Deadline())
    upper, lower, above, below = (np.zeros((200, 240), np.uint8) for _ in range(4))
    upper[70:92, 60:180], lower[108:130, 60:180] = 255, 255
    above[:106], below[94:] = 255, 255
    job.mask = upper | lower
    job.plan = Plan(
        tuple(
            Entry(gather(own)[0], (hole,), inside_bubble=False)
            for own, beyond in ((upper, below), (lower, above))
            for hole in [Hole((0, 0, 240, 200), own, "inpaint", "it is drawn", beyond=beyond > 0)]
        )
    )

    steps.fill_plain(job)
    steps.inpaint(job, Inpainter(graph))

    first, second = holes
    assert first[94:200, :240].min() == second[:106, :240].min() == 1
    assert first[:60, :240].max() == second[140:200, :240].max() == 0
    assert job.result is not None
    np.testing.assert_array_equal(job.result[job.mask == 0], image[job.mask == 0])
