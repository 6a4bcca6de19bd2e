"""Running many small networks at once, each on its own images, with the images as the last dimension.

The same function as :func:`scalegmn.networks.run`, in another layout: maps are
``(B, H, C, W, n)`` for B networks and n images each, features are ``(B, F, n)``.  In this layout the
convolutions are matrix products without copies, see :mod:`scalegmn.zoo.cnns._convolution`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Activate, Architecture, Conv, Dense, Dropout, Flatten, Layer, Pool, Shift
from scalegmn.zoo.cnns._convolution import convolve

Masking = Callable[[Tensor], Tensor]
# Activations that can overwrite what they are given.
_IN_PLACE: Final[Mapping[str, Masking]] = {"relu": torch.relu_, "tanh": torch.tanh_}


def forward(
    architecture: Architecture,
    state: Mapping[str, Tensor],
    inputs: Tensor,
    *,
    drop: Masking | None = None,
) -> Tensor:
    """Outputs ``(B, outputs, n)`` of B networks, or a map where the last layer is a convolution.

    Differentiable in the parameters.

    Args:
        architecture: what the networks have in common.
        state: parameters by name, ``(B, *shape)``.
        inputs: ``(B, H, C, W, n)`` or ``(B, F, n)``; with 1 in place of B the same for all networks.
        drop: applied to the values of every hidden layer behind its activation: dropout.
    """
    layered = architecture.layered(reader="the maker of CNNs")
    x = inputs
    for layer in layered.leading:
        x = _follow(layer, state, x)
    values: list[Tensor] = []
    last = len(layered.stages) - 1
    for number, stage in enumerate(layered.stages):
        x = _weigh(stage.weighted, state, x)
        for skip in layered.skips:
            if skip.target == number:
                x = _add_channels(x, values[skip.source], skip.channels)
        dropped = drop is None or number == last
        for layer in stage.followers:
            overwrite = _overwriting(layer)
            x = _follow(layer, state, x) if overwrite is None else overwrite(x)
            if drop is not None and not dropped and isinstance(layer, Activate):
                x, dropped = drop(x), True
        if drop is not None and not dropped:
            x = drop(x)
        values.append(x)
    return x


def _weigh(layer: Dense | Conv, state: Mapping[str, Tensor], x: Tensor) -> Tensor:
    weight = state[f"{layer.name}.weight"]
    bias = state[f"{layer.name}.bias"] if layer.bias else None
    if isinstance(layer, Conv):
        return convolve(layer, weight, bias, x)
    x = x.expand(len(weight), -1, -1)
    return torch.bmm(weight, x) if bias is None else torch.baddbmm(bias[..., None], weight, x)


def _overwriting(layer: Layer) -> Masking | None:
    """An activation that may overwrite what comes from the weights of its stage, which nobody else holds."""
    if torch.is_grad_enabled() or not isinstance(layer, Activate):
        return None
    return _IN_PLACE.get(layer.activation.kind)


def _follow(layer: Layer, state: Mapping[str, Tensor], x: Tensor) -> Tensor:
    match layer:
        case Activate():
            return _activate(layer, state, x)
        case Pool():
            return _pool(layer, x)
        case Flatten():
            return x if x.ndim == 3 else x.movedim(2, 1).flatten(1, 3)
        case Dropout():
            return x
        case Shift():
            return x + layer.value
    raise ArchitectureError(f"cannot run layer {layer!r}")


def _activate(layer: Activate, state: Mapping[str, Tensor], x: Tensor) -> Tensor:
    parameter = None
    if layer.name is not None:
        slope = state[f"{layer.name}.weight"]
        parameter = slope[..., None] if x.ndim == 3 else slope[:, None, :, None, None]
    if layer.activation.properties.elementwise or x.ndim == 3:
        return layer.activation(x, parameter)
    # Functions over the whole layer expect the channels at place 1.
    return layer.activation(x.movedim(2, 1)).movedim(1, 2)


def _pool(layer: Pool, x: Tensor) -> Tensor:
    if layer.size is None:
        return x.amax(dim=(1, 3), keepdim=True) if layer.kind == "max" else x.mean(dim=(1, 3), keepdim=True)
    pool = F.max_pool2d if layer.kind == "max" else F.avg_pool2d
    maps = x.permute(0, 4, 2, 1, 3)
    pooled = pool(maps.flatten(0, 1), layer.size, layer.stride, layer.padding)
    return pooled.unflatten(0, maps.shape[:2]).permute(0, 3, 2, 4, 1).contiguous()


def _add_channels(x: Tensor, source: Tensor, channels: int) -> Tensor:
    if x.ndim != source.ndim or (x.ndim == 5 and x.shape[1::2] != source.shape[1::2]):
        raise ArchitectureError(
            f"a skip connection joins maps of shapes {tuple(source.shape[1:-1])} and {tuple(x.shape[1:-1])} "
            "(height, channels, width); expected the same height and width"
        )
    place = x.ndim // 2
    if channels == x.shape[place] == source.shape[place]:
        return x + source
    first = x.narrow(place, 0, channels) + source.narrow(place, 0, channels)
    return torch.cat([first, x.narrow(place, channels, x.shape[place] - channels)], dim=place)
