"""The parameters of networks as one tensor per layer, for metanetworks that have maps for every layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from scalegmn.errors import GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.networks import Architecture, Conv, LayeredArchitecture, Stage


@dataclass(frozen=True)
class LayerLayout:
    """Where the parameters of one weighted layer lie in the flat vector.

    Attributes:
        outputs, inputs: neurons: features, or channels of feature maps.
        taps: weights between two neurons: places of a kernel, or of a map that was flattened.
        weight: start of its ``outputs * inputs * taps`` weights, in this order.
        columns: start and number (1 or `outputs`) of what else its neurons own: biases, learned slopes.
    """

    outputs: int
    inputs: int
    taps: int
    weight: int
    columns: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class WeightLayout:
    """Where all parameters lie.  Networks that differ in their activations only have the same layout."""

    layers: tuple[LayerLayout, ...]

    @classmethod
    def from_architecture(cls, architecture: Architecture) -> WeightLayout:
        """The layout of an architecture.

        Raises:
            ArchitectureError: its layers stand in no list.
            GraphError: a convolution has groups, so that not every two neurons of its layers are joined.
        """
        layered = architecture.layered(reader="a metanetwork with maps for every layer")
        widths = [architecture.num_inputs, *(stage.weighted.outputs for stage in layered.stages)]
        return cls(
            tuple(
                _layer(layered, stage, inputs) for stage, inputs in zip(layered.stages, widths, strict=False)
            )
        )

    def weights(self, theta: Tensor) -> list[Tensor]:
        """Per layer ``(B, outputs, inputs, taps)``, from ``theta (B, P)``."""
        return [
            theta[:, at.weight : at.weight + at.outputs * at.inputs * at.taps].reshape(
                len(theta), at.outputs, at.inputs, at.taps
            )
            for at in self.layers
        ]

    def neurons(self, theta: Tensor) -> list[Tensor]:
        """Per layer ``(B, outputs, columns)``: biases and learned slopes, as far as it has them."""
        found = []
        for at in self.layers:
            columns = [theta[:, start : start + count].expand(-1, at.outputs) for start, count in at.columns]
            empty = theta.new_zeros(len(theta), at.outputs, 0)
            found.append(torch.stack(columns, dim=2) if columns else empty)
        return found

    def read(self, batch: NetworkBatch, *, model: str) -> Tensor:
        """The parameters ``(B, P)`` of a batch whose networks all have this layout.

        Raises:
            GraphError: they have not; the message names `model`.
        """
        for architecture, _ in batch.parts:
            if WeightLayout.from_architecture(architecture) != self:
                raise GraphError(
                    f"{model} reads networks whose layers all have the sizes it was made for, "
                    f"{self.describe()}; got {architecture.describe()}; use ScaleGMN for other or mixed "
                    "architectures"
                )
        return torch.cat([theta for _, theta in batch.parts])

    def describe(self) -> str:
        """Sizes in one line, such as ``1-16-16-16-10 with 9, 9, 9, 1 weights per connection``."""
        widths = [self.layers[0].inputs, *(layer.outputs for layer in self.layers)]
        taps = ", ".join(str(layer.taps) for layer in self.layers)
        return f"{'-'.join(map(str, widths))} with {taps} weights per connection"


def _layer(architecture: LayeredArchitecture, stage: Stage, inputs: int) -> LayerLayout:
    layer = stage.weighted
    if isinstance(layer, Conv) and layer.groups > 1:
        raise GraphError(
            f"convolution {layer.name!r} of {architecture.describe()} has {layer.groups} groups, expected "
            "1: maps for whole layers need all neurons of two layers joined; use ScaleGMN"
        )
    owned = [f"{layer.name}.bias"] if layer.bias else []
    owned += [] if stage.activate.name is None else [f"{stage.activate.name}.weight"]
    parameters = [architecture.parameter(name) for name in owned]
    return LayerLayout(
        outputs=layer.outputs,
        inputs=inputs,
        taps=math.prod(layer.weight_shape) // (layer.outputs * inputs),
        weight=architecture.parameter(f"{layer.name}.weight").start,
        columns=tuple((parameter.start, parameter.stop - parameter.start) for parameter in parameters),
    )
