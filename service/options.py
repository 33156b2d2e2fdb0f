"""What a caller may ask for: every option once, with type, default, range, unit and example.

The HTTP forms, the command line and the Eraser all read these classes, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.errors import InvalidOption

MaskMode = Literal["replace", "union", "subtract"]
Output = Literal["image", "mask", "both"]
OutputFormat = Literal["same", "png", "jpeg", "webp"]
Fill = Literal["auto", "flat", "inpaint", "white"]

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
        description="`auto`: plain backgrounds are filled plainly, the rest by the network; "
        "`flat`: the colour around each hole; `inpaint`: the network everywhere; `white`: plain white.",
    ),
]
FormatOption = Annotated[
    OutputFormat,
    Field(
        default="same",
        examples=["same", "png"],
        description="File format of the returned image; `same` keeps the upload's.",
    ),
]
Quality = Annotated[
    int | None,
    Field(
        default=None,
        ge=1,
        le=100,
        examples=[90],
        description="Quality of a lossy output, 1 to 100. Default: the upload's own where it is known, else 95.",
    ),
]


class Options(BaseModel):
    """Base of the option sets: frozen, and a name that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def parse(cls, fields: Mapping[str, str]) -> Self:
        """Options from words, as a form or a command line holds them.

        Raises InvalidOption, naming each option with what was seen and what is allowed.
        """
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as exc:
            allowed = list(cls.model_fields)
            unknown = [str(error["loc"][0])[:64] for error in exc.errors() if error["type"] == "extra_forbidden"]
            wrong = [
                f"{error['loc'][0]} is {str(error['input'])[:64]!r}: {error['msg']}."
                for error in exc.errors()
                if error["type"] != "extra_forbidden"
            ]
            if unknown:
                wrong.append(f"Not an option here: {', '.join(unknown[:8])}; allowed: {', '.join(allowed)}.")
            raise InvalidOption(" ".join(wrong), allowed=allowed if unknown else None) from exc


class DetectOptions(Options):
    """Options of `detect`: regions only."""

    segmenter: SegmenterName
    threshold: Threshold
    bin_thresh: float = Field(
        0.3, ge=0.05, le=0.95, description="Region probability, 0.05 to 0.95, that counts as inside (DB)."
    )
    box_thresh: float = Field(
        0.6, ge=0.0, le=1.0, description="Lowest mean region probability, 0 to 1, of a region that is kept (DB)."
    )
    unclip_ratio: float = Field(
        1.5, ge=0.0, le=5.0, description="Growth of the shrunk regions, 0 to 5: D' = A' * r' / L' (DB)."
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
        "`union`, `subtract`.",
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
