"""Steps that take turns in one process, so that whatever else the machine does meets all of them alike.

Rates of one minute and of the next differ by a fifth on a shared machine, and rates of two machines by
anything; how many times one step is as fast as another that ran beside it, round by round, does not.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

Clock = Callable[[], float]
TURN = 0.1
"""Seconds of a turn, or one call where that takes longer."""
LEAST_ROUNDS, MOST_ROUNDS = 3, 60


@dataclass(frozen=True)
class Ratio:
    """The median over all rounds, and the quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def from_rounds(cls, values: list[float]) -> Ratio:
        """The ratios of all rounds; at least two."""
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Race:
    """Seconds per call, of every side in every round."""

    seconds: dict[str, list[float]]

    def rate(self, side: str) -> float:
        """Calls per second in the best round."""
        return 1 / min(self.seconds[side])

    def times(self, side: str, other: str) -> Ratio:
        """How many times as fast as `other` one side is."""
        pairs = zip(self.seconds[other], self.seconds[side], strict=True)
        return Ratio.from_rounds([theirs / own for theirs, own in pairs])


def race(
    steps: Mapping[str, Callable[[], object]],
    *,
    seconds: float,
    device: str,
    clock: Clock = time.perf_counter,
) -> Race:
    """Call every step in turn, after a warm-up, for so many seconds in all and at least three rounds."""
    for step in steps.values():
        step()
    turns = {name: Turn(step, device=device, clock=clock) for name, step in steps.items()}
    found: dict[str, list[float]] = {name: [] for name in steps}
    began = clock()
    for number in range(MOST_ROUNDS):
        if number >= LEAST_ROUNDS and clock() - began > seconds:
            break
        # Every side is first equally often: what the one before leaves in the cache is no advantage.
        order = list(turns)
        shift = number % len(order)
        for name in order[shift:] + order[:shift]:
            found[name].append(turns[name]())
    return Race(found)


class Turn:
    """One side's part of a round: as many calls as take a tenth of a second."""

    def __init__(self, step: Callable[[], object], *, device: str, clock: Clock) -> None:
        self._step, self._clock = step, clock
        self._wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
        self._calls = 1
        self._calls = max(1, round(TURN / max(self(), 1e-6)))

    def __call__(self) -> float:
        """Seconds per call."""
        self._wait()
        began = self._clock()
        for _ in range(self._calls):
            self._step()
        self._wait()
        return (self._clock() - began) / self._calls
