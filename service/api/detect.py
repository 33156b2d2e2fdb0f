"""`POST /v1/detect`: where the text is, group by group."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api import jobs, uploads
from service.api.accept import accept_of, choose
from service.api.answers import regions_response
from service.api.problems import documented
from service.api.schemas import Regions, headers
from service.http.middleware import record_of
from service.options import DetectOptions

router = APIRouter(tags=["images"])


@router.post(
    "/detect",
    operation_id="detect",
    summary="Find the text of an image as regions",
    response_model=Regions,
    responses={
        200: {"description": "The regions in reading order.", "headers": headers(fidelity=False)},
        **documented(*jobs.STATUSES),
    },
    openapi_extra={"requestBody": uploads.form_body(DetectOptions), "parameters": jobs.PARAMETERS},
)
async def detect(request: Request) -> Response:
    """Say what `/v1/erase` would do to each text, and why: edited, the list goes back to it as `regions`.

    Texts are grouped by differentiable binarization (Liao et al. 2020).
    """
    choose(accept_of(request), ["application/json"])
    form = await uploads.read_form(request, DetectOptions)
    jobs.check_model(request, form.options.segmenter, "segmentation")
    header = jobs.read_header(request, form.image, form.masks)

    outcome = await jobs.run(
        request, header, lambda eraser, deadline: eraser.detect(form.image, form.options, deadline)
    )

    return regions_response(outcome, record_of(request.scope))
