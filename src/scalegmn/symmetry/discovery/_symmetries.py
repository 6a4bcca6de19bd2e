"""The symmetry group of a program: computed from its operations alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.programs import Program, interpret

from ._evaluation import evaluated
from ._families import ExponentFamily, families, moved_by
from ._graded import GradedAlgebra, ScaleAlgebra, SignAlgebra
from ._group_element import GroupElement
from ._kernel import Kernel
from ._labels import Labels
from ._localized import localized
from ._permutations import PermutationFamily, Permutations, permutations
from ._verified import verified


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

    def families(self) -> tuple[ExponentFamily, ...]:
        """Dimensions grouped by the parameters that they move."""
        return families(self.kernel, self.parameters)

    def moving(self, names: Iterable[str]) -> Tensor:
        """Which of them move a parameter.

        Args:
            names: of parameters; those that nothing reads are moved by none.

        Returns:
            ``(dimension,)`` bool.
        """
        found = torch.zeros(self.dimension, dtype=torch.bool)
        for name in names:
            if name in self.parameters:
                found[moved_by(self.kernel, self.parameters[name])] = True
        return found

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
        unread: parameters that nothing reads at any of the sizes; they may be anything.
        scales: positive factors.
        signs: flips.
        permutations: channels and blocks in each other's places; each family was tried on the function.
        refused: families that rules allow and the function does not, which are left out.
    """

    program: Program
    unread: tuple[str, ...]
    scales: Exponents
    signs: Exponents
    permutations: Permutations
    refused: tuple[PermutationFamily, ...] = ()

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
        return GroupElement(factors=factors, rearrangements=self.permutations.random(generator))


def symmetry_group(program: Program, *others: Program) -> SymmetryGroup:
    """Compute the symmetry group of a program.

    Args:
        program: as :func:`scalegmn.programs.tracing.trace` makes it.
        others: the same network at other sizes of its input; the group is what holds at all of them.

    Raises:
        SymmetryError: an operation's rule is wrong, or the parameters of the programs differ.
    """
    for other in others:
        if other.parameters != program.parameters:
            raise SymmetryError(
                f"the programs have {len(program.parameters)} and {len(other.parameters)} parameters, or of "
                "other names and shapes, expected one network at several sizes; trace the same module"
            )
    programs = (program, *others)
    scales = ScaleAlgebra(program.parameters)
    signs = SignAlgebra(program.parameters)
    exponents = [_exponents(programs, algebra) for algebra in (scales, signs)]
    unread = [p.name for index, p in enumerate(program.parameters) if not scales.is_read(index)]
    permuted, refused = verified(permutations(*programs), programs)
    return SymmetryGroup(
        program=program,
        unread=tuple(unread),
        scales=exponents[0],
        signs=exponents[1],
        permutations=permuted,
        refused=refused,
    )


def _exponents(programs: Sequence[Program], algebra: GradedAlgebra) -> Exponents:
    """The exponents of an algebra, in a readable basis."""
    found = solve_exponents(programs, algebra)
    basis = localized(found.kernel, found.parameters, modulus=algebra.modulus)
    return Exponents(kernel=basis, parameters=found.parameters)


def solve_exponents(programs: Sequence[Program], algebra: GradedAlgebra) -> Exponents:
    """All exponents that keep the function, in the basis that elimination leaves.

    Args:
        programs: one network at several sizes.
        algebra: of its parameters, as it was made.
    """
    # Conditions of all programs on the same unknowns: what is left holds for each of them.
    for program in programs:
        interpret(program, algebra)
    kernel = algebra.solve()
    labels = {
        parameter.name: algebra.cells.resolve(algebra.parameter(index))
        for index, parameter in enumerate(algebra.parameters)
        if algebra.is_read(index)
    }
    return Exponents(kernel=kernel, parameters=labels)
