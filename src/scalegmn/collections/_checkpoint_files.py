"""A population as one checkpoint file per network, for commands and programs that read those."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv

from scalegmn.checkpoints import write_state
from scalegmn.disk import create_file, new_folder
from scalegmn.errors import PopulationError
from scalegmn.networks.recognition import architecture_entries
from scalegmn.populations import (
    ADDED,
    ARCHITECTURE_COLUMN,
    FILE_COLUMN,
    Population,
    escape_formulas,
    explain_arrow_errors,
    progress_bar,
    to_parquet,
)

TABLE: Final = "networks.csv"
_PORTION: Final = 512


def write_checkpoints(
    population: Population, folder: str | Path, *, rows: np.ndarray | None = None, progress: bool = True
) -> int:
    """Write ``<row>.safetensors`` for every network, and their metadata as ``networks.csv`` and ``.parquet``.

    The first column of the table names the files: ``file``, with underscores behind it where the population
    has such a column itself.
    :func:`~scalegmn.collections.import_checkpoints` reads all of it back as it was.

    Beside the parameters each file holds the entries `architecture`, the fingerprint by which architectures
    are told apart whose parameters look the same, and `architecture_json`, the whole description.

    Args:
        population: to be written.
        folder: a new or empty folder.
        rows: indices of the networks; by default all.
        progress: show a progress bar on the standard error stream.

    Returns:
        The number of files.

    Raises:
        PopulationError: the folder is in use, or there are no networks.
    """
    rows = np.arange(len(population)) if rows is None else np.sort(rows)
    if not len(rows):
        raise PopulationError(f"{population.folder}: no networks to write; choose others")
    with new_folder(folder) as place:
        _write(population, place, rows, progress=progress)
    return len(rows)


def _write(population: Population, folder: Path, rows: np.ndarray, *, progress: bool) -> None:
    digits = len(str(len(population) - 1))
    with progress_bar("writing networks", total=len(rows), show=progress) as advance:
        for start in range(0, len(rows), _PORTION):
            portion = rows[start : start + _PORTION]
            for architecture, chosen, theta in population.groups(portion):
                entries = architecture_entries(architecture)
                for place, one in zip(chosen.tolist(), theta, strict=True):
                    path = folder / f"{portion[place]:0{digits}d}.safetensors"
                    write_state(path, architecture.unflatten(one), extras=entries)
                    advance(1)
    names = [f"{row:0{digits}d}.safetensors" for row in rows.tolist()]
    _write_table(population.metadata.take(rows), names, folder / TABLE)


def _write_table(table: pa.Table, files: list[str], path: Path) -> None:
    """Write the table as CSV, and as Parquet, which keeps the types of the columns."""
    if ARCHITECTURE_COLUMN in table.column_names:
        table = table.drop_columns([ARCHITECTURE_COLUMN])
    column = FILE_COLUMN
    while column in table.column_names:
        column += "_"
    table = table.add_column(0, column, [files])
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), ADDED: column.encode()})
    with explain_arrow_errors(f"{path}: the columns of the population cannot be written as a table"):
        content = io.BytesIO()
        pyarrow.csv.write_csv(escape_formulas(table), content)
    create_file(path, content.getvalue())
    create_file(path.with_suffix(".parquet"), to_parquet(table))
