"""The neurons of one hidden layer: what enters each, and what leaves each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Architecture, Conv, Dense, Layer, LayeredArchitecture, Pool, Stage, Weighted
from scalegmn.symmetry import Group, SinePhase, group_of

from ._addable import AddableNeurons, NeuronPlace

_TURNS: Final = 3
"""Half periods by which a sine neuron is shifted at most."""

_MEDIAN: Final = 0.6745
"""Of the sizes of standard normal numbers."""


def rewritable_layers(architecture: LayeredArchitecture) -> tuple[int, ...]:
    """Numbers of the hidden layers to which neurons can be added, from 0; see :func:`why_fixed`."""
    layers = range(len(architecture.stages) - 1)
    return tuple(layer for layer in layers if why_fixed(architecture, layer) is None)


def why_fixed(architecture: LayeredArchitecture, layer: int) -> str | None:
    """Why neurons cannot be added to a hidden layer or taken away from it; None where they can."""
    stages = architecture.stages
    if not 0 <= layer < len(stages) - 1:
        return f"layer {layer} is no hidden one, expected 0 to {len(stages) - 2}"
    if any(layer in (skip.source, skip.target) for skip in architecture.skips):
        return f"a skip connection ends at layer {layer}, so that its width is not its own"
    ends = (stages[layer].weighted, stages[layer + 1].weighted)
    if any(isinstance(one, Conv) and one.groups > 1 for one in ends):
        return f"a convolution in groups stands at layer {layer}"
    if not stages[layer].activate.activation.properties.elementwise:
        return f"the activation of layer {layer} reads all of its neurons at once"
    return None


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class HiddenNeurons(AddableNeurons):
    """The n neurons of one hidden layer, in float64, with everything that enters and leaves them.

    Attributes:
        architecture: the list of layers that they are from.
        state: its parameters by name.
        layer: number of their weighted layer, from 0.
        incoming: weights, ``(n, ...)``.
        bias: ``(n,)``; None where the layer has none.
        slopes: learned ones, ``(n,)``; None where neurons have none of their own.
        outgoing: weights of the next layer, ``(n, outputs, places, ...)``: several places where a map is
            flattened, and the taps of a convolution.
    """

    architecture: LayeredArchitecture
    state: Mapping[str, Tensor]
    layer: int
    incoming: Tensor
    bias: Tensor | None
    slopes: Tensor | None
    outgoing: Tensor

    @classmethod
    def of(cls, architecture: LayeredArchitecture, theta: Tensor, *, layer: int) -> HiddenNeurons:
        """Read the neurons of a hidden layer from a network.

        Args:
            architecture: a list of layers.
            theta: parameters, ``(P,)``.
            layer: number of the weighted layer, from 0.

        Raises:
            ArchitectureError: there is no such hidden layer, or its width is fixed.
        """
        if (reason := why_fixed(architecture, layer)) is not None:
            raise ArchitectureError(
                f"{reason}, of {architecture.describe()}; neurons are added where all that leaves a layer "
                "enters the next one"
            )
        state = architecture.unflatten(theta.detach().double().cpu())
        stage, following = architecture.stages[layer], architecture.stages[layer + 1].weighted
        first, slope = stage.weighted, stage.activate
        columns = state[f"{following.name}.weight"].unflatten(1, (first.outputs, -1))
        return cls(
            architecture=architecture,
            state=state,
            layer=layer,
            incoming=state[f"{first.name}.weight"],
            bias=state[f"{first.name}.bias"] if first.bias else None,
            slopes=state[f"{slope.name}.weight"] if slope.count > 1 else None,
            outgoing=columns.movedim(1, 0),
        )

    @property
    def stage(self) -> Stage:
        """Their weighted layer and what follows it."""
        return self.architecture.stages[self.layer]

    @property
    def following(self) -> Dense | Conv:
        """The weighted layer that reads them."""
        return self.architecture.stages[self.layer + 1].weighted

    @cached_property
    def group(self) -> Group:
        """The group of factors by which each neuron may be multiplied."""
        stage = self.stage
        return group_of(
            stage.activate.activation,
            max_pooled=stage.max_pooled,
            biased=stage.weighted.bias and not stage.bias_diluted,
        )

    @property
    def half_period(self) -> float:
        """The shift of a bias that flips the sign of the neuron's output; 0 where there is none."""
        return self.group.half_period if isinstance(self.group, SinePhase) else 0.0

    def __len__(self) -> int:
        return len(self.incoming)

    @property
    def numbers(self) -> int:
        return self.incoming[0].numel() + self.outgoing[0].numel()

    @property
    def rows(self) -> Tensor:
        """All that enters each neuron, the bias last, ``(n, fan)``."""
        rows = self.incoming.flatten(1)
        return rows if self.bias is None else torch.cat([rows, self.bias[:, None]], dim=1)

    def taken(self, numbers: Tensor) -> HiddenNeurons:
        return dataclasses.replace(
            self,
            incoming=self.incoming[numbers],
            bias=None if self.bias is None else self.bias[numbers],
            slopes=None if self.slopes is None else self.slopes[numbers],
            outgoing=self.outgoing[numbers],
        )

    def joined(self, others: HiddenNeurons) -> HiddenNeurons:
        return dataclasses.replace(
            self,
            incoming=torch.cat([self.incoming, others.incoming]),
            bias=_joined(self.bias, others.bias),
            slopes=_joined(self.slopes, others.slopes),
            outgoing=torch.cat([self.outgoing, others.outgoing]),
        )

    def reading(self, outgoing: Tensor) -> HiddenNeurons:
        return dataclasses.replace(self, outgoing=outgoing)

    def with_state(self, state: Mapping[str, Tensor]) -> HiddenNeurons:
        """The same among other parameters of the other layers."""
        return dataclasses.replace(self, state=state)

    def moved(self, *, generator: torch.Generator, spread: float) -> HiddenNeurons:
        count = len(self)
        q = self.group.draw(count, generator=generator, spread=spread)
        emitted = q.sign() * q.abs() ** self.group.degree
        bias = None if self.bias is None else q * self.bias
        if self.half_period and bias is not None:
            turns = torch.randint(-_TURNS, _TURNS + 1, (count,), generator=generator).double()
            emitted, bias = emitted * (1.0 - 2.0 * (turns % 2)), bias + turns * self.half_period
        return dataclasses.replace(
            self,
            incoming=_times(self.incoming, q),
            bias=bias,
            outgoing=_times(self.outgoing, 1 / emitted),
        )

    def drawn(self, count: int, *, generator: torch.Generator) -> HiddenNeurons:
        like = self.taken(torch.randint(len(self), (count,), generator=generator))

        return dataclasses.replace(
            like,
            incoming=normal_like(self.incoming, count, generator=generator),
            bias=None if self.bias is None else normal_like(self.bias, count, generator=generator),
            outgoing=normal_like(self.outgoing, count, generator=generator),
        )

    def written(self) -> tuple[LayeredArchitecture, Tensor]:
        first, following, slope = self.stage.weighted, self.following, self.stage.activate
        width, state = len(self), dict(self.state)
        state[f"{first.name}.weight"] = self.incoming
        if self.bias is not None:
            state[f"{first.name}.bias"] = self.bias
        if self.slopes is not None:
            state[f"{slope.name}.weight"] = self.slopes
        state[f"{following.name}.weight"] = self.outgoing.movedim(0, 1).flatten(1, 2)
        places = following.inputs // first.outputs
        renewed = {
            first.name: dataclasses.replace(first, outputs=width),
            following.name: dataclasses.replace(following, inputs=width * places),
        }
        layers = tuple(self._renewed(one, renewed) for one in self.architecture.layers)
        found = LayeredArchitecture(layers, self.architecture.skips)
        return found, found.flatten(state)

    def _renewed(self, layer: Layer, renewed: Mapping[str, Dense | Conv]) -> Layer:
        if isinstance(layer, Weighted):
            return renewed.get(layer.name, layer)
        if self.slopes is not None and layer is self.stage.activate:
            return dataclasses.replace(self.stage.activate, count=len(self))
        return layer

    @property
    def borders(self) -> bool:
        """Whether zeros stand around what leaves a neuron, so that no constant arrives at the next layer."""
        read = self.following
        pools = [one for one in self.stage.followers if isinstance(one, Pool) and one.kind == "average"]
        return (isinstance(read, Conv) and max(read.padding) > 0) or any(
            max(one.padding) > 0 for one in pools
        )


@final
@dataclass(frozen=True)
class HiddenLayer(NeuronPlace):
    """A hidden layer of a list of layers.

    Attributes:
        layer: number of the weighted layer, from 0.
    """

    layer: int

    def neurons(self, architecture: Architecture, theta: Tensor) -> HiddenNeurons:
        layers = architecture.layered(reader="what adds neurons")
        return HiddenNeurons.of(layers, theta, layer=self.layer)


def normal_like(values: Tensor, count: int, *, generator: torch.Generator) -> Tensor:
    """Normal numbers of the sizes of others at each place, ``(n, ...)`` to ``(count, ...)``."""
    drawn = torch.randn(count, *values.shape[1:], generator=generator, dtype=torch.float64)
    return drawn * _sizes(values)


def _sizes(values: Tensor) -> Tensor:
    """How large the weights of most neurons are at each place, ``(n, ...)`` to ``(...)``.

    Medians, since rescaled copies have weights that are far larger and smaller than those of all others.
    """
    sizes = values.abs().median(dim=0).values / _MEDIAN
    others = sizes[sizes > 0]
    return torch.where(sizes > 0, sizes, others.median() if len(others) else 1.0)


def _joined(ours: Tensor | None, theirs: Tensor | None) -> Tensor | None:
    return None if ours is None or theirs is None else torch.cat([ours, theirs])


def _times(values: Tensor, factors: Tensor) -> Tensor:
    return values * factors.reshape(-1, *[1] * (values.ndim - 1))
