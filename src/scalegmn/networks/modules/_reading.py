"""From PyTorch modules to ``(architecture, theta)``, and back.

Modules are read by their structure, not by running them: nested ``nn.Sequential`` of the layers that
:mod:`scalegmn.networks.modules._readers` knows, and classes that :func:`register_module_reader` was told
about.
What changes the outputs of a module without showing in its structure is refused
(:mod:`scalegmn.networks.modules._checks`).  For anything else, write down the
:class:`~scalegmn.networks.Architecture` and pack its state dict with ``Architecture.flatten``.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from scalegmn.errors import ArchitectureError, UnsupportedLayerError
from scalegmn.networks import Architecture, Conv, Dense, Flatten, Layer, LayeredArchitecture, Pool, Size
from scalegmn.networks.modules._building import Elementwise, Network, ShiftModule, Sine
from scalegmn.networks.modules._checks import call_path, check_plain, module_state, position_of
from scalegmn.networks.modules._readers import register_standard_readers
from scalegmn.networks.modules._refusals import ModuleArgument, ThetaArgument, no_module
from scalegmn.networks.modules._registry import (
    ModulePosition,
    can_read,
    read_submodules,
    register_module_reader,
)

__all__ = [
    "Elementwise",
    "ModulePosition",
    "Network",
    "ShiftModule",
    "Sine",
    "build_module",
    "read_module",
    "register_module_reader",
    "write_module",
]

M = TypeVar("M", bound=nn.Module)

register_standard_readers()
_NETWORK: Final = call_path(Network)


def read_module(
    module: ModuleArgument, *, input_size: tuple[int, int] | None = None
) -> tuple[LayeredArchitecture, Float[Tensor, "P"]]:
    """Describe a PyTorch module and pack its parameters.

    The module is read by its structure and never run.

    Args:
        module: a (nested) ``nn.Sequential``, a :class:`Network`, or of a class with a registered reader.
        input_size: height and width of the images that it reads.  Needed where a map is flattened whose
            size does not follow from the layer behind it; without it, maps are taken to be square.

    Returns:
        The architecture, whose parameters have the names of the state dict, and a copy of the parameters
        ``(P,)`` on their device, detached; float32 and float64 are kept, half precision becomes float32.

    Raises:
        UnsupportedLayerError: a layer, or an option of it, that is not supported; modules that share
            parameters; forward hooks, replaced methods, and parameters that are computed or without values.
        ArchitectureError: layers that do not fit together, maps of unknown size, or no module.
        CheckpointError: parameters that are NaN or infinite.

    Example:
        >>> from torch import nn
        >>> from scalegmn import read_module
        >>> module = nn.Sequential(
        ...     nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)
        ... )
        >>> architecture, theta = read_module(module)
        >>> architecture.describe()
        '1-4-10 (relu), 90 parameters'
        >>> theta.shape
        torch.Size([90])
    """
    if not isinstance(module, nn.Module):
        raise no_module(module)
    if input_size is not None and min(input_size) < 1:
        raise ArchitectureError(f"input_size is {input_size}, expected the height and width of an image")
    check_plain(module, readable=_says_what_it_computes)
    if isinstance(module, Network):
        _check_network(module)
        architecture = module.architecture
    else:
        layers, skips = read_submodules(module, ModulePosition("", "inputs"))
        architecture = LayeredArchitecture(tuple(_place_flattenings(layers, input_size)), skips)
    state = module_state(module)
    _check_complete(state, architecture)
    return architecture, architecture.flatten(state, origin=f"module {type(module).__name__}")


def build_module(architecture: Architecture, theta: ThetaArgument | None = None) -> Network:
    """A module that computes what `architecture` describes.

    Args:
        architecture: its layers; the state dict of the module has the names of its parameters.
        theta: the parameters, ``(P,)``, which are copied; the module gets their dtype and device.  Without
            them, the module has PyTorch's own random initialization.

    Raises:
        ArchitectureError: `theta` does not fit, a layer's name cannot be that of a submodule, or the layers
            stand in no list.

    Example:
        >>> import torch
        >>> from scalegmn import siren
        >>> from scalegmn.networks.modules import build_module
        >>> network = siren(widths=(2, 8, 1))
        >>> build_module(network, torch.zeros(33))(torch.rand(4, 2)).flatten().tolist()
        [0.5, 0.5, 0.5, 0.5]
    """
    if theta is None:
        return Network(architecture.layered(reader="build_module"))
    state = architecture.unflatten(_single(theta, architecture))
    # Nothing is drawn from the global random generator for values that would be overwritten.
    with torch.device("meta"):
        network = Network(architecture.layered(reader="build_module"))
    network.load_state_dict({name: value.detach().clone() for name, value in state.items()}, assign=True)
    return network


def write_module(architecture: Architecture, theta: ThetaArgument, *, like: M) -> M:
    """A deep copy of `like` with other parameters, in the dtype and on the device of `like`.

    Args:
        architecture: what `like` was read as, or described as.
        theta: the new parameters, ``(P,)``.
        like: any module whose state dict has exactly the architecture's names and shapes.

    Returns:
        The copy; `like` stays as it is.

    Raises:
        ArchitectureError: `theta` or `like` does not fit the architecture.
        UnsupportedLayerError: `like` shares parameters, or has forward hooks or replaced methods.

    Example:
        >>> import torch
        >>> from scalegmn import read_module, write_module
        >>> module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        >>> architecture, theta = read_module(module)
        >>> halved = write_module(architecture, theta / 2, like=module)
        >>> torch.equal(halved[0].bias, module[0].bias / 2)
        True
    """
    if not isinstance(like, nn.Module):
        raise no_module(like)
    state = architecture.unflatten(_single(theta, architecture))
    check_plain(like, readable=_says_what_it_computes)
    expected = {p.name: p.shape for p in architecture.parameters}
    found = {name: tuple(value.shape) for name, value in module_state(like).items()}
    if expected != found:
        raise ArchitectureError(
            f"the {type(like).__name__} to write into does not fit {architecture.describe()}: expected and "
            f"missing {_without(expected, found)}, found instead {_without(found, expected)}"
        )
    written = copy.deepcopy(like)
    targets = module_state(written)
    with torch.no_grad():
        for name, value in state.items():
            targets[name].copy_(value)
    return written


def _says_what_it_computes(module: nn.Module) -> bool:
    return can_read(module) or isinstance(module, nn.Sequential)


def _without(
    left: dict[str, tuple[int, ...]], right: dict[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in left.items() if right.get(name) != shape}


def _single(theta: ThetaArgument, architecture: Architecture) -> Tensor:
    if not isinstance(theta, Tensor):
        raise ArchitectureError(
            f"theta is a {type(theta).__name__}, expected a tensor ({architecture.num_parameters},) for one "
            f"network {architecture.describe()}; Architecture.flatten packs a state dict"
        )
    if theta.shape != (architecture.num_parameters,):
        raise ArchitectureError(
            f"theta has shape {tuple(theta.shape)}, expected ({architecture.num_parameters},) for one "
            f"network {architecture.describe()}; take one row of a batch"
        )
    return theta


def _check_network(network: Network) -> None:
    """Whether the parts of a Network are still those of its architecture."""
    with torch.device("meta"):
        original = Network(network.architecture)
    if repr(original) != repr(network) or call_path(Network) != _NETWORK:
        raise UnsupportedLayerError(
            f"a Network of {network.architecture.describe()} no longer has the layers of its architecture; "
            "build it anew from an Architecture that says what was changed (build_module)"
        )


def _check_complete(state: Mapping[str, Tensor], architecture: Architecture) -> None:
    """Whether the state dict and what was read have the same parameters."""
    expected = {p.name for p in architecture.parameters}
    extra = sorted(set(state) - expected)
    if extra:
        raise UnsupportedLayerError(
            f"{position_of(extra[0].rpartition('.')[0])} holds more than what it was read as: "
            f"{_few(extra)}; if its weights are computed by weight or spectral normalization or by "
            "pruning, make them plain first (torch.nn.utils.remove_weight_norm, remove_spectral_norm, "
            "prune.remove)"
        )
    missing = sorted(expected - set(state))
    if missing:
        raise UnsupportedLayerError(
            f"{position_of(missing[0].rpartition('.')[0])} has no parameters {_few(missing)}, as which it "
            "was read; put ordinary parameters in their place (nn.Parameter), or correct the reader that was "
            "registered for its class"
        )


def _few(names: Sequence[str]) -> str:
    return f"{list(names[:4])}" + (f" and {len(names) - 4} more" if len(names) > 4 else "")


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
            if layer.size is None and channels is not None and reader is not None:
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
