"""What a form says about areas, kinds and regions is done, or refused with words."""

from __future__ import annotations

import io
import json
import struct

import httpx
import numpy as np
import pytest
from PIL import Image as PillowImage

from service.imaging.arrays import Image
from tests import pages
from tests.fakes import app_of, client_of, picture
from tests.test_promises import ERASER

pytestmark = pytest.mark.anyio


@pytest.fixture
def client() -> httpx.AsyncClient:
    """On an eraser that calls every dark pixel text."""
    return client_of(app_of(ERASER))


def page() -> Image:
    """Two words, one above the other, on white."""
    return pages.lettered(pages.blank(160, 240), ("ONE", 40, 60), ("TWO", 40, 120)).image


def changed(answer: httpx.Response, image: Image) -> tuple[bool, bool]:
    """Whether the upper and the lower word were erased."""
    assert answer.status_code == 200, answer.text
    result = np.asarray(PillowImage.open(io.BytesIO(answer.content)))
    return tuple(bool((result[rows] != image[rows]).any()) for rows in (np.s_[:80], np.s_[80:]))


UPPER = pages.png(np.repeat(np.uint8([[255], [0]]), 80, axis=0).repeat(240, axis=1))


@pytest.mark.parametrize(
    ("data", "files", "words"),
    [
        ({}, {}, (True, True)),
        ({"include": "[[0, 0, 240, 80]]"}, {}, (True, False)),
        ({"include": "[[[0, 0], [240, 0], [240, 79], [0, 79]]]"}, {}, (True, False)),
        ({}, {"include": UPPER}, (True, False)),
        ({}, {"include": b"[[0, 0, 240, 80]]"}, (True, False)),
        ({"exclude": "[[0, 0, 240, 80]]"}, {}, (False, True)),
        ({}, {"exclude": UPPER}, (False, True)),
        ({"exclude": "[[0, 80, 240, 160]]"}, {"include": UPPER}, (True, False)),
        ({"include": "[]"}, {}, (False, False)),
        ({"include": "[[0, 0, 240, 160]]"}, {"exclude": UPPER}, (False, True)),
        ({"regions": '[{"box": [0, 0, 240, 80]}]'}, {}, (True, False)),
        ({"regions": '[{"box": [0, 0, 240, 160]}, {"box": [30, 90, 110, 130], "method": "skip"}]'}, {}, (True, False)),
        ({"regions": "[]"}, {}, (False, False)),
        ({"max_height_px": "8"}, {}, (False, False)),
        ({"min_height_px": "60"}, {}, (False, False)),
        ({"sfx": "erase"}, {}, (True, True)),
        ({"mask_mode": "replace"}, {}, (True, True)),  # the default, as a client that names every default sends it
        ({"regions": '[{"box": [0, 0, 240, 160]}]'}, {"mask": UPPER}, (True, False)),
        ({"regions": '[{"box": [0, 0, 240, 160]}]', "mask_mode": "subtract"}, {"mask": UPPER}, (False, True)),
    ],
)
async def test_what_is_asked_for_is_erased(
    client: httpx.AsyncClient, data: dict[str, str], files: dict[str, bytes], words: tuple[bool, bool]
) -> None:
    """Areas as JSON and as mask files, lists of regions, sizes: one word, the other, both or none."""
    image = page()

    answer = await client.post("/v1/erase", files={"image": pages.png(image), **files}, data=data)

    assert changed(answer, image) == words


@pytest.mark.parametrize(
    ("data", "files", "said"),
    [
        ({"include": "everywhere"}, {}, "not JSON"),
        ({"exclude": "[[9, 9, 9, 20]]"}, {}, "is empty"),
        ({"include": json.dumps([[0, 0, 4, 4]] * 2001)}, {}, "2000"),
        ({"regions": "[{}]"}, {}, "polygon or a box"),
        ({"regions": "[]", "sfx": "keep"}, {}, "leave out sfx"),
        ({}, {"include": b"[here]"}, "not JSON"),
        ({}, {"exclude": b"[" + b" " * 300_000}, "at most 262144"),
        ({}, {"exclude": b'["\xe9"]'}, "not UTF-8"),
        ({"regions": "[]"}, {"include": b"[]"}, "leave out include"),
        ({"regions": "[]"}, {"include": UPPER}, "leave out include"),
        ({"regions": "[]"}, {"exclude": UPPER}, "leave out exclude"),
        ({"min_height_px": "-1"}, {}, "min_height_px"),
        ({"min_score": "2"}, {}, "min_score"),
        ({"sfx": "loud"}, {}, "sfx"),
        ({"mask_mode": "union"}, {}, "mask_mode is 'union', and no mask is given"),
        ({"mask_mode": "subtract", "regions": "[]"}, {}, "mask_mode is 'subtract', and no mask is given"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    client: httpx.AsyncClient, data: dict[str, str], files: dict[str, bytes], said: str
) -> None:
    """422 with the option, what was seen and what is allowed."""
    answer = await client.post("/v1/erase", files={"image": pages.png(page()), **files}, data=data)

    assert answer.status_code == 422
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("part", ["include", "exclude"])
async def test_an_area_of_another_size_is_refused(client: httpx.AsyncClient, part: str) -> None:
    """A mask file is as large as the upright image; the refusal says both sizes."""
    answer = await client.post("/v1/erase", files={"image": pages.png(page()), part: picture(32, 24)})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"The file `{part}` is 32 x 24; expected 240 x 160")


@pytest.mark.parametrize("part", ["include", "exclude"])
async def test_an_area_that_is_no_mask_is_refused_by_name(client: httpx.AsyncClient, part: str) -> None:
    """No picture, one that is too large by its header, one of several frames: as any upload, and with its name."""
    bomb = b"BM" + bytes(8) + struct.pack("<IIiiHHI", 54, 40, 200_000, 200_000, 1, 24, 0) + bytes(20)
    frames = [PillowImage.new("L", (240, 160), level) for level in (0, 255)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    for data, status in ((b"hello", 415), (bomb, 413), (buffer.getvalue(), 422)):
        answer = await client.post("/v1/erase", files={"image": pages.png(page()), part: data})

        assert (answer.status_code, answer.json()["detail"].startswith(f"`{part}`: ")) == (status, True)


async def test_detected_regions_sent_back_give_the_plain_answer(client: httpx.AsyncClient) -> None:
    """Through JSON and the form: the same bytes."""
    data = pages.png(pages.mixed_page().image)
    detected = (await client.post("/v1/detect", files={"image": data})).json()["regions"]

    plain = await client.post("/v1/erase", files={"image": data})
    back = await client.post("/v1/erase", files={"image": data}, data={"regions": json.dumps(detected)})

    assert len(detected) > 2
    assert {region["inside_bubble"] for region in detected} == {True, False}
    assert all(region["method"] and region["reason"] for region in detected)
    assert back.content == plain.content
