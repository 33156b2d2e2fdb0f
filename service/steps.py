"""The steps of the pipeline, each a function of one job. Which of them run, and in what order, the Eraser decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from service.deadline import Deadline
from service.detector import TextDetector
from service.fills.flat import WHITE, fill_colour, ring_colour
from service.fills.gate import ring_of
from service.fills.gradient import fill_gradient
from service.fills.tone import fill_tone
from service.groups import gather
from service.imaging import codec, masks
from service.imaging.arrays import Image, Mask, Polygon
from service.imaging.codec import Encoded, Picture
from service.inpainter import Inpainter
from service.options import Edit, Fill, MaskMode, OutputFormat
from service.plan import Plan, make_plan
from service.refine import refine
from service.segmenter import TextMaps, TextSegmenter
from service.selection import Wanted, choose, mask_of, obey, restrict

GROUPING_BOX_THRESH = 0.4
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
    unknown: Mask | None = None
    result: Image | None = None
    image_file: Encoded | None = None
    mask_file: Encoded | None = None

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
    if job.maps.scale != 1.0:
        soft = cv2.resize(strokes, (job.size_hw[1], job.size_hw[0]), interpolation=cv2.INTER_LINEAR)
        strokes = masks.from_bool(np.asarray(soft) > 127)
        dilate_px = round(dilate_px / job.maps.scale)
    job.mask = refine(job.picture.image, strokes, dilate_px=dilate_px, check=job.deadline.check)


def combine_masks(job: Job, mode: MaskMode) -> None:
    """Put the given mask and the found one together."""
    found = job.mask if job.mask is not None else np.zeros(job.size_hw, np.uint8)
    if job.given is None:
        job.mask = found
    elif mode == "replace":
        job.mask = job.given
    elif mode == "union":
        job.mask = np.maximum(found, job.given)
    else:
        job.mask = np.where(job.given > 0, np.uint8(0), found)


def restrict_areas(job: Job, include: Mask | None, exclude: Mask | None) -> None:
    """Keep to the areas that the caller allows."""
    assert job.mask is not None
    job.mask = restrict(job.mask, include, exclude)


def plan_fills(job: Job, fill: Fill, wanted: Wanted, detector: TextDetector) -> None:
    """Gather the mask into texts, choose a fill for each, and leave out what is not wanted."""
    assert job.mask is not None
    groups = gather(job.mask, _blocks(job, detector))
    job.plan = choose(make_plan(job.picture.image, job.mask, groups, fill, job.deadline.check), wanted, job.maps)
    job.mask = mask_of(job.plan, job.size_hw)


def plan_edits(job: Job, edits: tuple[Edit, ...]) -> None:
    """Do what the caller's list of regions says, and nothing else."""
    assert job.mask is not None
    job.plan = obey(job.picture.image, job.mask, edits, job.deadline.check)
    job.mask = mask_of(job.plan, job.size_hw)


def fill_plain(job: Job) -> None:
    """Fill every hole whose method needs no network; what a texture could not reach is left to the network."""
    assert job.plan is not None
    assert job.mask is not None
    image = job.picture.image.copy()
    rng = np.random.default_rng(0)  # dither only; the same upload gives the same bytes
    for hole in job.plan.holes("flat", "gradient", "white"):
        x0, y0, x1, y1 = hole.box
        crop = image[y0:y1, x0:x1]
        if hole.method == "white":
            fill_colour(crop, hole.mask, WHITE)
        elif hole.background is None:
            fill_colour(crop, hole.mask, ring_colour(crop, ring_of(hole.mask, job.mask[y0:y1, x0:x1])))
        elif hole.method == "flat":
            fill_colour(crop, hole.mask, hole.background.colour)
        else:
            fill_gradient(crop, hole.mask, hole.background, rng)
    job.unknown = _fill_textures(image, job.plan, job.mask, job.deadline.check)
    job.result = image


def inpaint(job: Job, inpainter: Inpainter) -> None:
    """Let the network draw what is left."""
    assert job.plan is not None
    assert job.result is not None
    assert job.unknown is not None
    boxes = [entry.group.box for entry in job.plan.entries if {"inpaint", "tone"} & {h.method for h in entry.holes}]
    inpainter.fill(job.result, job.unknown, boxes, job.deadline)


def composite(job: Job) -> None:
    """Take the upload's own pixels wherever nothing was to be erased."""
    assert job.mask is not None
    assert job.result is not None
    job.result = np.where(job.mask[:, :, None] > 0, job.result, job.picture.image)


def encode_image(job: Job, format_: OutputFormat, quality: int | None) -> None:
    """Write the image file."""
    assert job.mask is not None
    assert job.result is not None
    job.image_file = codec.encode(job.picture, job.result, mask=job.mask, format=format_, quality=quality)


def encode_mask(job: Job) -> None:
    """Write the mask file."""
    assert job.mask is not None
    job.mask_file = codec.encode_mask(job.mask)


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
