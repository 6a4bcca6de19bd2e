"""What is done with each piece of something large."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

P = TypeVar("P")
R = TypeVar("R")
Report = Callable[[float], None]
"""Is told what part of a piece was done since the last call, and may raise to stop it."""


class Work(ABC, Generic[P, R]):
    """What all pieces have in common, and how one of them is done.

    Other machines get a copy, once for all pieces, so it can be pickled, and so can pieces and results.  What
    comes out of a piece depends on the work and on the piece alone: not on who does it, nor on what was done
    before.
    """

    repeatable: ClassVar[bool] = True
    """Whether two machines may do the same piece at the same time: it writes nothing."""

    @abstractmethod
    def do(self, piece: P, report: Report) -> R:
        """The result of a piece.

        Args:
            piece: what to do.
            report: is told now and then what part of the piece was done since, and may raise.
        """

    @abstractmethod
    def size(self, piece: P) -> float:
        """How far a piece brings the progress bar."""


def fields_alone(value: object) -> dict[str, Any]:
    """The state of a data class without what it keeps beside its fields, which others find out again."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}  # type: ignore[arg-type]
