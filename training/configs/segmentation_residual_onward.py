"""The default segmenter from weights that exist (`--start-from`), in steps that a CPU can take by the thousand."""

from training.configs.base import Optimisation, SegmentationRun

CONFIG = SegmentationRun(
    name="segmentation_residual_onward",
    optimisation=Optimisation(learning_rate=8e-4, batch=16),
    hard_first=True,
    regions_weight=0.5,  # the region head lags; at 1.0 it was three quarters of the loss
)
