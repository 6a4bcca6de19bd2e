"""What MNIST-INRs and FashionMNIST-INRs share: one file per network, and a file that names the splits."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from scalegmn.collections import (
    SPLITS,
    Collection,
    CollectionFile,
    CollectionListing,
    RefusedFile,
    SplitsFile,
    existing_folder,
    path_end,
    read_splits,
    write_splits,
)
from scalegmn.errors import PopulationError
from scalegmn.networks import Architecture, siren
from scalegmn.seeding import numpy_generator

VALIDATION = 5000
# Made once, as it is asked for with every file.
_ARCHITECTURE = siren()


class SplitCollection(Collection):
    """One network per file; columns `label`, `image` (number in the training or test set) and `split`.

    The folder given is the one that holds the folder of networks and, unless `splits` says otherwise,
    the splits file; the folder of networks itself is understood too.
    """

    options: ClassVar[tuple[str, ...]] = ("splits",)
    generates_splits: ClassVar[bool] = True
    splits: Path | None
    """The splits file, if it does not lie in the folder."""
    networks_folder: ClassVar[str]
    splits_name: ClassVar[str]
    path_components: ClassVar[int]

    @property
    def architecture(self) -> Architecture:
        """2-32-32-1 with sines of frequency 30, plus 0.5."""
        return _ARCHITECTURE

    @abstractmethod
    def scan_networks(self, folder: Path) -> tuple[list[CollectionFile], list[RefusedFile]]:
        """Files in the folder of networks; `split` is ``train`` or ``test``, as their names say."""

    @property
    @abstractmethod
    def labels_in_splits(self) -> bool:
        """Whether the splits file that is written says the labels."""

    @abstractmethod
    def splits_content(self, names: list[str], labels: list[int]) -> object:
        """What the splits file holds for one split; `labels` are empty where it does not say them."""

    def networks_in(self, folder: Path) -> Path:
        """The folder of networks, given it or the folder around it."""
        inner = existing_folder(folder, self.title) / self.networks_folder
        return inner if inner.is_dir() else folder

    def splits_in(self, folder: Path) -> Path:
        """Where the splits file is expected."""
        return self.splits if self.splits is not None else folder / self.splits_name

    def scan(self, folder: Path) -> CollectionListing:
        found, refused = self.scan_networks(self.networks_in(folder))
        entries = [dataclasses.replace(e, name=e.path.relative_to(folder).as_posix()) for e in found]
        entries.sort(
            key=lambda entry: (str(entry.columns["split"]) == "test", entry.columns["image"], entry.name)
        )
        return CollectionListing(tuple(entries), tuple(refused))

    def entries(self, folder: Path) -> CollectionListing:
        listing = self.scan(folder)
        advice = (
            f"give its place with the option splits, or generate it with "
            f"scalegmn.collections.inrs.generate_splits({type(self).__name__}(), {str(folder)!r}, seed=0)"
        )
        splits = read_splits(self.splits_in(folder), components=self.path_components, advice=advice)
        checked = [self._place(entry, splits) for entry in listing.entries]
        seen = {path_end(entry.path.as_posix(), components=self.path_components) for entry in listing.entries}
        absent = [
            RefusedFile(end, "named in the splits file, but there is no such file")
            for end in splits.split
            if end not in seen
        ]
        refused = [found for found in checked if isinstance(found, RefusedFile)]
        entries = tuple(found for found in checked if isinstance(found, CollectionFile))
        return CollectionListing(entries, (*listing.refused, *refused, *absent), listing.left_out)

    def _place(self, entry: CollectionFile, splits: SplitsFile) -> CollectionFile | RefusedFile:
        """The entry with its split, or why it has none."""
        end = path_end(entry.path.as_posix(), components=self.path_components)
        split = splits.split.get(end)
        if split is None:
            return RefusedFile(entry.name, "not named in the splits file")
        if (split == "test") != (entry.columns["split"] == "test"):
            return RefusedFile(
                entry.name,
                f"the splits file puts it into {split!r}, but it is a {entry.columns['split']} image",
            )
        label = splits.label.get(end)
        if label is not None and entry.columns.get("label", label) != label:
            return RefusedFile(
                entry.name, f"its name says label {entry.columns['label']}, but the splits file says {label}"
            )
        known = {} if label is None else {"label": label}
        return dataclasses.replace(entry, columns={**entry.columns, **known, "split": split})

    def companions(self, folder: Path) -> Mapping[str, Path]:
        path = self.splits_in(folder)
        return {self.splits_name: path} if path.is_file() else {}

    def complete(self, folder: Path, columns: Mapping[str, np.ndarray]) -> list[Path]:
        values = [columns[name].tolist() for name in ("label", "image", "split")]
        files = [
            (row[2], self.file_name({"label": row[0], "image": row[1], "split": row[2]}), row[0])
            for row in zip(*values, strict=True)
        ]
        path = folder / self.splits_name
        self.write_splits_file(path, files)
        return [path]

    def generate(self, folder: str | Path, *, seed: int, validation: int = VALIDATION) -> Path:
        return generate_splits(self, folder, seed=seed, validation=validation)

    def label_of(self, entry: CollectionFile) -> int:
        """The label that an entry's name says or, where it does not, its file."""
        if "label" in entry.columns:
            return int(entry.columns["label"])
        return int(self.read(entry).columns["label"].item())

    def write_splits_file(self, path: Path, files: list[tuple[str, str, int]]) -> None:
        """Write the splits file for files given by split, name and label."""
        content = {}
        for split in SPLITS:
            mine = [(name, label) for where, name, label in files if where == split]
            labels = [label for _, label in mine] if self.labels_in_splits else []
            content[split] = self.splits_content([name for name, _ in mine], labels)
        write_splits(path, content)


def generate_splits(
    collection: SplitCollection, folder: str | Path, *, seed: int, validation: int = VALIDATION
) -> Path:
    """Write the splits file of a folder: a random part of the training images is for validation.

    The choice depends on the seed and on which networks there are, not on the order in which the file
    system lists them.

    Args:
        collection: the format of the folder.
        folder: of the collection; the splits file is written into it.
        seed: of the choice.
        validation: how many training images are for validation (5,000 in the published files).

    Returns:
        The path of the splits file.

    Raises:
        PopulationError: there is such a file already, or there are not more training images than that.
    """
    folder = Path(folder)
    path = folder / collection.splits_name
    if path.exists():
        raise PopulationError(f"{path}: exists and was left alone; remove it to generate another")
    entries = collection.scan(folder).entries
    training = [number for number, entry in enumerate(entries) if entry.columns["split"] == "train"]
    if not 0 <= validation < len(training):
        raise PopulationError(
            f"{folder}: {validation} of {len(training)} training networks cannot be for validation; "
            f"expected from 0 to {len(training) - 1}"
        )
    chosen = numpy_generator(seed, collection.splits_name).choice(len(training), validation, replace=False)
    held_out = {training[number] for number in chosen.tolist()}
    files = [
        (
            "val" if number in held_out else str(entry.columns["split"]),
            entry.name,
            collection.label_of(entry) if collection.labels_in_splits else -1,
        )
        for number, entry in enumerate(entries)
    ]
    collection.write_splits_file(path, files)
    return path
