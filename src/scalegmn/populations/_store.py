"""Many trained networks on disk: memory-mapped parameters and a table of metadata.

The files are described in :mod:`scalegmn.populations._format`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, final

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from scalegmn.disk import check_no_url
from scalegmn.errors import PopulationError
from scalegmn.networks import Architecture
from scalegmn.populations._columns import explain_arrow_errors, from_parquet
from scalegmn.populations._format import ARCHITECTURE_COLUMN, INDEX, JOURNAL, METADATA, Index, sha256
from scalegmn.populations._group import ArchitectureGroup
from scalegmn.populations._rows import gather_rows
from scalegmn.populations._writer import PopulationWriter

_LOG: Final = logging.getLogger(__name__)

__all__ = ["ArchitectureGroup", "Indices", "Population", "PopulationWriter"]

Indices = Sequence[int] | np.ndarray | Tensor

_BLOCK = 16 * 1024**2


def _offsets(rows: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Where the networks of each segment begin in the file of their architecture; no loop over either."""
    order = np.argsort(owner, kind="stable")
    before = np.cumsum(rows[order]) - rows[order]
    _, first, counts = np.unique(owner[order], return_index=True, return_counts=True)
    offsets = np.empty_like(rows)
    offsets[order] = before - np.repeat(before[first], counts)
    return offsets


@final
class Population:
    """Trained networks on disk, with indices from 0, read from a folder; nothing is ever written to it.

    Parameters are memory-mapped and metadata is a table with a row for every network.  Batches are copies,
    and however many are taken, the process does not grow with them.  A population can be pickled (it is
    opened again where it arrives), so loaders may use several processes.  :class:`PopulationWriter` writes
    one; :func:`scalegmn.collections.import_collection` and the makers of :mod:`scalegmn.zoo` use it.

    Args:
        folder, index: use :meth:`open`.

    Shapes: :meth:`theta` gives ``(B, P)``, :meth:`column` ``(N,)``.

    Example:
        >>> import tempfile, torch
        >>> from scalegmn import Population, siren
        >>> from scalegmn.populations import PopulationWriter
        >>> network, folder = siren(widths=(2, 8, 1)), tempfile.mkdtemp() + "/networks"
        >>> with PopulationWriter(folder, provenance={"maker": "an example"}) as writer:
        ...     writer.append(network, torch.randn(6, network.num_parameters), {"label": [0, 1, 2, 0, 1, 2]})
        ...     writer.finish()
        >>> population = Population.open(folder)
        >>> len(population), population.architecture == network
        (6, True)
        >>> population.theta([4, 0]).shape, population.column("label").tolist()
        (torch.Size([2, 33]), [0, 1, 2, 0, 1, 2])
    """

    def __init__(self, folder: Path, index: Index) -> None:
        """Use :meth:`open`."""
        self.folder = folder
        self._index = index
        self._architectures = tuple(stored.architecture for stored in index.architectures)
        segments = [segment for segment in index.segments if segment.rows]
        self._counts = rows = np.array([segment.rows for segment in segments], np.int64)
        self._owner = np.array([segment.architecture for segment in segments], np.int64)
        self._stops = np.cumsum(rows)
        self._shifts = _offsets(rows, self._owner) - (self._stops - rows)
        self._networks = int(rows.sum())

    @classmethod
    def open(cls, folder: str | Path) -> Population:
        """Open a finished population and check that its files have the right sizes.

        Raises:
            PopulationError: there is none, it is unfinished, of a newer format, damaged or truncated.
            DiskError: a URL was given.
        """
        folder = Path(folder)
        path = folder / INDEX
        if not path.is_file():
            check_no_url(folder)
            if (folder / JOURNAL).is_file():
                raise PopulationError(
                    f"{folder}: the population is unfinished; run the same command with --resume to finish it"
                )
            what = "is not a population: it has no " + INDEX if folder.is_dir() else "does not exist"
            raise PopulationError(f"{folder}: {what}; give the folder that a maker or an import wrote")
        population = cls(folder, Index.read(path))
        population._check_sizes()
        _LOG.debug("opened the population %s of %d networks", folder, len(population))
        return population

    def __len__(self) -> int:
        return self._networks

    def __reduce__(self) -> tuple[Callable[[Path], Population], tuple[Path]]:
        # Where it arrives, the working folder may be another one.
        return _open_again, (self.folder.absolute(),)

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """All architectures, in the order that the column ``architecture`` counts them."""
        return self._architectures

    @property
    def architecture(self) -> Architecture:
        """The only architecture.

        Raises:
            PopulationError: there are several, or none.
        """
        if len(self.architectures) != 1:
            raise PopulationError(
                f"{self.folder}: holds {len(self.architectures)} architectures, expected exactly one; use "
                "groups() for networks of several architectures"
            )
        return self.architectures[0]

    @property
    def provenance(self) -> Mapping[str, object]:
        """Provenance: how the networks were made, as their generator recorded it."""
        return self._index.provenance

    @property
    def versions(self) -> tuple[Mapping[str, str], ...]:
        """Versions of the libraries that wrote it; several if the writer was resumed under others."""
        return self._index.versions

    @property
    def notes(self) -> list[object]:
        """The writer's remarks, one entry per shard."""
        return [shard.notes for shard in self._index.shards]

    @property
    def checksum(self) -> str:
        """SHA-256 that names the stored content; two populations with the same one hold the same bytes."""
        return self._index.checksum

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metadata columns, without ``architecture``."""
        return tuple(name for name in self._index.columns if name != ARCHITECTURE_COLUMN)

    @cached_property
    def metadata(self) -> pa.Table:
        """The table of metadata; row i describes network i.

        Raises:
            PopulationError: the file is damaged.
        """
        path = self.folder / METADATA
        data = path.read_bytes()
        if sha256(data) != self._index.metadata_sha256:
            raise PopulationError(
                f"{path}: damaged (its checksum differs); restore it or make the population again"
            )
        with explain_arrow_errors(f"{path}: cannot be read"):
            table = from_parquet(data)
        names = table.column_names
        if names != list(self._index.columns):
            raise PopulationError(f"{path}: has the columns {names}, expected {list(self._index.columns)}")
        if table.num_rows != len(self):
            raise PopulationError(f"{path}: has {table.num_rows} rows for {len(self)} networks")
        return table

    def column(self, name: str) -> np.ndarray:
        """The values of a metadata column, ``(N,)``.

        Raises:
            PopulationError: there is no such column; the message lists them.
        """
        if name not in self._index.columns:
            raise PopulationError(f"{self.folder}: no column {name!r}; there are {list(self._index.columns)}")
        # A copy: Arrow's own memory is read-only, which PyTorch warns about.
        return np.array(self.metadata[name].to_numpy())

    def theta(self, indices: Indices) -> Tensor:
        """Parameters ``(B, P)`` of networks that share an architecture, in the order of `indices`.

        Raises:
            PopulationError: they do not share one, or an index is not from 0 to N-1.
        """
        rows = self._rows(indices)
        if not len(rows):
            return torch.empty(0, self.architecture.num_parameters)
        owner, places = self._places(rows)
        if (owner != owner[0]).any():
            raise PopulationError(
                f"{self.folder}: the {len(rows)} networks asked for have {len(np.unique(owner))} "
                "architectures, expected one; use groups()"
            )
        return self._read(int(owner[0]), places)

    def groups(self, indices: Indices) -> list[tuple[Architecture, Tensor, Tensor]]:
        """Parameters per architecture: ``(architecture, positions (b,) in indices, theta (b, P))``."""
        owner, places = self._places(self._rows(indices))
        found = []
        for number in np.unique(owner).tolist():
            positions = np.flatnonzero(owner == number)
            theta = self._read(number, places[positions])
            found.append((self.architectures[number], torch.from_numpy(positions), theta))
        return found

    def verify(self) -> None:
        """Read everything and compare it with the recorded checksums.

        Raises:
            PopulationError: names every damaged part.
        """
        damaged = []
        if sha256((self.folder / METADATA).read_bytes()) != self._index.metadata_sha256:
            damaged.append(f"{METADATA}: its checksum differs")
        for number in range(len(self.architectures)):
            damaged += self._damage(number)
        if damaged:
            # The folder once: what is too long for a message loses its middle.
            raise PopulationError(
                f"{self.folder}: " + "; ".join(damaged) + "; restore the files or make the population again"
            )

    def _rows(self, indices: Indices) -> np.ndarray:
        rows = np.asarray(indices.cpu() if isinstance(indices, Tensor) else indices)
        if rows.size == 0:
            return np.empty(0, np.int64)
        if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
            raise PopulationError(
                f"indices have shape {rows.shape} and type {rows.dtype}, expected a list of integers "
                "(numpy.flatnonzero turns a mask into one)"
            )
        rows = rows.astype(np.int64, copy=False)
        if rows.min() < 0 or rows.max() >= len(self):
            wrong = rows[(rows < 0) | (rows >= len(self))]
            raise PopulationError(
                f"{self.folder}: no network {wrong[0]}; there are {len(self)}, numbered from 0"
            )
        return rows

    def _places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        segment = np.searchsorted(self._stops, rows, side="right")
        return self._owner[segment], rows + self._shifts[segment]

    def _read(self, number: int, places: np.ndarray) -> Tensor:
        path = self.folder / self._index.architectures[number].file
        return torch.from_numpy(gather_rows(path, self.architectures[number].num_parameters, places))

    def _check_sizes(self) -> None:
        for number, stored in enumerate(self._index.architectures):
            path = self.folder / stored.file
            rows = int(self._counts[self._owner == number].sum())
            size = path.stat().st_size if path.is_file() else None
            if size != stored.bytes_of(rows):
                found = "missing" if size is None else f"{size} bytes long"
                raise PopulationError(
                    f"{path}: {found}, expected {stored.bytes_of(rows)} bytes for {rows} networks "
                    f"{stored.architecture.describe()}; restore the file or make the population again"
                )
        if not (self.folder / METADATA).is_file():
            raise PopulationError(
                f"{self.folder / METADATA}: missing; restore it or make the population again"
            )

    def _damage(self, number: int) -> list[str]:
        stored = self._index.architectures[number]
        path = self.folder / stored.file
        damaged = []
        with path.open("rb") as file:
            for place, shard in enumerate(self._index.shards):
                for segment in shard.segments:
                    if segment.architecture != number:
                        continue
                    if _digest(file, stored.bytes_of(segment.rows)) != segment.sha256:
                        damaged.append(
                            f"{path.name}: the checksum of shard {place} ({segment.rows} networks) differs"
                        )
        return damaged


def _digest(file: BinaryIO, length: int) -> str:
    """Checksum of the next `length` bytes, read piece by piece."""
    digest = hashlib.sha256()
    while length and (block := file.read(min(length, _BLOCK))):
        digest.update(block)
        length -= len(block)
    return digest.hexdigest()


def _open_again(folder: Path) -> Population:
    """What a copy in another process is; a function, which is sent by its name alone."""
    return Population.open(folder)
