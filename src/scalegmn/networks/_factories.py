"""Common architectures by their sizes."""

from __future__ import annotations

from collections.abc import Sequence

from scalegmn.errors import ArchitectureError
from scalegmn.networks._activations import Activation
from scalegmn.networks._architecture import Architecture
from scalegmn.networks._layers import Activate, Conv, Dense, Flatten, Layer, Pool, Shift


def mlp(
    *,
    widths: Sequence[int],
    activations: Sequence[Activation],
    names: Sequence[str] | None = None,
    shift: float = 0.0,
) -> Architecture:
    """A fully connected network; `activations` has one entry per hidden layer.

    Names default to ``0, 2, 4, ...``, those of an ``nn.Sequential`` of linear layers and activations.
    """
    count = len(widths) - 1
    names = [str(2 * i) for i in range(count)] if names is None else names
    if len(activations) != count - 1 or len(names) != count:
        raise ArchitectureError(
            f"{len(widths)} widths make {count} layers: expected {count - 1} activations and {count} names, "
            f"got {len(activations)} and {len(names)}"
        )
    layers: list[Layer] = []
    for i, name in enumerate(names):
        layers.append(Dense(name, widths[i], widths[i + 1]))
        if i < count - 1:
            layers.append(Activate(activations[i]))
    if shift:
        layers.append(Shift(shift))
    return Architecture(tuple(layers))


def siren(
    *,
    widths: Sequence[int] = (2, 32, 32, 1),
    frequency: float = 30.0,
    shift: float = 0.5,
    names: Sequence[str] = (),
) -> Architecture:
    """A sine network ``sin(frequency * (W x + b))`` with a linear last layer plus `shift`.

    Names default to ``seq.0, seq.1, ...``, those of the published MNIST-INRs.
    """
    count = len(widths) - 1
    return mlp(
        widths=widths,
        activations=[Activation("sine", frequency)] * (count - 1),
        names=names or [f"seq.{i}" for i in range(count)],
        shift=shift,
    )


def cnn(
    *,
    channels: Sequence[int] = (1, 16, 16, 16),
    classes: int = 10,
    activations: Sequence[Activation],
    kernel: int = 3,
    stride: int = 2,
    padding: int = 0,
) -> Architecture:
    """Convolutions, a global average pool and a dense layer; the defaults are those of the Small CNN Zoo."""
    if len(activations) != len(channels) - 1:
        raise ArchitectureError(f"expected {len(channels) - 1} activations, got {len(activations)}")
    layers: list[Layer] = []
    for i, activation in enumerate(activations):
        layers += [
            Conv(
                f"conv.{i}",
                channels[i],
                channels[i + 1],
                (kernel, kernel),
                (stride, stride),
                (padding, padding),
            ),
            Activate(activation),
        ]
    layers += [Pool("average"), Flatten((1, 1)), Dense("dense", channels[-1], classes)]
    return Architecture(tuple(layers))
