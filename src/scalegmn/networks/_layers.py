"""Layers of the networks that we read, as plain values (no tensors, no code).

A layer with a `name` owns parameters, called ``name.weight`` and ``name.bias`` as in a PyTorch state
dict, with PyTorch's shapes: ``(out, in)`` for dense layers and ``(out, in, height, width)`` for
convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from scalegmn.configuration import Count, Limits, Natural
from scalegmn.errors import ArchitectureError
from scalegmn.networks._activations import Activation

Size = tuple[int, int]
Extent = tuple[Count, Count]
"""Height and width."""
Border = tuple[Natural, Natural]
"""Zeros on each side, of both axes."""


@dataclass(frozen=True)
class Dense:
    """``y = W x + b``."""

    name: str
    inputs: Count
    outputs: Count
    bias: bool = True

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weight, ``(out, in)``."""
        return (self.outputs, self.inputs)


@dataclass(frozen=True)
class Conv:
    """A two-dimensional convolution with zero padding; `padding` is one number per side of each axis."""

    name: str
    inputs: Count
    outputs: Count
    kernel: Extent
    stride: Extent = (1, 1)
    padding: Border = (0, 0)
    dilation: Extent = (1, 1)
    groups: Count = 1
    bias: bool = True

    def __post_init__(self) -> None:
        if self.inputs % self.groups or self.outputs % self.groups:
            raise ArchitectureError(
                f"convolution {self.name!r} has {self.inputs} inputs and {self.outputs} outputs, "
                f"which {self.groups} groups do not divide"
            )

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weight, ``(out, in / groups, height, width)``."""
        return (self.outputs, self.inputs // self.groups, *self.kernel)


@dataclass(frozen=True)
class Activate:
    """An activation.  With `name`, its number is learned: ``name.weight`` of shape ``(count,)``.

    `count` is 1, or one for every neuron of the layer.  Only slopes are learned (kind ``prelu``).
    """

    activation: Activation
    name: str | None = None
    count: Natural = 0

    def __post_init__(self) -> None:
        learned = self.name is not None
        if learned and self.activation.kind != "prelu":
            raise ArchitectureError(
                f"activation {self.name!r} of kind {self.activation.kind!r} cannot have a learned number; "
                "only 'prelu' can"
            )
        if learned != (self.count > 0):
            raise ArchitectureError(
                f"activation {self.name!r} has {self.count} learned numbers; expected a name and a positive "
                "count, or neither"
            )


@dataclass(frozen=True)
class Pool:
    """Pooling over space.  ``size=None`` pools the whole map (to 1 x 1); ``stride=None`` is the size."""

    kind: str
    size: Extent | None = None
    stride: Extent | None = None
    padding: Border = (0, 0)

    def __post_init__(self) -> None:
        if self.kind not in ("max", "average"):
            raise ArchitectureError(f"pooling kind {self.kind!r} is neither 'max' nor 'average'")
        if self.stride is None:
            # One way to write it, so that equal layers are equal.
            object.__setattr__(self, "stride", self.size)


@dataclass(frozen=True)
class Flatten:
    """Flattens ``(C, H, W)`` to ``C * H * W``, channel first.

    `size` is ``(H, W)``, which gives every weight of the dense layer behind it a place in the map.
    """

    size: Extent | None = None


@dataclass(frozen=True)
class Dropout:
    """Does nothing in a trained network; kept so that a module can be written back."""

    p: Annotated[float | int, Limits(low=0, high=1)] = 0.5


@dataclass(frozen=True)
class Shift:
    """Adds a constant to the output of the network (SIRENs of images often end in ``+ 0.5``)."""

    value: float | int


Weighted = Dense | Conv
Layer = Dense | Conv | Activate | Pool | Flatten | Dropout | Shift


@dataclass(frozen=True)
class Skip:
    """Adds the output of one weighted layer (after its activation) to another's before its activation.

    Attributes:
        source: number of the weighted layer whose output is added, from 0.
        target: number of the weighted layer to whose sum it is added; after `source`.
        channels: how many of the first channels are added.
    """

    source: Natural
    target: Natural
    channels: Count
