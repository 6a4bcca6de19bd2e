"""Networks as graphs and as flat parameters: the forms that this library's own models read."""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.graph import batch_graphs, update_parameters
from scalegmn.networks import Architecture
from scalegmn.testing.arguments import Model, PairsArgument
from scalegmn.testing.samples import ModelLaw, SampleNetworks, in_words


@final
class Graphs(SampleNetworks):
    """Networks that are read as one :class:`~scalegmn.graph.NetworkGraph` per architecture: ``model(graph)``.

    Outputs are tensors ``(B, ...)``; updates are pairs of the weights' ``(T,)`` and the biases' ``(V,)``.

    Args:
        networks: architectures, each with the parameters ``(B, P)`` of its networks.

    Raises:
        SymmetryError: parameters that are no matrix of an architecture's parameters.
    """

    called: ClassVar[str] = "model(graph)"

    def __init__(self, networks: PairsArgument) -> None:
        for entry in networks:
            _check_rows(*entry)
        super().__init__(tuple(networks))

    def outputs(self, model: Model, architecture: Architecture, theta: Tensor) -> object:
        return model(batch_graphs(architecture, theta))

    def laws(self, output: object, theta: Tensor) -> tuple[ModelLaw, ...]:
        if isinstance(output, Tensor):
            return (ModelLaw.invariance,)
        return (ModelLaw.equivariance,) if isinstance(output, tuple) and len(output) == 2 else ()

    def updates(self, architecture: Architecture, output: object, theta: Tensor) -> Tensor:
        assert isinstance(output, tuple)
        return update_parameters(architecture, *output)


@final
class FlatParameters(SampleNetworks):
    """Networks of one architecture that are read as a matrix, one row each: ``model(theta)``.

    Outputs are tensors ``(B, ...)``, and updates are tensors ``(B, P)``.

    Args:
        architecture: of all networks.
        theta: their parameters ``(B, P)``, in the order of their state dicts.

    Raises:
        SymmetryError: `theta` does not fit.
    """

    called: ClassVar[str] = "model(theta)"

    def __init__(self, architecture: Architecture, theta: Tensor) -> None:
        _check_rows(architecture, theta)
        super().__init__(((architecture, theta),))

    def outputs(self, model: Model, architecture: Architecture, theta: Tensor) -> object:
        return model(theta)

    def laws(self, output: object, theta: Tensor) -> tuple[ModelLaw, ...]:
        if not isinstance(output, Tensor):
            return ()
        both = (ModelLaw.equivariance, ModelLaw.invariance)
        return both if output.shape == theta.shape else (ModelLaw.invariance,)

    def updates(self, architecture: Architecture, output: object, theta: Tensor) -> Tensor:
        assert isinstance(output, Tensor)
        return output


def _check_rows(architecture: object, theta: object) -> None:
    if not isinstance(architecture, Architecture):
        raise SymmetryError(
            f"an entry of the networks begins with {in_words(architecture)}, expected an Architecture and "
            "its parameters (B, P); see WeightLists, StateDicts and Modules for other forms"
        )
    if not isinstance(theta, Tensor) or theta.shape[1:] != (architecture.num_parameters,):
        raise SymmetryError(
            f"the parameters of {architecture.describe()} are {in_words(theta)}, expected a tensor "
            f"(B, {architecture.num_parameters}); Architecture.flatten packs state dicts"
        )
