"""The symmetry group of a program: computed from its operations alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.programs import Program

from ._graded import GradedAlgebra, ScaleAlgebra, SignAlgebra
from ._group_element import GroupElement
from ._interpretation import evaluated, interpret
from ._kernel import Kernel
from ._labels import Labels


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Exponents:
    """The scales or the signs of a program.

    Attributes:
        kernel: how all unknowns depend on the free ones.
        parameters: for each parameter that is read, a sum of unknowns per number.
    """

    kernel: Kernel
    parameters: Mapping[str, Labels]

    @property
    def dimension(self) -> int:
        """How many of them are free."""
        return self.kernel.dimension

    def evaluate(self, coordinates: Tensor) -> dict[str, Tensor]:
        """Exponents of all parameters.

        Args:
            coordinates: of the free unknowns, ``(dimension,)``.

        Returns:
            One number for each number of a parameter, float64, broadcast where they repeat.
        """
        values = torch.from_numpy(self.kernel.matrix @ coordinates.to(torch.float64).numpy())
        numbers = torch.zeros(int(self.kernel.unknowns[-1]) + 1, dtype=torch.float64)
        numbers[torch.from_numpy(self.kernel.unknowns)] = values
        return {name: evaluated(labels, numbers) for name, labels in self.parameters.items()}


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class SymmetryGroup:
    """Everything that can be done to the parameters of a program without changing its function.

    Attributes:
        program: the network.
        scales: positive factors.
        signs: flips.
    """

    program: Program
    scales: Exponents
    signs: Exponents

    def random(self, generator: torch.Generator, *, spread: float = 1.0) -> GroupElement:
        """A random element.

        Args:
            generator: of the random numbers.
            spread: free log-scales are drawn uniformly from ``[-spread, spread]``.
        """
        scales = torch.rand(self.scales.dimension, generator=generator, dtype=torch.float64)
        flips = torch.randint(2, (self.signs.dimension,), generator=generator)
        factors = {
            name: torch.exp(exponent)
            for name, exponent in self.scales.evaluate(spread * (2 * scales - 1)).items()
        }
        for name, exponent in self.signs.evaluate(flips).items():
            sign = 1 - 2 * torch.remainder(exponent, 2)
            factors[name] = factors[name] * sign if name in factors else sign
        return GroupElement(factors=factors)


def symmetry_group(program: Program) -> SymmetryGroup:
    """Compute the symmetry group of a program.

    Args:
        program: as :func:`scalegmn.programs.trace` makes it.

    Raises:
        SymmetryError: an operation's rule is wrong.
    """
    return SymmetryGroup(
        program=program,
        scales=_exponents(program, ScaleAlgebra(program.parameters)),
        signs=_exponents(program, SignAlgebra(program.parameters)),
    )


def _exponents(program: Program, algebra: GradedAlgebra) -> Exponents:
    interpret(program, algebra)
    kernel = algebra.solve()
    labels = {
        parameter.name: algebra.cells.resolve(algebra.parameter(index))
        for index, parameter in enumerate(program.parameters)
        if algebra.is_read(index)
    }
    return Exponents(kernel=kernel, parameters=labels)
