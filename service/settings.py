"""Every knob of the service, once: type, default, unit, range and meaning. Read from `TEXT_ERASER_*`, then frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.host import usable_cores, usable_memory_bytes

MIB = 1024 * 1024
BASE_BYTES = 288 * MIB
"""Set aside for the process itself (libraries, graphs), before images are counted."""
LEAST_IMAGE_BYTES = 256 * MIB
"""Memory for images where there is less: one image of 4 megapixels may always be tried."""


class Settings(BaseSettings):
    """Values from the environment; a word that is not known or out of range stops the start."""

    model_config = SettingsConfigDict(env_prefix="TEXT_ERASER_", frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    model_store: Path | None = Field(
        None, description="Folder with `manifest.json`. Default: the one that is installed."
    )

    max_bytes: int = Field(32 * MIB, ge=1024, description="Largest request body, bytes. Larger: 413.")
    max_pixels: int = Field(
        40_000_000, ge=1, le=2**30, description="Largest image accepted, width x height. Larger: 413."
    )
    max_held_bytes: int = Field(
        256 * MIB,
        ge=1024,
        validate_default=True,
        description="Bytes of all request bodies held at a time, no fewer than of one. More: 503.",
    )
    max_requests: int = Field(
        512, ge=1, description="Uploads handled at a time: being received, queued or worked on. More: 503."
    )
    max_batch_bytes: int = Field(
        256 * MIB,
        ge=1024,
        description="Largest archive sent to `/v1/batch`, bytes (larger: 413), and bytes of all of them held at a time "
        "(more: 503). What is held counts in `memory_bytes`.",
    )
    max_batches: int = Field(4, ge=1, description="Archives handled at a time by `/v1/batch`. More: 503.")

    slots: int | None = Field(
        None, ge=1, le=256, description="Images worked on at a time. Default: usable cores / intra_threads."
    )
    intra_threads: int = Field(1, ge=1, le=64, description="Threads of one graph run.")
    queue_per_slot: int = Field(4, ge=0, le=1000, description="Waiting images per slot. More: 503 with `Retry-After`.")
    memory_bytes: int | None = Field(
        None,
        ge=MIB,
        description="Memory for images being worked on, bytes, for answers being sent and for the archives of "
        "chapters; an image weighs 224 MiB and 16 bytes per pixel (more for transparency, layers, WebP, AVIF, HEIC, "
        "JPEG XL and above 8 bits: 24 to 128). Default: what machine or cgroup has, less 288 MiB.",
    )
    limit_memory: bool = Field(
        default=False,
        description="Set RLIMIT_DATA to nine tenths of the usable memory, so that running out answers 503.",
    )

    deadline_s: float = Field(
        30.0, gt=0, le=3600, description="Longest time of one request, seconds, from its last byte in. Longer: 504."
    )
    receive_timeout_s: float = Field(
        9.5,
        gt=0,
        le=3600,
        description="Seconds for a request's headers, and for each 256 KiB of its body. Longer: cut.",
    )
    send_timeout_s: float = Field(
        30.0, gt=0, le=3600, description="Seconds for each 4 MiB that a client reads of its answer. Longer: cut."
    )
    keep_alive_s: float = Field(5.0, gt=0, le=3600, description="Seconds for which an idle connection is kept.")

    tokens: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Bearer tokens, comma-separated; any one of them opens the API. Empty: no token is asked for."
    )
    metrics_public: bool = Field(default=True, description="Whether `/metrics` answers without a token.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins, comma-separated, whose pages may call the API. Empty: none (CORS is off)."
    )
    docs: bool = Field(default=True, description="Whether `/docs` and `/openapi.json` are served.")
    telemetry: bool = Field(
        default=False,
        description="OpenTelemetry, set up from `OTEL_EXPORTER_OTLP_ENDPOINT` (needs the extra `telemetry`).",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")

    @field_validator("max_held_bytes")
    @classmethod
    def _holds_one_body(cls, value: int, others: ValidationInfo) -> int:
        """Else the largest body would be told to come again, each time it came."""
        if value < others.data.get("max_bytes", 0):
            raise ValueError(f"expected TEXT_ERASER_MAX_BYTES, which is {others.data['max_bytes']}, or more")
        return value

    @field_validator("tokens", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        words = tuple(word.strip() for word in value.split(",") if word.strip())
        if value and not words:
            raise ValueError("expected words, separated by commas, or nothing at all")
        return words

    @property
    def slot_count(self) -> int:
        """Images worked on at a time."""
        return self.slots or max(1, usable_cores() // self.intra_threads)

    @property
    def queue_size(self) -> int:
        """Images that may wait."""
        return self.queue_per_slot * self.slot_count

    @property
    def image_memory_bytes(self) -> int:
        """Memory for images being worked on, bytes."""
        return self.memory_bytes or max(LEAST_IMAGE_BYTES, usable_memory_bytes() - BASE_BYTES)

    @property
    def memory_limit_bytes(self) -> int:
        """Memory that the process may fill: the machine's, or the cgroup's."""
        return usable_memory_bytes()


def explain(refused: ValidationError) -> str:
    """What the environment or the command line said that cannot be, by the variables' names."""
    return "; ".join(
        f"TEXT_ERASER_{'_'.join(map(str, error['loc'])).upper()}: {error['msg'].removeprefix('Value error, ')}, "
        f"found {error['input']!r}"
        for error in refused.errors()
    )
