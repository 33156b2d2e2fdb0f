"""Every way to refuse: status, code and the words that say what was seen and what is allowed (issue 2)."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from PIL import Image as PillowImage

from service.imaging import codec
from tests.fakes import FakeEraser, app_of, client_of, mask_picture, picture, saved

pytestmark = pytest.mark.anyio

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
BOUNDARY = {"Content-Type": "multipart/form-data; boundary=cut"}


def animated() -> bytes:
    frames = [PillowImage.new("P", (8, 8), colour) for colour in (0, 1, 2)]
    return saved(frames[0], "PNG", save_all=True, append_images=frames[1:])


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The response is this problem, whole; its members."""
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["type"]) == (status, f"urn:text-eraser:problem:{code}"), problem
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == response.headers["x-request-id"]
    assert response.headers["cache-control"] == "no-store"
    return problem


@pytest.fixture
def eraser() -> FakeEraser:
    return FakeEraser()


@pytest.fixture
async def client(eraser: FakeEraser) -> AsyncIterator[httpx.AsyncClient]:
    app = app_of(eraser, max_bytes=300_000, max_pixels=1_000_000)
    async with client_of(app) as client:
        yield client
    assert not eraser.calls, "what is refused is never worked on"


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        ({"image": b""}, 400, "empty-file"),
        ({"picture": picture()}, 422, "invalid-option"),
        ({"mask": mask_picture()}, 400, "missing-part"),
        ({"image": picture(), "mask": ("mask.png", b"")}, 400, "empty-file"),
        ({"image": saved(PillowImage.new("L", (1001, 1000)), "PNG")}, 413, "too-many-pixels"),
        ({"image": b"hello, this is text"}, 415, "not-an-image"),
        ({"image": b"%PDF-1.7 not here"}, 415, "unsupported-format"),
        ({"image": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}, 415, "unsupported-format"),
        ({"image": PNG_MAGIC + b"\0\0"}, 422, "corrupt-image"),
        ({"image": animated()}, 422, "animated-image"),
        ({"image": picture(), "mask": mask_picture(31, 24)}, 422, "mask-mismatch"),
        ({"image": picture(), "mask": b"hello, this is text"}, 415, "not-an-image"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_file_that_cannot_be_erased_is_refused(
    client: httpx.AsyncClient, files: dict[str, Any], status: int, code: str
) -> None:
    """Refused from its first bytes, before it waits for a slot."""
    assert_problem(await client.post("/v1/erase", files=files), status, code)


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"threshold": "2"}, "invalid-option", ["threshold", "2", "0.95"]),
        ({"threshold": "nan"}, "invalid-option", ["threshold", "nan"]),
        ({"dilate_px": "-1"}, "invalid-option", ["dilate_px", "-1", "0"]),
        ({"dilate_px": "3.5"}, "invalid-option", ["dilate_px", "3.5"]),
        ({"fill": "magic"}, "invalid-option", ["fill", "magic", "flat"]),
        ({"format": "gif"}, "invalid-option", ["format", "gif", "webp"]),
        ({"quality": "0"}, "invalid-option", ["quality", "0", "1"]),
        ({"output": "video"}, "invalid-option", ["output", "video", "both"]),
        ({"output": "mask", "format": "psd"}, "invalid-option", ["output", "mask", "psd", "both"]),
        ({"output": "mask", "format": "ora"}, "invalid-option", ["output", "mask", "ora", "both"]),
        ({"mask_mode": "xor"}, "invalid-option", ["mask_mode", "xor", "subtract"]),
        ({"treshold": "0.4"}, "invalid-option", ["treshold", "threshold", "dilate_px"]),
        ({"segmenter": "nobody"}, "unknown-model", ["nobody", "text-segmentation"]),
        ({"segmenter": "inpainting"}, "unknown-model", ["inpainting", "text-segmentation"]),
        ({"inpainter": "../../etc"}, "unknown-model", ["../../etc", "inpainting"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
async def test_an_option_out_of_range_is_refused_with_what_is_allowed(
    client: httpx.AsyncClient, fields: dict[str, str], code: str, words: list[str]
) -> None:
    """The detail names the option, the value seen and the values allowed."""
    problem = assert_problem(await client.post("/v1/erase", files={"image": picture()}, data=fields), 422, code)

    assert all(word in problem["detail"] for word in words), problem["detail"]


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        (
            {"output": "mask", "format": "psd"},
            "output is 'mask', which is a PNG; format 'psd' goes with 'image' or 'both'.",
        ),
        ({"regions": "[]", "sfx": "keep"}, "regions says all that is erased; leave out sfx."),
        (
            {"min_height_px": "20", "max_height_px": "10"},
            "min_height_px is 20, above max_height_px, which is 10; no letters are of both.",
        ),
        ({"threshold": "2"}, "threshold is '2': expected a number from 0.05 to 0.95."),
        ({"dilate_px": "3.5"}, "dilate_px is '3.5': expected a whole number from 0 to 64."),
        ({"verify": "maybe"}, "verify is 'maybe': expected true or false."),
        ({"fill": "magic"}, "fill is 'magic': expected auto, flat, inpaint or white."),
        (
            {"regions": "[7]"},
            "regions[0] is 7: expected an object with a polygon or a box, such as `/v1/detect` gives.",
        ),
        (
            {"regions": '[{"box": [1, 2, 5, 6], "method": "magic"}]'},
            (
                'regions[0].method is "magic": '
                "expected 'flat', 'gradient', 'tone', 'copy', 'inpaint', 'white' or 'skip'."
            ),
        ),
        (
            {"quality": "0", "sfx": "loud"},
            "quality is '0': expected a whole number from 1 to 100. sfx is 'loud': expected erase, keep or only.",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
async def test_a_refusal_reads_as_a_sentence(client: httpx.AsyncClient, fields: dict[str, str], detail: str) -> None:
    """What was seen and all that is allowed, in words of ours; what is wrong between options names no third."""
    response = await client.post("/v1/erase", files={"image": picture()}, data=fields)

    assert assert_problem(response, 422, "invalid-option")["detail"] == detail


async def test_webp_cannot_hold_a_long_strip(client: httpx.AsyncClient) -> None:
    """16,384 px is one too many for WebP; said before the work, with the limit."""
    strip = saved(PillowImage.new("L", (4, 16_384)), "PNG")

    problem = assert_problem(
        await client.post("/v1/erase", files={"image": strip}, data={"format": "webp"}), 422, "not-encodable"
    )

    assert problem["limit"] == 16_383


async def test_photoshop_cannot_hold_a_strip_of_twice_that_length(client: httpx.AsyncClient) -> None:
    """30,001 px are one too many for a PSD; said before the work, with the limit."""
    strip = saved(PillowImage.new("L", (4, 30_001)), "PNG")

    problem = assert_problem(
        await client.post("/v1/erase", files={"image": strip}, data={"format": "psd"}), 422, "not-encodable"
    )

    assert problem["limit"] == 30_000


@pytest.mark.parametrize("route", ["erase", "inpaint", "batch"])
async def test_a_format_whose_extra_is_missing_is_refused_by_its_name(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    """415 says what to install; a chapter is refused as a whole, and `/v1/info` does not offer it."""
    monkeypatch.setattr(codec, "find_spec", lambda name: None)
    files = {"archive": b"PK"} if route == "batch" else {"image": picture()}
    files |= {"mask": mask_picture()} if route == "inpaint" else {}

    response = await client.post(f"/v1/{route}", files=files, data={"format": "psd"})

    assert "extra `layers`" in assert_problem(response, 415, "unsupported-format")["detail"]
    assert "psd" not in (await client.get("/v1/info")).json()["formats"]["output"]


@pytest.mark.parametrize("content_type", ["application/json", "image/png", "application/x-www-form-urlencoded", ""])
async def test_another_content_type_is_refused_unread(client: httpx.AsyncClient, content_type: str) -> None:
    """Anything but multipart/form-data is 415, and not one byte of the body is read."""
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"x" * 1000

    response = await client.post("/v1/erase", content=body(), headers={"Content-Type": content_type})

    assert_problem(response, 415, "wrong-content-type")
    assert read == 0


async def test_a_packed_body_is_refused_by_the_name_of_its_packing(client: httpx.AsyncClient) -> None:
    """It was called a malformed form, which it is not; `identity` is no packing."""
    form = part("image", b"hello, this is text", "a.txt") + b"--cut--\r\n"

    packed = await client.post(
        "/v1/erase", content=gzip.compress(form), headers={**BOUNDARY, "Content-Encoding": "gzip"}
    )
    plain = await client.post("/v1/erase", content=form, headers={**BOUNDARY, "Content-Encoding": "identity"})

    assert "'gzip'" in assert_problem(packed, 415, "wrong-content-type")["detail"]
    assert_problem(plain, 415, "not-an-image")


@pytest.mark.parametrize("charset", ["undefined", "punycode", "idna", "utf-16-le", "nonsense"])
async def test_names_are_read_as_utf_8_whatever_charset_is_named(client: httpx.AsyncClient, charset: str) -> None:
    """Two of Python's codecs raise a bare UnicodeError, which became a 500."""
    headers = {"Content-Type": f"multipart/form-data; boundary=cut; charset={charset}"}

    response = await client.post("/v1/erase", content=part("größe") + b"--cut--\r\n", headers=headers)

    assert_problem(response, 400, "missing-part")


@pytest.mark.parametrize(
    ("route", "query"), [("erase", "format=png&output=mask"), ("detect", "threshold=0.5"), ("batch", "marks=keep")]
)
async def test_options_in_the_query_are_refused_not_ignored(client: httpx.AsyncClient, route: str, query: str) -> None:
    """`?format=png` gave the upload's own format without a word. What else stands there is not ours to judge."""
    files = {"image": b"hello, this is text"}

    asked = await client.post(f"/v1/{route}?trace=1&{query}", files=files)
    other = await client.post("/v1/erase?trace=1", files=files)

    detail = assert_problem(asked, 422, "invalid-option")["detail"]
    assert all(name.partition("=")[0] in detail for name in query.split("&"))
    assert_problem(other, 415, "not-an-image")


async def test_a_declared_length_over_the_limit_is_refused_unread(client: httpx.AsyncClient) -> None:
    """`Content-Length` is believed when it is too large."""

    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    problem = assert_problem(
        await client.post("/v1/erase", content=body(), headers={**BOUNDARY, "Content-Length": "300001"}),
        413,
        "too-many-bytes",
    )

    assert (problem["found_bytes"], problem["allowed_bytes"]) == (300_001, 300_000)


async def test_a_chunked_body_over_the_limit_is_refused_on_the_way(client: httpx.AsyncClient) -> None:
    """Without a length the bytes are counted as they come, and the reading stops at the limit."""
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--cut\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        for _ in range(100):
            sent += 10_000
            yield b"x" * 10_000

    assert_problem(await client.post("/v1/erase", content=body(), headers=BOUNDARY), 413, "too-many-bytes")
    assert sent <= 310_000


def part(name: str, content: bytes = b"x", filename: str | None = None) -> bytes:
    """One part of a form with the boundary `cut`."""
    tail = "" if filename is None else f'; filename="{filename}"'
    return f'--cut\r\nContent-Disposition: form-data; name="{name}"{tail}\r\n\r\n'.encode() + content + b"\r\n"


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"", BOUNDARY, "malformed-form"),
        (b"--cut--\r\n", BOUNDARY, "missing-part"),
        (b"not multipart at all", BOUNDARY, "malformed-form"),
        (part("image", picture(), "a.png") + b"--cut--\r\n", {"Content-Type": "multipart/form-data"}, "malformed-form"),
        (part("image", picture(), "a.png")[:-40], BOUNDARY, "malformed-form"),
        (part("image", b"x" * 5000) + b"--cut--\r\n", BOUNDARY, "missing-part"),
        (part("image", b"short") + b"--cut--\r\n", BOUNDARY, "missing-part"),
        (part("image", picture(), "a") + part("image", picture(), "b") + b"--cut--\r\n", BOUNDARY, "malformed-form"),
        (b"".join(part(f"f{n}") for n in range(1001)) + b"--cut--\r\n", BOUNDARY, "malformed-form"),
        (b"".join(part(f"f{n}", b"x", "a") for n in range(5)) + b"--cut--\r\n", BOUNDARY, "malformed-form"),
        (part("fill", b"x" * 280_000) + b"--cut--\r\n", BOUNDARY, "malformed-form"),
        (part("fill", b"flat") * 2 + b"--cut--\r\n", BOUNDARY, "malformed-form"),
        (b"--cut\r\nContent-Disposition: form-data\r\n\r\nx\r\n--cut--\r\n", BOUNDARY, "malformed-form"),
        (
            part("image", picture(), "a"),
            {"Content-Type": f"multipart/form-data; boundary={'x' * 9000}"},
            "malformed-form",
        ),
    ],
    ids=[
        "no body",
        "no parts",
        "no form",
        "no boundary",
        "cut off",
        "image as a large field",
        "image as a field",
        "two images",
        "1001 parts",
        "five files",
        "huge field",
        "field twice",
        "nameless part",
        "long boundary",
    ],
)
async def test_a_malformed_form_is_refused(
    client: httpx.AsyncClient, body: bytes, headers: dict[str, str], code: str
) -> None:
    """400 with a reason, whatever is wrong with the form."""
    assert_problem(await client.post("/v1/erase", content=body, headers=headers), 400, code)


@pytest.mark.parametrize("route", ["erase", "inpaint"])
async def test_a_mask_that_came_as_text_is_not_overlooked(client: httpx.AsyncClient, route: str) -> None:
    """Curl's forgotten `@`, `-F mask=mask.png`: the whole page was erased, with 200."""
    response = await client.post(f"/v1/{route}", files={"image": picture()}, data={"mask": "mask.png"})

    problem = assert_problem(response, 400, "missing-part")
    assert (problem["part"], "text field" in problem["detail"]) == ("mask", True)


async def test_inpaint_needs_a_mask(client: httpx.AsyncClient) -> None:
    """There is nothing to fill without it."""
    problem = assert_problem(await client.post("/v1/inpaint", files={"image": picture()}), 400, "missing-part")

    assert problem["part"] == "mask"


async def test_detect_and_segment_take_no_mask(client: httpx.AsyncClient) -> None:
    """A file that would be ignored is refused instead."""
    files = {"image": picture(), "mask": mask_picture()}

    assert_problem(await client.post("/v1/detect", files=files), 422, "invalid-option")
    assert_problem(await client.post("/v1/segment", files=files), 422, "invalid-option")


@pytest.mark.parametrize(
    ("route", "accept", "fields"),
    [
        ("erase", "text/html", {}),
        ("erase", "image/png;q=0", {}),
        ("erase", "image/jpeg", {}),
        ("erase", "image/png", {"format": "webp"}),
        ("erase", "image/png", {"format": "psd"}),
        ("erase", "image/vnd.adobe.photoshop", {}),
        ("erase", "image/*", {"output": "both"}),
        ("erase", "application/json", {"output": "mask"}),
        ("segment", "image/jpeg", {}),
        ("detect", "image/png", {}),
    ],
)
async def test_what_the_client_does_not_accept_is_refused_before_the_work(
    client: httpx.AsyncClient, route: str, accept: str, fields: dict[str, str]
) -> None:
    """406 names what is available; nothing has been computed by then."""
    response = await client.post(f"/v1/{route}", files={"image": picture()}, data=fields, headers={"Accept": accept})

    assert assert_problem(response, 406, "not-acceptable")["available"]


@pytest.mark.parametrize("accept", ["image/*", "*/*", "image/png", "text/html, image/*;q=0.1", ""])
async def test_wildcards_and_weights_are_understood(accept: str) -> None:
    """Any range that covers the answer lets it through."""
    client = client_of(app_of())

    response = await client.post("/v1/erase", files={"image": picture()}, headers={"Accept": accept})

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("route", "files"),
    [("erase", {}), ("erase", {"output": "mask"}), ("segment", {}), ("inpaint", {})],
)
async def test_who_asks_for_bytes_gets_the_file_as_bytes(route: str, files: dict[str, str]) -> None:
    """The same file under a name that every client knows."""
    client = client_of(app_of())
    upload = {"image": picture(), **({"mask": mask_picture()} if route == "inpaint" else {})}

    plain = await client.post(f"/v1/{route}", files=upload, data=files)
    response = await client.post(
        f"/v1/{route}", files=upload, data=files, headers={"Accept": "application/octet-stream"}
    )

    assert (plain.headers["content-type"], response.headers["content-type"]) == (
        "image/png",
        "application/octet-stream",
    )
    assert response.content == plain.content


async def test_accept_may_come_in_several_lines() -> None:
    """They are one list (RFC 9110, 5.3); only the first was read."""
    headers = [("Accept", "text/html"), ("Accept", "application/json;q=0.1")]

    response = await client_of(app_of()).post("/v1/segment", files={"image": picture()}, headers=headers)

    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")


async def test_an_unknown_route_is_a_problem(client: httpx.AsyncClient) -> None:
    """404 as problem+json too."""
    assert_problem(await client.get("/v1/nothing"), 404, "not-found")


async def test_a_wrong_method_is_a_problem_that_names_the_right_one(client: httpx.AsyncClient) -> None:
    """405 with `Allow`."""
    response = await client.get("/v1/erase")

    assert_problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("value", ["soon", "-1", "0", "1e3", "inf", "1,5"])
async def test_a_timeout_that_is_no_decimal_number_is_refused(client: httpx.AsyncClient, value: str) -> None:
    """`X-Request-Timeout` is decimal seconds above 0."""
    response = await client.post("/v1/erase", files={"image": picture()}, headers={"X-Request-Timeout": value})

    assert "X-Request-Timeout" in assert_problem(response, 422, "invalid-option")["detail"]


async def test_an_error_of_ours_tells_the_request_id_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """500 is a problem without a stack; the stack is in the log under the same id."""

    def fail() -> None:
        raise ZeroDivisionError("a secret of the pipeline")

    client = client_of(app_of(FakeEraser(failure=fail)))

    response = await client.post("/v1/erase", files={"image": picture()})

    assert_problem(response, 500, "internal-error")
    assert "secret" not in response.text
    assert "ZeroDivisionError" not in response.text
