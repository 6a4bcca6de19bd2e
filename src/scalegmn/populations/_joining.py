"""One population out of several, which stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import pyarrow as pa

from scalegmn.errors import PopulationError
from scalegmn.populations._format import ARCHITECTURE_COLUMN
from scalegmn.populations._group import ArchitectureGroup
from scalegmn.populations._progress import progress_bar
from scalegmn.populations._runs import runs
from scalegmn.populations._store import Population
from scalegmn.populations._writer import PopulationWriter

SOURCE: Final = "source"
"""Column with the name of the folder that a network is from."""
# Columns that number things of one population, and columns that number things of the population that its
# networks were made from.
_OWN: Final = ("number", "twin", "pair")
_INHERITED: Final = ("network", "run", "base", "image")
# Where a population was made from another one, its provenance says from which.
_ORIGIN: Final = "population_checksum"
_SHARD: Final = 10_000


@final
@dataclass(frozen=True)
class JoinReport:
    """What was written.

    Attributes:
        folder: of the new population.
        networks: how many it holds.
        left_out: columns that only some of the populations have.
    """

    folder: Path
    networks: int
    left_out: tuple[str, ...]


def join_populations(
    populations: Sequence[Population], folder: str | Path, *, resume: bool = False, progress: bool = True
) -> JoinReport:
    """Write the networks of several populations as one, in their order.

    Columns that all have are kept, and `source` says which folder a network is from.  Numbers that would be
    used twice are moved on: `number`, `twin` and `pair` for every population; `network`, `run`, `base` and
    `image` for every origin, so that twins that were made from the same base networks, by whatever attack,
    keep what must not cross splits.  Texts in these get the name of the folder before them.

    Args:
        populations: two or more, in folders with different names.
        folder: of the new population.
        resume: continue an interrupted call with the same arguments.
        progress: show a progress bar on the standard error stream.

    Raises:
        PopulationError: fewer than two populations, two with one name, a column that is text in one and
            numbers in another, networks of one group in different splits, or the folder is in use.
    """
    names = [population.folder.resolve().name for population in populations]
    if len(populations) < 2 or len(set(names)) < len(names):
        raise PopulationError(
            f"populations {', '.join(names) or 'none'} to join, expected two or more in folders with "
            "different names; rename a folder, or name each once"
        )
    schema = _schema(populations)
    shifts = _shifts(populations, schema)
    tables = [
        _table(population, name, schema, own)
        for population, name, own in zip(populations, names, shifts, strict=True)
    ]
    _check_splits(tables, names)
    left_out = {name for population in populations for name in population.columns} - {*schema.names, SOURCE}
    total = sum(map(len, populations))
    with PopulationWriter(folder, provenance=_provenance(populations, names), resume=resume) as writer:
        done = len(writer) if not writer.finished else total
        bar = progress_bar("joining", total=total, done=done, show=progress)
        with bar as advance:
            for population, table, rows in list(_pieces(populations, tables))[writer.shards_done :]:
                writer.append_groups(ArchitectureGroup(*run) for run in runs(population, rows, table))
                advance(len(rows))
        writer.finish()
        return JoinReport(writer.folder, total, tuple(sorted(left_out - {ARCHITECTURE_COLUMN})))


def _schema(populations: Sequence[Population]) -> pa.Schema:
    """Columns that all have, in the order of the first, with types that hold the values of all."""
    common = [
        name
        for name in populations[0].columns
        if name not in (ARCHITECTURE_COLUMN, SOURCE) and all(name in one.columns for one in populations)
    ]
    fields = []
    for name in common:
        kinds = [population.metadata.schema.field(name) for population in populations]
        try:
            merged = pa.unify_schemas([pa.schema([kind]) for kind in kinds], promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            found = ", ".join(
                f"{kind.type} in {population.folder}"
                for kind, population in zip(kinds, populations, strict=True)
            )
            raise PopulationError(
                f"the column {name!r} has different types ({found}), expected one type; make the populations "
                "so that the column means the same in all"
            ) from error
        fields.append(merged.field(0))
    return pa.schema(fields)


def _shifts(populations: Sequence[Population], schema: pa.Schema) -> list[dict[str, object]]:
    """What is added to the numbers of each population, or put before its texts, by column."""
    found: list[dict[str, object]] = []
    next_own, next_inherited = 0, dict.fromkeys(_INHERITED, 0)
    origins: dict[tuple[str, str], object] = {}
    for population in populations:
        own: dict[str, object] = {name: next_own for name in _OWN if name in schema.names}
        next_own += _span(population, [name for name in own if _is_number(schema, name)])
        origin = str(population.provenance.get(_ORIGIN, population.checksum))
        for name in _INHERITED:
            if name not in schema.names:
                continue
            if (name, origin) not in origins:
                if _is_number(schema, name):
                    origins[name, origin] = next_inherited[name]
                    next_inherited[name] += _span_of_origin(populations, origin, name)
                else:
                    origins[name, origin] = f"{population.folder.resolve().name}/"
            own[name] = origins[name, origin]
        found.append(own)
    return found


def _span_of_origin(populations: Sequence[Population], origin: str, name: str) -> int:
    """One more than the largest number in all populations of one origin."""
    own = [one for one in populations if str(one.provenance.get(_ORIGIN, one.checksum)) == origin]
    return max(_span(one, [name]) for one in own)


def _span(population: Population, names: Sequence[str]) -> int:
    return max((int(population.column(name).max()) + 1 for name in names if len(population)), default=0)


def _is_number(schema: pa.Schema, name: str) -> bool:
    return bool(pa.types.is_integer(schema.field(name).type))


def _table(population: Population, name: str, schema: pa.Schema, shifts: Mapping[str, object]) -> pa.Table:
    """What the joined population says about the networks of one."""
    columns: dict[str, pa.Array | pa.ChunkedArray | list[str]] = {}
    for field in schema:
        values = population.metadata[field.name].cast(field.type)
        shift = shifts.get(field.name)
        if isinstance(shift, int):
            values = pa.array(values.to_numpy() + shift, field.type)
        elif isinstance(shift, str):
            values = pa.array([f"{shift}{value}" for value in values.to_pylist()], field.type)
        columns[field.name] = values
    before = population.column(SOURCE).tolist() if SOURCE in population.columns else None
    columns[SOURCE] = [name] * len(population) if before is None else [f"{name}/{text}" for text in before]
    return pa.table(columns)


def _check_splits(tables: Sequence[pa.Table], names: Sequence[str]) -> None:
    known: dict[object, tuple[object, str]] = {}
    for table, name in zip(tables, names, strict=True):
        if {"split", "network"} <= set(table.column_names):
            pairs = zip(table["network"].to_pylist(), table["split"].to_pylist(), strict=True)
            for network, split in dict.fromkeys(pairs):
                there, where = known.setdefault(network, (split, name))
                if there != split:
                    raise PopulationError(
                        f"networks of one base network are for {there} in {where} and for {split} in {name}, "
                        "expected one split; make both populations with the same seed and fractions"
                    )


def _provenance(populations: Sequence[Population], names: Sequence[str]) -> dict[str, object]:
    """What is true of all, and what each is."""
    first, *others = (population.provenance for population in populations)
    shared = {
        name: value
        for name, value in first.items()
        if name != "maker" and all(name in other and other[name] == value for other in others)
    }
    sources = [
        {"name": name, "checksum": population.checksum, "provenance": dict(population.provenance)}
        for name, population in zip(names, populations, strict=True)
    ]
    return {**shared, "maker": "join_populations", "sources": sources}


def _pieces(
    populations: Sequence[Population], tables: Sequence[pa.Table]
) -> Iterator[tuple[Population, pa.Table, np.ndarray]]:
    for population, table in zip(populations, tables, strict=True):
        for start in range(0, len(population), _SHARD):
            yield population, table, np.arange(start, min(start + _SHARD, len(population)))
