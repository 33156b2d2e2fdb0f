"""The model store: a manifest that names every graph, its checksum and its tensors. Opens no graph itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from service.errors import ModelStoreError, UnknownModel

Task = Literal["segmentation", "inpainting"]
MANIFEST_NAME = "manifest.json"


class Tensor(BaseModel):
    """One input or output of a graph. A word in `shape` stands for a dimension that may vary."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dtype: Literal["float32"]
    shape: tuple[int | str, ...]


class Plausibility(BaseModel):
    """A logistic regression that says whether a group of strokes is likely text: see `service/plausibility.py`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(gt=0, lt=1)
    """Probability above which pixels were strokes when it was fitted."""
    least: float
    """Log odds under which a group is no text."""
    bias: float
    weights: dict[str, float]
    """Log odds for each unit of a feature, by its name."""


class Model(BaseModel):
    """One manifest entry: a named, versioned graph and the contract it keeps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    task: Task
    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: str
    source: str
    """Where the weights come from: for our own, the commit and the config that made them."""
    stride: int = Field(ge=1, le=256)
    """Height and width that the graph takes are multiples of this, px."""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    looks: tuple[Annotated[float, Field(gt=0, le=4)], ...] = Field((1.0,), min_length=1)
    """Scales, relative to segmentation scale, at which the image is looked at; the probabilities are averaged."""
    far_looks: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Smaller scales, at which only what is too large for the others is looked for."""
    thresholds: dict[str, float]
    """Probabilities, 0 to 1, by output name, above which a pixel counts."""
    plausibility: Plausibility | None = None
    """What a group of strokes must look like; None: like anything."""

    @field_validator("file")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{value!r} leaves the model store")
        return value

    @model_validator(mode="after")
    def _says_when_text_is_text(self) -> Self:
        if self.task == "segmentation" and "text" not in self.thresholds:
            raise ValueError(f"{self.name}: a threshold for 'text' is missing")
        return self

    @property
    def label(self) -> str:
        """`name@version`, as `X-Model` says it."""
        return f"{self.name}@{self.version}"


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[Model, ...]


class ModelStore:
    """A folder of graphs, described by its `manifest.json`."""

    def __init__(self, root: Path, models: Sequence[Model]) -> None:
        self.root = root
        self.models = tuple(models)
        self._by_name = {model.name: model for model in self.models}

    @classmethod
    def open(cls, root: Path) -> ModelStore:
        """Read the manifest in `root`. Raises ModelStoreError if it is missing or not a manifest."""
        path = root / MANIFEST_NAME
        try:
            manifest = _Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except OSError as exc:
            raise ModelStoreError(
                f"{path}: cannot be read ({exc.strerror}); expected the model store's manifest"
            ) from exc
        except (ValueError, ValidationError) as exc:
            raise ModelStoreError(f"{path}: not a manifest: {exc}") from exc
        names = [model.name for model in manifest.models]
        if len(names) != len(set(names)):
            raise ModelStoreError(f"{path}: a name stands twice; found {', '.join(names)}")
        return cls(root, manifest.models)

    def find(self, name: str, task: Task) -> Model:
        """The entry called `name`. Raises UnknownModel if there is none, or if it does another job."""
        allowed = [model.name for model in self.models if model.task == task]
        if name not in allowed:
            raise UnknownModel(
                f"{name[:64]!r} is not a model for {task}; allowed: {', '.join(allowed)}", allowed=allowed
            )
        return self._by_name[name]

    def read(self, model: Model) -> bytes:
        """The bytes of the graph, exactly those that the manifest's checksum describes.

        Raises ModelStoreError, naming file, expected and found, if they are missing or differ.
        """
        path = self.root / model.file
        try:
            graph = path.read_bytes()
        except OSError as exc:
            raise ModelStoreError(f"{path}: cannot be read ({exc.strerror}); expected sha256 {model.sha256}") from exc
        found = hashlib.sha256(graph).hexdigest()
        if found != model.sha256:
            raise ModelStoreError(f"{path}: expected sha256 {model.sha256}, found {found} ({len(graph)} bytes)")
        return graph
