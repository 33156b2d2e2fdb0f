"""MobileNetV2 of width 1, output stride 16, scSE, RFB."""

from training.configs.base import SegmentationRun

CONFIG = SegmentationRun(
    name="segmentation_mobilenet_w1_rfb", network="mobilenet", options={"width": 1.0, "context": "rfb"}
)
