"""The algebra in which a program makes its graph: every primitive says which nodes and edges it adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import final

import torch
from torch import Tensor

from scalegmn.programs import (
    LINEAR,
    Behavior,
    Input,
)
from scalegmn.symmetry.discovery import compressed, core, padded

from ._node_maker import NodeMaker
from ._products import gathered, weighted
from ._sums import biased, summed
from ._values import GraphValue, framed, joined, moved
from ._wiring import NOTHING, distinct


@final
class GraphAlgebra(NodeMaker):
    """Runs scales, signs and the graph side by side, so that every node knows its law."""

    def input(self, given: Input) -> GraphValue:
        scale, sign = self.scales.input(given), self.signs.input(given)
        number = len(self.wiring.inputs)
        shape = given.type.shape
        channels = self.channels[number]
        sizes = [size if channel else 1 for size, channel in zip(shape, channels, strict=True)]
        start = self.wiring.reserve(prod(sizes) if given.type.is_floating else 0)
        if not given.type.is_floating:
            self.wiring.inputs.append(torch.empty(0, dtype=torch.int64))
            return GraphValue(scale, sign)
        ids = torch.arange(start, self.wiring.count)
        self.wiring.inputs.append(ids)
        nodes = compressed(ids.reshape(sizes).expand(shape))
        return self.named(nodes, start, scale, sign, function=None)

    def parameter(self, index: int) -> GraphValue:
        start, shape = sum(prod(shape) for shape in self.shapes[:index]), self.shapes[index]
        places = torch.arange(start, start + prod(shape)).reshape(shape)
        return GraphValue(
            self.scales.parameter(index), self.signs.parameter(index), places=compressed(places)
        )

    def output(self, x: GraphValue) -> None:
        self.scales.output(x.scale)
        self.signs.output(x.sign)
        x = self.as_nodes(x)
        if x.nodes is None:
            return
        ids = core(x.nodes).reshape(-1)
        ids = ids[ids != NOTHING]
        self.wiring.outputs.append(ids[distinct(ids)[0]])

    def constant(self, value: Tensor) -> GraphValue:
        return GraphValue(self.scales.constant(value), self.signs.constant(value))

    def view(self, x: GraphValue, function: Callable[[Tensor], Tensor]) -> GraphValue:
        return GraphValue(
            self.scales.view(x.scale, function),
            self.signs.view(x.sign, function),
            moved(x.nodes, function),
            moved(x.places, function),
            x.reciprocal,
        )

    def concatenate(self, parts: Sequence[GraphValue], *, axis: int) -> GraphValue:
        scale = self.scales.concatenate([part.scale for part in parts], axis=axis)
        sign = self.signs.concatenate([part.sign for part in parts], axis=axis)
        if any(part.nodes is not None for part in parts) or any(part.reciprocal for part in parts):
            parts = [self.as_nodes(part) for part in parts]
        return GraphValue(
            scale,
            sign,
            joined([part.nodes for part in parts], parts, axis=axis),
            joined([part.places for part in parts], parts, axis=axis),
        )

    def pad(
        self, x: GraphValue, *, before: Sequence[int], after: Sequence[int], value: float = 0.0
    ) -> GraphValue:
        def around(ids: Tensor | None) -> Tensor | None:
            return None if ids is None else padded(ids, before, after, NOTHING)

        return GraphValue(
            self.scales.pad(x.scale, before=before, after=after, value=value),
            self.signs.pad(x.sign, before=before, after=after, value=value),
            around(x.nodes),
            around(x.places),
            x.reciprocal,
        )

    def add(self, x: GraphValue, y: GraphValue) -> GraphValue:
        scale, sign = self.scales.add(x.scale, y.scale), self.signs.add(x.sign, y.sign)
        if x.places is not None and y.places is not None:
            x = self.as_nodes(x)
        if x.reciprocal or y.reciprocal:
            x, y = self.as_nodes(x), self.as_nodes(y)
        for own, other in ((x, y), (y, x)):
            if not other.depends:
                return self.expanded(own, scale, sign)
        shape, start = scale.shape, self.wiring.count
        if x.nodes is None:
            x, y = y, x
        assert x.nodes is not None
        alone = [_broadcast(value.shape, shape) for value in (x, y)]
        first = compressed(x.nodes.expand(shape))
        if y.nodes is not None:
            second = compressed(y.nodes.expand(shape))
            nodes = summed(first, second, single=alone, wiring=self.wiring)
        else:
            assert y.places is not None
            places = compressed(y.places.expand(shape))
            nodes = biased(first, places, single=alone[0], wiring=self.wiring, one=self.one)
        return self.named(nodes, start, scale, sign, function=None)

    def multiply(self, x: GraphValue, y: GraphValue) -> GraphValue:
        rank = max(len(x.shape), len(y.shape))
        names = [tuple(range(rank - len(value.shape), rank)) for value in (x, y)]
        scale, sign = self.scales.multiply(x.scale, y.scale), self.signs.multiply(x.sign, y.sign)
        return self.product(x, y, scale, sign, x_axes=names[0], y_axes=names[1], out_axes=tuple(range(rank)))

    def contract(
        self,
        x: GraphValue,
        y: GraphValue,
        *,
        x_axes: Sequence[int],
        y_axes: Sequence[int],
        out_axes: Sequence[int],
    ) -> GraphValue:
        scale, sign = (
            algebra.contract(a, b, x_axes=x_axes, y_axes=y_axes, out_axes=out_axes)
            for algebra, a, b in ((self.scales, x.scale, y.scale), (self.signs, x.sign, y.sign))
        )
        return self.product(x, y, scale, sign, x_axes=x_axes, y_axes=y_axes, out_axes=out_axes)

    def apply(self, x: GraphValue, behavior: Behavior) -> GraphValue:
        scale, sign = self.scales.apply(x.scale, behavior), self.signs.apply(x.sign, behavior)
        return self.function_of(x, scale, sign, behavior)

    def reduce(self, x: GraphValue, *, axes: Sequence[int], keepdim: bool, behavior: Behavior) -> GraphValue:
        if behavior.degree != 1:
            # First a sum of all, and then the function of it.
            total = self.reduce(x, axes=axes, keepdim=keepdim, behavior=LINEAR)
            return self.apply(total, behavior)
        scale, sign = (
            algebra.reduce(labels, axes=axes, keepdim=keepdim, behavior=behavior)
            for algebra, labels in ((self.scales, x.scale), (self.signs, x.sign))
        )
        if x.places is not None:
            x = self.as_nodes(x)
        if x.nodes is None:
            return GraphValue(scale, sign)
        rank = len(x.shape)
        gone = sorted({axis % rank for axis in axes}) if axes else list(range(rank))
        kept = [axis for axis in range(rank) if axis not in gone]
        nodes, start = gathered(x.nodes.permute(kept + gone), len(kept), wiring=self.wiring)
        if keepdim:
            for axis in gone:
                nodes = nodes.unsqueeze(axis)
        return self.named(compressed(nodes.expand(scale.shape)), start, scale, sign, function=None)

    def couple(self, x: GraphValue, *, axes: Sequence[int], behavior: Behavior) -> GraphValue:
        scale, sign = (
            algebra.couple(labels, axes=axes, behavior=behavior)
            for algebra, labels in ((self.scales, x.scale), (self.signs, x.sign))
        )
        return self.function_of(self.as_nodes(x), scale, sign, behavior)

    def ordered(self, x: GraphValue, *, axes: Sequence[int], behavior: Behavior) -> GraphValue:
        return self.couple(x, axes=axes, behavior=behavior)

    def lookup(self, table: GraphValue, *, shape: Sequence[int]) -> GraphValue:
        scale, sign = (
            algebra.lookup(labels, shape=shape)
            for algebra, labels in ((self.scales, table.scale), (self.signs, table.sign))
        )
        if table.places is not None and not table.reciprocal:
            # Of a constant input, as of one whose rows are chosen: one tap for each row.
            rank = table.places.ndim
            one = self.one.expand(table.places.shape[:1])
            names = tuple(range(rank))
            first, second, frame = framed(one, table.places, x_axes=(0,), y_axes=names, out_axes=names[1:])
            start = self.wiring.count
            nodes = weighted(first, second, frame, wiring=self.wiring, reciprocal=False)
        elif table.known is not None:
            return GraphValue(scale, sign)
        else:
            table = self.as_nodes(table)
            assert table.nodes is not None
            order = [*range(1, len(table.shape)), 0]
            nodes, start = gathered(table.nodes.permute(order), len(order) - 1, wiring=self.wiring)
        return self.named(compressed(nodes.expand(scale.shape)), start, scale, sign, function=None)


def _broadcast(shape: Sequence[int], full: Sequence[int]) -> list[bool]:
    """The axes of a shape that has size 1 before it is broadcast."""
    padded_shape = (1,) * (len(full) - len(shape)) + tuple(shape)
    return [size == 1 for size in padded_shape]
