"""The filler's net, trained to restore text that rectangles, ellipses, lines and blots occlude.

Letters have sharp edges and few colours, so plain distance to the truth is enough of a loss. It is asked for under the
shapes only: they cover a fiftieth of a crop, and what a correction says elsewhere is thrown away. Small batches and
crops, so that a CPU can train it.
"""

from training.configs.base import InpaintingRun, Optimisation

CONFIG = InpaintingRun(
    name="text_reconstruction",
    subject="text",
    features="none",
    lettered_input_share=0.0,
    hole_weight=50.0,
    valid_weight=0.0,
    variation_weight=0.0,
    frequency_weight=0.0,
    optimisation=Optimisation(learning_rate=1e-3, weight_decay=0.01, batch=8, crop_px=192),
)
