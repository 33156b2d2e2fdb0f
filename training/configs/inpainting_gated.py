"""The filler with gated convolutions."""

from dataclasses import replace

from training.configs.inpainting_partial import CONFIG as PARTIAL

CONFIG = replace(PARTIAL, name="inpainting_gated", options={"kind": "gated"})
