"""`POST /v1/segment`: where the text is, pixel by pixel."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api import jobs, uploads
from service.api.accept import BYTES, accept_of, choose
from service.api.answers import file_response, regions_response
from service.api.problems import documented
from service.api.schemas import Regions, files, headers
from service.http.middleware import record_of
from service.options import SegmentOptions

ANSWERS = ("image/png", BYTES, "application/json")

router = APIRouter(tags=["images"])


@router.post(
    "/segment",
    operation_id="segment",
    summary="Find the text of an image as a mask",
    response_model=Regions,
    responses={
        200: {
            "description": "The mask, or its regions if `Accept` prefers `application/json`.",
            "content": files("image/png", BYTES),
            "headers": headers(fidelity=False),
        },
        **documented(*jobs.STATUSES),
    },
    openapi_extra={"requestBody": uploads.form_body(SegmentOptions), "parameters": jobs.PARAMETERS},
)
async def segment(request: Request) -> Response:
    """Answer with the mask that `/v1/erase` would erase: 8-bit gray PNG, 255 = text."""
    answer = choose(accept_of(request), ANSWERS)
    form = await uploads.read_form(request, SegmentOptions)
    jobs.check_model(request, form.options.segmenter, "segmentation")
    header = jobs.read_header(request, form.image, form.masks)

    outcome = await jobs.run(
        request, header, lambda eraser, deadline: eraser.segment(form.image, form.options, deadline)
    )

    record = record_of(request.scope)
    if answer == "application/json":
        return regions_response(outcome, record)
    return file_response(outcome.mask, outcome, record, media_type=answer)
