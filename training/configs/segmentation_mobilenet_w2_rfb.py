"""MobileNetV2 of width 2, output stride 16, scSE, RFB."""

from training.configs.base import SegmentationRun

CONFIG = SegmentationRun(
    name="segmentation_mobilenet_w2_rfb", network="mobilenet", options={"width": 2.0, "context": "rfb"}
)
