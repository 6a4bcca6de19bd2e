"""Networks of the study: those of the Small CNN Zoo under the names of its PyTorch code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from torch import Tensor

from scalegmn.errors import CheckpointError
from scalegmn.networks import Activation, Architecture, cnn

FIRST: Final = "convs.conv0.weight"
"""The weight of the first convolution, which says how many channels images have."""
_WEIGHT: Final = re.compile(r"convs\.conv[0-9]{1,3}\.weight")


def published_names(architecture: Architecture) -> list[str]:
    """The names of the parameters in the files of the study, in their order."""
    convolutions = len(architecture.parameters) // 2 - 1
    layers = [*(f"convs.conv{number}" for number in range(convolutions)), "fc"]
    return [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]


def read_network(
    tensors: Mapping[str, Tensor], *, activation: str, padding: int, origin: str
) -> tuple[Architecture, Tensor]:
    """The architecture and the parameters ``(P,)`` of a network.

    Args:
        tensors: of its file, by name.
        activation: of its convolutions, which the file does not say.
        padding: of its convolutions, likewise.
        origin: the file, for messages.

    Raises:
        CheckpointError: these are not the parameters of such a network.
    """
    kernels = [tensors[name] for name in tensors if _WEIGHT.fullmatch(name)]
    first, last = tensors.get(FIRST), tensors.get("fc.weight")
    if first is None or last is None or last.ndim != 2 or any(kernel.ndim != 4 for kernel in kernels):
        raise CheckpointError(
            f"{origin}: holds {_listed(tensors)}; expected convolutions 'convs.conv0.weight', "
            "'convs.conv0.bias' and so on, of four and one dimensions, then 'fc.weight' and 'fc.bias'"
        )
    architecture = cnn(
        channels=[first.shape[1], *(kernel.shape[0] for kernel in kernels)],
        classes=last.shape[0],
        activations=[Activation(activation)] * len(kernels),
        kernel=first.shape[2],
        padding=padding,
    )
    own = dict(zip(published_names(architecture), architecture.parameters, strict=True))
    named = {own[name].name if name in own else name: tensor for name, tensor in tensors.items()}
    return architecture, architecture.flatten(named, origin=origin)


def _listed(names: Sequence[str] | Mapping[str, Tensor]) -> str:
    found = list(names)
    return f"{found[:4]} and {len(found) - 4} more" if len(found) > 4 else str(found)
