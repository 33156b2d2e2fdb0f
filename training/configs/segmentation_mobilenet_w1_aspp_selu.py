"""MobileNetV2 of width 1 with ASPP and SELU."""

from training.configs.base import SegmentationRun

CONFIG = SegmentationRun(
    name="segmentation_mobilenet_w1_aspp_selu",
    network="mobilenet",
    options={"width": 1.0, "context": "aspp", "activation": "selu"},
)
