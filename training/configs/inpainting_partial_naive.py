"""The filler with partial convolution as usually typed in: C mask channels, a second convolution with ones."""

from dataclasses import replace

from training.configs.inpainting_partial import CONFIG as PARTIAL

CONFIG = replace(PARTIAL, name="inpainting_partial_naive", options={"kind": "partial_naive"})
