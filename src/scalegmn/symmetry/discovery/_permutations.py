"""The permutations of a program: which channels may change places, and what that does to the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scalegmn.programs import Program, interpret

from ._automorphisms import Automorphisms, RelationalStructure
from ._entry_moves import EntryMoves, TaggedAxes
from ._permutation_groups import DirectProduct, Moves, PermutationGroup, Wreath
from ._rearrangement import Rearrangement
from ._relations import untangled
from ._tag_tuples import components, rows
from ._tags import PermutationAlgebra


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class PermutationFamily:
    """Channels that change places with each other, and with no others.

    Attributes:
        origin: module that writes the channels, or name of a parameter.
        group: how they move.
        parameters: what they move, each with the axes along which it does.
    """

    origin: str
    group: PermutationGroup
    parameters: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def size(self) -> int:
        """How many channels or blocks of channels there are."""
        return len(self.blocks)

    @property
    def blocks(self) -> NDArray[np.int64]:
        """The points of each channel or block of channels, ``(size, points)``."""
        if isinstance(self.group, Wreath):
            return self.group.blocks
        return np.array(self.group.points(), dtype=np.int64)[:, None]

    @property
    def notation(self) -> str:
        """The group, such as ``S_4 wr S_2``."""
        return self.group.notation()


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class FixedFamily:
    """Channels that keep their order.

    Attributes:
        origin: module that writes the channels, or name of a parameter.
        size: how many.
    """

    origin: str
    size: int


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class ValueChannels:
    """A value that a network computes, and its channels.

    Attributes:
        value: its index in the program.
        axis: along which the channels stand.
        points: of the channels, in their order, as the group names them.
    """

    value: int
    axis: int
    points: NDArray[np.int64]


@final
class Permutations:
    """The permutations of a program.

    Args:
        algebra: in which it has been interpreted.

    Attributes:
        families: those that move, independently of each other, in the order of the network.
        fixed: those that do not.
    """

    def __init__(self, algebra: PermutationAlgebra) -> None:
        cells = algebra.cells
        relations, more = untangled(algebra.relations, cells.count)
        all_blocks = [*cells.blocks, *more]
        self._points: Final = np.concatenate(
            [np.unique(cells.used().numpy()), *(np.arange(block.start, block.stop) for block in more)]
        )
        starts = np.array([block.start for block in all_blocks])
        blocks = np.searchsorted(starts, self._points, side="right") - 1
        structure = RelationalStructure(self._points, blocks, relations)
        group = Automorphisms(structure).group()
        self._plans: Final = {
            parameter.name: EntryMoves(algebra.tags_of(index), parameter.type.shape)
            for index, parameter in enumerate(algebra.parameters)
            if algebra.is_read(index)
        }
        factors = _factors(group)
        found = (self._family(factor, all_blocks[blocks[min(factor.points())]].origin) for factor in factors)
        self.families: Final = tuple(family for family in found if family.parameters)
        moving = [point for factor in factors for point in factor.points()]
        sizes = np.bincount(blocks, minlength=len(all_blocks))
        sizes[np.unique(blocks[moving])] = 0
        self.fixed: Final = tuple(
            FixedFamily(origin=block.origin, size=int(size))
            for block, size in zip(all_blocks, sizes, strict=True)
            if size > 1 and block.origin
        )

    @property
    def count(self) -> int:
        """How many points there are, those that stay among them."""
        return len(self._points)

    @property
    def log_order(self) -> float:
        """The logarithm of the number of permutations."""
        return sum((family.group.log_order for family in self.families), 0.0)

    def random(self, generator: torch.Generator) -> dict[str, Rearrangement]:
        """An element, all of them equally likely: where the entries of each parameter go."""
        moves: Moves = {}
        for family in self.families:
            moves.update(family.group.random(generator))
        return self.rearrangements(moves)

    def rearrangements(self, moves: Moves) -> dict[str, Rearrangement]:
        """What an element does to the parameters that it moves.

        Args:
            moves: an element of the group of a family, or a product of such.
        """
        image = self._points.copy()
        image[list(moves)] = self._points[list(moves.values())]
        moved = self._points[image != self._points]
        found = {}
        for name, plan in self._plans.items():
            rearrangement = plan.rearrangement(self._points, image, moved)
            if rearrangement is not None:
                found[name] = rearrangement
        return found

    def entries(self, points: NDArray[np.int64]) -> Iterator[tuple[str, Tensor]]:
        """What some channels own of the parameters.

        Args:
            points: of channels that a family exchanges, as its group names them.

        Returns:
            For each parameter that they stand in, flat indices of the entries of each channel, in their
            order.
        """
        for name, plan in self._plans.items():
            for entries in plan.entries(self._points[points]):
                yield name, entries

    def tags(self) -> Iterator[tuple[str, tuple[TaggedAxes, ...]]]:
        """Which channels the entries of each parameter belong to, axes that are independent apart.

        Returns:
            Names and, for each group of axes, the tags of every place along them.
        """
        for name, plan in self._plans.items():
            yield name, tuple(plan.tagged(self._points))

    def channels(self, program: Program) -> Iterator[ValueChannels]:
        """Values that the network computes on its way, and which points their channels are.

        Args:
            program: the first of those that the group was computed for.

        Returns:
            Real values that depend on the inputs, and along one axis of which every place is a point of its
            own.
        """
        # Tags are given out in the same order whenever the same program is interpreted.
        algebra = PermutationAlgebra(program.parameters)
        asked = _answers_of(program)
        for index, labels in enumerate(interpret(program, algebra)):
            if index not in asked or labels is None:
                continue
            for axes, group in components(algebra.tags(labels)):
                table = rows(group, axes).numpy()
                points = np.minimum(np.searchsorted(self._points, table[:, 0]), len(self._points) - 1)
                if len(axes) == table.shape[1] == 1 and (self._points[points] == table[:, 0]).all():
                    yield ValueChannels(value=index, axis=min(axes), points=points)

    def without(self, families: Sequence[PermutationFamily]) -> Permutations:
        """The same group without some families."""
        smaller: Permutations = object.__new__(Permutations)
        smaller.__dict__.update(self.__dict__)
        left = tuple(family for family in self.families if family not in families)
        smaller.__dict__["families"] = left
        return smaller

    def _family(self, group: PermutationGroup, origin: str) -> PermutationFamily:
        tags = self._points[group.points()]
        parameters = tuple((name, axes) for name, plan in self._plans.items() if (axes := plan.axes_of(tags)))
        return PermutationFamily(origin=origin, group=group, parameters=parameters)


def permutations(*programs: Program) -> Permutations:
    """The permutations of the parameters that keep the function.

    Args:
        programs: one network at several sizes of its inputs.

    Raises:
        SymmetryError: an operation's rule is wrong.
    """
    algebra = PermutationAlgebra(programs[0].parameters)
    for program in programs:
        interpret(program, algebra)
    return Permutations(algebra)


def _answers_of(program: Program) -> frozenset[int]:
    """Real values that instructions write, and that depend on an input."""
    depending = set(range(len(program.inputs)))
    real = set()
    index = len(program.inputs) + len(program.parameters) + len(program.constants)
    for instruction in program.instructions:
        asked = any(operand.index in depending for operand in instruction.operands())
        for output in instruction.outputs:
            if asked:
                depending.add(index)
                if output.is_floating:
                    real.add(index)
            index += 1
    return frozenset(real)


def _factors(group: PermutationGroup) -> list[PermutationGroup]:
    if isinstance(group, DirectProduct):
        found = [factor for part in group.factors for factor in _factors(part)]
    else:
        found = [] if group.is_trivial else [group]
    return sorted(found, key=lambda factor: min(factor.points()))
