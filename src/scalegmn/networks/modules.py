"""From PyTorch modules to ``(architecture, theta)``, and back.

Modules are read by their structure, not by running them: nested ``nn.Sequential`` of the layers that
:mod:`scalegmn.networks.module_readers` knows.  For anything else, write down the
:class:`~scalegmn.networks.architecture.Architecture` and pack its state dict with ``Architecture.flatten``.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from scalegmn.errors import ArchitectureError, UnsupportedLayerError
from scalegmn.networks.architecture import Architecture
from scalegmn.networks.layers import Conv, Dense, Flatten, Layer, Pool, Size
from scalegmn.networks.module_readers import Data, Place, can_read, read_leaf, register_module_reader
from scalegmn.networks.torch_modules import Elementwise, Network, Shift, Sine

__all__ = [
    "Elementwise",
    "Network",
    "Place",
    "Shift",
    "Sine",
    "build_module",
    "read_module",
    "register_module_reader",
    "write_module",
]

M = TypeVar("M", bound=nn.Module)


def read_module(
    module: nn.Module, *, input_size: tuple[int, int] | None = None
) -> tuple[Architecture, Float[Tensor, "P"]]:
    """Describe a module and pack its parameters.

    Args:
        module: a (nested) ``nn.Sequential``, or a :class:`Network`.
        input_size: height and width of the images that it reads.  Needed where a map is flattened whose
            size does not follow from the layer behind it; without it, maps are taken to be square.

    Returns:
        The architecture, whose parameters have the names of the state dict, and a copy of the parameters
        on their device, detached; float32 and float64 are kept, half precision becomes float32.

    Raises:
        UnsupportedLayerError: a layer, or an option of it, that is not supported; modules that share
            parameters.
        ArchitectureError: layers that do not fit together, or maps of unknown size.
        CheckpointError: parameters that are NaN or infinite.
    """
    if isinstance(module, Network):
        architecture = module.architecture
    else:
        if input_size is not None and min(input_size) < 1:
            raise ArchitectureError(f"input_size is {input_size}, expected the height and width of an image")
        _check_unshared(module)
        architecture = Architecture(tuple(_place_flattenings(_read_layers(module), input_size)))
        _check_complete(module, architecture)
    return architecture, architecture.flatten(module.state_dict(), origin=f"module {type(module).__name__}")


def build_module(architecture: Architecture, theta: Tensor | None = None) -> Network:
    """A module that computes what `architecture` describes.

    Args:
        architecture: its layers; the state dict of the module has the names of its parameters.
        theta: the parameters, ``(P,)``, which are copied; the module gets their dtype and device.  Without
            them, the module has PyTorch's own random initialisation.

    Raises:
        ArchitectureError: `theta` does not fit, or a layer's name cannot be that of a submodule.
    """
    if theta is None:
        return Network(architecture)
    state = architecture.unflatten(_single(theta, architecture))
    # Nothing is drawn from the global random generator for values that would be overwritten.
    with torch.device("meta"):
        network = Network(architecture)
    network.load_state_dict({name: value.detach().clone() for name, value in state.items()}, assign=True)
    return network


def write_module(architecture: Architecture, theta: Tensor, *, like: M) -> M:
    """A deep copy of `like` with other parameters, in the dtype and on the device of `like`.

    Args:
        architecture: what `like` was read as, or described as.
        theta: the new parameters, ``(P,)``.
        like: any module whose state dict has exactly the architecture's names and shapes.

    Raises:
        ArchitectureError: `theta` or `like` does not fit the architecture, or `like` shares parameters.
    """
    state = architecture.unflatten(_single(theta, architecture))
    _check_unshared(like)
    expected = {p.name: p.shape for p in architecture.parameters}
    found = {name: tuple(value.shape) for name, value in like.state_dict().items()}
    if expected != found:
        raise ArchitectureError(
            f"the {type(like).__name__} to write into does not fit {architecture.describe()}: expected and "
            f"missing {_without(expected, found)}, found instead {_without(found, expected)}"
        )
    written = copy.deepcopy(like)
    parameters = dict(written.named_parameters())
    with torch.no_grad():
        for name, value in state.items():
            parameters[name].copy_(value)
    return written


def _without(
    left: dict[str, tuple[int, ...]], right: dict[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in left.items() if right.get(name) != shape}


def _single(theta: Tensor, architecture: Architecture) -> Tensor:
    if theta.shape != (architecture.num_parameters,):
        raise ArchitectureError(
            f"theta has shape {tuple(theta.shape)}, expected ({architecture.num_parameters},) for one "
            f"network {architecture.describe()}; take one row of a batch"
        )
    return theta


def _children(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Direct children by name; unlike ``named_children``, one that occurs twice is listed twice."""
    for name, child in module.named_modules(remove_duplicate=False):
        if name and "." not in name:
            yield name, child


def _leaves(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """What has to be read, in the order in which it runs: Sequentials are opened, everything else is not."""
    runs_in_order = isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward
    if can_read(module) or not runs_in_order:
        yield name, module
        return
    for child_name, child in _children(module):
        yield from _leaves(child, f"{name}.{child_name}" if name else child_name)


def _read_layers(module: nn.Module) -> list[Layer]:
    layers: list[Layer] = []
    data: Data = "inputs"
    for name, leaf in _leaves(module, ""):
        place = Place(name, data)
        if not name and can_read(leaf) and any(True for _ in leaf.parameters()):
            raise place.refusal(leaf, "a single layer has no name in a state dict; wrap it in nn.Sequential")
        for layer in read_leaf(leaf, place):
            layers.append(layer)
            if isinstance(layer, Conv | Pool):
                data = "maps"
            elif isinstance(layer, Dense | Flatten):
                data = "vectors"
    return layers


def _check_unshared(module: nn.Module) -> None:
    names: dict[int, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if id(parameter) in names:
            raise UnsupportedLayerError(
                f"{names[id(parameter)]!r} and {name!r} are the same parameter; a network with shared "
                "parameters has other symmetries, so every layer needs its own (copy.deepcopy the layer)"
            )
        names[id(parameter)] = name


def _check_complete(module: nn.Module, architecture: Architecture) -> None:
    """Hooks of weight normalisation, spectral normalisation and pruning show in the state dict."""
    extra = sorted(set(module.state_dict()) - {p.name for p in architecture.parameters})
    if extra:
        raise UnsupportedLayerError(
            f"layer {extra[0].rpartition('.')[0]!r} holds more than a weight and a bias: {extra}; if its "
            "weights are computed by weight or spectral normalisation or by pruning, make them plain "
            "first (torch.nn.utils.remove_weight_norm, remove_spectral_norm, prune.remove)"
        )


def _place_flattenings(layers: Sequence[Layer], input_size: Size | None) -> Iterator[Layer]:
    """The layers, with the size of the map in every Flatten that a dense layer reads position by position."""
    size = input_size
    channels: int | None = None
    for number, layer in enumerate(layers):
        if isinstance(layer, Conv):
            channels = layer.outputs
            size = _after(size, layer.kernel, layer.stride, layer.padding, layer.dilation, layer)
        elif isinstance(layer, Pool):
            size = (
                (1, 1)
                if layer.size is None
                else _after(size, layer.size, layer.stride or layer.size, layer.padding, (1, 1), layer)
            )
        elif isinstance(layer, Flatten):
            reader = next((x for x in layers[number:] if isinstance(x, Dense)), None)
            # Positions matter only where maps of hidden channels are flattened, not for the network's inputs.
            if channels is not None and reader is not None:
                layer = dataclasses.replace(layer, size=_flattened_size(size, channels, reader))
        yield layer


def _after(
    size: Size | None, kernel: Size, stride: Size, padding: Size, dilation: Size, layer: Layer
) -> Size | None:
    if size is None:
        return None
    height, width = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )
    if min(height, width) < 1:
        raise ArchitectureError(f"a map of size {size} is too small for {layer}; give a larger input_size")
    return height, width


def _flattened_size(size: Size | None, channels: int, reader: Dense) -> Size:
    places = reader.inputs // channels
    if size is None:
        size = (math.isqrt(places), math.isqrt(places))
        if math.prod(size) != places:
            raise ArchitectureError(
                f"layer {reader.name!r} reads {channels} flattened maps of {places} values, which are not "
                "square; say how large the images are: input_size=(height, width)"
            )
    if reader.inputs != channels * math.prod(size):
        raise ArchitectureError(
            f"layer {reader.name!r} takes {reader.inputs} inputs, but {channels} maps of size {size} arrive; "
            "check input_size=(height, width)"
        )
    return size
