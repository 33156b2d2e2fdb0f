"""The default segmenter: dense residual stages, RFB without image pooling, DB regions."""

from training.configs.base import SegmentationRun

CONFIG = SegmentationRun(name="segmentation_residual")
