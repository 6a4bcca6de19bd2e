"""Constants that may be added to parameters, whatever the parameters are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.programs import Program

from ._part import ContinuousPart
from ._slopes import counted, drawn, jacobian, null_space, stacked, unflat


@final
class Translation(ContinuousPart):
    """``theta -> theta + v`` for all ``v`` of a space that does not depend on ``theta``.

    Two biases that are added up, a bias before a norm's mean or a softmax, a constant along the channels of a
    stream that only layer norms read.

    Args:
        vectors: a basis of the space.
        dimension: how many directions it adds.
    """

    def __init__(self, *, vectors: Sequence[Mapping[str, Tensor]], dimension: int) -> None:
        names = tuple(name for name in vectors[0] if any(bool(v[name].any()) for v in vectors))
        super().__init__(notation=f"R^{len(vectors)}", parameters=names, dimension=dimension)
        self._vectors: Final = [{name: vector[name] for name in names} for vector in vectors]

    def move(
        self, parameters: Mapping[str, Tensor], generator: torch.Generator, *, spread: float = 0.5
    ) -> dict[str, Tensor]:
        moved = dict(parameters)
        for vector in self._vectors:
            size = float(spread * torch.randn((), generator=generator, dtype=torch.float64))
            moved.update({name: moved[name] + size * value for name, value in vector.items()})
        return moved

    def directions(self, parameters: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        return [dict(vector) for vector in self._vectors]


def translations(program: Program, generator: torch.Generator) -> list[list[dict[str, Tensor]]]:
    """Bases of all of them, one for each set of parameters that they move."""
    parameters = counted(program)
    names = [parameter.name for parameter in parameters]
    total = sum(torch.Size(parameter.type.shape).numel() for parameter in parameters)

    def rows() -> Tensor:
        found = jacobian(program, drawn(program, generator), names, generator)
        return torch.cat([found[name].reshape(len(found[name]), -1) for name in names], dim=1)

    together: dict[tuple[str, ...], list[dict[str, Tensor]]] = {}
    for vector in null_space(stacked(rows, total, draws=4)):
        values = unflat(vector, parameters)
        moved = tuple(name for name in names if bool(values[name].any()))
        together.setdefault(moved, []).append(values)
    return list(together.values())
