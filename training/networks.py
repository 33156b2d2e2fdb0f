"""From a run's config, or its checkpoint, to its network."""

from __future__ import annotations

from torch import nn

from training.checkpoint import Checkpoint, widen
from training.configs.base import InpaintingRun, RunConfig, SegmentationRun
from training.models.inpainting import InpaintingUNet
from training.models.residual import ResidualSegmenter
from training.models.segmentation import MobileNetSegmenter


def build_network(config: RunConfig) -> nn.Module:
    """A fresh network for `config`; a wrong option raises TypeError."""
    if isinstance(config, InpaintingRun):
        return InpaintingUNet(**config.options)  # type: ignore[arg-type]  options are checked by the class
    if config.network == "mobilenet":
        return MobileNetSegmenter(**config.options)  # type: ignore[arg-type]
    return ResidualSegmenter(**config.options)  # type: ignore[arg-type]


def restore_network(checkpoint: Checkpoint) -> nn.Module:
    """The averaged network of a checkpoint, in eval mode."""
    fields = {key: checkpoint.config[key] for key in ("name", "options")}
    config = (
        SegmentationRun(network=checkpoint.config["network"], **fields)  # type: ignore[arg-type]  as it was saved
        if "network" in checkpoint.config
        else InpaintingRun(**fields)  # type: ignore[arg-type]
    )
    network = build_network(config)
    network.load_state_dict(widen(checkpoint.weights))
    return network.eval()
