"""`/v1/erase` and its sisters: what goes in, what comes out. The pixels are a fake's; the promises are the API's."""

from __future__ import annotations

import base64
import io
import re
import zipfile

import httpx
import pytest

from service.options import EraseOptions, SegmentOptions
from tests.fakes import FakeEraser, app_of, client_of, mask_picture, picture

pytestmark = pytest.mark.anyio

STAGE = re.compile(r"(\w+);dur=(\d+\.\d)")


@pytest.fixture
def eraser() -> FakeEraser:
    return FakeEraser()


@pytest.fixture
def client(eraser: FakeEraser) -> httpx.AsyncClient:
    return client_of(app_of(eraser))


async def test_erase_answers_with_the_bytes_of_the_image(client: httpx.AsyncClient) -> None:
    """By default the answer is the image file, in the upload's own format."""
    upload = picture()

    response = await client.post("/v1/erase", files={"image": upload})

    assert response.status_code == 200
    assert response.content == upload
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-length"] == str(len(upload))


async def test_the_headers_tell_what_was_done(client: httpx.AsyncClient) -> None:
    """Regions, share, models, fidelity, and a duration for each step with the queue first."""
    response = await client.post("/v1/erase", files={"image": picture()})

    assert response.headers["x-regions"] == "1"
    assert response.headers["x-mask-share"] == "0.0457"
    assert response.headers["x-model"] == "text-segmentation@0.0.1, inpainting@0.0.1"
    assert response.headers["x-fidelity"] == "exact"
    assert response.headers["x-untouched-sha256"] == "5" * 64
    stages = dict(STAGE.findall(response.headers["server-timing"]))
    assert list(stages) == ["queue", "decode", "segment", "encode"]
    assert stages["segment"] == "2.0"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "Accept"


async def test_options_reach_the_eraser_as_given(client: httpx.AsyncClient, eraser: FakeEraser) -> None:
    """Every field of the form arrives; an empty one counts as not given."""
    fields = {"threshold": "0.5", "dilate_px": "0", "fill": "white", "quality": "", "mask_mode": "union"}

    response = await client.post("/v1/erase", files={"image": picture(), "mask": mask_picture()}, data=fields)

    assert response.status_code == 200
    assert eraser.calls == [
        ("erase", EraseOptions.parse({"threshold": "0.5", "dilate_px": "0", "fill": "white", "mask_mode": "union"}))
    ]


async def test_output_mask_answers_with_a_png(client: httpx.AsyncClient) -> None:
    """`output=mask` gives the mask alone."""
    mask = mask_picture()

    response = await client.post("/v1/erase", files={"image": picture(), "mask": mask}, data={"output": "mask"})

    assert response.content == mask
    assert response.headers["content-type"] == "image/png"


@pytest.mark.parametrize(("format_", "media_type"), [("psd", "image/vnd.adobe.photoshop"), ("ora", "image/openraster")])
@pytest.mark.parametrize("route", ["erase", "inpaint"])
async def test_layers_are_called_by_their_media_type(
    client: httpx.AsyncClient, route: str, format_: str, media_type: str
) -> None:
    """In the answer, and where `Accept` asks for it."""
    files = {"image": picture(), "mask": mask_picture()}
    fields = {"format": format_}

    answers = [
        await client.post(f"/v1/{route}", files=files, data=fields, headers={"Accept": accept})
        for accept in ("*/*", "image/*", media_type)
    ]

    assert [(answer.status_code, answer.headers["content-type"]) for answer in answers] == [(200, media_type)] * 3


@pytest.mark.parametrize("format_", ["psd", "ora"])
async def test_layers_stand_in_the_zip_by_their_own_ending(client: httpx.AsyncClient, format_: str) -> None:
    """With the mask beside them, as any image."""
    response = await client.post(
        "/v1/erase",
        files={"image": picture()},
        data={"format": format_, "output": "both"},
        headers={"Accept": "application/zip"},
    )

    assert zipfile.ZipFile(io.BytesIO(response.content)).namelist() == [f"image.{format_}", "mask.png", "regions.json"]


async def test_output_both_answers_with_json(client: httpx.AsyncClient) -> None:
    """Image and mask in base64, the image's media type and size, and the regions in their one schema."""
    upload, mask = picture(32, 24, "JPEG"), mask_picture()

    response = await client.post("/v1/erase", files={"image": upload, "mask": mask}, data={"output": "both"})

    answer = response.json()
    assert base64.b64decode(answer.pop("image")) == upload
    assert base64.b64decode(answer.pop("mask")) == mask
    assert answer == {
        "media_type": "image/jpeg",
        "width": 32,
        "height": 24,
        "regions": [
            {
                "id": 1,
                "box": [1, 2, 5, 6],
                "polygon": [[1, 2], [4, 2], [4, 5]],
                "score": 0.9123,
                "area": 9,
                "method": "flat",
                "reason": "one colour",
                "inside_bubble": None,
                "residual": None,
            }
        ],
    }
    assert response.headers["x-fidelity"] == "exact"


async def test_output_both_answers_with_a_zip_if_asked(client: httpx.AsyncClient) -> None:
    """`Accept: application/zip` turns the same answer into an archive of files."""
    upload, mask = picture(pillow_format="JPEG"), mask_picture()

    response = await client.post(
        "/v1/erase",
        files={"image": upload, "mask": mask},
        data={"output": "both"},
        headers={"Accept": "application/zip"},
    )

    assert response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.namelist() == ["image.jpg", "mask.png", "regions.json"]
        assert archive.read("image.jpg") == upload
        assert archive.read("mask.png") == mask


async def test_segment_answers_with_a_mask_or_with_regions(client: httpx.AsyncClient, eraser: FakeEraser) -> None:
    """PNG by default, JSON where `Accept` prefers it."""
    mask = await client.post("/v1/segment", files={"image": picture()}, data={"dilate_px": "5"})
    regions = await client.post("/v1/segment", files={"image": picture()}, headers={"Accept": "application/json"})

    assert (mask.headers["content-type"], mask.content) == ("image/png", b"mask")
    assert regions.json()["regions"][0]["id"] == 1
    assert eraser.calls[0] == ("segment", SegmentOptions.parse({"dilate_px": "5"}))
    assert "x-fidelity" not in mask.headers


async def test_detect_answers_with_regions(client: httpx.AsyncClient) -> None:
    """Size and regions, as JSON."""
    response = await client.post("/v1/detect", files={"image": picture(40, 30)}, data={"box_thresh": "0.7"})

    assert response.status_code == 200
    assert {name: response.json()[name] for name in ("width", "height")} == {"width": 40, "height": 30}
    assert len(response.json()["regions"]) == 1


async def test_inpaint_takes_image_and_mask(client: httpx.AsyncClient) -> None:
    """Both files reach the eraser; the answer is an image."""
    upload, mask = picture(), mask_picture()

    response = await client.post("/v1/inpaint", files={"image": upload, "mask": mask})

    assert response.content == upload + mask
    assert response.headers["x-fidelity"] == "reencoded"


@pytest.mark.parametrize("route", ["erase", "segment", "detect"])
async def test_every_route_answers_without_its_version_too(client: httpx.AsyncClient, route: str) -> None:
    """`/erase` is `/v1/erase`."""
    versioned = await client.post(f"/v1/{route}", files={"image": picture()})
    plain = await client.post(f"/{route}", files={"image": picture()})

    assert (plain.status_code, plain.content) == (200, versioned.content)


async def test_a_browsers_empty_mask_field_is_no_mask(client: httpx.AsyncClient) -> None:
    """A form sent with the file field left empty is a form without a mask."""
    response = await client.post("/v1/erase", files={"image": ("page.png", picture()), "mask": ("", b"")})

    assert response.status_code == 200


async def test_an_upload_is_never_written_to_disk(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root file system may be read-only: an upload of several MB opens no temporary file."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file was opened")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    upload = picture(1400, 1200)
    assert len(upload) > 4_000_000

    response = await client.post("/v1/erase", files={"image": upload})

    assert response.content == upload
