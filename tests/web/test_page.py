"""What a person does on the web page, done by a browser against a real server."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.layered import read_ora, read_psd
from tests.server.conftest import ServerProcess
from tests.web.conftest import DOT, MAX_BYTES, SIZE, comic

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., "Page"]
Upload = Callable[..., None]
Download = Callable[["Page", str], tuple[str, bytes]]
BLANK = (60, 580, 300, 620)
"""A place of the page where nothing is drawn."""


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    """The samples of an image file, as RGB, upright or not as they are stored."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def mask_of(data: bytes) -> npt.NDArray[np.bool_]:
    """Where a mask file erases."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("L")) > 127


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """The point of the window that shows a point of the picture."""
    box = page.locator("#sheet").bounding_box()
    assert box
    return box["x"] + box["width"] * x / SIZE[0], box["y"] + box["height"] * y / SIZE[1]


def choose_tool(page: Page, name: str) -> None:
    """As a click on its label does."""
    page.locator("#tools label", has_text=name).click()


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press, move in a few steps, let go."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()


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


def test_the_slider_is_moved_by_keys_and_by_hand(visit: Visit, upload: Upload) -> None:
    """It says in words where it stands."""
    page = visit()
    upload(page, page__png=comic())
    slider = page.get_by_role("slider", name="Before and after")

    slider.focus()
    for key, said in (
        ("ArrowRight", "51 % before, 49 % after"),
        ("Shift+ArrowLeft", "41 % before, 59 % after"),
        ("PageUp", "51 % before, 49 % after"),
        ("Home", "0 % before, 100 % after"),
        ("End", "100 % before, 0 % after"),
    ):
        page.keyboard.press(key)
        assert slider.get_attribute("aria-valuetext") == said

    drag(page, at(page, SIZE[0] - 1, 300), at(page, SIZE[0] / 4, 300))
    assert slider.get_attribute("aria-valuenow") == "25"


def test_a_kept_region_and_a_stroke_are_obeyed_to_the_pixel(visit: Visit, upload: Upload, download: Download) -> None:
    """Untick one region, paint over something else, apply: the first is the upload's again, the second is gone."""
    page = visit()
    answers: list[dict[str, str]] = []
    page.on("response", lambda response: answers.append(response.headers))
    upload(page, page__png=comic())
    _, first_mask = download(page, "Download mask")
    top = mask_of(first_mask).copy()
    top[260:] = False

    boxes = page.get_by_role("checkbox")
    count = boxes.count()
    assert count >= 2
    boxes.first.uncheck()
    choose_tool(page, "Brush")
    page.locator("#size").fill("60")
    y = (DOT[1] + DOT[3]) / 2
    drag(page, at(page, DOT[0] - 10, y), at(page, DOT[2] + 10, y))
    page.get_by_role("button", name="Apply changes").click()
    page.wait_for_selector("#pending", state="hidden")
    _, image = download(page, "Download image")
    _, mask = download(page, "Download mask")

    steps = [answer["server-timing"] for answer in answers if "server-timing" in answer]
    assert ["segment;" in step for step in steps] == [True, False], "text was looked for again"
    before, after, erased = pixels(comic()), pixels(image), mask_of(mask)
    assert not erased[:260].any()
    assert np.array_equal(before[~erased], after[~erased])
    x0, y0, x1, y1 = DOT
    assert erased[y0:y1, x0:x1].all()
    assert after[y0:y1, x0:x1].mean() > 180
    assert np.array_equal(mask_of(first_mask)[260:500], erased[260:500])
    assert page.get_by_role("checkbox").count() == count + 1
    assert page.get_by_role("checkbox", checked=False).count() == 1


def test_a_kept_region_can_be_erased_again(visit: Visit, upload: Upload, download: Download) -> None:
    """Kept, applied, ticked, applied: the mask is the one that came first."""
    page = visit()
    upload(page, page__png=comic())
    first = download(page, "Download mask")[1]
    box = page.get_by_role("checkbox").first

    box.uncheck()
    kept = download(page, "Download mask")[1]  # applies first
    page.get_by_role("checkbox", checked=False).check()
    again = download(page, "Download mask")[1]

    assert mask_of(kept).sum() < mask_of(first).sum()
    assert np.array_equal(mask_of(again), mask_of(first))


def test_a_click_on_the_picture_keeps_a_region(visit: Visit, upload: Upload) -> None:
    """Outline and checkbox are one switch; the outlines can be put away."""
    page = visit()
    upload(page, page__png=comic())
    boxes = page.get_by_role("checkbox")
    page.get_by_role("slider", name="Before and after").press("Home")

    page.locator("#outlines path").first.click()
    assert not boxes.first.is_checked()
    page.locator("#outlines path").first.click()
    assert boxes.first.is_checked()

    page.get_by_role("button", name="Regions").click()
    assert page.locator("#outlines path").first.evaluate("path => getComputedStyle(path).stroke") == "none"


def test_painting_is_undone_and_redone(visit: Visit, upload: Upload, download: Download) -> None:
    """By button and by keys; undone to the beginning, there is nothing to apply."""
    page = visit()
    upload(page, page__png=comic())
    choose_tool(page, "Box")
    drag(page, at(page, BLANK[0], BLANK[1]), at(page, BLANK[2], BLANK[3]))
    pending = page.locator("#pending")
    assert pending.is_visible()

    page.get_by_role("button", name="Undo").click()
    assert pending.is_hidden()
    page.keyboard.press("Control+Shift+Z")
    assert pending.is_visible()

    erased = mask_of(download(page, "Download mask")[1])
    x0, y0, x1, y1 = BLANK
    assert erased[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].all()
    choose_tool(page, "Unmask")
    drag(page, at(page, x0, (y0 + y1) / 2), at(page, x1, (y0 + y1) / 2))
    erased = mask_of(download(page, "Download mask")[1])
    assert not erased[(y0 + y1) // 2, x0:x1].any()


def test_the_mask_is_painted_without_a_pointer(visit: Visit, upload: Upload, download: Download) -> None:
    """B takes the brush, arrows move it, Space paints."""
    page = visit()
    upload(page, page__png=comic())

    page.locator("#viewport").press("b")
    page.get_by_role("application").focus()
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Space")

    assert "Painted at 175, 0" in page.locator("#live").inner_text()
    assert mask_of(download(page, "Download mask")[1])[0, 175]


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


def test_a_server_that_wants_a_token_is_given_one(visit: Visit, upload: Upload, tmp_path: Path) -> None:
    """The page is open; it asks for the word, and sends it."""
    guarded = ServerProcess(tmp_path / "log", tokens="a-secret")
    try:
        guarded.wait_until_ready()
        page = visit(guarded.url)
        page.get_by_label("This server asks for an access token").fill("a-secret")
        page.get_by_role("button", name="Continue").click()
        page.wait_for_selector("#accepts:not(:empty)")
        upload(page, page__png=comic())
        assert page.locator("#actions").is_visible()
    finally:
        guarded.process.kill()
        guarded.process.wait()
