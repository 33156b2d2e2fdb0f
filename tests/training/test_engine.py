from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest
import torch

from training.checkpoint import load_checkpoint
from training.configs.base import InpaintingRun, Optimisation, SegmentationRun, list_configs, load_config
from training.device_pool import DevicePool
from training.engine import NonFiniteLoss, Run, make_optimiser, train
from training.inpainting_task import InpaintingTask
from training.networks import build_network
from training.schedule import WallClock
from training.segmentation_task import SegmentationTask
from training.train import checkpoint_path, make_reporter, start_run

pytestmark = pytest.mark.training

CPU = torch.device("cpu")
SMALL = Optimisation(batch=4, crop_px=64, learning_rate=3e-3, average_decay=0.9)
SEGMENTATION = SegmentationRun(
    name="tiny_segmentation", options={"channels": (8, 8, 8, 8), "decoder_channels": 8}, optimisation=SMALL
)
INPAINTING = InpaintingRun(name="tiny_inpainting", options={"widths": (8, 8, 8, 8, 8)}, optimisation=SMALL)


def make_task(config):
    return (SegmentationTask if isinstance(config, SegmentationRun) else InpaintingTask)(config, device=CPU)


@pytest.fixture
def pool(toy_samples):
    """A pool of eight toy samples of 64 px, with every field."""
    samples = toy_samples(8, 64, seed=0)
    pool = DevicePool(iter([samples]), fields=tuple(samples), capacity=8, device=CPU)
    pool.wait_for(8)
    yield pool
    pool.stop()


def ignore(run, summary) -> None:
    """A reporter that has nothing to say."""


ADVERSARIAL = replace(INPAINTING, name="tiny_adversarial", adversarial_weight=0.01)
RECONSTRUCTION = replace(INPAINTING, name="tiny_reconstruction", subject="text")
FOCAL_SGD = replace(
    SEGMENTATION,
    name="tiny_focal_sgd",
    focal_weight=10.0,
    bce_weight=0.0,
    optimisation=replace(SMALL, optimiser="sgd", schedule="cyclical", learning_rate=0.05),
)


@pytest.mark.parametrize(
    "config", [SEGMENTATION, FOCAL_SGD, INPAINTING, RECONSTRUCTION], ids=lambda config: config.name
)
def test_one_batch_overfits(config, pool):
    """Sixty steps on the same batch bring the loss well below two thirds (with a critic: training.smoke)."""
    task = make_task(config)
    task.prepare(pool)
    torch.manual_seed(0)
    run = Run.start(task, build_network(config), device=CPU)
    batch = task.draw_batch(pool)
    task.draw_batch = lambda _: batch

    @torch.no_grad()
    def loss() -> float:
        return sum(float(term) for term in task.losses(run.model, batch, progress=0.0).values())

    before = loss()
    # A clock that has passed the warm-up and stays in the schedule's first half.
    clock = WallClock(60, done_s=0.0, total_minutes=60, now=itertools.chain([0], itertools.repeat(400)).__next__)
    train([run], pool, clock, report=ignore, report_every_s=1e9, max_steps=60)

    assert loss() < 0.6 * before
    assert run.steps == 60


def test_several_runs_take_turns_on_one_pool(pool):
    """Side by side, each run takes the same number of steps and is reported on."""
    runs = [start_run(make_task(config), device=CPU, checkpoint=None) for config in (SEGMENTATION, INPAINTING)]
    for run in runs:
        run.task.prepare(pool)
    seen = []
    train(
        runs,
        pool,
        WallClock(5),
        report=lambda run, summary: seen.append((summary["run"], summary["step"])),
        report_every_s=1e9,
        max_steps=2,
    )

    assert seen == [("tiny_segmentation", 2), ("tiny_inpainting", 2)]


def test_training_ends_with_the_clock(pool):
    """However many steps were asked for, a run stops when its minutes are spent."""
    run = start_run(make_task(SEGMENTATION), device=CPU, checkpoint=None)
    ticks = iter(range(0, 10_000, 10))

    train([run], pool, WallClock(1, now=lambda: next(ticks)), report=ignore, report_every_s=1e9)

    assert 0 < run.steps < 10


@pytest.mark.parametrize("config", [SEGMENTATION, ADVERSARIAL], ids=lambda config: config.name)
def test_a_resumed_run_goes_on_where_it_stopped(config, pool, toy_samples, tmp_path):
    """Steps, seconds, history, weights and critic come back from the checkpoint; a JSON line is added, not replaced."""
    validation = toy_samples(2, 64, seed=1)

    def call(checkpoint):
        done_s = checkpoint.trained_s if checkpoint else 0.0
        task = make_task(config)
        task.prepare(pool)
        run = start_run(task, device=CPU, checkpoint=checkpoint)
        # Half a second goes by with each look: on a fast machine two steps take less than a report's tenth.
        ticks = itertools.count(step=0.5)
        clock = WallClock(5, done_s=done_s, now=lambda: next(ticks))
        train(
            [run],
            pool,
            clock,
            report=make_reporter(tmp_path, validation, clock, commit="abc"),
            report_every_s=1e9,
            max_steps=2,
        )
        return run

    first = call(None)
    saved = load_checkpoint(checkpoint_path(tmp_path, config))
    second = start_run(make_task(config), device=CPU, checkpoint=saved)

    assert second.steps == saved.steps == 2
    for name, tensor in second.model.state_dict().items():
        wanted = first.average.model.state_dict()[name]
        assert torch.allclose(tensor.float(), wanted.float(), atol=1e-3), name
    assert (saved.critic is None) == (second.task.critic is None)

    call(saved)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["step"] for entry in entries] == [2, 4]
    assert entries[1]["trained_s"] > entries[0]["trained_s"]
    assert {"loss", "terms", "metrics", "learning_rate", "left_s", "commit"} <= entries[0].keys()
    assert len(load_checkpoint(checkpoint_path(tmp_path, config)).history) == 2
    assert (tmp_path / f"{config.name}.sheet.webp").stat().st_size > 0


def test_a_checkpoint_of_another_network_is_refused(pool, toy_samples, tmp_path):
    """Options are compared before weights are, and both are named."""
    run = start_run(make_task(SEGMENTATION), device=CPU, checkpoint=None)
    clock = WallClock(5)
    train(
        [run],
        pool,
        clock,
        report=make_reporter(tmp_path, toy_samples(1, 64, seed=1), clock, commit="abc"),
        report_every_s=1e9,
        max_steps=1,
    )
    other = replace(SEGMENTATION, options={"channels": (8, 8, 8, 16), "decoder_channels": 8})

    with pytest.raises(ValueError, match="the checkpoint holds options"):
        start_run(make_task(other), device=CPU, checkpoint=load_checkpoint(checkpoint_path(tmp_path, SEGMENTATION)))


def test_a_step_that_is_not_finite_is_skipped(pool):
    """A loss that is no number moves nothing and is counted; the next good step moves again."""
    run = start_run(make_task(SEGMENTATION), device=CPU, checkpoint=None)
    good = run.task.losses
    weight = run.model.text_head.weight
    before = weight.detach().clone()

    run.task.losses = lambda *args, **kwargs: {"bad": good(*args, **kwargs)["bce"] * float("nan")}
    run.step(pool, WallClock(5))
    assert torch.equal(weight, before)
    assert int(run.skipped) == 1

    run.task.losses = good
    run.step(pool, WallClock(5))
    assert not torch.equal(weight, before)
    assert int(run.skipped) == 1


def test_a_prediction_that_is_not_finite_does_not_reach_the_critic(pool):
    """A filler that answers with no numbers for one step leaves the critic's weights as they were."""
    run = start_run(make_task(ADVERSARIAL), device=CPU, checkpoint=None)
    run.task.prepare(pool)
    before = {name: parameter.detach().clone() for name, parameter in run.task.critic.named_parameters()}

    hook = run.model.register_forward_hook(lambda _, __, prediction: prediction * float("nan"))
    run.step(pool, WallClock(5))
    hook.remove()
    after = dict(run.task.critic.named_parameters())
    assert all(torch.equal(after[name], parameter) for name, parameter in before.items())

    run.step(pool, WallClock(5))
    assert any(not torch.equal(after[name], parameter) for name, parameter in before.items())


def test_reconstruction_is_judged_where_text_was_hidden(toy_samples):
    """Its validation holes are the same each time, touch the text, and are empty where a page has none."""
    samples = toy_samples(4, 64, seed=3)
    samples["strokes"][0] = 0
    task = make_task(RECONSTRUCTION)

    (_, _, hole), (_, _, again) = (task._evaluation_batch(samples, slice(0, 4), "shape") for _ in range(2))

    text = torch.from_numpy(samples["strokes"])[:, None] > 127
    assert torch.equal(hole, again)
    assert not hole[0].any()
    assert ((hole > 0) & text).sum((1, 2, 3))[1:].all()


def test_a_run_that_only_skips_stops_and_says_so(pool):
    """More skipped steps than a fifth end the training with the run's name and its last terms."""
    run = start_run(make_task(SEGMENTATION), device=CPU, checkpoint=None)
    good = run.task.losses
    run.task.losses = lambda *args, **kwargs: {"bad": good(*args, **kwargs)["bce"] * float("inf")}

    with pytest.raises(NonFiniteLoss, match=r"tiny_segmentation: 4 of 4 steps skipped.*'bad'"):
        train([run], pool, WallClock(5), report=ignore, report_every_s=1e9, max_steps=4)


def test_vectors_are_not_decayed():
    """Norms and biases are in the group without weight decay, everything that learns is in one."""
    model = build_network(SEGMENTATION)
    decayed, free = make_optimiser(model, SMALL, device=CPU).param_groups

    assert decayed["weight_decay"] == SMALL.weight_decay
    assert free["weight_decay"] == 0
    assert all(parameter.dim() > 1 for parameter in decayed["params"])
    assert len(decayed["params"]) + len(free["params"]) == len(list(model.parameters()))


@pytest.mark.parametrize("name", list_configs())
def test_every_published_run_can_be_built(name):
    """Each config file names itself and its network's options are accepted."""
    config = load_config(name)

    assert config.name == name
    assert sum(parameter.numel() for parameter in build_network(config).parameters()) > 100_000


def test_an_unknown_config_is_refused():
    """The message lists those there are."""
    with pytest.raises(ValueError, match="expected one of inpainting_adversarial"):
        load_config("nothing")


def test_a_run_on_a_segmenters_features_needs_one():
    """The option that gives it is named."""
    with pytest.raises(ValueError, match="--feature-checkpoint"):
        InpaintingTask(replace(INPAINTING, features="encoder"), device=CPU)
