"""What a person does on the web page, done by a browser against a real server."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.imaging.modes import heic
from tests.layered import read_ora, read_psd
from tests.server.conftest import ServerProcess
from tests.web.conftest import MAX_BYTES, SIZE, comic
from tests.web.hands import Download, Upload, Visit, mask_of, pixels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_text_goes_and_nothing_else_changes(visit: Visit, upload: Upload, download: Download) -> None:
    """The downloaded file differs from the upload inside the downloaded mask only; names say which is which."""
    page = visit()
    upload(page, page__png=comic())

    image_name, image = download(page, "Download image")
    mask_name, mask = download(page, "Download mask")

    assert (image_name, mask_name) == ("page.clean.png", "page.mask.png")
    before, after, erased = pixels(comic()), pixels(image), mask_of(mask)
    assert erased.shape == before.shape[:2]
    assert 0.01 < erased.mean() < 0.4
    assert np.array_equal(before[~erased], after[~erased])
    bubbles = erased[50:490, 60:400] & (before[50:490, 60:400].min(axis=2) < 60)
    assert after[50:490, 60:400][bubbles].mean() > 240


def test_what_the_server_would_refuse_is_not_sent(visit: Visit, upload: Upload) -> None:
    """Too many bytes, too many pixels, no image: said at once, in words, with the limit."""
    page = visit()
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    large = io.BytesIO()
    Image.new("RGB", (1500, 1000)).save(large, "PNG")

    upload(page, wait=False, heavy__png=comic() + bytes(MAX_BYTES), large__png=large.getvalue(), drawing__svg=b"<svg/>")

    notices = page.locator(".notice")
    notices.nth(2).wait_for()
    heavy, wide, drawing = notices.all_inner_texts()
    assert "heavy.png was not taken. The file has" in heavy
    assert "at most 391 KB are accepted" in heavy
    assert "The image has 1.5 megapixels; at most 1 megapixels are accepted" in wide
    assert "SVG is not read here" in drawing
    assert posts == []
    assert page.locator("#welcome").is_visible()


def test_a_refusal_is_shown_in_the_servers_words(visit: Visit, upload: Upload) -> None:
    """A cut file: title and detail of the problem, and the image can be put away."""
    page = visit()
    upload(page, wait=False, cut__png=comic()[:4000])

    page.get_by_role("heading", name="The image is damaged.").wait_for()
    assert page.locator("#problem-detail").inner_text()
    page.get_by_role("button", name="Remove image", exact=True).click()
    assert page.locator("#welcome").is_visible()


def test_a_busy_server_is_asked_again_when_it_said_so(visit: Visit, upload: Upload) -> None:
    """503: the button counts down `Retry-After`, then a click sends the image again."""
    page = visit()

    def refuse(route: Route) -> None:
        problem = {"title": "The service is busy.", "detail": "8 images wait.", "status": 503}
        route.fulfill(
            status=503,
            content_type="application/problem+json",
            headers={"Retry-After": "2"},
            body=json.dumps(problem),
        )

    page.route("**/v1/erase", refuse, times=1)
    upload(page, wait=False, page__png=comic())

    page.get_by_role("heading", name="The service is busy.").wait_for()
    retry = page.locator("#retry")
    assert retry.inner_text() in {"Try again in 2 s", "Try again in 1 s"}
    assert retry.is_disabled()
    page.get_by_role("button", name="Try again", exact=True).click()
    page.locator("#actions").wait_for()


def test_work_can_be_cancelled(visit: Visit, upload: Upload) -> None:
    """The request is dropped, and can be made again."""
    page = visit()
    page.route("**/v1/erase", lambda route: None, times=1)
    upload(page, wait=False, page__png=comic())

    with page.expect_event("requestfailed", lambda request: request.url.endswith("/v1/erase")):
        page.get_by_role("button", name="Cancel").click()

    page.get_by_role("heading", name="Cancelled.").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.locator("#actions").wait_for()


def test_an_image_is_pasted(visit: Visit, server: ServerProcess) -> None:
    """Ctrl V takes the picture on the clipboard."""
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page.evaluate(
        """async (bytes) => {
            const png = new Blob([new Uint8Array(bytes)], { type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
        }""",
        list(comic()),
    )

    page.keyboard.press("Control+V")

    page.locator("#actions").wait_for()
    assert page.locator("#page-name").inner_text().endswith(".png")


def test_an_image_is_dropped(visit: Visit) -> None:
    """A veil says where to let go; the page takes the file."""
    page = visit()
    held = page.evaluate_handle(
        """(bytes) => {
            const held = new DataTransfer();
            held.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
            return held;
        }""",
        list(comic()),
    )

    page.dispatch_event("body", "dragenter", {"dataTransfer": held})
    assert page.get_by_text("Drop to erase the text").is_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": held})

    page.locator("#actions").wait_for()
    assert page.locator("#page-name").inner_text() == "dropped.png"
    assert page.get_by_text("Drop to erase the text").is_hidden()


def test_several_images_go_home_in_one_file(visit: Visit, upload: Upload, download: Download) -> None:
    """Each under its own name; the list tells which is shown."""
    page = visit()
    upload(page, one__png=comic(), two__jpg=comic("JPEG", quality=95))

    page.get_by_role("button", name="two.jpg, done", exact=True).click()
    page.locator("#page-name", has_text="two.jpg").wait_for()
    assert page.locator(".thumb[aria-current]").count() == 1
    name, archive = download(page, "Download all")
    _, both = download(page, "Download both")

    assert name == "text-eraser.zip"
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert files.testzip() is None
        assert files.namelist() == ["one.clean.png", "two.clean.jpg"]
    with zipfile.ZipFile(io.BytesIO(both)) as files:
        assert files.namelist() == ["two.clean.jpg", "two.mask.png"]
        assert mask_of(files.read("two.mask.png")).any()


def test_what_was_changed_on_another_page_goes_home_changed(visit: Visit, upload: Upload, download: Download) -> None:
    """A region kept on one page, the other one shown: Download all applies it before it packs."""
    page = visit()
    upload(page, one__png=comic(), two__png=comic())
    page.get_by_role("button", name="one.png, done", exact=True).click()
    page.locator("#page-name", has_text="one.png").wait_for()
    page.get_by_role("checkbox").first.uncheck()
    page.get_by_role("button", name="two.png, done", exact=True).click()
    page.locator("#page-name", has_text="two.png").wait_for()

    _, archive = download(page, "Download all")

    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        one, two = (pixels(files.read(f"{stem}.clean.png"))[:260] for stem in ("one", "two"))
    assert np.array_equal(one, pixels(comic())[:260])
    assert not np.array_equal(two, one)


def test_an_image_is_put_away(visit: Visit, upload: Upload) -> None:
    """The other one is shown, then the welcome; the focus is never lost."""
    page = visit()
    upload(page, one__png=comic(), two__png=comic())

    page.locator("#discard").click()
    page.locator("#page-name", has_text="two.png").wait_for()
    assert page.evaluate("document.activeElement.id") == "add"
    page.get_by_role("button", name="Remove two.png", exact=True).last.click()
    assert page.locator("#welcome").is_visible()
    assert page.evaluate("document.activeElement.id") == "choose"


def test_a_format_that_browsers_cannot_show_comes_back_in_that_format(
    visit: Visit, upload: Upload, download: Download
) -> None:
    """TIFF: only the result is shown, and the page says so; the download is a TIFF, unharmed."""
    page = visit()
    upload(page, scan__tiff=comic("TIFF", compression="tiff_lzw"))

    assert "This browser cannot show TIFF files" in page.locator("#page-note").inner_text()
    assert page.get_by_role("slider", name="Before and after").is_hidden()
    assert page.locator("#after").is_visible()
    name, image = download(page, "Download image")
    erased = mask_of(download(page, "Download mask")[1])

    assert name == "scan.clean.tif"
    assert image[:2] in {b"II", b"MM"}
    assert np.array_equal(pixels(comic())[~erased], pixels(image)[~erased])


def test_a_turned_photo_is_shown_upright(visit: Visit, upload: Upload) -> None:
    """EXIF orientation 6: picture, outlines and mask are all as high as the upright page."""
    stored = Image.open(io.BytesIO(comic())).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    stored.save(buffer, "JPEG", quality=95, exif=exif)
    page = visit()

    upload(page, turned__jpg=buffer.getvalue())

    assert page.locator("#outlines").get_attribute("viewBox") == f"0 0 {SIZE[0]} {SIZE[1]}"
    sheet = page.locator("#sheet").bounding_box()
    assert sheet
    assert sheet["height"] / sheet["width"] == pytest.approx(SIZE[1] / SIZE[0], rel=0.01)
    bright = page.locator("#before").evaluate(
        """canvas => {
            const scale = canvas.width / 480;
            return canvas.getContext("2d").getImageData(380 * scale, 540 * scale, 1, 1).data[0];
        }"""
    )
    assert bright < 60  # the black square is where it was drawn


def test_options_shape_the_result(visit: Visit, upload: Upload, download: Download) -> None:
    """Another format is applied to the same mask; a wrong number is not sent."""
    page = visit()
    upload(page, page__png=comic())
    page.locator("#options summary").click()

    page.get_by_label("File format").select_option("webp")
    assert page.get_by_text("The options have changed.").is_visible()
    name, image = download(page, "Download image")
    assert name == "page.clean.webp"
    assert image[8:12] == b"WEBP"

    page.get_by_label("Quality").fill("400")
    page.get_by_role("button", name="Find the text again").click()
    assert page.locator("#busy").is_hidden()
    assert page.get_by_label("Quality").evaluate("field => field.validity.rangeOverflow")


@pytest.mark.parametrize(("kind", "magic"), [("psd", b"8BPS"), ("ora", b"PK")])
def test_layers_are_looked_at_flat_and_downloaded_whole(
    visit: Visit, upload: Upload, download: Download, kind: str, magic: bytes
) -> None:
    """No browser shows such a file: the result stays on the screen, and the download has the layers of its mask."""
    page = visit()
    upload(page, page__png=comic())
    page.locator("#options summary").click()

    page.get_by_label("File format").select_option(kind)
    name, file = download(page, "Download image")

    assert name == f"page.clean.{kind}"
    assert file.startswith(magic)
    layered = {"psd": read_psd, "ora": read_ora}[kind](file)
    assert layered.names[0] == "original"
    assert len(layered.names) == 2 + page.locator("#outlines path").count()
    assert page.locator("#actions").is_visible()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that wants a token."""
    server = ServerProcess(tmp_path / "log", tokens="a-secret")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def give_token(page: Page, word: str) -> None:
    """As one does who is asked for it."""
    page.get_by_label("This server asks for an access token").fill(word)
    page.get_by_role("button", name="Continue").click()


def test_a_server_that_wants_a_token_is_given_one(visit: Visit, upload: Upload, guarded: ServerProcess) -> None:
    """The page is open; it asks for the word, and sends it."""
    page = visit(guarded.url)

    give_token(page, "a-secret")

    page.wait_for_selector("#accepts:not(:empty)")
    upload(page, page__png=comic())
    assert page.locator("#actions").is_visible()


def test_a_wrong_token_is_told_and_costs_no_image(visit: Visit, upload: Upload, guarded: ServerProcess) -> None:
    """Nothing was said of it, and what was dropped before the right one was gone."""
    page = visit(guarded.url)
    upload(page, wait=False, page__png=comic())

    give_token(page, "a-guess")
    page.locator(".notice", has_text="The access token was not accepted.").wait_for()
    assert page.evaluate("document.activeElement.id") == "token-word"
    give_token(page, "a-secret")

    page.locator("#actions").wait_for()
    assert page.locator("#page-name").inner_text() == "page.png"
    assert page.locator(".notice").count() == 0


def test_heif_is_taken_where_heic_is_read(visit: Visit) -> None:
    """Browsers have two words for these files, the service has one: `.heif` was refused by the page."""
    page = visit()
    assert "image/heif" in str(page.locator("#files").get_attribute("accept")).split(",")

    page.set_input_files("#files", {"name": "photo.heif", "mimeType": "image/heif", "buffer": heic(8, 3)})

    page.locator("#actions").wait_for()
    assert page.locator(".notice").count() == 0
