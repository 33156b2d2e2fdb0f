"""What this server is: models, limits, health, readiness, metrics. None of it waits behind images."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

import service
from service.api.jobs import backend_of
from service.api.problems import documented
from service.api.schemas import FormatsInfo, Health, Info, LimitsInfo, ModelInfo, Models
from service.errors import NotReady
from service.imaging import codec
from service.imaging.headers import readable_types
from service.options import DetectOptions, EraseOptions, InpaintOptions, SegmentOptions

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPEN: dict[str, Any] = {"security": []}
"""Asks for no token, whatever the settings."""

router = APIRouter(tags=["server"])
"""Answers under `/v1` and without it."""
root_router = APIRouter(tags=["health"])
"""Answers at the root only, where orchestrators look."""


@router.head("/models", include_in_schema=False)
@router.get("/models", operation_id="listModels", summary="Models that are loaded", responses=documented(401, 503))
async def models(request: Request) -> Models:
    """Names, versions, checksums, licences, tensors and thresholds, as the manifest has them."""
    backend = backend_of(request)
    if backend.store is None:
        raise NotReady(f"The service is {backend.state}.")
    return Models(models=[ModelInfo.model_validate(model.model_dump()) for model in backend.store.models])


@router.head("/info", include_in_schema=False)
@router.get("/info", operation_id="getInfo", summary="Limits, formats, defaults", responses=documented(401))
async def info(request: Request) -> Info:
    """What a client needs to know before it uploads."""
    backend = backend_of(request)
    limits = backend.limits
    return Info(
        version=service.__version__,
        limits=LimitsInfo(
            max_bytes=limits.max_bytes,
            max_batch_bytes=limits.max_batch_bytes,
            max_pixels=limits.max_pixels,
            deadline_s=limits.deadline_s,
            slots=backend.workers.slots,
            queue_size=backend.workers.queue_size,
        ),
        formats=FormatsInfo(
            input=readable_types(),
            output=codec.writable_formats(),
        ),
        defaults={
            "erase": EraseOptions.parse({}).model_dump(),
            "segment": SegmentOptions.parse({}).model_dump(),
            "detect": DetectOptions.parse({}).model_dump(),
            "inpaint": InpaintOptions.parse({}).model_dump(),
        },
    )


@root_router.head("/healthz", include_in_schema=False)
@root_router.get("/healthz", operation_id="getHealth", summary="Whether the process lives", openapi_extra=OPEN)
async def healthz() -> Health:
    """Answer as long as the event loop turns."""
    return Health(status="ok", version=service.__version__)


@root_router.head("/readyz", include_in_schema=False)
@root_router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Whether images are worked on",
    responses=documented(503),
    openapi_extra=OPEN,
)
async def readyz(request: Request) -> Health:
    """Answer 200 once every graph is verified and warm, and 503 before that and while the process stops."""
    backend = backend_of(request)
    if not backend.ready:
        raise NotReady(f"The service is {backend.state}.")
    return Health(status="ready", version=service.__version__)


@root_router.head("/metrics", include_in_schema=False)
@root_router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **documented(401)},
)
async def metrics(request: Request) -> Response:
    """The text format of Prometheus."""
    return Response(backend_of(request).telemetry.page(), media_type=METRICS_TYPE)
