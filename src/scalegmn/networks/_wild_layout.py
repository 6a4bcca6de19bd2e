"""Convolutional networks of many architectures, as in the CNN Wild Park (Kofinas et al. 2024).

A network is several convolutions of stride 1 that keep the size of their maps, each with its own kernel,
number of channels and activation, a global average pool, and a dense layer.  A convolution may add the
output of an earlier one to its sum before its activation: the channels that both have, counted from the
first.  Parameters are called ``layers.{i}.weight``, ``layers.{i}.bias``, ``fc.weight`` and ``fc.bias``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

from scalegmn.errors import ArchitectureError
from scalegmn.networks._activations import Activation
from scalegmn.networks._layered import LayeredArchitecture
from scalegmn.networks._layers import Activate, Conv, Dense, Flatten, Layer, Pool, Size, Skip

ACTIVATIONS: Final = ("relu", "gelu", "tanh", "sigmoid", "leaky_relu", "none")
"""Names of activations in configurations of the Wild Park; ``none`` is the identity."""


@final
@dataclass(frozen=True, kw_only=True)
class WildLayout:
    """What was chosen for the convolutions of one network; every tuple has one entry for each.

    Attributes:
        channels: outputs.
        kernels: heights and widths of the kernels, which are square.
        activations: names in ``ACTIVATIONS``.
        residuals: number of the convolution whose output is added, or -1.

    Raises:
        ArchitectureError: the tuples differ in length, or something in them is impossible.
    """

    channels: tuple[int, ...]
    kernels: tuple[int, ...]
    activations: tuple[str, ...]
    residuals: tuple[int, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.channels), len(self.kernels), len(self.activations), len(self.residuals)}
        problems = [] if len(lengths) == 1 and lengths != {0} else [f"different lengths, or none: {self}"]
        problems += [f"{width} channels; expected 1 or more" for width in self.channels if width < 1]
        problems += [
            f"a kernel of size {k}; expected an odd size" for k in self.kernels if k < 1 or k % 2 == 0
        ]
        problems += [
            f"activation {name!r}; known are {ACTIVATIONS}"
            for name in self.activations
            if name not in ACTIVATIONS
        ]
        problems += [
            f"residual {source} of layer {layer}; expected -1 or the number of an earlier layer"
            for layer, source in enumerate(self.residuals)
            if not -1 <= source < layer
        ]
        if problems:
            raise ArchitectureError("the network of the Wild Park has " + "; ".join(problems))

    def parameters(self, *, inputs: int, outputs: int) -> int:
        """Number of parameters."""
        return sum(_weights(self, inputs)) + sum(self.channels) + (self.channels[-1] + 1) * outputs

    def macs(self, *, inputs: int, outputs: int, image_size: Size) -> int:
        """Multiplications for one image, borders included."""
        return sum(_weights(self, inputs)) * math.prod(image_size) + self.channels[-1] * outputs

    def architecture(self, *, inputs: int, outputs: int) -> LayeredArchitecture:
        """The network for images of `inputs` channels that gives `outputs` numbers."""
        layers: list[Layer] = []
        widths = (inputs, *self.channels)
        for number, (kernel, name) in enumerate(zip(self.kernels, self.activations, strict=True)):
            half = kernel // 2
            layers.append(
                Conv(
                    f"layers.{number}",
                    widths[number],
                    widths[number + 1],
                    (kernel, kernel),
                    padding=(half, half),
                )
            )
            layers.append(Activate(Activation("identity" if name == "none" else name)))
        layers += [Pool("average"), Flatten((1, 1)), Dense("fc", widths[-1], outputs)]
        skips = [
            Skip(source, target, min(self.channels[source], self.channels[target]))
            for target, source in enumerate(self.residuals)
            if source >= 0
        ]
        return LayeredArchitecture(tuple(layers), tuple(skips))


def _weights(layout: WildLayout, inputs: int) -> list[int]:
    """Number of weights of every convolution."""
    widths = (inputs, *layout.channels)
    return [
        before * after * kernel**2
        for before, after, kernel in zip(widths[:-1], widths[1:], layout.kernels, strict=True)
    ]
