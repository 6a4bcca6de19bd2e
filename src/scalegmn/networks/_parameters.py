"""Where the parameters of a network lie in one flat vector."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """A named tensor and its place ``theta[start:stop]`` in the flat vector."""

    name: str
    shape: tuple[int, ...]
    start: int

    @property
    def stop(self) -> int:
        """One past the last place in the flat vector."""
        return self.start + math.prod(self.shape)


@dataclass(frozen=True)
class WeightedParameters:
    """A weight, and the bias that is added to what it makes.

    Attributes:
        name: of the layer.
        weight: ``(outputs, ...)``.
        bias: ``(outputs,)``; None where there is none.
    """

    name: str
    weight: Parameter
    bias: Parameter | None

    def has_rows(self, count: int) -> bool:
        """Whether the weight is a matrix, or more, of so many rows."""
        return len(self.weight.shape) > 1 and self.weight.shape[0] == count


def positioned(shapes: Iterable[tuple[str, tuple[int, ...]]]) -> tuple[Parameter, ...]:
    """Parameters one after another in a flat vector."""
    found: list[Parameter] = []
    start = 0
    for name, shape in shapes:
        found.append(Parameter(name, shape, start))
        start = found[-1].stop
    return tuple(found)
