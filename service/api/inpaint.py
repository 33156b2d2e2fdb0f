"""`POST /v1/inpaint`: fill what a mask marks; nothing is looked for."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api import jobs, uploads
from service.api.accept import BYTES, accept_of, choose
from service.api.answers import file_response
from service.api.erase import IMAGES
from service.api.problems import documented
from service.api.schemas import files, headers
from service.http.middleware import record_of
from service.imaging import codec
from service.options import InpaintOptions

router = APIRouter(tags=["images"])


@router.post(
    "/inpaint",
    operation_id="inpaint",
    summary="Fill the masked parts of an image",
    response_class=Response,
    responses={
        200: {"description": "The filled image.", "content": files(*IMAGES, BYTES), "headers": headers(fidelity=True)},
        **documented(*jobs.STATUSES),
    },
    openapi_extra={
        "requestBody": uploads.form_body(InpaintOptions, masks=uploads.INPAINT_MASKS),
        "parameters": jobs.PARAMETERS,
    },
)
async def inpaint(request: Request) -> Response:
    """Draw what the mask hides, from what is around it."""
    accept = accept_of(request)
    choose(accept, ["image/*", *IMAGES, BYTES])
    form = await uploads.read_form(request, InpaintOptions, masks=uploads.INPAINT_MASKS)
    options, mask = form.options, form.masks["mask"]
    jobs.check_model(request, options.inpainter, "inpainting")
    header = jobs.read_header(request, form.image, form.masks)
    codec.check_encodable(header, options.format)
    answer = choose(accept, [codec.media_type_of(header, options.format), BYTES])

    outcome = await jobs.run(
        request,
        header,
        lambda eraser, deadline: eraser.inpaint(form.image, mask, options, deadline),
        format_=options.format,
    )

    return file_response(outcome.image, outcome, record_of(request.scope), media_type=answer)
