"""The modules that PyTorch lacks: a sine, a constant shift, and a network that runs an architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

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
)
from scalegmn.networks import Shift as ShiftLayer


@final
class Sine(nn.Module):
    """``sin(frequency * x)``, elementwise, as between the layers of a SIREN."""

    def __init__(self, frequency: float = 30.0) -> None:
        super().__init__()
        self.frequency = Activation("sine", frequency).value

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.frequency * x)

    def extra_repr(self) -> str:
        return f"frequency={self.frequency}"


@final
class ShiftModule(nn.Module):
    """``x + value``: the constant that many networks of images end in."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return x + self.value

    def extra_repr(self) -> str:
        return f"value={self.value}"


@final
class Elementwise(nn.Module):
    """An activation for which PyTorch has a function but no module (arctan, erf, squared ReLU)."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x)

    def extra_repr(self) -> str:
        return self.activation.kind


@final
class Network(nn.Module):
    """A module with the layers, names and skip connections of an architecture.

    Its state dict has exactly the architecture's parameter names, in any nesting.  Reads ``(n, features)``
    or ``(n, C, H, W)``, as :func:`scalegmn.networks.run` does for many networks at once.

    Raises:
        ArchitectureError: a layer's name cannot be that of a submodule.
    """

    def __init__(self, architecture: LayeredArchitecture) -> None:
        super().__init__()
        self._architecture = architecture
        names = _module_names(architecture)
        self._leading = names[: len(architecture.leading)]
        self._stages: list[list[str]] = []
        start = len(self._leading)
        for stage in architecture.stages:
            stop = start + 1 + len(stage.followers)
            self._stages.append(names[start:stop])
            start = stop
        for name, layer in zip(names, architecture.layers, strict=True):
            _attach(self, name, _module_of(layer))

    @property
    def architecture(self) -> LayeredArchitecture:
        """What was built."""
        return self._architecture

    def forward(self, x: Tensor) -> Tensor:
        for name in self._leading:
            x = self.get_submodule(name)(x)
        outputs: list[Tensor] = []
        for number, (weighted, *followers) in enumerate(self._stages):
            x = self.get_submodule(weighted)(x)
            for skip in self._architecture.skips:
                if skip.target == number:
                    added = x[:, : skip.channels] + outputs[skip.source][:, : skip.channels]
                    x = torch.cat([added, x[:, skip.channels :]], dim=1)
            for name in followers:
                x = self.get_submodule(name)(x)
            outputs.append(x)
        return x


# Kinds of activation that are a module of PyTorch with its defaults.  `inplace` stays off.
PLAIN_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "softsign": nn.Softsign,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "softplus": nn.Softplus,
    "tanhshrink": nn.Tanhshrink,
}
_MADE_FROM_VALUE: dict[str, Callable[[float], nn.Module]] = {
    "sine": Sine,
    "leaky_relu": nn.LeakyReLU,
    # A slope that is nobody's parameter is a fixed one.
    "prelu": nn.LeakyReLU,
    "softmax": lambda _: nn.Softmax(dim=1),
    "log_softmax": lambda _: nn.LogSoftmax(dim=1),
}


def _activation_module(layer: Activate) -> nn.Module:
    kind, value = layer.activation.kind, layer.activation.value
    if layer.name is not None:
        return nn.PReLU(layer.count, init=value)
    if kind in PLAIN_ACTIVATIONS:
        return PLAIN_ACTIVATIONS[kind]()
    if kind in _MADE_FROM_VALUE:
        return _MADE_FROM_VALUE[kind](value)
    return Elementwise(layer.activation)


def _pooling_module(layer: Pool) -> nn.Module:
    if layer.size is None:
        return nn.AdaptiveMaxPool2d(1) if layer.kind == "max" else nn.AdaptiveAvgPool2d(1)
    pool = nn.MaxPool2d if layer.kind == "max" else nn.AvgPool2d
    return pool(layer.size, layer.stride, layer.padding)


def _convolution_module(layer: Conv) -> nn.Module:
    return nn.Conv2d(
        layer.inputs,
        layer.outputs,
        layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=layer.bias,
    )


def _module_of(layer: Layer) -> nn.Module:
    match layer:
        case Dense():
            return nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)
        case Conv():
            return _convolution_module(layer)
        case Activate():
            return _activation_module(layer)
        case Pool():
            return _pooling_module(layer)
        case Flatten():
            return nn.Flatten()
        case Dropout():
            return nn.Dropout(layer.p)
        case ShiftLayer():
            return ShiftModule(layer.value)
    raise ArchitectureError(f"no module is known for layer {layer!r}")


def _module_names(architecture: LayeredArchitecture) -> list[str]:
    """A name for every layer: its own, or one made from the layer before it."""
    names: list[str] = []
    owned = {name for layer in architecture.layers if (name := _own_name(layer)) is not None}
    before = "input"
    for layer in architecture.layers:
        name = _own_name(layer)
        if name is None:
            label = layer.activation.kind if isinstance(layer, Activate) else type(layer).__name__.lower()
            name = f"{before}_{label}"
            while name in owned or name in names:
                name += "_"
        else:
            before = name
        names.append(name)
    return names


def _own_name(layer: Layer) -> str | None:
    return layer.name if isinstance(layer, Dense | Conv | Activate) else None


def _attach(root: nn.Module, name: str, module: nn.Module) -> None:
    """Put `module` at the dotted `name` below `root`, with plain modules in between."""
    parent = root
    *path, last = name.split(".")
    try:
        for part in path:
            children = dict(parent.named_children())
            if part not in children:
                parent.add_module(part, nn.Module())
            parent = parent.get_submodule(part)
        parent.add_module(last, module)
    except KeyError as error:
        raise ArchitectureError(
            f"a layer cannot be called {name!r} in a module: {error.args[0]}; choose another name"
        ) from error
