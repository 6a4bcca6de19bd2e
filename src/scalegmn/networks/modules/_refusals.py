"""Why a module cannot be read, in words: what its class is, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from torch import Tensor, nn
from torch.nn.utils import parametrize

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Architecture
from scalegmn.networks.modules._checks import class_name

if TYPE_CHECKING:
    ModuleArgument = nn.Module
    ThetaArgument = Tensor
else:
    # Checks of annotations let everything pass, so that the errors can say what to do about it.
    ModuleArgument = object
    ThetaArgument = object

_NORMALIZATIONS: Final = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.LocalResponseNorm,
)
_OURS: Final = ("nn", "scalegmn")
_SUPPORTED: Final = (
    "nn.Sequential (also nested) of nn.Linear, nn.Conv2d, nn.Flatten, pooling, dropout and most activations"
)
_TRACE: Final = "give an example of the input (example_inputs), with which any module is read"
_DESCRIBE: Final = (
    "say how it is read with register_module_reader, or describe the network as an Architecture and pack its "
    "state dict with Architecture.flatten"
)


def why_not(module: nn.Module, supported: Sequence[type[nn.Module]]) -> str:
    """The reason why no reader is there for the class of `module`, and what to do."""
    kind = type(module)
    if parametrize.is_parametrized(module):
        return (
            "its weights are computed by a parametrization; make them plain with "
            "torch.nn.utils.parametrize.remove_parametrizations"
        )
    if "quantized" in kind.__module__ or ".qat" in kind.__module__:
        return "a quantized layer has no ordinary weights; pass the network from before it was quantized"
    if isinstance(module, _NORMALIZATIONS):
        return (
            f"a normalization layer changes the symmetry of the network altogether; {_TRACE}, or fold a "
            "batch normalization into the layer before it (torch.nn.utils.fusion)"
        )
    if isinstance(module, nn.RNNBase | nn.RNNCellBase | nn.MultiheadAttention):
        return f"recurrent layers and attention are no layers of a list; {_TRACE}"
    return _unknown(module, supported)


def _unknown(module: nn.Module, supported: Sequence[type[nn.Module]]) -> str:
    kind = type(module)
    namesake = next((other for other in supported if other.__name__ == kind.__name__), None)
    base = next((other for other in kind.__mro__[1:] if other in supported), None)
    if namesake is not None:
        return (
            f"{class_name(kind)} is not {class_name(namesake)} of the same name, which is supported; use "
            f"that one, or say what yours computes with register_module_reader({kind.__name__}, reader)"
        )
    if base is not None:
        return (
            f"a subclass of {class_name(base)} may compute something else; use {class_name(base)} itself, or "
            f"say what yours computes with register_module_reader({kind.__name__}, reader)"
        )
    if any(True for _ in module.children()):
        return f"only nn.Sequential says in which order its parts run; {_TRACE}, or {_DESCRIBE}"
    own = [class_name(other) for other in supported if class_name(other).partition(".")[0] not in _OURS]
    more = f", {', '.join(own[:4])}" if own else ""
    return f"this class is not supported. Supported are {_SUPPORTED}{more}; {_DESCRIBE}"


def no_module(value: object) -> ArchitectureError:
    """The error for what is given in the place of a module."""
    return ArchitectureError(f"expected a torch.nn.Module, got {_what(value)}")


def _what(value: object) -> str:
    if isinstance(value, Architecture):
        return "an Architecture, which has no parameters of its own; pass it together with theta, to to_graph"
    if isinstance(value, Mapping):
        return (
            f"a dictionary with {len(value)} entries; names and shapes do not say what runs between the "
            "layers, so pass the module that has these weights, or an Architecture with "
            "theta=architecture.flatten(state)"
        )
    if isinstance(value, Tensor | np.ndarray):
        return (
            f"an array of shape {tuple(value.shape)}; numbers alone do not say which network they are, so "
            "pass an Architecture with theta"
        )
    if isinstance(value, str | Path):
        return (
            f"the path {str(value)!r:.80}; read the file with read_state and pack what it holds with "
            "Architecture.flatten, or load it into its module and pass that"
        )
    if value is None:
        return "None; pass the network itself"
    if isinstance(value, type):
        return f"the class {class_name(value)}; make an instance of it and load its weights"
    if isinstance(value, Sequence):
        return (
            f"a {type(value).__name__} of {len(value)}; wrap modules that run one after the other as "
            "nn.Sequential(*modules), and pass an architecture and its theta as two arguments"
        )
    return f"a {class_name(type(value))}; pass the network as a module, or an Architecture with theta"
