"""Stand-ins at the seams, and small pictures. Tests of the HTTP parts run on these, without any graph."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import httpx
import numpy as np
import numpy.typing as npt
from fastapi import FastAPI
from PIL import Image as PillowImage

from service.app import create_app
from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.imaging import codec
from service.imaging.codec import Encoded
from service.options import DetectOptions, EraseOptions, InpaintOptions, SegmentOptions
from service.regions import Region
from service.session import Tensors
from service.settings import Settings
from service.store import Model, ModelStore, Tensor

MAX_PIXELS = 40_000_000
WORD_GAP_PX = 24
Floats = npt.NDArray[np.float32]


def picture(width: int = 32, height: int = 24, pillow_format: str = "PNG", seed: int = 1) -> bytes:
    """An image file of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return saved(PillowImage.fromarray(pixels), pillow_format)


def mask_picture(width: int = 32, height: int = 24) -> bytes:
    """A mask file that erases its left half."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, : width // 2] = 255
    return saved(PillowImage.fromarray(pixels), "PNG")


def saved(image: PillowImage.Image, pillow_format: str, **options: object) -> bytes:
    """The bytes of the file."""
    buffer = io.BytesIO()
    image.save(buffer, pillow_format, **options)
    return buffer.getvalue()


class FakeEraser(Eraser):
    """Does nothing to the image, as slowly as it is told, and remembers what it was asked."""

    def __init__(self, *, hold: bool = False, failure: Callable[[], None] = lambda: None) -> None:
        self.calls: list[tuple[str, object]] = []
        self.areas: list[dict[str, bytes]] = []
        """The mask files of areas, by option, of each call of `erase`."""
        self.started = threading.Semaphore(0)
        """Released once for each run that began."""
        self.stopped = 0
        """Runs that the deadline ended."""
        self._gate = threading.Event()
        self._failure = failure
        if not hold:
            self._gate.set()

    def let_go(self) -> None:
        """End the runs that are held, and hold no more."""
        self._gate.set()

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
        """Answer with the upload itself; as the mask, the given one."""
        areas = {"include": include_data, "exclude": exclude_data}
        self.areas.append({name: area for name, area in areas.items() if area is not None})
        outcome = self._outcome("erase", data, options, deadline)
        header = codec.read_header(data, max_pixels=MAX_PIXELS)
        image = Encoded(data, codec.media_type_of(header, options.format), "exact", "5" * 64)
        return Outcome(
            **outcome,
            image=None if options.output == "mask" else image,
            mask=None if options.output == "image" else Encoded(mask_data or b"mask", "image/png", "exact"),
        )

    def segment(self, data: bytes, options: SegmentOptions, deadline: Deadline) -> Outcome:
        """Answer with a mask that is no picture."""
        return Outcome(
            **self._outcome("segment", data, options, deadline),
            image=None,
            mask=Encoded(b"mask", "image/png", "exact"),
        )

    def detect(self, data: bytes, options: DetectOptions, deadline: Deadline) -> Outcome:
        """Answer with one region."""
        return Outcome(**self._outcome("detect", data, options, deadline), image=None, mask=None)

    def inpaint(self, data: bytes, mask_data: bytes, options: InpaintOptions, deadline: Deadline) -> Outcome:
        """Answer with image and mask, one after the other."""
        return Outcome(
            **self._outcome("inpaint", data, options, deadline),
            image=Encoded(data + mask_data, _media_type(data), "reencoded"),
            mask=None,
        )

    def _outcome(self, route: str, data: bytes, options: object, deadline: Deadline) -> dict[str, object]:
        self.calls.append((route, options))
        self.started.release()
        header = codec.read_header(data, max_pixels=MAX_PIXELS)
        ended = threading.Event()
        try:
            with deadline.stopping(ended.set):
                while not self._gate.wait(0.002) and not ended.is_set():
                    pass
            deadline.check()
        except BaseException:
            self.stopped += 1
            raise
        self._failure()
        return {
            "width": header.width,
            "height": header.height,
            "regions": (
                Region(1, (1, 2, 5, 6), np.array([[1, 2], [4, 2], [4, 5]], np.int32), 0.91234, 9, "flat", "one colour"),
            ),
            "mask_share": 0.04567,
            "models": ("text-segmentation@0.0.1", "inpainting@0.0.1"),
            "timings": {"decode": 0.001, "segment": 0.002, "encode": 0.003},
        }


def fake_store() -> ModelStore:
    """A store whose graphs nobody opens."""

    def model(name: str, task: str) -> Model:
        tensor = Tensor(name="image", dtype="float32", shape=(1, 3, "H", "W"))
        return Model(
            name=name,
            version="0.0.1",
            task=task,
            file=f"{name}/0.0.1/model.onnx",
            sha256=hashlib.sha256(name.encode()).hexdigest(),
            licence="Apache-2.0",
            source="a fake",
            stride=32,
            inputs=(tensor,),
            outputs=(tensor,),
            thresholds={"text": 0.4} if task == "segmentation" else {},
        )

    return ModelStore(Path("nowhere"), [model("text-segmentation", "segmentation"), model("inpainting", "inpainting")])


class FakeGraph:
    """A graph that is a function: outputs by name for inputs by name. Remembers the shapes that it was run on."""

    def __init__(self, model: Model, compute: Callable[[Tensors], dict[str, Floats]]) -> None:
        self.model = model
        self.shapes: list[tuple[int, ...]] = []
        self._compute = compute

    def run(self, feeds: Tensors, deadline: Deadline) -> dict[str, Floats]:
        """Refuse what a graph would refuse, then compute."""
        deadline.check()
        for tensor in feeds.values():
            assert tensor.dtype == np.float32
            assert tensor.shape[0] == 1
            assert tensor.shape[2] % self.model.stride == 0
            assert tensor.shape[3] % self.model.stride == 0
        self.shapes.append(feeds["image"].shape)
        return self._compute(feeds)


def dark_is_text(*, looks: tuple[float, ...] = (1.0,)) -> FakeGraph:
    """A segmentation graph that calls every dark pixel text, and words region: what no gap of WORD_GAP_PX parts."""

    def compute(feeds: Tensors) -> dict[str, Floats]:
        text = (feeds["image"].mean(axis=1, keepdims=True) < 0.5).astype(np.float32)
        height, width = text.shape[2:]
        halved = text.reshape(height // 2, 2, width // 2, 2).max(axis=(1, 3))
        region = cv2.morphologyEx(halved, cv2.MORPH_CLOSE, np.ones((WORD_GAP_PX // 2, WORD_GAP_PX // 2), np.uint8))
        return {"text": text, "region": np.asarray(region, np.float32)[None, None]}

    model = fake_store().find("text-segmentation", "segmentation")
    return FakeGraph(model.model_copy(update={"looks": looks}), compute)


def paints(*levels: int) -> FakeGraph:
    """An inpainting graph that paints the hole in one RGB colour, and returns the rest as it was given."""

    def compute(feeds: Tensors) -> dict[str, Floats]:
        colour = np.asarray(levels, np.float32).reshape(1, 3, 1, 1) / np.float32(255)
        return {"result": np.where(feeds["hole"] > 0, colour, feeds["image"]).astype(np.float32)}

    return FakeGraph(fake_store().find("inpainting", "inpainting").model_copy(update={"stride": 64}), compute)


def settings_of(**given: object) -> Settings:
    """Settings as given, the rest as by default, with two slots and the environment left out."""
    return Settings.model_validate({"slots": 2, **given})


def app_of(eraser: Eraser | None = None, **given: object) -> FastAPI:
    """An application that is ready, on a fake eraser."""
    return create_app(settings_of(**given), eraser=eraser or FakeEraser(), store=fake_store())


def client_of(app: FastAPI, **options: object) -> httpx.AsyncClient:
    """A client that talks to the application without a socket."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test", **options)


def _media_type(data: bytes) -> str:
    return codec.read_header(data, max_pixels=MAX_PIXELS).media_type
