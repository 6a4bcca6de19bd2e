"""Rows about networks as CSV, Parquet or JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa

from scalegmn.csv_text import csv_text
from scalegmn.disk import make_folder, replace_file
from scalegmn.errors import ConfigurationError
from scalegmn.populations import to_parquet
from scalegmn.training._files import json_text, write_text

Row = Mapping[str, Any]


def check_row_file(path: Path) -> None:
    """Refuse a file whose suffix names no format, before any work is done.

    Raises:
        ConfigurationError: it does.
    """
    if path.suffix.lower() not in _WRITERS:
        raise ConfigurationError(f"{path}: expected a name that ends in {', '.join(_WRITERS)}")


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write one row per network; the suffix of the file chooses the format.

    JSON keeps rows as they are.  CSV and Parquet have one column for every entry that any row has: entries of
    entries, such as the probabilities of classes, are columns of their own with a dot in their names, and
    lists of texts are joined by semicolons.

    Raises:
        ConfigurationError: the suffix names no format.
    """
    check_row_file(path)
    make_folder(path.parent)
    _WRITERS[path.suffix.lower()](path, rows)


def flat_row(row: Row) -> dict[str, Any]:
    """A row with plain values only."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found.update({f"{name}.{inner}": one for inner, one in value.items()})
        elif isinstance(value, list | tuple):
            found[name] = "; ".join(map(str, value))
        else:
            found[name] = value
    return found


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Entries of all rows by column, None where a row has none; words before and after numbers keep a
    place."""
    flat = [flat_row(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    last = [name for name in ("notes", "error") if name in names]
    names = [*(name for name in names if name not in last), *last]
    return {name: [row.get(name) for row in flat] for name in names}


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    columns = _columns(rows)
    write_text(path, csv_text([list(columns), *zip(*columns.values(), strict=True)]))


def _write_parquet(path: Path, rows: Sequence[Row]) -> None:
    columns = {name: pa.array(_one_type(values)) for name, values in _columns(rows).items()}
    replace_file(path, to_parquet(pa.table(columns)))


def _one_type(values: list[Any]) -> list[Any]:
    """Values of one type: numbers stay numbers, and what is mixed becomes text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or len(kinds) <= 1:
        return values
    return [None if value is None else str(value) for value in values]


def _write_json(path: Path, rows: Sequence[Row]) -> None:
    write_text(path, json_text(list(rows)) + "\n")


_WRITERS: Final[Mapping[str, Callable[[Path, Sequence[Row]], None]]] = MappingProxyType(
    {".csv": _write_csv, ".parquet": _write_parquet, ".json": _write_json}
)
