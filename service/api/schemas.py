"""The JSON that goes out, and the headers that go with every picture."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service import regions
from service.regions import Method


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class Region(Answer):
    """One group of text, in upright image coordinates."""

    id: int = Field(ge=1, description="1, 2, 3 ... in reading order: top to bottom, then left to right.", examples=[1])
    box: tuple[int, int, int, int] = Field(
        description="`[x0, y0, x1, y1]` in px, half-open; holds the whole polygon.", examples=[[12, 40, 160, 92]]
    )
    polygon: list[tuple[int, int]] = Field(
        description="Points `[x, y]` in px, clockwise.", examples=[[[12, 40], [159, 40], [159, 91], [12, 91]]]
    )
    score: float = Field(
        ge=0,
        le=1,
        description="Mean text probability of the ink in the box; 1 where only a given mask says that it is text.",
        examples=[0.93],
    )
    area: int = Field(ge=0, description="Pixels of the mask in this region.", examples=[5210])
    method: Method | None = Field(None, description="How it was filled; null where nothing was.", examples=["flat"])
    reason: str | None = Field(None, description="Why that method.", examples=["the ring around it has one colour"])
    inside_bubble: bool | None = Field(
        None, description="Whether it stands in a speech bubble; null where that was not looked at.", examples=[True]
    )
    residual: float | None = Field(
        None, ge=0, le=1, description="Share of its ink that is left; null where nobody looked.", examples=[0.0]
    )

    @classmethod
    def of(cls, region: regions.Region) -> Region:
        """The same region as JSON has it."""
        return cls(
            id=region.id,
            box=region.box,
            polygon=[(int(x), int(y)) for x, y in region.polygon],
            score=round(region.score, 4),
            area=region.area,
            method=region.method,
            reason=region.reason,
            inside_bubble=region.inside_bubble,
            residual=region.residual,
        )


class Regions(Answer):
    """Where the text is."""

    width: int = Field(ge=1, description="Width of the upright image, px.", examples=[1200])
    height: int = Field(ge=1, description="Height of the upright image, px.", examples=[1700])
    regions: list[Region]


class Erased(Answer):
    """Image and mask together, with the regions."""

    image: str = Field(description="The image file, base64.", json_schema_extra={"contentEncoding": "base64"})
    mask: str = Field(
        description="The mask, an 8-bit gray PNG (255 = erased), base64.",
        json_schema_extra={"contentEncoding": "base64"},
    )
    media_type: str = Field(description="Media type of `image`.", examples=["image/png"])
    width: int = Field(ge=1, description="Width of the upright image, px.", examples=[1200])
    height: int = Field(ge=1, description="Height of the upright image, px.", examples=[1700])
    regions: list[Region]


class TensorInfo(Answer):
    """One input or output of a graph."""

    name: str = Field(examples=["image"])
    dtype: str = Field(examples=["float32"])
    shape: list[int | str] = Field(
        description="A word stands for a dimension that may vary.", examples=[[1, 3, "H", "W"]]
    )


class ModelInfo(Answer):
    """One model, as its manifest entry names it."""

    name: str = Field(examples=["text-segmentation"])
    version: str = Field(examples=["1.0.0"])
    task: Literal["segmentation", "inpainting"]
    sha256: str = Field(description="Checksum of the graph file.", examples=["0" * 64])
    licence: str = Field(examples=["Apache-2.0"])
    source: str = Field(description="Where the weights come from.")
    stride: int = Field(description="Height and width that the graph takes are multiples of this, px.", examples=[32])
    inputs: list[TensorInfo]
    outputs: list[TensorInfo]
    thresholds: dict[str, float] = Field(
        description="Probabilities above which a pixel counts, by output.", examples=[{"text": 0.4}]
    )


class Models(Answer):
    """The models that are loaded."""

    models: list[ModelInfo]


class LimitsInfo(Answer):
    """What is accepted, so that a client can refuse before it uploads."""

    max_bytes: int = Field(description="Largest request body, bytes.", examples=[33_554_432])
    max_batch_bytes: int = Field(description="Largest archive for `/v1/batch`, bytes.", examples=[268_435_456])
    max_pixels: int = Field(description="Largest image, width x height.", examples=[40_000_000])
    deadline_s: float = Field(description="Longest time of a request, seconds.", examples=[30.0])
    slots: int = Field(description="Images worked on at a time.", examples=[2])
    queue_size: int = Field(description="Images that may wait.", examples=[8])


class FormatsInfo(Answer):
    """Image formats by media type."""

    input: list[str] = Field(examples=[["image/png", "image/jpeg"]])
    output: list[str] = Field(examples=[["same", "png", "jpeg", "webp", "psd", "ora"]])


class Info(Answer):
    """What this server is, accepts and does by default."""

    name: Literal["text-eraser"] = "text-eraser"
    version: str = Field(examples=["1.0.0"])
    limits: LimitsInfo
    formats: FormatsInfo
    defaults: dict[str, dict[str, Any]] = Field(
        description="Default of each option, by route.", examples=[{"erase": {"fill": "auto"}}]
    )


class Health(Answer):
    """That the process lives, or is ready; if it is not, the answer is a problem."""

    status: Literal["ok", "ready"]
    version: str = Field(examples=["1.0.0"])


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it; problems carry further members with what was seen and what is allowed."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="Stable name of the kind of problem.", examples=["urn:text-eraser:problem:too-many-pixels"]
    )
    title: str = Field(description="The kind of problem in words.", examples=["The image has too many pixels."])
    status: int = Field(ge=400, le=599, description="The HTTP status.", examples=[413])
    detail: str = Field(
        description="What was seen, and what is allowed.",
        examples=["The image is 20000 x 20000 = 400000000 pixels; at most 40000000 are accepted."],
    )
    instance: str = Field(description="The request id, as in the log.", examples=["3f2c1a"])


def headers(*, fidelity: bool) -> dict[str, Any]:
    """OpenAPI descriptions of the headers of a picture or of regions."""
    described: dict[str, Any] = {
        "X-Regions": {"description": "Number of regions.", "schema": {"type": "integer", "minimum": 0}},
        "X-Mask-Share": {
            "description": "Share of the image that the mask covers, 0 to 1, four decimals.",
            "schema": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "X-Model": {
            "description": "Models used: `text-segmentation@1.0.0, inpainting@1.0.0`.",
            "schema": {"type": "string"},
        },
        "Server-Timing": {"description": "Milliseconds of each step.", "schema": {"type": "string"}},
        "X-Request-ID": {"description": "The request id, as in the log.", "schema": {"type": "string"}},
    }
    if fidelity:
        described["X-Residual"] = {
            "description": "With `verify`: ink that a look at the result still sees near the erased texts, over the "
            "ink that was there, 0 to 1, four decimals; 0 if there was none.",
            "schema": {"type": "number", "minimum": 0, "maximum": 1},
        }
        described["X-Fidelity"] = {
            "description": "Where the answer holds the image. Outside the mask: `exact` every stored sample is the "
            "upload's; `blocks` every JPEG block that the mask does not touch is; `reencoded` the format changed "
            "values everywhere.",
            "schema": {"type": "string", "enum": ["exact", "blocks", "reencoded"]},
        }
        described["X-Untouched-SHA256"] = {
            "description": "Checksum of what is outside the mask, where `X-Fidelity` is `exact` or `blocks`; none "
            "where an upload with an orientation other than 1 is written upright into another format.",
            "schema": {"type": "string"},
        }
    return described


def files(*media_types: str) -> dict[str, Any]:
    """OpenAPI content for answers that are files."""
    return {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}
