"""The default filler whose perceptual and style losses look at our own segmenter (`--feature-checkpoint`)."""

from dataclasses import replace

from training.configs.inpainting_partial import CONFIG as PARTIAL

CONFIG = replace(PARTIAL, name="inpainting_partial_encoder", features="encoder")
