"""The bricks that several networks share: convolution + norm + activation, separable, residual, scSE, RFB, ASPP."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

ActivationName: TypeAlias = Literal["relu", "relu6", "selu", "leaky_relu", "none"]


def make_activation(name: ActivationName) -> nn.Module:
    """The activation called `name`; raises ValueError for a name that is none of ours."""
    if name == "relu":
        return nn.ReLU(inplace=True)
    if name == "relu6":
        return nn.ReLU6(inplace=True)
    if name == "selu":
        return nn.SELU(inplace=True)
    if name == "leaky_relu":
        return nn.LeakyReLU(0.2, inplace=True)
    if name == "none":
        return nn.Identity()
    raise ValueError(f"activation is {name!r}; expected relu, relu6, selu, leaky_relu or none")


class ConvNormAct(nn.Sequential):
    """Convolution, batch norm, activation. `(N, C, H, W)` -> `(N, D, ceil(H / stride), ceil(W / stride))`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        activation: ActivationName = "relu",
    ) -> None:
        padding = dilation * (kernel - 1) // 2
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias=False),
            nn.BatchNorm2d(out_channels),
            make_activation(activation),
        )


class SeparableConv(nn.Sequential):
    """Depthwise k x k, then pointwise 1 x 1, each with norm and activation (Howard et al. 2017, MobileNets, fig. 3)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        activation: ActivationName = "relu",
    ) -> None:
        depthwise = ConvNormAct(
            in_channels,
            in_channels,
            kernel,
            stride=stride,
            dilation=dilation,
            groups=in_channels,
            activation=activation,
        )
        super().__init__(depthwise, ConvNormAct(in_channels, out_channels, 1, activation=activation))


class ResidualBlock(nn.Module):
    """`y = act(x + F(x))` with two 3 x 3 convolutions (He et al. 2016, eq. 1). `(N, C, H, W)` -> the same."""

    def __init__(self, channels: int, *, dilation: int = 1, activation: ActivationName = "relu") -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvNormAct(channels, channels, dilation=dilation, activation=activation),
            ConvNormAct(channels, channels, dilation=dilation, activation="none"),
        )
        self.activation = make_activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> `(N, C, H, W)`."""
        return self.activation(x + self.body(x))


class ScSE(nn.Module):
    """Concurrent spatial and channel squeeze-and-excitation (Roy et al. 2018, eq. 2-5), in the sum form.

    The hard sigmoid stands in for the sigmoid: it starts at 0.5 + 0.5 = 1, so a fresh block is nearly the identity.
    The channel gate averages over the whole input, so what it says depends on the tile it sees.
    """

    def __init__(self, channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        squeezed = max(8, channels // reduction)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.excite = nn.Conv2d(squeezed, channels, 1)
        self.spatial = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> `(N, C, H, W)`."""
        pooled = x.mean((2, 3), keepdim=True)  # (N, C, 1, 1)
        channel_gate = F.hardsigmoid(self.excite(F.relu(self.squeeze(pooled))))
        return x * (channel_gate + F.hardsigmoid(self.spatial(x)))


class ImagePooling(nn.Module):
    """Image-level features (Chen et al. 2017, DeepLabv3, sec. 3.3): mean over the input, 1 x 1, spread back.

    No batch norm: over one value per image it would divide by nothing when a batch holds one image.
    """

    def __init__(self, in_channels: int, out_channels: int, *, activation: ActivationName) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), make_activation(activation))

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> `(N, D, H, W)`, constant over H and W."""
        return self.project(x.mean((2, 3), keepdim=True)).expand(-1, -1, x.shape[2], x.shape[3])


class ReceptiveFieldBlock(nn.Module):
    """RFB (Liu et al. 2018, "Receptive Field Block Net", fig. 4).

    K x k, then 3 x 3 with atrous rate k, for k = 3, 5, 7.

    The k x k convolutions are depthwise-separable; a plain 3 x 3 branch keeps what is small, a 1 x 1 shortcut what is
    there. `image_pooling` adds the mean over the whole input: leave it out where a result must not depend on the
    tile.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        branch_channels: int = 64,
        activation: ActivationName = "relu",
        image_pooling: bool = False,
    ) -> None:
        super().__init__()
        plain = nn.Sequential(
            ConvNormAct(in_channels, branch_channels, 1, activation=activation),
            ConvNormAct(branch_channels, branch_channels, activation=activation),
        )
        wide = [
            nn.Sequential(
                ConvNormAct(in_channels, branch_channels, 1, activation=activation),
                SeparableConv(branch_channels, branch_channels, kernel, activation=activation),
                ConvNormAct(branch_channels, branch_channels, dilation=kernel, activation=activation),
            )
            for kernel in (3, 5, 7)
        ]
        pooled = [ImagePooling(in_channels, branch_channels, activation=activation)] if image_pooling else []
        self.branches = nn.ModuleList([plain, *wide, *pooled])
        self.fuse = ConvNormAct(branch_channels * len(self.branches), out_channels, 1, activation="none")
        self.shortcut = ConvNormAct(in_channels, out_channels, 1, activation="none")
        self.activation = make_activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> `(N, D, H, W)`."""
        branches = torch.cat([branch(x) for branch in self.branches], dim=1)
        return self.activation(self.fuse(branches) + self.shortcut(x))


class AtrousPyramid(nn.Module):
    """ASPP (Chen et al. 2017, DeepLabv3, fig. 5): 1 x 1, three atrous 3 x 3 and the image's mean, side by side."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        rates: tuple[int, ...] = (6, 12, 18),
        activation: ActivationName = "relu",
    ) -> None:
        super().__init__()
        atrous = [ConvNormAct(in_channels, out_channels, dilation=rate, activation=activation) for rate in rates]
        self.branches = nn.ModuleList(
            [
                ConvNormAct(in_channels, out_channels, 1, activation=activation),
                *atrous,
                ImagePooling(in_channels, out_channels, activation=activation),
            ]
        )
        self.fuse = ConvNormAct(out_channels * len(self.branches), out_channels, 1, activation=activation)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` -> `(N, D, H, W)`."""
        return self.fuse(torch.cat([branch(x) for branch in self.branches], dim=1))


def upsample(x: Tensor, factor: int = 2) -> Tensor:
    """Bilinear, pixel centres aligned to cell centres. `(N, C, H, W)` -> `(N, C, factor * H, factor * W)`."""
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def init_weights(module: nn.Module, *, activation: ActivationName = "relu") -> None:
    """Kaiming's normal init for the ReLU family (He et al. 2015, eq. 14), LeCun's for SELU (Klambauer et al. 2017).

    The last norm of each residual body starts at 0, so a fresh residual block is the identity.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(
                part.weight, mode="fan_in", nonlinearity="linear" if activation == "selu" else "relu"
            )
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    for part in module.modules():
        if isinstance(part, ResidualBlock):
            nn.init.zeros_(part.body[1][1].weight)
        if isinstance(part, ScSE):
            nn.init.normal_(part.excite.weight, std=0.01)
            nn.init.normal_(part.spatial.weight, std=0.01)


def init_head(conv: nn.Conv2d, *, prior_logit: float) -> None:
    """Let a head begin by saying `prior_logit` everywhere: no step is then spent on learning how rare text is."""
    assert conv.bias is not None
    nn.init.normal_(conv.weight, std=0.01)
    nn.init.constant_(conv.bias, prior_logit)


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """Fold each norm that directly follows a convolution into it, in place; the module must be in eval mode.

    What is computed stays the same up to rounding. The exporter would fold them too, but after the weights were
    rounded: then what ships is not what was compared. Parts other than `ConvNormAct` bring a `fold_norm()`.
    """
    assert not module.training, "norms are folded with their running statistics: call eval() first"
    for part in module.modules():
        if isinstance(part, ConvNormAct) and isinstance(part[1], nn.BatchNorm2d):
            part[0] = fuse_conv_bn_eval(part[0], part[1])
            part[1] = nn.Identity()
        elif hasattr(part, "fold_norm"):
            part.fold_norm()
    return module


@torch.no_grad()
def count_costs(module: nn.Module, *inputs: Tensor) -> tuple[int, int]:
    """(parameters, multiply-accumulates of the convolutions) of one forward pass over `inputs`.

    Batch size not counted.
    """
    macs = 0

    def add(conv: nn.Conv2d, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal macs
        macs += output[0].numel() * conv.weight[0].numel()

    hooks = [part.register_forward_hook(add) for part in module.modules() if isinstance(part, nn.Conv2d)]
    was_training = module.training
    module.eval()
    module(*inputs)
    module.train(was_training)
    for hook in hooks:
        hook.remove()
    return sum(parameter.numel() for parameter in module.parameters()), macs
