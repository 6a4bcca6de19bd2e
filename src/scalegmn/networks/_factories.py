"""Common architectures by their sizes."""

from __future__ import annotations

from collections.abc import Sequence

from scalegmn.errors import ArchitectureError
from scalegmn.networks._activations import Activation
from scalegmn.networks._layered import LayeredArchitecture
from scalegmn.networks._layers import Activate, Conv, Dense, Flatten, Layer, Pool, Shift


def mlp(
    *,
    widths: Sequence[int],
    activations: Sequence[Activation],
    names: Sequence[str] | None = None,
    shift: float = 0.0,
) -> LayeredArchitecture:
    """A fully connected network ``W_L sigma(... sigma(W_1 x + b_1) ...) + b_L``.

    Args:
        widths: features of the input, of every hidden layer and of the output.
        activations: one per hidden layer.
        names: of the linear layers in the state dict; by default ``0, 2, 4, ...``, those of an
            ``nn.Sequential`` of linear layers and activations.
        shift: a constant that is added to the output.

    Raises:
        ArchitectureError: other numbers of activations or names than of layers.

    Example:
        >>> from scalegmn import Activation, mlp
        >>> mlp(widths=(3, 8, 8, 5), activations=[Activation("relu"), Activation("tanh")]).describe()
        '3-8-8-5 (relu, tanh), 149 parameters'
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
    return LayeredArchitecture(tuple(layers))


def siren(
    *,
    widths: Sequence[int] = (2, 32, 32, 1),
    frequency: float = 30.0,
    shift: float = 0.5,
    names: Sequence[str] = (),
) -> LayeredArchitecture:
    """A sine network: hidden layers ``sin(frequency * (W x + b))``, and a linear last layer plus `shift`.

    Source: Sitzmann et al., "Implicit Neural Representations with Periodic Activation Functions", NeurIPS
    2020.

    Args:
        widths: coordinates, features of every hidden layer, and values at a point.
        frequency: w of ``sin(w x)``, in all layers.
        shift: a constant that is added to the output; images have values around it.
        names: of the linear layers in the state dict; by default ``seq.0, seq.1, ...``, those of the
            published MNIST-INRs.

    Raises:
        ArchitectureError: other names than layers, or a frequency that is not positive.

    Example:
        >>> from scalegmn import siren
        >>> network = siren(widths=(2, 32, 32, 1), frequency=30.0)
        >>> network.describe()
        '2-32-32-1 (sine, sine), 1185 parameters'
        >>> network.parameters[0].name
        'seq.0.weight'
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
) -> LayeredArchitecture:
    """Convolutions, a global average pool and a dense layer; the defaults are those of the Small CNN Zoo.

    Source: Unterthiner et al., "Predicting Neural Network Accuracy from Weights", 2020.

    Args:
        channels: of the images and of every convolution.
        classes: outputs of the dense layer.
        activations: one per convolution.
        kernel, stride, padding: of all convolutions, the same in both directions.

    Raises:
        ArchitectureError: other numbers of activations than of convolutions.

    Example:
        >>> from scalegmn import Activation, cnn
        >>> cnn(channels=(1, 16, 16), classes=10, activations=[Activation("relu")] * 2).describe()
        '1-16-16-10 (relu, relu), 2650 parameters'
    """
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
    return LayeredArchitecture(tuple(layers))
