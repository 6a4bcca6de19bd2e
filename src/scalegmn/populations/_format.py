"""What a population on disk consists of.

A finished population is a folder with

``index.json``
    format and version, provenance, versions of the libraries, architectures, and per shard the number
    of networks and the SHA-256 of their parameters.  Written last: a folder without it is unfinished.
``metadata.parquet``
    one row per network.  The column ``architecture`` is the position in the list of architectures.
``parameters-<fingerprint>.f32``
    per architecture, the parameters of its networks as raw little-endian float32, ``(rows, P)``.

While it is being written there are ``journal.jsonl`` (a header, then one line per shard) and one
``shard-NNNNN.parquet`` per shard instead of the first two.  A line of the journal is written when
everything it speaks of is safely on the disk, so what no line speaks of does not exist.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import torch

from scalegmn import __version__
from scalegmn.configuration import read_json_file
from scalegmn.errors import ArchitectureError, PopulationError
from scalegmn.networks import Architecture

FORMAT = "scalegmn-population"
VERSION = 1
INDEX = "index.json"
JOURNAL = "journal.jsonl"
METADATA = "metadata.parquet"
_LARGEST: Final = 2**28
"""Bytes of a description; one of a million shards has fewer."""
ARCHITECTURE_COLUMN = "architecture"
DTYPE = np.dtype("<f4")


@dataclass(frozen=True)
class StoredArchitecture:
    """An architecture as it was written down, and the file with the parameters of its networks.

    The description stays plain data, so that checksums do not depend on the version that reads it.
    """

    description: Mapping[str, object]
    file: str

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file:
            raise ValueError(f"the file {self.file!r} is not inside the folder")

    @classmethod
    def from_architecture(cls, architecture: Architecture) -> StoredArchitecture:
        """What is written down for an architecture."""
        description = json.loads(to_json(architecture.to_dict()))
        return cls(description, f"parameters-{architecture.fingerprint}.f32")

    @cached_property
    def architecture(self) -> Architecture:
        """The architecture itself."""
        return Architecture.from_dict(self.description)

    def bytes_of(self, rows: int) -> int:
        """Length of the parameters of so many networks."""
        return rows * self.architecture.num_parameters * DTYPE.itemsize


@dataclass(frozen=True)
class Segment:
    """Networks of one shard that share an architecture: consecutive rows of its parameter file."""

    architecture: int
    rows: int
    sha256: str


@dataclass(frozen=True)
class Shard:
    """What was written in one step: segments in the order of the rows, and the writer's remarks."""

    segments: tuple[Segment, ...]
    notes: object = None

    @property
    def rows(self) -> int:
        """Networks in the shard."""
        return sum(segment.rows for segment in self.segments)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Shard:
        """Read plain data.  Raises KeyError or TypeError where it is something else."""
        segments = tuple(Segment(**entry) for entry in data["segments"])  # type: ignore[attr-defined]
        return cls(segments, data["notes"])


@dataclass(frozen=True)
class Index:
    """The content of ``index.json``."""

    architectures: tuple[StoredArchitecture, ...]
    shards: tuple[Shard, ...]
    columns: tuple[str, ...]
    metadata_sha256: str
    provenance: Mapping[str, object]
    versions: tuple[Mapping[str, str], ...]

    @property
    def segments(self) -> list[Segment]:
        """The segments of all shards, in the order of the rows."""
        return [segment for shard in self.shards for segment in shard.segments]

    @property
    def checksum(self) -> str:
        """SHA-256 of the architectures and of all recorded checksums: it names the stored content."""
        content = {
            "architectures": [dataclasses.asdict(stored) for stored in self.architectures],
            "segments": [dataclasses.asdict(segment) for segment in self.segments],
            "metadata": self.metadata_sha256,
        }
        return sha256(to_json(content).encode())

    def to_json(self) -> str:
        """The text of the file."""
        data = {
            "format": FORMAT,
            "version": VERSION,
            "checksum": self.checksum,
            "networks": sum(shard.rows for shard in self.shards),
            **dataclasses.asdict(self),
        }
        return json.dumps(data, indent=1, allow_nan=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> Index:
        """Read the file.

        Raises:
            PopulationError: it is damaged, of another format, of a newer version, or was edited.
        """
        try:
            data = read_json_file(path, max_bytes=_LARGEST)
            check_header(data, path)
            index = cls(
                architectures=tuple(StoredArchitecture(**entry) for entry in data["architectures"]),
                shards=tuple(Shard.from_dict(entry) for entry in data["shards"]),
                columns=tuple(data["columns"]),
                metadata_sha256=data["metadata_sha256"],
                provenance=data["provenance"],
                versions=tuple(data["versions"]),
            )
            recorded = data["checksum"]
            if len(set(index.columns)) != len(index.columns) or ARCHITECTURE_COLUMN not in index.columns:
                raise ValueError(
                    f"columns {list(index.columns)}; expected {ARCHITECTURE_COLUMN!r} and none twice"
                )
            # Both raise where the content makes no sense, whatever the checksum says.
            count = len([stored.architecture for stored in index.architectures])
            if any(not 0 <= segment.architecture < count for segment in index.segments):
                raise ValueError("a shard of an architecture that is not listed")
        except PopulationError:
            raise
        except (ArchitectureError, ValueError, KeyError, TypeError) as error:
            raise PopulationError(
                f"{path}: damaged index ({type(error).__name__}: {error}); restore the file or make the "
                "population again"
            ) from error
        if recorded != index.checksum:
            raise PopulationError(
                f"{path}: damaged index (its checksum is recorded as {recorded}, but is {index.checksum}); "
                "restore the file or make the population again"
            )
        return index


def check_header(data: object, path: Path) -> None:
    """Refuse what is not a population of a version that this library reads."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise PopulationError(f"{path}: does not belong to a population (expected the format {FORMAT!r})")
    version = data.get("version")
    if not isinstance(version, int) or version < 1:
        raise PopulationError(f"{path}: damaged: format version {version!r}, expected a number from 1 on")
    if version > VERSION:
        raise PopulationError(
            f"{path}: format version {version} is newer than this library reads (up to {VERSION}); "
            f"update scalegmn (this is {__version__})"
        )


def to_json(data: object) -> str:
    """Compact JSON with sorted keys.  Raises TypeError or ValueError for what JSON cannot hold."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256(data: bytes | memoryview) -> str:
    """The checksum that is used throughout, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def shard_name(number: int) -> str:
    """Name of the file with the metadata of a shard, while the population is being written."""
    return f"shard-{number:05d}.parquet"


def library_versions() -> dict[str, str]:
    """Versions that can influence what a maker makes."""
    return {
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "python": platform.python_version(),
        "scalegmn": __version__,
        "torch": str(torch.__version__),
    }
