"""What can be seen from outside: one log line a request, and the metrics. Image content and file names never are."""

from __future__ import annotations

import itertools
import logging
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from service.store import Model
from service.workers import Workers

STAGE_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60)
MEGAPIXEL_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 40)
QUIET_ROUTES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: logged at debug level only."""
IMAGE_ROUTES = ("/erase", "/segment", "/detect", "/inpaint")
WATCHED_CODES = ("200", "500", "503", "504")
WATCHED_REASONS = ("overloaded", "out-of-memory", "deadline-exceeded")
"""What the alerts of docker/prometheus/ compare with each other."""
SHARE_BUCKETS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside every counter, which nobody reads


@dataclass(kw_only=True)
class ImageRecord:
    """What one image that was worked on turned out to be."""

    width: int | None = None
    height: int | None = None
    mask_share: float | None = None
    models: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    """How each region was filled."""
    stages_s: dict[str, float] = field(default_factory=dict)
    """Seconds by stage: queue, decode, segment ..."""


@dataclass(kw_only=True)
class RequestRecord(ImageRecord):
    """What one request turned out to be; filled in on its way through the layers, told once at its end."""

    request_id: str
    method: str
    trace_id: str | None = None
    route: str = "unmatched"
    status: int = 0
    problem: str | None = None
    """Code of the error that was answered."""
    bytes_in: int = 0
    bytes_out: int = 0
    pages: int | None = None
    """Pages of a chapter that were erased; None where it was no chapter."""
    pages_failed: int | None = None
    started_at: float = field(default_factory=time.perf_counter)

    @property
    def took_s(self) -> float:
        """Seconds since the request's headers came in."""
        return time.perf_counter() - self.started_at


class Telemetry:
    """The metrics of one application, in a registry of their own, and its request log."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._log = structlog.get_logger("text_eraser")
        self._requests = self._counter("requests", "Requests answered.", ["route", "code"])
        self._seconds = self._histogram("request_seconds", "Time to the end of the answer.", STAGE_BUCKETS_S, ["route"])
        self._stages = self._histogram("stage_seconds", "Time in each stage of an image.", STAGE_BUCKETS_S, ["stage"])
        self._rejected = self._counter("rejected", "Requests refused, by problem code.", ["reason"])
        self._pages = self._counter(
            "chapter_pages",
            "Pages of chapters: `done`, or the code of the problem that kept them as they were.",
            ["page"],
        )
        self._megapixels = self._histogram("megapixels", "Size of the images worked on.", MEGAPIXEL_BUCKETS)
        self._mask_share = self._histogram("mask_share", "Share of the image that was erased.", SHARE_BUCKETS)
        self._regions = self._counter("regions", "Regions erased, by the method that filled them.", ["method"])
        self._models = self._gauge("model_info", "Graphs that are loaded; always 1.", ["name", "version", "sha256"])
        ProcessCollector(registry=self.registry)
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Make the counters that alerts watch before anything is counted.

        A counter that is born with its first event has no rate over that event: the first burst would go unseen.
        """
        for route, code in itertools.product(IMAGE_ROUTES, WATCHED_CODES):
            self._requests.labels(route, code)
        for reason in WATCHED_REASONS:
            self._rejected.labels(reason)
        self._pages.labels("done")

    def watch(self, workers: Workers, *, memory_limit_bytes: int) -> None:
        """Show the state of the workers at each scrape, and the memory that the process may fill."""
        self._gauge("memory_limit_bytes", "Memory that this process may fill.").set(memory_limit_bytes)
        self._gauge("queue_depth", "Images that wait for a slot.").set_function(lambda: workers.queue_depth)
        self._gauge("inflight", "Images being worked on.").set_function(lambda: workers.in_flight)
        self._gauge("slots", "Images that can be worked on at a time.").set(workers.slots)
        self._gauge("queue_size", "Images that may wait.").set(workers.queue_size)

    def show_models(self, models: Iterable[Model]) -> None:
        """Name the graphs that are loaded."""
        for model in models:
            self._models.labels(model.name, model.version, model.sha256).set(1)

    def tell(self, record: RequestRecord) -> None:
        """Count and log one finished request."""
        self._requests.labels(record.route, str(record.status)).inc()
        self._seconds.labels(record.route).observe(record.took_s)
        if record.problem is not None:
            self._rejected.labels(record.problem).inc()
        self._observe(record)
        quiet = record.route in QUIET_ROUTES and record.status < 400
        self._log.log(logging.DEBUG if quiet else logging.INFO, "request", **_fields(record))

    def tell_page(self, page: ImageRecord, problem: str | None = None) -> None:
        """Count one page of a chapter; `problem` is the code of what kept it as it was."""
        self._pages.labels(problem or "done").inc()
        self._observe(page)

    def failed(self, record: RequestRecord, exc: BaseException) -> None:
        """Log an error of our own with its stack; the client gets the request id only."""
        self._log.error("failed", request_id=record.request_id, exc_info=exc)

    def page(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _observe(self, image: ImageRecord) -> None:
        for stage, seconds in image.stages_s.items():
            self._stages.labels(stage).observe(seconds)
        if image.mask_share is not None and image.width is not None and image.height is not None:
            self._megapixels.observe(image.width * image.height / 1e6)
            self._mask_share.observe(image.mask_share)
        for method in image.methods:
            self._regions.labels(method).inc()

    def _counter(self, name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(f"text_eraser_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(f"text_eraser_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], labels: Iterable[str] = ()) -> Histogram:
        return Histogram(f"text_eraser_{name}", text, labels, registry=self.registry, buckets=buckets)


def _fields(record: RequestRecord) -> dict[str, Any]:
    shown = {
        "request_id": record.request_id,
        "trace_id": record.trace_id,
        "method": record.method,
        "route": record.route,
        "status": record.status,
        "problem": record.problem,
        "took_ms": round(record.took_s * 1000, 1),
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
        "width": record.width,
        "height": record.height,
        "mask_share": None if record.mask_share is None else round(record.mask_share, 4),
        "models": ", ".join(record.models) or None,
        "regions": len(record.methods) or None,
        "pages": record.pages,
        "pages_failed": record.pages_failed,
        **{f"{stage}_ms": round(seconds * 1000, 1) for stage, seconds in record.stages_s.items()},
    }
    return {name: value for name, value in shown.items() if value is not None}


def configure_logging(level: str = "info") -> None:
    """Write every log line, ours and the server's, as one JSON object on standard error."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=())],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(level.upper())
    # It logs every malformed form at warning level; we answer those with a problem instead.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
