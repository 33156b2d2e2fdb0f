"""The README says what is so: its tables are held against the code, and its Python is run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service import errors
from service.errors import ModelStoreError, TextEraserError
from service.options import EraseOptions
from service.settings import Settings
from service.store import ModelStore

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NEVER_SENT = {"client-gone", ModelStoreError.code}


def shown(value: object) -> str:
    """A default as the tables write it."""
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:_}" if isinstance(value, int) else str(value)


def rows_of_settings() -> Iterator[str]:
    """One row for each setting: name, default, meaning."""
    for name, field in Settings.model_fields.items():
        yield f"| `TEXT_ERASER_{name.upper()}` | {shown(field.default)} | {field.description} |"


def rows_of_options() -> Iterator[str]:
    """One row for each option of `erase`: name, default, meaning."""
    for name, field in EraseOptions.model_fields.items():
        yield f"| `{name}` | {shown(field.default)} | {field.description} |"


def rows_of_errors() -> Iterator[str]:
    """One row for each kind of error that is sent: status, code, meaning."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TextEraserError)]
    for kind in sorted(kinds, key=lambda kind: kind.status):
        if not kind.__subclasses__() and kind.code not in NEVER_SENT:
            yield f"| {kind.status} | `{kind.code}` | {(kind.__doc__ or '').splitlines()[0].strip()} |"


def rows_of_models() -> Iterator[str]:
    """One row for each model: name, version, task, licence."""
    for model in ModelStore.open(ROOT / "model_store").models:
        yield f"| `{model.name}` | {model.version} | {model.task} | {model.licence} |"


@pytest.mark.parametrize("row", [*rows_of_settings(), *rows_of_options(), *rows_of_errors(), *rows_of_models()])
def test_every_setting_option_error_and_model_stands_in_the_readme(row: str) -> None:
    """Nobody has to read the code to know a knob, its default, or what an error means."""
    assert row in README.splitlines(), f"the README lacks this row:\n{row}"


def routes() -> list[str]:
    """Every path of the committed document."""
    document: dict[str, Any] = json.loads((ROOT / "openapi" / "openapi.json").read_text(encoding="utf-8"))
    return sorted(document["paths"])


@pytest.mark.parametrize("route", routes())
def test_every_route_stands_in_the_readme(route: str) -> None:
    """A route that the document has is a route that the README names."""
    assert re.search(rf"`(GET|POST) {re.escape(route)}`", README), f"the README lacks {route}"


def test_every_make_target_in_the_readme_exists() -> None:
    """`make x` in any document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "training" / "README.md"]
    named = {
        name
        for document in documents
        for name in re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert named <= targets, f"not in the Makefile: {sorted(named - targets)}"


def test_every_linked_file_exists() -> None:
    """No link of the README leads nowhere."""
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
