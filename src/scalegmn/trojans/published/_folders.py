"""Which folders and files there are: ``poisoned`` and ``clean``, each with one folder per base network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, final

import numpy as np
import pyarrow as pa

from scalegmn.collections import RefusedFile, existing_folder, visible
from scalegmn.collections.small_cnn_zoo import read_zoo_metrics, run_numbers
from scalegmn.errors import PopulationError
from scalegmn.trojans.published._records import PARTS

POISONED: Final = "poisoned"
CLEAN: Final = "clean"
ATTACK: Final = "_attack_"
"""Between the folder of a base network and the number of a further attack on it."""
METRICS: Final = ("metrics_new.csv", "metrics_new.csv.gz", "metrics.csv", "metrics.csv.gz")
"""Tables that say the activations, the first that there is."""
# What may lie beside the folders: the same networks in other files.
_BESIDE: Final = (*METRICS, "weights_new.npy", "layout.csv", "splits.json", "stats.csv")
_CHECKPOINT: Final = re.compile(r"permanent_ckpt-([0-9]{1,6})\.pth")
_FURTHER: Final = re.compile(rf"(.+){ATTACK}[0-9]+")
# The study names folders by the last three parts of `modeldir`.
_DIRECTORY_PARTS: Final = 3
_DEEPEST: Final = 8


@final
@dataclass(frozen=True)
class BaseFolder:
    """The folder of a base network below ``poisoned`` or ``clean``.

    Attributes:
        name: its path below there, with ``/``.
        epochs: numbers of its checkpoints, ascending.
    """

    name: str
    epochs: tuple[int, ...]


def checkpoint_name(epoch: int) -> str:
    """The file of a network after training for `epoch` epochs; the files count from 0."""
    return f"permanent_ckpt-{epoch - 1}.pth"


def scan_folders(folder: Path, *, title: str) -> tuple[dict[str, dict[str, BaseFolder]], list[RefusedFile]]:
    """The folders of base networks by name, below ``poisoned`` and ``clean``, and what is none.

    Raises:
        PopulationError: one of the two is missing.
    """
    existing_folder(folder, title)
    found: dict[str, dict[str, BaseFolder]] = {}
    refused = [
        RefusedFile(path.name, f"unknown name; expected the folders {POISONED} and {CLEAN}")
        for path in visible(folder)
        if path.name not in (POISONED, CLEAN, *_BESIDE)
    ]
    for kind in (POISONED, CLEAN):
        own = folder / kind
        if not own.is_dir():
            raise PopulationError(
                f"{own}: there is no such folder; expected the networks of {title} in the folders {POISONED} "
                f"and {CLEAN}; rename those of the download"
            )
        found[kind] = {}
        for one in _walk(own, own, depth=0):
            if isinstance(one, BaseFolder):
                found[kind][one.name] = one
            else:
                refused.append(RefusedFile(f"{kind}/{one.name}", one.reason))
    return found, refused


def _walk(place: Path, root: Path, *, depth: int) -> Iterator[BaseFolder | RefusedFile]:
    epochs, further = [], []
    for path in visible(place):
        name = path.relative_to(root).as_posix()
        match = _CHECKPOINT.fullmatch(path.name)
        if path.is_symlink():
            yield RefusedFile(name, "a link; expected the file or the folder itself")
        elif path.is_dir():
            further.append(path)
        elif match:
            epochs.append(int(match[1]) + 1)
        elif path.name not in {f"{part}.csv" for part in PARTS}:
            yield RefusedFile(name, "unknown name; expected permanent_ckpt-{number}.pth and three tables")
    if epochs:
        yield BaseFolder(place.relative_to(root).as_posix(), tuple(sorted(epochs)))
    for path in further:
        if depth == _DEEPEST:
            yield RefusedFile(path.relative_to(root).as_posix(), f"lies more than {_DEEPEST} folders deep")
        else:
            yield from _walk(path, root, depth=depth + 1)


def base_numbers(names: list[str]) -> np.ndarray:
    """Which base network each folder is of, int64: further attacks on one share its number."""
    matches = [_FURTHER.fullmatch(name) for name in names]
    bases = [match[1] if match else name for match, name in zip(matches, names, strict=True)]
    return run_numbers(pa.array(bases, pa.string()))


def table_key(directory: str) -> str:
    """The end of a path by which tables and folders are matched."""
    return "/".join(PurePosixPath(directory).parts[-_DIRECTORY_PARTS:])


def activations_in(folder: Path) -> tuple[str, Mapping[str, str]]:
    """The name of the table that says the activations, and those of folders by :func:`table_key`.

    Raises:
        PopulationError: there is no table, it is damaged, or it contradicts itself.
    """
    path = next((folder / name for name in METRICS if (folder / name).is_file()), None)
    if path is None:
        raise PopulationError(
            f"{folder}: no table says which activations the networks have; copy metrics.csv of the Small CNN "
            "Zoo there, or give --activation relu or tanh"
        )
    table = read_zoo_metrics(path)
    found: dict[str, str] = {}
    pairs = zip(table["modeldir"].to_pylist(), table["activation"].to_pylist(), strict=True)
    for directory, activation in pairs:
        name = table_key(directory)
        if found.setdefault(name, activation) != activation:
            raise PopulationError(
                f"{path}: {name!r} has the activations {found[name]} and {activation}; expected one"
            )
    return path.name, found
