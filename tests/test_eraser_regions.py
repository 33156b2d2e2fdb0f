"""The regions that come out: they hold the mask between them, lie in the upright image, and are layers of their own."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage

from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.imaging.arrays import Mask
from service.options import DetectOptions, EraseOptions, Fill
from tests import pages
from tests.erasers import erase, image_of, light_page, mask_of
from tests.layered import Layered, read_ora, read_psd


@pytest.mark.parametrize("kind", ["psd", "ora"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"verify": True},
        {"sfx": "keep"},
        {"regions": '[{"box": [30, 5, 200, 90], "method": "white"}, {"box": [50, 40, 230, 150]}]'},
    ],
    ids=["plain", "verify", "sfx", "regions"],
)
def test_every_region_is_a_layer_of_its_own(real_eraser: Eraser, kind: str, options: dict[str, object]) -> None:
    """With the real graphs, however the regions came about: named by its number and method, and it alone hides it."""
    page = pages.lettered(light_page().image, ("UP", 20, 30), ("DOWN", 170, 150))

    outcome = erase(real_eraser, page.image, format=kind, **options)
    clean = image_of(erase(real_eraser, page.image, **options))

    assert outcome.image is not None
    layered = {"psd": read_psd, "ora": read_ora}[kind](outcome.image.data)
    names = [f"text {region.id:03} ({region.method})" for region in outcome.regions]
    assert layered.names == ["original", *names, "mask"]
    assert [sheet.box for sheet in layered.sheets[1:-1]] == [region.box for region in outcome.regions]
    assert np.array_equal(layered.compose()[..., :3], clean)
    left = np.zeros(mask_of(outcome).shape, int)
    for sheet in layered.sheets[1:-1]:
        x0, y0, x1, y1 = sheet.box
        left[y0:y1, x0:x1] += sheet.alpha > 0
    assert np.array_equal(left, mask_of(outcome) // 255)
    for name in names:
        page_without = layered.compose(without=[name])[..., :3]
        assert np.array_equal(page_without, np.where(_own(layered, name), page.image, clean))


def _own(layered: Layered, name: str) -> npt.NDArray[np.bool_]:
    """`(H, W, 1)` where the layer hides something."""
    own = np.zeros((*layered.size_hw, 1), np.bool_)
    (sheet,) = (sheet for sheet in layered.sheets if sheet.name == name)
    x0, y0, x1, y1 = sheet.box
    own[y0:y1, x0:x1, 0] = sheet.alpha > 0
    return own


def test_detect_finds_each_word_and_makes_no_file(eraser: Eraser) -> None:
    """Regions only; every dark pixel of the page lies in one of their boxes."""
    page = light_page()

    outcome = eraser.detect(pages.png(page.image), DetectOptions(box_thresh=0.1), Deadline())

    covered = np.zeros(page.core.shape, np.bool_)
    for region in outcome.regions:
        x0, y0, x1, y1 = region.box
        covered[y0:y1, x0:x1] = True
    assert outcome.image is None
    assert outcome.mask is None
    assert covered[page.core > 0].all()
    assert not covered[150:].any()


def check_regions(outcome: Outcome, mask: Mask) -> None:
    """Regions are numbered, inside the image, and hold the mask between them."""
    height, width = mask.shape
    assert (outcome.height, outcome.width) == (height, width)
    assert [region.id for region in outcome.regions] == list(range(1, len(outcome.regions) + 1))
    assert sum(region.area for region in outcome.regions) == np.count_nonzero(mask)
    covered = np.zeros(mask.shape, np.bool_)
    for region in outcome.regions:
        x0, y0, x1, y1 = region.box
        covered[y0:y1, x0:x1] = True
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert (region.polygon >= [x0, y0]).all()
        assert (region.polygon <= [x1, y1]).all()
        assert 0 <= region.score <= 1
    assert covered[mask > 0].all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_regions_and_masks_are_upright_for_every_orientation(eraser: Eraser, orientation: int) -> None:
    """A camera that was turned changes how the file is stored, not where its text is."""
    page = light_page()
    buffer = io.BytesIO()
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = PillowImage.fromarray(page.image)
    if orientation > 1:
        stored = stored.transpose(PillowImage.Transpose(turns[orientation]))
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    stored.save(buffer, "PNG", exif=exif)

    outcome = eraser.erase(buffer.getvalue(), None, EraseOptions(output="both"), Deadline())

    assert np.array_equal(mask_of(outcome), mask_of(erase(eraser, page.image)))
    check_regions(outcome, mask_of(outcome))


def test_regions_hold_the_mask_between_them(real_eraser: Eraser) -> None:
    """With the real graphs: areas add up to the mask, boxes and polygons lie in the image."""
    outcome = erase(real_eraser, pages.mixed_page().image)

    assert outcome.regions
    check_regions(outcome, mask_of(outcome))


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 300), (300, 1), (33, 31), (64, 64)])
@pytest.mark.parametrize("fill", ["auto", "flat", "inpaint", "white"])
def test_the_smallest_images_can_be_erased_whole(eraser: Eraser, size_hw: tuple[int, int], fill: Fill) -> None:
    """A mask over the whole of a tiny image leaves nothing to look at, and is filled all the same."""
    mask = np.full(size_hw, 255, np.uint8)

    outcome = erase(eraser, pages.noise(*size_hw), mask, fill=fill)

    assert image_of(outcome).shape == (*size_hw, 3)
    assert outcome.mask_share == 1
    check_regions(outcome, mask)
