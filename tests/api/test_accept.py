"""Content negotiation, RFC 9110, 12.5.1."""

from __future__ import annotations

import pytest

from service.api.accept import choose
from service.errors import NotAcceptable

BOTH = ["application/json", "application/zip"]


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/zip", "application/zip"),
        ("APPLICATION/ZIP", "application/zip"),
        ("application/json;q=0.5, application/zip", "application/zip"),
        ("application/*, application/json;q=0.1", "application/zip"),
        ("*/*;q=0.1, application/json;q=0", "application/zip"),
        ("text/html, application/zip;q=0.9, */*;q=0.1", "application/zip"),
    ],
)
def test_the_best_liked_type_is_chosen(accept: str | None, chosen: str) -> None:
    """The most specific range decides each type's weight; the heaviest type wins, the first among equals."""
    assert choose(accept, BOTH) == chosen


@pytest.mark.parametrize(
    "accept", ["text/html", "*/*;q=0", "application/json;q=0", "application/json;q=x", "application/json;q=7"]
)
def test_a_type_that_weighs_nothing_is_not_acceptable(accept: str) -> None:
    """The refusal names what is on offer."""
    with pytest.raises(NotAcceptable, match="application/json") as refused:
        choose(accept, ["application/json"])

    assert refused.value.facts == {"available": ["application/json"]}
