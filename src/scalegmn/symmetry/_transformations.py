"""Random symmetries of an architecture of any kind, as one thing that is applied to parameters."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from functools import cached_property, lru_cache, singledispatch
from typing import final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.networks import Architecture, LayeredArchitecture
from scalegmn.programs import ProgramArchitecture
from scalegmn.shapes import Parameters
from scalegmn.symmetry._action import Element, SymmetryAction
from scalegmn.symmetry.discovery import GroupElement, SymmetryGroup, symmetry_group


class Transformation(ABC):
    """One symmetry of an architecture: it changes parameters, and the function of the network stays."""

    @property
    @abstractmethod
    def is_identity(self) -> bool:
        """Whether it changes nothing."""

    @property
    @abstractmethod
    def permuted(self) -> Tensor:
        """Which parameters it puts elsewhere, ``(P,)``."""

    @abstractmethod
    def apply(self, theta: Parameters) -> Parameters:
        """The parameters ``(*batch, P)`` of the transformed networks."""

    @abstractmethod
    def apply_update(self, update: Parameters) -> Parameters:
        """The action on updates of parameters ``(*batch, P)``: linear, without shifts of phase."""

    @abstractmethod
    def without_phase(self) -> Transformation:
        """The same without shifts of phase, which canonicalization takes back."""


@final
class LayeredTransformation(Transformation):
    """An element of the group of a list of layers.

    Args:
        action: of the architecture.
        element: of its group.
    """

    def __init__(self, action: SymmetryAction, element: Element) -> None:
        self.action, self.element = action, element

    @property
    def is_identity(self) -> bool:
        element = self.element
        still = torch.equal(element.permutation, torch.arange(element.permutation.numel()))
        return still and bool((element.scale == 1).all()) and bool((element.phase == 0).all())

    @property
    def permuted(self) -> Tensor:
        places = torch.arange(self.action.architecture.num_parameters, dtype=torch.float64)
        moving = dataclasses.replace(self.action.identity(), permutation=self.element.permutation)
        return self.action.apply_update(places, moving) != places

    def apply(self, theta: Parameters) -> Parameters:
        return self.action.apply(theta, self.element)

    def apply_update(self, update: Parameters) -> Parameters:
        return self.action.apply_update(update, self.element)

    def without_phase(self) -> LayeredTransformation:
        still = dataclasses.replace(self.element, phase=self.action.identity().phase)
        return LayeredTransformation(self.action, still)


@final
class ProgramTransformation(Transformation):
    """An element of the group of a program, on flat vectors of its effective parameters.

    Args:
        architecture: of the program.
        element: of its group.
    """

    def __init__(self, architecture: ProgramArchitecture, element: GroupElement) -> None:
        self.architecture, self.element = architecture, element

    @cached_property
    def _sources(self) -> Tensor:
        """The place from which every number comes, ``(P,)``."""
        moving = GroupElement(rearrangements=self.element.rearrangements)
        return self._moved(moving, torch.arange(self.architecture.num_parameters))

    @cached_property
    def _factors(self) -> Tensor:
        """What every number at its new place was multiplied with, ``(P,)`` float64."""
        return self._moved(self.element, torch.ones(self.architecture.num_parameters, dtype=torch.float64))

    def _moved(self, element: GroupElement, values: Tensor) -> Tensor:
        found = element.apply(self.architecture.unflatten(values))
        return torch.cat([found[one.name].reshape(-1) for one in self.architecture.parameters])

    @property
    def is_identity(self) -> bool:
        return not bool(self.permuted.any()) and bool((self._factors == 1).all())

    @property
    def permuted(self) -> Tensor:
        return self._sources != torch.arange(len(self._sources))

    def apply(self, theta: Parameters) -> Parameters:
        if theta.shape[-1:] != self._sources.shape:
            raise SymmetryError(
                f"theta has shape {tuple(theta.shape)}, expected (*batch, {len(self._sources)}) for "
                f"{self.architecture.describe()}"
            )
        return theta[..., self._sources.to(theta.device)] * self._factors.to(theta)

    def apply_update(self, update: Parameters) -> Parameters:
        return self.apply(update)

    def without_phase(self) -> ProgramTransformation:
        return self


def random_symmetry(
    architecture: Architecture,
    *,
    generator: torch.Generator,
    spread: float = 10.0,
    permute: bool = True,
    rescale: bool = True,
    shift_phase: bool = False,
) -> Transformation:
    """A random symmetry of an architecture of any kind.

    Args:
        architecture: whose parameters it is for.
        generator: source of randomness.
        spread: positive scales are drawn log-uniformly from ``[1/spread, spread]``; of programs, those that
            are free, and others are products of them.
        permute, rescale, shift_phase: which parts of the group to draw from; programs have no phases.

    Raises:
        SymmetryError: nothing is known of architectures of this kind.

    Law: ``run(architecture, symmetry.apply(theta), x) == run(architecture, theta, x)`` for all inputs x.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from scalegmn.programs import ProgramArchitecture
        >>> from scalegmn.symmetry import random_symmetry
        >>> module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3))
        >>> network = ProgramArchitecture.from_module(module.double(), torch.zeros(1, 1, 6, 6).double())
        >>> theta = network.read_state(module.state_dict())[None]
        >>> moved = random_symmetry(network, generator=torch.Generator().manual_seed(0)).apply(theta)
        >>> images = torch.randn(7, 1, 6, 6).double()
        >>> torch.allclose(network.run(moved, images), network.run(theta, images)), torch.equal(moved, theta)
        (True, False)
    """
    return draw_symmetry(
        architecture,
        generator=generator,
        spread=spread,
        permute=permute,
        rescale=rescale,
        shift_phase=shift_phase,
    )


@singledispatch
def draw_symmetry(
    architecture: Architecture,
    *,
    generator: torch.Generator,
    spread: float,
    permute: bool,
    rescale: bool,
    shift_phase: bool,
) -> Transformation:
    """Draw like :func:`random_symmetry`; a new type of architecture registers its own."""
    raise SymmetryError(
        f"no symmetries are known of architectures of the kind {type(architecture).__name__}; expected one "
        "registered by scalegmn.symmetry.draw_symmetry.register"
    )


@draw_symmetry.register
def _of_layers(
    architecture: LayeredArchitecture,
    *,
    generator: torch.Generator,
    spread: float,
    permute: bool,
    rescale: bool,
    shift_phase: bool,
) -> Transformation:
    action = SymmetryAction(architecture)
    element = action.draw(
        generator=generator, spread=spread, permute=permute, rescale=rescale, shift_phase=shift_phase
    )
    return LayeredTransformation(action, element)


@draw_symmetry.register
def _of_program(
    architecture: ProgramArchitecture,
    *,
    generator: torch.Generator,
    spread: float,
    permute: bool,
    rescale: bool,
    shift_phase: bool,
) -> Transformation:
    logarithm = float(torch.tensor(spread, dtype=torch.float64).log())
    drawn = group_of_program(architecture).random(generator, spread=logarithm)
    chosen = GroupElement(
        factors=drawn.factors if rescale else {}, rearrangements=drawn.rearrangements if permute else {}
    )
    return ProgramTransformation(architecture, chosen)


@lru_cache(maxsize=64)
def group_of_program(architecture: ProgramArchitecture) -> SymmetryGroup:
    """The group of an architecture's program.  Cached: it takes seconds."""
    return symmetry_group(architecture.program)
