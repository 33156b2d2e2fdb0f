"""One job: from a form that was read to a finished outcome, under a deadline and while somebody waits for it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from starlette.requests import Request

from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.errors import ClientGone, InvalidOption, NotReady
from service.http.middleware import record_of
from service.imaging import codec
from service.imaging.headers import Header
from service.options import LayeredFormat, OutputFormat
from service.store import ModelStore, Task
from service.telemetry import ImageRecord, Telemetry
from service.workers import Workers

State = Literal["starting", "ready", "draining", "failed"]

NETWORK_BYTES = 224 * 1024 * 1024
"""Working memory of a job's networks, whatever the size of its image: tiles and crops bound it. What is looked for in
crops while they rest (copies, textures) takes less."""
BYTES_PER_PIXEL = 16
"""Working memory of a job beside that; benchmarks/memory.py measures both."""
ENCODER_BYTES_PER_PIXEL = {"webp": 24, "avif": 40, "heic": 40, "jxl": 80}
"""What the encoders of some formats take more."""
DEEP_BYTES_PER_PIXEL = 24
"""What samples of more than 8 bits take more, in whatever format."""
ALPHA_BYTES_PER_PIXEL = 8
"""What transparency takes more: it is stored, shown apart, looked at for letters on nothing, and written."""
LAYERS_BYTES_PER_PIXEL = 16
"""What layers take more at 8 bits, twice as much above: the page twice, and what covers it."""
STATUSES = (400, 401, 406, 413, 415, 422, 503, 504)
"""What every image route may answer beside 200."""
PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "X-Request-Timeout",
        "in": "header",
        "required": False,
        "description": "Seconds, decimal, from the upload's last byte, after which the answer is 504. "
        "Lowers the server's deadline, never raises it.",
        "schema": {"type": "number", "minimum": 0.001, "maximum": 86400},
        "example": 10,
    },
    {
        "name": "X-Request-ID",
        "in": "header",
        "required": False,
        "description": "A word of your own for this request, at most 128 of `A-Za-z0-9._:-`; it comes back, and "
        "stands in the log. Anything else is replaced by a new one.",
        "schema": {"type": "string"},
        "example": "page-17",
    },
]
DECIMAL = re.compile(r"\d{1,9}(\.\d{1,30})?")


@dataclass(frozen=True)
class Limits:
    """What the API accepts."""

    max_bytes: int
    max_batch_bytes: int
    max_pixels: int
    deadline_s: float


@dataclass
class Backend:
    """What the routes stand on; one for each application, found at `app.state.backend`."""

    workers: Workers
    telemetry: Telemetry
    limits: Limits
    state: State = "starting"
    eraser: Eraser | None = None
    store: ModelStore | None = None
    failure: BaseException | None = field(default=None, repr=False)
    """Why the start failed."""

    @property
    def ready(self) -> bool:
        """Whether graphs are verified and warm, and nobody has asked the process to stop."""
        return self.state == "ready"


def backend_of(request: Request) -> Backend:
    """The backend of the application that answers this request."""
    backend: Backend = request.app.state.backend
    return backend


def check_model(request: Request, name: str, task: Task) -> None:
    """Refuse a model that is not in the store before anything waits for it. Raises UnknownModel, NotReady."""
    backend = backend_of(request)
    if backend.store is None:
        raise NotReady(f"The service is {backend.state}.")
    backend.store.find(name, task)


def read_header(request: Request, image: bytes, masks: Mapping[str, bytes]) -> Header:
    """Refuse what the first bytes already condemn: no image, too many pixels or frames, a mask of another size."""
    max_pixels = backend_of(request).limits.max_pixels
    header = codec.read_header(image, max_pixels=max_pixels)
    record = record_of(request.scope)
    record.width, record.height = header.width, header.height
    for part, mask in masks.items():
        codec.check_mask(mask, part, size_hw=header.size_hw, max_pixels=max_pixels)
    return header


async def run(
    request: Request, header: Header, work: Callable[[Eraser, Deadline], Outcome], *, format_: OutputFormat = "same"
) -> Outcome:
    """Do `work`, which ends in a file of `format_`, on a worker thread, until time is up or the client has gone.

    Fills the request's record.
    """
    backend = backend_of(request)
    eraser = backend.eraser
    if eraser is None:
        raise NotReady(f"The service is {backend.state}.")
    deadline = Deadline(timeout_s(request, backend.limits.deadline_s))
    record = record_of(request.scope)
    async with watching(request, deadline):
        done = await backend.workers.run(
            lambda: work(eraser, deadline),
            deadline,
            weight_bytes=weight_bytes(header, format_),
        )
    fill(record, done.value)
    record.stages_s = {"queue": done.queue_s, **record.stages_s}
    return done.value


def fill(record: ImageRecord, outcome: Outcome) -> None:
    """Note what came out."""
    record.stages_s = outcome.timings
    record.width, record.height = outcome.width, outcome.height
    record.mask_share = outcome.mask_share
    record.models = outcome.models
    record.methods = tuple(region.method for region in outcome.regions if region.method is not None)


def weight_bytes(header: Header, format_: OutputFormat = "same") -> int:
    """Working memory of an image that comes back in the given format, bytes."""
    a_pixel = BYTES_PER_PIXEL
    if format_ in get_args(LayeredFormat):
        a_pixel += LAYERS_BYTES_PER_PIXEL * (2 if header.bits > 8 else 1)
    else:
        a_pixel += ENCODER_BYTES_PER_PIXEL.get(header.format if format_ == "same" else format_, 0)
        a_pixel += DEEP_BYTES_PER_PIXEL if header.bits > 8 else 0
        a_pixel += ALPHA_BYTES_PER_PIXEL if header.layout in {"RGBA", "gray+alpha"} else 0
    return NETWORK_BYTES + a_pixel * header.width * header.height


def timeout_s(request: Request, longest_s: float) -> float:
    """The deadline, lowered by `X-Request-Timeout` (decimal seconds); never raised."""
    asked = request.headers.get("x-request-timeout", "").strip()
    if not asked:
        return longest_s
    if not DECIMAL.fullmatch(asked) or float(asked) == 0:
        raise InvalidOption(
            f"X-Request-Timeout is {asked[:64]!r}; expected decimal seconds above 0, such as 2.5, up to nine digits."
        )
    return min(longest_s, float(asked))


@asynccontextmanager
async def watching(request: Request, deadline: Deadline) -> AsyncIterator[None]:
    """While inside, a client that leaves stops the work."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        deadline.stop(ClientGone())

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
