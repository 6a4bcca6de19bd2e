"""Writing a population shard by shard, so that it can be interrupted at any moment and continued."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import final

import numpy as np
import pyarrow as pa
from torch import Tensor

from scalegmn.disk import LOCK, claim_folder
from scalegmn.errors import PopulationError, ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.populations._columns import (
    conform,
    explain_arrow_errors,
    from_parquet,
    metadata_table,
    to_parquet,
)
from scalegmn.populations._durable import TEMPORARY, sync_folder, write_atomically, write_from
from scalegmn.populations._format import (
    ARCHITECTURE_COLUMN,
    INDEX,
    JOURNAL,
    METADATA,
    Index,
    Segment,
    Shard,
    StoredArchitecture,
    sha256,
    shard_name,
    to_json,
)
from scalegmn.populations._group import ArchitectureGroup
from scalegmn.populations._journal import Progress, WriterJournal, check_provenance

# What a writer that died at once may leave.
_OURS = (JOURNAL, LOCK)


@final
class PopulationWriter:
    """Writes a population; use it as a context manager and call :meth:`finish` at the end.

    A maker that was interrupted opens the writer again with ``resume=True``, skips the first
    :attr:`shards_done` shards of its work and goes on.

    Args:
        folder: a new or empty folder; with `resume`, also one with a population, finished or not.
        provenance: how the networks came to be, fit for JSON: maker, recipe, source, seed.  Versions of
            the libraries are added by the writer.
        resume: continue where an earlier writer with the same provenance stopped, if there was one.

    Raises:
        PopulationError: the folder is in use, or `resume` does not fit what is there.
        DiskError: another writer is at work in the folder, or it cannot be written to.

    Example:
        >>> import tempfile, torch
        >>> from scalegmn import siren
        >>> from scalegmn.populations import PopulationWriter
        >>> folder, network = tempfile.mkdtemp() + "/networks", siren(widths=(2, 8, 1))
        >>> with PopulationWriter(folder, provenance={"maker": "an example", "seed": 0}) as writer:
        ...     for shard in range(2):
        ...         writer.append(network, torch.randn(3, network.num_parameters), {"label": [0, 1, 2]})
        ...     population = writer.finish()
    """

    def __init__(self, folder: str | Path, *, provenance: Mapping[str, object], resume: bool = False) -> None:
        self.folder = Path(folder)
        with explain_arrow_errors(f"provenance {provenance!r} is not fit for JSON"):
            self.provenance: Mapping[str, object] = json.loads(to_json(dict(provenance)))
        self._journal: WriterJournal | None = None
        self._progress = Progress()
        self._numbers: dict[Architecture, int] = {}
        self._schema: pa.Schema | None = None
        self._finished = False
        self._claim = contextlib.ExitStack()
        self._check_folder(resume)
        try:
            if not (self.folder / INDEX).exists():
                self._claim.enter_context(claim_folder(self.folder))
                # Another writer may have been faster.
                self._check_folder(resume)
            if not (self.folder / INDEX).exists():
                self._journal = WriterJournal(self.folder, provenance=self.provenance)
            self._resume()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> PopulationWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError | ScaleGMNError) and self._journal is not None:
            # Whoever mends what was wrong with a call that did nothing gives the same call again.
            with contextlib.suppress(OSError, ScaleGMNError):
                self._give_room()
        self.close()

    def _give_room(self) -> None:
        """Remove what a failed step left; where nothing was done before, that is everything."""
        if self.shards_done or self._journal is None:
            self._trim()
            return
        self._journal.close()
        for pattern in ("parameters-*.f32", "shard-*.parquet", "*" + TEMPORARY, JOURNAL):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return sum(shard.rows for shard in self._progress.shards)

    @property
    def shards_done(self) -> int:
        """Shards that are safely on the disk."""
        return len(self._progress.shards)

    @property
    def finished(self) -> bool:
        """Whether the population is complete; such a one cannot be appended to."""
        return self._finished

    @property
    def notes(self) -> list[object]:
        """The remarks given with each shard, from the beginning of the population."""
        return [shard.notes for shard in self._progress.shards]

    def append(
        self,
        architecture: Architecture,
        theta: Tensor | np.ndarray,
        columns: Mapping[str, Sequence[object] | np.ndarray | Tensor | pa.Array | pa.ChunkedArray],
        *,
        notes: object = None,
    ) -> None:
        """Write one shard of networks that share an architecture; see :meth:`append_groups`."""
        self.append_groups([ArchitectureGroup(architecture, theta, columns)], notes=notes)

    def append_groups(self, groups: Iterable[ArchitectureGroup], *, notes: object = None) -> None:
        """Write one shard: all of it or, if anything goes wrong, nothing.

        Args:
            groups: networks per architecture; none at all is allowed.  Parameters are stored as float32
                (double precision is rounded, half precision is widened).
            notes: remarks to keep with the shard, fit for JSON, such as a list of refused files.

        Raises:
            PopulationError: parameters that are NaN, infinite or of the wrong shape; columns of the wrong
                length, or other columns than in earlier shards; the population is finished.
        """
        if self._journal is None:
            state = "finished; write new networks to a new folder" if self._finished else "closed"
            raise PopulationError(f"{self.folder}: the population is {state}")
        where = f"{self.folder}, shard {self.shards_done}"
        groups = list(groups)
        arrays = [group.parameters(where=where) for group in groups]
        numbers = dict(self._numbers)
        for group in groups:
            numbers.setdefault(group.architecture, len(numbers))
        new = [
            StoredArchitecture.from_architecture(architecture)
            for architecture in list(numbers)[len(self._numbers) :]
        ]
        with explain_arrow_errors(f"{where}: the notes are not fit for JSON"):
            notes = json.loads(to_json(notes))
        segments = tuple(
            Segment(numbers[group.architecture], len(array), sha256(_bytes(array)))
            for group, array in zip(groups, arrays, strict=True)
        )
        table = self._table(groups, segments, where)
        # Nothing has been written so far, and nothing counts until the journal says so.
        self._write_rows([*self._progress.architectures, *new], segments, arrays)
        data = to_parquet(table)
        write_atomically(self.folder / shard_name(self.shards_done), data)
        self._journal.add(Shard(segments, notes), new, sha256(data))
        self._numbers = numbers
        self._schema = table.schema if groups else self._schema

    def finish(self) -> None:
        """Write the index, which makes the folder a population; does nothing if that is done already.

        Raises:
            PopulationError: a file that was written earlier is missing or damaged.
        """
        if self._finished:
            return
        if self._journal is None:
            raise PopulationError(f"{self.folder}: the writer is closed; open it again with resume=True")
        self._trim()
        tables = [self._read_shard(number) for number in range(self.shards_done)]
        tables = [table.cast(self._schema) for table in tables if table.num_columns]
        empty = pa.table({ARCHITECTURE_COLUMN: pa.array([], pa.int32())})
        table = pa.concat_tables(tables) if tables else empty
        data = to_parquet(table)
        write_atomically(self.folder / METADATA, data)
        index = Index(
            architectures=tuple(self._progress.architectures),
            shards=tuple(self._progress.shards),
            columns=tuple(table.column_names),
            metadata_sha256=sha256(data),
            provenance=self.provenance,
            versions=tuple(self._progress.versions),
        )
        write_atomically(self.folder / INDEX, index.to_json().encode())
        self._finished = True
        self._journal.close()
        self._journal = None
        self._tidy()
        self.close()

    def close(self) -> None:
        """Close the files.  Without :meth:`finish` the population stays unfinished and can be resumed."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        self._claim.close()

    def _check_folder(self, resume: bool) -> None:
        index, journal = self.folder / INDEX, self.folder / JOURNAL
        begun = journal.exists() and journal.stat().st_size > 0
        if not resume and (index.exists() or begun):
            what = "a population" if index.exists() else "an unfinished population"
            raise PopulationError(
                f"{self.folder}: holds {what} already; continue it with resume=True (--resume), "
                "or choose another folder"
            )
        if self.folder.exists() and not self.folder.is_dir():
            raise PopulationError(f"{self.folder}: is a file; choose a new or empty folder")
        if self.folder.is_dir() and not index.exists() and not begun:
            foreign = sorted(path.name for path in self.folder.iterdir() if path.name not in _OURS)
            if foreign:
                raise PopulationError(
                    f"{self.folder}: holds {foreign[0]!r} and is no population; choose a new or empty folder"
                )

    def _resume(self) -> None:
        if self._journal is None:
            index = Index.read(self.folder / INDEX)
            check_provenance(index.provenance, self.provenance, folder=self.folder)
            self._progress = Progress(
                list(index.architectures), list(index.shards), versions=list(index.versions)
            )
            self._finished = True
            self._tidy()
            return
        self._progress = self._journal.progress
        self._numbers = {stored.architecture: i for i, stored in enumerate(self._progress.architectures)}
        self._trim()
        for number in range(self.shards_done):
            schema = self._read_shard(number).schema
            self._schema = schema if len(schema) else self._schema

    def _trim(self) -> None:
        """Cut off what was written by a step that did not come to its end."""
        stored = zip(self._progress.architectures, self._progress.rows, strict=True)
        wanted = {self.folder / entry.file: entry.bytes_of(rows) for entry, rows in stored}
        for path, expected in wanted.items():
            size = path.stat().st_size if path.exists() else None
            if size is None or size < expected:
                found = "missing" if size is None else f"{size} bytes long"
                raise PopulationError(
                    f"{path}: {found}, expected at least {expected} bytes; the population cannot be resumed, "
                    "make it again in another folder"
                )
            if size > expected:
                write_from(path, expected, memoryview(b""))
        for path in [*self.folder.glob("parameters-*.f32"), *self.folder.glob("*" + TEMPORARY)]:
            if path not in wanted:
                path.unlink()

    def _write_rows(
        self, stored: list[StoredArchitecture], segments: tuple[Segment, ...], arrays: list[np.ndarray]
    ) -> None:
        rows = self._progress.rows + [0] * (len(stored) - len(self._progress.rows))
        # One write for each file, however often architectures take turns.
        together: dict[int, list[np.ndarray]] = {}
        for segment, array in zip(segments, arrays, strict=True):
            together.setdefault(segment.architecture, []).append(array)
        for number, parts in together.items():
            array = parts[0] if len(parts) == 1 else np.concatenate(parts)
            write_from(
                self.folder / stored[number].file, stored[number].bytes_of(rows[number]), _bytes(array)
            )

    def _table(self, groups: list[ArchitectureGroup], segments: tuple[Segment, ...], where: str) -> pa.Table:
        tables: list[pa.Table] = []
        schema = self._schema
        for group, segment in zip(groups, segments, strict=True):
            table = metadata_table(
                group.columns, architecture=segment.architecture, rows=segment.rows, where=where
            )
            table = table if schema is None else conform(table, schema, where=where)
            schema = table.schema
            tables.append(table)
        return pa.concat_tables([table.cast(schema) for table in tables]) if tables else pa.table({})

    def _read_shard(self, number: int) -> pa.Table:
        path = self.folder / shard_name(number)
        data = path.read_bytes() if path.exists() else None
        if data is None or sha256(data) != self._progress.metadata_sha256[number]:
            raise PopulationError(
                f"{path}: {'missing' if data is None else 'damaged (its checksum differs)'}; "
                "make the population again in another folder"
            )
        return from_parquet(data)

    def _tidy(self) -> None:
        for path in [*self.folder.glob("shard-*.parquet"), *self.folder.glob("*" + TEMPORARY)]:
            path.unlink(missing_ok=True)
        (self.folder / JOURNAL).unlink(missing_ok=True)
        sync_folder(self.folder)


def _bytes(array: np.ndarray) -> memoryview:
    # Memory without elements cannot be cast.
    return array.data.cast("B") if array.size else memoryview(b"")
