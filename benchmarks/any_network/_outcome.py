"""What came out for one network, and what is wrong with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ._graphs import GraphOutcome
from .models import Entry, Expected

EXACT = 1e-10
"""Largest change of the answers, in units of their size."""
ROUNDED = 1e-6
"""The same for tracing: constants are kept as the code computes them, often in single precision."""
_CAUSES = {
    "tracing": "tracing changes",
    "scales": "random scales change",
    "signs": "random signs change",
    "permutations": "random permutations change",
    "elements": "random elements change",
    "mixtures": "random mixtures of channels change",
    "shifts": "random shifts of biases change",
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One row of the table.

    Attributes:
        name: of the network.
        family: what kind it is.
        expected: dimensions that were derived by hand.
        parameters: how many numbers are trained.
        refused: the sentence that says why no program or no group was found; empty if there is one.
        crashed: whether it was no error of the library that refused it.
        scales: dimension of the scales.
        signs: dimension of the signs.
        permutations: the logarithm to base 10 of how many there are.
        errors: how far the answers of the program, and those after random elements of each kind, are off.
        seconds: of processor time, for the program and the group.
        megabytes: the most memory that the process held.
        graph: what came out for its graph; None where that was not asked for.
    """

    name: str
    family: str
    expected: Expected | None
    parameters: int = 0
    refused: str = ""
    crashed: bool = False
    scales: int | None = None
    signs: int | None = None
    permutations: float | None = None
    errors: dict[str, float] | None = None
    seconds: float = 0.0
    megabytes: float = 0.0
    graph: GraphOutcome | None = None

    @classmethod
    def of(cls, entry: Entry) -> Outcome:
        """Nothing yet."""
        return cls(name=entry.name, family=entry.family, expected=entry.expected)

    def but(self, **changes: Any) -> Outcome:
        """The same with other values."""
        return replace(self, **changes)

    @property
    def captured(self) -> bool:
        """Whether there is a group."""
        return not self.refused

    @property
    def error(self) -> float:
        """The largest of the errors of random elements."""
        return max((e for kind, e in (self.errors or {}).items() if kind != "tracing"), default=0.0)

    def faults(self) -> list[str]:
        """What is wrong, a sentence each; to be refused with a reason is not."""
        wrong = [f"{self.name}: {self.refused}"] if self.crashed else []
        for kind, error in (self.errors or {}).items():
            if not error <= (ROUNDED if kind == "tracing" else EXACT):
                wrong.append(f"{self.name}: {_CAUSES[kind]} the answers by {error:.1e} of their size")
        if self.captured and self.expected is not None:
            for kind, found in (("scales", self.scales), ("signs", self.signs)):
                derived = getattr(self.expected, kind)
                if found is not None and found != derived:
                    wrong.append(f"{self.name}: {found} {kind} were found, and {derived} derived by hand")
        if self.graph is not None:
            wrong.extend(f"{self.name}: {fault}" for fault in self.graph.faults())
        return wrong

    def row(self) -> dict[str, Any]:
        """For a file; what differs from run to run is rounded."""
        row = asdict(self)
        row["errors"] = {kind: float(f"{error:.0e}") for kind, error in (self.errors or {}).items()}
        row["permutations"] = None if self.permutations is None else round(self.permutations, 6)
        row["seconds"] = round(self.seconds, 1)
        row["graph"] = None if self.graph is None else self.graph.row()
        del row["megabytes"]
        return row
