"""A network without its numbers, and where each parameter lies in one flat vector.

A trained network is a pair ``(architecture, theta)`` with ``theta`` of shape ``(P,)``; a population
that shares an architecture is ``(architecture, theta)`` with ``theta`` of shape ``(N, P)``.
"""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy.typing as npt
import torch
from torch import Tensor

from scalegmn.configuration import format_value, register_plain_form
from scalegmn.errors import ArchitectureError, CheckpointError
from scalegmn.networks._parameters import Parameter, WeightedParameters
from scalegmn.registry import Lazy, Registry

if TYPE_CHECKING:
    from scalegmn.networks._activations import Activation
    from scalegmn.networks._layered import LayeredArchitecture
    from scalegmn.networks._layers import Size


class Architecture(ABC):
    """What a network is apart from its numbers: a value that can be compared, hashed, and written as JSON.

    A trained network is a pair of an architecture and a flat vector ``theta`` of its P parameters; many
    networks of one architecture are ``theta (N, P)``.  There are two kinds:
    :class:`~scalegmn.networks.LayeredArchitecture` lists layers, and
    :class:`~scalegmn.programs.ProgramArchitecture` has the operations of any module.

    Law: :meth:`flatten` and :meth:`unflatten` take back each other.

    Example:
        >>> import torch
        >>> from scalegmn import Architecture, siren
        >>> network = siren(widths=(2, 8, 1))
        >>> theta = torch.zeros(5, network.num_parameters)
        >>> {name: tuple(value.shape) for name, value in network.unflatten(theta).items()}["seq.0.weight"]
        (5, 8, 2)
        >>> Architecture.from_dict(network.to_dict()) == network
        True
    """

    kind: ClassVar[str]
    """As written in files."""

    @property
    @abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters in the order of the flat vector."""

    @property
    @abstractmethod
    def weighted(self) -> tuple[WeightedParameters, ...]:
        """Its weights in their order, each with its bias; at least one.  Statistics are about these."""

    @property
    @abstractmethod
    def num_inputs(self) -> int:
        """Input neurons: features of a dense first layer, channels of a convolution."""

    @property
    @abstractmethod
    def num_outputs(self) -> int:
        """Output neurons."""

    @abstractmethod
    def example_shape(self, image_size: Size | None) -> tuple[int, ...]:
        """Shape of one example of real numbers that the networks read.

        Args:
            image_size: height and width of images, for networks that do not say it; None where they read
                something else.

        Raises:
            ArchitectureError: they do not read images of this size, or nothing of the kind.
        """

    @abstractmethod
    def run(self, theta: Tensor, inputs: Tensor) -> Tensor:
        """Outputs of B networks; see :func:`scalegmn.networks.run`."""

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """Plain data, fit for JSON; the inverse of :meth:`from_dict`."""

    @abstractmethod
    def describe(self) -> str:
        """One line such as ``2-32-32-1 (sine, sine), 1185 parameters``."""

    @classmethod
    @abstractmethod
    def from_plain(cls, data: Mapping[str, object]) -> Architecture:
        """Read what :meth:`to_dict` of this kind writes.

        Raises:
            ArchitectureError: it is something else.
        """

    @property
    def file_names(self) -> frozenset[str]:
        """Names that the tensors of a network's file must have for :meth:`read_state`."""
        return frozenset(parameter.name for parameter in self.parameters)

    @property
    def readable_names(self) -> frozenset[str]:
        """Names of all tensors that :meth:`read_state` looks at, where a file has them."""
        return self.file_names

    @abstractmethod
    def read_state(self, state: Mapping[str, Tensor], *, origin: str = "state dict") -> Tensor:
        """The flat vector of a network from the tensors of its file.

        Raises:
            ArchitectureError, CheckpointError, ProgramError: the tensors do not fit.
        """

    def at_widths_of(self, state: Mapping[str, Tensor]) -> Architecture | None:
        """The network that computes in the same way and has the widths of a file.

        Args:
            state: the tensors of the file, under the names that :meth:`read_state` knows, or the parameters.

        Returns:
            It, or itself; None where the tensors do not fit, or widths are not known to be free.
        """
        return None

    @abstractmethod
    def write_state(self, theta: Tensor, *, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a file that :meth:`read_state` reads as ``theta (P,)``.

        Args:
            theta: parameters.
            like: a file of the network, for what the parameters leave open.
        """

    @property
    @abstractmethod
    def hidden_activations(self) -> tuple[Activation, ...]:
        """Activations of the hidden layers of a list, the identity where a layer has none; none otherwise."""

    @property
    def activation_kinds(self) -> tuple[str, ...]:
        """What tells apart networks with the same parameters: kinds of activations in their order."""
        return tuple(activation.kind for activation in self.hidden_activations)

    @property
    def positive(self) -> Tensor | None:
        """Which parameters are above 0 whatever a file holds, ``(P,)`` bool; None where none are."""
        return None

    @property
    def as_layers(self) -> LayeredArchitecture | None:
        """Itself where its layers stand in a list; None otherwise."""
        return None

    def layered(self, *, reader: str) -> LayeredArchitecture:
        """Itself, for whoever can read only a list of layers.

        Args:
            reader: who, for the message.

        Raises:
            ArchitectureError: it is none.
        """
        if (found := self.as_layers) is not None:
            return found
        raise ArchitectureError(
            f"{reader} reads networks whose layers stand in a list, got {self.describe()}; use what reads "
            "any network, such as scalegmn"
        )

    @property
    def num_parameters(self) -> int:
        """P, the length of the flat vector."""
        return self.parameters[-1].stop if self.parameters else 0

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
        if tensor.is_meta:
            raise CheckpointError(
                f"{origin}: {parameter.name!r} is on the device 'meta' and has no values; load them first"
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
        return {p.name: theta[..., p.start : p.stop].reshape((*batch, *p.shape)) for p in self.parameters}

    @staticmethod
    def from_dict(data: Mapping[str, object]) -> Architecture:
        """Read plain data.

        Raises:
            ArchitectureError: an unknown kind of architecture, layer or field.
        """
        if not isinstance(data, Mapping):
            raise ArchitectureError(f"not the description of an architecture: {format_value(data)}")
        kind = data.get("kind", "layers")
        if not isinstance(kind, str) or kind not in ARCHITECTURES:
            raise ArchitectureError(
                f"unknown kind of architecture {format_value(kind)}, expected one of "
                f"{list(ARCHITECTURES.names())}; it was written by a newer version, or is damaged"
            )
        return ARCHITECTURES.get(kind).from_plain(data)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that tell architectures apart."""
        return _digits(self.to_dict())

    @cached_property
    def design(self) -> str:
        """The same of how it is built: equal where only names and widths of hidden layers differ."""
        return _digits(self.without_widths())

    def without_widths(self) -> dict[str, object]:
        """Plain data of how it is built, where a kind can tell without names and widths of hidden layers."""
        return self.to_dict()


def _digits(data: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]


# The second kind lives on a higher floor; it is known here by its name only, as extensions are.
ARCHITECTURES: Final = Registry[type[Architecture]](
    "kind of architecture",
    entries={
        "layers": Lazy("scalegmn.networks:LayeredArchitecture"),
        "program": Lazy("scalegmn.programs:ProgramArchitecture"),
    },
)
"""Kinds of architectures, by the names that files have for them."""


register_plain_form(
    Architecture,
    write=lambda architecture: architecture.to_dict(),
    read=lambda _, data: Architecture.from_dict(data),
)
