"""Networks that a metanetwork is tested with, in the form in which it reads them."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from enum import Enum
from typing import ClassVar

import torch
from torch import Tensor, nn

from scalegmn.configuration import format_value
from scalegmn.errors import SymmetryError
from scalegmn.networks import Architecture
from scalegmn.testing.arguments import Model, ModelArgument
from scalegmn.testing.elements import Elements, TransformedNetworks
from scalegmn.testing.kinds import functions_apart


class ModelLaw(Enum):
    """What may hold of a metanetwork f, for all networks theta and all symmetries g of them."""

    invariance = "invariance: f(g theta) = f(theta)"
    equivariance = "equivariance: u(g theta) = g u(theta)"


class SampleNetworks(ABC):
    """Networks to test with, and the form in which a metanetwork reads and writes networks.

    Whatever the form, networks are kept as flat parameters ``(B, *features, P)`` of an
    :class:`~scalegmn.networks.Architecture`, on which symmetries act.  Subclasses turn these
    into what the metanetwork reads, and what it writes back into flat parameters.
    """

    arguments: ClassVar[int] = 1
    """Arguments that the metanetwork is called with."""
    called: ClassVar[str] = "model(networks)"
    """The call, for error messages."""

    def __init__(self, parts: tuple[tuple[Architecture, Tensor], ...]) -> None:
        if not parts:
            raise SymmetryError("no networks; expected those of at least one architecture")
        for _, theta in parts:
            check_values(theta, "the parameters of the networks")
        if len({theta.dtype for _, theta in parts}) > 1:
            raise SymmetryError(
                f"networks of several precisions, {sorted({str(theta.dtype) for _, theta in parts})}; "
                "convert them to that of the model"
            )
        self.parts = parts

    @property
    def dtype(self) -> torch.dtype:
        """Number of all parameters."""
        return self.parts[0][1].dtype

    @property
    def remark(self) -> str:
        """Which symmetries of the networks are unknown and therefore not tested; empty where none are."""
        return ""

    def chosen(self, elements: Elements | None) -> Elements:
        """The symmetries to draw; `elements` is what the user asked for.

        Raises:
            SymmetryError: some that are asked for are unknown in this form.
        """
        return Elements() if elements is None else elements

    @abstractmethod
    def outputs(self, model: Model, architecture: Architecture, theta: Tensor) -> object:
        """What `model` says of networks ``(n, *features, P)``: a tensor ``(n, ...)``, or updates."""

    @abstractmethod
    def laws(self, output: object, theta: Tensor) -> tuple[ModelLaw, ...]:
        """The laws that an output of this form can obey, the likelier one first; none if it is no output."""

    @abstractmethod
    def updates(self, architecture: Architecture, output: object, theta: Tensor) -> Tensor:
        """Updates as flat parameters ``(n, *features, P)``.

        Raises:
            SymmetryError: they do not have the shapes of the networks.
        """

    def function_change(self, pair: TransformedNetworks, *, generator: torch.Generator) -> float | None:
        """Largest relative change of what the networks compute, in float64; None if they cannot be run."""
        theta = pair.theta.double()
        return functions_apart(pair.architecture, theta, pair.apply(theta), generator=generator)

    def describe(self, architecture: Architecture) -> str:
        """Networks of an architecture in one line."""
        return architecture.describe()

    def position(self, architecture: Architecture, parameter: int) -> str:
        """Where a parameter is, in words."""
        return f"parameter {owner(architecture, parameter)!r}"

    def check_model(self, model: ModelArgument) -> None:
        """Refuse what cannot be called with these networks.

        Raises:
            SymmetryError: not callable, called otherwise, or of another precision.
        """
        if not callable(model):
            raise SymmetryError(
                f"model is {format_value(model)}, expected something that is called: {self.called}"
            )
        if isinstance(model, nn.Module):
            self._check_precision(model)
        try:
            signature = inspect.signature(model.forward if isinstance(model, nn.Module) else model)
        except (TypeError, ValueError):
            # Functions that are written in C may not say what they take.
            return
        try:
            signature.bind(*[None] * self.arguments)
        except TypeError:
            raise SymmetryError(
                f"the model takes {signature}, but is called as {self.called}; wrap it in a function that "
                f"takes {self.arguments} argument{'s' * (self.arguments != 1)}"
            ) from None

    def _check_precision(self, model: nn.Module) -> None:
        dtypes = {weight.dtype for weight in model.parameters() if weight.is_floating_point()}
        if dtypes and self.dtype not in dtypes:
            raise SymmetryError(
                f"the networks are {self.dtype}, but the weights of the model are "
                f"{' and '.join(sorted(map(str, dtypes)))}; call model.to({self.dtype}), or convert the "
                "networks"
            )


def check_values(values: Tensor, name: str) -> None:
    """Refuse parameters with which nothing can be tested.

    Raises:
        SymmetryError: integers, or NaN or infinite.
    """
    if not values.is_floating_point():
        raise SymmetryError(
            f"{name} are {values.dtype}, expected floating point; convert them with .double()"
        )
    if not torch.isfinite(values).all():
        count = int((~torch.isfinite(values)).sum())
        raise SymmetryError(f"{name} hold {count} values that are NaN or infinite; leave such networks out")


def owner(architecture: Architecture, parameter: int) -> str:
    """Name of the tensor that a number of the flat parameters belongs to."""
    return next(entry.name for entry in architecture.parameters if entry.start <= parameter < entry.stop)


def in_words(output: object) -> str:
    """An output, for error messages: its type, and its shape if it is a tensor."""
    if isinstance(output, Tensor):
        return f"a tensor of shape {tuple(output.shape)}"
    if isinstance(output, tuple | list):
        return f"a {type(output).__name__} of {len(output)}"
    return f"a {type(output).__name__}"
