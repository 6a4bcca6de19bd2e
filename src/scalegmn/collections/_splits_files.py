"""The JSON files that say which networks of a published collection are for training.

Two forms are in use: ``{split: [path, ...]}`` and ``{split: {"path": [...], "label": [...]}}``, with labels
as numbers or as text.  Paths begin with whatever folder their author had, so only their ends count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalegmn.configuration import read_json_file
from scalegmn.disk import create_file
from scalegmn.errors import PopulationError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class SplitsFile:
    """The content of a splits file.

    Attributes:
        split: ``train``, ``val`` or ``test`` for the end of each path.
        label: the label for the end of each path; empty where the file has none.
    """

    split: Mapping[str, str]
    label: Mapping[str, int]


def path_end(path: str, *, components: int) -> str:
    """The last components of a path of any system, joined by ``/``."""
    return "/".join(path.replace("\\", "/").split("/")[-components:])


def read_split_entries(path: Path, *, advice: str) -> dict[str, Any]:
    """What stands behind each of the splits in a splits file, whatever its form.

    Args:
        path: of the file.
        advice: what to do where the file is missing.

    Raises:
        PopulationError: it is missing or damaged, or has other splits.
    """
    if not path.is_file():
        raise PopulationError(f"{path}: there is no splits file; {advice}")
    try:
        data = read_json_file(path)
    except (OSError, ValueError) as error:
        raise PopulationError(f"{path}: damaged splits file, not JSON: {error}; {advice}") from error
    if not isinstance(data, dict) or set(data) != set(SPLITS):
        found = sorted(data) if isinstance(data, dict) else type(data).__name__
        raise PopulationError(f"{path}: expected the splits {SPLITS}, found {found}; {advice}")
    return data


def read_splits(path: Path, *, components: int, advice: str) -> SplitsFile:
    """Read a splits file of either form.

    Args:
        path: of the file.
        components: how many last components of each path name a network.
        advice: what to do where the file is missing.

    Raises:
        PopulationError: it is missing, damaged, or puts a network into two splits.
    """
    data = read_split_entries(path, advice=advice)
    splits: dict[str, str] = {}
    labels: dict[str, int] = {}
    for split in SPLITS:
        paths, given = _columns(data[split], f"{path}, split {split!r}")
        ends = [path_end(entry, components=components) for entry in paths]
        for end in ends:
            if end in splits:
                raise PopulationError(
                    f"{path}: {end!r} is in {splits[end]!r} and again in {split!r}; {advice}"
                )
            splits[end] = split
        labels.update(zip(ends, given, strict=False))
    return SplitsFile(splits, labels)


def write_splits(path: Path, content: Mapping[str, object]) -> None:
    """Write a splits file of either form."""
    create_file(path, json.dumps({split: content[split] for split in SPLITS}).encode())


def _columns(data: object, where: str) -> tuple[Sequence[str], Sequence[int]]:
    """Paths, and labels or nothing."""
    paths = data.get("path") if isinstance(data, dict) else data
    labels = data.get("label", []) if isinstance(data, dict) else []
    if not isinstance(paths, list) or not all(isinstance(entry, str) for entry in paths):
        raise PopulationError(
            f'{where}: expected a list of paths or {{"path": [...], "label": [...]}}, found {str(data)[:80]}'
        )
    if not isinstance(labels, list) or (labels and len(labels) != len(paths)):
        raise PopulationError(f"{where}: expected a label for each of the {len(paths)} paths")
    try:
        return paths, [int(label) for label in labels]
    except (TypeError, ValueError) as error:
        raise PopulationError(f"{where}: a label is no whole number: {error}") from error
