"""What the importer, the exporter and the canonicalizer ask of a published collection of networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from torch import Tensor

from scalegmn.checkpoints import read_state, write_state
from scalegmn.collections._published import PublishedFormat
from scalegmn.disk import make_folder
from scalegmn.errors import CheckpointError, PopulationError
from scalegmn.networks import Architecture
from scalegmn.populations import Population

if TYPE_CHECKING:
    from scalegmn.collections._canonicalize import CanonicalizeReport
    from scalegmn.collections._importing import ImportReport

Value = int | float | str

CLASSES = 10
"""Every published collection of INRs has ten classes, numbered from 0."""


@dataclass(frozen=True)
class CollectionFile:
    """One file of a collection.

    Attributes:
        path: where it lies.
        name: its path below the folder of the collection, with ``/``; names it in reports.
        columns: what is known about its networks without opening it.
    """

    path: Path
    name: str
    columns: Mapping[str, Value]


@dataclass(frozen=True)
class RefusedFile:
    """Something that was not read, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class CollectionListing:
    """The files of a collection in a fixed order that does not depend on the file system.

    Attributes:
        entries: files to read.
        refused: files and folders that do not belong here, or that contradict something.
        left_out: how many files were left out on purpose, by reason.
    """

    entries: tuple[CollectionFile, ...]
    refused: tuple[RefusedFile, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedNetworks:
    """Networks that share an architecture.

    Attributes:
        architecture: of all of them.
        theta: parameters ``(n, P)``, float32 or float64.
        columns: metadata, n values each.
        refused: networks of the same file that were not read.
    """

    architecture: Architecture
    theta: Tensor
    columns: Mapping[str, np.ndarray]
    refused: tuple[RefusedFile, ...] = ()

    def row(self, number: int) -> dict[str, Value]:
        """Metadata of one network."""
        return {name: values[number : number + 1].tolist()[0] for name, values in self.columns.items()}


class Collection(PublishedFormat, ABC):
    """A format of a published population of files: how they are named and what they hold.

    Collections are immutable values that can be sent to other processes.
    """

    parallel = True
    writable = True
    canonicalizes = True

    networks_per_file: ClassVar[int] = 1
    """How many networks a file usually holds."""

    @abstractmethod
    def scan(self, folder: Path) -> CollectionListing:
        """Everything in a folder of this collection, with what the names of the files say."""

    def entries(self, folder: Path) -> CollectionListing:
        """What to import from a folder: :meth:`scan`, and what accompanying files add to it.

        Raises:
            PopulationError: an accompanying file is missing or damaged.
        """
        return self.scan(folder)

    def facts(self, listing: CollectionListing) -> Mapping[str, object]:
        """What the provenance of a population says beside the files it was read from, fit for JSON.

        Args:
            listing: what is imported.
        """
        return {}

    @abstractmethod
    def read(self, entry: CollectionFile) -> LoadedNetworks:
        """The networks of one file.

        Raises:
            CheckpointError: the file is damaged, or does not hold what it should.
        """

    @abstractmethod
    def file_name(self, row: Mapping[str, Value]) -> str:
        """The path below the folder of the collection of a file that begins with the network `row`.

        Raises:
            PopulationError: the collection has no place for such a network.
        """

    def refuse_copies(self, row: Mapping[str, Value]) -> None:
        """Refuse a second network of one image, for which these collections have no name.

        Raises:
            PopulationError: the column `copy` of the network is not 0.
        """
        if row.get("copy", 0) != 0:
            raise PopulationError(
                f"{self.title} hold one network per image; leave out copy {row['copy']} of {row}"
            )

    @abstractmethod
    def save(self, path: Path, networks: LoadedNetworks) -> None:
        """Write one file.  Parameters are taken by position, so layers may have other names."""

    def companions(self, folder: Path) -> Mapping[str, Path]:
        """Accompanying files that exist, by their names in a copy of the collection."""
        return {}

    def complete(self, folder: Path, columns: Mapping[str, np.ndarray]) -> list[Path]:
        """Write the accompanying files for networks with these columns; returns their paths."""
        return []

    def read_into(
        self,
        folder: str | Path,
        *,
        source: str | Path,
        workers: int | None = None,
        cluster: str | None = None,
        resume: bool = False,
        progress: bool = True,
    ) -> ImportReport:
        from scalegmn.collections._importing import import_collection

        return import_collection(
            self, source, folder, workers=workers, cluster=cluster, resume=resume, progress=progress
        )

    def write(self, population: Population, folder: str | Path, *, progress: bool = True) -> tuple[str, ...]:
        from scalegmn.collections._exporting import export_population

        files = export_population(population, self, folder, progress=progress)
        return (f"{len(population)} networks are in {folder}, in {files} files of {self.title}",)

    def canonicalize(
        self,
        source: str | Path,
        folder: str | Path,
        *,
        workers: int | None = None,
        progress: bool = True,
    ) -> CanonicalizeReport:
        from scalegmn.collections._canonicalize import canonicalize_folder

        return canonicalize_folder(self, source, folder, workers=workers, progress=progress)


def existing_folder(folder: Path, title: str) -> Path:
    """The folder, if it is one.

    Raises:
        PopulationError: it is missing, or no folder.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise PopulationError(f"{folder}: {what}; expected a folder of the collection {title!r}")
    return folder


def read_single(
    entry: CollectionFile, architecture: Architecture, *, extras: tuple[str, ...] = ()
) -> tuple[Tensor, Mapping[str, object]]:
    """Parameters ``(1, P)`` of a file with one network, and the plain values `extras` that may stand beside.

    Raises:
        CheckpointError: the file is damaged or holds something else.
    """
    checkpoint = read_state(entry.path)
    unexpected = [*(name for name in checkpoint.extras if name not in extras), *checkpoint.ignored]
    if unexpected:
        raise CheckpointError(
            f"{entry.path}: unexpected entries {unexpected}; expected the parameters of "
            f"{architecture.describe()}{' and ' + ', '.join(extras) if extras else ''}"
        )
    theta = architecture.flatten(checkpoint.tensors, origin=str(entry.path))
    return theta[None], checkpoint.extras


def write_single(
    path: Path,
    networks: LoadedNetworks,
    architecture: Architecture,
    *,
    extras: Mapping[str, int] | None = None,
) -> None:
    """Write a file with one network, under the published names of its parameters.

    Raises:
        PopulationError: there is not exactly one network, or it computes another kind of function.
    """
    if len(networks.theta) != 1:
        raise PopulationError(f"{path}: {len(networks.theta)} networks for a file that holds one")
    check_same_function(networks.architecture, architecture, str(path))
    make_folder(path.parent)
    write_state(path, architecture.unflatten(networks.theta[0]), extras=extras)


def check_same_function(given: Architecture, expected: Architecture, where: str) -> None:
    """Refuse networks that differ in more than the names of their layers.

    Raises:
        PopulationError: sizes, activations or the constant at the end differ.
    """
    if given != expected and _nameless(given) != _nameless(expected):
        raise PopulationError(
            f"{where}: networks {given.describe()} cannot be stored in this format, which is for "
            f"{expected.describe()}; layers given: {_nameless(given)}; expected: {_nameless(expected)}"
        )


def _nameless(architecture: Architecture) -> list[object]:
    description = architecture.to_dict()
    layers = [{k: v for k, v in layer.items() if k != "name"} for layer in description["layers"]]  # type: ignore[attr-defined]
    return [*layers, *description["skips"]]  # type: ignore[misc]


def check_label(label: object, where: str) -> int:
    """The label, if it is a whole number from 0 to 9.

    Raises:
        CheckpointError: it is something else.
    """
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < CLASSES:
        raise CheckpointError(
            f"{where}: the label is {label!r}, expected a whole number from 0 to {CLASSES - 1}"
        )
    return label


def visible(folder: Path) -> list[Path]:
    """What lies in a folder, in order of the names, without hidden files."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def one_row(row: Mapping[str, Value]) -> dict[str, np.ndarray]:
    """Columns of a single network."""
    return {name: np.array([value]) for name, value in row.items()}
