"""Which of the media types on offer a client's `Accept` prefers (RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from service.errors import NotAcceptable

BYTES = "application/octet-stream"
"""Offered beside the type of every file: some generated clients know no other type for bytes."""


def accept_of(request: Request) -> str | None:
    """The request's `Accept`, its lines in one (RFC 9110, 5.3); None where there is none."""
    return ", ".join(request.headers.getlist("accept")) or None


def choose(accept: str | None, offered: Sequence[str]) -> str:
    """The offered type that `accept` likes best; the first one offered among equals.

    Raises NotAcceptable, naming what is on offer, if it likes none.
    """
    ranges = _ranges(accept or "*/*")
    best = max(offered, key=lambda offer: _liking(offer, ranges))  # max keeps the first of equals
    if _liking(best, ranges) <= 0:
        available = list(dict.fromkeys(offered))
        raise NotAcceptable(
            f"Accept is {(accept or '')[:200]!r}; available: {', '.join(available)}.", available=available
        )
    return best


def _ranges(accept: str) -> list[tuple[str, float]]:
    """Media ranges with their weights, 0 to 1; one that cannot be read weighs 0."""
    found = []
    for item in accept.lower().split(","):
        name, *parameters = (word.strip() for word in item.split(";"))
        weight = next((_weight(word[2:]) for word in parameters if word.startswith("q=")), 1.0)
        if name:
            found.append((name, weight))
    return found or [("*/*", 1.0)]


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


def _liking(offer: str, ranges: list[tuple[str, float]]) -> float:
    """Weight of the most specific range that covers `offer`; 0 if none does."""
    for wanted in (offer, offer.partition("/")[0] + "/*", "*/*"):
        weights = [weight for name, weight in ranges if name == wanted]
        if weights:
            return max(weights)
    return 0.0
