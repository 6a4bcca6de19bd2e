"""What the primitives of the graph's algebra have in common: products, functions, and nodes with names."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor

from scalegmn.programs import LINEAR, Behavior, Instruction, Parity, Program, ProgramAlgebra
from scalegmn.symmetry.discovery import Labels, ScaleAlgebra, SignAlgebra, Term, compressed, core

from ._channels import channel_axes
from ._products import gathered, multiplied, weighted
from ._values import GraphValue, framed
from ._wiring import NOTHING, Batch, Wiring


class NodeMaker(ProgramAlgebra[GraphValue]):
    """Runs scales, signs and the graph side by side, so that every node knows its law.

    Args:
        program: the network.

    Attributes:
        scales, signs: the conditions on laws.
        wiring: what was found.
        shapes: of the parameters.
        channels: for each input, which of its axes are channels.
        function: the operation that is interpreted.
        one: the node of an input that is always 1, which tables and biases of positions come from.
    """

    def __init__(self, program: Program) -> None:
        self.scales, self.signs = ScaleAlgebra(program.parameters), SignAlgebra(program.parameters)
        self.wiring = Wiring()
        self.shapes = [parameter.type.shape for parameter in program.parameters]
        self.channels = channel_axes(program)
        self.function: str | None = None
        self.one = torch.tensor(self.wiring.reserve(1))
        self.wiring.batches.append(Batch(int(self.one), Labels((1,)), Labels((1,)), None))

    def enter(self, instruction: Instruction) -> None:
        self.function = instruction.operation
        self.scales.enter(instruction)
        self.signs.enter(instruction)

    def product(
        self,
        x: GraphValue,
        y: GraphValue,
        scale: Labels,
        sign: Labels,
        *,
        x_axes: Sequence[int],
        y_axes: Sequence[int],
        out_axes: Sequence[int],
    ) -> GraphValue:
        """A sum of products, whose laws are known."""
        if not (x.depends and y.depends):
            own, number = (x, y) if x.depends else (y, x)
            axes = (x_axes, y_axes) if x.depends else (y_axes, x_axes)
            return self.times_known(own, number, scale, sign, axes=axes, out_axes=out_axes)
        if x.places is not None and y.places is not None:
            x = self.as_nodes(x)
        if x.nodes is None:
            x, y, x_axes, y_axes = y, x, y_axes, x_axes
        other = y.nodes if y.places is None else y.places
        assert x.nodes is not None and other is not None, "parameters times parameters have become nodes"
        first, second, frame = framed(x.nodes, other, x_axes=x_axes, y_axes=y_axes, out_axes=out_axes)
        start = self.wiring.count
        if y.places is None:
            nodes = multiplied(first, second, frame, wiring=self.wiring)
        else:
            nodes = weighted(first, second, frame, wiring=self.wiring, reciprocal=y.reciprocal)
        return self.named(nodes, start, scale, sign, function=None)

    def times_known(
        self,
        x: GraphValue,
        number: GraphValue,
        scale: Labels,
        sign: Labels,
        *,
        axes: tuple[Sequence[int], Sequence[int]],
        out_axes: Sequence[int],
    ) -> GraphValue:
        """A product with numbers that the code brings along; only zeros among them matter."""
        ids = x.nodes if x.places is None else x.places
        if ids is None:
            return GraphValue(scale, sign)
        # What is computed from numbers of the code alone, and is not known, is taken for other than 0.
        zero = torch.zeros((), dtype=torch.int64).expand(number.shape)
        if number.known is not None:
            zero = compressed((number.known == 0).long())
        first, zeros, frame = framed(ids, zero, x_axes=axes[0], y_axes=axes[1], out_axes=out_axes)
        if bool((core(zeros) != 0).any()):
            first = compressed(torch.where(zeros != 0, NOTHING, first))
        if len(frame.shape) == frame.kept:
            if x.places is not None:
                return GraphValue(scale, sign, places=first, reciprocal=x.reciprocal)
            return GraphValue(scale, sign, nodes=first)
        if x.places is not None:
            x = self.as_nodes(x)
            return self.times_known(x, number, scale, sign, axes=axes, out_axes=out_axes)
        nodes, start = gathered(first, frame.kept, wiring=self.wiring)
        return self.named(nodes, start, scale, sign, function=None)

    def function_of(self, x: GraphValue, scale: Labels, sign: Labels, behavior: Behavior) -> GraphValue:
        """One new node for each that the function is applied to; linear ones change nothing."""
        if x.places is not None:
            if _keeps_law(behavior):
                return GraphValue(scale, sign, places=x.places, reciprocal=x.reciprocal)
            if behavior.degree == -1 and behavior.parity is Parity.odd and not x.reciprocal:
                return GraphValue(scale, sign, places=x.places, reciprocal=True)
            x = self.as_nodes(x)
        if x.nodes is None or behavior == LINEAR:
            return GraphValue(scale, sign, nodes=x.nodes)
        start = self.wiring.count
        sources, nodes = self.wiring.renew(x.nodes)
        self.wiring.connect(sources, torch.arange(start, self.wiring.count))
        return self.named(nodes, start, scale, sign, function=self.function)

    def as_nodes(self, x: GraphValue) -> GraphValue:
        """A parameter as nodes that depend on nothing: it is their bias."""
        if x.places is None:
            return x
        if x.reciprocal:
            back = tuple(Term(-term.coefficient, term.ids) for term in x.scale.terms)
            plain = GraphValue(Labels(x.shape, back), x.sign, places=x.places)
            inverse = Behavior(degree=Fraction(-1), parity=Parity.odd)
            return self.function_of(self.as_nodes(plain), x.scale, x.sign, inverse)
        start = self.wiring.count
        places, nodes = self.wiring.renew(x.places)
        self.wiring.charge(len(places))
        self.wiring.biases.append((torch.arange(start, self.wiring.count), places))
        return self.named(nodes, start, x.scale, x.sign, function=None)

    def expanded(self, x: GraphValue, scale: Labels, sign: Labels) -> GraphValue:
        """The same entries, broadcast to the shape of a result."""

        def spread(ids: Tensor | None) -> Tensor | None:
            return None if ids is None else compressed(ids.expand(scale.shape))

        return GraphValue(scale, sign, spread(x.nodes), spread(x.places), x.reciprocal)

    def named(
        self, nodes: Tensor, start: int, scale: Labels, sign: Labels, *, function: str | None
    ) -> GraphValue:
        """Note the laws of the nodes from a number on, which are those of any of their entries."""
        self.wiring.name(nodes, start, scale, sign, function=function)
        return GraphValue(scale, sign, nodes=nodes)


def _keeps_law(behavior: Behavior) -> bool:
    """Whether a function of a parameter transforms as the parameter itself."""
    return behavior.degree in (None, Fraction(1)) and behavior.parity in (None, Parity.odd)
