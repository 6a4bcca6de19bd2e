"""From a published collection of files to a packed population."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from scalegmn.collections._batches import file_workers
from scalegmn.collections._collection import (
    Collection,
    CollectionFile,
    CollectionListing,
    LoadedNetworks,
    RefusedFile,
)
from scalegmn.errors import ConfigurationError, PopulationError, ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.populations import ArchitectureGroup, PopulationWriter, progress_bar

# Refusals that an error message shows.
_SHOWN: Final = 5


@dataclass(frozen=True)
class ImportReport:
    """What :func:`import_collection` read.

    Attributes:
        folder: of the population.
        networks: how many it holds.
        refused: what was not read, and why; the population's notes keep the list.
        left_out: how many files were left out on purpose, by reason.
        remarks: what else a reader should know; the population's notes keep them.
    """

    folder: Path
    networks: int
    refused: tuple[RefusedFile, ...]
    left_out: Mapping[str, int]
    remarks: tuple[str, ...] = ()

    def describe(self) -> str:
        """The counts, and the first refusals, one per line."""
        lines = [f"{self.folder}: {self.networks} networks read, {len(self.refused)} refused"]
        lines += [f"left out: {count} {reason}" for reason, count in self.left_out.items()]
        lines += self.remarks
        return "\n".join([*lines, *format_refusals(self.refused)])


def import_collection(
    collection: Collection,
    source: str | Path,
    folder: str | Path,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    shard_size: int = 10_000,
    resume: bool = False,
    progress: bool = True,
) -> ImportReport:
    """Read all networks of a folder and write them as a population.

    A file that cannot be used is refused and the others are read; nothing is refused silently.

    Args:
        collection: the format of the folder.
        source: the folder.
        folder: of the new population.
        workers: processes that read; by default as many as there are cores, if there are many files.
        cluster: address of a Ray cluster that reads (:func:`~scalegmn.workers.open_executor`), whose machines
            see the folder.
        shard_size: networks that are written at a time, about.
        resume: continue an interrupted call with the same arguments on the same files.
        progress: show a progress bar on the standard error stream.

    Raises:
        PopulationError: there is no network to read, the splits file is missing or damaged, or `folder` is
            in use or was made from something else.
    """
    if shard_size < 1:
        raise ConfigurationError(f"shard_size is {shard_size}, expected 1 or more")
    source = Path(source)
    listing = collection.entries(source)
    entries = listing.entries
    if not entries:
        found = format_refusals(listing.refused) or ["the folder is empty"]
        raise PopulationError(f"{source}: no networks of {collection.title} to read; " + "; ".join(found))
    step = max(1, shard_size // collection.networks_per_file)
    provenance = _provenance(collection, source, listing, files_per_shard=step)
    work = functools.partial(read_all, collection)
    with PopulationWriter(folder, provenance=provenance, resume=resume) as writer:
        done = min(writer.shards_done * step, len(entries))
        bar = progress_bar("reading files", total=len(entries), done=done, show=progress)
        left = len(entries) - done
        readers = file_workers(work, source=source, files=left, workers=workers, cluster=cluster)
        with bar as advance, readers as read:
            for start in range(done, len(entries), step):
                refused = list(listing.refused) if start == 0 else []
                networks: list[LoadedNetworks] = []
                for some, not_read in read(entries[start : start + step]):
                    networks += some
                    refused += not_read
                    advance(sum(len(group.theta) for group in some) / collection.networks_per_file)
                notes = {"refused": [[refusal.name, refusal.reason] for refusal in refused]}
                writer.append_groups(_groups(networks), notes=notes)
        refused = [RefusedFile(*entry) for notes in writer.notes for entry in notes["refused"]]  # type: ignore[index]
        if not len(writer):
            raise PopulationError(
                f"{source}: all {len(entries)} files were refused; " + "; ".join(format_refusals(refused))
            )
        writer.finish()
        return ImportReport(writer.folder, len(writer), tuple(refused), listing.left_out)


def _provenance(
    collection: Collection, source: Path, listing: CollectionListing, *, files_per_shard: int
) -> dict[str, object]:
    return {
        "maker": "import_collection",
        "collection": collection.title,
        "source": source.name,
        "files": len(listing.entries),
        "listing_sha256": _checksum(listing),
        "left_out": dict(listing.left_out),
        "files_per_shard": files_per_shard,
        **collection.facts(listing),
    }


def read_all(
    collection: Collection, entries: Sequence[CollectionFile]
) -> tuple[list[LoadedNetworks], list[RefusedFile]]:
    """Read files one after the other: their networks, per architecture, and what was refused."""
    by_architecture: dict[Architecture, list[LoadedNetworks]] = {}
    refused: list[RefusedFile] = []
    for entry in entries:
        try:
            networks = collection.read(entry)
        except (ScaleGMNError, OSError) as error:
            refused.append(RefusedFile(entry.name, str(error)))
            continue
        by_architecture.setdefault(networks.architecture, []).append(networks)
        refused += networks.refused
    return [concatenate(group) for group in by_architecture.values()], refused


def concatenate(networks: Sequence[LoadedNetworks]) -> LoadedNetworks:
    """Networks of one architecture and with the same columns, as one value."""
    columns = {
        name: np.concatenate([part.columns[name] for part in networks]) for name in networks[0].columns
    }
    refused = tuple(refusal for part in networks for refusal in part.refused)
    theta = torch.cat([part.theta for part in networks])
    return LoadedNetworks(networks[0].architecture, theta, columns, refused)


def _groups(networks: Sequence[LoadedNetworks]) -> list[ArchitectureGroup]:
    by_architecture: dict[Architecture, list[LoadedNetworks]] = {}
    for part in networks:
        by_architecture.setdefault(part.architecture, []).append(part)
    together = [concatenate(parts) for parts in by_architecture.values()]
    return [ArchitectureGroup(group.architecture, group.theta, group.columns) for group in together]


def _checksum(listing: CollectionListing) -> str:
    """Names the files to read and what is known about them, so that a resumed import reads the same."""
    digest = hashlib.sha256()
    for entry in listing.entries:
        digest.update(f"{entry.name}\0{sorted(entry.columns.items())}\n".encode())
    return digest.hexdigest()


def format_refusals(refused: Sequence[RefusedFile]) -> list[str]:
    """The first refusals, one per line, and how many more there are."""
    lines = [f"{refusal.name}: {refusal.reason}" for refusal in refused[:_SHOWN]]
    more = len(refused) - len(lines)
    return [*lines, f"and {more} more"] if more > 0 else lines
