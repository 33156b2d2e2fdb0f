"""BMP: whatever order its masks put the channels in, each sample goes back to where it was read."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image as PillowImage

from service.imaging import codec
from tests.imaging.modes import FILL, HEIGHT, MAX_PIXELS, WIDTH, alpha, box_mask, erase_box, rgb

ORDERS = ("BGRA", "RGBA", "ABGR", "BGAR", "BGRX", "XBGR", "BGXR")
"""The orders of a pixel's bytes that Pillow reads."""
PROFILE = b"a profile, which stands behind the rows"


def bmp(order: str, *, top_down: bool = False) -> bytes:
    """A 32-bit BMP whose V4 header names a mask for each channel; X is a byte of noise that no mask names."""
    channels = dict(zip("RGBA", np.moveaxis(np.dstack([rgb(), alpha()]), 2, 0), strict=True))
    channels["X"] = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
    rows = np.dstack([channels[name] for name in order])
    masks = [0xFF << 8 * order.index(name) if name in order else 0 for name in "RGBA"]
    raster = (rows if top_down else rows[::-1]).tobytes()
    head = struct.pack("<IiiHHIIiiII", 108, WIDTH, -HEIGHT if top_down else HEIGHT, 1, 32, 3, len(raster), 0, 0, 0, 0)
    head += struct.pack("<4I", *masks) + b"BGRs" + bytes(48)
    start = 14 + len(head)
    size = start + len(raster) + len(PROFILE)
    return struct.pack("<2sIHHI", b"BM", size, 0, 0, start) + head + raster + PROFILE


def shown(data: bytes) -> np.ndarray:
    """The samples as Pillow reads them."""
    return np.asarray(PillowImage.open(io.BytesIO(data)))


@pytest.mark.parametrize("top_down", [False, True], ids=["bottom up", "top down"])
@pytest.mark.parametrize("order", ORDERS)
def test_in_any_order_of_channels_nothing_changes_outside_the_mask(order: str, *, top_down: bool) -> None:
    """All orders were written back as BGRA under the file's own masks: colours swapped all over, called `exact`."""
    data = bmp(order, top_down=top_down)
    outside = box_mask() == 0
    seen = alpha() > 0

    _, encoded = erase_box(data)

    before, after = shown(data), shown(encoded.data)
    assert encoded.fidelity == "exact"
    assert np.array_equal(before[..., :3], rgb())
    assert np.array_equal(before[outside], after[outside])
    assert (after[~outside & seen, :3] == FILL).all()
    assert np.array_equal(after[..., 3:], before[..., 3:])


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_no_colour_stays_byte_for_byte(order: str) -> None:
    """Header, masks, what stands behind the rows, and the bytes that no mask names."""
    data = bmp(order)
    start = 14 + 108

    _, encoded = erase_box(data)

    end = start + HEIGHT * WIDTH * 4
    assert (encoded.data[:start], encoded.data[end:]) == (data[:start], PROFILE)
    place = order.find("X")
    if place >= 0:
        assert encoded.data[start + place : end : 4] == data[start + place : end : 4]


def plain(start: int) -> bytes:
    """A 24-bit BMP with the plainest header, which says that its rows begin at byte `start`."""
    rows = np.pad(rgb()[::-1, :, ::-1].reshape(HEIGHT, -1), ((0, 0), (0, -3 * WIDTH % 4)))
    head = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 24, 0, 0, 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 0, 0, 0, start) + head + rows.tobytes()


@pytest.mark.parametrize(
    "data",
    [plain(0), plain(54)[: -(-3 * WIDTH % 4)]],
    ids=["does not say where its rows begin", "without the padding of its last row"],
)
def test_a_careless_file_is_written_where_it_was_read(data: bytes) -> None:
    """Pillow reads both; the first had its header overwritten."""
    _, encoded = erase_box(data)

    outside = box_mask() == 0
    assert encoded.fidelity == "exact"
    assert np.array_equal(shown(data), rgb())
    assert np.array_equal(shown(encoded.data)[outside], rgb()[outside])
    assert (codec.decode(encoded.data, max_pixels=MAX_PIXELS).image[~outside] == FILL).all()
