"""The filler with plain convolutions."""

from dataclasses import replace

from training.configs.inpainting_partial import CONFIG as PARTIAL

CONFIG = replace(PARTIAL, name="inpainting_plain", options={"kind": "plain"})
