"""A second look: what is left is found, erased once more, and told; what the caller keeps is left alone."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.groups import gather
from service.imaging.arrays import Image, Mask
from service.inpainter import Inpainter
from service.options import EraseOptions
from service.plan import make_plan
from service.segmenter import TextSegmenter
from service.session import Tensors
from service.verify import find_left_overs, share_left
from tests import pages
from tests.fakes import FakeGraph, Floats, dark_is_text, fake_store, paints

PAINT = (250, 250, 250)
PLACES = np.s_[40:60, 30:90]
"""Where the bar is that stands for text: rows, columns."""


def page_with_bar(*, tail: bool = True) -> Image:
    """Light noise, which no plain fill suits, and a dark bar with a fainter tail that the first look overlooks."""
    image = pages.noise(160, 200) // 8 + 200
    image[PLACES] = 20
    if tail:
        image[44:56, 94:104] = 100
    return image


def near_sighted() -> FakeGraph:
    """Sees what is darkest on its first look, and what is dark once that is gone."""

    def compute(feeds: Tensors) -> dict[str, Floats]:
        level = feeds["image"].mean(axis=1, keepdims=True)
        limit = 0.3 if (level < 0.1).sum() > 100 else 0.5
        text = ((level < limit) & (level > 0.0)).astype(np.float32)
        height, width = text.shape[2:]
        return {"text": text, "region": text.reshape(1, 1, height // 2, 2, width // 2, 2).max(axis=(3, 5))}

    return FakeGraph(fake_store().find("text-segmentation", "segmentation"), compute)


def erase(
    image: Image, *, sight: Callable[[], FakeGraph] = near_sighted, mask: Mask | None = None, **options: object
) -> Outcome:
    """Erase on fakes; image and mask are asked for."""
    eraser = Eraser(
        {"text-segmentation": TextSegmenter(sight())}, {"inpainting": Inpainter(paints(*PAINT))}, max_pixels=1_000_000
    )
    chosen = EraseOptions.model_validate({"output": "both", "verify": True, "fill": "inpaint", **options})
    return eraser.erase(pages.png(image), None if mask is None else pages.png(mask), chosen, Deadline())


def files_of(outcome: Outcome) -> tuple[Image, Mask]:
    """The pixels of image and mask."""
    assert outcome.image is not None
    assert outcome.mask is not None
    return pages.pixels_of(outcome.image.data), pages.pixels_of(outcome.mask.data)


def test_what_the_first_look_overlooked_is_erased_by_the_second() -> None:
    """The mask and the region grow by the tail, the residual says that nothing is left."""
    before = erase(page_with_bar(), verify=False)
    after = erase(page_with_bar())
    image, mask = files_of(after)

    assert files_of(before)[0][50, 98].max() < 120
    assert image[50, 98].min() > 190
    assert mask[44:56, 94:104].all()
    assert after.regions[0].box[2] >= 104 > before.regions[0].box[2]
    assert after.regions[0].area == np.count_nonzero(mask)
    assert (after.residual, after.regions[0].residual) == (0.0, 0.0)
    assert (before.residual, before.regions[0].residual) == (None, None)


def test_outside_the_final_mask_nothing_changes() -> None:
    """Byte for byte, with a second pass as without one."""
    page = page_with_bar()

    image, mask = files_of(erase(page))

    assert np.array_equal(image[mask == 0], page[mask == 0])


def test_where_nothing_is_left_the_answer_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look alone changes no byte."""
    page = page_with_bar(tail=False)

    looked, plain = erase(page), erase(page, verify=False)

    assert looked.residual == 0.0
    assert [np.array_equal(*pair) for pair in zip(files_of(looked), files_of(plain), strict=True)] == [True, True]


def test_a_page_without_text_has_no_residual() -> None:
    """Zero, not a division by it."""
    outcome = erase(pages.blank(64, 64))

    assert (outcome.residual, outcome.regions) == (0.0, ())


@pytest.mark.parametrize(
    "options",
    [
        {"exclude": "[[92, 0, 200, 160]]"},
        {"include": "[[0, 0, 92, 160]]"},
        {"regions": '[{"box":[20,30,92,70]}]', "fill": "auto"},
    ],
)
def test_a_second_pass_keeps_to_what_the_caller_allows(options: dict[str, str]) -> None:
    """Excluded, not included, outside the list of regions: the tail stays, and does not count as left."""
    page = page_with_bar()

    asked = EraseOptions.parse(options)
    outcome = erase(page, **{name: getattr(asked, name) for name in options})

    image, _ = files_of(outcome)
    assert np.array_equal(image[:, 92:], page[:, 92:])
    assert outcome.residual == 0.0


def test_a_given_mask_that_replaces_is_never_grown() -> None:
    """It is the caller's word; ink inside it would count."""
    page = page_with_bar()
    mask = np.zeros(page.shape[:2], np.uint8)
    mask[PLACES] = 255

    outcome = erase(page, mask=mask)

    assert np.array_equal(files_of(outcome)[1], mask)
    assert outcome.residual == 0.0


def test_a_pass_that_leaves_no_less_is_taken_back() -> None:
    """A network that sees text in whatever was painted makes nothing worse."""

    def sees_paint() -> FakeGraph:
        graph = dark_is_text()
        whole = graph._compute

        def compute(feeds: Tensors) -> dict[str, Floats]:
            painted = np.abs(feeds["image"] - 250 / 255).max(axis=1, keepdims=True) < 0.001
            seen = whole(feeds)
            return {**seen, "text": np.maximum(seen["text"], painted.astype(np.float32))}

        graph._compute = compute
        return graph

    looked, plain = erase(page_with_bar(), sight=sees_paint), erase(page_with_bar(), sight=sees_paint, verify=False)

    assert np.array_equal(files_of(looked)[0], files_of(plain)[0])
    assert looked.residual is not None
    assert looked.residual > 0.5


def test_the_residual_is_ink_left_over_ink_that_was_there() -> None:
    """Worked by hand: 200 px of one text's 1000, none of another's 1000; what is far from both does not count."""
    image = pages.blank(300, 300)
    mask = np.zeros((300, 300), np.uint8)
    mask[50:70, 50:100] = mask[200:220, 50:100] = 255
    plan = make_plan(image, mask, gather(mask), "inpaint")
    after = np.zeros_like(mask)
    after[50:60, 80:100] = 255
    after[130:140, 200:240] = 255

    left = find_left_overs(plan, mask, after, np.zeros_like(mask))

    assert [round(one.residual, 3) for one in left] == [0.2, 0.0]
    assert share_left(left) == pytest.approx(0.1)
    assert share_left([]) == 0.0


def test_kept_ink_is_not_left() -> None:
    """What is off limits does not count, nor do a few stray pixels."""
    mask = np.zeros((100, 100), np.uint8)
    cv2.rectangle(mask, (20, 40), (60, 60), 255, -1)
    plan = make_plan(pages.blank(100, 100), mask, gather(mask), "inpaint")
    after = np.zeros_like(mask)
    after[40:60, 62:70] = 255
    off_limits = after.copy()
    after[45, 30:35] = 255

    assert share_left(find_left_overs(plan, mask, after, off_limits)) == 0.0


def test_ink_a_step_away_is_not_left() -> None:
    """A face beside a bubble is seen as text now and then: what touches no erased text is let be."""
    mask = np.zeros((100, 160), np.uint8)
    cv2.rectangle(mask, (20, 40), (60, 60), 255, -1)
    plan = make_plan(pages.blank(100, 160), mask, gather(mask), "inpaint")
    touching, apart = np.zeros_like(mask), np.zeros_like(mask)
    touching[45:55, 63:70] = 255
    apart[45:55, 68:75] = 255

    assert share_left(find_left_overs(plan, mask, touching, np.zeros_like(mask))) > 0.05
    assert share_left(find_left_overs(plan, mask, apart, np.zeros_like(mask))) == 0.0


def test_what_is_left_on_other_ground_is_not_filled_like_the_text() -> None:
    """A tail on art, of a text on paper, does not come back as a white blot."""
    page = page_with_bar()
    page[:, :92] = np.where(page[:, :92] == 20, np.uint8(20), np.uint8(255))

    image, mask = files_of(erase(page, fill="auto"))

    assert mask[44:56, 94:104].all()
    assert (image[44:56, 96:104] == PAINT).all()
    assert (image[PLACES] == 255).mean() > 0.9
