"""Decode, segment, refine, fill, inpaint, composite, encode: the pipeline as a list of named steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import cv2
import numpy as np

from service.deadline import Deadline
from service.detector import TextDetector
from service.errors import UnknownModel
from service.fills.flat import WHITE, fill_colour, ring_colour
from service.fills.gate import ring_of
from service.fills.gradient import fill_gradient
from service.fills.tone import fill_tone
from service.imaging import codec, masks
from service.imaging.arrays import Box, Image, Mask
from service.imaging.codec import Encoded, Picture
from service.imaging.geometry import hull, reading_order
from service.inpainter import Inpainter
from service.options import DetectOptions, EraseOptions, Fill, InpaintOptions, MaskMode, OutputFormat, SegmentOptions
from service.plan import Plan, make_plan
from service.refine import refine
from service.regions import Method, Region
from service.segmenter import TextMaps, TextSegmenter

FALLBACK_RING_PX = 9
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Outcome:
    """What came out of one run."""

    width: int
    """Upright width, px."""
    height: int
    """Upright height, px."""
    image: Encoded | None
    """The cleaned image file; None where it was not asked for."""
    mask: Encoded | None
    """The final mask as an 8-bit gray PNG, upright; None where it was not asked for."""
    regions: tuple[Region, ...]
    """Groups of the final mask (of the detected regions, for `detect`)."""
    mask_share: float
    """Share of the upright image that the final mask covers, 0 to 1."""
    models: tuple[str, ...]
    """`name@version` of each model that the options name, in order of use."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds by step, in order: decode, segment, refine, plan, fill, inpaint, encode (those that ran)."""


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
    regions: tuple[Region, ...] = ()

    @property
    def size_hw(self) -> tuple[int, int]:
        """Upright height and width, px."""
        return self.picture.image.shape[0], self.picture.image.shape[1]


Step = tuple[str, Callable[[Job], None]]
"""Name of the step, as `Server-Timing` says it, and its work."""


class Eraser:
    """The pipeline. One instance serves all threads; it keeps no state between runs."""

    def __init__(
        self, segmenters: Mapping[str, TextSegmenter], inpainters: Mapping[str, Inpainter], *, max_pixels: int
    ) -> None:
        self._segmenters = segmenters
        self._inpainters = inpainters
        self._max_pixels = max_pixels

    def erase(self, data: bytes, mask_data: bytes | None, options: EraseOptions, deadline: Deadline) -> Outcome:
        """Remove text from the image file `data`; `mask_data` is a mask file of the same upright size."""
        segmenter = self._segmenter(options.segmenter)
        inpainter = self._inpainter(options.inpainter)
        looks = mask_data is None or options.mask_mode != "replace"
        models = [segmenter.model.label] if looks else []
        steps: list[Step] = []
        if looks:
            threshold = options.threshold or segmenter.model.thresholds["text"]
            steps += [
                ("segment", lambda job: _segment(job, segmenter)),
                ("refine", lambda job: _refine(job, threshold, options.dilate_px)),
            ]
        steps += [
            ("refine", lambda job: _combine(job, options.mask_mode)),
            ("plan", lambda job: _plan(job, options.fill)),
        ]
        if options.output != "mask":
            models.append(inpainter.model.label)
            steps += _fill_steps(inpainter, options.format, options.quality)
        if options.output != "image":
            steps.append(("encode", _encode_mask))
        return self._run(data, mask_data, steps, models, deadline, format_=options.format)

    def segment(self, data: bytes, options: SegmentOptions, deadline: Deadline) -> Outcome:
        """Find text: the mask and its regions."""
        segmenter = self._segmenter(options.segmenter)
        threshold = options.threshold or segmenter.model.thresholds["text"]
        steps: list[Step] = [
            ("segment", lambda job: _segment(job, segmenter)),
            ("refine", lambda job: _refine(job, threshold, options.dilate_px)),
            ("plan", lambda job: _plan(job, "auto")),
            ("encode", _encode_mask),
        ]
        return self._run(data, None, steps, [segmenter.model.label], deadline)

    def detect(self, data: bytes, options: DetectOptions, deadline: Deadline) -> Outcome:
        """Find text regions only."""
        segmenter = self._segmenter(options.segmenter)
        detector = TextDetector(
            bin_thresh=options.bin_thresh, box_thresh=options.box_thresh, unclip_ratio=options.unclip_ratio
        )
        steps: list[Step] = [
            ("segment", lambda job: _segment(job, segmenter)),
            ("detect", lambda job: _detect(job, detector)),
        ]
        return self._run(data, None, steps, [segmenter.model.label], deadline)

    def inpaint(self, data: bytes, mask_data: bytes, options: InpaintOptions, deadline: Deadline) -> Outcome:
        """Fill the given mask; nothing is looked for."""
        inpainter = self._inpainter(options.inpainter)
        steps: list[Step] = [
            ("plan", lambda job: _combine(job, "replace")),
            ("plan", lambda job: _plan(job, options.fill)),
            *_fill_steps(inpainter, options.format, options.quality),
        ]
        return self._run(data, mask_data, steps, [inpainter.model.label], deadline, format_=options.format)

    def _run(
        self,
        data: bytes,
        mask_data: bytes | None,
        steps: Sequence[Step],
        models: Sequence[str],
        deadline: Deadline,
        *,
        format_: OutputFormat = "png",
    ) -> Outcome:
        timings: dict[str, float] = {}
        with _timed(timings, "decode"):
            header = codec.read_header(data, max_pixels=self._max_pixels)
            codec.check_encodable(header, format_)
            picture = codec.decode(data, max_pixels=self._max_pixels)
            job = Job(picture, deadline)
            if mask_data is not None:
                job.given = codec.decode_mask(mask_data, size_hw=job.size_hw, max_pixels=self._max_pixels)
        for name, work in steps:
            deadline.check()
            with _timed(timings, name):
                work(job)
        return Outcome(
            width=job.size_hw[1],
            height=job.size_hw[0],
            image=job.image_file,
            mask=job.mask_file,
            regions=job.regions,
            mask_share=0.0 if job.mask is None else masks.share(job.mask),
            models=tuple(models),
            timings=timings,
        )

    def _segmenter(self, name: str) -> TextSegmenter:
        return _find(self._segmenters, name, "segmentation")

    def _inpainter(self, name: str) -> Inpainter:
        return _find(self._inpainters, name, "inpainting")


def _fill_steps(inpainter: Inpainter, format_: OutputFormat, quality: int | None) -> list[Step]:
    return [
        ("fill", _fill_plain),
        ("inpaint", lambda job: _inpaint(job, inpainter)),
        ("composite", _composite),
        ("encode", lambda job: _encode_image(job, format_, quality)),
    ]


def _segment(job: Job, segmenter: TextSegmenter) -> None:
    job.maps = segmenter.find(job.picture.image, job.deadline)


def _refine(job: Job, threshold: float, dilate_px: int) -> None:
    assert job.maps is not None
    strokes = job.maps.strokes(threshold)
    if job.maps.scale != 1.0:
        soft = cv2.resize(strokes, (job.size_hw[1], job.size_hw[0]), interpolation=cv2.INTER_LINEAR)
        strokes = masks.from_bool(np.asarray(soft) > 127)
        dilate_px = round(dilate_px / job.maps.scale)
    job.mask = refine(job.picture.image, strokes, dilate_px=dilate_px)


def _combine(job: Job, mode: MaskMode) -> None:
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


def _plan(job: Job, fill: Fill) -> None:
    assert job.mask is not None
    job.plan = make_plan(job.picture.image, job.mask, fill)
    job.regions = _regions(job.plan, job.maps)


def _detect(job: Job, detector: TextDetector) -> None:
    assert job.maps is not None
    job.regions = tuple(detector.regions(job.maps, job.size_hw))


def _fill_plain(job: Job) -> None:
    """Fill every hole whose method needs no network."""
    assert job.plan is not None
    assert job.mask is not None
    image = job.picture.image.copy()
    rng = np.random.default_rng(0)  # dither only; the same upload gives the same bytes
    for hole in job.plan.by_method("flat", "gradient", "white"):
        x0, y0, x1, y1 = hole.box
        crop = image[y0:y1, x0:x1]
        if hole.method == "white":
            fill_colour(crop, hole.mask, WHITE)
        elif hole.background is None:
            ring = ring_of(hole.mask, job.mask[y0:y1, x0:x1], FALLBACK_RING_PX)
            fill_colour(crop, hole.mask, ring_colour(crop, ring))
        elif hole.method == "flat":
            fill_colour(crop, hole.mask, hole.background.colour)
        else:
            fill_gradient(crop, hole.mask, hole.background, rng)
    job.unknown = _fill_textures(image, job.plan, job.mask)
    job.result = image


def _fill_textures(image: Image, plan: Plan, mask: Mask) -> Mask:
    """Continue the textures; returns the `(H, W)` mask of what is left to the network."""
    unknown = np.zeros_like(mask)
    for hole in plan.by_method("inpaint", "tone"):
        x0, y0, x1, y1 = hole.box
        rest = hole.mask
        if hole.texture is not None:
            rest = fill_tone(image[y0:y1, x0:x1], hole.mask, mask[y0:y1, x0:x1], hole.texture)
        unknown[y0:y1, x0:x1] |= rest
    return unknown


def _inpaint(job: Job, inpainter: Inpainter) -> None:
    assert job.plan is not None
    assert job.result is not None
    assert job.unknown is not None
    groups = sorted({hole.group for hole in job.plan.by_method("inpaint", "tone")})
    boxes = [job.plan.boxes[group - 1] for group in groups]
    inpainter.fill(job.result, job.unknown, boxes, job.deadline)


def _composite(job: Job) -> None:
    """Take the upload's own pixels wherever nothing was to be erased."""
    assert job.mask is not None
    assert job.result is not None
    job.result = np.where(job.mask[:, :, None] > 0, job.result, job.picture.image)


def _encode_image(job: Job, format_: OutputFormat, quality: int | None) -> None:
    assert job.mask is not None
    assert job.result is not None
    job.image_file = codec.encode(job.picture, job.result, mask=job.mask, format=format_, quality=quality)


def _encode_mask(job: Job) -> None:
    assert job.mask is not None
    job.mask_file = codec.encode_mask(job.mask)


def _regions(plan: Plan, maps: TextMaps | None) -> tuple[Region, ...]:
    """One region for each group of the plan, in reading order."""
    methods: dict[int, dict[Method, int]] = {}
    reasons: dict[tuple[int, Method], str] = {}
    for hole in plan.holes:
        pixels = methods.setdefault(hole.group, {})
        pixels[hole.method] = pixels.get(hole.method, 0) + int(np.count_nonzero(hole.mask))
        reasons[hole.group, hole.method] = hole.reason
    regions: list[Region] = []
    for number, index in enumerate(reading_order(plan.boxes), start=1):
        group, box = index + 1, plan.boxes[index]
        x0, y0, x1, y1 = box
        own = masks.from_bool(plan.labels[y0:y1, x0:x1] == group)
        method = max(methods[group], key=lambda name: methods[group][name])
        regions.append(
            Region(
                id=number,
                box=box,
                polygon=hull(own, (x0, y0)),
                score=round(_score(maps, box), 4),
                area=int(np.count_nonzero(own)),
                method=method,
                reason=reasons[group, method],
            )
        )
    return tuple(regions)


def _score(maps: TextMaps | None, box: Box) -> float:
    """The surest text probability in `box`, 0 to 1; 1 where the caller's mask, not the network, says so."""
    if maps is None:
        return 1.0
    x0, y0, x1, y1 = (round(side * maps.scale) for side in box)
    return float(maps.text[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].max(initial=0)) / 255


def _find(parts: Mapping[str, _Part], name: str, task: str) -> _Part:
    if name not in parts:
        raise UnknownModel(f"{name[:64]!r} is not a model for {task}; allowed: {', '.join(parts)}", allowed=list(parts))
    return parts[name]


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = timings.get(name, 0.0) + time.perf_counter() - start
