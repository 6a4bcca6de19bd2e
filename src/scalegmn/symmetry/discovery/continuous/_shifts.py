"""What one bias takes, and later ones give back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.programs import Operand, Program
from scalegmn.seeding import generator as local_generator

from ._part import ContinuousPart
from ._slopes import counted, drawn, jacobian, null_space, stacked, unflat

_FACTORS: Final = {
    "aten.mul.Tensor": (0, 1),
    "aten.div.Tensor": (0, 1),
    "aten.native_layer_norm.default": (2,),
    "aten.native_group_norm.default": (1,),
}
_VIEWS: Final = ("aten.view.default", "aten.unsqueeze.default", "aten.expand.default", "aten.reshape.default")


@final
class BiasShift(ContinuousPart):
    """``b -> b + v`` for biases, and ``v`` of a space that the weights determine.

    The value's bias into the output's, a layer norm's bias into the next linear map's.  The space is that of
    all ``v`` with ``f(W, b + v; x) = f(W, b; x)`` for *all* ``b`` and ``x``: the null space of the Jacobian
    by the biases, stacked for random ones.

    Args:
        program: the network.
        biases: names of what is shifted.
        dimension: how many directions it adds.
    """

    def __init__(self, *, program: Program, biases: tuple[str, ...], dimension: int) -> None:
        super().__init__(notation=f"R^{dimension}", parameters=biases, dimension=dimension)
        self._program: Final = program

    def move(
        self, parameters: Mapping[str, Tensor], generator: torch.Generator, *, spread: float = 0.5
    ) -> dict[str, Tensor]:
        moved = dict(parameters)
        for vector in self.directions(parameters):
            size = float(spread * torch.randn((), generator=generator, dtype=torch.float64))
            moved.update({name: moved[name] + size * value for name, value in vector.items()})
        return moved

    def directions(self, parameters: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        return shifts(self._program, self.parameters, parameters)


def shifts(
    program: Program, biases: tuple[str, ...], parameters: Mapping[str, Tensor]
) -> list[dict[str, Tensor]]:
    """A basis of all shifts of biases that the other parameters allow."""
    numbers = local_generator(0, "shifts")
    shifted = [parameter for parameter in counted(program) if parameter.name in biases]
    names = [parameter.name for parameter in shifted]
    weights = {name: value for name, value in parameters.items() if name not in biases}
    total = sum(torch.Size(parameter.type.shape).numel() for parameter in shifted)
    if total == 0:
        return []

    def rows() -> Tensor:
        found = jacobian(program, drawn(program, numbers, weights), names, numbers)
        return torch.cat([found[name].reshape(len(found[name]), -1) for name in names], dim=1)

    return [unflat(vector, shifted) for vector in null_space(stacked(rows, total, draws=4))]


def gains(program: Program) -> frozenset[str]:
    """Parameters with one axis that entries are multiplied with or divided by."""
    start = len(program.inputs)
    source = {start + index: p.name for index, p in enumerate(program.parameters) if len(p.type.shape) == 1}
    written = start + len(program.parameters) + len(program.constants)
    found: set[str] = set()
    for instruction in program.instructions:
        places = _FACTORS.get(instruction.operation, ())
        found.update(source[o.index] for o in _chosen(instruction.arguments, places) if o.index in source)
        if instruction.operation in _VIEWS:
            for operand in _chosen(instruction.arguments, (0,)):
                if operand.index in source:
                    source[written] = source[operand.index]
        written += len(instruction.outputs)
    return frozenset(found)


def _chosen(arguments: tuple[object, ...], places: tuple[int, ...]) -> Iterator[Operand]:
    for place in places:
        if place < len(arguments):
            argument = arguments[place]
            if isinstance(argument, Operand):
                yield argument
