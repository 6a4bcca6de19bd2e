"""Arrow tables as CSV that no spreadsheet runs, and back; see :mod:`scalegmn.csv_text`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scalegmn.csv_text import FORMULA, QUOTED, csv_cell, original_cell


def escape_formulas(table: pa.Table) -> pa.Table:
    """The table with names and texts as they are written; numbers have columns of their own."""
    return _mapped(table, partial(csv_cell, numbers=False), FORMULA)


def unescape_formulas(table: pa.Table) -> pa.Table:
    """The table that :func:`escape_formulas` was given, read from a file."""
    return _mapped(table, original_cell, QUOTED)


def _mapped(table: pa.Table, change: Callable[[Any], Any], pattern: str) -> pa.Table:
    for place, field in enumerate(table.schema):
        column = table.column(place)
        is_text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        if is_text and pc.any(pc.match_substring_regex(column, pattern)).as_py():
            texts = [None if text is None else change(text) for text in column.to_pylist()]
            column = pa.chunked_array([pa.array(texts, field.type)])
        table = table.set_column(place, change(field.name), column)
    return table
