"""Random architectures, small enough that hundreds of them can be tested in a minute.

Together they hold every layer and every activation that the library reads.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from scalegmn.errors import ArchitectureError
from scalegmn.networks import (
    Activate,
    Activation,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayeredArchitecture,
    Pool,
    Shift,
    Size,
    Skip,
    activation_kind,
    activation_kinds,
    siren,
)
from scalegmn.testing.dice import Dice

ELEMENTWISE = tuple(kind.name for kind in activation_kinds() if kind.elementwise)
"""Names of all activations that a hidden layer can have."""

IMAGE: Size = (9, 9)
"""Size of the images that random convolutional networks read."""

_FREQUENCIES = (1.0, 3.0, 30.0, 47.5)
_KERNELS: tuple[Size, ...] = ((1, 1), (3, 3), (3, 3), (5, 5), (7, 7), (2, 2), (3, 1), (2, 3))
_KEEPING_KERNELS: tuple[Size, ...] = ((1, 1), (3, 3), (5, 5), (1, 3), (5, 3))


def random_activation(*, generator: torch.Generator, kinds: Sequence[str] = ELEMENTWISE) -> Activation:
    """One of `kinds`, with a random number where the kind has one."""
    dice = Dice(generator)
    kind = activation_kind(dice.choice(kinds))
    if kind.periodic:
        return Activation(kind.name, dice.choice(_FREQUENCIES))
    if kind.value is not None:
        return Activation(kind.name, dice.uniform(0.01, 0.5))
    return Activation(kind.name)


def random_mlp(
    *,
    generator: torch.Generator,
    kinds: Sequence[str] = ELEMENTWISE,
    hidden_layers: int | None = None,
    biases: bool | None = None,
) -> LayeredArchitecture:
    """A fully connected network, each hidden layer with an activation of its own.

    Args:
        generator: source of randomness.
        kinds: activations to draw from.
        hidden_layers: how many; None for 1 to 3.
        biases: whether layers have biases; None for most of them.
    """
    dice = Dice(generator)
    count = dice.integer(1, 3) if hidden_layers is None else hidden_layers
    widths = [dice.integer(1, 3), *(dice.integer(2, 6) for _ in range(count)), dice.integer(1, 3)]
    layers: list[Layer] = []
    for number in range(count):
        layers.append(_dense(dice, f"layer.{number}", widths[number], widths[number + 1], biases))
        layers.append(_activate(dice, f"slope.{number}", widths[number + 1], kinds))
        if dice.chance(0.2):
            layers.append(Dropout(0.1))
    layers.append(_dense(dice, "last", widths[-2], widths[-1], biases))
    if dice.chance(0.2):
        layers.append(Shift(0.5))
    return LayeredArchitecture(tuple(layers))


def random_siren(*, generator: torch.Generator, frequency: float | None = None) -> LayeredArchitecture:
    """A small sine network of images, with a `frequency` among usual and unusual ones for None."""
    dice = Dice(generator)
    hidden = [dice.integer(2, 6) for _ in range(dice.integer(1, 3))]
    return siren(
        widths=(2, *hidden, dice.integer(1, 3)),
        frequency=dice.choice(_FREQUENCIES) if frequency is None else frequency,
        shift=dice.choice((0.0, 0.5)),
    )


def random_residual_mlp(
    *, generator: torch.Generator, kinds: Sequence[str] = ELEMENTWISE
) -> LayeredArchitecture:
    """A fully connected network with skip connections of all or some of the neurons; several may overlap."""
    dice = Dice(generator)
    widths = [dice.integer(1, 3), *(dice.integer(3, 5) for _ in range(4))]
    layers: list[Layer] = []
    for number in range(4):
        layers.append(_dense(dice, f"layer.{number}", widths[number], widths[number + 1], None))
        layers.append(_activate(dice, f"slope.{number}", widths[number + 1], kinds))
    layers.append(Dense("last", widths[-1], dice.integer(1, 3)))
    return LayeredArchitecture(tuple(layers), _skips(dice, widths[1:]))


def random_cnn(
    *,
    generator: torch.Generator,
    kinds: Sequence[str] = ELEMENTWISE,
    flattened: bool | None = None,
    grouped: bool | None = None,
    pooling: Sequence[str] = ("max", "average"),
) -> LayeredArchitecture:
    """A convolutional network for images of size ``IMAGE``, with all that convolutions can have.

    Kernels are square and oblong, with strides, dilations, padding and groups; pooling stands before or
    behind the activation.

    Args:
        generator: source of randomness.
        kinds: activations to draw from.
        flattened: the dense layer at the end reads every position of the last maps, instead of one
            pooled value per channel; None for either.
        grouped: whether the second convolution has two groups; None for either.
        pooling: kinds of pooling to draw from; empty for none.
    """
    dice = Dice(generator)
    flat = dice.chance(0.5) if flattened is None or not pooling else flattened
    flat = flat or not pooling
    groups = 2 if (dice.chance(0.3) if grouped is None else grouped) else 1
    channels = [dice.integer(1, 2), 2 * dice.integer(1, 2), 2 * dice.integer(1, 2)]
    size = IMAGE
    layers: list[Layer] = []
    for number in range(2):
        conv = _conv(dice, f"conv.{number}", channels[number], channels[number + 1], groups if number else 1)
        size = _after(size, conv)
        layers.append(conv)
        followers: list[Layer] = [_activate(dice, f"slope.{number}", channels[number + 1], kinds)]
        if pooling and dice.chance(0.5):
            pool = Pool(dice.choice(pooling), (2, 2), (1, 1), dice.choice(((0, 0), (1, 1))))
            size = _after(size, pool)
            followers.insert(dice.integer(0, 1), pool)
        layers += followers
    if flat:
        layers += [Flatten(size), Dense("last", channels[-1] * size[0] * size[1], dice.integer(1, 3))]
    else:
        layers += [
            Pool(dice.choice(pooling)),
            Flatten((1, 1)),
            Dense("last", channels[-1], dice.integer(1, 3)),
        ]
    return LayeredArchitecture(tuple(layers))


def random_residual_cnn(
    *, generator: torch.Generator, kinds: Sequence[str] = ELEMENTWISE
) -> LayeredArchitecture:
    """Convolutions that keep the size of their maps, joined by skip connections."""
    dice = Dice(generator)
    channels = [dice.integer(1, 2), *(dice.integer(2, 4) for _ in range(3))]
    layers: list[Layer] = []
    for number in range(3):
        kernel = dice.choice(_KEEPING_KERNELS)
        padding = (kernel[0] // 2, kernel[1] // 2)
        layers.append(Conv(f"conv.{number}", channels[number], channels[number + 1], kernel, padding=padding))
        layers.append(_activate(dice, f"slope.{number}", channels[number + 1], kinds))
    layers += [Pool("average"), Flatten((1, 1)), Dense("last", channels[-1], dice.integer(1, 3))]
    return LayeredArchitecture(tuple(layers), _skips(dice, channels[1:]))


def random_architecture(
    *, generator: torch.Generator, kinds: Sequence[str] = ELEMENTWISE
) -> LayeredArchitecture:
    """Any of the above; a sine network only where `kinds` holds sines."""
    dice = Dice(generator)
    family = dice.choice(("mlp", "siren", "residual mlp", "cnn", "residual cnn"))
    match family:
        case "siren" if "sine" in kinds:
            return random_siren(generator=generator)
        case "residual mlp":
            return random_residual_mlp(generator=generator, kinds=kinds)
        case "cnn":
            return random_cnn(generator=generator, kinds=kinds)
        case "residual cnn":
            return random_residual_cnn(generator=generator, kinds=kinds)
    return random_mlp(generator=generator, kinds=kinds)


def _dense(dice: Dice, name: str, inputs: int, outputs: int, biases: bool | None) -> Dense:
    return Dense(name, inputs, outputs, bias=dice.chance(0.85) if biases is None else biases)


def _activate(dice: Dice, name: str, width: int, kinds: Sequence[str]) -> Activate:
    activation = random_activation(generator=dice.generator, kinds=kinds)
    if activation.kind == "prelu" and dice.chance(0.7):
        return Activate(activation, name, dice.choice((1, width)))
    return Activate(activation)


def _conv(dice: Dice, name: str, inputs: int, outputs: int, groups: int) -> Conv:
    kernel = dice.choice(_KERNELS)
    dilation = 2 if max(kernel) <= 3 and dice.chance(0.3) else 1
    return Conv(
        name,
        inputs,
        outputs,
        kernel,
        stride=dice.choice(((1, 1), (2, 2), (1, 2))),
        padding=(dilation * (kernel[0] // 2), dilation * (kernel[1] // 2)),
        dilation=(dilation, dilation),
        groups=groups,
        bias=dice.chance(0.85),
    )


def _after(size: Size, layer: Conv | Pool) -> Size:
    kernel, dilation = (layer.kernel, layer.dilation) if isinstance(layer, Conv) else (layer.size, (1, 1))
    if kernel is None or layer.stride is None:
        return (1, 1)
    height, width = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, layer.stride, layer.padding, dilation, strict=True)
    )
    if min(height, width) < 1:
        raise ArchitectureError(f"a map of size {size} is too small for {layer}")
    return height, width


def _skips(dice: Dice, widths: Sequence[int]) -> tuple[Skip, ...]:
    pairs = [(i, j) for i in range(len(widths)) for j in range(i + 1, len(widths))]
    chosen = [pair for pair in pairs if dice.chance(0.5)] or pairs[:1]
    return tuple(Skip(i, j, dice.integer(1, min(widths[i], widths[j]))) for i, j in chosen)
