"""An example of the input of ``nn.Sequential``, whose first layer says what it takes."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError

from ._exporting import evaluating

SIZES: Final = (32, 28, 64, 96, 128, 224, 227, 256, 299, 16, 14, 12, 8, 4, 2, 1)
"""Sides of images, and lengths of sequences, in the order in which they are tried."""
_LENGTH: Final = 8
"""Of sequences of tokens."""
_LARGEST_CUBE: Final = 32
_CONVOLUTIONS: Final = (
    ((nn.Conv1d, nn.ConvTranspose1d), 1),
    ((nn.Conv2d, nn.ConvTranspose2d), 2),
    ((nn.Conv3d, nn.ConvTranspose3d), 3),
)
_NORMS: Final = (
    ((nn.InstanceNorm1d,), 1),
    ((nn.BatchNorm2d, nn.InstanceNorm2d), 2),
    ((nn.BatchNorm3d, nn.InstanceNorm3d), 3),
)


def example_of(module: nn.Sequential) -> Tensor:
    """An input that a network takes, with one entry along the batch.

    The first layer that says what it takes says it here: a ``Linear`` its width, an ``Embedding`` that it
    takes integers, a convolution its channels.  Sides of images are tried, 32 first, then :data:`SIZES` in
    order; the first with which the network runs is taken.  All numbers are 0.

    Args:
        module: layers in order.

    Raises:
        ProgramError: no layer says what it takes, or nothing that was tried runs.
    """
    first = next((layer for layer in module.modules() if _shapes(layer) is not None), None)
    shapes = None if first is None else _shapes(first)
    if first is None or shapes is None:
        raise ProgramError(
            "no layer of the network says what the network takes, expected a Linear, an Embedding, a "
            "convolution, a norm or a recurrent layer first; give example_inputs"
        )
    like = next((value for value in module.parameters() if value.is_floating_point()), torch.zeros(0))
    dtype = torch.int64 if isinstance(first, nn.Embedding | nn.EmbeddingBag) else like.dtype
    tried = []
    for shape in shapes:
        example = torch.zeros(shape, dtype=dtype, device=like.device)
        if _runs(module, example):
            return example
        tried.append("x".join(map(str, shape)))
    raise ProgramError(
        f"the network does not run on inputs of the shapes {', '.join(tried)}, which its first "
        f"{type(first).__name__} would take, expected one of them to fit; give example_inputs"
    )


def _runs(module: nn.Sequential, example: Tensor) -> bool:
    with evaluating(module), torch.no_grad():
        try:
            module(example)
        # Whatever a layer says about a size that does not fit it.
        except Exception:
            return False
    return True


def _shapes(layer: nn.Module) -> list[tuple[int, ...]] | None:
    """The shapes of inputs to try for a first layer; None if it says nothing."""
    if isinstance(layer, nn.Linear):
        return [(1, layer.in_features)]
    if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
        return [(1, _LENGTH)]
    if isinstance(layer, nn.RNNBase):
        return [(1, _LENGTH, layer.input_size) if layer.batch_first else (_LENGTH, 1, layer.input_size)]
    if isinstance(layer, nn.LayerNorm | nn.RMSNorm):
        return [(1, *layer.normalized_shape)]
    if isinstance(layer, nn.Unflatten):
        return [(1, math.prod(map(int, layer.unflattened_size)))]
    if isinstance(layer, nn.BatchNorm1d):
        return [(1, layer.num_features), *_maps(layer.num_features, axes=1)]
    for kinds, axes in _CONVOLUTIONS:
        if isinstance(layer, kinds):
            return _maps(layer.in_channels, axes=axes)
    for norms, axes in _NORMS:
        if isinstance(layer, norms):
            return _maps(layer.num_features, axes=axes)
    return None


def _maps(channels: int, *, axes: int) -> list[tuple[int, ...]]:
    """Sequences, squares and cubes of so many channels."""
    return [(1, channels, *[size] * axes) for size in SIZES if axes < 3 or size <= _LARGEST_CUBE]
