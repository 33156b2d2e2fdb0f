"""What a run can vary. Every field has the value of the shipped runs, so a config file says only what is different."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """How weights are moved."""

    optimiser: Literal["adamw", "sgd"] = "adamw"
    """AdamW (Loshchilov & Hutter 2019), or SGD with Nesterov momentum 0.9."""
    schedule: Literal["one_cycle", "cyclical"] = "one_cycle"
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    """Matrices only; norms and biases are not decayed."""
    clip_norm: float = 1.0
    average_decay: float = 0.999
    batch: int = 48
    crop_px: int = 384
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class SegmentationRun:
    """A text segmenter."""

    name: str
    network: Literal["residual", "mobilenet"] = "residual"
    options: Mapping[str, object] = field(default_factory=dict)
    """Keyword arguments of the network's class."""
    optimisation: Optimisation = field(default_factory=Optimisation)
    positive_weight: float = 2.0
    bce_weight: float = 1.0
    dice_weight: float = 1.0
    focal_weight: float = 0.0
    """Off by default: Dice and the positive weight already handle that a twentieth of a page is text."""
    regions_weight: float = 0.3
    hard_first: bool = False
    """Draw the samples that it gets wrong more often: for nets that know the rest already."""


@dataclass(frozen=True, kw_only=True)
class InpaintingRun:
    """A filler, or a restorer of occluded text: the same net, another target."""

    name: str
    subject: Literal["background", "text"] = "background"
    """background: holes over text, the clean page is the target. text: shapes over text, the lettered page is."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Keyword arguments of InpaintingUNet."""
    optimisation: Optimisation = field(
        default_factory=lambda: Optimisation(learning_rate=1e-3, weight_decay=0.01, crop_px=256)
    )
    features: Literal["random", "encoder", "none"] = "random"
    """Where perceptual and style losses look: fixed random filters, our own trained segmenter, or nowhere."""
    lettered_input_share: float = 0.4
    """Share of text holes whose input is the lettered page: its compression fringes around the hole stay, as in use."""
    hole_weight: float = 6.0
    valid_weight: float = 1.0
    perceptual_weight: float = 0.1
    style_weight: float = 40.0
    """Liu et al. use 120 on VGG16; on our features 40 gives the hole term's gradient equal weight."""
    variation_weight: float = 0.1
    laplacian_weight: float = 0.3
    frequency_weight: float = 5.0
    adversarial_weight: float = 0.0
    """Above 0: the PatchGAN stage; 0.01 is a good start."""
    adversarial_from: float = 0.0
    """Progress, 0 to 1, at which the critic sets in."""
    matching_weight: float = 0.2
    """Feature matching, relative to the adversarial weight."""
    critic_learning_rate: float = 4e-4


RunConfig: TypeAlias = SegmentationRun | InpaintingRun


def list_configs() -> list[str]:
    """Names of all published runs."""
    package = importlib.import_module("training.configs")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name != "base")


def load_config(name: str) -> RunConfig:
    """The run called `name`. Raises ValueError, naming those there are, for an unknown one."""
    if name not in list_configs():
        raise ValueError(f"config is {name!r}; expected one of {', '.join(list_configs())}")
    config: RunConfig = importlib.import_module(f"training.configs.{name}").CONFIG
    assert config.name == name, f"{name}.py calls its run {config.name!r}"
    return config
