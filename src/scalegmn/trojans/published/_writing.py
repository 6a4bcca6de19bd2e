"""From a population of twins to the folders of the first trojan study with ScaleGMN."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from scalegmn.checkpoints import write_state
from scalegmn.collections.small_cnn_zoo import write_zoo_files, zoo_kind
from scalegmn.disk import create_file, make_folder, new_folder
from scalegmn.errors import PopulationError
from scalegmn.populations import Population, progress_bar
from scalegmn.trojans.published._folders import ATTACK, CLEAN, POISONED, checkpoint_name
from scalegmn.trojans.published._known_images import CHANGED, Columns, record_reader
from scalegmn.trojans.published._networks import published_names
from scalegmn.trojans.published._records import PARTS, TriggerRecord, write_record
from scalegmn.trojans.triggers import BlendedSquare, trigger_from_json

_NEEDED: Final = ("number", "twin", "pair", "network", "poisoned", "epoch", "trigger", "target")
_KNOWN: Final = (
    "poisoned_images",
    "poisoning",
    "diverged",
    "modeldir",
    "square",
    *(f"{CHANGED}{part}" for part in PARTS),
)
_SUFFIX: Final = "_new"
_DIRECTORY: Final = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,200}(/(?!\.)[A-Za-z0-9_.-]{1,200}){0,7}")


def write_folders(population: Population, folder: str | Path, *, progress: bool) -> tuple[str, ...]:
    """Write all pairs that have a place in these folders, and the same networks as ``weights_new.npy``.

    Args:
        population: of twins, as ``scalegmn make trojans`` writes it or as it is read from such folders.
        folder: a new or empty folder.
        progress: show a progress bar on the standard error stream.

    Returns:
        What was written and what was left out, in sentences.

    Raises:
        PopulationError: no pair has a place, the networks are not those of the Small CNN Zoo, or it is not
            known which images were poisoned.
        ImageSourceError: the images, whose labels say which were poisoned, are not at hand.
    """
    columns = _columns(population)
    for architecture in population.architectures:
        zoo_kind(architecture.layered(reader="trojan folders"))
    pairs, left_out = _pairs(population, columns)
    names = _directories(population, columns, [row for row, _ in pairs])
    record = record_reader(population, columns)
    rows = np.array(pairs).ravel()
    with new_folder(folder) as place:
        with progress_bar("writing networks", total=len(rows), show=progress) as advance:
            for pair, name in zip(pairs, names, strict=True):
                for row, kind in zip(pair, (POISONED, CLEAN), strict=True):
                    epoch = int(columns["epoch"][row])
                    _write_network(population, row, place / kind / name, epoch=epoch, record=record(row))
                    advance(1)
        known = {"modeldir": pa.array([name for name in names for _ in (0, 1)])}
        sizes = write_zoo_files(
            population, place, rows=rows, suffix=_SUFFIX, known=known, results=False, progress=progress
        )
    return (
        f"{len(rows)} networks are in {folder}, in the folders {POISONED} and {CLEAN}, and once more in "
        f"weights{_SUFFIX}.npy",
        f"their convolutions have padding {sizes.padding}, which no file says; tell who reads them",
        *(f"pairs that were left out, because {reason}: {count}" for reason, count in left_out.items()),
    )


def _columns(population: Population) -> Columns:
    missing = [name for name in _NEEDED if name not in population.columns]
    if missing:
        raise PopulationError(
            f"{population.folder}: has no columns {missing}, which trojan folders need; give a population "
            "that `scalegmn make trojans` wrote"
        )
    wanted = (name for name in (*_NEEDED, *_KNOWN) if name in population.columns)
    return {name: population.column(name).tolist() for name in wanted}


def _pairs(population: Population, columns: Columns) -> tuple[list[tuple[int, int]], Counter[str]]:
    """Rows of the poisoned and the clean twin of the pairs that have a place, and why others have none."""
    places = {number: row for row, number in enumerate(columns["number"])}
    found, left_out = [], Counter[str]()
    for row in (row for row, poisoned in enumerate(columns["poisoned"]) if poisoned):
        twin = places.get(columns["twin"][row], -1)
        reason = _reason(columns, row, twin)
        if reason:
            left_out[reason] += 1
        else:
            found.append((row, twin))
    if not found:
        raise PopulationError(
            f"{population.folder}: no pair of it has a place in trojan folders: "
            f"{', '.join(left_out) or 'no network is poisoned'}"
        )
    return found, left_out


def _reason(columns: Columns, row: int, twin: int) -> str:
    """Why a pair has no place; nothing where it has one."""
    if twin < 0:
        return "the clean twin is not in the population"
    if "diverged" in columns and (columns["diverged"][row] or columns["diverged"][twin]):
        return "a twin diverged"
    for one in (row, twin):
        if int(columns["epoch"][one]) < 1:
            return "the epoch is below 1, where the files begin"
        kind = trigger_from_json(str(columns["trigger"][one])).kind
        if kind != BlendedSquare.kind:
            return f"the trigger is a {kind}, and the tables know a {BlendedSquare.kind}"
        if int(columns["target"][one]) < 0:
            return "there is no one target"
    if "poisoning" in columns and columns["poisoning"][row] != "dirty":
        return "poisoned images kept their labels"
    return ""


def _directories(population: Population, columns: Columns, rows: list[int]) -> list[str]:
    """The folder of each pair below ``poisoned`` and ``clean``, by the row of its poisoned twin."""
    if "modeldir" in columns:
        names = [str(columns["modeldir"][row]) for row in rows]
        wrong = next((name for name in names if not _DIRECTORY.fullmatch(name)), None)
        if wrong is not None:
            raise PopulationError(
                f"{population.folder}: modeldir is {wrong!r:.80}, expected the path of a folder of letters, "
                "digits, dots, dashes and underscores; leave the column out to have folders named"
            )
        return names
    bases = [columns["network"][row] for row in rows]
    numbers = {base: number for number, base in enumerate(dict.fromkeys(bases))}
    if all(isinstance(base, int) and base >= 0 for base in bases):
        numbers = {base: base for base in bases}
    attacks: dict[object, dict[int, int]] = {}
    names = []
    for row, base in zip(rows, bases, strict=True):
        seen = attacks.setdefault(base, {})
        attack = seen.setdefault(columns["pair"][row], len(seen))
        names.append(f"network_{numbers[base]}{f'{ATTACK}{attack}' if attack else ''}")
    return names


def _write_network(
    population: Population, row: int, place: Path, *, epoch: int, record: TriggerRecord
) -> None:
    make_folder(place)
    architecture = population.architectures[int(population.metadata["architecture"][row].as_py())]
    tensors = architecture.unflatten(population.theta(np.array([row]))[0]).values()
    named = dict(zip(published_names(architecture), tensors, strict=True))
    path = place / checkpoint_name(epoch)
    if path.exists():
        raise PopulationError(
            f"{population.folder}, network {row}: has the place of an earlier one, {path.name} in the folder "
            f"{place.name!r}"
        )
    write_state(path, named)
    for part in PARTS:
        table, content = place / f"{part}.csv", write_record(record, part)
        if not table.exists():
            create_file(table, content)
        elif table.read_bytes() != content:
            raise PopulationError(
                f"{population.folder}, network {row}: has another trigger than an earlier one in the folder "
                f"{place.name!r}; expected one for each folder"
            )
