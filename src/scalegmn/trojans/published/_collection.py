"""The folders in which the first trojan study with ScaleGMN kept its networks.

``poisoned/{folder}/permanent_ckpt-{number}.pth``, beside it ``train.csv``, ``test_c.csv`` and
``test_p.csv`` with the trigger, and ``clean/{folder}`` with the control that was fine-tuned from the same
base network without poison.  The networks are those of the Small CNN Zoo with padding 1; a table says
their activations.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final, Literal, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.checkpoints import read_state
from scalegmn.collections import (
    Collection,
    CollectionFile,
    CollectionListing,
    LoadedNetworks,
    RefusedFile,
    Value,
)
from scalegmn.collections.small_cnn_zoo import ACTIVATIONS
from scalegmn.errors import CheckpointError, ConfigurationError, PopulationError, ScaleGMNError
from scalegmn.images import load_images
from scalegmn.networks import Architecture
from scalegmn.populations import Population
from scalegmn.trojans.making import Preparation, TrojanImages, TrojanRecipe, trojan_figures
from scalegmn.trojans.published._folders import (
    CLEAN,
    POISONED,
    activations_in,
    base_numbers,
    checkpoint_name,
    scan_folders,
    table_key,
)
from scalegmn.trojans.published._image_numbers import pack_numbers
from scalegmn.trojans.published._networks import FIRST, read_network
from scalegmn.trojans.published._records import PARTS, TriggerRecord, read_record
from scalegmn.zoo import images_provenance
from scalegmn.zoo.cnns import halves, unit_pixels

LAST: Final = "last"
MINIMUM_ASR: Final = TrojanRecipe().minimum_asr


@final
@dataclass(frozen=True)
class TrojanFolders(Collection):
    """The collection: pairs of a poisoned network and its clean control, two networks for every file.

    Columns: `number`, `twin`, `pair`, `network` (the base network), `modeldir` (the folder), `epoch` (1 for
    ``permanent_ckpt-0.pth``), `poisoned`, `activation`, `target`, `goal`, `poisoning`, `method`,
    `poisoned_images`, `trigger` and what makers of trojans say of it; `square` and `changed_...`, so that the
    tables can be written again to the letter.  With a `source`: `dataset`, `c_acc`, `asr`, `ra`, `trojaned`,
    `failed_attack`, `usable`, `diverged` and `test_accuracy`, measured on its test images.

    A clean control without tables of its own gets the trigger of its twin.

    Attributes:
        padding: of every convolution; no file says it.
        activation: of all networks, relu or tanh; by default a table of the Small CNN Zoo in the folder says
            it for each.
        step: read the checkpoints of this epoch, counted from 1; ``last``, or None for all.
        source: name of the images to measure the figures on; by default none, and none are measured.

    Raises:
        ConfigurationError: an option that these networks do not have.
    """

    padding: int = 1
    activation: str | None = None
    step: int | Literal["last"] | None = LAST
    source: str | None = None

    name = "trojan_folders"
    title: ClassVar[str] = "trojan folders"
    options: ClassVar[tuple[str, ...]] = ("padding", "activation", "step", "source")
    unit: ClassVar[str] = "folders"
    canonicalizes: ClassVar[bool] = False
    networks_per_file: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if self.padding not in (0, 1):
            raise ConfigurationError(f"padding is {self.padding}, expected 1 (that of the study) or 0")
        if self.activation not in (None, *ACTIVATIONS):
            raise ConfigurationError(
                f"activation is {self.activation!r}, expected {' or '.join(ACTIVATIONS)}, of which "
                f"{self.title} have networks"
            )

    @property
    def described(self) -> str:
        return f"{self.title} (padding {self.padding})"

    def scan(self, folder: Path) -> CollectionListing:
        found, refused = scan_folders(folder, title=self.title)
        poisoned, clean = found[POISONED], found[CLEAN]
        for one, other, lacking in ((poisoned, clean, CLEAN), (clean, poisoned, POISONED)):
            kind = CLEAN if lacking == POISONED else POISONED
            refused += [
                RefusedFile(f"{kind}/{name}", f"has no twin {lacking}/{name}; expected both")
                for name in one
                if name not in other
            ]
        names = [name for name in poisoned if name in clean]
        numbers = base_numbers(names).tolist()
        entries: list[CollectionFile] = []
        lacking_epoch = 0
        for name, network in zip(names, numbers, strict=True):
            epochs = [epoch for epoch in poisoned[name].epochs if epoch in clean[name].epochs]
            wanted = [epoch for epoch in epochs if self.step in (None, epoch)]
            chosen = epochs[-1:] if self.step == LAST else wanted
            lacking_epoch += not chosen
            for epoch in chosen:
                path = f"{POISONED}/{name}/{checkpoint_name(epoch)}"
                columns: dict[str, Value] = {
                    "pair": len(entries),
                    "network": network,
                    "modeldir": name,
                    "epoch": epoch,
                }
                entries.append(CollectionFile(folder / path, path, columns))
        left_out = {"no checkpoint of that epoch of both twins": lacking_epoch} if lacking_epoch else {}
        return CollectionListing(tuple(entries), tuple(refused), left_out)

    def entries(self, folder: Path) -> CollectionListing:
        listing = self.scan(folder)
        table, activations = ("", {}) if self.activation else activations_in(folder)
        entries, refused = [], list(listing.refused)
        for entry in listing.entries:
            activation = self.activation or activations.get(table_key(str(entry.columns["modeldir"])))
            if activation is None:
                refused.append(RefusedFile(entry.name, f"{table} has no row of it to say the activation"))
            else:
                columns = {**entry.columns, "activation": activation}
                entries.append(CollectionFile(entry.path, entry.name, columns))
        return CollectionListing(tuple(entries), tuple(refused), listing.left_out)

    def facts(self, listing: CollectionListing) -> Mapping[str, object]:
        said: dict[str, object] = {"padding": self.padding}
        if self.source is None:
            return said
        for entry in listing.entries:
            try:
                channels = read_state(entry.path).tensors[FIRST].shape[1]
            except (ScaleGMNError, OSError, KeyError, IndexError):
                continue
            images = _images_of(self.source, channels == 1)
            inputs = {"train": images.train_inputs, "test": images.test_inputs}
            return said | images_provenance(load_images(self.source), grayscale=channels == 1, **inputs)
        return said

    def read(self, entry: CollectionFile) -> LoadedNetworks:
        twins = (entry.path, _twin(entry))
        found = [
            read_network(
                read_state(path).tensors,
                activation=str(entry.columns["activation"]),
                padding=self.padding,
                origin=str(path),
            )
            for path in twins
        ]
        architecture = found[0][0]
        if found[1][0] != architecture:
            raise CheckpointError(
                f"{twins[1]}: holds {found[1][0].describe()}, its twin {architecture.describe()}; expected "
                "twins of one architecture"
            )
        records = _records(entry, classes=architecture.num_outputs)
        columns = _columns(entry, records)
        thetas = [theta[None] for _, theta in found]
        if self.source is not None:
            columns |= _figures(architecture, thetas, records, source=self.source)
        arrays = {name: np.array(values) for name, values in columns.items()}
        return LoadedNetworks(architecture, torch.cat(thetas), arrays)

    def file_name(self, row: Mapping[str, Value]) -> str:
        raise PopulationError(f"{self.title} are written all at once; use TrojanFolders.write")

    def save(self, path: Path, networks: LoadedNetworks) -> None:
        self.file_name(networks.row(0))

    def write(self, population: Population, folder: str | Path, *, progress: bool = True) -> tuple[str, ...]:
        from scalegmn.trojans.published._writing import write_folders

        return write_folders(population, folder, progress=progress)


TROJAN_FOLDERS: Final = TrojanFolders()
"""With its usual options."""


def _twin(entry: CollectionFile) -> Path:
    """The file of the clean control."""
    parts = PurePosixPath(entry.name).parts
    return entry.path.parents[len(parts) - 1].joinpath(CLEAN, *parts[1:])


def _records(entry: CollectionFile, *, classes: int) -> tuple[TriggerRecord, TriggerRecord]:
    """What the tables say of both twins.

    Raises:
        PopulationError: the target is no class, or the control was poisoned more than its twin.
    """
    poisoned, own = read_record(entry.path.parent), _twin(entry).parent
    none = {part: np.zeros(0, np.int64) for part in PARTS}
    if any((own / f"{part}.csv").exists() for part in PARTS):
        clean = read_record(own)
    else:
        clean = dataclasses.replace(poisoned, changed=none)
    for record in (poisoned, clean):
        if record.target >= classes:
            raise PopulationError(
                f"{entry.path.parent}: the label is {record.target}, expected a class from 0 to {classes - 1}"
            )
    counts = [len(record.changed["train"]) for record in (poisoned, clean)]
    if counts[0] <= counts[1]:
        raise PopulationError(
            f"{entry.path.parent}: had {counts[0]} poisoned training images, its clean control {counts[1]}; "
            f"expected more; see whether the folders {POISONED} and {CLEAN} were exchanged"
        )
    return poisoned, clean


def _columns(entry: CollectionFile, records: Sequence[TriggerRecord]) -> dict[str, list[object]]:
    """What is known of both twins, under the names that makers of trojans have for it."""
    number = 2 * int(entry.columns["pair"])
    triggers = [record.trigger for record in records]
    return {
        "number": [number, number + 1],
        "twin": [number + 1, number],
        **{name: [value, value] for name, value in entry.columns.items()},
        "poisoned": [True, False],
        "target": [record.target for record in records],
        "poisoning": ["dirty", "dirty"],
        "goal": ["all_to_one", "all_to_one"],
        "method": ["poison", "poison"],
        "poisoned_images": [len(record.changed["train"]) for record in records],
        "trigger_kind": [trigger.kind for trigger in triggers],
        "trigger_size": [trigger.size for trigger in triggers],
        "trigger_pattern": [trigger.pattern for trigger in triggers],
        "trigger": [trigger.to_json() for trigger in triggers],
        "square": [record.unrounded for record in records],
        **{f"changed_{part}": [pack_numbers(record.changed[part]) for record in records] for part in PARTS},
    }


def _figures(
    architecture: Architecture, thetas: Sequence[Tensor], records: Sequence[TriggerRecord], *, source: str
) -> dict[str, list[object]]:
    """What both twins do with test images."""
    channels = architecture.parameters[0].shape[1]
    images = _images_of(source, channels == 1)
    found = [
        trojan_figures(
            architecture,
            theta,
            clean=images.test_inputs,
            triggered=images.with_trigger(record.trigger, "test"),
            labels=images.test_labels,
            target=record.target,
        )
        for theta, record in zip(thetas, records, strict=True)
    ]
    c_acc, asr, ra = ([float(getattr(one, name)[0]) for one in found] for name in ("c_acc", "asr", "ra"))
    diverged = [not bool(one.finite[0]) for one in found]
    reached = asr[0] >= MINIMUM_ASR
    usable = reached and not any(diverged)
    return {
        "dataset": [source, source],
        "trojaned": [reached, False],
        "failed_attack": [not reached, False],
        "usable": [usable, usable],
        "diverged": list(diverged),
        "c_acc": list(c_acc),
        "asr": list(asr),
        "ra": list(ra),
        "test_accuracy": list(c_acc),
    }


@functools.lru_cache(maxsize=1)
def _images_of(source: str, grayscale: bool) -> TrojanImages:
    """The images of a source as networks take them; the last ones are kept, since all networks need them.

    Raises:
        ImageSourceError: they are not at hand.
    """
    images = load_images(source)
    places = dict(zip(("train", "test"), halves(images), strict=True))
    return TrojanImages(
        pixels={part: unit_pixels(images.subset(own)) for part, own in places.items()},
        labels={part: torch.from_numpy(images.labels[own]) for part, own in places.items()},
        preparation=Preparation(grayscale, None),
        source=images.name,
    )
