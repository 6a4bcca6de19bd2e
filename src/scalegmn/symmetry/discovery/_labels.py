"""What is known of the entries of a value: integer tensors of unknowns, as large as the value.

Most values transform alike along most axes: all pixels of a channel, all examples of a batch.  Tensors of
unknowns are therefore *broadcast*: along an axis where they do not change they have stride 0 and take no
memory, and slices, permutations and windows of them do not either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, final

import torch
from torch import Tensor

ORIGIN: Final = 0
"""The unknown that is none: log-scale 0, sign +1, an entry that stays where it is."""
ANYTHING: Final = -1
"""In place of an unknown: the entry is always 0 (or masked), so that every factor would do."""


@final
@dataclass(frozen=True, eq=False)
class Term:
    """A multiple of one unknown per entry.

    Attributes:
        coefficient: of the unknown.
        ids: which unknown, int64, of the shape of the value, with stride 0 along axes where it is one and
            the same.
    """

    coefficient: Fraction
    ids: Tensor

    def times(self, factor: Fraction | int) -> Term:
        """A multiple of it."""
        return Term(self.coefficient * factor, self.ids)


@final
@dataclass(frozen=True, eq=False)
class Labels:
    """A sum of unknowns for every entry of a value.

    Attributes:
        shape: of the value.
        terms: what is added up; none of them means that the entry is fixed.
        known: the value itself, where it depends on neither inputs nor parameters.
    """

    shape: tuple[int, ...]
    terms: tuple[Term, ...] = ()
    known: Tensor | None = None

    def anything(self) -> Tensor | None:
        """Which entries are always 0, broadcast to the shape; None if there are none."""
        found: Tensor | None = None
        for term in self.terms:
            free = core(term.ids) == ANYTHING
            if bool(free.any()):
                found = free if found is None else found | free
        return None if found is None else found.expand(self.shape)

    def expand(self, shape: Sequence[int]) -> Labels:
        """Broadcast to a larger shape."""
        return self.mapped(lambda ids: ids.expand(tuple(shape)))

    def mapped(self, function: Callable[[Tensor], Tensor]) -> Labels:
        """Entries rearranged, the unknowns and known numbers alike."""
        moved = rearranged(torch.zeros((), dtype=torch.int64).expand(self.shape), function)
        return Labels(
            tuple(moved.shape),
            tuple(Term(term.coefficient, compressed(rearranged(term.ids, function))) for term in self.terms),
            None if self.known is None else rearranged(self.known, function),
        )


def rearranged(entries: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply a rearrangement, to a copy where it needs entries that lie one after another in memory."""
    try:
        return function(entries)
    except RuntimeError:
        # `view` refuses to merge a broadcast axis with another one.
        return function(entries.contiguous())


def compressed(ids: Tensor) -> Tensor:
    """The same entries, with stride 0 along every axis where they do not change."""
    shape = ids.shape
    ids = core(ids)
    for axis, size in enumerate(ids.shape):
        if size > 1:
            first = ids.narrow(axis, 0, 1)
            if torch.equal(ids, first.expand_as(ids)):
                ids = first
    return ids.expand(shape)


def core(ids: Tensor) -> Tensor:
    """Each different entry once: without the axes of stride 0, which keep size 1."""
    for axis in range(ids.dim()):
        if ids.stride(axis) == 0 and ids.shape[axis] > 1:
            ids = ids.narrow(axis, 0, 1)
    return ids


def varies(ids: Tensor, axes: Iterable[int]) -> bool:
    """Whether compressed entries change along any of the axes."""
    return any(ids.shape[axis] > 1 and ids.stride(axis) != 0 for axis in axes)


def first_along(ids: Tensor, axes: Iterable[int]) -> Tensor:
    """The entries at index 0 of some axes, broadcast along them."""
    shape = ids.shape
    for axis in axes:
        ids = ids.narrow(axis, 0, 1)
    return ids.expand(shape)


def narrowed(ids: Tensor, axes: Iterable[int]) -> Tensor:
    """The entries at index 0 of some axes, which keep size 1."""
    for axis in axes:
        ids = ids.narrow(axis, 0, 1)
    return ids


def simplified(terms: Iterable[Term]) -> tuple[Term, ...]:
    """The same sum, with equal terms collected, and without those that are nothing."""
    kept: list[Term] = []
    for term in terms:
        if term.ids.numel() == 0 or (not _is_mask(term.ids) and _is_nothing(term)):
            continue
        for index, other in enumerate(kept):
            if _same(term.ids, other.ids):
                kept[index] = Term(other.coefficient + term.coefficient, other.ids)
                break
        else:
            kept.append(term)
    return tuple(term for term in kept if term.coefficient != 0 or _is_mask(term.ids))


def _is_nothing(term: Term) -> bool:
    return term.coefficient == 0 or bool((core(term.ids) == ORIGIN).all())


def _is_mask(ids: Tensor) -> bool:
    return bool((core(ids) == ANYTHING).any())


def _same(first: Tensor, second: Tensor) -> bool:
    a, b = core(first), core(second)
    return a.shape == b.shape and torch.equal(a, b)


def core_of(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Several tensors of one shape, without the axes along which none of them changes."""
    rank = tensors[0].dim() if tensors else 0
    for axis in range(rank):
        if all(ids.shape[axis] > 1 and ids.stride(axis) == 0 for ids in tensors):
            tensors = [ids.narrow(axis, 0, 1) for ids in tensors]
    return list(tensors)


def aligned(parts: Sequence[Labels]) -> list[tuple[Fraction, list[Tensor]]]:
    """Terms of several labels side by side: for each coefficient one tensor of unknowns per part.

    A part without such a term has the origin in its place.
    """
    columns: list[tuple[Fraction, list[Tensor | None]]] = []
    for number, part in enumerate(parts):
        for term in part.terms:
            for coefficient, column in columns:
                if coefficient == term.coefficient and column[number] is None:
                    column[number] = term.ids
                    break
            else:
                columns.append((term.coefficient, [None] * len(parts)))
                columns[-1][1][number] = term.ids
    nothing = torch.tensor(ORIGIN)
    return [
        (
            c,
            [
                nothing.expand(part.shape) if ids is None else ids
                for part, ids in zip(parts, column, strict=True)
            ],
        )
        for c, column in columns
    ]
