"""The vocabulary in which every operation says what it is made of.

Scales, signs and permutations are three algebras.  Each has labels in place of numbers: what is known of how
the entries of a value transform.  An operation is written once, as a composition of these primitives, and is
run in each of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from ._behavior import Behavior


@runtime_checkable
class HasShape(Protocol):
    """What operations may know of labels.

    Attributes:
        shape: of the value that is labeled.
        known: its numbers, where they depend on neither inputs nor parameters.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def known(self) -> Tensor | None: ...


L = TypeVar("L", bound=HasShape)


class Algebra(ABC, Generic[L]):
    """What labels of values can be computed with.

    Shapes broadcast as in PyTorch.  Axes may be negative unless they are names of :meth:`contract`.
    """

    @abstractmethod
    def constant(self, value: Tensor) -> L:
        """Numbers that depend on neither inputs nor parameters; zeros among them constrain nothing."""

    @abstractmethod
    def view(self, x: L, function: Callable[[Tensor], Tensor]) -> L:
        """Entries of ``x`` put elsewhere, left out or repeated: reshape, permute, slice, expand, unfold.

        Args:
            x: what is rearranged.
            function: does it, to a tensor of integers of the shape of ``x``.
        """

    @abstractmethod
    def concatenate(self, parts: Sequence[L], *, axis: int) -> L:
        """Parts one after another."""

    @abstractmethod
    def pad(self, x: L, *, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> L:
        """``x`` with entries of one value around it; zeros constrain nothing.

        Args:
            x: what is padded.
            before: entries in front, for each axis.
            after: entries behind, for each axis.
            value: what they are.
        """

    @abstractmethod
    def add(self, x: L, y: L) -> L:
        """``x + y``, and all that compares or mixes entries: both transform alike, except beside zeros."""

    @abstractmethod
    def multiply(self, x: L, y: L) -> L:
        """``x * y``, entry by entry."""

    @abstractmethod
    def contract(
        self, x: L, y: L, *, x_axes: Sequence[int], y_axes: Sequence[int], out_axes: Sequence[int]
    ) -> L:
        """A sum of products, ``out = sum x * y`` over all names that ``out_axes`` lacks, as in ``einsum``.

        Args:
            x: one factor.
            y: the other one.
            x_axes: the name of each of its axes.
            y_axes: the name of each of its axes.
            out_axes: the names that stay, in order; each stands in ``x_axes`` or ``y_axes``.
        """

    @abstractmethod
    def apply(self, x: L, behavior: Behavior) -> L:
        """A function entry by entry."""

    @abstractmethod
    def reduce(self, x: L, *, axes: Sequence[int], keepdim: bool, behavior: Behavior) -> L:
        """A symmetric function of all entries along axes: sum, mean, maximum, norm.

        Args:
            x: what is reduced.
            axes: along which.
            keepdim: whether they stay, with size 1.
            behavior: when all entries are scaled or flipped together.
        """

    @abstractmethod
    def couple(self, x: L, *, axes: Sequence[int], behavior: Behavior) -> L:
        """Make each entry a function of itself and, symmetrically, of all entries along the axes.

        Softmax, layer norm without its gain.

        Args:
            x: what is transformed.
            axes: along which entries depend on each other.
            behavior: when all entries are scaled or flipped together.
        """

    @abstractmethod
    def ordered(self, x: L, *, axes: Sequence[int], behavior: Behavior) -> L:
        """Like :meth:`couple`, for functions that depend on the order of entries, such as cumulative sums."""

    @abstractmethod
    def lookup(self, table: L, *, shape: Sequence[int]) -> L:
        """Rows of a table, chosen by the input: ``out[*shape, ...] = table[i(input), ...]``."""
