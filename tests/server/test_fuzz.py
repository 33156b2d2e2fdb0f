"""The committed OpenAPI document against a real server: it answers as the document says. Needs the extra `fuzz`."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.fakes import mask_picture, saved
from tests.server.conftest import ServerProcess

schemathesis = pytest.importorskip("schemathesis", reason="needs the extra `fuzz`")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # the fuzzer's own

DOCUMENT = Path(__file__).parents[2] / "openapi" / "openapi.json"
IMAGE_CASES = 50
"""For each seed and each of the five routes that take images; the others have no parameters, and one case."""
MIN_SERVED_SHARE = 0.3
SIDES = st.integers(1, 96)
KINDS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")
NAMES = {"segmenter": "text-segmentation", "inpainter": "inpainting"}
AREAS = ("include", "exclude")
SOMETIMES = st.sampled_from([True, False, False, False])


@st.composite
def images(draw: st.DrawFn, *, size_wh: tuple[int, int] | None = None) -> bytes:
    """Noise of any size and mode in any format that can hold it; perhaps turned by EXIF, perhaps cut off."""
    width, height = size_wh or (draw(SIDES), draw(SIDES))
    random = np.random.default_rng(draw(st.integers(0, 9)))
    image = Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8))
    mode, kind = draw(st.sampled_from(MODES)), draw(st.sampled_from(KINDS))
    options = {"exif": b"Exif\0\0" + turned(draw(st.integers(1, 8)))} if size_wh is None and kind == "JPEG" else {}
    try:
        data = saved(image.convert("L").convert(mode) if mode == "I;16" else image.convert(mode), kind, **options)
    except (OSError, ValueError):  # not every format holds every mode
        data = saved(image, kind, **options)
    return data[: draw(st.integers(1, len(data)))] if draw(st.integers(0, 19)) == 5 else data


def turned(orientation: int) -> bytes:
    """EXIF that says so."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def size_of(data: bytes) -> tuple[int, int]:
    """Upright width and height; any where it is no image."""
    try:
        return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).size
    except (OSError, SyntaxError, ValueError):
        return 8, 8


CHECKS = (
    "status_code_conformance",  # 503 and 504 are documented; 500 is not, and must not be
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def places(data: st.DataObject) -> list[Any]:
    """Boxes and polygons, some of them empty, backwards or outside."""
    numbers = st.integers(-20, 120)
    box, point = st.lists(numbers, min_size=4, max_size=4), st.lists(numbers, min_size=2, max_size=2)
    sides = st.lists(numbers, min_size=4, max_size=4, unique=True).map(lambda s: [*sorted(s[:2]), *sorted(s[2:])])
    right = sides.map(lambda s: [s[0], s[2], s[1], s[3]])
    return data.draw(st.lists(st.one_of(right, right, right, st.lists(point, min_size=3, max_size=5), box), max_size=4))


def with_files(body: dict[str, Any], route: str, data: st.DataObject) -> dict[str, Any]:
    """The form with pictures where the document says no more than `binary`, and lists where it says JSON.

    Of everything the document's own random value is kept one time in four.
    """
    form = dict(body)
    image = data.draw(st.binary(max_size=64) if data.draw(st.integers(0, 9)) == 5 else images())
    if route == "/v1/batch":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for number in range(data.draw(st.integers(0, 3))):
                archive.writestr(f"{number}.png", data.draw(images()))
        form["archive"] = image if data.draw(st.integers(0, 9)) == 5 else buffer.getvalue()
    else:
        form["image"] = image
    if "mask" in form:
        size_wh = None if data.draw(st.integers(0, 9)) == 5 else size_of(image)
        form["mask"] = mask_picture(*(size_wh or (8, 9)))
    elif not data.draw(SOMETIMES):
        form.pop("mask_mode", None)  # without a mask there is but one
    for name in (name for name in NAMES if name in form and not data.draw(SOMETIMES)):
        form[name] = NAMES[name]
    for name in (name for name in AREAS if name in form and not data.draw(SOMETIMES)):
        form[name] = json.dumps(places(data))
    if "regions" in form and not data.draw(SOMETIMES):  # a list goes alone; mostly it is left out
        choices = ("include", "exclude", "sfx", "min_score", "min_height_px", "max_height_px")
        if data.draw(st.booleans()):
            del form["regions"]
        else:
            form = {name: value for name, value in form.items() if name not in choices}
            form["regions"] = json.dumps([{"box": place} for place in places(data)])
    return form


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_the_document_allows_is_answered_as_it_says(server: ServerProcess, number: int) -> None:
    """200 cases a seed: no server error, no status, type, header or body that the document does not know."""
    schema = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text(encoding="utf-8")))
    checks = [schemathesis.checks.CHECKS.get_one(name) for name in CHECKS]
    statuses: Counter[int] = Counter()
    total: Counter[int] = Counter()
    by_route: Counter[tuple[str, int]] = Counter()

    def fuzz(operation: Any, cases: int) -> None:
        @seed(number)
        @settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), data=st.data())
        def run(case: Any, data: st.DataObject) -> None:
            if isinstance(case.body, dict):
                case.body = with_files(case.body, operation.path, data)
            response = case.call(base_url=server.url)
            assert response.status_code != 500
            case.validate_response(response, checks=checks)
            (statuses if operation.method == "post" else total)[response.status_code] += 1
            by_route[operation.path, response.status_code] += 1

        run()

    for result in schema.get_all_operations():
        operation = result.ok()
        fuzz(operation, IMAGE_CASES)

    print(f"seed {number}: images {dict(statuses)}, others {dict(total)}, {dict(by_route)}")  # noqa: T201  a figure for the results
    assert statuses.total() + total.total() >= 200
    assert statuses[200] >= MIN_SERVED_SHARE * statuses.total()
