"""The outcome of a test for every value of a column, such as each activation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.graph import Records
from scalegmn.populations import Population
from scalegmn.training._task import AnyTask, Report, Table

MOST_VALUES = 50
"""A column with more different values is no way to divide networks."""

_UNDEFINED: Final = "undefined"


def report_in_parts(
    task: AnyTask,
    outputs: Tensor | Records,
    targets: Tensor | Records,
    *,
    population: Population,
    rows: np.ndarray,
    groups: np.ndarray | None,
) -> Report:
    """The report about networks, and a breakdown by each of the task's own columns.

    Columns that the population does not have, or that have one value or too many, are passed over.  Arguments
    as for :func:`breakdown`; the summaries of parts are under ``by_COLUMN``.
    """
    report = task.report(outputs, targets, groups=groups)
    for name in task.breakdowns:
        if name in population.columns and 2 <= len(np.unique(population.column(name)[rows])) <= MOST_VALUES:
            table, parts = breakdown(
                task, outputs, targets, population=population, rows=rows, by=name, groups=groups
            )
            report = Report({**report.summary, f"by_{name}": parts}, (*report.tables, table), report.arrays)
    return report


def breakdown(
    task: AnyTask,
    outputs: Tensor | Records,
    targets: Tensor | Records,
    *,
    population: Population,
    rows: np.ndarray,
    by: str,
    groups: np.ndarray | None,
) -> tuple[Table, dict[str, Any]]:
    """A table with a line per value, and the summary of the report of each.

    Args:
        task: what is evaluated.
        outputs: about the networks `rows`, of all n.
        targets: of all n.
        population: of the networks.
        rows: their numbers, ``(n,)``.
        by: column whose values divide them.
        groups: which networks belong together, ``(n,)``; see :meth:`Task.report`.

    Raises:
        ConfigurationError: there is no such column, or it has too many values.
    """
    if by not in population.columns:
        raise ConfigurationError(
            f"by: {population.folder} has no column {by!r}; there are {list(population.columns)}"
        )
    values = population.column(by)[rows]
    distinct = np.unique(values)
    if len(distinct) > MOST_VALUES:
        raise ConfigurationError(
            f"by: column {by!r} of {population.folder} has {len(distinct)} values among these {len(rows)} "
            f"networks, expected at most {MOST_VALUES}; choose a column with few values"
        )
    found = {}
    for value in distinct.tolist():
        chosen = np.flatnonzero(values == value)
        index = torch.from_numpy(chosen)
        part = None if groups is None else groups[chosen]
        found[str(value)] = task.report(outputs[index], targets[index], groups=part)
    names = task.headline or (task.monitor,)
    lines = tuple(
        table_line(value, report.summary["networks"], report.summary, names)
        for value, report in found.items()
    )
    columns = (by, "networks", *(column for name in names for column in (name, "95 % from", "to")))
    return Table(f"By {by}", columns, lines), {value: report.summary for value, report in found.items()}


def table_line(
    value: str, networks: int, summary: Mapping[str, Any], names: Sequence[str]
) -> tuple[str | int | float, ...]:
    """A line of a table about parts: the figures of these names, each with the ends of its interval.

    Args:
        value: what the part has in common.
        networks: of the part.
        summary: of its report; empty for none.
        names: of the figures.
    """
    cells: list[str | int | float] = [value, networks]
    for name in names:
        figure = summary.get(name, "")
        ends = summary.get(f"{name}_interval_95") or ("", "")
        # A value may have networks of one class only, say, and no order to be measured.
        cells += [_UNDEFINED if figure is None else figure, *ends]
    return tuple(cells)
