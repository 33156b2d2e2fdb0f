"""The plan covers the mask exactly, and chooses by what surrounds each hole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import plan as plan_module
from service.fills.gate import look_at_ring
from service.fills.surface import surface_at
from service.groups import Group, gather
from service.imaging.arrays import Image, Mask
from service.options import Fill
from service.plan import Hole, Plan, make_plan, plan_group
from service.regions import Method
from service.strays import find_strays
from tests import pages

GROUNDS = {"blank": pages.blank, "gradient": pages.gradient, "tone": pages.tone, "noise": pages.noise}


def plan_of(image: Image, mask: Mask, fill: Fill = "auto") -> Plan:
    """The plan for a mask whose groups are those that lie near each other."""
    return make_plan(image, mask, gather(mask), fill)


def holes_of(plan: Plan) -> list[Hole]:
    """Every hole of the plan."""
    return plan.holes("flat", "gradient", "tone", "copy", "inpaint", "white", "skip")


def check_covers(plan: Plan, mask: Mask) -> None:
    """The holes are the mask, each pixel once; a hole's mask has the size of its box and lies in the image."""
    covered = np.zeros(mask.shape, np.int32)
    for hole in holes_of(plan):
        x0, y0, x1, y1 = hole.box
        assert 0 <= x0 < x1 <= mask.shape[1]
        assert 0 <= y0 < y1 <= mask.shape[0]
        assert hole.mask.shape == (y1 - y0, x1 - x0)
        assert hole.mask.any()
        assert hole.reason
        covered[y0:y1, x0:x1] += hole.mask > 0
    assert np.array_equal(covered, (mask > 0).astype(np.int32))


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 160), st.integers(1, 160)),
    st.integers(0, 10_000),
    st.sampled_from(sorted(GROUNDS)),
    st.sampled_from(["auto", "flat", "inpaint", "white"]),
)
def test_the_holes_are_the_mask_each_pixel_once(size_hw: tuple[int, int], seed: int, ground: str, fill: Fill) -> None:
    """Random rectangles and specks on every kind of ground, for every fill."""
    height, width = size_hw
    rng = np.random.default_rng(seed)
    image = GROUNDS[ground](height, width)
    mask = np.where(rng.random(size_hw) < 0.002, np.uint8(255), np.uint8(0))
    for _ in range(int(rng.integers(12))):
        y, x = int(rng.integers(height)), int(rng.integers(width))
        mask[y : y + int(rng.integers(1, 40)), x : x + int(rng.integers(1, 60))] = 255
    image[mask > 0] //= 3

    plan = plan_of(image, mask, fill)

    check_covers(plan, mask)
    if fill != "auto":
        assert {hole.method for hole in holes_of(plan)} <= {fill}


def block() -> Mask:
    """A mask with one block in the middle of 160 x 220 px."""
    mask = np.zeros((160, 220), np.uint8)
    mask[50:110, 60:160] = 255
    return mask


@pytest.mark.parametrize(
    ("ground", "method"),
    [("blank", "flat"), ("gradient", "gradient"), ("tone", "tone"), ("noise", "inpaint")],
)
def test_each_ground_has_its_fill(ground: str, method: str) -> None:
    """Paper is flat, a panel that darkens is a gradient, dots are tone, and art goes to the network."""
    image, mask = GROUNDS[ground](160, 220), block()
    image[mask > 0] = 0

    [hole] = holes_of(plan_of(image, mask))

    assert hole.method == method


def two_grounds() -> Image:
    """A dark gable before a light wall, with a speckle in both that no plain fill is for."""
    image = pages.noise(160, 220) // 16 + np.uint8(170)
    rows, columns = np.mgrid[:160, :220]
    image[rows > 40 + 0.6 * np.abs(columns - 110)] -= 110
    image[np.random.default_rng(2).random((160, 220)) < 0.02] -= 40
    return image


@pytest.mark.parametrize("asked", [None, "copy"])
def test_an_edge_goes_on_from_beside_the_text(asked: Method | None) -> None:
    """What is copied is a hole of its own, on its own or by the caller's wish; what is not believed is drawn."""
    image, mask = two_grounds(), np.zeros((160, 220), np.uint8)
    for x in (60, 80, 100, 120, 140):
        mask[60:100, x : x + 8] = 255
    image[mask > 0] = 0

    entry = plan_group(image, mask, Group.of(mask[60:100, 60:148], (60, 60)), asked)

    assert entry.main_hole.method == "copy"
    assert {hole.method for hole in entry.holes} <= {"copy", "inpaint"}
    assert sum(int(np.count_nonzero(hole.mask)) for hole in entry.holes) == np.count_nonzero(mask)
    assert entry.main_hole.reason == ("asked for: copy" if asked else "the surroundings go on in what stands near")


def test_a_copy_that_the_surroundings_do_not_allow_is_drawn() -> None:
    """Noise goes on nowhere, whatever the caller asks for."""
    image, mask = pages.noise(160, 220), block()

    entry = plan_group(image, mask, Group.of(mask[50:110, 60:160], (60, 50)), "copy")

    assert [hole.method for hole in entry.holes] == ["inpaint"]
    assert entry.main_hole.reason == "asked for: copy, which the surroundings do not allow"


def test_a_white_ring_is_exactly_white() -> None:
    """Not 254: the page's own paper."""
    image, mask = pages.blank(160, 220), block()
    image[mask > 0] = 0

    [hole] = holes_of(plan_of(image, mask))

    assert hole.background is not None
    assert hole.background.colour.tolist() == [255, 255, 255]


def test_a_mask_over_the_whole_image_is_one_hole() -> None:
    """Nothing is left to look at; the network does what it can."""
    mask = np.full((90, 70), 255, np.uint8)
    plan = plan_of(pages.blank(90, 70), mask)

    check_covers(plan, mask)
    assert [hole.method for hole in holes_of(plan)] == ["inpaint"]


def test_an_empty_mask_has_an_empty_plan() -> None:
    """No group, no hole."""
    plan = plan_of(pages.noise(20, 20), np.zeros((20, 20), np.uint8))

    assert plan.entries == ()
    assert holes_of(plan) == []


def test_a_text_half_on_paper_half_on_art_gets_both_fills() -> None:
    """Letters of one word that stand on white are filled flat, those on art by the network."""
    image = pages.blank(120, 260)
    image[:, 78:] = pages.noise(120, 182)
    mask = np.zeros((120, 260), np.uint8)
    for x in (20, 48, 84, 112, 140, 168):
        mask[45:75, x : x + 20] = 255
    image[mask > 0] = 0

    plan = plan_of(image, mask)

    check_covers(plan, mask)
    assert len(plan.entries) == 1
    flat, drawn = plan.holes("flat"), plan.holes("inpaint")
    assert flat
    assert drawn
    covered = np.zeros(mask.shape, np.bool_)
    for hole in flat:
        x0, y0, x1, y1 = hole.box
        covered[y0:y1, x0:x1] |= hole.mask > 0
    assert covered[50, 30]
    assert not covered[50, 78:].any()


def bubble_beside_art(outline_px: int) -> Image:
    """White paper on the left, coloured noise on the right, and an outline between them at x = 120."""
    image = pages.blank(160, 200)
    image[:, 120:] = pages.noise(160, 80) // 2 + np.array([0, 40, 90], np.uint8)
    image[:, 120 : 120 + outline_px] = 0
    return image


@pytest.mark.parametrize("left", [100, 134])
def test_what_strays_from_a_bubble_over_art_is_not_filled_white(left: int) -> None:
    """A sound effect that begins in the bubble, or stands right beside it, joins its text; its ground stays its own."""
    mask = np.zeros((160, 200), np.uint8)
    for y in range(12, 150, 24):
        mask[y : y + 18, 12:100] = 255
    mask[60:100, left:180] = 255

    plan = make_plan(bubble_beside_art(2), mask, [Group.of(mask)], "auto")

    check_covers(plan, mask)
    painted = np.zeros(mask.shape, np.bool_)
    for hole in plan.holes("flat", "gradient", "white"):
        x0, y0, x1, y1 = hole.box
        painted[y0:y1, x0:x1] |= hole.mask > 0
    assert painted[:, :100][mask[:, :100] > 0].all()
    assert painted[:, 132:][mask[:, 132:] > 0].mean() < 0.05


def test_a_narrow_line_over_art_is_not_filled_white_up_to_its_middle() -> None:
    """Credits of 14 px at the lower edge of a panel, joined to captions on the paper below."""
    image = pages.blank(200, 200)
    image[:80] = pages.noise(80, 200) // 2 + np.array([0, 40, 90], np.uint8)
    mask = np.zeros((200, 200), np.uint8)
    mask[60:74, 40:160] = 255
    for y in range(100, 190, 24):
        mask[y : y + 18, 12:188] = 255

    plan = make_plan(image, mask, [Group.of(mask)], "auto")

    check_covers(plan, mask)
    painted = np.zeros(mask.shape, np.bool_)
    for hole in plan.holes("flat", "gradient"):
        x0, y0, x1, y1 = hole.box
        painted[y0:y1, x0:x1] |= hole.mask > 0
    assert painted[100:][mask[100:] > 0].all()
    assert not painted[60:67].any()


def test_strays_are_not_looked_for_where_that_would_take_too_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text over a whole large page is filled as one: 20 bytes a pixel more are not counted for it."""
    mask = np.zeros((160, 200), np.uint8)
    mask[12:150, 12:100] = mask[60:100, 100:180] = 255
    background = look_at_ring(bubble_beside_art(2), mask, mask)
    assert background is not None
    assert find_strays(bubble_beside_art(2), mask, mask, background).any()

    monkeypatch.setattr("service.strays.STRAYS_PIXELS", mask.size - 1)

    assert not find_strays(bubble_beside_art(2), mask, mask, background).any()


@pytest.mark.parametrize("outline_px", [2, 4, 6])
def test_a_text_close_to_an_outline_is_filled_as_one(outline_px: int) -> None:
    """However thick the letters: an outline is no ground of its own."""
    mask = np.zeros((160, 200), np.uint8)
    for y in range(12, 150, 48):
        mask[y : y + 36, 12:118] = 255

    plan = make_plan(bubble_beside_art(outline_px), mask, [Group.of(mask)], "auto")

    assert [hole.method for hole in holes_of(plan)] == ["flat"]


def speed_line() -> Image:
    """White paper and one line across it."""
    return cv2.line(pages.blank(160, 220), (0, 60), (219, 105), (20, 20, 20), 3, cv2.LINE_AA)


def test_a_line_on_paper_goes_on_through_a_text() -> None:
    """The text stays flat, and what the line covers of it is a hole of its own."""
    image, mask = speed_line(), np.zeros((160, 220), np.uint8)
    for x in (60, 84, 108, 132):
        mask[60:110, x : x + 16] = 255
    image[mask > 0] = 0

    plan = plan_of(image, mask)

    check_covers(plan, mask)
    assert {hole.method for hole in holes_of(plan)} == {"flat", "copy"}
    assert {entry.main_hole.method for entry in plan.entries} == {"flat"}
    for hole in plan.holes("copy"):
        x0, y0, x1, y1 = hole.box
        assert hole.copies is not None
        assert np.abs(hole.copies.levels - speed_line()[y0:y1, x0:x1][hole.mask > 0].astype(int)).mean() < 20


@pytest.mark.parametrize("method", ["flat", "white"])
def test_no_line_goes_on_where_the_caller_wants_one_colour(method: Method) -> None:
    """Who asks for a colour gets that colour."""
    image, mask = speed_line(), np.zeros((160, 220), np.uint8)
    mask[60:110, 90:106] = 255
    image[mask > 0] = 0

    entry = plan_group(image, mask, Group.of(mask), method)

    assert [hole.method for hole in entry.holes] == [method]


def test_two_texts_do_not_look_at_each_other() -> None:
    """A word beside another is flat on white: the other's ink is not its background."""
    image, mask = pages.blank(120, 260), np.zeros((120, 260), np.uint8)
    mask[40:80, 40:100] = mask[40:80, 124:200] = 255
    image[mask > 0] = pages.noise(120, 260)[mask > 0]

    plan = plan_of(image, mask)

    assert len(plan.entries) == 2
    assert [hole.method for hole in holes_of(plan)] == ["flat", "flat"]


def test_a_piece_that_lies_all_in_other_holes_is_planned_too() -> None:
    """It touches nothing that it could be compared with; its pixels are in a hole all the same."""
    image = np.hstack([pages.blank(160, 160), pages.noise(160, 160)])
    part = np.zeros(image.shape[:2], np.uint8)
    part[60:80, 20:60] = part[66:74, 68:74] = part[60:80, 240:280] = 255
    mask = part.copy()
    mask[20:120, 61:125] = 255

    entry = plan_group(image, mask, Group.of(part), None)

    assert sum(np.count_nonzero(hole.mask) for hole in entry.holes) == np.count_nonzero(part)


def test_the_parts_of_a_large_text_keep_their_own_surroundings_only() -> None:
    """Forty words across a poster, half of them over art: their holes do not each take a sheet of its size."""
    image = pages.blank(1500, 1500)
    image[:, 750:] = pages.noise(1500, 750)
    mask = np.zeros((1500, 1500), np.uint8)
    for number in range(40):
        y, x = 60 + 34 * number, 60 + 34 * (number * 7 % 40)
        mask[y : y + 14, x : x + 40] = 255

    plan = Plan((plan_group(image, mask, Group.of(mask, (0, 0)), None),))

    check_covers(plan, mask)
    parts = plan.holes("flat")
    assert len(parts) > 15
    assert sum(hole.mask.size for hole in parts) < 0.4 * mask.size


def test_a_piece_that_shares_its_neighbours_ground_continues_its_slope() -> None:
    """Its surface is the neighbour's, in the pixels of its own box: the level at each place is the gradient's own."""
    clean = np.repeat(np.linspace(120, 250, 300).astype(np.uint8)[None, :, None], 200, axis=0).repeat(3, axis=2)
    image = pages.noise(200, 300)
    image[88:112, 40:80] = clean[88:112, 40:80]
    image[:, 80:195] = clean[:, 80:195]
    mask = np.zeros((200, 300), np.uint8)
    mask[90:110, 205:290] = 255
    mask[90:110, 60:76] = 255
    mask[90:110, 84:180] = 255

    entry = plan_group(image, mask, Group.of(mask, (0, 0)), None)

    holes = [hole for hole in entry.holes if hole.method == "gradient"]
    assert sorted(np.count_nonzero(hole.mask) for hole in holes) == [20 * 16, 20 * 96]
    for hole in holes:
        assert hole.background is not None
        rows, columns = np.nonzero(hole.mask)
        levels = surface_at(hole.background.surface, rows, columns)
        assert np.abs(levels - clean[rows + hole.box[1], columns + hole.box[0]]).max() < 3


def test_many_pieces_beside_plain_ground_are_looked_at_each_in_its_own_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small mask of many dots once cost the whole crop for each dot, long past every deadline; it can be stopped."""
    image = np.full((140, 800, 3), 255, np.uint8)
    image[40:] = pages.noise(100, 800)
    mask = np.zeros((140, 800), np.uint8)
    mask[20:24, 20:780] = 255
    mask[42:60:2, 20:780:2] = 255
    seen: list[int] = []
    ring_of = plan_module.ring_of

    def counted(hole: np.ndarray, forbidden: np.ndarray, *radius: int) -> np.ndarray:
        seen.append(hole.size)
        return ring_of(hole, forbidden, *radius)

    monkeypatch.setattr(plan_module, "ring_of", counted)
    checks = []
    plan_group(image, mask, Group.of(mask), None, lambda: checks.append(1))

    assert len(seen) > 1000
    assert sum(seen) < 20 * mask.size
    assert len(checks) > len(seen)


def test_a_hole_that_touches_a_border_does_not_see_the_gutter_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little of it lies on the border for that to part it; the gutter is hidden from the network all the same."""
    monkeypatch.setattr("service.plan.find_copies", lambda *_, **__: None)
    monkeypatch.setattr("service.plan.find_texture", lambda *_: None)
    image = pages.noise(360, 400) // 2 + np.uint8(60)
    image[296:300], image[300:312] = 0, 255
    mask = np.zeros((360, 400), np.uint8)
    mask[150:300, 100:300] = 255

    holes = [hole for entry in make_plan(image, mask, gather(mask), "auto").entries for hole in entry.holes]

    (drawn,) = (hole for hole in holes if hole.method == "inpaint")
    assert drawn.beyond is not None
    x0, y0, _, _ = drawn.box
    assert drawn.beyond[302 - y0 : 310 - y0, 110 - x0 : 290 - x0].all()
