"""The committed OpenAPI document against a real server: it answers as the document says. Needs the extra `fuzz`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fakes import mask_picture, picture
from tests.server.conftest import ServerProcess

schemathesis = pytest.importorskip("schemathesis", reason="needs the extra `fuzz`")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # the fuzzer's own

DOCUMENT = Path(__file__).parents[2] / "openapi" / "openapi.json"
IMAGE_CASES = 50
"""For each seed and each of the four image routes; the others have no parameters, and one case."""
MIN_SERVED_SHARE = 0.3
IMAGES = st.sampled_from([picture(pillow_format=kind) for kind in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF")])
UPLOADS = st.one_of(IMAGES, IMAGES, IMAGES, IMAGES, st.binary(max_size=64))
"""An image in four cases of five."""
TEXTS = ("regions", "include", "exclude", "segmenter", "inpainter")
CHECKS = (
    "status_code_conformance",  # 503 and 504 are documented; 500 is not, and must not be
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def with_images(body: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """The form with pictures where the document says no more than `binary`."""
    # Random text is hardly ever a list of areas, or the name of a model: three cases of four do without.
    rest = {name: value for name, value in body.items() if name not in TEXTS or data.draw(st.integers(0, 3)) == 0}
    files = {"mask": mask_picture()} if "mask" in body else {}
    return {**rest, **files, "image": data.draw(UPLOADS)}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_the_document_allows_is_answered_as_it_says(server: ServerProcess, number: int) -> None:
    """200 cases a seed: no server error, no status, type, header or body that the document does not know."""
    schema = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text(encoding="utf-8")))
    checks = [schemathesis.checks.CHECKS.get_one(name) for name in CHECKS]
    statuses: Counter[int] = Counter()
    total: Counter[int] = Counter()

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
                case.body = with_images(case.body, data)
            response = case.call(base_url=server.url)
            assert response.status_code != 500
            case.validate_response(response, checks=checks)
            (statuses if operation.method == "post" else total)[response.status_code] += 1

        run()

    for result in schema.get_all_operations():
        operation = result.ok()
        fuzz(operation, IMAGE_CASES)

    print(f"seed {number}: images {dict(statuses)}, others {dict(total)}")  # noqa: T201  a figure for the results
    assert statuses.total() + total.total() >= 200
    assert statuses[200] >= MIN_SERVED_SHARE * statuses.total()
