from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from service.app import build_eraser, create_app
from service.deadline import Deadline
from service.session import Session
from service.settings import Settings
from service.store import ModelStore
from training.checkpoint import Checkpoint, describe_call, halve
from training.export import (
    ParityError,
    check_parity,
    describe_source,
    draw_feeds,
    export_network,
    find_thresholds,
    main,
    write_manifest_entry,
)
from training.graphs import InpaintingGraph
from training.model_card import write_model_card
from training.models import pyramid
from training.models.inpainting import InpaintingUNet
from training.models.residual import ResidualSegmenter
from training.networks import restore_network

pytestmark = pytest.mark.training


def randomise(module: torch.nn.Module, *, seed: int = 0) -> torch.nn.Module:
    """Weights and statistics that would show a mistake."""
    torch.manual_seed(seed)
    for part in module.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()  # the module was made before the seed was set
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(std=0.2)
            part.running_var.uniform_(0.5, 2)
            part.weight.data.uniform_(0.5, 1.5)
    for head in ("head", "text_head"):
        if hasattr(module, head):
            torch.nn.init.normal_(getattr(module, head).weight, std=0.2)
    return module.eval()


@pytest.fixture(scope="module", autouse=True)
def few_relaxations():
    """The same pyramid in fewer steps: an export of all of them takes half a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyramid, "_FINEST_RELAXATIONS", (1, 2))
        patch.setattr(pyramid, "_RELAXATIONS", 2)
        yield


@pytest.fixture(scope="module")
def inpainting():
    """A narrow filler, exported."""
    network = randomise(InpaintingUNet(widths=(8, 8, 8, 8, 8)))
    exported = export_network(network, task="inpainting", name="inpainting", version="1.2.3", source="a test")
    return InpaintingGraph(network), exported


@pytest.fixture(scope="module")
def segmentation():
    """A narrow segmenter, exported."""
    network = randomise(ResidualSegmenter(channels=(8, 8, 8, 8), decoder_channels=8))
    return export_network(network, task="segmentation", name="text-segmentation", version="1.2.3", source="a test")


def test_the_segmentation_graph_keeps_the_stand_ins_contract(segmentation):
    """Names, shapes, stride and threshold are those that the service opens today."""
    assert segmentation.model.stride == 32
    assert [(t.name, t.shape) for t in segmentation.model.inputs] == [("image", (1, 3, "H", "W"))]
    assert [(t.name, t.shape) for t in segmentation.model.outputs] == [
        ("text", (1, 1, "H", "W")),
        ("region", (1, 1, "H/2", "W/2")),
    ]
    assert segmentation.model.thresholds == {"text": 0.4}
    assert segmentation.model.looks == (1.0,)
    assert segmentation.largest_difference < 1e-3


def test_the_inpainting_graph_keeps_the_stand_ins_contract(inpainting):
    """Image and hole in, the composited result out, at multiples of 64."""
    _, exported = inpainting

    assert exported.model.stride == 64
    assert [t.name for t in exported.model.inputs] == ["image", "hole"]
    assert [(t.name, t.shape) for t in exported.model.outputs] == [("result", (1, 3, "H", "W"))]


def test_weights_are_stored_as_float16(segmentation):
    """No large float32 tensor is left in the file, and the opset is 18."""
    model = onnx.load_from_string(segmentation.graph)

    large = [t for t in model.graph.initializer if np.prod(t.dims) >= 64 and t.data_type != onnx.TensorProto.INT64]
    assert large
    assert all(t.data_type == onnx.TensorProto.FLOAT16 for t in large)
    assert model.opset_import[0].version == 18


def test_a_graph_does_not_tell_where_it_was_made(segmentation, inpainting):
    """The exporter notes the source file of each node, with its folders."""
    for exported in (segmentation, inpainting[1]):
        assert b"residual.py" not in exported.graph
        assert b"inpainting.py" not in exported.graph
        assert str(Path(__file__).parents[2]).encode() not in exported.graph


def test_parity_is_checked_on_empty_full_and_thin_holes_at_two_other_sizes(inpainting):
    """Every kind of hole and page meets two sizes, neither of which is the export's 192 x 320."""
    graph, _ = inpainting
    feeds = list(draw_feeds(graph))

    assert len(feeds) == 2 * 3 * 4
    assert {f["image"].shape[2:] for _, f in feeds} == {(128, 256), (448, 192)}
    assert {round(float(f["hole"].mean()), 1) for _, f in feeds} == {0.0, 0.2, 1.0}


def test_a_graph_with_other_weights_fails_parity(inpainting):
    """A mismatch is an error that names the input and both numbers; it is never skipped."""
    graph, exported = inpainting
    session = Session(exported.model, exported.graph)
    weight = graph.network.head.weight
    kept = weight.data.clone()
    try:
        weight.data += 0.05
        with pytest.raises(ParityError, match=r"result, .* differs by .*; expected at most 0.001"):
            check_parity(graph, session)
    finally:
        weight.data = kept
    assert check_parity(graph, session) < 1e-3


def test_a_graph_that_looks_under_the_hole_is_refused(inpainting, monkeypatch):
    """If torch and graph agree, but what is under the hole shows, the export fails all the same."""
    graph, exported = inpainting
    session = Session(exported.model, exported.graph)
    honest = session.run

    def peeking(feeds, deadline):
        result = honest(feeds, deadline)["result"]
        return {"result": result + 1e-5 * feeds["hole"] * feeds["image"]}

    monkeypatch.setattr(session, "run", peeking)

    with pytest.raises(ParityError, match="depends on pixels under the hole"):
        check_parity(graph, session)


def test_the_manifest_gains_the_entry_and_the_store_opens_it(inpainting, segmentation, tmp_path):
    """Two exports and one repeated leave two entries; the service's own store finds, verifies and runs them."""
    for exported in (segmentation, inpainting[1], inpainting[1]):
        write_manifest_entry(tmp_path, exported)

    store = ModelStore.open(tmp_path)
    model = store.find("inpainting", "inpainting")

    assert len(json.loads((tmp_path / "manifest.json").read_text())["models"]) == 2
    assert hashlib.sha256(store.read(model)).hexdigest() == model.sha256
    Session(model, store.read(model)).warm_up(64)


def test_the_threshold_is_the_last_sweeps():
    """What the last evaluation chose; a filler, or a run that was never evaluated, has none."""
    history = [{"metrics": {"threshold": 0.3}}, {"metrics": {"threshold": 0.45}}]

    assert find_thresholds(Checkpoint(config={}, commit="c", weights={}, history=history)) == {"text": 0.45}
    assert find_thresholds(Checkpoint(config={}, commit="c", weights={})) is None


def test_a_new_version_replaces_the_old_one_and_its_graph(inpainting, tmp_path):
    """The store holds what is served; the old version's folder goes."""
    _, exported = inpainting
    write_manifest_entry(tmp_path, exported)
    newer = replace(
        exported, model=exported.model.model_copy(update={"version": "1.3.0", "file": "inpainting/1.3.0/model.onnx"})
    )

    write_manifest_entry(tmp_path, newer)

    assert [model.version for model in ModelStore.open(tmp_path).models] == ["1.3.0"]
    assert [path.name for path in (tmp_path / "inpainting").iterdir()] == ["1.3.0"]


def test_a_new_version_is_shown_the_page_as_often_and_as_large_as_the_old_one(segmentation, tmp_path):
    """Looks are chosen by a person, on pages; an export of other weights does not undo that."""
    known = segmentation.model.model_copy(update={"looks": (1.0, 1.5), "far_looks": (0.5,)})
    write_manifest_entry(tmp_path, replace(segmentation, model=known))

    write_manifest_entry(
        tmp_path, replace(segmentation, model=segmentation.model.model_copy(update={"version": "9.9.9"}))
    )

    [model] = ModelStore.open(tmp_path).models
    assert (model.version, model.looks, model.far_looks) == ("9.9.9", (1.0, 1.5), (0.5,))


def test_the_pyramid_alone_is_a_filler_without_weights(tmp_path):
    """It needs no checkpoint, keeps the filler's contract, and continues flat paper under a hole exactly."""
    main(["--pyramid", "--store", str(tmp_path), "--name", "inpainting", "--version", "2.0.0"])

    store = ModelStore.open(tmp_path)
    model = store.find("inpainting", "inpainting")
    hole = np.zeros((1, 1, 64, 128), np.float32)
    hole[..., 16:48, 16:96] = 1
    image = np.where(hole > 0, np.float32(0), np.float32(0.7)).repeat(3, axis=1)
    result = Session(model, store.read(model)).run({"image": image, "hole": hole}, Deadline())["result"]
    assert "nothing learned" in model.source
    assert np.abs(result - 0.7).max() < 1e-4


def test_the_model_card_names_commit_config_and_numbers_and_keeps_the_limits(inpainting, tmp_path):
    """What a person wrote under Limits survives the next export; everything else is written anew."""
    _, exported = inpainting
    checkpoint = Checkpoint(
        config={"name": "inpainting_partial", "options": {}},
        commit="abc123",
        weights={},
        steps=42,
        history=[{"metrics": {"text_psnr": 21.5}}],
        material=["Drawings by A. N. Artist, CC BY 4.0"],
    )
    path = write_model_card(tmp_path_of(tmp_path, exported), exported.model, checkpoint, graph_bytes=1_000_000)
    assert "Not written yet" in path.read_text()
    path.write_text(path.read_text().replace("Not written yet", "Turns screentone grey. Not written yet"))

    again = write_model_card(tmp_path, exported.model, checkpoint, graph_bytes=2_000_000).read_text()

    for words in (
        "abc123",
        "* Drawings by A. N. Artist, CC BY 4.0",
        "--config inpainting_partial",
        "| text_psnr | 21.5 |",
        "2.0 MB",
        "Turns screentone grey.",
    ):
        assert words in again


def tmp_path_of(folder, exported):
    """The store's folder, with the model's own folder in it."""
    (folder / exported.model.name).mkdir()
    return folder


def test_a_checkpoint_gives_the_same_network_back():
    """Config and averaged weights are enough to rebuild what was trained, up to float16."""
    torch.manual_seed(0)
    network = randomise(ResidualSegmenter(channels=(8, 8, 8, 8), decoder_channels=8))
    options = {"channels": (8, 8, 8, 8), "decoder_channels": 8}
    checkpoint = Checkpoint(
        config={"name": "x", "network": "residual", "options": options}, commit="c", weights=halve(network.state_dict())
    )
    page = torch.rand(1, 3, 64, 64)

    with torch.no_grad():
        assert torch.allclose(restore_network(checkpoint)(page).text, network(page).text, atol=2e-2)


def to_png(picture):
    """An image file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def two_of_each(segmentation, inpainting, tmp_path):
    """A store with the default of each task and the same graph once more under another name."""
    for exported, second in ((segmentation, "text-segmentation-mobilenet"), (inpainting[1], "text-reconstruction")):
        write_manifest_entry(tmp_path, exported)
        model = exported.model.model_copy(update={"name": second, "file": f"{second}/1.2.3/model.onnx"})
        write_manifest_entry(tmp_path, replace(exported, model=model))
    return ModelStore.open(tmp_path)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "options", "label"),
    [
        ("/v1/inpaint", {"fill": "inpaint"}, "inpainting@1.2.3"),
        ("/v1/inpaint", {"fill": "inpaint", "inpainter": "text-reconstruction"}, "text-reconstruction@1.2.3"),
        ("/v1/segment", {"segmenter": "text-segmentation-mobilenet"}, "text-segmentation-mobilenet@1.2.3"),
    ],
)
async def test_a_second_model_of_a_task_is_served_by_its_name(two_of_each, path, options, label):
    """Whatever the export puts into the manifest can be asked for, beside the default."""
    page, mask = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8), np.zeros((96, 128), np.uint8)
    mask[40:60, 60:100] = 255
    files = {"image": ("page.png", to_png(page), "image/png")}
    if path == "/v1/inpaint":
        files["mask"] = ("mask.png", to_png(mask), "image/png")
    app = create_app(Settings(), eraser=build_eraser(Settings(), two_of_each), store=two_of_each)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://text-eraser") as client:
        response = await client.post(path, data=options, files=files)

    assert response.status_code == 200, response.text
    assert response.headers["x-model"] == label
    if path == "/v1/inpaint":
        result = np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB"))
        assert np.array_equal(result[mask == 0], page[mask == 0])
        assert not np.array_equal(result[mask > 0], page[mask > 0])


def test_the_card_of_averaged_weights_says_how_they_were_made(inpainting, tmp_path):
    """Commands in their order, how far the weights went, and numbers that were measured afterwards."""
    _, exported = inpainting
    checkpoint = Checkpoint(
        config={"name": "inpainting_partial", "options": {}},
        commit="abc123",
        weights={},
        steps=42,
        commands=["python -m training.train --minutes 9", "python -m training.average --share 0.6"],
        share=0.6,
    )

    card = write_model_card(
        tmp_path_of(tmp_path, exported), exported.model, checkpoint, graph_bytes=1, numbers="| left | 5 % |\n"
    ).read_text()

    assert "`python -m training.train --minutes 9`; `python -m training.average --share 0.6`, commit `abc123`" in card
    assert "0.6 of the way from the weights that they began with" in card
    assert "| left | 5 % |" in card
    assert "not measured" not in card
    assert describe_source(checkpoint).endswith("42 steps, 0.6 of the way")


def test_a_command_line_names_no_machine():
    """Of absolute paths only the names are kept; words with blanks are quoted."""
    words = ["--assets", "/home/anna/pack", "--out", "runs/a b", "--minutes", "9"]

    assert describe_call("training.train", words) == (
        "python -m training.train --assets pack --out 'runs/a b' --minutes 9"
    )
