"""The default filler: cheap partial convolution on encoder levels >= 1, a correction to a pyramid fill."""

from training.configs.base import InpaintingRun

CONFIG = InpaintingRun(name="inpainting_partial")
