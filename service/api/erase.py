"""`POST /v1/erase`: an image goes in, the same image without its text comes out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api import jobs, uploads
from service.api.accept import BYTES, accept_of, choose
from service.api.answers import both_response, file_response, zip_response
from service.api.problems import documented
from service.api.schemas import Erased, files, headers
from service.errors import InvalidOption
from service.http.middleware import record_of
from service.imaging import codec
from service.options import EraseOptions

IMAGES = (*uploads.ACCEPTED_FILES.split(", "), *codec.LAYERED_TYPES)
BOTH = ("application/json", "application/zip")

router = APIRouter(tags=["images"])


@router.post(
    "/erase",
    operation_id="erase",
    summary="Erase the text of an image",
    response_model=Erased,
    responses={
        200: {
            "description": "`output=image` and `output=mask` answer with the file; `output=both` with JSON, or with a "
            "ZIP if `Accept` prefers `application/zip`.",
            "content": files(*IMAGES, BYTES, "application/zip"),
            "headers": headers(fidelity=True),
        },
        **documented(*jobs.STATUSES),
    },
    openapi_extra={
        "requestBody": uploads.form_body(EraseOptions, masks=uploads.ERASE_MASKS),
        "parameters": jobs.PARAMETERS,
    },
)
async def erase(request: Request) -> Response:
    """Find the text, or take the given `mask`, and fill it so that it looks as if it had never been there.

    Outside the mask not one pixel changes, as far as the file format can promise it (`X-Fidelity`).
    """
    accept = accept_of(request)
    choose(accept, ["image/*", *IMAGES, BYTES, *BOTH])  # nothing to read where nothing would be acceptable
    form = await uploads.read_form(request, EraseOptions, masks=uploads.ERASE_MASKS)
    options = form.options
    areas = sorted({"include", "exclude"} & set(form.masks))
    if options.regions is not None and areas:
        raise InvalidOption(f"regions says all that is erased; leave out {', '.join(areas)}.")
    options.check_mask(is_given="mask" in form.masks)
    jobs.check_model(request, options.segmenter, "segmentation")
    jobs.check_model(request, options.inpainter, "inpainting")
    header = jobs.read_header(request, form.image, form.masks)
    codec.check_encodable(header, options.format)
    image_type = codec.media_type_of(header, options.format)
    answer = choose(accept, {"image": [image_type, BYTES], "mask": ["image/png", BYTES], "both": BOTH}[options.output])

    outcome = await jobs.run(
        request,
        header,
        lambda eraser, deadline: eraser.erase(
            form.image,
            form.masks.get("mask"),
            options,
            deadline,
            include_data=form.masks.get("include"),
            exclude_data=form.masks.get("exclude"),
        ),
        format_=options.format,
    )

    record = record_of(request.scope)
    if answer == "application/json":
        return both_response(outcome, record)
    if answer == "application/zip":
        return zip_response(outcome, record)
    file = outcome.mask if options.output == "mask" else outcome.image
    return file_response(file, outcome, record, media_type=answer)
