"""What a caller may ask for: every option once, with type, default, range, unit and example.

The HTTP forms, the command line and the Eraser all read these classes, so they cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from service.errors import InvalidOption
from service.regions import Method
from service.shapes import JSON_TEXT, Shape, Shapes, read_list, shorten

MaskMode = Literal["replace", "union", "subtract"]
Output = Literal["image", "mask", "both"]
FlatFormat = Literal["same", "png", "jpeg", "webp"]
LayeredFormat = Literal["psd", "ora"]
OutputFormat = Literal[FlatFormat, LayeredFormat]
Fill = Literal["auto", "flat", "inpaint", "white"]
Sfx = Literal["erase", "keep", "only"]
MarkChoice = Literal["keep", "erase"]

MAX_TOLD = 3
"""Reasons that a refusal gives, and places that it gives for each."""
AREAS = ("include", "exclude")
"""Options that may come as a file too."""
OR_A_FILE = ", or a file: such a list, or a mask of its size (white is inside)"

Threshold = Annotated[
    float | None,
    Field(
        default=None,
        ge=0.05,
        le=0.95,
        examples=[0.4],
        description="Text probability, 0.05 to 0.95, above which a pixel counts as text. "
        "Lower finds more. Default: the value that the model's manifest entry names.",
    ),
]
DilatePx = Annotated[
    int,
    Field(
        default=3,
        ge=0,
        le=64,
        examples=[3],
        description="Growth of the found text in px at segmentation scale, 0 to 64 "
        "(max pooling, kernel 2 * dilate_px + 1).",
    ),
]
SegmenterName = Annotated[
    str,
    Field(
        default="text-segmentation",
        max_length=64,
        examples=["text-segmentation"],
        description="Model that finds the text; a name from `GET /v1/models` of the task `segmentation`.",
    ),
]
InpainterName = Annotated[
    str,
    Field(
        default="inpainting",
        max_length=64,
        examples=["inpainting"],
        description="Model that draws what the text hid; a name from `GET /v1/models` of the task `inpainting`.",
    ),
]
FillOption = Annotated[
    Fill,
    Field(
        default="auto",
        examples=["auto"],
        description="`auto`: plain backgrounds are filled plainly, others from what stands near, where that goes on, "
        "the rest by the network; `flat`: the colour around each hole; `inpaint`: the network everywhere, with the "
        "edges of flat colours and the texture of busy surroundings; `white`: plain white.",
    ),
]
FormatOption = Annotated[
    OutputFormat,
    Field(
        default="same",
        examples=["same", "png"],
        description="File format of the returned image; `same` keeps the upload's. `psd` and `ora` hold layers: the "
        "original, one for each text, which gives it back when it is deleted, and, hidden, the mask.",
    ),
]
Quality = Annotated[
    int | None,
    Field(
        default=None,
        ge=1,
        le=100,
        examples=[90],
        description="Quality of a lossy output, 1 to 100. Default: the upload's own where it is known, else 95 "
        "(HEIC: 80).",
    ),
]


class Edit(BaseModel):
    """One region of an edited list, as `detect` gave it or as somebody drew it; what is not named here is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    polygon: Shape | None = None
    box: Shape | None = None
    method: Method | None = None
    """How to fill it; `skip` leaves it as it is; None leaves the choice to us."""

    @property
    def shape(self) -> Shape:
        """The polygon, else the box."""
        shape = self.polygon or self.box
        assert shape is not None
        return shape

    @model_validator(mode="before")
    @classmethod
    def _is_an_object(cls, value: Any) -> Any:
        if isinstance(value, dict | cls):
            return value
        raise ValueError("expected an object with a polygon or a box, such as `/v1/detect` gives")

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.polygon is None and self.box is None:
            raise ValueError("a region needs a polygon or a box")
        return self


class Options(BaseModel):
    """Base of the option sets: frozen, and a name that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def parse(cls, fields: Mapping[str, str], *, allowed: Sequence[str] = ()) -> Self:
        """Options from words, as a form or a command line holds them.

        Raises InvalidOption, naming each option with what was seen and what is allowed: of names those in `allowed`,
        by default all of the set.
        """
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as exc:
            names = [*(allowed or cls.model_fields)]
            unknown = [str(error["loc"][0])[:64] for error in exc.errors() if error["type"] == "extra_forbidden"]
            wrong = _tell([error for error in exc.errors() if error["type"] != "extra_forbidden"], cls)
            if unknown:
                wrong.append(f"Not an option here: {', '.join(unknown[:8])}; allowed: {', '.join(names)}.")
            raise InvalidOption(" ".join(wrong), allowed=names if unknown else None) from exc


class DetectOptions(Options):
    """Options of `detect`: regions only."""

    segmenter: SegmenterName
    threshold: Threshold
    bin_thresh: float = Field(
        0.4,
        ge=0.05,
        le=0.95,
        description="Region probability, 0.05 to 0.95, that counts as inside (DB). The default is what `erase` uses.",
    )
    box_thresh: float = Field(
        0.5,
        ge=0.0,
        le=1.0,
        description="Lowest mean region probability, 0 to 1, of a region that gathers what stands in it (DB). "
        "The default is what `erase` uses.",
    )
    unclip_ratio: float = Field(
        1.0,
        ge=0.0,
        le=5.0,
        description="Growth of the shrunk regions, 0 to 5: D' = A' * r' / L' (DB). The default is what `erase` uses.",
    )


class SegmentOptions(DetectOptions):
    """Options of `segment`: the mask, and its regions."""

    dilate_px: DilatePx


class InpaintOptions(Options):
    """Options of `inpaint`: a mask is given, nothing is looked for."""

    fill: FillOption
    inpainter: InpainterName
    format: FormatOption
    quality: Quality


class EraseOptions(Options):
    """Options of `erase`: find the text (or take the given mask), fill, return."""

    mask_mode: MaskMode = Field(
        "replace",
        description="How a given `mask` and the found text go together: `replace` (no text is looked for), "
        "`union` (the mask is erased whatever `sfx`, `min_score` and heights say of what is found), `subtract`. "
        "The last two need a `mask`.",
    )
    output: Output = Field(
        "image", description="What to return: the `image`, the `mask` (PNG, 255 = erased), or `both`."
    )
    format: FormatOption
    quality: Quality
    threshold: Threshold
    dilate_px: DilatePx
    fill: FillOption
    segmenter: SegmenterName
    inpainter: InpainterName
    include: Shapes = Field(
        None,
        examples=["[[40, 60, 300, 220]]"],
        description="Erase only inside these areas: a JSON list of boxes `[x0, y0, x1, y1]` and polygons "
        f"`[[x, y], ...]` in px of the upright image{OR_A_FILE}. Default: the whole image.",
    )
    exclude: Shapes = Field(
        None,
        examples=["[[0, 0, 200, 80]]"],
        description="Erase nothing inside these areas; written like `include`. Where both hold, `exclude` wins. "
        "Default: no area.",
    )
    sfx: Sfx = Field(
        "erase",
        description="Text that stands in no bubble or caption, sound effects mostly: `erase` it too, `keep` it, "
        "or erase `only` it.",
    )
    min_score: float = Field(0.0, ge=0.0, le=1.0, description="Least score, 0 to 1, of a text that is erased.")
    min_height_px: int = Field(0, ge=0, le=10_000, description="Smallest letters that are erased, px.")
    max_height_px: int | None = Field(
        None, ge=1, le=10_000, examples=[200], description="Largest letters that are erased, px. Default: no limit."
    )
    verify: bool = Field(
        default=False,
        description="Look again at the result: what is left of a text gets one second pass with a grown mask, and "
        "`X-Residual` and each region's `residual` say how much of it is left in the end.",
    )
    regions: Annotated[tuple[Edit, ...] | None, BeforeValidator(read_list), JSON_TEXT] = Field(
        None,
        examples=['[{"box": [40, 60, 300, 220], "method": "flat"}]'],
        description="Erase exactly this: a JSON list of regions as `/v1/detect` gives them, edited. In each, the text "
        "found there is erased (the whole region, where none is found), filled by its `method` if it has one; "
        "`skip` leaves it. Where regions overlap, a text belongs to the one that fits it best. "
        "Nothing outside the list is touched. With a `mask`, what it and `mask_mode` make of the found text counts as "
        "the text found. Refused beside `include`, `exclude`, `sfx`, `min_score`, `min_height_px`, `max_height_px` and "
        "a `fill` other than `auto`; every other option may stand beside it. Default: whatever is found.",
    )

    def check_mask(self, *, is_given: bool) -> None:
        """Refuse a mode of a mask that is not there: somebody forgot it. Raises InvalidOption."""
        if self.mask_mode != "replace" and not is_given:
            raise InvalidOption(
                f"mask_mode is '{self.mask_mode}', and no mask is given; send a mask, or leave mask_mode out."
            )

    @model_validator(mode="after")
    def _layers_are_an_image(self) -> Self:
        if self.output == "mask" and self.format in get_args(LayeredFormat):
            raise ValueError(f"output is 'mask', which is a PNG; format '{self.format}' goes with 'image' or 'both'")
        return self

    @model_validator(mode="after")
    def _some_height_fits(self) -> Self:
        if self.max_height_px is not None and self.min_height_px > self.max_height_px:
            raise ValueError(
                f"min_height_px is {self.min_height_px}, above max_height_px, which is {self.max_height_px}; "
                "no letters are of both"
            )
        return self

    @model_validator(mode="after")
    def _list_goes_alone(self) -> Self:
        others: list[str] = [
            name
            for name in ("include", "exclude", "sfx", "min_score", "min_height_px", "max_height_px")
            if name in self.model_fields_set
        ]
        others += ["fill"] if self.fill != "auto" else []
        if self.regions is not None and others:
            raise ValueError(f"regions says all that is erased; leave out {', '.join(others)}")
        return self


class ChapterOptions(Options):
    """Options of `batch` beside those of each page."""

    marks: MarkChoice | None = Field(
        None,
        examples=["keep"],
        description="Watermarks, page numbers and what else repeats at one place over a chapter: `keep` or `erase` it "
        "on every page, found there or not. Up to six pages are looked at before the first is erased. Default: as any "
        "other text.",
    )


ONE_PAGE_ONLY = frozenset({"mask_mode", "output", "regions"})
"""Options of `erase` that belong to one page, not to a chapter."""


def _tell(errors: Sequence[ErrorDetails], kind: type[Options]) -> list[str]:
    """What is wrong, a sentence for each reason: where and what was seen, and why not or what is allowed."""
    schemas = kind.model_json_schema()["properties"] if errors else {}
    seen: dict[str, list[str]] = {}
    for error in errors:
        seen.setdefault(_reason(error, schemas), []).append(_seen(error))
    told = []
    for reason, all_seen in list(seen.items())[:MAX_TOLD]:
        first = ", ".join(filter(None, all_seen[:MAX_TOLD]))
        more = f" and {len(all_seen) - MAX_TOLD} more" if len(all_seen) > MAX_TOLD else ""
        told.append(f"{first}{more}: {reason}." if first else f"{reason}.")
    return told


def _reason(error: ErrorDetails, schemas: Mapping[str, dict[str, Any]]) -> str:
    """Why an option cannot be, or what is allowed instead."""
    why = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return why
    if len(error["loc"]) == 1:
        return f"expected {_allowed(schemas[str(error['loc'][0])])}"
    return f"expected {why.removeprefix('Input should be ')}"


def _seen(error: ErrorDetails) -> str:
    """Which option it is about and what that was; nothing where it is about several."""
    if not error["loc"]:
        return ""
    name, *inside = error["loc"]
    place = str(name) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inside)
    value = json.dumps(error["input"], ensure_ascii=False) if inside else repr(error["input"])
    return f"{place} is {shorten(value)}"


def _allowed(schema: Mapping[str, Any]) -> str:
    """The values that the JSON schema of an option allows, in words."""
    kind = next(choice for choice in schema.get("anyOf", [schema]) if choice.get("type") != "null")
    if "enum" in kind:
        *firsts, last = kind["enum"]
        return f"{', '.join(firsts)} or {last}"
    if kind["type"] == "boolean":
        return "true or false"
    if kind["type"] == "string":
        return f"at most {kind['maxLength']} characters"
    number = {"integer": "a whole number", "number": "a number"}[kind["type"]]
    return f"{number} from {kind['minimum']:g} to {kind['maximum']:g}"
