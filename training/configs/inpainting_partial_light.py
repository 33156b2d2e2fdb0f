"""The default filler without losses on features, in small batches: half the time a step, so that a CPU can train it."""

from training.configs.base import InpaintingRun, Optimisation

CONFIG = InpaintingRun(
    name="inpainting_partial_light",
    features="none",
    optimisation=Optimisation(learning_rate=1e-3, weight_decay=0.01, batch=8, crop_px=256),
)
