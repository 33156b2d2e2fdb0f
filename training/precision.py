"""In which number format and memory order the nets compute: bfloat16 and channels-last where there is a GPU."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_cpu_format = torch.float32


def pick_device(*, cudnn_search: bool, cpu_bfloat16: bool = False) -> torch.device:
    """The GPU if there is one. `cudnn_search` times cuDNN's algorithms for each new shape.

    A minute at the start, faster steps. `cpu_bfloat16` lets a CPU compute in bfloat16 too: twice as fast where it has
    instructions for that (AVX512-BF16, AMX), slower elsewhere.
    """
    global _cpu_format  # noqa: PLW0603  one number format a process, as torch keeps its own
    _cpu_format = torch.bfloat16 if cpu_bfloat16 else torch.float32
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.backends.cudnn.benchmark = cudnn_search
    torch.set_float32_matmul_precision("high")  # TF32 where something is left in float32; cuDNN's default already
    return torch.device("cuda")


def describe(device: torch.device) -> str:
    """The device and the library, in words."""
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    return f"torch {torch.__version__} on {name}"


def describe_peak(device: torch.device) -> str:
    """The most memory that tensors took on a GPU, in words; nothing on a CPU."""
    return f", {torch.cuda.max_memory_allocated() / 2**30:.0f} GiB of the GPU" if device.type == "cuda" else ""


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 on a GPU, where it halves time and memory, and on a CPU that was asked to; float32 otherwise."""
    enabled = device.type == "cuda" or _cpu_format is torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def to_input(image: Tensor) -> Tensor:
    """Channels-last, which halves the time of a training step on a GPU (and the same numbers)."""
    return image.contiguous(memory_format=torch.channels_last)


def to_float(samples: npt.NDArray[np.uint8], *, device: torch.device) -> Tensor:
    """uint8 `(N, H, W, 3)`, `(N, H, W)` or `(N, C, H, W)` -> float `(N, C, H, W)` in [0, 1] on the device."""
    tensor = torch.from_numpy(np.ascontiguousarray(samples)).to(device)
    if tensor.dim() == 3:
        tensor = tensor.unsqueeze(1)
    elif tensor.shape[-1] == 3:
        tensor = tensor.permute(0, 3, 1, 2)
    return tensor.float() / 255


def to_uint8(image: Tensor) -> npt.NDArray[np.uint8]:
    """Float `(3, H, W)` or `(1, H, W)` in [0, 1] -> uint8 `(H, W, 3)`."""
    levels = (image.detach().float().clamp(0, 1) * 255).round().byte().cpu()
    return np.ascontiguousarray(levels.expand(3, -1, -1).permute(1, 2, 0).numpy())
