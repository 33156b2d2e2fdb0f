"""The default segmenter with focal loss in the place of weighted cross-entropy."""

from dataclasses import replace

from training.configs.segmentation_residual import CONFIG as RESIDUAL

CONFIG = replace(RESIDUAL, name="segmentation_residual_focal", bce_weight=0.0, focal_weight=10.0)
