"""Areas that a caller draws: boxes and polygons, read from JSON."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from service.errors import InvalidOption

MAX_SHAPES = 2000
MAX_POINTS = 2000
MAX_COORDINATE_PX = 1_000_000

Coordinate = Annotated[float, Field(ge=-MAX_COORDINATE_PX, le=MAX_COORDINATE_PX, allow_inf_nan=False)]


class Shape(BaseModel):
    """A box or a polygon in px of the upright image, x first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: Annotated[tuple[tuple[Coordinate, Coordinate], ...], Field(min_length=3, max_length=MAX_POINTS)]
    """The corners; a box has four, clockwise from top left."""
    is_box: bool = False
    """Boxes are half-open: `x1` and `y1` lie just outside."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        """Accept `[x0, y0, x1, y1]` and `[[x, y], [x, y], ...]`."""
        if not isinstance(value, list):
            return value
        if len(value) == 4 and all(isinstance(side, int | float) for side in value):
            x0, y0, x1, y1 = value
            if x0 >= x1 or y0 >= y1:
                raise ValueError(f"the box {value} is empty; expected [x0, y0, x1, y1] with x0 < x1 and y0 < y1")
            return {"points": ((x0, y0), (x1, y0), (x1, y1), (x0, y1)), "is_box": True}
        return {"points": tuple(tuple(point) if isinstance(point, list) else point for point in value)}


def read_json(value: Any) -> Any:
    """JSON text as what it says; anything else as it is. Raises ValueError if the text is not JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except RecursionError as exc:
        raise ValueError("the JSON is nested too deeply") from exc
    except ValueError as exc:
        raise ValueError(f"not JSON ({exc}); expected a list") from exc


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

Shapes = Annotated[
    Annotated[tuple[Shape, ...], Field(max_length=MAX_SHAPES)] | None, BeforeValidator(read_json), JSON_TEXT
]
