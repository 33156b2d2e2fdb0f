"""The last stage of the filler: resumed from `inpainting_partial`, tuned against a PatchGAN critic at a low rate."""

from dataclasses import replace

from training.configs.inpainting_partial import CONFIG as PARTIAL

CONFIG = replace(
    PARTIAL,
    name="inpainting_adversarial",
    adversarial_weight=0.01,
    optimisation=replace(PARTIAL.optimisation, learning_rate=3e-4),
)
