"""Convolutions of many networks at once, each with its own weights and images, on a CPU.

Maps are ``(B, H, C, W, n)`` for B networks and n images each.  The rows of a map that a kernel covers are
then one matrix ``(h C, W n)`` as they lie in memory, and a tap of the kernel is a shift along its columns.
So a row of the output is a sum of ``w`` matrix products and nothing has to be copied, neither forward nor
backward.  Where a kernel covers few channels these products are too thin, and what each tap sees is copied
side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, final

import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Conv, Size

# Rows of the matrices from which on the products need no copies to be fast.
_ENOUGH: Final = 16


def convolve(layer: Conv, weight: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    """``(B, H', O, W', n)`` for a map ``(B, H, C, W, n)``; differentiable.

    Args:
        layer: stride, padding, dilation and groups.
        weight: ``(B, O, C / groups, h, w)``.
        bias: ``(B, O)`` or None.
        x: its first dimension may be 1: the same map for all networks.

    Raises:
        ArchitectureError: the map is smaller than the kernel.
    """
    networks, groups = len(weight), layer.groups
    if groups > 1:
        # The groups of a network are as independent as networks are.
        x = x.expand(networks, *x.shape[1:]).unflatten(2, (groups, -1)).movedim(2, 1).flatten(0, 1)
        weight = weight.unflatten(1, (groups, -1)).flatten(0, 1)
        bias = None if bias is None else bias.unflatten(1, (groups, -1)).flatten(0, 1)
    shape = _Shape.from_layer(layer, (x.shape[1], x.shape[3]))
    thin = x.shape[2] * layer.kernel[0] < _ENOUGH or layer.dilation != (1, 1)
    kind = _ByCopies if thin else _InPlace
    y: Tensor = kind.apply(x.contiguous(), weight, bias, shape)
    return y if groups == 1 else y.unflatten(0, (networks, groups)).movedim(1, 2).flatten(2, 3)


@dataclass(frozen=True)
class _Tap:
    """Where a tap reads along one axis: at places ``start, start + stride, ...`` for outputs low to high."""

    number: int
    low: int
    high: int
    start: int


@final
@dataclass(frozen=True)
class _Shape:
    """Sizes of a convolution, and what its taps reach."""

    kernel: Size
    stride: Size
    padding: Size
    dilation: Size
    input: Size
    output: Size
    rows: tuple[_Tap, ...]
    columns: tuple[_Tap, ...]

    @classmethod
    @lru_cache(maxsize=256)
    def from_layer(cls, layer: Conv, size: Size) -> _Shape:
        """The shape of `layer` on maps of `size`."""
        output = tuple(
            (size[axis] + 2 * layer.padding[axis] - layer.dilation[axis] * (layer.kernel[axis] - 1) - 1)
            // layer.stride[axis]
            + 1
            for axis in (0, 1)
        )
        if min(output) < 1:
            raise ArchitectureError(
                f"convolution {layer.name!r} with a kernel of {layer.kernel} finds a map of "
                f"{size[0]} x {size[1]}, which is smaller; use larger images, padding or fewer layers"
            )
        taps = [_taps(layer, axis, size[axis], output[axis]) for axis in (0, 1)]
        return cls(
            layer.kernel,
            layer.stride,
            layer.padding,
            layer.dilation,
            size,
            (output[0], output[1]),
            taps[0],
            taps[1],
        )


def _taps(layer: Conv, axis: int, length: int, outputs: int) -> tuple[_Tap, ...]:
    stride, found = layer.stride[axis], []
    for number in range(layer.kernel[axis]):
        first = number * layer.dilation[axis] - layer.padding[axis]
        low = -(first // stride) if first < 0 else 0
        high = min(outputs, (length - 1 - first) // stride + 1)
        if high > low:
            found.append(_Tap(number, low, high, low * stride + first))
    return tuple(found)


class _InPlace(torch.autograd.Function):
    """The method for kernels over many channels; no dilation."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, shape: _Shape) -> Tensor:
        networks, outputs = weight.shape[:2]
        size = (networks, shape.output[0], outputs, shape.output[1], x.shape[4])
        y = x.new_zeros(size) if bias is None else bias[:, None, :, None, None].expand(size).contiguous()
        phases = _phases(x, shape)
        matrices = _Matrices(weight)
        for part, seen, made in _products(phases, y, shape):
            made.baddbmm_(matrices[part], seen)
        ctx.save_for_backward(weight, *phases)
        ctx.shape, ctx.size = shape, x.shape
        return y

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        weight, *phases = ctx.saved_tensors
        shape, delta = ctx.shape, upstream[0].contiguous()
        matrices, by_matrices = _Matrices(weight), _Matrices(torch.zeros_like(weight))
        for part, seen, made in _products(phases, delta, shape):
            by_matrices[part].baddbmm_(made, seen.mT)
        by_bias = delta.sum(dim=(1, 3, 4)) if ctx.needs_input_grad[2] else None
        if not ctx.needs_input_grad[0]:
            return None, by_matrices.weight(), by_bias, None
        parts = [delta.new_zeros(len(weight), *phase.shape[1:]) for phase in phases]
        for part, seen, made in _products(parts, delta, shape):
            seen.baddbmm_(matrices[part].mT, made)
        by_input = parts[0]
        if len(parts) > 1:
            by_input = delta.new_empty(len(weight), *ctx.size[1:])
            for number, values in enumerate(parts):
                by_input[:, :, :, number :: len(parts)] = values
        return by_input.sum_to_size(ctx.size), by_matrices.weight(), by_bias, None


def _phases(x: Tensor, shape: _Shape) -> list[Tensor]:
    """Columns of the map that one tap reads lie side by side: one part of `x` per remainder of the stride."""
    stride = shape.stride[1]
    return [x] if stride == 1 else [x[:, :, :, number::stride].contiguous() for number in range(stride)]


_Part = tuple[int, int, int]


class _Matrices:
    """Weights ``(B, O, C, h, w)`` as one matrix ``(B, O, h C)`` per tap of a row of the kernel.

    A part ``(tap, first, last)`` is what the rows of the kernel from first to last have in it, as a view.
    """

    def __init__(self, weight: Tensor) -> None:
        self._channels, self._height = weight.shape[2:4]
        self._all = weight.permute(4, 0, 1, 3, 2).flatten(3).contiguous()
        self._parts: dict[_Part, Tensor] = {}

    def __getitem__(self, part: _Part) -> Tensor:
        found = self._parts.get(part)
        if found is None:
            tap, first, last = part
            found = self._all[tap].narrow(2, first * self._channels, (last - first) * self._channels)
            self._parts[part] = found
        return found

    def weight(self) -> Tensor:
        """The way back to ``(B, O, C, h, w)``."""
        return self._all.unflatten(3, (self._height, self._channels)).permute(1, 2, 4, 3, 0)


def _products(phases: list[Tensor], y: Tensor, shape: _Shape) -> Iterator[tuple[_Part, Tensor, Tensor]]:
    """The products that make up a convolution, row by row of the output.

    Yields:
        The part of the matrices that lies inside the map, what it reads ``(B, h C, m n)`` and where its
        product goes ``(B, O, m n)``, both as views.
    """
    networks, _, outputs, across, images = y.shape
    channels, stride = phases[0].shape[2], shape.stride[1]
    taps = []
    for tap in shape.columns:
        phase = phases[tap.start % stride]
        steps = (phase.stride(0) if len(phase) == networks else 0, phase.stride(2), 1)
        begin = phase.storage_offset() + tap.start // stride * images
        taps.append((tap, phase, steps, phase.stride(1), begin, (tap.high - tap.low) * images))
    for row in range(shape.output[0]):
        top = row * shape.stride[0] - shape.padding[0]
        first, last = max(0, -top), min(shape.kernel[0], shape.input[0] - top)
        place = y.storage_offset() + row * outputs * across * images
        for tap, phase, steps, line, begin, length in taps if first < last else ():
            # Views by hand: this is done for every row and tap of every step.
            seen = phase.as_strided(
                (networks, (last - first) * channels, length), steps, (top + first) * line + begin
            )
            made = y.as_strided(
                (networks, outputs, length), (y.stride(0), y.stride(2), 1), place + tap.low * images
            )
            yield (tap.number, first, last), seen, made


class _ByCopies(torch.autograd.Function):
    """The method for kernels over few channels, and for dilation."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, shape: _Shape) -> Tensor:
        networks, outputs = weight.shape[:2]
        columns = _columns(x, shape)
        matrix = _per_row(weight, shape)
        seen = columns.expand(networks, *columns.shape[1:]).flatten(0, 1)
        if bias is None:
            y = torch.bmm(matrix, seen)
        else:
            y = torch.baddbmm(bias.repeat_interleave(shape.output[0], dim=0)[..., None], matrix, seen)
        ctx.save_for_backward(columns, weight)
        ctx.shape, ctx.size = shape, x.shape
        return y.view(networks, shape.output[0], outputs, shape.output[1], x.shape[4])

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        columns, weight = ctx.saved_tensors
        shape, networks = ctx.shape, len(weight)
        delta = upstream[0].reshape(networks * shape.output[0], weight.shape[1], -1)
        seen = columns.expand(networks, *columns.shape[1:]).flatten(0, 1)
        by_matrix = torch.bmm(delta, seen.mT).unflatten(0, (networks, -1)).sum(dim=1)
        by_weight = by_matrix.view(weight.shape)
        by_bias = upstream[0].sum(dim=(1, 3, 4)) if ctx.needs_input_grad[2] else None
        if not ctx.needs_input_grad[0]:
            return None, by_weight, by_bias, None
        by_columns = torch.bmm(_per_row(weight, shape).mT, delta).view(networks, *columns.shape[1:])
        by_input = _scatter(by_columns, shape, (networks, *ctx.size[1:]))
        return by_input.sum_to_size(ctx.size), by_weight, by_bias, None


def _per_row(weight: Tensor, shape: _Shape) -> Tensor:
    """One matrix ``(O, C h w)`` per network and row of the output."""
    return weight.flatten(2).repeat_interleave(shape.output[0], dim=0)


def _columns(x: Tensor, shape: _Shape) -> Tensor:
    """What each tap sees, ``(B, H', C h w, W' n)``."""
    networks, _, channels, _, images = x.shape
    down, across = shape.padding
    if down or across:
        x = F.pad(x, (0, 0, across, across, 0, 0, down, down))
    row, column = x.stride(1), x.stride(3)
    size = (networks, shape.output[0], channels, *shape.kernel, shape.output[1], images)
    over_rows = (row * shape.stride[0], x.stride(2), row * shape.dilation[0])
    over_columns = (column * shape.dilation[1], column * shape.stride[1], 1)
    # All that the taps see as one view that overlaps itself, so that a single operation copies it.
    seen = x.as_strided(size, (x.stride(0), *over_rows, *over_columns), x.storage_offset())
    return seen.reshape(networks, shape.output[0], -1, shape.output[1] * images)


def _scatter(columns: Tensor, shape: _Shape, size: tuple[int, ...]) -> Tensor:
    """The transpose of :func:`_columns`."""
    x = columns.new_zeros(size)
    parts = columns.view(size[0], shape.output[0], size[2], *shape.kernel, shape.output[1], size[4])
    for down, across, source in _places(shape):
        x[:, source[0], :, source[1]] += parts[
            :, down.low : down.high, :, down.number, across.number, across.low : across.high
        ]
    return x


def _places(shape: _Shape) -> Iterator[tuple[_Tap, _Tap, tuple[slice, slice]]]:
    """Every tap, and which part of the map it reads."""
    for down in shape.rows:
        for across in shape.columns:
            source = [
                slice(tap.start, tap.start + (tap.high - tap.low - 1) * stride + 1, stride)
                for tap, stride in zip((down, across), shape.stride, strict=True)
            ]
            yield down, across, (source[0], source[1])
