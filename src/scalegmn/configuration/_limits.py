"""Which numbers, and how many, a field takes; part of its annotation: ``Annotated[int, Limits(low=1)]``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Final, final

MOST_FEATURES: Final = 2**16
"""Widths and numbers of features are at most this: a mistyped number does not ask for terabytes."""
MOST_LAYERS: Final = 1000
"""The deepest metanetwork."""


class Constraint(ABC):
    """What a value must be beyond its type; its text says so in messages."""

    @abstractmethod
    def admits(self, value: Any) -> bool:
        """Whether a value of the right type is accepted."""

    def expected(self, value: Any) -> str:
        """What was expected instead of a value that is not admitted."""
        return str(self)


@final
@dataclass(frozen=True, kw_only=True)
class Limits(Constraint):
    """An interval.

    Attributes:
        low: smallest number.
        above: numbers are larger than this.
        high: largest number.
        below: numbers are smaller than this.
    """

    low: float | int | None = None
    above: float | int | None = None
    high: float | int | None = None
    below: float | int | None = None

    def admits(self, value: float | int) -> bool:
        """Whether a number lies in the interval; NaN never does."""
        return (
            (self.low is None or value >= self.low)
            and (self.above is None or value > self.above)
            and (self.high is None or value <= self.high)
            and (self.below is None or value < self.below)
            and value == value
        )

    def __str__(self) -> str:
        """Such as ``at least 1``, ``more than 0`` or ``a number in [0, 1)``."""
        lower, upper = self.low is not None or self.above is not None, self.high is not None
        if lower and (upper or self.below is not None):
            if self.low is not None and self.high is not None:
                return f"from {self.low:g} to {self.high:.10g}"
            start = f"[{self.low:g}" if self.low is not None else f"({self.above:g}"
            end = f"{self.high:.10g}]" if self.high is not None else f"{self.below:g})"
            return f"a number in {start}, {end}"
        if self.low is not None:
            return "0 or more" if self.low == 0 else f"at least {self.low:g}"
        if self.above is not None:
            return f"more than {self.above:g}"
        return f"at most {self.high:.10g}" if self.high is not None else f"less than {self.below:g}"


@final
@dataclass(frozen=True, kw_only=True)
class Entries(Constraint):
    """How many entries a list has.

    Attributes:
        least: fewest.
    """

    least: int

    def admits(self, value: tuple[object, ...]) -> bool:
        """Whether there are enough."""
        return len(value) >= self.least

    def __str__(self) -> str:
        """Such as ``one or more entries``."""
        return "one or more entries" if self.least == 1 else f"at least {self.least} entries"


@final
@dataclass(frozen=True)
class Distinct(Constraint):
    """No entry occurs twice."""

    def admits(self, value: tuple[object, ...]) -> bool:
        """Whether all differ."""
        return len(set(value)) == len(value)

    def __str__(self) -> str:
        """The limit in words."""
        return "different entries"


@final
@dataclass(frozen=True)
class Ascending(Constraint):
    """Two numbers of which the first is not larger."""

    def admits(self, value: tuple[float | int, float | int]) -> bool:
        """Whether they are in order."""
        return value[0] <= value[1]

    def __str__(self) -> str:
        """The limit in words."""
        return "a range (low, high), the lower number first"


Count = Annotated[int, Limits(low=1)]
"""1, 2, ..."""
Natural = Annotated[int, Limits(low=0)]
"""0, 1, 2, ..."""
Width = Annotated[int, Limits(low=1, high=MOST_FEATURES)]
"""How many features."""
Depth = Annotated[int, Limits(low=1, high=MOST_LAYERS)]
"""How many layers."""
Widths = Annotated[tuple[Width, ...], Entries(least=1)]
"""Widths of consecutive layers."""
Positive = Annotated[float, Limits(above=0)]
"""A number above 0."""
NonNegative = Annotated[float, Limits(low=0)]
"""A number from 0."""
PositiveRange = Annotated[tuple[Positive, Positive], Ascending()]
"""A range of numbers above 0."""
Rate = Annotated[float, Limits(low=0, below=1)]
"""A number from 0 to below 1, such as a rate of dropout."""
Fraction = Annotated[float, Limits(above=0, below=1)]
"""A number between 0 and 1."""
Portion = Annotated[float, Limits(low=0, high=1)]
"""A number from 0 to 1, both included."""
