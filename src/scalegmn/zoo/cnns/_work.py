"""Training networks in jobs that are spread over workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, final, runtime_checkable

from scalegmn.workers import Report, Work
from scalegmn.zoo.cnns._shards import Row


@runtime_checkable
class Job(Protocol):
    """What is trained together."""

    @property
    def networks(self) -> Sequence[object]:
        """The networks, or what stands for them."""


J = TypeVar("J", bound=Job)


@final
@dataclass(frozen=True, eq=False)
class TrainingWork(Work[J, list[Row]], Generic[J]):
    """Training the networks of one job after the other.

    Attributes:
        train: trains the networks of a job; other machines get a copy, with what it is bound to.
    """

    train: Callable[[J, Report], list[Row]]

    def do(self, piece: J, report: Report) -> list[Row]:
        return self.train(piece, report)

    def size(self, piece: J) -> float:
        return float(len(piece.networks))
