"""The default segmenter with SGD-Nesterov and a cyclical rate."""

from dataclasses import replace

from training.configs.base import Optimisation
from training.configs.segmentation_residual import CONFIG as RESIDUAL

CONFIG = replace(
    RESIDUAL,
    name="segmentation_residual_sgd",
    optimisation=Optimisation(optimiser="sgd", schedule="cyclical", learning_rate=0.05, weight_decay=1e-4),
)
