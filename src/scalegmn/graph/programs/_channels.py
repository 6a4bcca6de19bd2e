"""Which axes of an input are channels: those that weights tell apart, and do not slide along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import final

import torch
from torch import Tensor

from scalegmn.programs import Behavior, Input, Instruction, Program, ProgramAlgebra, interpret
from scalegmn.symmetry.discovery import compressed, padded, rearranged

from ._values import framed, narrowed_to, varying
from ._wiring import NOTHING


def channel_axes(program: Program) -> tuple[tuple[bool, ...], ...]:
    """For each input, which of its axes are channels; the others are examples and positions.

    An axis is one of positions where the same weight meets several of its entries, as a convolution does
    with the sides of an image, or a dense layer with the tokens of a sequence.
    """
    algebra = _AxisAlgebra(program)
    interpret(program, algebra)
    return tuple(
        tuple(axis not in slid for axis in range(len(given.type.shape)))
        for given, slid in zip(program.inputs, algebra.slid, strict=True)
    )


@final
@dataclass(frozen=True, eq=False)
class _Entries:
    """What is known of a value.

    Attributes:
        shape: of the value.
        known: its numbers, where they depend on neither inputs nor parameters.
        given: whether entries of it are entries of inputs.
        places: for each entry the one of all inputs together, or of a parameter where none is of an input.
    """

    shape: tuple[int, ...]
    known: Tensor | None = None
    given: bool = False
    places: Tensor | None = None

    @property
    def is_parameter(self) -> bool:
        """Whether its entries are those of a parameter."""
        return not self.given and self.places is not None


@final
class _AxisAlgebra(ProgramAlgebra[_Entries]):
    """Follows entries of inputs through views to the first weights that they meet.

    Args:
        program: of the inputs.

    Attributes:
        slid: for each input, the axes that weights slide along.
    """

    def __init__(self, program: Program) -> None:
        self.inputs = program.inputs
        self.types = [parameter.type for parameter in program.parameters]
        self.slid: list[set[int]] = [set() for _ in program.inputs]
        sizes = [prod(given.type.shape) for given in program.inputs]
        self._starts = [sum(sizes[:number]) for number in range(len(sizes))]
        self._seen = 0

    def enter(self, instruction: Instruction) -> None: ...

    def input(self, given: Input) -> _Entries:
        self._seen += 1
        shape = given.type.shape
        start = self._starts[self._seen - 1]
        return _Entries(shape, None, True, torch.arange(start, start + prod(shape)).reshape(shape))

    def parameter(self, index: int) -> _Entries:
        shape = self.types[index].shape
        return _Entries(shape, None, False, torch.arange(prod(shape)).reshape(shape))

    def output(self, x: _Entries) -> None: ...

    def constant(self, value: Tensor) -> _Entries:
        return _Entries(tuple(value.shape), value)

    def view(self, x: _Entries, function: Callable[[Tensor], Tensor]) -> _Entries:
        def moved(ids: Tensor | None) -> Tensor | None:
            return None if ids is None else rearranged(ids, function)

        shape = rearranged(torch.zeros((), dtype=torch.int64).expand(x.shape), function).shape
        places = moved(x.places)
        return _Entries(tuple(shape), moved(x.known), x.given, None if places is None else compressed(places))

    def concatenate(self, parts: Sequence[_Entries], *, axis: int) -> _Entries:
        shape = tuple(torch.cat([torch.empty(part.shape, dtype=torch.bool) for part in parts], axis).shape)
        if all(part.known is not None for part in parts):
            return _Entries(shape, torch.cat([part.known for part in parts if part.known is not None], axis))
        if not any(part.given for part in parts):
            return _Entries(shape)
        # What stands beside entries of inputs tells nothing of their axes.
        nothing = torch.tensor(NOTHING)
        places = [
            part.places if part.given and part.places is not None else nothing.expand(part.shape)
            for part in parts
        ]
        return _Entries(shape, None, True, compressed(torch.cat(places, axis)))

    def pad(
        self, x: _Entries, *, before: Sequence[int], after: Sequence[int], value: float = 0.0
    ) -> _Entries:
        shape = tuple(size + b + a for size, b, a in zip(x.shape, before, after, strict=True))
        places = None if x.places is None else padded(x.places, before, after, NOTHING)
        return _Entries(shape, None, x.given, places)

    def add(self, x: _Entries, y: _Entries) -> _Entries:
        return self._either(x, y)

    def multiply(self, x: _Entries, y: _Entries) -> _Entries:
        return self._either(x, y)

    def _either(self, x: _Entries, y: _Entries) -> _Entries:
        """Entry by entry; an input stays one where the other value is none."""
        shape = torch.broadcast_shapes(x.shape, y.shape)
        for own, other in ((x, y), (y, x)):
            if own.given and own.places is not None and not other.given:
                return _Entries(tuple(shape), None, True, compressed(own.places.expand(shape)))
        return _Entries(tuple(shape))

    def contract(
        self,
        x: _Entries,
        y: _Entries,
        *,
        x_axes: Sequence[int],
        y_axes: Sequence[int],
        out_axes: Sequence[int],
    ) -> _Entries:
        sizes = dict(zip((*x_axes, *y_axes), (*x.shape, *y.shape), strict=True))
        for own, weight, axes, others in ((x, y, x_axes, y_axes), (y, x, y_axes, x_axes)):
            if own.places is None or not own.given or weight.places is None or not weight.is_parameter:
                continue
            met, weights, frame = framed(
                own.places, weight.places, x_axes=axes, y_axes=others, out_axes=out_axes
            )
            moves, fixed = varying(met), varying(weights)
            met = narrowed_to(met, moves)
            for axis in range(frame.kept):
                if moves[axis] and not fixed[axis]:
                    count = met.shape[axis] - 1
                    self._slide(met.narrow(axis, 0, count), met.narrow(axis, 1, count))
        return _Entries(tuple(sizes[name] for name in out_axes))

    def _slide(self, first: Tensor, second: Tensor) -> None:
        """Note along which axes of an input neighbors differ.

        All neighbors: where rows of a map are one axis, the first two stand in one row.
        """
        differ = (first != NOTHING) & (second != NOTHING) & (first != second)
        first, second = first[differ], second[differ]
        for given, start, slid in zip(self.inputs, self._starts, self.slid, strict=True):
            shape = given.type.shape
            both = (torch.minimum(first, second) >= start) & (
                torch.maximum(first, second) < start + prod(shape)
            )
            ends = [torch.unravel_index(part[both] - start, shape) for part in (first, second)]
            slid.update(axis for axis, (a, b) in enumerate(zip(*ends, strict=True)) if bool((a != b).any()))

    def apply(self, x: _Entries, behavior: Behavior) -> _Entries:
        return replace(x, known=None)

    def reduce(self, x: _Entries, *, axes: Sequence[int], keepdim: bool, behavior: Behavior) -> _Entries:
        gone = {axis % len(x.shape) for axis in axes} if axes else set(range(len(x.shape)))
        sizes = enumerate(x.shape)
        return _Entries(
            tuple(1 if axis in gone else size for axis, size in sizes if keepdim or axis not in gone)
        )

    def couple(self, x: _Entries, *, axes: Sequence[int], behavior: Behavior) -> _Entries:
        return replace(x, known=None)

    def ordered(self, x: _Entries, *, axes: Sequence[int], behavior: Behavior) -> _Entries:
        return replace(x, known=None)

    def lookup(self, table: _Entries, *, shape: Sequence[int]) -> _Entries:
        return _Entries((*shape, *table.shape[1:]))
