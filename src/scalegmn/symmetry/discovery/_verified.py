"""Permutations are tried on the function before anybody is given them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.programs import Program, run_program
from scalegmn.seeding import generator

from ._group_element import GroupElement
from ._nullity import random_parameters
from ._permutation_groups import Moves
from ._permutations import PermutationFamily, Permutations

_TOLERANCE: Final = 1e-9
"""Of the largest output; rounding in float64 stays far below, and channels in wrong places far above."""
_DRAWS: Final = 2
"""Random elements of all families together."""
_GENERATORS: Final = 4
"""Of each family, tried together with those of the others: a random element of a small group may be none."""
_SIZES: Final = (1.0, 0.3, 0.1)
"""Of random weights: smaller ones where outputs overflow."""


def verified(
    found: Permutations, programs: Sequence[Program]
) -> tuple[Permutations, tuple[PermutationFamily, ...]]:
    """The families whose random elements keep the function, and those whose do not.

    All are tried together, at random weights and inputs, and one by one only if that fails: a few generators
    of each, since a random element of a small group may be none, and random elements.

    Args:
        found: permutations of the programs.
        programs: one network at several sizes of its inputs.

    Returns:
        The group without families that change the function, and these families.
    """
    if not found.families:
        return found, ()
    trials = [_RandomNetwork(program) for program in programs]

    def keeps(group: Permutations) -> bool:
        return all(trial.keeps(group, moves) for moves in _elements(group) for trial in trials)

    if keeps(found):
        return found, ()
    refused = []
    for family in found.families:
        alone = found.without([other for other in found.families if other is not family])
        if not keeps(alone):
            refused.append(family)
    return found.without(refused), tuple(refused)


def _elements(group: Permutations) -> Iterator[Moves]:
    """The first generators of all families, joined, and random elements."""
    firsts = [list(islice(family.group.generators(), _GENERATORS)) for family in group.families]
    for index in range(max(map(len, firsts), default=0)):
        joined: Moves = {}
        for moves in firsts:
            joined.update(moves[index % len(moves)] if moves else {})
        yield joined
    for draw in range(_DRAWS):
        numbers = generator(draw, "element")
        random: Moves = {}
        for family in group.families:
            random.update(family.group.random(numbers))
        yield random


@final
class _RandomNetwork:
    """A program at random weights and inputs, and its outputs."""

    def __init__(self, program: Program) -> None:
        self._program = program
        for size in _SIZES:
            numbers = generator(0, "verified", len(program.instructions))
            self._parameters = {
                parameter.name: value if parameter.positive else size * value
                for parameter, value in zip(
                    program.parameters, random_parameters(program, numbers).values(), strict=True
                )
            }
            self._inputs = [
                size * torch.randn(given.type.shape, generator=numbers, dtype=torch.float64)
                if given.type.is_floating
                else _integers(given.type.shape, given.type.dtype, numbers)
                for given in program.inputs
            ]
            self._outputs = self._run(self._parameters)
            if all(bool(torch.isfinite(output).all()) for output in self._outputs):
                break

    def keeps(self, permutations: Permutations, moves: Moves) -> bool:
        """Whether an element leaves the outputs as they are; no if they are no numbers."""
        try:
            element = GroupElement(rearrangements=permutations.rearrangements(moves))
        except SymmetryError:
            return False  # it takes entries to where there are none
        return all(
            float((after - before).abs().max()) <= _TOLERANCE * float(before.abs().max())
            for before, after in zip(self._outputs, self._run(element.apply(self._parameters)), strict=True)
            if before.numel()
        )

    def _run(self, parameters: Mapping[str, Tensor]) -> list[Tensor]:
        with torch.no_grad():
            return [
                output.to(torch.float64) for output in run_program(self._program, parameters, self._inputs)
            ]


def _integers(shape: tuple[int, ...], dtype: str, numbers: torch.Generator) -> Tensor:
    """0 and 1: indices that any table of two rows has."""
    kind: torch.dtype = getattr(torch, dtype)
    return torch.randint(2, shape, generator=numbers).to(kind)
