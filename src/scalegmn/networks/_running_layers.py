"""Running networks whose layers stand in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks._layers import Activate, Conv, Dense, Dropout, Flatten, Layer, Pool, Shift

if TYPE_CHECKING:
    from scalegmn.networks._layered import LayeredArchitecture


def run_layers(architecture: LayeredArchitecture, theta: Tensor, inputs: Tensor) -> list[Tensor]:
    """Outputs of all stages of B networks ``theta (B, P)``; the last are those of the networks."""
    state = architecture.unflatten(theta)
    x = _batched(architecture, theta.shape[0], inputs)
    for layer in architecture.leading:
        x = _follow(layer, state, x)
    outputs: list[Tensor] = []
    for number, stage in enumerate(architecture.stages):
        x = _weigh(stage.weighted, state, x)
        for skip in architecture.skips:
            if skip.target == number:
                x = _add_channels(x, outputs[skip.source], skip.channels)
        for layer in stage.followers:
            x = _follow(layer, state, x)
        outputs.append(x)
    return outputs


def _batched(architecture: LayeredArchitecture, networks: int, inputs: Tensor) -> Tensor:
    """The inputs as ``(B, n, *features)``, once they are found to fit."""
    first = architecture.stages[0].weighted
    flattens = any(isinstance(layer, Flatten) for layer in architecture.leading)
    rank = 3 if flattens or isinstance(first, Conv) else 1
    if inputs.ndim == rank + 1:
        inputs = inputs.expand(networks, *inputs.shape)
    elif inputs.ndim != rank + 2 or inputs.shape[0] != networks:
        raise ArchitectureError(
            f"inputs of shape {tuple(inputs.shape)} for {networks} networks {architecture.describe()}; "
            f"expected (n, *features) or (B, n, *features) with {rank} feature dimensions"
        )
    if not flattens and inputs.shape[-rank] != first.inputs:
        raise ArchitectureError(
            f"inputs of shape {tuple(inputs.shape)} have {inputs.shape[-rank]} features or channels, but "
            f"layer {first.name!r} takes {first.inputs}"
        )
    return inputs


def _weigh(layer: Dense | Conv, state: dict[str, Tensor], x: Tensor) -> Tensor:
    weight = state[f"{layer.name}.weight"]
    bias = state[f"{layer.name}.bias"] if layer.bias else None
    if isinstance(layer, Dense):
        if bias is None:
            return torch.bmm(x, weight.mT)
        return torch.baddbmm(bias[:, None, :], x, weight.mT)
    networks, count = x.shape[:2]
    # One grouped convolution: the networks of the batch stand side by side as groups of channels.
    stacked = x.transpose(0, 1).reshape(count, -1, *x.shape[3:])
    y = F.conv2d(
        stacked,
        weight.flatten(0, 1),
        None if bias is None else bias.flatten(),
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=networks * layer.groups,
    )
    return y.reshape(count, networks, layer.outputs, *y.shape[2:]).transpose(0, 1)


def _follow(layer: Layer, state: dict[str, Tensor], x: Tensor) -> Tensor:
    match layer:
        case Activate():
            return _activate(layer, state, x)
        case Pool():
            flat = x.flatten(0, 1)
            return _pool(layer, flat).unflatten(0, x.shape[:2])
        case Flatten():
            return x.flatten(2)
        case Dropout():
            return x
        case Shift():
            return x + layer.value
    raise ArchitectureError(f"cannot run layer {layer!r}")


def _activate(layer: Activate, state: dict[str, Tensor], x: Tensor) -> Tensor:
    parameter = None
    if layer.name is not None:
        slope = state[f"{layer.name}.weight"]
        parameter = slope.reshape(slope.shape[0], 1, slope.shape[1], *(1,) * (x.ndim - 3))
    if layer.activation.properties.elementwise:
        return layer.activation(x, parameter)
    return layer.activation(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def _pool(layer: Pool, x: Tensor) -> Tensor:
    if layer.size is None:
        return F.adaptive_max_pool2d(x, 1) if layer.kind == "max" else F.adaptive_avg_pool2d(x, 1)
    pool = F.max_pool2d if layer.kind == "max" else F.avg_pool2d
    return pool(x, layer.size, layer.stride, layer.padding)


def _add_channels(x: Tensor, source: Tensor, channels: int) -> Tensor:
    if x.shape[3:] != source.shape[3:]:
        raise ArchitectureError(
            f"a skip connection joins maps of sizes {tuple(source.shape[3:])} and {tuple(x.shape[3:])}"
        )
    return torch.cat([x[:, :, :channels] + source[:, :, :channels], x[:, :, channels:]], dim=2)
