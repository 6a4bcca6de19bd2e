"""Neurons and edges of an architecture, and which parameter sits on each of them.

A neuron is a feature of a dense layer or a channel of a convolution.  An edge joins two neurons and
carries one weight for a dense layer, one per kernel tap for a convolution, and one per position of the
map for a dense layer that reads a flattened map.  A skip connection is an edge of constant weight 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import torch
from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks._architecture import Architecture
from scalegmn.networks._layered import LayeredArchitecture
from scalegmn.networks._layers import Conv, Flatten, Skip
from scalegmn.networks._stages import Stage

CONSTANT = -1
"""Stands in place of a parameter's number where the value is fixed (weight 1, bias 0)."""


class Role(IntEnum):
    """What a neuron is for.  Input and output neurons are labeled and never move."""

    input = 0
    hidden = 1
    output = 2


class EdgeType(IntEnum):
    """What the taps of an edge stand for."""

    dense = 0
    convolution = 1
    flattened = 2
    skip = 3
    divisor = 4
    """From a quotient to what was divided, against the way of the network; the weight is the divisor."""


@dataclass(frozen=True, eq=False)
class Topology:
    """Index tensors of one architecture with V neurons, E edges and T taps.

    Neurons are numbered layer by layer from the inputs; edges by weighted layer, then target, then
    source; the taps of an edge stand together.  Skip connections come last.

    Attributes:
        source, target: ends of every edge, ``(E,)``.
        edge_type: :class:`EdgeType` of every edge, ``(E,)``.
        edge_kernel: height and width of its taps, ``(E, 2)``.
        tap_parameter: number in the flat vector of every tap's weight, or CONSTANT, ``(T,)``.
        tap_edge: the edge of every tap, ``(T,)``.
        bias_parameter: number of every neuron's bias, or CONSTANT, ``(V,)``.
        slope_parameter: number of a learned slope (PReLU), or CONSTANT, ``(V,)``.
        node_role, node_layer, node_position: role, layer (0 = input) and place within it, ``(V,)``.
        activation_code, activation_value: kind and number of its activation, ``(V,)``.
        max_pooled: whether its output goes through max pooling, ``(V,)``.
        pinned: whether permuting it alone would break a grouped convolution, ``(V,)``.
    """

    source: Tensor
    target: Tensor
    edge_type: Tensor
    edge_kernel: Tensor
    tap_parameter: Tensor
    tap_edge: Tensor
    bias_parameter: Tensor
    slope_parameter: Tensor
    node_role: Tensor
    node_layer: Tensor
    node_position: Tensor
    activation_code: Tensor
    activation_value: Tensor
    max_pooled: Tensor
    pinned: Tensor

    @property
    def num_nodes(self) -> int:
        """V."""
        return self.node_role.numel()

    @property
    def num_edges(self) -> int:
        """E."""
        return self.source.numel()

    @property
    def edge_taps(self) -> Tensor:
        """Number of taps of every edge, ``(E,)``."""
        return self.edge_kernel.prod(dim=1)


@lru_cache(maxsize=1024)
def topology_of(architecture: Architecture) -> Topology:
    """The neurons and edges of `architecture`.  Cached; do not write into its tensors.

    Raises:
        ArchitectureError: its layers stand in no list, or do not fit together.
    """
    return _topology(architecture.layered(reader="the graph"))


def _topology(architecture: LayeredArchitecture) -> Topology:
    widths = [architecture.num_inputs, *(stage.weighted.outputs for stage in architecture.stages)]
    starts = [sum(widths[:i]) for i in range(len(widths))]
    blocks = [_stage_edges(architecture, number, starts) for number in range(len(architecture.stages))]
    blocks += [_skip_edges(skip, starts) for skip in architecture.skips]
    source, target, kind, kernel, parameter = (torch.cat(parts) for parts in zip(*blocks, strict=True))
    return Topology(
        source=source,
        target=target,
        edge_type=kind,
        edge_kernel=kernel,
        tap_parameter=parameter,
        tap_edge=torch.arange(source.numel()).repeat_interleave(kernel.prod(dim=1)),
        **_node_fields(architecture, widths),
    )


def _stage_edges(architecture: LayeredArchitecture, number: int, starts: list[int]) -> tuple[Tensor, ...]:
    stage = architecture.stages[number]
    layer = stage.weighted
    before = architecture.stages[number - 1] if number else None
    kind, kernel = _kernel(stage, before)
    if isinstance(layer, Conv):
        fan_in, block = layer.inputs // layer.groups, layer.outputs // layer.groups
    else:
        fan_in, block = (before.weighted.outputs if before else layer.inputs), layer.outputs
    outputs = torch.arange(layer.outputs).repeat_interleave(fan_in)
    inputs = (outputs // block) * fan_in + torch.arange(fan_in).repeat(layer.outputs)
    edges = outputs.numel()
    first = architecture.parameter(f"{layer.name}.weight").start
    return (
        inputs + starts[number],
        outputs + starts[number + 1],
        torch.full((edges,), int(kind)),
        torch.tensor([kernel]).expand(edges, 2),
        torch.arange(first, first + edges * math.prod(kernel)),
    )


def _kernel(stage: Stage, before: Stage | None) -> tuple[EdgeType, tuple[int, int]]:
    layer = stage.weighted
    if isinstance(layer, Conv):
        return EdgeType.convolution, layer.kernel
    if before is None or layer.inputs == before.weighted.outputs:
        return EdgeType.dense, (1, 1)
    places = layer.inputs // before.weighted.outputs
    sizes = [follower.size for follower in before.followers if isinstance(follower, Flatten)]
    if not sizes:
        raise ArchitectureError(
            f"dense layer {layer.name!r} reads a feature map, but no Flatten stands before it"
        )
    size = sizes[0] or (math.isqrt(places), math.isqrt(places))
    if math.prod(size) != places:
        raise ArchitectureError(
            f"dense layer {layer.name!r} has {places} weights per channel, which does not make a map of "
            f"{size[0]} x {size[1]}; give the size of the map to Flatten"
        )
    return EdgeType.flattened, size


def _skip_edges(skip: Skip, starts: list[int]) -> tuple[Tensor, ...]:
    channels = torch.arange(skip.channels)
    return (
        channels + starts[skip.source + 1],
        channels + starts[skip.target + 1],
        torch.full((skip.channels,), int(EdgeType.skip)),
        torch.ones(skip.channels, 2, dtype=torch.long),
        torch.full((skip.channels,), CONSTANT),
    )


def _node_fields(architecture: LayeredArchitecture, widths: list[int]) -> dict[str, Tensor]:
    stages = architecture.stages
    inputs = widths[0]
    hidden = [int(Role.hidden)] * (len(stages) - 1)
    sizes = torch.tensor(widths)

    def spread(values: list[int] | list[float] | list[bool]) -> Tensor:
        return torch.tensor(values).repeat_interleave(sizes)

    fixed = torch.full((inputs,), CONSTANT)
    activates = [stage.activate for stage in stages]
    return {
        "bias_parameter": torch.cat(
            [fixed, *(_owned(architecture, s.weighted.name, "bias", s) for s in stages)]
        ),
        "slope_parameter": torch.cat(
            [fixed, *(_owned(architecture, s.activate.name, "weight", s) for s in stages)]
        ),
        "node_role": spread([int(Role.input), *hidden, int(Role.output)]),
        "node_layer": spread(list(range(len(widths)))),
        "node_position": torch.cat([torch.arange(width) for width in widths]),
        "activation_code": spread([0, *(a.activation.properties.code for a in activates)]),
        "activation_value": spread([0.0, *(a.activation.value for a in activates)]),
        "max_pooled": spread([False, *(stage.max_pooled for stage in stages)]),
        "pinned": _pinned(stages, sizes),
    }


def _owned(architecture: LayeredArchitecture, name: str | None, suffix: str, stage: Stage) -> Tensor:
    """Numbers of the parameters ``name.suffix``, one for every output of `stage`."""
    width = stage.weighted.outputs
    if name is None or (suffix == "bias" and not stage.weighted.bias):
        return torch.full((width,), CONSTANT)
    parameter = architecture.parameter(f"{name}.{suffix}")
    count = parameter.stop - parameter.start
    if count not in (1, width):
        raise ArchitectureError(f"{parameter.name!r} has {count} values for a layer of {width} neurons")
    return (
        torch.arange(parameter.start, parameter.stop).expand(width)
        if count == 1
        else torch.arange(parameter.start, parameter.stop)
    )


def _pinned(stages: tuple[Stage, ...], sizes: Tensor) -> Tensor:
    grouped = [isinstance(stage.weighted, Conv) and stage.weighted.groups > 1 for stage in stages]
    touched = [before or after for before, after in zip([False, *grouped], [*grouped, False], strict=True)]
    return torch.tensor(touched).repeat_interleave(sizes)
