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


@dataclass(frozen=True, kw_only=True)
class ChannelPlace(ABC):
    """A value whose channels can be scaled and shifted by parameters that nothing else reads.

    Attributes:
        value: its index in the program.
        axis: of its channels.
    """

    value: int
    axis: int = 1

    @abstractmethod
    def absorb(self, state: dict[str, Tensor], factors: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor]:
        """Change parameters so that the value becomes ``factors * value + shifts``.

        Args:
            state: parameters of the network; those of this place are replaced.
            factors: above 0, ``(channels,)``.
            shifts: any, ``(channels,)``.

        Returns:
            Factors and shifts that the place is able to make.
        """


@final
@dataclass(frozen=True, kw_only=True)
class NormPlace(ChannelPlace):
    """What a batch norm makes of a value by its statistics, before gain and bias.

    Attributes:
        reads: index of what it reads.
        mean, deviation: names of its statistics.
        eps: what the variance is that a deviation has at least.
    """

    reads: int
    mean: str
    deviation: str
    eps: float

    def absorb(self, state: dict[str, Tensor], factors: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor]:
        # (x - m) / s * f + c = (x - (m - c s / f)) / (s / f)
        mean, deviation = state[self.mean], state[self.deviation].double() / factors
        state[self.mean] = (mean.double() - shifts * deviation).to(mean)
        state[self.deviation] = deviation.to(mean)
        return factors, shifts


@final
@dataclass(frozen=True, kw_only=True)
class LinearPlace(ChannelPlace):
    """What a linear map writes, where that is neither normalized next nor returned.

    Attributes:
        weight: name of the matrix or kernel.
        rows: the axis of the weight along which the channels are.
        bias: name of the bias; None if there is none.
    """

    weight: str
    rows: int
    bias: str | None

    def absorb(self, state: dict[str, Tensor], factors: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor]:
        weight = state[self.weight]
        beside = [-1 if axis == self.rows else 1 for axis in range(weight.dim())]
        state[self.weight] = (weight.double() * factors.reshape(beside)).to(weight)
        if self.bias is None:
            return factors, torch.zeros_like(shifts)
        bias = state[self.bias]
        state[self.bias] = (bias.double() * factors + shifts).to(bias)
        return factors, shifts


def places_of(program: Program) -> tuple[ChannelPlace, ...]:
    """Batch norms and linear maps without one, in the order of the network.

    Parameters that are used at several places are left out: no change of them is right at each.
    """
    wiring = _Wiring(program)
    norms = list(wiring.norms())
    taken = {norm.reads for norm in norms} | wiring.returned()
    linear = (place for place in wiring.linear() if place.value not in taken)
    return tuple(sorted([*norms, *linear], key=lambda place: place.value))


def norms_of(program: Program) -> tuple[NormPlace, ...]:
    """Batch norms with statistics of their own, in the order of the network."""
    return tuple(_Wiring(program).norms())


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
        self._deviations: Final = {
            one.deviation: one.eps for one in program.foldings if isinstance(one, Deviation)
        }
        self._reads: Final = Counter(
            operand.index for one in program.instructions for operand in one.operands()
        )

    def norms(self) -> Iterator[NormPlace]:
        for index, instruction in self._writers.items():
            if instruction.operation != "aten.div.Tensor":
                continue
            shifted, divisor = (self._operand(instruction, place) for place in (0, 1))
            deviation, _ = self._parameter(divisor)
            centered = self._writers.get(shifted) if shifted is not None else None
            if (
                deviation is None
                or deviation not in self._deviations
                or centered is None
                or centered.operation != "aten.sub.Tensor"
            ):
                continue
            reads, (mean, _) = self._operand(centered, 0), self._parameter(self._operand(centered, 1))
            if reads is not None and mean is not None:
                eps = self._deviations[deviation]
                yield NormPlace(value=index, reads=reads, mean=mean, deviation=deviation, eps=eps)

    def linear(self) -> Iterator[LinearPlace]:
        for index, instruction in self._writers.items():
            match instruction.operation:
                case "aten.convolution.default" if not instruction.arguments[_TRANSPOSED]:
                    weight, bias, axis = self._operand(instruction, 1), self._operand(instruction, 2), 1
                case "aten.addmm.default" if instruction.arguments[3:] == (1, 1):
                    weight, bias, axis = self._operand(instruction, 2), self._operand(instruction, 0), 1
                case "aten.mm.default":
                    weight, bias, axis = self._operand(instruction, 1), None, 1
                case _:
                    continue
            name, turned = self._parameter(weight)
            shift, _ = self._parameter(bias)
            if name is not None and (bias is None or shift is not None):
                matrix = instruction.operation != _CONVOLUTION
                yield LinearPlace(
                    value=index, axis=axis, weight=name, rows=int(matrix and not turned), bias=shift
                )

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
        """The parameter that a value is or is a view of, and whether its two axes were exchanged.

        None where something else reads it, too.
        """
        turned = False
        while value is not None and self._reads[value] == 1:
            if value in self._names:
                return self._names[value], turned
            writer = self._writers.get(value)
            if writer is None or writer.operation not in _VIEWS:
                break
            turned ^= writer.operation == "aten.permute.default" and writer.arguments[1] == (1, 0)
            value = self._operand(writer, 0)
        return None, False
