"""The journal of a population that is being written: a header, then one line per finished shard."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from scalegmn.configuration import parse_json, with_current_names
from scalegmn.disk import writing
from scalegmn.errors import ArchitectureError, DiskError, PopulationError
from scalegmn.populations._durable import sync_folder
from scalegmn.populations._format import (
    FORMAT,
    JOURNAL,
    VERSION,
    Shard,
    StoredArchitecture,
    check_header,
    library_versions,
    to_json,
)


@dataclass
class Progress:
    """What is safely on the disk of a population that is being written.

    Attributes:
        architectures: in order of first appearance.
        shards: in the order they were written.
        metadata_sha256: checksum of the metadata file of each shard.
        rows: networks per architecture.
        versions: of the libraries of every writer that had a part in it.
    """

    architectures: list[StoredArchitecture] = field(default_factory=list)
    shards: list[Shard] = field(default_factory=list)
    metadata_sha256: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    versions: list[Mapping[str, str]] = field(default_factory=list)

    def add(self, shard: Shard, new: list[StoredArchitecture], metadata_sha256: str) -> None:
        """Count a shard in."""
        self.architectures += new
        self.rows += [0] * len(new)
        for segment in shard.segments:
            self.rows[segment.architecture] += segment.rows
        self.shards.append(shard)
        self.metadata_sha256.append(metadata_sha256)


@final
class WriterJournal:
    """The open journal of a folder that this process has for itself.

    Args:
        folder: an existing folder.
        provenance: as plain data; that of an existing journal must be the same.

    Raises:
        PopulationError: the journal is damaged, or its provenance differs.
    """

    def __init__(self, folder: Path, *, provenance: Mapping[str, object]) -> None:
        self.path = folder / JOURNAL
        self.progress = Progress()
        self._length = 0
        with writing(self.path):
            self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            text = self._file.read()
            # A line without its end was being written when the writer died: it never happened.
            complete = text[: text.rfind(b"\n") + 1]
            self._length = len(complete)
            if complete:
                self._replay(complete.splitlines(), provenance)
            else:
                versions = library_versions()
                header = {
                    "format": FORMAT,
                    "version": VERSION,
                    "provenance": provenance,
                    "versions": versions,
                }
                self._begin(header)
                self.progress.versions = [versions]
        except BaseException:
            self.close()
            raise

    def _begin(self, header: Mapping[str, object]) -> None:
        """Write the first line, or leave no journal at all."""
        try:
            self._log(header)
            with writing(self.path):
                sync_folder(self.path.parent)
        except DiskError:
            self.close()
            with contextlib.suppress(OSError):
                self.path.unlink()
            raise

    def add(self, shard: Shard, new: list[StoredArchitecture], metadata_sha256: str) -> None:
        """State that a shard, and `new` architectures that appear in it, are on the disk."""
        self._log(
            {
                **dataclasses.asdict(shard),
                "architectures": [dataclasses.asdict(stored) for stored in new],
                "metadata_sha256": metadata_sha256,
            }
        )
        self.progress.add(shard, new, metadata_sha256)

    def close(self) -> None:
        """Close the file."""
        # What is still to be written after a failure never counted.
        with contextlib.suppress(OSError):
            self._file.close()

    def _log(self, line: Mapping[str, object]) -> None:
        data = (to_json(line) + "\n").encode()
        # Also clears away what an earlier attempt left that failed halfway, on a full disk for example.
        with writing(self.path):
            self._file.seek(self._length)
            self._file.truncate()
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())
        self._length += len(data)

    def _replay(self, lines: list[bytes], provenance: Mapping[str, object]) -> None:
        try:
            header, *entries = [parse_json(line) for line in lines]
            check_header(header, self.path)
            check_provenance(header["provenance"], provenance, folder=self.path.parent)
            self.progress.versions = [header["versions"]]
            for entry in entries:
                if "resumed" in entry:
                    self.progress.versions.append(entry["resumed"])
                else:
                    new = [StoredArchitecture(**stored) for stored in entry["architectures"]]
                    self.progress.add(Shard.from_dict(entry), new, entry["metadata_sha256"])
        except PopulationError:
            raise
        except (ArchitectureError, ValueError, KeyError, TypeError, IndexError) as error:
            raise PopulationError(
                f"{self.path}: damaged journal ({type(error).__name__}: {error}); the population cannot be "
                "resumed, make it again in another folder"
            ) from error
        versions = library_versions()
        if versions not in self.progress.versions:
            self._log({"resumed": versions})
            self.progress.versions.append(versions)


def check_provenance(found: Mapping[str, object], given: Mapping[str, object], *, folder: Path) -> None:
    """Refuse to continue a population whose networks were made differently; the error lists how."""
    found = _with_current_recipe(found)
    if found == given:
        return
    keys = sorted({*found, *given})
    differences = [
        f"{key}: there {found.get(key)!r}, now {given.get(key)!r}"
        for key in keys
        if (key in found, found.get(key)) != (key in given, given.get(key))
    ]
    raise PopulationError(
        f"{folder}: cannot be resumed, its networks were made differently ({'; '.join(differences)}); "
        "resume with the same settings or choose another folder"
    )


def _with_current_recipe(provenance: Mapping[str, object]) -> Mapping[str, object]:
    recipe = provenance.get("recipe")
    if not isinstance(recipe, Mapping):
        return provenance
    return {**provenance, "recipe": with_current_names("InrRecipe", recipe)}
