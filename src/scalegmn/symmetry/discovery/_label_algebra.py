"""What scales, signs and permutations have in common: labels are moved about as the entries are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from scalegmn.programs import EffectiveParameter, Input, Instruction, ProgramAlgebra

from ._cells import Cells
from ._contraction import arranged, contraction_axes
from ._labels import ANYTHING, ORIGIN, Labels, Term, aligned, compressed

MASKED: Final = -1e30
"""Numbers below are masks: what they are added to is lost."""


class LabelAlgebra(ProgramAlgebra[Labels]):
    """An algebra on :class:`Labels`.

    Args:
        parameters: of the program.
    """

    def __init__(self, parameters: Sequence[EffectiveParameter]) -> None:
        self.parameters: Final = tuple(parameters)
        self.cells: Final = Cells(parameters)
        self.place = ""

    def enter(self, instruction: Instruction) -> None:
        """Note which instruction is interpreted next, for descriptions."""
        self.place = instruction.module or instruction.operation

    def parameter(self, index: int) -> Labels:
        """Labels of a parameter, before anything is known of it."""
        return self.cells.labels(index)

    def is_read(self, index: int) -> bool:
        """Whether any number of a parameter has been met."""
        return self.cells.is_met(index)

    def input(self, given: Input) -> Labels:
        """Labels of an input, which no symmetry moves."""
        return Labels(given.type.shape)

    @abstractmethod
    def output(self, x: Labels) -> None:
        """Demand that a value stays what it is."""

    def constant(self, value: Tensor) -> Labels:
        zero = value == 0
        if not bool(zero.any()):
            return Labels(tuple(value.shape), (), value)
        ids = compressed(torch.where(zero, ANYTHING, ORIGIN))
        return Labels(tuple(value.shape), (Term(Fraction(1), ids),), value)

    def view(self, x: Labels, function: Callable[[Tensor], Tensor]) -> Labels:
        return x.mapped(function)

    def concatenate(self, parts: Sequence[Labels], *, axis: int) -> Labels:
        parts = [self.cells.resolve(part) for part in parts]
        shape = torch.cat([torch.empty(part.shape, dtype=torch.bool) for part in parts], axis).shape
        terms = (
            Term(coefficient, compressed(torch.cat(columns, axis))) for coefficient, columns in aligned(parts)
        )
        return Labels(tuple(shape), tuple(terms), _joined([part.known for part in parts], axis))

    def pad(self, x: Labels, *, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> Labels:
        widths = [width for pair in zip(reversed(before), reversed(after), strict=True) for width in pair]
        filler = ANYTHING if value == 0 or value < MASKED else ORIGIN
        shape = tuple(size + b + a for size, b, a in zip(x.shape, before, after, strict=True))
        terms = x.terms
        if filler == ANYTHING and not terms and shape != x.shape and x.known is not None:
            terms = (Term(Fraction(1), torch.tensor(ORIGIN).expand(x.shape)),)
        return Labels(
            shape,
            tuple(Term(term.coefficient, padded(term.ids, before, after, filler)) for term in terms),
            None if x.known is None else functional.pad(x.known, widths, value=value),
        )


def _joined(known: Sequence[Tensor | None], axis: int) -> Tensor | None:
    present = [value for value in known if value is not None]
    return torch.cat(present, axis) if len(present) == len(known) else None


def padded(ids: Tensor, before: Sequence[int], after: Sequence[int], filler: int) -> Tensor:
    """Entries around unknowns.

    Where they may be anything, and the unknowns are the same all along an axis, they are taken to be that:
    zeros do not mind, and the tensor stays small.
    """
    for axis, (front, behind) in enumerate(zip(before, after, strict=True)):
        if front == behind == 0:
            continue
        sizes = list(ids.shape)
        if filler == ANYTHING and (ids.stride(axis) == 0 or sizes[axis] == 1):
            sizes[axis] += front + behind
            ids = ids.narrow(axis, 0, 1).expand(sizes)
        else:
            widths = [0] * (2 * ids.dim())
            place = 2 * (ids.dim() - 1 - axis)
            widths[place], widths[place + 1] = front, behind
            if front < 0 or behind < 0:
                ids = functional.pad(ids, widths, value=filler)
            else:
                ids = compressed(functional.pad(ids, widths, value=filler))
    return ids


def positive_axes(axes: Sequence[int], x: Labels) -> tuple[int, ...]:
    """Axes counted from the front; all of them if none is named."""
    rank = len(x.shape)
    return tuple(sorted({axis % rank for axis in axes})) if axes else tuple(range(rank))


def without_masks(x: Labels) -> Labels:
    """Known numbers, with those that mask what they are added to taken for zeros."""
    if x.known is None or not x.known.is_floating_point():
        return x
    masked = (x.known == 0) | (x.known < MASKED)
    if not bool(masked.any()):
        return x
    return Labels(x.shape, (Term(Fraction(1), compressed(torch.where(masked, ANYTHING, ORIGIN))),), x.known)


def in_order(
    x: Labels, y: Labels, *, x_axes: Sequence[int], y_axes: Sequence[int], out_axes: Sequence[int]
) -> tuple[Labels, Labels, tuple[int, ...]]:
    """Both factors of a contraction with all axes of it, those that stay first.

    Returns:
        The factors, of one shape, and the positions of the axes that are summed over.
    """
    order, shape = contraction_axes(x.shape, y.shape, x_axes=x_axes, y_axes=y_axes, out_axes=out_axes)
    return (
        x.mapped(lambda ids: arranged(ids, x_axes, order)).expand(shape),
        y.mapped(lambda ids: arranged(ids, y_axes, order)).expand(shape),
        tuple(range(len(out_axes), len(order))),
    )
