"""Where a program normalizes channels, and where it makes them by a linear map that no norm follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.programs import Instruction, Operand, Program
from scalegmn.programs.foldings import Deviation

_VIEWS: Final = frozenset({"aten.view.default", "aten.permute.default", "aten.unsqueeze.default"})
_CONVOLUTION: Final = "aten.convolution.default"
_TRANSPOSED: Final = 6
_STILL: Final = 1e-6
"""Channels that deviate by less, relative to their parents, are dead and stay so."""

Statistics = tuple[Tensor, Tensor]
"""Mean and deviation of each channel."""


class ChannelPlace(ABC):
    """A place where the statistics of channels can be set by parameters.

    Attributes:
        value: index of the value whose channels these are.
        axis: along which they stand.
    """

    value: int
    axis: int

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Parameters that are changed."""

    @abstractmethod
    def restore(self, state: dict[str, Tensor], now: Statistics, wanted: Statistics) -> None:
        """Change parameters so that the channels vary as they should.

        Args:
            state: parameters by name; changed.
            now: mean and deviation of each channel, float64.
            wanted: those of the parents, on average.
        """


@final
@dataclass(frozen=True, kw_only=True)
class NormPlace(ChannelPlace):
    """A batch norm, whose statistics become those of what it reads.

    Attributes:
        value: index of what it reads.
        mean, deviation: names of its statistics.
        eps: what is added to a variance.
    """

    value: int
    mean: str
    deviation: str
    eps: float
    axis: int = 1

    def names(self) -> tuple[str, ...]:
        return self.mean, self.deviation

    def restore(self, state: dict[str, Tensor], now: Statistics, wanted: Statistics) -> None:
        state[self.mean] = now[0].to(state[self.mean])
        state[self.deviation] = (now[1].square() + self.eps).sqrt().to(state[self.deviation])


@final
@dataclass(frozen=True, kw_only=True)
class LinearPlace(ChannelPlace):
    """A linear map whose result is neither normalized next nor returned.

    Attributes:
        value: index of what it writes.
        weight: name of the matrix or kernel.
        rows: the axis of the weight along which the channels are.
        bias: name of the bias; None if there is none, and means follow the deviations.
    """

    value: int
    weight: str
    rows: int
    bias: str | None
    axis: int = 1

    def names(self) -> tuple[str, ...]:
        return (self.weight,) if self.bias is None else (self.weight, self.bias)

    def restore(self, state: dict[str, Tensor], now: Statistics, wanted: Statistics) -> None:
        still = now[1] <= _STILL * wanted[1]
        factor = torch.where(still, 1.0, wanted[1] / torch.where(still, 1.0, now[1]))
        weight = state[self.weight]
        shape = [-1 if axis == self.rows else 1 for axis in range(weight.dim())]
        state[self.weight] = weight * factor.reshape(shape).to(weight)
        if self.bias is not None:
            bias = state[self.bias].double()
            moved = factor * (bias - now[0]) + wanted[0]
            state[self.bias] = torch.where(still, bias, moved).to(state[self.bias])


def places_of(program: Program) -> tuple[ChannelPlace, ...]:
    """Batch norms and linear maps without one, in the order of the network.

    Parameters that are used at several places are left out: no change of them is right at each.
    """
    wiring = _Wiring(program)
    norms, linear = list(wiring.norms()), list(wiring.linear())
    taken = {norm.value for norm in norms} | wiring.returned()
    uses = Counter(name for place in (*norms, *linear) for name in place.names())
    found: list[ChannelPlace] = [*norms, *(place for place in linear if place.value not in taken)]
    once = [place for place in found if all(uses[name] == 1 for name in place.names())]
    return tuple(sorted(once, key=lambda place: place.value))


@final
class _Wiring:
    """Who writes what in a program."""

    def __init__(self, program: Program) -> None:
        self._program: Final = program
        self._writers: Final[dict[int, Instruction]] = {}
        first = len(program.inputs)
        names = {first + number: one.name for number, one in enumerate(program.parameters)}
        index = first + len(program.parameters) + len(program.constants)
        for instruction in program.instructions:
            for place in range(len(instruction.outputs)):
                self._writers[index + place] = instruction
            index += len(instruction.outputs)
        self._names: Final = names
        self._eps: Final = {one.deviation: one.eps for one in program.foldings if isinstance(one, Deviation)}

    def norms(self) -> Iterator[NormPlace]:
        for instruction in self._program.instructions:
            if instruction.operation != "aten.div.Tensor":
                continue
            shifted, divisor = (self._operand(instruction, place) for place in (0, 1))
            deviation, _ = self._parameter(divisor)
            centered = self._writers.get(shifted) if shifted is not None else None
            if deviation not in self._eps or centered is None or centered.operation != "aten.sub.Tensor":
                continue
            value, (mean, _) = self._operand(centered, 0), self._parameter(self._operand(centered, 1))
            if value is not None and mean is not None:
                yield NormPlace(
                    value=value, mean=mean, deviation=str(deviation), eps=self._eps[str(deviation)]
                )

    def linear(self) -> Iterator[LinearPlace]:
        for index, instruction in self._writers.items():
            match instruction.operation:
                case "aten.convolution.default" if not instruction.arguments[_TRANSPOSED]:
                    weight, bias = self._operand(instruction, 1), self._operand(instruction, 2)
                case "aten.addmm.default":
                    weight, bias = self._operand(instruction, 2), self._operand(instruction, 0)
                case "aten.mm.default":
                    weight, bias = self._operand(instruction, 1), None
                case _:
                    continue
            name, turned = self._parameter(weight)
            shift, _ = self._parameter(bias)
            if name is not None and (bias is None or shift is not None):
                rows = int(instruction.operation != _CONVOLUTION and not turned)
                yield LinearPlace(value=index, weight=name, rows=rows, bias=shift)

    def returned(self) -> set[int]:
        """Values that are returned, and those of which they are views."""
        found = {operand.index for operand in self._program.outputs}
        for index in sorted(self._writers, reverse=True):
            instruction = self._writers[index]
            if index in found and instruction.operation in _VIEWS:
                found |= {operand.index for operand in instruction.operands()}
        return found

    def _operand(self, instruction: Instruction, place: int) -> int | None:
        argument = instruction.arguments[place]
        return argument.index if isinstance(argument, Operand) else None

    def _parameter(self, value: int | None) -> tuple[str | None, bool]:
        """The parameter that a value is or is a view of, and whether its two axes were exchanged."""
        turned = False
        while value is not None and value not in self._names:
            writer = self._writers.get(value)
            if writer is None or writer.operation not in _VIEWS:
                return None, False
            turned ^= writer.operation == "aten.permute.default" and writer.arguments[1] == (1, 0)
            value = self._operand(writer, 0)
        return (None, False) if value is None else (self._names[value], turned)
