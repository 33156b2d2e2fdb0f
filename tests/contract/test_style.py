"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 450


def files(*folders: str) -> list[Path]:
    """Every Python file in the folders."""
    return [path.relative_to(ROOT) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", files("tests"), ids=str)
def test_every_test_states_its_truth(path: Path) -> None:
    """A test's name is the claim; its docstring says it as a sentence."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))

    silent = [
        f"{path}:{node.lineno} {node.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if not (ast.get_docstring(node) or "").rstrip().endswith((".", "?", "!"))
    ]

    assert silent == []


@pytest.mark.parametrize("path", files("service", "training"), ids=str)
def test_a_file_has_one_subject(path: Path) -> None:
    """No file is so long that it wants to be two."""
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", files("service", "training"), ids=str)
def test_every_file_says_what_it_is(path: Path) -> None:
    """A module begins with a docstring, however small it is."""
    assert ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8")))
