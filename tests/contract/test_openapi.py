"""The OpenAPI document that is committed is the one that the code makes, and it says everything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.api.pages import describe
from service.app import create_app
from service.settings import Settings
from tests.fakes import settings_of

COMMITTED = Path(__file__).parents[2] / "openapi" / "openapi.json"
IMAGE_ROUTES = ("/v1/erase", "/v1/segment", "/v1/detect", "/v1/inpaint")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(COMMITTED.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with its path."""
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def test_the_committed_document_is_the_codes_own(document: dict[str, Any]) -> None:
    """`text-eraser openapi -o openapi/openapi.json` would change nothing."""
    assert json.loads(json.dumps(describe(create_app(Settings.model_construct())))) == document


def test_no_setting_changes_the_document(document: dict[str, Any]) -> None:
    """Clients are generated from it once, for every deployment."""
    other = create_app(settings_of(max_bytes=5000, slots=7, tokens="a", cors_origins="https://a.example"))

    assert json.loads(json.dumps(describe(other))) == document


def test_no_route_stands_twice(document: dict[str, Any]) -> None:
    """The aliases without `/v1` are not in the document."""
    assert sorted(document["paths"]) == sorted(
        [*IMAGE_ROUTES, "/v1/batch", "/v1/models", "/v1/info", "/healthz", "/readyz", "/metrics"]
    )


def test_operations_have_names_that_make_good_clients(document: dict[str, Any]) -> None:
    """Unique, one word in camel case, with a summary."""
    names = [operation["operationId"] for _, operation in operations(document)]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", name) for name in names), names
    assert all(operation["summary"] for _, operation in operations(document))


@pytest.mark.parametrize("route", IMAGE_ROUTES)
def test_every_field_has_its_unit_range_default_and_example(document: dict[str, Any], route: str) -> None:
    """Nobody has to read the code to fill in the form."""
    content = document["paths"][route]["post"]["requestBody"]["content"]["multipart/form-data"]
    schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    assert schema["additionalProperties"] is False
    for name, field in schema["properties"].items():
        assert field["description"], name
        if field.get("format") == "binary":
            continue
        assert field["examples"], name
        assert "default" in field or "Default: " in field["description"], name
        for kind in field.get("anyOf", [field]):
            if kind["type"] in {"integer", "number"}:
                assert {"minimum", "maximum"} <= kind.keys(), name
            elif kind["type"] != "boolean":
                assert {"enum", "maxLength"} & kind.keys() or kind.get("format") == "binary", name


def test_areas_are_documented_as_json_or_a_file(document: dict[str, Any]) -> None:
    """For one page; a chapter takes JSON, since its pages are not all of one size."""
    schemas = document["components"]["schemas"]
    encoding = document["paths"]["/v1/erase"]["post"]["requestBody"]["content"]["multipart/form-data"]["encoding"]
    for name in ("include", "exclude"):
        kinds = schemas["EraseForm"]["properties"][name]["anyOf"]
        assert [kind.get("contentMediaType", kind.get("format")) for kind in kinds] == ["application/json", "binary"]
        assert {"application/json", "image/png"} <= set(encoding[name]["contentType"].split(", "))
        chapter = schemas["ChapterForm"]["properties"][name]
        assert (chapter["contentMediaType"], "file" in chapter["description"]) == ("application/json", False)


@pytest.mark.parametrize("route", IMAGE_ROUTES)
def test_every_refusal_is_documented_with_examples(document: dict[str, Any], route: str) -> None:
    """Each status of the table is a problem, with one example for each of its kinds."""
    responses = document["paths"][route]["post"]["responses"]

    assert sorted(responses) == ["200", "400", "401", "406", "413", "415", "422", "503", "504"]
    for status, response in responses.items():
        if status != "200":
            assert list(response["content"]) == ["application/problem+json"]
            examples = response["content"]["application/problem+json"]["examples"]
            assert {example["value"]["status"] for example in examples.values()} == {int(status)}
    assert "Retry-After" in responses["503"]["headers"]


def test_pictures_are_documented_with_their_media_types_and_headers(document: dict[str, Any]) -> None:
    """What 200 may be, and what it says beside the bytes."""
    answer = document["paths"]["/v1/erase"]["post"]["responses"]["200"]

    assert {"image/png", "image/jpeg", "image/webp", "application/json", "application/zip"} <= set(answer["content"])
    assert {"X-Regions", "X-Mask-Share", "X-Model", "X-Fidelity", "Server-Timing"} <= set(answer["headers"])


@pytest.mark.parametrize("route", ["erase", "segment", "inpaint", "batch"])
def test_every_file_is_offered_as_plain_bytes_too(document: dict[str, Any], route: str) -> None:
    """Generators that know no image types would leave the answer out; this one they know."""
    assert "application/octet-stream" in document["paths"][f"/v1/{route}"]["post"]["responses"]["200"]["content"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """No `$ref` is broken."""
    text = json.dumps(document)
    names = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', text))

    assert names <= set(document["components"]["schemas"])
    assert "Problem" in names


def test_there_is_one_region_schema(document: dict[str, Any]) -> None:
    """The same in every answer that has regions."""
    region = document["components"]["schemas"]["Region"]

    assert list(region["properties"]) == [
        "id",
        "box",
        "polygon",
        "score",
        "area",
        "method",
        "reason",
        "inside_bubble",
        "residual",
    ]
