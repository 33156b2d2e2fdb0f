"""The steps of the pipeline, each a function of one job. Which of them run, and in what order, the Eraser decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from service.deadline import Deadline
from service.detector import TextDetector
from service.fills.areas import redraw_areas
from service.fills.busy import redraw_busy
from service.fills.copies import fill_copies
from service.fills.flat import WHITE, fill_colour, ring_colour
from service.fills.gate import ring_of
from service.fills.gradient import fill_gradient
from service.fills.grain import add_grain
from service.fills.tone import fill_tone
from service.groups import Group, gather
from service.imaging import codec, masks
from service.imaging.arrays import Box, Image, Mask, Polygon
from service.imaging.codec import Encoded, Picture
from service.imaging.geometry import shrink_to
from service.inpainter import Inpainter
from service.lone_marks import find_lone_marks
from service.options import DetectOptions, Edit, Fill, MaskMode, OutputFormat
from service.plan import Entry, Plan, covers_of, make_plan, plan_group
from service.refine import refine
from service.rims import find_rimmed
from service.segmenter import TILE_PX, TextMaps, TextSegmenter
from service.selection import Wanted, choose, draw, mask_of, obey, restrict
from service.verify import LeftOver, find_left_overs, grow, places

GROUPING_BOX_THRESH = DetectOptions.model_fields["box_thresh"].default
"""Regions of the DB head that are surer than this gather the strokes that they hold."""


@dataclass
class Job:
    """One image on its way through the steps; each step reads what earlier ones wrote."""

    picture: Picture
    deadline: Deadline
    given: Mask | None = None
    maps: TextMaps | None = None
    mask: Mask | None = None
    plan: Plan | None = None
    insisted: Mask | None = None
    """What the caller's mask adds to what was found: it is erased whatever else is wanted of the texts."""
    barred: Mask | None = None
    """Where the caller allows nothing to be erased; None where everything may be."""
    found: Mask | None = None
    """The mask before the caller's choices; kept only where somebody will look again."""
    unknown: Mask | None = None
    result: Image | None = None
    image_file: Encoded | None = None
    mask_file: Encoded | None = None
    left_overs: list[LeftOver] | None = None
    """What is left of each entry of the plan; None where nobody looked."""

    @property
    def size_hw(self) -> tuple[int, int]:
        """Upright height and width, px."""
        return self.picture.image.shape[0], self.picture.image.shape[1]


def segment(job: Job, segmenter: TextSegmenter) -> None:
    """Look for text."""
    job.maps = segmenter.find(job.picture.image, job.deadline)


def refine_strokes(job: Job, threshold: float, dilate_px: int) -> None:
    """Make the mask of what was found, at image scale."""
    assert job.maps is not None
    strokes = job.maps.strokes(threshold)
    strokes |= find_lone_marks(job.picture.image, strokes, job.deadline.check)
    grow_px = round(dilate_px / job.maps.scale)

    def refined(strokes: Mask) -> Mask:
        at_image_scale = masks.resize(strokes, job.size_hw)
        return refine(job.picture.image, at_image_scale, dilate_px=grow_px, check=job.deadline.check)

    job.mask = refined(strokes)
    faint = job.maps.faint(threshold, strokes, masks.resize(job.mask, (strokes.shape[0], strokes.shape[1])))
    if faint.any():
        job.mask = refined(strokes | faint)
    rimmed = find_rimmed(job.picture.image, job.maps, job.mask, threshold=threshold, check=job.deadline.check)
    if rimmed.any():
        job.mask = np.maximum(job.mask, masks.dilate(rimmed, grow_px))


def combine_masks(job: Job, mode: MaskMode) -> None:
    """Put the given mask and the found one together."""
    found = job.mask if job.mask is not None else np.zeros(job.size_hw, np.uint8)
    if job.given is None:
        job.mask = found
    elif mode == "replace":
        job.mask = job.given
    elif mode == "union":
        job.mask = np.maximum(found, job.given)
        job.insisted = job.given
    else:
        job.mask = np.where(job.given > 0, np.uint8(0), found)
        job.barred = job.given


def remember_found(job: Job) -> None:
    """Keep the mask as it is before the caller's choices, so that a second look knows what was left on purpose."""
    job.found = job.mask


def restrict_areas(job: Job, include: Mask | None, exclude: Mask | None) -> None:
    """Keep to the areas that the caller allows."""
    assert job.mask is not None
    job.mask = restrict(job.mask, include, exclude)
    if include is not None or exclude is not None:
        allowed = restrict(np.full(job.size_hw, 255, np.uint8), include, exclude)
        job.barred = np.where(allowed == 0, np.uint8(255), _barred(job))


def plan_fills(job: Job, fill: Fill, wanted: Wanted, detector: TextDetector) -> None:
    """Gather the mask into texts, choose a fill for each, and leave out what is not wanted."""
    assert job.mask is not None
    groups = gather(job.mask, _blocks(job, detector))
    image, mask, check = job.picture.image, job.mask, job.deadline.check
    plan = make_plan(image, mask, groups, fill, check)
    method = None if fill == "auto" else fill

    def replan(group: Group) -> Entry:
        return plan_group(image, mask, group, method, check)

    job.plan = choose(plan, wanted, job.maps, job.insisted, replan)
    job.mask = mask_of(job.plan, job.size_hw)


def plan_edits(job: Job, edits: tuple[Edit, ...], detector: TextDetector) -> None:
    """Do what the caller's list of regions says, and nothing else."""
    assert job.mask is not None
    check = job.deadline.check
    drawn = draw([edit.shape for edit in edits if edit.method != "skip"], job.size_hw, check)
    drawn[draw([edit.shape for edit in edits if edit.method == "skip"], job.size_hw, check) > 0] = 0
    job.barred = np.where(drawn == 0, np.uint8(255), _barred(job))
    groups = gather(job.mask, _blocks(job, detector))
    job.plan = obey(job.picture.image, job.mask, groups, edits, job.deadline.check)
    job.mask = mask_of(job.plan, job.size_hw)


def fill_plain(job: Job) -> None:
    """Fill every hole whose method needs no network; what a texture could not reach is left to the network."""
    assert job.plan is not None
    assert job.mask is not None
    job.result = job.picture.image.copy()
    job.unknown = _fill(job.result, job.plan, job.mask, job.deadline.check)


def inpaint(job: Job, inpainter: Inpainter) -> None:
    """Let the network draw what is left, and patches what it cannot."""
    assert job.plan is not None
    assert job.result is not None
    assert job.unknown is not None
    _draw(job.result, job.unknown, job.plan, inpainter, job.deadline)


def composite(job: Job) -> None:
    """Take the upload's own pixels wherever nothing was to be erased."""
    assert job.mask is not None
    assert job.result is not None
    np.copyto(job.result, job.picture.image, where=(job.mask == 0)[:, :, None])


def encode_image(job: Job, format_: OutputFormat, quality: int | None) -> None:
    """Write the image file."""
    assert job.plan is not None
    assert job.mask is not None
    assert job.result is not None
    if format_ == "psd" or format_ == "ora":  # noqa: PLR1714  mypy narrows no other way
        covers = covers_of(job.plan)
        job.image_file = codec.encode_layers(
            job.picture, job.result, covers, mask=job.mask, format=format_, check=job.deadline.check
        )
        return
    job.image_file = codec.encode(job.picture, job.result, mask=job.mask, format=format_, quality=quality)


def encode_mask(job: Job) -> None:
    """Write the mask file."""
    assert job.mask is not None
    job.mask_file = codec.encode_mask(job.mask)


def verify(job: Job, segmenter: TextSegmenter, inpainter: Inpainter, *, threshold: float, dilate_px: int) -> None:
    """Look at the result; erase what is left of the texts in one second pass, and look at those again.

    A second pass that does not leave less is taken back.
    """
    assert job.plan is not None
    assert job.mask is not None
    assert job.found is not None
    assert job.result is not None
    off_limits = np.maximum(np.where(job.mask == 0, job.found, np.uint8(0)), _barred(job))
    if job.maps is None:  # a given mask is the caller's word: it is not grown
        off_limits |= masks.from_bool(job.mask == 0)
    before = None if job.maps is None else _strokes_at(job.maps, threshold, job.size_hw)
    scale = segmenter.scale_of(job.size_hw)

    def look(plan: Plan) -> list[LeftOver]:
        after = _look_at(job, segmenter, plan, threshold=threshold, scale=scale)
        return find_left_overs(plan, before, after, off_limits)

    job.left_overs = look(job.plan)
    growth = grow(
        job.picture.image,
        job.result,
        job.plan,
        job.left_overs,
        off_limits,
        dilate_px=round(dilate_px / scale),
        check=job.deadline.check,
    )
    if growth is None:
        return
    first = job.plan, job.mask, job.result
    job.plan, job.mask, job.result = growth.plan, mask_of(growth.plan, job.size_hw), job.result.copy()
    unknown = _fill(job.result, growth.again, job.mask, job.deadline.check)
    _draw(job.result, unknown, growth.again, inpainter, job.deadline)
    composite(job)
    again = look(growth.again)
    if sum(left.left_px for left in again) >= sum(job.left_overs[number].left_px for number in growth.numbers):
        job.plan, job.mask, job.result = first
        return
    for number, left_over in zip(growth.numbers, again, strict=True):
        job.left_overs[number] = left_over


def _look_at(job: Job, segmenter: TextSegmenter, plan: Plan, *, threshold: float, scale: float) -> Mask:
    """The `(H, W)` ink that the network sees on the result around the texts of `plan`; nothing elsewhere."""
    assert job.result is not None
    ink = np.zeros(job.size_hw, np.uint8)
    for x0, y0, x1, y1 in places(plan, job.size_hw, max_side_px=round(TILE_PX / scale)):
        maps = segmenter.find(job.result[y0:y1, x0:x1], job.deadline, scale=scale)
        ink[y0:y1, x0:x1] |= _strokes_at(maps, threshold, (y1 - y0, x1 - x0))
    return ink


def _strokes_at(maps: TextMaps, threshold: float, size_hw: tuple[int, int]) -> Mask:
    """The ink that `maps` show, at the scale of the image."""
    return masks.resize(maps.strokes(threshold), size_hw)


def _barred(job: Job) -> Mask:
    return np.zeros(job.size_hw, np.uint8) if job.barred is None else job.barred


def _blocks(job: Job, detector: TextDetector) -> list[Polygon]:
    return [] if job.maps is None else [region.polygon for region in detector.regions(job.maps, job.size_hw)]


def _fill_textures(image: Image, plan: Plan, mask: Mask, check: Callable[[], None]) -> Mask:
    """Continue the textures; returns the `(H, W)` mask of what is left to the network."""
    unknown = np.zeros_like(mask)
    for hole in plan.holes("inpaint", "tone"):
        check()
        x0, y0, x1, y1 = hole.box
        rest = hole.mask
        if hole.texture is not None:
            rest = fill_tone(image[y0:y1, x0:x1], hole.mask, mask[y0:y1, x0:x1], hole.texture)
        unknown[y0:y1, x0:x1] |= rest
    return unknown


def _fill(image: Image, plan: Plan, mask: Mask, check: Callable[[], None]) -> Mask:
    """Fill the holes of `plan` in `image` as far as no network is needed; returns what is left to the network.

    `mask` is the whole image's: nothing under it is background.
    """
    rng = np.random.default_rng(0)  # dither only; the same upload gives the same bytes
    for hole in plan.holes("flat", "gradient", "white", "copy"):
        check()
        x0, y0, x1, y1 = hole.box
        crop = image[y0:y1, x0:x1]
        if hole.copies is not None:
            fill_copies(crop, hole.copies)
        elif hole.method == "white":
            fill_colour(crop, hole.mask, WHITE)
        elif hole.background is None:
            fill_colour(crop, hole.mask, ring_colour(crop, ring_of(hole.mask, mask[y0:y1, x0:x1])))
        else:
            if hole.method == "flat":
                fill_colour(crop, hole.mask, hole.background.colour)
            else:
                fill_gradient(crop, hole.mask, hole.background, rng, check)
            add_grain(crop, hole.mask, mask[y0:y1, x0:x1], hole.background, rng, check=check)
    return _fill_textures(image, plan, mask, check)


def _draw(image: Image, unknown: Mask, plan: Plan, inpainter: Inpainter, deadline: Deadline) -> None:
    """Fill `unknown` `(H, W)` of `image` in place: by the network; in areas or texture where that shows."""
    left = unknown.copy()
    for hole in plan.holes("inpaint"):
        x0, y0, x1, y1 = hole.box
        window = np.s_[y0:y1, x0:x1]
        own = np.where(hole.mask > 0, left[window], np.uint8(0))
        if hole.beyond is None or not own.any():
            continue
        unseen = masks.from_bool(hole.beyond | (left[window] > 0))
        if unseen.all():
            continue
        _redraw(image[window], own, [shrink_to(own, 0)], inpainter, deadline, unseen=unseen)
        left[window][own > 0] = 0
    boxes = [entry.group.box for entry in plan.entries if {"inpaint", "tone"} & {hole.method for hole in entry.holes}]
    _redraw(image, left, boxes, inpainter, deadline)


def _redraw(
    image: Image, hole: Mask, boxes: list[Box], inpainter: Inpainter, deadline: Deadline, *, unseen: Mask | None = None
) -> None:
    inpainter.fill(image, hole, boxes, deadline, unseen=unseen)
    redraw_areas(image, hole, boxes, deadline.check, unseen=unseen)
    redraw_busy(image, hole, boxes, deadline.check, unseen=unseen)
