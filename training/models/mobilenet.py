"""MobileNetV2 (Sandler et al. 2018) as an encoder.

Output stride 16 by atrous convolution, scSE gates, freezable blocks.
"""

from __future__ import annotations

from torch import Tensor, nn

from training.models.blocks import ActivationName, ConvNormAct, ScSE

# (expansion t, channels c, repeats n, stride s) of the paper's table 2, without the last 320-channel bottleneck:
# the context block (RFB or ASPP) stands where it stood. The first strided stage expands by 4 instead of 6, because its
# half-resolution tensors, not its arithmetic, are what a CPU spends its time on.
_STAGES = ((1, 16, 1, 1), (4, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2))
_QUARTER_STAGE = 1


def scale_channels(channels: int, width: float, *, divisor: int = 8) -> int:
    """`channels * width` rounded to a multiple of `divisor`, never more than a tenth below."""
    scaled = max(divisor, int(channels * width + divisor / 2) // divisor * divisor)
    return scaled + divisor if scaled < 0.9 * channels * width else scaled


class InvertedResidual(nn.Module):
    """1 x 1 expansion, 3 x 3 depthwise, linear 1 x 1 projection (Sandler et al. 2018, table 1), then scSE."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        expansion: int,
        stride: int,
        dilation: int,
        activation: ActivationName,
        with_scse: bool,
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        expand = [ConvNormAct(in_channels, hidden, 1, activation=activation)] if expansion != 1 else []
        self.body = nn.Sequential(
            *expand,
            ConvNormAct(hidden, hidden, stride=stride, dilation=dilation, groups=hidden, activation=activation),
            ConvNormAct(hidden, out_channels, 1, activation="none"),
        )
        self.gate = ScSE(out_channels) if with_scse else nn.Identity()
        self.adds_input = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> `(N, D, H / stride, W / stride)`."""
        y = self.gate(self.body(x))
        return x + y if self.adds_input else y


class MobileNetV2Encoder(nn.Module):
    """Image `(N, 3, H, W)` in [0, 1] -> features at 1/2, 1/4 and 1 / `output_stride`.

    Where the next stride would pass `output_stride`, the stage keeps its size and dilates instead (Chen et al. 2017,
    sec. 3.1).
    """

    def __init__(
        self,
        *,
        width: float = 1.0,
        output_stride: int = 16,
        activation: ActivationName = "relu6",
        with_scse: bool = True,
    ) -> None:
        super().__init__()
        channels = scale_channels(32, width)
        self.stem = ConvNormAct(3, channels, stride=2, activation=activation)
        self.blocks = nn.ModuleList()
        self.stage_ends: list[int] = []
        self.half_channels = channels
        stride, dilation = 2, 1
        for expansion, stage_channels, repeats, stage_stride in _STAGES:
            entry_stride, entry_dilation = stage_stride, dilation
            if stage_stride == 2 and stride == output_stride:
                # The entry block still looks at undilated neighbours; only what follows has to reach further.
                entry_stride, dilation = 1, dilation * 2
            stride *= entry_stride
            out_channels = scale_channels(stage_channels, width)
            for repeat in range(repeats):
                self.blocks.append(
                    InvertedResidual(
                        channels,
                        out_channels,
                        expansion=expansion if repeat == 0 or expansion == 1 else 6,
                        stride=entry_stride if repeat == 0 else 1,
                        dilation=entry_dilation if repeat == 0 else dilation,
                        activation=activation,
                        with_scse=with_scse,
                    )
                )
                channels = out_channels
            self.stage_ends.append(len(self.blocks) - 1)
        self.quarter_channels = scale_channels(_STAGES[_QUARTER_STAGE][1], width)
        self.out_channels = channels
        self.output_stride = stride
        self._frozen_blocks = 0

    def freeze_first_blocks(self, count: int) -> None:
        """Stop the stem and the first `count` blocks from learning, their batch statistics included; 0 frees all.

        Raises ValueError if there are fewer blocks than that.
        """
        if not 0 <= count <= len(self.blocks):
            raise ValueError(f"count is {count}; expected 0 to {len(self.blocks)}")
        self._frozen_blocks = count
        for index, block in enumerate(self.blocks):
            block.requires_grad_(index >= count)
        self.stem.requires_grad_(count == 0)
        self.train(self.training)

    def train(self, mode: bool = True) -> MobileNetV2Encoder:  # noqa: FBT001, FBT002  torch's own signature
        """Set training mode, but leave frozen blocks in eval mode, so that their running statistics stay."""
        super().train(mode)
        if self._frozen_blocks:
            for part in (self.stem, *self.blocks[: self._frozen_blocks]):
                part.eval()
        return self

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`(N, 3, H, W)` -> `(N, C2, H/2, W/2)`, `(N, C4, H/4, W/4)`, `(N, C, H/s, W/s)`."""
        half = x = self.stem(image * 2 - 1)
        quarter = x
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index == self.stage_ends[_QUARTER_STAGE]:
                quarter = x
        return half, quarter, x
