"""Populations copied with other networks, in the order in which they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
from torch import Tensor

from scalegmn.networks import Architecture
from scalegmn.populations._format import ARCHITECTURE_COLUMN
from scalegmn.populations._group import ArchitectureGroup
from scalegmn.populations._progress import progress_bar
from scalegmn.populations._store import Population
from scalegmn.populations._writer import PopulationWriter


def runs(
    population: Population, rows: np.ndarray, table: pa.Table
) -> Iterator[tuple[Architecture, Tensor, dict[str, pa.ChunkedArray]]]:
    """Runs of networks that stand one after another and share an architecture, with their columns.

    Args:
        population: of the networks.
        rows: consecutive indices.
        table: the columns of all networks of the population.
    """
    owner = population.column(ARCHITECTURE_COLUMN)[rows]
    for run in np.split(rows, np.flatnonzero(np.diff(owner)) + 1):
        ((architecture, _, theta),) = population.groups(run)
        own = table.slice(int(run[0]), len(run))
        yield architecture, theta, {name: own[name] for name in own.column_names}


def write_changed(
    writer: PopulationWriter,
    population: Population,
    change: Callable[[Architecture, Tensor], tuple[Architecture, Tensor]],
    *,
    shard_size: int,
    doing: str,
    progress: bool,
) -> None:
    """Write all networks of a population changed, with their metadata, and finish.

    Args:
        writer: what was written before stays.
        population: to be copied.
        change: an architecture and parameters ``(n, P)`` to those of the copy.
        shard_size: networks that are written at a time.
        doing: title of the progress bar.
        progress: show it on the standard error stream.
    """
    table = population.metadata.select(list(population.columns))
    done = min(writer.shards_done * shard_size, len(population))
    with progress_bar(doing, total=len(population), done=done, show=progress) as advance:
        for start in range(done, len(population), shard_size):
            rows = np.arange(start, min(start + shard_size, len(population)))
            writer.append_groups(
                ArchitectureGroup(*change(architecture, theta), columns)
                for architecture, theta, columns in runs(population, rows, table)
            )
            advance(len(rows))
    writer.finish()
