"""Entries of one value, put into another one or added to it, at places that numbers give."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import prod
from typing import Any, Final, TypeVar, final

import torch
from torch import Tensor

from scalegmn.programs import LINEAR, OPAQUE, RELU, Algebra, Behavior, HasShape, Instruction

from ._lookup import any_of
from ._operation import Operation, as_labels
from ._overwriting import moved_to, replaced

L = TypeVar("L", bound=HasShape)

MOST_SUMMANDS: Final = 64
"""Entries that come to one place; where there are more, all that are scattered are taken to be alike."""


class Scattering(Operation):
    """``out[n[i]] = x[n[i]] + source[i]``, or ``source[i]`` alone.

    Where the numbers ``n`` are known, each entry is followed to its place.  Where the input gives them, all
    that may come to a place are alike, and the places keep their order.
    """

    @final
    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        x = arguments[0]
        source = self._source(algebra, arguments)
        behavior = self._joined_by(arguments)
        numbers = self._numbers(arguments)
        if any(value.known is None for value in numbers):
            y = self._anywhere(algebra, x, source, arguments)
            return (algebra.apply(y, behavior or LINEAR),)
        targets = self._targets(torch.arange(prod(x.shape)).reshape(x.shape), arguments)
        layers = _layers(targets.reshape(-1), prod(x.shape))
        if behavior is None:
            places = torch.stack(layers).amax(dim=0) if layers else torch.full((prod(x.shape),), -1)
            return (replaced(algebra, x, source, places.reshape(x.shape)),)
        if len(layers) > MOST_SUMMANDS:
            y = algebra.apply(algebra.add(x, _first(algebra, source, x.shape)), behavior)
            return (algebra.ordered(y, axes=range(len(x.shape)), behavior=LINEAR),)
        for places in layers:
            moved = moved_to(algebra, source, places.reshape(x.shape))
            x = algebra.apply(algebra.add(x, moved), behavior)
        return (x,)

    @abstractmethod
    def _source(self, algebra: Algebra[L], arguments: Sequence[Any]) -> L:
        """What is scattered, of the shape of the targets."""

    @abstractmethod
    def _joined_by(self, arguments: Sequence[Any]) -> Behavior | None:
        """How a sum, or whatever joins entries at one place, behaves; None where the last one stays."""

    @abstractmethod
    def _numbers(self, arguments: Sequence[Any]) -> Sequence[Any]:
        """The labels of the numbers that give the places."""

    @abstractmethod
    def _targets(self, places: Tensor, arguments: Sequence[Any]) -> Tensor:
        """Where each entry of the source comes, of the places of the outcome."""

    @abstractmethod
    def _anywhere(self, algebra: Algebra[L], x: L, source: L, arguments: Sequence[Any]) -> L:
        """The outcome where the numbers are not known."""


@final
class AlongAxis(Scattering):
    """Each entry goes to another place along one axis: ``out[n[i, j], j]``.

    Args:
        name: in the registry.
        behavior: of what joins entries; None where one replaces the other, or an argument says it.
    """

    def __init__(self, name: str, behavior: Behavior | None) -> None:
        super().__init__(name)
        self._behavior = behavior

    def _source(self, algebra: Algebra[L], arguments: Sequence[Any]) -> L:
        source, shape = as_labels(algebra, arguments[3]), tuple(arguments[2].shape)
        if not source.shape:
            return algebra.view(source, lambda t: t.expand(shape))
        return algebra.view(source, lambda t: t[tuple(slice(0, size) for size in shape)])

    def _joined_by(self, arguments: Sequence[Any]) -> Behavior | None:
        return _JOINING.get(arguments[4], OPAQUE) if len(arguments) > 4 else self._behavior

    def _numbers(self, arguments: Sequence[Any]) -> Sequence[Any]:
        return (arguments[2],)

    def _targets(self, places: Tensor, arguments: Sequence[Any]) -> Tensor:
        return places.gather(arguments[1], arguments[2].known)

    def _anywhere(self, algebra: Algebra[L], x: L, source: L, arguments: Sequence[Any]) -> L:
        axis, shape = arguments[1] % len(x.shape), tuple(x.shape)
        source = any_of(algebra, algebra.multiply(source, arguments[2]), [axis])
        sizes = [1 if number == axis else size for number, size in enumerate(shape)]
        missing = [size - given for size, given in zip(sizes, source.shape, strict=True)]
        source = algebra.pad(source, before=[0] * len(shape), after=missing)
        y = algebra.add(x, algebra.view(source, lambda t: t.expand(shape)))
        return algebra.ordered(y, axes=(axis,), behavior=LINEAR)


@final
class AtIndices(Scattering):
    """``out[n, :, m] = source``, with tensors of numbers in some places, as in an assignment."""

    def _source(self, algebra: Algebra[L], arguments: Sequence[Any]) -> L:
        x, indices, source = arguments[:3]
        if any(index is not None and index.known is None for index in indices):
            return as_labels(algebra, source)
        shape = self._targets(torch.zeros((), dtype=torch.bool).expand(tuple(x.shape)), arguments).shape
        return algebra.view(source, lambda t: t.expand(shape))

    def _joined_by(self, arguments: Sequence[Any]) -> Behavior | None:
        return LINEAR if arguments[3] else None

    def _numbers(self, arguments: Sequence[Any]) -> Sequence[Any]:
        return [index for index in arguments[1] if index is not None]

    def _targets(self, places: Tensor, arguments: Sequence[Any]) -> Tensor:
        known = [slice(None) if index is None else index.known for index in arguments[1]]
        return places[tuple(known)]

    def _anywhere(self, algebra: Algebra[L], x: L, source: L, arguments: Sequence[Any]) -> L:
        everything = tuple(range(len(x.shape)))
        for numbers in self._numbers(arguments):
            one = any_of(algebra, numbers, range(len(numbers.shape)))
            x = algebra.multiply(x, algebra.view(one, lambda t: t.reshape(())))
        y = algebra.add(x, _first(algebra, source, x.shape))
        return algebra.ordered(y, axes=everything, behavior=LINEAR)


def _first(algebra: Algebra[L], source: L, shape: Sequence[int]) -> L:
    """One entry for all, since all of them are alike."""
    if source.shape:
        source = any_of(algebra, source, range(len(source.shape)))
    return algebra.view(source, lambda t: t.reshape(()).expand(tuple(shape)))


def _layers(targets: Tensor, count: int) -> list[Tensor]:
    """Entries by place, such that each layer has at most one for a place.

    Args:
        targets: for each entry, its place.
        count: of places.

    Returns:
        For each layer and place, the number of the entry, or -1.
    """
    if targets.numel() == 0:
        return []
    order = targets.argsort(stable=True)
    first = torch.searchsorted(targets[order], targets[order])
    rank = torch.empty_like(targets)
    rank[order] = torch.arange(targets.numel()) - first
    layers = torch.full((min(int(rank.max()) + 1, MOST_SUMMANDS + 1), count), -1)
    kept = rank < len(layers)
    layers[rank[kept], targets[kept]] = torch.arange(targets.numel())[kept]
    return list(layers)


_JOINING: Final = {"sum": LINEAR, "mean": LINEAR, "amax": RELU, "amin": RELU}

OPERATIONS: Final = (
    AlongAxis("aten.scatter.src", None),
    AlongAxis("aten.scatter.value", None),
    AlongAxis("aten.scatter_add.default", LINEAR),
    AlongAxis("aten.scatter_reduce.two", OPAQUE),
    AtIndices("aten.index_put.default"),
)
