"""What a user names on the command line: files, folders of files, or a population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from scalegmn.checkpoints import LINKED_FOLDER, FoundFile, find_files, network_parts
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.populations import INDEX, JOURNAL, Population, rows_where
from scalegmn.training._run_predictor import RefusedNetwork


@final
@dataclass(frozen=True, eq=False)
class Files:
    """Checkpoint files, and folders in which there was nothing to read.

    Attributes:
        paths: of files that are to be read, and of folders that are one network in several files.
        problems: places that hold no such file, and why, numbered after the files.
    """

    paths: tuple[Path, ...]
    problems: tuple[RefusedNetwork, ...]


@final
@dataclass(frozen=True, eq=False)
class PopulationRows:
    """Networks of a population.

    Attributes:
        population: where they are.
        rows: their numbers.
    """

    population: Population
    rows: np.ndarray


def is_population(path: Path) -> bool:
    """Whether a folder holds a population, finished or not."""
    return (path / INDEX).exists() or (path / JOURNAL).exists()


def find_sources(paths: Sequence[Path], *, where: Mapping[str, Any] | None = None) -> Files | PopulationRows:
    """What there is at some paths.

    Args:
        paths: files, folders of checkpoint files, or one population.
        where: columns of the population and the values that are wanted.

    Raises:
        ConfigurationError: a population together with something else, or a choice by columns without one.
        PopulationError: the population is damaged or unfinished.
    """
    if any(is_population(path) for path in paths):
        if len(paths) > 1:
            raise ConfigurationError(
                f"{', '.join(map(str, paths[:5]))}: expected files and folders of files, or one "
                "population; give a population by itself"
            )
        population = Population.open(paths[0])
        return PopulationRows(
            population, np.flatnonzero(rows_where(population, where or {}, option="--where"))
        )
    if where:
        raise ConfigurationError("--where chooses by the columns of a population; leave it out for files")
    found = find_files(paths).files
    paths = _joined([one.path for one in found if one.problem is None])
    problems = [one for one in found if one.problem is not None]
    return Files(
        paths,
        tuple(
            RefusedNetwork(one.path, f"{one.path}: {_problem(one)}", number)
            for number, one in enumerate(problems, len(paths))
        ),
    )


def _joined(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Paths with the folder in place of its files where these are the parts of one network, and all are
    there."""
    named = set(paths)
    folders: dict[Path, Path] = {}
    for folder in dict.fromkeys(path.parent for path in paths):
        try:
            networks = network_parts(folder)
        except CheckpointError:
            # Each file says what is wrong with it.
            continue
        if len(networks) == 1 and len(networks[0].files) > 1 and named.issuperset(networks[0].files):
            index = () if networks[0].index is None else (networks[0].index,)
            folders |= dict.fromkeys((*networks[0].files, *index), folder)
    return tuple(dict.fromkeys(folders.get(path, path) for path in paths))


def _problem(found: FoundFile) -> str | None:
    linked = found.problem == LINKED_FOLDER
    return "a linked folder, not followed; name what it leads to" if linked else found.problem
