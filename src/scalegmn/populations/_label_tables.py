"""Tables of what is known about checkpoint files: CSV or Parquet, from strangers, read within bounds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from scalegmn.errors import PopulationError
from scalegmn.populations._columns import explain_arrow_errors
from scalegmn.populations._csv_tables import unescape_formulas
from scalegmn.populations._format import ARCHITECTURE_COLUMN, sha256

FILE_COLUMN: Final = "file"
"""The column that names the files, unless something else is said."""
ADDED: Final = b"scalegmn_file_column"
"""Entry of a Parquet file's schema: the column of files that the export added, in no population before."""

_LARGEST: Final = 2**30
_COLUMNS: Final = 4096
_CELLS: Final = 2**27
_CSV: Final = (".csv", ".tsv", ".txt")
_PARQUET: Final = (".parquet", ".pq")
_SEPARATORS: Final = (",", ";", "\t")
_WHOLE: Final = r"^(0|-?[1-9][0-9]{0,18})$"
# Neither numbers with leading zeros nor such with more digits than double precision holds: they are names.
_NUMBER: Final = r"^[+-]?((0|[1-9][0-9]{0,14})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^(nan|NaN|-?inf)$"


@final
@dataclass(frozen=True, eq=False)
class LabelTable:
    """What is known about files: row i describes the file that its cell in the column of files names.

    Attributes:
        path: of the table.
        files: names of the files, below their folder.
        columns: what becomes metadata, in order; the column of files is among them, unless an export added
            it.
        sha256: checksum of the table's bytes.
        remarks: what a reader should know.
    """

    path: Path
    files: tuple[str | None, ...]
    columns: pa.Table
    sha256: str
    remarks: tuple[str, ...]

    @classmethod
    def read(cls, path: Path, *, file_column: str | None = None) -> LabelTable:
        """Read a table.

        The types of a CSV's columns are those of the Parquet file of the same name beside it, where there is
        one, as :func:`~scalegmn.collections.write_checkpoints` writes it.  Otherwise a
        column holds whole numbers, numbers, truth values or text: the first of these that all its cells
        are, written as usual (``007`` is text).  An empty cell is a missing value, and an apostrophe before
        what a spreadsheet would run is taken off.

        Args:
            path: ``.csv`` (separated by commas, semicolons or tabs, in UTF-8) or ``.parquet``.
            file_column: the column that names the files; ``file`` by default, or what the export says.

        Raises:
            PopulationError: there is no table, it is too large or damaged, or its columns cannot be used.
        """
        data = _bytes_of(path)
        if path.suffix.lower() in _PARQUET:
            table, added = _parquet(data, path)
        elif path.suffix.lower() in _CSV:
            table, added = _csv(data, path)
        else:
            raise PopulationError(
                f"{path}: the suffix {path.suffix!r} is none of a table; expected "
                f"{', '.join((*_CSV, *_PARQUET))}"
            )
        _check_names(table, path)
        column = file_column or added or FILE_COLUMN
        if column not in table.column_names:
            raise PopulationError(
                f"{path}: has no column {column!r} that names the files; say which of "
                f"{_few(table.column_names)} does "
                "with --file-column"
            )
        files = tuple(None if name is None else str(name) for name in table[column].to_pylist())
        if column == added:
            table = table.drop_columns([column])
        if ARCHITECTURE_COLUMN in table.column_names:
            raise PopulationError(
                f"{path}: has a column {ARCHITECTURE_COLUMN!r}, under which populations keep something else; "
                "rename it"
            )
        return cls(path, files, table, sha256(data), _remarks(table, path))

    def __len__(self) -> int:
        return len(self.files)


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise PopulationError(f"{path}: {what}; expected a table of the files, as .csv or .parquet")
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise PopulationError(f"{path}: has {size:,} bytes, expected a table of at most {_LARGEST:,}")
        return path.read_bytes()
    except OSError as error:
        raise PopulationError(f"{path}: cannot be read: {error}") from error


def _parquet(data: bytes, path: Path) -> tuple[pa.Table, str | None]:
    with explain_arrow_errors(f"{path}: is no Parquet file that can be read"):
        found = pq.read_metadata(pa.BufferReader(data))
        groups = [found.row_group(number) for number in range(found.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        cells = found.num_rows * found.num_columns
        if unpacked > _LARGEST or found.num_columns > _COLUMNS or cells > _CELLS:
            raise ValueError(
                f"it unpacks to {unpacked:,} bytes and {cells:,} cells in {found.num_columns} columns, "
                "expected "
                f"at most {_LARGEST:,}, {_CELLS:,} and {_COLUMNS}"
            )
        schema = pq.read_schema(pa.BufferReader(data))
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        # Few bytes may stand for one long text in every row, so texts are counted before they are repeated.
        table = pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts).read(use_threads=False)
    for field in table.schema:
        if pa.types.is_dictionary(field.type):
            place = table.schema.get_field_index(field.name)
            table = table.set_column(place, field.name, _repeated(table[field.name], field.name, path))
        elif pa.types.is_nested(field.type) or pa.types.is_binary(field.type):
            raise PopulationError(
                f"{path}: column {field.name!r} holds {field.type}, expected numbers, text, truth values or "
                "times; leave it out"
            )
    return table, _added(table.schema)


def _repeated(column: pa.ChunkedArray, name: str, path: Path) -> pa.ChunkedArray:
    """A column of which each value is kept once, written out."""
    value = column.type.value_type
    if pa.types.is_string(value) or pa.types.is_large_string(value):
        sizes = (pc.take(pc.binary_length(part.dictionary), part.indices) for part in column.chunks)
        total = sum(pc.sum(size).as_py() or 0 for size in sizes)
        if total > _LARGEST:
            raise PopulationError(
                f"{path}: column {name!r} unpacks to {total:,} bytes, expected at most {_LARGEST:,}; leave "
                "it out"
            )
    return column.cast(value)


def _added(schema: pa.Schema) -> str | None:
    name = (schema.metadata or {}).get(ADDED)
    return None if name is None else name.decode("utf-8", "replace")


def _csv(data: bytes, path: Path) -> tuple[pa.Table, str | None]:
    try:
        first = data[: 2**20].decode("utf-8-sig", "ignore").partition("\n")[0]
        data[:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise PopulationError(f"{path}: is not text in UTF-8 ({error.reason}); save it as UTF-8") from error
    separator = max(_SEPARATORS, key=first.count)
    names = next(csv.reader(io.StringIO(first), delimiter=separator), [])
    if not any(name.strip() for name in names) or len(names) > _COLUMNS:
        raise PopulationError(
            f"{path}: its first line names {len(names)} columns, expected 1 to {_COLUMNS}; the first line of "
            "a table has the names of the columns"
        )
    with explain_arrow_errors(f"{path}: is no table that can be read"):
        table = pyarrow.csv.read_csv(
            pa.BufferReader(data),
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    table = unescape_formulas(table)
    _check_names(table, path)
    beside = path.with_suffix(_PARQUET[0])
    known, added = (None, None)
    if beside.is_file():
        with explain_arrow_errors(
            f"{beside}: is no Parquet file, but lies beside {path.name} under its name"
        ):
            known = pq.read_schema(pa.BufferReader(_bytes_of(beside)))
        added = _added(known)
    arrays = {name: _typed(table[name], name, known, path, beside) for name in table.column_names}
    return pa.table(arrays), added


def _typed(
    texts: pa.ChunkedArray, name: str, known: pa.Schema | None, path: Path, beside: Path
) -> pa.ChunkedArray:
    place = -1 if known is None else known.get_field_index(name)
    if known is not None and place >= 0:
        stated = known.field(place).type
        with explain_arrow_errors(
            f"{path}: column {name!r} does not hold {stated}, which {beside.name} says of it; correct the "
            f"cells, or remove {beside.name} to have types told from the cells"
        ):
            return texts.cast(stated)
    return _inferred(texts)


def _inferred(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as whole numbers, numbers or truth values, where all its cells are; else as text."""
    if texts.null_count == len(texts):
        return texts
    for pattern, kind in (
        (_WHOLE, pa.int64()),
        (_NUMBER, pa.float64()),
        (r"^([Tt]rue|[Ff]alse)$", pa.bool_()),
    ):
        if pc.all(pc.match_substring_regex(texts, pattern)).as_py():
            try:
                return (pc.utf8_lower(texts) if pa.types.is_boolean(kind) else texts).cast(kind)
            except pa.ArrowInvalid:
                # A whole number of more than 64 bits, say.
                continue
    return texts


def _check_names(table: pa.Table, path: Path) -> None:
    names = table.column_names
    for name in names:
        if not name.strip() or not name.isprintable() or len(name) > 200:
            raise PopulationError(
                f"{path}: {name[:200]!r} cannot name a column; expected printable text of at most 200 "
                "characters in the first line"
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PopulationError(f"{path}: has the columns {_few(twice)} twice; rename or remove one of each")


def _remarks(table: pa.Table, path: Path) -> tuple[str, ...]:
    return tuple(
        f"{path.name}: column {name!r} has no value in {table[name].null_count} of {table.num_rows} rows"
        for name in table.column_names
        if table[name].null_count
    )


def _few(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def has_trace_of_path(name: str) -> bool:
    """Whether a name leads out of the folder that it should lie in."""
    parts = re.split(r"[/\\]", name)
    return name.startswith(("/", "\\", "~")) or ".." in parts or bool(re.match("^[A-Za-z]:", name))
