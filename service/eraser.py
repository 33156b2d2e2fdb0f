"""Decode, segment, refine, fill, inpaint, composite, encode: the pipeline as a list of named steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from service import steps
from service.deadline import Deadline
from service.detector import TextDetector
from service.errors import UnknownModel
from service.imaging import codec, masks
from service.imaging.arrays import Mask
from service.imaging.codec import Encoded
from service.inpainter import Inpainter
from service.options import DetectOptions, EraseOptions, InpaintOptions, OutputFormat, SegmentOptions
from service.plan import regions_of
from service.regions import Region
from service.segmenter import TextSegmenter
from service.selection import Wanted, draw
from service.shapes import Shape
from service.steps import Job
from service.verify import share_left

DILATE_PX = EraseOptions.model_fields["dilate_px"].default
GROUPING = TextDetector(box_thresh=steps.GROUPING_BOX_THRESH)
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
    residual: float | None = None
    """Share of the text that is left, 0 to 1; None where nobody looked (see `verify`)."""


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

    def erase(
        self,
        data: bytes,
        mask_data: bytes | None,
        options: EraseOptions,
        deadline: Deadline,
        *,
        include_data: bytes | None = None,
        exclude_data: bytes | None = None,
    ) -> Outcome:
        """Remove text from the image file `data`.

        `mask_data`, `include_data` and `exclude_data` are mask files of the same upright size.
        """
        segmenter = self._segmenter(options.segmenter)
        inpainter = self._inpainter(options.inpainter)
        looks = mask_data is None or options.mask_mode != "replace"
        models = [segmenter.model.label] if looks else []
        work: list[Step] = self._finding_steps(segmenter, options.threshold, options.dilate_px) if looks else []
        work.append(("refine", lambda job: steps.combine_masks(job, options.mask_mode)))
        if options.verify:
            work.append(("refine", steps.remember_found))
        if options.regions is not None:
            edits = options.regions
            work.append(("plan", lambda job: steps.plan_edits(job, edits, GROUPING)))
        else:
            wanted = Wanted(options.sfx, options.min_score, options.min_height_px, options.max_height_px)
            work += [
                ("refine", lambda job: self._restrict(job, options, include_data, exclude_data)),
                ("plan", lambda job: steps.plan_fills(job, options.fill, wanted, GROUPING)),
            ]
        if options.output != "mask" or options.verify:
            models.append(inpainter.model.label)
            work += _filling_steps(inpainter)
        if options.verify:
            models = list(dict.fromkeys([segmenter.model.label, *models]))
            work.append(("verify", lambda job: self._verify(job, options)))
        if options.output != "mask":
            work.append(("encode", lambda job: steps.encode_image(job, options.format, options.quality)))
        if options.output != "image":
            work.append(("encode", steps.encode_mask))
        return self._run(data, mask_data, work, models, deadline, format_=options.format)

    def segment(self, data: bytes, options: SegmentOptions, deadline: Deadline) -> Outcome:
        """Find text: the mask and its regions."""
        segmenter = self._segmenter(options.segmenter)
        work = [
            *self._finding_steps(segmenter, options.threshold, options.dilate_px),
            ("plan", lambda job: steps.plan_fills(job, "auto", Wanted(), _detector(options))),
            ("encode", steps.encode_mask),
        ]
        return self._run(data, None, work, [segmenter.model.label], deadline)

    def detect(self, data: bytes, options: DetectOptions, deadline: Deadline) -> Outcome:
        """Find text regions, with what `erase` would do to each and why."""
        segmenter = self._segmenter(options.segmenter)
        work = [
            *self._finding_steps(segmenter, options.threshold, DILATE_PX),
            ("plan", lambda job: steps.plan_fills(job, "auto", Wanted(), _detector(options))),
        ]
        return self._run(data, None, work, [segmenter.model.label], deadline)

    def inpaint(self, data: bytes, mask_data: bytes, options: InpaintOptions, deadline: Deadline) -> Outcome:
        """Fill the given mask; nothing is looked for."""
        inpainter = self._inpainter(options.inpainter)
        work: list[Step] = [
            ("plan", lambda job: steps.combine_masks(job, "replace")),
            ("plan", lambda job: steps.plan_fills(job, options.fill, Wanted(), GROUPING)),
            *_filling_steps(inpainter),
            ("encode", lambda job: steps.encode_image(job, options.format, options.quality)),
        ]
        return self._run(data, mask_data, work, [inpainter.model.label], deadline, format_=options.format)

    def _run(
        self,
        data: bytes,
        mask_data: bytes | None,
        work: Sequence[Step],
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
                job.given = codec.decode_mask(mask_data, "mask", size_hw=job.size_hw, max_pixels=self._max_pixels)
        for name, step in work:
            deadline.check()
            with _timed(timings, name):
                step(job)
        residuals = [left_over.residual for left_over in job.left_overs or ()]
        return Outcome(
            width=job.size_hw[1],
            height=job.size_hw[0],
            image=job.image_file,
            mask=job.mask_file,
            regions=() if job.plan is None else regions_of(job.plan, job.maps, residuals, job.insisted),
            mask_share=0.0 if job.mask is None else masks.share(job.mask),
            models=tuple(models),
            timings=timings,
            residual=None if job.left_overs is None else share_left(job.left_overs),
        )

    def _restrict(self, job: Job, options: EraseOptions, include: bytes | None, exclude: bytes | None) -> None:
        include_area = self._area(job, "include", options.include, include)
        exclude_area = self._area(job, "exclude", options.exclude, exclude)
        steps.restrict_areas(job, include_area, exclude_area)

    def _area(self, job: Job, part: str, shapes: Sequence[Shape] | None, data: bytes | None) -> Mask | None:
        if data is not None:
            return codec.decode_mask(data, part, size_hw=job.size_hw, max_pixels=self._max_pixels)
        return None if shapes is None else draw(shapes, job.size_hw, job.deadline.check)

    def _finding_steps(self, segmenter: TextSegmenter, threshold: float | None, dilate_px: int) -> list[Step]:
        sure = _threshold(segmenter, threshold)
        return [
            ("segment", lambda job: steps.segment(job, segmenter)),
            ("refine", lambda job: steps.refine_strokes(job, sure, dilate_px)),
        ]

    def _verify(self, job: Job, options: EraseOptions) -> None:
        segmenter, inpainter = self._segmenter(options.segmenter), self._inpainter(options.inpainter)
        sure = _threshold(segmenter, options.threshold)
        steps.verify(job, segmenter, inpainter, threshold=sure, dilate_px=options.dilate_px)

    def _segmenter(self, name: str) -> TextSegmenter:
        return _find(self._segmenters, name, "segmentation")

    def _inpainter(self, name: str) -> Inpainter:
        return _find(self._inpainters, name, "inpainting")


def _filling_steps(inpainter: Inpainter) -> list[Step]:
    return [
        ("fill", steps.fill_plain),
        ("inpaint", lambda job: steps.inpaint(job, inpainter)),
        ("composite", steps.composite),
    ]


def _threshold(segmenter: TextSegmenter, asked: float | None) -> float:
    return segmenter.model.thresholds["text"] if asked is None else asked


def _detector(options: DetectOptions) -> TextDetector:
    return TextDetector(bin_thresh=options.bin_thresh, box_thresh=options.box_thresh, unclip_ratio=options.unclip_ratio)


def _find(parts: Mapping[str, _Part], name: str, task: str) -> _Part:
    if name not in parts:
        raise UnknownModel(f"{name[:64]!r} is not a model for {task}; allowed: {', '.join(parts)}", allowed=list(parts))
    return parts[name]


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = timings.get(name, 0.0) + time.perf_counter() - start
