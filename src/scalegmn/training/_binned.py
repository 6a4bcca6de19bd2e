"""The outcome of a test over the bins of a numeric column, such as how well attacks succeed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.configuration import Configuration, Limits
from scalegmn.errors import ConfigurationError
from scalegmn.graph import Records
from scalegmn.populations import Population
from scalegmn.training._breakdown import table_line
from scalegmn.training._task import AnyTask, Table

CURVE: Final = "curve"
"""Entries of a summary that begin so hold the bins of a column."""
MOST_BINS: Final = 50
"""More bins than this are no curve that anybody reads."""


@final
@dataclass(frozen=True, kw_only=True)
class Bins(Configuration):
    """How the numbers of a column are divided.

    Attributes:
        column: with the numbers.
        edges: of the bins, ascending; none for bins with about the same number of networks.
        count: how many of these; a column with fewer different numbers has one for each.
    """

    column: str
    edges: tuple[float, ...] = ()
    count: Annotated[int, Limits(low=1, high=MOST_BINS)] = 4

    def contradictions(self) -> Iterator[str]:
        ascending = all(low < high for low, high in itertools.pairwise(self.edges))
        finite = all(math.isfinite(edge) for edge in self.edges)
        if self.edges and not (ascending and finite and 2 <= len(self.edges) <= MOST_BINS + 1):
            edges = ", ".join(f"{edge:g}" for edge in self.edges)
            yield f"edges are {edges}, expected 2 to {MOST_BINS + 1} finite numbers, ascending"

    def of(self, values: np.ndarray) -> list[tuple[float, float]]:
        """Lower and upper ends for these numbers ``(n,)``; equal ends hold one number."""
        if self.edges:
            return list(itertools.pairwise(self.edges))
        distinct = np.unique(values)
        if len(distinct) <= self.count:
            return [(value, value) for value in distinct.tolist()]
        edges = np.unique(np.quantile(values, np.linspace(0, 1, self.count + 1)))
        return list(itertools.pairwise(edges.tolist()))


@dataclass(frozen=True, eq=False)
class BinnedReports:
    """What a test says about the bins of a column.

    Attributes:
        table: a line per bin.
        entries: the same for JSON: ``from``, ``to``, ``networks`` of the bin, ``median`` of their numbers,
            and ``figures``, the summary of the report; None where the bin is empty.
    """

    table: Table
    entries: list[dict[str, Any]]


def binned_reports(
    task: AnyTask,
    outputs: Tensor | Records,
    targets: Tensor | Records,
    *,
    population: Population,
    rows: np.ndarray,
    bins: Bins,
    groups: np.ndarray | None,
) -> BinnedReports:
    """A report for every bin of a column: about its networks, and those that the task puts into every bin.

    Args:
        task: what is evaluated.
        outputs: about the networks `rows`, of all n.
        targets: of all n.
        population: of the networks.
        rows: their numbers, ``(n,)``.
        bins: the column, and how it is divided.
        groups: which networks belong together, ``(n,)``; see :meth:`Task.report`.

    Raises:
        ConfigurationError: there is no such column, it holds no numbers, or no network lies in a bin.
    """
    values = column_numbers(population, bins.column)[rows]
    always = task.in_every_bin(targets)
    common = np.zeros(len(rows), bool) if always is None else always
    own = ~common & np.isfinite(values)
    found = []
    for number, (low, high) in enumerate(pairs := bins.of(values[own]) if own.any() else []):
        last = number == len(pairs) - 1 or low == high
        inside = own & (values >= low) & ((values <= high) if last else (values < high))
        entry: dict[str, Any] = {"from": low, "to": high, "networks": int(inside.sum()), "figures": None}
        entry["median"] = float(np.median(values[inside])) if inside.any() else None
        if inside.any():
            chosen = np.flatnonzero(inside | common)
            index = torch.from_numpy(chosen)
            part = None if groups is None else groups[chosen]
            entry["figures"] = task.report(outputs[index], targets[index], groups=part).summary
        found.append(entry)
    if not any(entry["networks"] for entry in found):
        raise ConfigurationError(
            f"curve: none of the {len(rows)} networks of {population.folder} has a number of the column "
            f"{bins.column!r} that lies in a bin; choose another column or other edges"
        )
    return BinnedReports(_table(task, bins.column, found, int(common.sum())), found)


def column_numbers(population: Population, column: str) -> np.ndarray:
    """The numbers of a column, float64 ``(N,)``, NaN where there is none.

    Raises:
        ConfigurationError: there is no such column, or it holds something else.
    """
    if column not in population.columns:
        raise ConfigurationError(
            f"curve: {population.folder} has no column {column!r}; there are {list(population.columns)}"
        )
    values = population.column(column)
    if values.dtype.kind not in "iuf":
        raise ConfigurationError(
            f"curve: column {column!r} of {population.folder} has type {values.dtype}, expected numbers; "
            "--by takes a column of words"
        )
    return values.astype(np.float64)


def _table(task: AnyTask, column: str, entries: Sequence[dict[str, Any]], common: int) -> Table:
    names = task.headline or (task.monitor,)
    lines = tuple(
        table_line(_named(entry), entry["networks"], entry["figures"] or {}, names) for entry in entries
    )
    columns = (column, "networks", *(one for name in names for one in (name, "95 % from", "to")))
    with_all = f", each with the same {common} others" if common else ""
    return Table(f"Over {column}{with_all}", columns, lines)


def _named(entry: dict[str, Any]) -> str:
    low, high = entry["from"], entry["to"]
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
