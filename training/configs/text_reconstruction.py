"""The filler's net, trained to restore text that rectangles, ellipses, lines and blots occlude."""

from training.configs.base import InpaintingRun

CONFIG = InpaintingRun(name="text_reconstruction", subject="text", lettered_input_share=0.0)
