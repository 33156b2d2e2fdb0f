"""Areas that a caller draws: boxes and polygons, read from JSON."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator

from service.errors import InvalidOption

MAX_SHAPES = 2000
MAX_POINTS = 2000
MAX_COORDINATE_PX = 1_000_000
MAX_SEEN_CHARACTERS = 64

EXPECTED = (
    f"expected a box of four numbers [x0, y0, x1, y1], or a polygon [[x, y], ...] of 3 to {MAX_POINTS} points, "
    f"in px from -{MAX_COORDINATE_PX} to {MAX_COORDINATE_PX}"
)


class Shape(BaseModel):
    """A box or a polygon in px of the upright image, x first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: tuple[tuple[float, float], ...]
    """The corners, 3 to 2000; a box has four, clockwise from top left."""
    is_box: bool = False
    """Boxes are half-open: `x1` and `y1` lie just outside."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        """Accept `[x0, y0, x1, y1]` and `[[x, y], [x, y], ...]`, and say of anything else what it is not."""
        if isinstance(value, cls):
            return value
        if _are_coordinates(value, 4):
            x0, y0, x1, y1 = value
            if x0 >= x1 or y0 >= y1:
                raise ValueError(f"this box is empty; {EXPECTED}, with x0 < x1 and y0 < y1")
            return {"points": ((x0, y0), (x1, y0), (x1, y1), (x0, y1)), "is_box": True}
        if not isinstance(value, list) or not any(isinstance(point, list) for point in value):
            raise ValueError(EXPECTED)
        if not 3 <= len(value) <= MAX_POINTS:
            raise ValueError(f"it has {len(value)} points; {EXPECTED}")
        for number, point in enumerate(value):
            if not _are_coordinates(point, 2):
                raise ValueError(f"its point [{number}] is {shorten(json.dumps(point))}; {EXPECTED}")
        return {"points": tuple(tuple(point) for point in value)}


def _are_coordinates(value: Any, count: int) -> bool:
    """Whether it is a list of so many numbers that can be px (NaN and infinity cannot)."""
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(side, int | float) and not isinstance(side, bool) for side in value)
        and all(-MAX_COORDINATE_PX <= side <= MAX_COORDINATE_PX for side in value)
    )


def shorten(text: str) -> str:
    """The text, or its beginning."""
    return text if len(text) <= MAX_SEEN_CHARACTERS else text[:MAX_SEEN_CHARACTERS] + "..."


def read_list(value: Any) -> Any:
    """The list that a JSON text holds, or None for null; what is no text stays as it is.

    Raises ValueError if the text is not JSON, or holds something else or too many entries.
    """
    if not isinstance(value, str):
        return value
    try:
        entries = json.loads(value)
    except RecursionError as exc:
        raise ValueError("the JSON is nested too deeply; expected a JSON list") from exc
    except ValueError as exc:
        raise ValueError(f"not JSON ({exc}); expected a JSON list") from exc
    if entries is not None and not isinstance(entries, list):
        raise ValueError("expected a JSON list")
    if entries is not None and len(entries) > MAX_SHAPES:
        raise ValueError(f"it has {len(entries)} entries; expected at most {MAX_SHAPES}")
    return entries


def json_in(file: bytes) -> str | None:
    """The text of a file that holds a JSON list; None where it holds something else, such as a picture.

    Raises InvalidOption where it is longer than an option may be, or is not UTF-8.
    """
    if not file[:512].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        return None
    if len(file) > MAX_JSON_CHARACTERS:
        raise InvalidOption(f"The JSON file has {len(file)} bytes; at most {MAX_JSON_CHARACTERS} are accepted.")
    try:
        return file.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidOption(f"The JSON file is not UTF-8 ({exc.reason} at byte {exc.start}).") from exc


MAX_JSON_CHARACTERS = 256 * 1024
JSON_TEXT = WithJsonSchema({"type": "string", "contentMediaType": "application/json", "maxLength": MAX_JSON_CHARACTERS})

Shapes = Annotated[tuple[Shape, ...] | None, BeforeValidator(read_list), JSON_TEXT]
