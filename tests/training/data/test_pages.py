import hashlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from training.data import wear
from training.data.assets import AssetPack
from training.data.pages import KINDS, make_page

_EIGHT = tuple(range(8))
_SIZE_PX = 192


def fingerprint(page):
    parts = [page.raw, page.clean, page.strokes, *(region.polygon for region in page.regions)]
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def fingerprints(indices):
    fresh = AssetPack.builtin()
    return {index: fingerprint(make_page(fresh, index, size_px=_SIZE_PX)) for index in indices}


def test_eight_pages_come_out_the_same_in_another_process_and_order():
    """Page i depends on the version and i only: not on the process, nor on the pages made before it."""
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('twin', {__file__!r})\n"
        "twin = importlib.util.module_from_spec(spec); spec.loader.exec_module(twin)\n"
        f"print(sorted(twin.fingerprints({_EIGHT[::-1]!r}).items()))"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603  our own code
    here = fingerprints(_EIGHT)

    assert there.stdout.strip() == str(sorted(here.items()))
    assert len(set(here.values())) == len(_EIGHT)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_of_page_has_its_arrays_in_shape(pack, kind):
    """Each kind can be drawn from the built-in pack and keeps to shapes, types and mask values."""
    page = make_page(pack, 5, size_px=_SIZE_PX, kind=kind)

    assert page.raw.shape == page.clean.shape == (_SIZE_PX, _SIZE_PX, 3)
    assert page.raw.dtype == page.clean.dtype == page.strokes.dtype == np.uint8
    assert set(np.unique(page.strokes)) <= {0, 255}


@pytest.mark.parametrize("index", range(12))
def test_raw_and_clean_differ_at_strokes_only(pack, monkeypatch, index):
    """A little away from strokes the two pictures agree, but for what compression would spread over them."""
    monkeypatch.setattr(wear, "_compression", lambda _: [])
    page = make_page(pack, index, size_px=_SIZE_PX)
    away = cv2.dilate(page.strokes, np.ones((5, 5), np.uint8)) == 0

    assert cv2.absdiff(page.raw, page.clean).max(2)[away].max(initial=0) <= wear.VISIBLE_LEVELS


def test_textless_pages_have_no_strokes_and_no_regions(pack):
    """Pure negatives hold not one letter: raw and clean are equal."""
    page = make_page(pack, 11, size_px=_SIZE_PX, kind="textless")

    assert not page.strokes.any()
    assert page.regions == ()
    assert np.array_equal(page.raw, page.clean)


def test_regions_hold_nearly_all_strokes_of_documents(pack):
    """Regions come from the layout, and the layout says where the letters are, on eight pages together."""
    held = there = 0
    for index in range(3, 11):
        page = make_page(pack, index, size_px=256, kind="document")
        inside = np.zeros_like(page.strokes)
        for region in page.regions:
            cv2.fillPoly(inside, [np.round(region.polygon).astype(np.int32)], 255)
        inside = cv2.dilate(inside, np.ones((9, 9), np.uint8))
        held += np.count_nonzero(page.strokes & inside)
        there += np.count_nonzero(page.strokes)

    assert there
    assert held > 0.95 * there


def test_shares_of_kinds_add_up():
    """The kinds' shares are shares, and manga and comics have more than half of them."""
    assert sum(KINDS.values()) == pytest.approx(1)
    assert KINDS["page"] + KINDS["close_up"] + KINDS["loud"] + KINDS["comic"] == pytest.approx(0.62)
