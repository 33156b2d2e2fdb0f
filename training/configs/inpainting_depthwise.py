"""The filler with depthwise-separable convolutions from level 1 on."""

from dataclasses import replace

from training.configs.inpainting_partial import CONFIG as PARTIAL

CONFIG = replace(PARTIAL, name="inpainting_depthwise", options={"separable": True})
