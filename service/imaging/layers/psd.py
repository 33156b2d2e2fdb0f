"""Photoshop files (Adobe Photoshop File Formats Specification, 2019), by psd-tools: an optional extra.

Its document model would render each page anew, and hold it four times. So the parts of the file, which are the
library's, are written here one after the other, and no more than one channel is held beside the file itself.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from psd_tools.compression import encode_rle
from psd_tools.constants import ChannelID, Clipping, ColorMode, Compression, Resource, Tag
from psd_tools.psd.bin_utils import write_length_block
from psd_tools.psd.color_mode_data import ColorModeData
from psd_tools.psd.header import FileHeader
from psd_tools.psd.image_resources import ImageResource, ImageResources
from psd_tools.psd.layer_and_mask import ChannelData, ChannelInfo, LayerFlags, LayerRecord
from psd_tools.psd.tagged_blocks import TaggedBlocks

from service.imaging.arrays import Box
from service.imaging.layers.stack import MASK, ORIGINAL, Cover, Stack
from service.imaging.stored import Metadata, Samples

_MODES = {1: ColorMode.GRAYSCALE, 3: ColorMode.RGB, 4: ColorMode.CMYK}
_ZLIB_LEVEL = 3
"""Level 6 takes twice the time for a few per cent."""
_ROWS_AT_ONCE = 256
"""So many rows are packed at a time: packing copies them several times over."""


@dataclass(frozen=True)
class _Layer:
    name: str
    box: Box
    planes: Callable[[], Iterator[Samples]]
    """Makes the `(h, w)` samples of each colour, then of the layer's own alpha, as the format counts."""
    visible: bool = True
    clipped: bool = False
    """Whether it keeps to the opacity of the lowest layer."""


def write(stack: Stack, metadata: Metadata, *, check: Callable[[], None] = lambda: None) -> bytes:
    """Write the file, with every sample of the stack as it is; `check` is called before each layer.

    The merged picture, for readers that know no layers, is the cleaned one, on white where it is transparent.
    """
    height, width = stack.size_hw
    channels, depth = stack.colours + stack.has_alpha, stack.cleaned.bits
    file = io.BytesIO()
    FileHeader(channels=channels, height=height, width=width, depth=depth, color_mode=_MODES[stack.colours]).write(file)
    ColorModeData().write(file)
    _resources(metadata).write(file)
    write_length_block(file, partial(_write_section, stack=stack, check=check))
    check()
    _write_merged(file, stack)
    return file.getvalue()


def _write_section(file: IO[bytes], *, stack: Stack, check: Callable[[], None]) -> int:
    start = file.tell()
    write_layers = partial(_write_layers, stack=stack, check=check)
    nothing = bytes(4)
    if stack.cleaned.bits == 8:
        write_length_block(file, write_layers)
        file.write(nothing)  # no mask for all layers
    else:  # Photoshop looks for deep layers in a block of their own
        file.write(nothing + nothing + b"8BIM" + Tag.LAYER_16.value)
        write_length_block(file, write_layers)
    return file.tell() - start


def _write_layers(file: IO[bytes], *, stack: Stack, check: Callable[[], None]) -> int:
    """The records of all layers, from the lowest to the highest, then their samples."""
    start = file.tell()
    layers = list(_layers(stack))
    # A negative number of layers says that the merged picture has alpha.
    file.write(struct.pack(">h", -len(layers) if stack.has_alpha else len(layers)))
    records = [_record(layer, stack.colours) for layer in layers]
    records_at = file.tell()
    for record in records:
        record.write(file)
    for layer, record in zip(layers, records, strict=True):
        check()
        for info, plane in zip(record.channel_info, layer.planes(), strict=True):
            info.length = _packed(plane).write(file)
    end = file.tell()
    file.seek(records_at)
    for record in records:  # now that the lengths are known
        record.write(file)
    file.seek(end)
    file.write(bytes(-(end - start) % 4))
    return file.tell() - start


def _layers(stack: Stack) -> Iterator[_Layer]:
    """From the lowest to the highest."""
    height, width = stack.size_hw
    page, clips = (0, 0, width, height), stack.clips
    yield _Layer(ORIGINAL, page, partial(_page_planes, stack))
    for cover in stack.covers:
        yield _Layer(cover.name, cover.box, partial(_cover_planes, stack, cover), clipped=clips)
    yield _Layer(MASK, page, partial(_mask_planes, stack), visible=False)


def _page_planes(stack: Stack) -> Iterator[Samples]:
    yield from _planes(stack, stack.original.samples)
    if not stack.has_alpha:
        yield _everywhere(stack, stack.top)


def _cover_planes(stack: Stack, cover: Cover) -> Iterator[Samples]:
    return _planes(stack, stack.samples_of(cover))


def _mask_planes(stack: Stack) -> Iterator[Samples]:
    """White where it erases: light in each channel, or, of inks, nothing but missing black."""
    white = stack.mask if stack.cleaned.bits == 8 else stack.mask.astype(np.uint16) * 257
    none = _everywhere(stack, stack.top)
    yield from [none, none, none, white] if stack.colours == 4 else [white] * stack.colours
    yield none


def _planes(stack: Stack, samples: Samples) -> Iterator[Samples]:
    """Each channel of `(h, w[, C])` samples as the format counts: inks from 0 = full to 255 = none."""
    if samples.ndim == 2:
        yield samples
        return
    for at in range(samples.shape[2]):
        yield ~samples[..., at] if stack.colours == 4 and at < 4 else samples[..., at]


def _everywhere(stack: Stack, value: int) -> Samples:
    return np.broadcast_to(stack.cleaned.samples.dtype.type(value), stack.size_hw)


def _record(layer: _Layer, colours: int) -> LayerRecord:
    left, top, right, bottom = layer.box
    tags = TaggedBlocks()
    tags.set_data(Tag.UNICODE_LAYER_NAME, layer.name)
    # Colours first: Pillow takes the channels of a layer in this order, whatever their numbers.
    numbers = [*(ChannelID(at) for at in range(colours)), ChannelID.TRANSPARENCY_MASK]
    return LayerRecord(
        top=top,
        left=left,
        bottom=bottom,
        right=right,
        channel_info=[ChannelInfo(number) for number in numbers],
        clipping=Clipping.NON_BASE if layer.clipped else Clipping.BASE,
        flags=LayerFlags(visible=layer.visible),
        name=layer.name,
        tagged_blocks=tags,
    )


def _packed(plane: Samples) -> ChannelData:
    """One channel: runs at 8 bits; deflated at 16, where runs of bytes find little to save."""
    if plane.dtype == np.uint8:
        lengths, runs = zip(*(_runs(plane[rows]) for rows in _bands(len(plane))), strict=True)
        return ChannelData(Compression.RLE, _joined(b"".join(lengths), b"".join(runs)))
    # Without prediction, which saves more: Krita 5.1 misreads it at 16 bits.
    deflate = zlib.compressobj(_ZLIB_LEVEL)
    parts = [deflate.compress(plane[rows].astype(">u2").tobytes()) for rows in _bands(len(plane))]
    return ChannelData(Compression.ZIP, b"".join([*parts, deflate.flush()]))


def _joined(lengths: bytes, runs: bytes) -> bytes:
    """Lengths and rows as one channel, with a no-op before the last row where its end would be odd.

    Pillow looks for the next channel at an even place; GIMP, right behind this one.
    """
    if len(runs) % 2 == 0:
        return lengths + runs
    (last,) = struct.unpack(">H", lengths[-2:])
    return b"".join([lengths[:-2], struct.pack(">H", last + 1), runs[:-last], b"\x80", runs[-last:]])


def _resources(metadata: Metadata) -> ImageResources:
    resources = ImageResources()
    for key, data in (
        (Resource.ICC_PROFILE, metadata.icc),
        (Resource.EXIF_DATA_1, metadata.exif),
        (Resource.XMP_METADATA, metadata.xmp),
        (Resource.RESOLUTION_INFO, _resolution(metadata.dpi) if metadata.dpi else None),
    ):
        if data:
            resources[key] = ImageResource(key=key, data=data)
    return resources


def _resolution(dpi: tuple[float, float]) -> bytes:
    """Pixels an inch, as fixed-point numbers of 16.16 bits; to be shown as such, and sizes in inches."""
    across, down = (min(max(round(value * 65536), 1), 2**31 - 1) for value in dpi)
    return struct.pack(">IHHIHH", across, 1, 1, down, 1, 1)


def _write_merged(file: IO[bytes], stack: Stack) -> None:
    """Every row of every channel as runs; the lengths of all rows stand before the first."""
    file.write(struct.pack(">H", Compression.RLE.value))
    lengths_at = file.tell()
    height = stack.size_hw[0]
    file.write(bytes(2 * height * (stack.colours + stack.has_alpha)))
    alpha = stack.cleaned.samples[..., -1] if stack.has_alpha else None
    lengths: list[bytes] = []
    for number, plane in enumerate(_planes(stack, stack.cleaned.samples)):
        for rows in _bands(height):
            is_light = alpha is not None and number < stack.colours
            shown = _on_white(plane[rows], alpha[rows]) if is_light else plane[rows]  # type: ignore[index]
            band_lengths, runs = _runs(shown)
            lengths.append(band_lengths)
            file.write(runs)
    file.seek(lengths_at)
    file.write(b"".join(lengths))


def _on_white(plane: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> Samples:
    """Light as it shows on white paper: how this format keeps merged pictures."""
    top = int(np.iinfo(alpha.dtype).max)
    opacity = alpha.astype(np.uint32)
    return np.asarray((plane * opacity + top * (top - opacity) + top // 2) // top, alpha.dtype)


def _bands(height: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS_AT_ONCE) for start in range(0, height, _ROWS_AT_ONCE))


def _runs(rows: npt.NDArray[Any]) -> tuple[bytes, bytes]:
    """The length of each row, and the rows as runs of bytes."""
    height, width = rows.shape
    big_endian = rows.astype(rows.dtype.newbyteorder(">"))
    data = encode_rle(big_endian.tobytes(), width, height, 8 * rows.itemsize, 1)
    return data[: 2 * height], data[2 * height :]
