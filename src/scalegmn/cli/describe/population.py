"""A packed population."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scalegmn.cli.describe.statistics import PARAMETER_COLUMNS, column_row, facts_table, flat, parameter_row
from scalegmn.populations import Population
from scalegmn.reports import ResultTable
from scalegmn.seeding import numpy_generator

# Networks from which statistics are taken; more would not change the digits that are shown.
_SAMPLE = 5000


def describe_population(folder: Path, *, verify: bool) -> list[ResultTable]:
    """Counts, provenance, columns and statistics per layer.

    Raises:
        PopulationError: it is damaged.
    """
    population = Population.open(folder)
    if verify:
        population.verify()
    counts = np.bincount(population.column("architecture"), minlength=len(population.architectures))
    overview = facts_table(
        f"Population {folder}",
        {
            "networks": len(population),
            "architectures": len(population.architectures),
            "shards": len(population.notes),
            "size of the parameters": _megabytes(population, counts),
            "checksum": population.checksum,
            "verified": "every checksum is right" if verify else None,
            "refused": _noted(population, "refused"),
            "diverged": _noted(population, "diverged"),
        },
    )
    provenance = facts_table("How it came to be", flat(population.provenance))
    versions = facts_table(
        "Made with", {name: text for entry in population.versions for name, text in entry.items()}
    )
    rows = tuple(column_row(name, population.column(name)) for name in population.columns)
    columns = ResultTable(("column", "values", "content"), rows, "Columns of the metadata", words=True)
    return [overview, provenance, versions, columns, *_architectures(population, counts)]


def _architectures(population: Population, counts: np.ndarray) -> list[ResultTable]:
    tables = []
    owner = population.column("architecture")
    for number, architecture in enumerate(population.architectures):
        mine = np.flatnonzero(owner == number)
        if len(mine) > _SAMPLE:
            mine = np.sort(numpy_generator(0, "info").choice(mine, _SAMPLE, replace=False))
        theta = population.theta(mine) if len(mine) else None
        rows = (
            ()
            if theta is None
            else tuple(
                parameter_row(p.name, p.shape, theta[:, p.start : p.stop]) for p in architecture.parameters
            )
        )
        sample = f" (statistics of {len(mine)} of them)" if len(mine) < counts[number] else ""
        title = f"Architecture {number}: {architecture.describe()}, {counts[number]} networks{sample}"
        tables.append(ResultTable(PARAMETER_COLUMNS, rows, title))
    return tables


def _megabytes(population: Population, counts: np.ndarray) -> str:
    numbers = sum(
        int(count) * architecture.num_parameters
        for count, architecture in zip(counts, population.architectures, strict=True)
    )
    return f"{numbers * 4 / 1e6:.1f} MB"


def _noted(population: Population, key: str) -> int | None:
    """How many entries the writer's remarks have under `key`; None if there are none."""
    lists = [notes[key] for notes in population.notes if isinstance(notes, dict) and key in notes]
    return sum(map(len, lists)) or None
