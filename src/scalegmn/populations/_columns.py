"""The metadata of a shard as a table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from scalegmn.errors import PopulationError
from scalegmn.populations._format import ARCHITECTURE_COLUMN


def metadata_table(
    columns: Mapping[str, Sequence[object] | np.ndarray | Tensor | pa.Array | pa.ChunkedArray],
    *,
    architecture: int,
    rows: int,
    where: str,
) -> pa.Table:
    """A table of `rows` rows: the number of the architecture, then the given columns.

    Raises:
        PopulationError: a column has another length, an impossible name, or values of mixed types.
    """
    arrays: dict[str, pa.Array] = {ARCHITECTURE_COLUMN: pa.array(np.full(rows, architecture, np.int32))}
    for name, values in columns.items():
        if not isinstance(name, str) or not name or name == ARCHITECTURE_COLUMN:
            raise PopulationError(
                f"{where}: {name!r} cannot name a column; expected text other than {ARCHITECTURE_COLUMN!r}"
            )
        with explain_arrow_errors(f"{where}: column {name!r} cannot be stored"):
            array = _array(values)
        if len(array) != rows:
            raise PopulationError(f"{where}: column {name!r} has {len(array)} values for {rows} networks")
        arrays[name] = array
    return pa.table(arrays)


def _array(values: Sequence[object] | np.ndarray | Tensor | pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        return pa.concat_arrays(values.chunks) if values.num_chunks else pa.nulls(0)
    if isinstance(values, pa.Array):
        return values
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    if isinstance(values, str):
        raise TypeError("one text instead of a list of them")
    # Without a value there is no type: `[]` should not decide about later shards.
    return pa.array(values) if len(values) else pa.nulls(0)


def conform(table: pa.Table, schema: pa.Schema, *, where: str) -> pa.Table:
    """Bring the columns of a later shard into the order and types of the earlier ones.

    A column that has held no value so far gets its type here.

    Raises:
        PopulationError: a column is missing or new, or its values do not fit its type without loss.
    """
    missing = [name for name in schema.names if name not in table.column_names]
    extra = [name for name in table.column_names if name not in schema.names]
    if missing or extra:
        raise PopulationError(
            f"{where}: its columns differ from those of earlier shards: missing {missing}, unexpected "
            f"{extra}; expected {schema.names}"
        )
    types = [table.schema.field(f.name).type if pa.types.is_null(f.type) else f.type for f in schema]
    merged = pa.schema(list(zip(schema.names, types, strict=True)))
    with explain_arrow_errors(f"{where}: a column has another type than in earlier shards"):
        return table.select(schema.names).cast(merged)


def to_parquet(table: pa.Table) -> bytes:
    """The table as the content of a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def from_parquet(data: bytes) -> pa.Table:
    """The inverse of :func:`to_parquet`."""
    # On this thread alone: after `read_table`, whose threads may outlive the interpreter, the process was
    # seen to abort at its end ("terminate called without an active exception") when torch is loaded too.
    return pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)


@contextlib.contextmanager
def explain_arrow_errors(message: str) -> Iterator[None]:
    """Turn errors of Arrow and of Python's conversions into ones of this library."""
    try:
        yield
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise PopulationError(f"{message}: {error}") from error
