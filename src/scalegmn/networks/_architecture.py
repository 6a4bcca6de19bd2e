"""The description of a network: its layers, and where each parameter lies in one flat vector.

A trained network is a pair ``(architecture, theta)`` with ``theta`` of shape ``(P,)``; a population
that shares an architecture is ``(architecture, theta)`` with ``theta`` of shape ``(N, P)``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scalegmn.configuration import check_arguments, format_value, register_plain_form
from scalegmn.errors import ArchitectureError, CheckpointError, ConfigurationError
from scalegmn.networks._activations import Activation
from scalegmn.networks._consistency import check_flow, check_skips, check_stages
from scalegmn.networks._layers import (
    Activate,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Pool,
    Shift,
    Skip,
    Weighted,
)
from scalegmn.networks._stages import Stage, stages_of

_LAYER_TYPES: dict[str, type[Layer]] = {
    kind.__name__.lower(): kind for kind in (Dense, Conv, Activate, Pool, Flatten, Dropout, Shift)
}


@dataclass(frozen=True)
class Parameter:
    """A named tensor and its place ``theta[start:stop]`` in the flat vector."""

    name: str
    shape: tuple[int, ...]
    start: int

    @property
    def stop(self) -> int:
        """One past the last place in the flat vector."""
        return self.start + math.prod(self.shape)


@dataclass(frozen=True)
class Architecture:
    """What a network is apart from its numbers: layers in order, and skip connections between weighted
    layers.

    A trained network is a pair of an architecture and a flat vector ``theta`` of its P parameters, in the
    order of the state dict; many networks of one architecture are ``theta (N, P)``.  Architectures are
    values: they can be compared, hashed, and written as JSON.  :func:`~scalegmn.networks.mlp`,
    :func:`~scalegmn.networks.siren` and :func:`~scalegmn.networks.cnn` make the common ones, and
    :func:`~scalegmn.networks.modules.read_module` reads one off a PyTorch module.

    Args:
        layers: such as :class:`~scalegmn.networks.Dense`, :class:`~scalegmn.networks.Conv` and
            :class:`~scalegmn.networks.Activate`.
        skips: connections that add the output of one weighted layer to that of a later one.

    Raises:
        ArchitectureError: the layers do not fit together.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, Architecture
        >>> from scalegmn.networks import Activate, Dense
        >>> network = Architecture((Dense("0", 2, 8), Activate(Activation("tanh")), Dense("2", 8, 1)))
        >>> network.describe()
        '2-8-1 (tanh), 33 parameters'
        >>> module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        >>> theta = network.flatten(module.state_dict())
        >>> theta.shape
        torch.Size([33])
        >>> list(network.unflatten(theta))
        ['0.weight', '0.bias', '2.weight', '2.bias']
        >>> Architecture.from_dict(network.to_dict()) == network
        True
    """

    layers: tuple[Layer, ...]
    skips: tuple[Skip, ...] = ()

    def __post_init__(self) -> None:
        check_stages(self.stages)
        check_flow(self.layers, self.leading)
        check_skips(self.skips, self.stages)
        names = [parameter.name for parameter in self.parameters]
        if len(set(names)) != len(names):
            raise ArchitectureError(f"two layers own a parameter of the same name: {sorted(names)}")

    def __hash__(self) -> int:
        return hash((self.layers, self.skips))

    @cached_property
    def leading(self) -> tuple[Layer, ...]:
        """Layers before the first weighted one (such as the flattening of an image)."""
        first = next((i for i, layer in enumerate(self.layers) if isinstance(layer, Weighted)), 0)
        return self.layers[:first]

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The weighted layers, each with what follows it."""
        return stages_of(self.layers)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters in the order of the flat vector, which is that of a PyTorch state dict."""
        shapes: list[tuple[str, tuple[int, ...]]] = []
        for layer in self.layers:
            if isinstance(layer, Weighted):
                shapes.append((f"{layer.name}.weight", layer.weight_shape))
                if layer.bias:
                    shapes.append((f"{layer.name}.bias", (layer.outputs,)))
            elif isinstance(layer, Activate) and layer.name is not None:
                shapes.append((f"{layer.name}.weight", (layer.count,)))
        starts = np.cumsum([0, *(math.prod(shape) for _, shape in shapes)]).tolist()
        return tuple(
            Parameter(name, shape, start) for (name, shape), start in zip(shapes, starts, strict=False)
        )

    @cached_property
    def num_parameters(self) -> int:
        """P, the length of the flat vector."""
        return self.parameters[-1].stop if self.parameters else 0

    @property
    def num_inputs(self) -> int:
        """Input neurons: features of a dense first layer, channels of a convolution."""
        return self.stages[0].weighted.inputs

    @property
    def num_outputs(self) -> int:
        """Output neurons."""
        return self.stages[-1].weighted.outputs

    def parameter(self, name: str) -> Parameter:
        """The parameter called `name`."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise ArchitectureError(f"no parameter {name!r}; there are {[p.name for p in self.parameters]}")

    def flatten(
        self, state: Mapping[str, Tensor | npt.NDArray[Any]], *, origin: str = "state dict"
    ) -> Tensor:
        """Pack named tensors or arrays, with the same leading batch dimensions or none, into ``(*batch, P)``.

        Half precision becomes float32; float32 and float64 are kept.

        Raises:
            CheckpointError: missing or extra names, a wrong shape, NaN or Inf; names `origin`.
        """
        names = [parameter.name for parameter in self.parameters]
        missing = [name for name in names if name not in state]
        extra = [name for name in state if name not in names]
        if missing or extra:
            raise CheckpointError(
                f"{origin}: the parameters do not fit the architecture {self.describe()}: "
                f"missing {missing}, unexpected {extra}; expected exactly {names}"
            )
        parts = [self._flat(state[p.name], p, origin) for p in self.parameters]
        batches = {p.name: tuple(part.shape[:-1]) for p, part in zip(self.parameters, parts, strict=True)}
        if len(set(batches.values())) > 1:
            raise CheckpointError(
                f"{origin}: the batch dimensions in front of the parameters' own shapes differ: {batches}"
            )
        return torch.cat(parts, dim=-1)

    def _flat(self, value: Tensor | npt.NDArray[Any], parameter: Parameter, origin: str) -> Tensor:
        tensor = value if isinstance(value, Tensor) else torch.tensor(value)
        rank = len(parameter.shape)
        if tensor.shape[tensor.ndim - rank :] != parameter.shape:
            raise CheckpointError(
                f"{origin}: {parameter.name!r} has shape {tuple(tensor.shape)}, expected {parameter.shape} "
                f"(for a batch of networks, behind the batch dimensions)"
            )
        if not tensor.is_floating_point():
            raise CheckpointError(
                f"{origin}: {parameter.name!r} has dtype {tensor.dtype}, expected a floating point type"
            )
        if tensor.dtype not in (torch.float32, torch.float64):
            tensor = tensor.float()
        finite = torch.isfinite(tensor)
        if not finite.all():
            raise CheckpointError(
                f"{origin}: {parameter.name!r} holds {int((~finite).sum())} values that are NaN or infinite"
            )
        return tensor.detach().reshape(*tensor.shape[: tensor.ndim - rank], math.prod(parameter.shape))

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """Views of ``theta (*batch, P)`` as named tensors of shape ``(*batch, *shape)``."""
        if theta.shape[-1] != self.num_parameters:
            raise ArchitectureError(
                f"a vector of {theta.shape[-1]} parameters does not fit {self.describe()}, "
                f"which has {self.num_parameters}"
            )
        batch = theta.shape[:-1]
        return {p.name: theta[..., p.start : p.stop].reshape(*batch, *p.shape) for p in self.parameters}

    def to_dict(self) -> dict[str, object]:
        """Plain data, fit for JSON; the inverse of :meth:`from_dict`."""
        layers = [
            {"type": type(layer).__name__.lower(), **dataclasses.asdict(layer)} for layer in self.layers
        ]
        return {"layers": layers, "skips": [dataclasses.asdict(skip) for skip in self.skips]}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Architecture:
        """Read plain data.

        Raises:
            ArchitectureError: an unknown layer type or field.
        """
        try:
            layers = tuple(_layer_from_dict(entry) for entry in data["layers"])  # type: ignore[attr-defined]
            skips = tuple(
                Skip(**check_arguments(Skip.__init__, entry, origin="skip connection"))
                for entry in data.get("skips", ())  # type: ignore[attr-defined]
            )
        except (KeyError, TypeError, AttributeError, ConfigurationError) as error:
            raise ArchitectureError(
                f"not the description of an architecture: {error} in {format_value(data)}"
            ) from error
        return cls(layers, skips)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that tell architectures apart."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:12]

    def describe(self) -> str:
        """One line such as ``2-32-32-1 (sine, sine), 1185 parameters``."""
        widths = "-".join(map(str, [self.num_inputs, *(s.weighted.outputs for s in self.stages)]))
        notes = [stage.activate.activation.kind for stage in self.stages[:-1]]
        notes += [f"{len(self.skips)} skips"] if self.skips else []
        return f"{widths} ({', '.join(notes) or 'one layer'}), {self.num_parameters} parameters"


def _layer_from_dict(entry: Mapping[str, object]) -> Layer:
    fields = {key: value for key, value in entry.items() if key != "type"}
    kind = entry["type"]
    if not isinstance(kind, str) or kind not in _LAYER_TYPES:
        raise ArchitectureError(f"unknown layer type {format_value(kind)}; known are {sorted(_LAYER_TYPES)}")
    if kind == "activate":
        given = check_arguments(Activation.__init__, fields.get("activation"), origin="activation")
        fields["activation"] = Activation(**given)
    layer = _LAYER_TYPES[kind]
    made: Layer = layer(**check_arguments(layer.__init__, fields, origin=kind))
    return made


register_plain_form(
    Architecture,
    write=lambda architecture: architecture.to_dict(),
    read=lambda _, data: Architecture.from_dict(data),
)
