"""Permutations: every entry of every value has a tuple of tags, and goes where the tuple goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final, final

import torch
from torch import Tensor
from torch.nn import functional

from scalegmn.programs import Behavior, EffectiveParameter, Input

from ._label_algebra import LabelAlgebra, in_order, positive_axes
from ._labels import ANYTHING, Labels, Term, compressed, core, narrowed, rearranged
from ._positions import (
    FIRST_POSITION,
    aligned_tags,
    along,
    broadcast_tags,
    has_equal_constants,
    numbered,
    padded_tags,
    positions,
    row,
    slice_colors,
)
from ._relations import Relations
from ._tag_tuples import components, distinct, identifies, is_fixed, minimal, varying

_ONE: Final = Fraction(1)
_FIRST_FILLER: Final = -(2**40)


@final
class PermutationAlgebra(LabelAlgebra):
    """Labels are tuples of tags.

    Tags above 0 may be permuted; all others never move: positions, examples, equal numbers of a constant,
    zeros around an image.  Entries of one value with the same tuple are equal numbers, so that the tuples say
    where each entry goes when tags are permuted.  A permutation keeps the function if it keeps all tuples
    that stand beside each other anywhere, which is what ``relations`` collects.

    Args:
        parameters: of the program.
    """

    def __init__(self, parameters: Sequence[EffectiveParameter]) -> None:
        super().__init__(parameters)
        self.relations: Final = Relations()
        self._fillers: Final[dict[float, int]] = {}

    def input(self, given: Input) -> Labels:
        return _labels(given.type.shape, positions(given.type.shape))

    def constant(self, value: Tensor) -> Labels:
        colors = (slice_colors(value, axis) for axis in range(value.dim()))
        return Labels(tuple(value.shape), tuple(Term(_ONE, ids) for ids in colors if varying(ids)), value)

    def output(self, x: Labels) -> None:
        self._relate([*self.tags(x), *positions(x.shape)])

    def view(self, x: Labels, function: Callable[[Tensor], Tensor]) -> Labels:
        for tag in self.tags(x):
            left = core(compressed(rearranged(tag, function)))
            if left.numel() == 1 and not self._is_fresh(x):
                # One channel is taken from among others; it has to be the same one.
                alone = left.reshape(1)
                self._relate([torch.cat([alone, torch.tensor([FIRST_POSITION])])])
        return super().view(x, function)

    def concatenate(self, parts: Sequence[Labels], *, axis: int) -> Labels:
        parts = [part for part in parts if part.shape != (0,)]
        shape = torch.cat([torch.empty(part.shape, dtype=torch.bool) for part in parts], axis).shape
        joined = [
            compressed(torch.cat(column, axis))
            for column in aligned_tags([(p.shape, self.tags(p)) for p in parts])
        ]
        axis %= len(shape)
        number = torch.cat([torch.full((part.shape[axis],), i) for i, part in enumerate(parts)])
        which = along(FIRST_POSITION - number, (axis,), shape)
        for axes, group in components([*joined, which]):
            if any(tag is which for tag in group):
                # Each part may have been computed in its own way: no channel goes from one to another.
                self._relate(group)
                others = [tag for tag in group if tag is not which]
                if distinct(group, axes) != distinct(others, axes):
                    joined.append(which)
        known = [part.known for part in parts]
        numbers = [value for value in known if value is not None]
        out = _labels(shape, joined)
        return Labels(out.shape, out.terms, torch.cat(numbers, axis) if len(numbers) == len(known) else None)

    def pad(self, x: Labels, *, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> Labels:
        tags = self.tags(x)
        filler = (
            ANYTHING if value == 0 else self._fillers.setdefault(value, _FIRST_FILLER - len(self._fillers))
        )
        shape = list(x.shape)
        for axis, (front, behind) in enumerate(zip(before, after, strict=True)):
            if front == behind == 0:
                continue
            told_apart = any(axis in varying(tag) for tag in tags)
            tags = [padded_tags(tag, axis, front, behind, filler) for tag in tags]
            inside = torch.full((shape[axis],), FIRST_POSITION)
            shape[axis] += front + behind
            if not told_apart:
                tags.append(along(functional.pad(inside, (front, behind), value=filler), (axis,), shape))
        widths = [width for pair in zip(reversed(before), reversed(after), strict=True) for width in pair]
        known = None if x.known is None else functional.pad(x.known, widths, value=value)
        return Labels(tuple(shape), _labels(shape, tags).terms, known)

    def add(self, x: Labels, y: Labels) -> Labels:
        return self.multiply(x, y)

    def multiply(self, x: Labels, y: Labels) -> Labels:
        shape = torch.broadcast_shapes(x.shape, y.shape)
        x, y = self.cells.resolve(x).expand(shape), self.cells.resolve(y).expand(shape)
        if not self.tags(y):
            return Labels(tuple(shape), x.terms)
        if not self.tags(x):
            return Labels(tuple(shape), y.terms)
        return self._combined(x, y, ())

    def contract(
        self, x: Labels, y: Labels, *, x_axes: Sequence[int], y_axes: Sequence[int], out_axes: Sequence[int]
    ) -> Labels:
        x, y, summed = in_order(x, y, x_axes=x_axes, y_axes=y_axes, out_axes=out_axes)
        x, y = self.cells.resolve(x), self.cells.resolve(y)
        if self._is_fresh(x) and self._is_fresh(y):
            self._define_by_axes(x, summed)
            x, y = self.cells.resolve(x), self.cells.resolve(y)
        out = self._combined(x, y, summed)
        return out.mapped(lambda ids: narrowed(ids, summed).squeeze(summed))

    def apply(self, x: Labels, behavior: Behavior) -> Labels:
        return Labels(x.shape, x.terms)

    def reduce(self, x: Labels, *, axes: Sequence[int], keepdim: bool, behavior: Behavior) -> Labels:
        axes = positive_axes(axes, x)
        tags = self.tags(x)
        self._relate(tags)
        out = _labels(x.shape, minimal(self._outer(tags, axes, x.shape)))
        return out.mapped(lambda ids: narrowed(ids, axes) if keepdim else narrowed(ids, axes).squeeze(axes))

    def couple(self, x: Labels, *, axes: Sequence[int], behavior: Behavior) -> Labels:
        tags = self.tags(x)
        self._relate(tags)
        outer = self._outer(tags, positive_axes(axes, x), x.shape)
        return _labels(x.shape, minimal([*tags, *outer]))

    def ordered(self, x: Labels, *, axes: Sequence[int], behavior: Behavior) -> Labels:
        axes = positive_axes(axes, x)
        tags = [*self.tags(x), numbered(axes, x.shape)]
        self._relate(tags)
        return _labels(x.shape, minimal([*tags, *self._outer(tags, axes, x.shape)]))

    def lookup(self, table: Labels, *, shape: Sequence[int]) -> Labels:
        if self._is_fresh(table):
            columns = tuple(range(1, len(table.shape)))
            tags = [numbered((0,), table.shape), self._new(columns, table.shape)]
            self.cells.define(table.terms[0].ids, [Term(_ONE, tag) for tag in tags])
        tags = [*self.tags(table), numbered((0,), table.shape)]
        self._relate(tags)
        left = [tag[0] for tag in self._outer(tags, (0,), table.shape)]
        out_shape = (*shape, *table.shape[1:])
        places = [along(row(size), (axis,), out_shape) for axis, size in enumerate(shape)]
        return _labels(out_shape, [*places, *(tag.expand(out_shape) for tag in left)])

    def tags_of(self, index: int) -> list[Tensor]:
        """The tags of a parameter, by its index in the program."""
        return self.tags(self.parameter(index))

    def tags(self, x: Labels) -> list[Tensor]:
        """The tags that tell entries apart."""
        return [term.ids for term in self.cells.resolve(x).terms if varying(term.ids)]

    def _is_fresh(self, x: Labels) -> bool:
        return x.known is None and self.cells.is_fresh(x)

    def _filler(self, value: float) -> int:
        """What stands in place of a tag around a value: the same for the same number."""
        return ANYTHING if value == 0 else self._fillers.setdefault(value, _FIRST_FILLER - len(self._fillers))

    def _relate(self, tags: Sequence[Tensor]) -> None:
        for tag in tags:
            self.cells.touch(tag)
        self.relations.relate(tags)

    def _new(self, axes: Sequence[int], shape: Sequence[int]) -> Tensor:
        """New tags, one for each place along axes."""
        sizes = [size if axis in axes else 1 for axis, size in enumerate(shape)]
        return broadcast_tags(self.cells.new(sizes, origin=self.place), shape)

    def _new_beside(self, axes: Sequence[int], tags: Sequence[Tensor], shape: Sequence[int]) -> Tensor:
        """Tags for each place along axes that go where others go; they stay where all others do."""
        if all(is_fixed(tag) for tag in tags):
            return numbered(axes, shape)
        new = self._new(axes, shape)
        self._relate([*tags, new])
        return new

    def _combined(self, x: Labels, y: Labels, summed: Sequence[int]) -> Labels:
        """Products of entries, or sums, and their sums along axes, which keep what is left of their tags."""
        out = self._define(y, x, summed)
        if out is None:
            out = self._define(x, y, summed)
        if out is None:
            tags = [*self.tags(x), *self.tags(y)]
            self._relate(tags)
            out = self._outer(tags, summed, x.shape)
        return _labels(x.shape, minimal(out))

    def _outer(self, tags: Sequence[Tensor], gone: Sequence[int], shape: Sequence[int]) -> list[Tensor]:
        """What is left of tags when some axes are summed over.

        Tags that vary along other axes only are kept, those that vary along these only vanish.  Those that do
        both leave a new tag of the block that they make at each place.
        """
        left = []
        for _, group in components(tags):
            kept = [tag for tag in group if not varying(tag) & set(gone)]
            left.extend(kept)
            mixed = [tag for tag in group if varying(tag) & set(gone) and varying(tag) - set(gone)]
            if not mixed:
                continue
            axes = sorted(frozenset[int]().union(*map(varying, mixed)) - set(gone))
            if not identifies([tag for tag in kept if varying(tag) <= set(axes)], axes, shape):
                left.append(self._new_beside(axes, group, shape))
        return left

    def _define(self, w: Labels, x: Labels, summed: Sequence[int]) -> list[Tensor] | None:
        """Let a parameter that is met for the first time go where what it meets goes.

        Args:
            w: the parameter.
            x: what it is multiplied with or added to, of the same shape.
            summed: axes that are summed over.

        Returns:
            What is left of the tags of both; None if it is not the first time.
        """
        if not self._is_fresh(w):
            return None
        tags = self.tags(x)
        self._relate(tags)
        if not self._is_fresh(w):
            return None  # a parameter and itself
        ids = w.terms[0].ids
        axes = varying(ids)
        met = frozenset[int]().union(*map(varying, tags))
        outer = self._outer(tags, summed, w.shape)
        factors: list[Tensor] = []
        own = axes - met - set(summed)
        if own:
            shared = (axes & met) - set(summed)
            channels = self._new(sorted(own | shared), w.shape)
            self._relate([*(tag for tag in outer if varying(tag) & shared), channels])
            outer = [*outer, channels]
            factors.append(channels)
        factors.extend(self._new((axis,), w.shape) for axis in sorted((axes & set(summed)) - met))
        for touched, group in components(tags):
            inside = touched & axes
            if inside and not (own and not inside & set(summed)):
                found, outer = self._factor(inside, group, axes, outer, summed)
                factors.extend(found)
        repeated = [axis for axis in range(ids.dim()) if axis not in axes]
        self.cells.define(narrowed(ids, repeated), [Term(_ONE, narrowed(tag, repeated)) for tag in factors])
        return outer

    def _factor(
        self,
        inside: frozenset[int],
        group: Sequence[Tensor],
        axes: frozenset[int],
        outer: Sequence[Tensor],
        summed: Sequence[int],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Tags of a parameter along some of its axes, taken from what it meets, or new ones beside those."""
        shape = group[0].shape
        direct = [tag for tag in group if varying(tag) <= axes]
        if direct and identifies(direct, inside, shape):
            return direct, list(outer)
        touched = frozenset[int]().union(*map(varying, group))
        beside = [*group, *(tag for tag in outer if varying(tag) & touched)]
        if has_equal_constants(beside, sorted(inside)):
            # Equal constants, such as the zeros that a recurrent state starts with: they tie nothing.
            tag = self._new(sorted(inside), shape)
            self._relate([*beside, tag])
        else:
            tag = self._new_beside(sorted(inside), beside, shape)
        return [tag], [*outer, *([] if inside & set(summed) else [tag])]

    def _define_by_axes(self, x: Labels, summed: Sequence[int]) -> None:
        """Let a parameter that meets another one have tags along the axes that stay, and along the others."""
        ids = x.terms[0].ids
        axes = varying(ids)
        parts = (sorted(axes - set(summed)), sorted(axes & set(summed)))
        tags = [self._new(part, x.shape) for part in parts if part]
        repeated = [axis for axis in range(ids.dim()) if axis not in axes]
        self.cells.define(narrowed(ids, repeated), [Term(_ONE, narrowed(tag, repeated)) for tag in tags])


def _labels(shape: Sequence[int], tags: Sequence[Tensor]) -> Labels:
    return Labels(tuple(shape), tuple(Term(_ONE, tag) for tag in tags if varying(tag)))
