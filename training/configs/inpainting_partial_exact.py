"""The filler with partial convolution exactly as in Liu et al. 2018, one mask plane."""

from dataclasses import replace

from training.configs.inpainting_partial import CONFIG as PARTIAL

CONFIG = replace(PARTIAL, name="inpainting_partial_exact", options={"kind": "partial_exact"})
