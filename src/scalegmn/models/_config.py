"""The options of a metanetwork, as one typed value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

from scalegmn.configuration import Configuration, Depth, Limits, NonNegative, Rate, Width
from scalegmn.nn import (
    MESSAGES,
    READOUTS,
    FullGraphReadout,
    LastLayerReadout,
    LayerStyle,
    Message,
    MLPStyle,
)
from scalegmn.registry import Registered


class Direction(Enum):
    """Along which way messages run."""

    forward = "forward"
    bidirectional = "bidirectional"


class Symmetry(Enum):
    """Which symmetries of its input a metanetwork respects.

    ``scaling`` takes permutations and the group of each neuron, which follows from its own activation
    (mixed activations and networks included); ``permutation`` takes permutations only.  ``any_width`` takes
    those of ``scaling``, and neurons that nobody reads, that are split into copies with any shares, or whose
    copies cancel: what `docs/mathematics.md` calls rewiring.
    """

    scaling = "scaling"
    permutation = "permutation"
    any_width = "any_width"


MOST_OUTPUT_NETWORKS: Final = 64
"""A mean of k networks has k * k times the weights, most of them 0."""
_LAYERS = {Symmetry.permutation: "permutation-only model", Symmetry.any_width: "model for any width"}


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Configuration):
    """Options of ScaleGMN and of the models that are built like it.

    Args:
        features: D, width of node and edge features.
        layers: message passing layers.
        direction: forward, or bidirectional with dual features.
        symmetry: scaling; permutation for the permutation-only model; any_width for one whose answers do not
            change under neurons that are added, split or merged either.
        message: what reaches a neuron along its edges: ``rescale`` is that of the paper.
        readout: for models that predict about a network: ``last_layer`` reads its output neurons,
            ``full_graph`` all its neurons.
        statistics: models that predict about a network also see statistics of the weights of each layer that
            keep all symmetries; see :class:`scalegmn.nn.WeightStatistics`.
        skip: residual connections around every layer.
        dropout: rate on node and edge features after every layer.
        dropout_in_mlps: use the rate inside the MLPs as well.
        separate_io: input and output neurons have maps of their own, not one in common.
        plain_io: input and output neurons are updated by MLPs; False multiplies these with a linear map.
        sign_symmetrization: take signs out by ``rho(x) + rho(-x)``; False by ``|x|``.
        continuous_phases: sine neurons are read by sine and cosine of their phase, which leaves no bias to
            canonicalize; False reads their biases.
        edge_positional: multiply edge features with an encoding of their layer.
        positional_in_messages: messages see the encoding of their target.
        positional_in_updates: node updates see the encoding of their node.
        mlp_hidden: width of the hidden layers of MLPs; None for `features`.
        mlp_layer_norm: normalize the hidden layers of MLPs.
        update_scale: of models that write networks: where the learned scale of each layer's updates starts.
        output_networks: of models that write networks: how many they write for each, whose mean is the edited
            network; their features are dealt out to these, so that there are no more parameters.

    Raises:
        ConfigurationError: values out of range; all of them are named.

    Example:
        >>> from scalegmn import ModelConfig
        >>> from scalegmn.models import Direction
        >>> config = ModelConfig(features=32, layers=3, direction=Direction.bidirectional, dropout=0.1)
        >>> config.features, config.skip
        (32, False)
        >>> ModelConfig(dropout=1.5)
        Traceback (most recent call last):
            ...
        scalegmn.configuration...: ModelConfig: dropout is 1.5, expected a number in [0, 1)
    """

    features: Width = 64
    layers: Depth = 4
    direction: Direction = Direction.forward
    symmetry: Symmetry = Symmetry.scaling
    message: Annotated[str, Registered(MESSAGES)] = Message.name
    readout: Annotated[str, Registered(READOUTS)] = "last_layer"
    statistics: bool = False
    skip: bool = False
    dropout: Rate = 0.0
    dropout_in_mlps: bool = False
    separate_io: bool = True
    plain_io: bool = True
    sign_symmetrization: bool = True
    continuous_phases: bool = False
    edge_positional: bool = True
    positional_in_messages: bool = False
    positional_in_updates: bool = False
    mlp_hidden: Width | None = None
    mlp_layer_norm: bool = True
    update_scale: NonNegative = 0.01
    output_networks: Annotated[int, Limits(low=1, high=MOST_OUTPUT_NETWORKS)] = 1

    def contradictions(self) -> Iterator[str]:
        if self.features % self.output_networks:
            yield (
                f"output_networks is {self.output_networks} with {self.features} features, expected a "
                "divisor: the features are dealt out to the networks that are written"
            )
        if self.symmetry is not Symmetry.scaling and self.message != Message.name:
            yield (
                f"message is {self.message!r} with the symmetry {self.symmetry.value}, expected "
                f"{Message.name!r}: the {_LAYERS[self.symmetry]} has messages of its own"
            )
        if self.continuous_phases and self.symmetry is not Symmetry.scaling:
            yield (
                f"continuous_phases is True with the symmetry {self.symmetry.value}, expected False, or the "
                f"symmetry {Symmetry.scaling.value}, whose layers know how phases act"
            )
        if self.continuous_phases and self.statistics:
            yield (
                "statistics is True with continuous_phases, expected False for one of them: statistics of "
                "biases change with the phases of sines"
            )
        if self.symmetry is Symmetry.any_width and self.statistics:
            yield (
                "statistics is True with the symmetry any_width, expected False: statistics of the weights "
                "of a layer change with the number of its neurons"
            )
        if (self.symmetry, self.direction, self.readout) == (
            Symmetry.any_width,
            Direction.forward,
            FullGraphReadout.name,
        ):
            yield (
                f"readout is {self.readout!r} with the symmetry any_width in the direction forward, expected "
                f"the direction bidirectional or the readout {LastLayerReadout.name!r}: a neuron counts as "
                "much as it is read, and only messages that run backwards tell how much that is"
            )

    @property
    def words(self) -> tuple[str, ...]:
        """What tells runs apart in the names of their folders."""
        return (self.direction.value, self.symmetry.value)

    @property
    def style(self) -> LayerStyle:
        """The options that layers read."""
        return LayerStyle(
            features=self.features,
            bidirectional=self.direction is Direction.bidirectional,
            dual=self.direction is Direction.bidirectional and self.symmetry is not Symmetry.permutation,
            any_width=self.symmetry is Symmetry.any_width,
            symmetrize=self.sign_symmetrization,
            phases=self.continuous_phases,
            separate_io=self.separate_io,
            plain_io=self.plain_io,
            positional_in_messages=self.positional_in_messages,
            positional_in_updates=self.positional_in_updates,
            mlp=MLPStyle(
                hidden=self.mlp_hidden or self.features,
                layer_norm=self.mlp_layer_norm,
                dropout=self.dropout if self.dropout_in_mlps else 0.0,
            ),
        )
