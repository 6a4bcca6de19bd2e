"""Scales and signs: every entry of every value has one unknown factor, and factors of products add up."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.programs import Behavior, EffectiveParameter, Parity

from ._equations import Equations
from ._kernel import Kernel, solve
from ._label_algebra import LabelAlgebra, in_order, positive_axes, without_masks
from ._labels import (
    ANYTHING,
    ORIGIN,
    Labels,
    Term,
    aligned,
    compressed,
    core,
    first_along,
    narrowed,
    simplified,
    varies,
)


class GradedAlgebra(LabelAlgebra):
    """Labels are exponents: the log-scale of an entry, or whether its sign is flipped.

    Products add them, sums need them to be equal, and a function either multiplies them by a number or needs
    them to vanish.

    Args:
        parameters: of the program.
    """

    def __init__(self, parameters: Sequence[EffectiveParameter]) -> None:
        super().__init__(parameters)
        self.equations: Final = Equations()

    @abstractmethod
    def exponent(self, behavior: Behavior) -> Fraction | None:
        """The factor by which a function multiplies exponents; None if they have to vanish."""

    @property
    @abstractmethod
    def modulus(self) -> int | None:
        """2 if exponents are numbers modulo 2."""

    def solve(self) -> Kernel:
        """All exponents that keep the function."""
        return solve(self.equations, self.cells.used().numpy(), modulus=self.modulus)

    def output(self, x: Labels) -> None:
        self._vanish(self.cells.resolve(x).terms)

    def add(self, x: Labels, y: Labels) -> Labels:
        shape = torch.broadcast_shapes(x.shape, y.shape)
        x, y = without_masks(x).expand(shape), without_masks(y).expand(shape)
        if self._define_summand(x, y):
            return y
        if self._define_summand(y, x):
            return x
        x, y = self.cells.resolve(x), self.cells.resolve(y)
        self._vanish((*x.terms, *(term.times(-1) for term in y.terms)))
        nothing = x.anything()
        if nothing is None:
            return Labels(shape, x.terms)
        if y.anything() is None:
            return Labels(shape, y.terms)
        columns = aligned([y, x])
        return Labels(shape, tuple(Term(c, compressed(torch.where(nothing, a, b))) for c, (a, b) in columns))

    def multiply(self, x: Labels, y: Labels) -> Labels:
        shape = torch.broadcast_shapes(x.shape, y.shape)
        return self._product(x.expand(shape), y.expand(shape))

    def contract(
        self, x: Labels, y: Labels, *, x_axes: Sequence[int], y_axes: Sequence[int], out_axes: Sequence[int]
    ) -> Labels:
        x, y, summed = in_order(x, y, x_axes=x_axes, y_axes=y_axes, out_axes=out_axes)
        x, y = self.cells.resolve(x), self.cells.resolve(y)
        out = self._define_factor(y, x, summed) or self._define_factor(x, y, summed)
        if out is None:
            out = self._tied(self._product(x, y), summed)
        return out.mapped(lambda ids: narrowed(ids, summed).squeeze(summed))

    def apply(self, x: Labels, behavior: Behavior) -> Labels:
        x = self.cells.resolve(x)
        exponent = self.exponent(behavior)
        if exponent is None:
            self._vanish(x.terms)
        if exponent is None or exponent == 0:
            # Zeros stay zeros under odd functions, and under powers above 0.
            nothing = x.anything() if behavior.parity is Parity.odd or behavior.degree else None
            return Labels(x.shape, () if nothing is None else (_mask(nothing, x.shape),))
        return Labels(x.shape, tuple(term.times(exponent) for term in x.terms))

    def reduce(self, x: Labels, *, axes: Sequence[int], keepdim: bool, behavior: Behavior) -> Labels:
        axes = positive_axes(axes, x)
        x = self.apply(self._tied(x, axes), behavior)
        return x.mapped(lambda ids: narrowed(ids, axes) if keepdim else narrowed(ids, axes).squeeze(axes))

    def couple(self, x: Labels, *, axes: Sequence[int], behavior: Behavior) -> Labels:
        return self.apply(self._tied(x, positive_axes(axes, x)), behavior)

    def ordered(self, x: Labels, *, axes: Sequence[int], behavior: Behavior) -> Labels:
        return self.couple(x, axes=axes, behavior=behavior)

    def lookup(self, table: Labels, *, shape: Sequence[int]) -> Labels:
        if self.cells.is_fresh(table):
            columns = self.cells.new(table.shape[1:], origin=self.place).expand(table.shape)
            self.cells.define(table.terms[0].ids, [Term(Fraction(1), columns)])
            table = self.cells.resolve(table)
        row = self._tied(table, (0,)).mapped(lambda ids: ids[0])
        return row.mapped(lambda ids: ids.expand((*shape, *ids.shape)))

    def _vanish(self, terms: Sequence[Term]) -> None:
        self.cells.touch(torch.from_numpy(self.equations.vanish(terms)))

    def _product(self, x: Labels, y: Labels) -> Labels:
        """``x * y``, of one shape."""
        x, y = self.cells.resolve(x), self.cells.resolve(y)
        terms = simplified((*x.terms, *y.terms))
        nothing = Labels(x.shape, terms).anything()
        if nothing is not None and bool(core(nothing).all()):
            return Labels(x.shape, (_mask(nothing, x.shape),))  # always 0, whatever the other factor is
        if x.known is None and y.known is None:
            for term in terms:
                self.cells.touch(term.ids)
        return Labels(x.shape, terms)

    def _tied(self, x: Labels, axes: Sequence[int]) -> Labels:
        """Demand that all entries along axes are alike, and give each the labels of the first."""
        x = self.cells.resolve(x)
        if not any(varies(term.ids, axes) for term in x.terms):
            return x
        nothing = x.anything()
        if nothing is None:
            first = tuple(Term(term.coefficient, first_along(term.ids, axes)) for term in x.terms)
        else:
            place = _first_place(nothing.expand(x.shape), axes)
            first = tuple(Term(t.coefficient, compressed(_taken(t.ids, axes, place))) for t in x.terms)
        self._vanish((*x.terms, *(term.times(-1) for term in first)))
        return Labels(x.shape, first)

    def _define_summand(self, b: Labels, x: Labels) -> bool:
        """Let a parameter that is read for the first time be like what it is added to."""
        if b.known is not None or x.anything() is not None or not self.cells.is_fresh(b):
            return False
        x = self._used(x)
        if not self.cells.is_fresh(b):
            return False  # a parameter plus itself
        ids = b.terms[0].ids
        repeated = [axis for axis in range(ids.dim()) if not varies(ids, (axis,))]
        x = self._tied(x, repeated)
        self.cells.define(
            narrowed(ids, repeated), [Term(t.coefficient, narrowed(t.ids, repeated)) for t in x.terms]
        )
        return True

    def _define_factor(self, w: Labels, x: Labels, summed: Sequence[int]) -> Labels | None:
        """Let a parameter that is read for the first time take what the other factor and the sum leave to it.

        ``w[o, i] = y[o] - x[i]``.  Where ``x`` also depends on positions ``p`` that ``w`` does not know of,
        it has to be a sum, ``x[p, i] = d[p] + x[0, i]``, and ``d`` goes on: ``y[p, o] = y[o] + d[p]``.

        Args:
            w: the parameter.
            x: the other factor, of the same shape.
            summed: axes that are summed over.

        Returns:
            Labels of the sum, still with the axes that are summed over; None if something is in the way.
        """
        if w.known is not None or x.anything() is not None or not self.cells.is_fresh(w):
            return None
        ids = w.terms[0].ids
        repeated = [axis for axis in range(ids.dim()) if not varies(ids, (axis,))]
        positions = [axis for axis in repeated if axis not in summed]
        x = self._used(self._separated(x, positions, summed))
        if not self.cells.is_fresh(w):
            return None  # a parameter times itself
        x = self._tied(x, [axis for axis in repeated if axis in summed])
        shape = [1 if axis in repeated or axis in summed else size for axis, size in enumerate(w.shape)]
        y = Term(Fraction(1), compressed(self.cells.new(shape, origin=self.place)).expand(w.shape))
        inner, outer = self._split(x, positions, summed)
        factor = simplified((y, *(term.times(-1) for term in inner)))
        self.cells.define(
            narrowed(ids, repeated), [Term(t.coefficient, narrowed(t.ids, repeated)) for t in factor]
        )
        return Labels(w.shape, simplified((y, *outer)))

    def _split(
        self, x: Labels, positions: Sequence[int], summed: Sequence[int]
    ) -> tuple[list[Term], list[Term]]:
        """Take ``x[p, i]`` apart into a part of ``i`` and a part of ``p``, and demand that it can be."""
        inner: list[Term] = []
        outer: list[Term] = []
        mixed: list[Term] = []
        for term in x.terms:
            if not varies(term.ids, positions):
                inner.append(term)
            elif not varies(term.ids, summed):
                outer.append(term)
            else:
                at_p = Term(term.coefficient, compressed(first_along(term.ids, positions)))
                at_i = Term(term.coefficient, compressed(first_along(term.ids, summed)))
                at_both = Term(term.coefficient, compressed(first_along(at_p.ids, summed)))
                inner.append(at_p)
                outer.extend((at_i, at_both.times(-1)))
                mixed.extend((term, at_p.times(-1), at_i.times(-1), at_both))
        self._vanish(mixed)
        return inner, outer

    def _separated(self, x: Labels, positions: Sequence[int], summed: Sequence[int]) -> Labels:
        """Let a parameter that is read for the first time, as the other factor, be a sum over its axes."""
        if x.known is not None or not self.cells.is_fresh(x):
            return x
        ids = x.terms[0].ids
        repeated = [axis for axis in range(ids.dim()) if not varies(ids, (axis,))]
        inner = [1 if axis in repeated or axis in positions else size for axis, size in enumerate(x.shape)]
        outer = [1 if axis in repeated or axis in summed else size for axis, size in enumerate(x.shape)]
        terms = [
            Term(Fraction(1), compressed(new).expand(x.shape))
            for new in (self.cells.new(inner, origin=self.place), self._relative(outer, positions))
        ]
        self.cells.define(
            narrowed(ids, repeated), [Term(t.coefficient, narrowed(t.ids, repeated)) for t in terms]
        )
        return self.cells.resolve(x)

    def _relative(self, shape: Sequence[int], positions: Sequence[int]) -> Tensor:
        """New unknowns but for the first along positions: only differences mean anything."""
        first = torch.zeros(tuple(shape), dtype=torch.bool)
        first[tuple(slice(0, 1) if axis in positions else slice(None) for axis in range(len(shape)))] = True
        ids = torch.full(tuple(shape), ORIGIN, dtype=torch.int64)
        ids[~first] = self.cells.new((int((~first).sum()),), origin=self.place)
        return ids

    def _used(self, x: Labels) -> Labels:
        """Note that other unknowns are defined by these."""
        x = self.cells.resolve(x)
        for term in x.terms:
            self.cells.touch(term.ids)
        return x


def _mask(nothing: Tensor, shape: Sequence[int]) -> Term:
    return Term(Fraction(1), torch.where(core(nothing), ANYTHING, ORIGIN).expand(tuple(shape)))


def _first_place(nothing: Tensor, axes: Sequence[int]) -> Tensor:
    """Along some axes together, where the first entry is that is not always 0."""
    kept = [axis for axis in range(nothing.dim()) if axis not in axes]
    flat = (~nothing).permute(*kept, *axes).flatten(len(kept))
    return flat.to(torch.uint8).argmax(dim=-1, keepdim=True)


def _taken(ids: Tensor, axes: Sequence[int], place: Tensor) -> Tensor:
    """The entry at some place along axes, broadcast along them."""
    kept = [axis for axis in range(ids.dim()) if axis not in axes]
    order = [*kept, *axes]
    moved = ids.permute(order)
    first = moved.flatten(len(kept)).gather(-1, place)
    spread = first.reshape(*first.shape[:-1], *(1 for _ in axes)).expand(moved.shape)
    return spread.permute([order.index(axis) for axis in range(ids.dim())])


@final
class ScaleAlgebra(GradedAlgebra):
    """Log-scales: positive factors, one per entry."""

    def exponent(self, behavior: Behavior) -> Fraction | None:
        return behavior.degree

    @property
    def modulus(self) -> int | None:
        return None


@final
class SignAlgebra(GradedAlgebra):
    """Signs, as numbers modulo 2."""

    def parameter(self, index: int) -> Labels:
        parameter = self.parameters[index]
        return Labels(parameter.type.shape) if parameter.positive else super().parameter(index)

    def exponent(self, behavior: Behavior) -> Fraction | None:
        if behavior.parity is None:
            return None
        return Fraction(1 if behavior.parity is Parity.odd else 0)

    @property
    def modulus(self) -> int | None:
        return 2
