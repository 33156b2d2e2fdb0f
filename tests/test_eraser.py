"""The pipeline as its callers see it: a file and options in, files, regions and timings out."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from PIL import Image as PillowImage

from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.errors import ClientGone, DeadlineExceeded, UnknownModel
from service.options import DetectOptions, EraseOptions, Fill, InpaintOptions, MaskMode, SegmentOptions
from tests import pages
from tests.erasers import PAINT, erase, eraser_of, image_of, light_page, mask_of, rectangle
from tests.fakes import dark_is_text, paints


def test_outside_the_mask_not_one_pixel_changes(real_eraser: Eraser) -> None:
    """With the real graphs, on bubble, gradient, tone and noise; the mask is 0 and 255 and of the image's size."""
    page = pages.mixed_page()

    outcome = erase(real_eraser, page.image)

    result, mask = image_of(outcome), mask_of(outcome)
    assert mask.shape == page.image.shape[:2]
    assert set(np.unique(mask)) == {0, 255}
    assert np.array_equal(result[mask == 0], page.image[mask == 0])
    assert outcome.mask_share == pytest.approx(np.count_nonzero(mask) / mask.size)
    assert (outcome.width, outcome.height) == (320, 600)


def test_a_bubble_comes_back_white_and_with_its_outline(real_eraser: Eraser) -> None:
    """With the real graphs: the page after is the page before the lettering, byte for byte."""
    page = pages.bubble_page()

    result = image_of(erase(real_eraser, page.image))

    assert np.array_equal(result, page.clean)


@pytest.mark.parametrize("fill", ["auto", "flat", "inpaint", "white"])
def test_every_fill_keeps_to_the_mask(eraser: Eraser, fill: Fill) -> None:
    """Outside the given mask the image is as it was; inside, no pixel of a letter is."""
    page = light_page()
    mask = np.maximum(rectangle(), page.ink)

    outcome = erase(eraser, page.image, mask, fill=fill)

    result = image_of(outcome)
    assert np.array_equal(mask_of(outcome), mask)
    assert np.array_equal(result[mask == 0], page.image[mask == 0])
    assert (result[page.core > 0] != page.image[page.core > 0]).any(axis=1).all()


def test_white_is_white_and_inpaint_is_the_network(eraser: Eraser) -> None:
    """`white` paints 255, `inpaint` paints what the network draws, `flat` one colour a hole."""
    image, mask = pages.gradient(160, 260), rectangle()

    results = {fill: image_of(erase(eraser, image, mask, fill=fill))[mask > 0] for fill in ("white", "inpaint", "flat")}

    assert (results["white"] == 255).all()
    assert (results["inpaint"] == PAINT).all()
    assert len(np.unique(results["flat"], axis=0)) == 1


def test_auto_fills_paper_plainly_and_gives_art_to_the_network(eraser: Eraser) -> None:
    """Paper becomes exactly white again; busy art what the network draws, made as busy; each in its own region."""
    page = light_page()

    outcome = erase(eraser, page.image)

    result, mask = image_of(outcome), mask_of(outcome)
    assert (result[80:] == 255).all()
    drawn = result[:70][mask[:70] > 0]
    assert drawn.std(axis=0).min() > 0.25 * page.clean[:70].std()
    assert [region.method for region in outcome.regions] == ["inpaint", "flat"]
    assert all(region.reason for region in outcome.regions)


def test_an_edge_goes_on_and_the_network_draws_only_the_rest(eraser: Eraser) -> None:
    """Nothing that was copied is painted over, and the region says how it was filled."""
    clean = pages.noise(160, 260) // 16 + np.uint8(190)
    clean[80:] -= np.uint8(60)
    clean[::8, ::8] -= np.uint8(40)
    mask = np.zeros((160, 260), np.uint8)
    for x in range(80, 180, 20):
        mask[66:94, x : x + 7] = 255
    image = np.where(mask[..., None] > 0, np.uint8(0), clean)

    outcome = erase(eraser, image, mask, mask_mode="replace")

    result = image_of(outcome)
    drawn = (result == PAINT).all(axis=2)
    assert [region.method for region in outcome.regions] == ["copy"]
    assert drawn[mask > 0].mean() < 0.5
    assert np.abs(result.astype(int) - clean)[(mask > 0) & ~drawn].mean() < 16
    assert np.array_equal(result[mask == 0], image[mask == 0])


@pytest.mark.parametrize("mask_mode", ["replace", "union", "subtract"])
def test_a_given_mask_goes_together_with_the_found_text_as_asked(eraser: Eraser, mask_mode: MaskMode) -> None:
    """`replace` is the given mask, `union` both, `subtract` what was found outside of it."""
    page, given = light_page(), rectangle()
    found = mask_of(erase(eraser, page.image))
    expected = {
        "replace": given,
        "union": np.maximum(found, given),
        "subtract": np.where(given > 0, np.uint8(0), found),
    }[mask_mode]
    assert (found & given).any()
    assert (found & ~given).any()

    outcome = erase(eraser, page.image, given, mask_mode=mask_mode)

    assert np.array_equal(mask_of(outcome), expected)
    result = image_of(outcome)
    assert np.array_equal(result[expected == 0], page.image[expected == 0])


def test_only_what_was_asked_for_comes_out(eraser: Eraser) -> None:
    """`image`, `mask` and `both`; the files are the same however they are asked for."""
    page = light_page()
    image, mask, both = (erase(eraser, page.image, output=output) for output in ("image", "mask", "both"))

    assert image.mask is None
    assert mask.image is None
    assert image.image == both.image
    assert mask.mask == both.mask
    boxes = [[region.box for region in outcome.regions] for outcome in (image, mask, both)]
    assert boxes[0] == boxes[1] == boxes[2]


def test_models_are_named_where_they_had_a_say(eraser: Eraser) -> None:
    """A given mask needs no segmentation, a mask alone no inpainting."""
    page = light_page()
    segmentation, inpainting = "text-segmentation@0.0.1", "inpainting@0.0.1"

    assert erase(eraser, page.image).models == (segmentation, inpainting)
    assert erase(eraser, page.image, rectangle()).models == (inpainting,)
    assert erase(eraser, page.image, rectangle(), mask_mode="union").models == (segmentation, inpainting)
    assert erase(eraser, page.image, output="mask").models == (segmentation,)


def test_an_unknown_model_is_answered_with_the_allowed_ones(eraser: Eraser) -> None:
    """UnknownModel lists the models of that task; a model of the other task is unknown too."""
    data = pages.png(pages.blank(8, 8))
    calls = [
        lambda: erase(eraser, pages.blank(8, 8), segmenter="nothing"),
        lambda: erase(eraser, pages.blank(8, 8), inpainter="text-segmentation"),
        lambda: eraser.segment(data, SegmentOptions(segmenter="inpainting"), Deadline()),
        lambda: eraser.detect(data, DetectOptions(segmenter="nothing"), Deadline()),
        lambda: eraser.inpaint(data, data, InpaintOptions(inpainter="nothing"), Deadline()),
    ]
    allowed = [["text-segmentation"], ["inpainting"], ["text-segmentation"], ["text-segmentation"], ["inpainting"]]

    for call, names in zip(calls, allowed, strict=True):
        with pytest.raises(UnknownModel, match=names[0]) as refusal:
            call()
        assert refusal.value.facts["allowed"] == names


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_where_nothing_is_found_the_very_file_comes_back(eraser: Eraser, kind: str) -> None:
    """No mask and no text: the upload's own bytes, no region, no share."""
    buffer = io.BytesIO()
    PillowImage.fromarray(pages.noise(90, 120) // 4 + 190).save(buffer, kind)

    outcome = eraser.erase(buffer.getvalue(), None, EraseOptions(output="both"), Deadline())

    assert outcome.image is not None
    assert outcome.image.data == buffer.getvalue()
    assert outcome.regions == ()
    assert outcome.mask_share == 0
    assert not mask_of(outcome).any()


def test_an_empty_mask_changes_nothing(eraser: Eraser) -> None:
    """A black mask, whose mode is to replace, erases nothing, whatever the page shows."""
    page = light_page()

    outcome = erase(eraser, page.image, np.zeros((160, 260), np.uint8))

    assert outcome.image is not None
    assert outcome.image.data == pages.png(page.image)


def test_the_same_upload_gives_the_same_bytes_alone_and_in_company(real_eraser: Eraser) -> None:
    """Twice in a row, and from four threads at once, with the real graphs and a dithered gradient."""
    image = pages.mixed_page().image
    first = erase(real_eraser, image)
    outcomes: dict[int, Outcome] = {}

    def work(number: int) -> None:
        outcomes[number] = erase(real_eraser, image)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    outcomes[4] = erase(real_eraser, image)

    assert len(outcomes) == 5
    for outcome in outcomes.values():
        assert outcome.image == first.image
        assert outcome.mask == first.mask


def test_every_step_that_ran_has_its_time(eraser: Eraser) -> None:
    """Seconds by step, in order; steps that were not needed are not named."""
    page = light_page()
    data = pages.png(page.image)
    erasing = ["decode", "segment", "refine", "plan", "fill", "inpaint", "encode"]

    timings = erase(eraser, page.image).timings
    assert [name for name in timings if name in erasing] == erasing
    assert all(seconds >= 0 for seconds in timings.values())
    assert "segment" not in erase(eraser, page.image, rectangle()).timings
    assert "inpaint" not in erase(eraser, page.image, output="mask").timings
    assert {"decode", "segment", "refine", "encode"} <= eraser.segment(
        data, SegmentOptions(), Deadline()
    ).timings.keys()
    assert {"decode", "segment"} <= eraser.detect(data, DetectOptions(), Deadline()).timings.keys()
    assert {"decode", "plan", "fill", "inpaint", "encode"} <= eraser.inpaint(
        data, pages.png(page.ink), InpaintOptions(), Deadline()
    ).timings.keys()


def test_segment_and_erase_agree_on_the_mask(eraser: Eraser) -> None:
    """What `segment` shows is what `erase` erases."""
    page = light_page()

    segmented = eraser.segment(pages.png(page.image), SegmentOptions(), Deadline())

    assert segmented.image is None
    assert np.array_equal(mask_of(segmented), mask_of(erase(eraser, page.image)))
    assert (mask_of(segmented)[page.core > 0] == 255).all()


def test_inpaint_is_erase_with_a_given_mask(eraser: Eraser) -> None:
    """The same mask, the same bytes."""
    page = light_page()

    outcome = eraser.inpaint(pages.png(page.image), pages.png(page.ink), InpaintOptions(), Deadline())

    assert outcome.image == erase(eraser, page.image, page.ink).image
    assert outcome.models == ("inpainting@0.0.1",)


def test_an_expired_deadline_runs_no_graph() -> None:
    """DeadlineExceeded, from every entry, before the first graph."""
    segmentation, inpainting = dark_is_text(), paints(*PAINT)
    eraser = eraser_of(segmentation, inpainting)
    data, mask = pages.png(light_page().image), pages.png(rectangle())

    for call in (
        lambda: eraser.erase(data, None, EraseOptions(), Deadline(0)),
        lambda: eraser.erase(data, mask, EraseOptions(), Deadline(0)),
        lambda: eraser.segment(data, SegmentOptions(), Deadline(0)),
        lambda: eraser.detect(data, DetectOptions(), Deadline(0)),
        lambda: eraser.inpaint(data, mask, InpaintOptions(), Deadline(0)),
    ):
        with pytest.raises(DeadlineExceeded):
            call()
    assert segmentation.shapes == inpainting.shapes == []


def test_a_client_that_leaves_while_text_is_found_is_not_drawn_for() -> None:
    """The steps after the one that ran do not begin."""
    deadline = Deadline()
    segmentation, inpainting = dark_is_text(), paints(*PAINT)
    compute = segmentation._compute

    def leave(feeds: object) -> object:
        deadline.stop(ClientGone())
        return compute(feeds)

    segmentation._compute = leave

    with pytest.raises(ClientGone):
        eraser_of(segmentation, inpainting).erase(pages.png(light_page().image), None, EraseOptions(), deadline)
    assert inpainting.shapes == []


def test_growth_is_meant_at_segmentation_scale() -> None:
    """A page of twice the network's size is grown by twice the pixels: its mask is that of the small page, scaled."""
    page = pages.lettered(pages.noise(60, 200) // 4 + 190, ("HI", 60, 45), scale=1.2)
    small = np.full((1100, 1100, 3), 255, np.uint8)
    small[100:160, 100:300] = page.image
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    eraser = eraser_of(dark_is_text(), paints(*PAINT))

    masks = [mask_of(erase(eraser, image, dilate_px=6, output="mask")) for image in (small, large)]

    shares = [np.count_nonzero(mask) / mask.size for mask in masks]
    assert shares[1] == pytest.approx(shares[0], rel=0.1)
