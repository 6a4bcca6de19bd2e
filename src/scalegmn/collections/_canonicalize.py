"""Phase canonicalization of whole populations: the same functions, with biases in one period."""

from __future__ import annotations

import dataclasses
import functools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scalegmn.collections._batches import file_workers
from scalegmn.collections._collection import Collection, CollectionFile, RefusedFile
from scalegmn.disk import new_folder, writing
from scalegmn.errors import PopulationError, ScaleGMNError
from scalegmn.populations import Population, PopulationWriter, progress_bar, write_changed
from scalegmn.symmetry import canonicalize_sine_phase

_SHARD: Final = 10_000


@dataclass(frozen=True)
class CanonicalizeReport:
    """What was written.

    Attributes:
        folder: of the canonicalized copy.
        networks: how many it holds.
        refused: files that could not be read, and why; they are not in the copy.
    """

    folder: Path
    networks: int
    refused: tuple[RefusedFile, ...] = ()


def canonicalize_population(
    population: Population, folder: str | Path, *, resume: bool = False, progress: bool = True
) -> CanonicalizeReport:
    """Write a copy of a population with the phase of every sine neuron in its first half period.

    Networks keep their numbers and metadata, and compute what they computed; networks without sines are
    copied.  See :func:`~scalegmn.symmetry.canonicalize_sine_phase`.

    Args:
        population: to be copied.
        folder: of the new population.
        resume: continue an interrupted call with the same arguments.
        progress: show a progress bar on the standard error stream.

    Raises:
        PopulationError: the folder is in use or holds something else.
    """
    provenance = {
        "maker": "canonicalize_population",
        "source_checksum": population.checksum,
        "source": dict(population.provenance),
    }
    with PopulationWriter(folder, provenance=provenance, resume=resume) as writer:
        write_changed(
            writer,
            population,
            lambda architecture, theta: (architecture, canonicalize_sine_phase(architecture, theta)),
            shard_size=_SHARD,
            doing="canonicalizing",
            progress=progress,
        )
        return CanonicalizeReport(writer.folder, len(writer))


def canonicalize_folder(
    collection: Collection,
    source: str | Path,
    folder: str | Path,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> CanonicalizeReport:
    """Write a copy of a folder of a published collection, in the same format, with canonical phases.

    Files keep their names, and the splits file is copied.  Double precision stays.

    Args:
        collection: the format of the folder.
        source: the folder.
        folder: of the copy; new or empty.
        workers: processes; by default as many as there are cores, if there are many files.
        progress: show a progress bar on the standard error stream.

    Raises:
        PopulationError: there is no network to read, or `folder` is in use.
    """
    source = Path(source)
    listing = collection.scan(source)
    if not listing.entries:
        raise PopulationError(f"{source}: no networks of {collection.title} in it")
    networks, refused = 0, list(listing.refused)
    with new_folder(folder) as target:
        work = functools.partial(_canonicalize_files, collection, target)
        bar = progress_bar("canonicalizing", total=len(listing.entries), show=progress)
        count = len(listing.entries)
        with bar as advance, file_workers(work, source=source, files=count, workers=workers) as process:
            for written, files, not_read in process(listing.entries):
                networks += written
                refused += not_read
                advance(files)
        for name, path in collection.companions(source).items():
            with writing(target / name):
                shutil.copyfile(path, target / name)
    return CanonicalizeReport(Path(folder), networks, tuple(refused))


def _canonicalize_files(
    collection: Collection, target: Path, entries: Sequence[CollectionFile]
) -> tuple[int, int, list[RefusedFile]]:
    """Networks written, files seen, and what was refused."""
    networks, refused = 0, []
    for entry in entries:
        try:
            read = collection.read(entry)
        except (ScaleGMNError, OSError) as error:
            refused.append(RefusedFile(entry.name, str(error)))
            continue
        theta = canonicalize_sine_phase(read.architecture, read.theta)
        collection.save(target / entry.name, dataclasses.replace(read, theta=theta))
        networks += len(theta)
        refused += read.refused
    return networks, len(entries), refused
